//! `investigate KIND NAME`, with kubectl played by a script that answers from files.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const SHOP: &str = include_str!("../fixtures/cluster/shop.json");
const FAULTS: &str = include_str!("../fixtures/cluster/faults.json");
/// Answers `get` with the objects of a namespace, or of the one all are asked for; writes its arguments down.
const KUBECTL: &str = r#"#!/bin/sh
echo "$KUBECONFIG $*" >>"$HOME/asked"
case "$*" in
    *--show-managed-fields*) if test -e "$HOME/old"; then echo "error: unknown flag: --show-managed-fields" >&2; exit 1; fi ;;
esac
case "$*" in
    *--raw*) echo '{}' ;;
    *"config view"*) cat "$HOME/contexts.json" ;;
    *--namespace=shop*) cat "$HOME/shop.json" ;;
    *--namespace=faults*) cat "$HOME/faults.json" ;;
    *--all-namespaces*) cat "$HOME/all.json" ;;
    *--namespace=forbidden*) echo 'Error from server (Forbidden): pods is forbidden: User "me" cannot list resource "pods"' >&2; exit 1 ;;
    get*--namespace=*) echo '{"kind": "List", "items": []}' ;;
    *) exit 1 ;;
esac
"#;

fn bench() -> Bench {
    let contexts = json!({"current-context": "west", "contexts": [
        {"name": "west", "context": {"cluster": "w"}}, {"name": "east", "context": {"cluster": "e", "namespace": "shop"}},
    ]});
    let bench = Bench::new()
        .file("bin/kubectl", KUBECTL)
        .file("shop.json", SHOP)
        .file("faults.json", FAULTS)
        .file("all.json", SHOP)
        .file("contexts.json", contexts.to_string())
        .tools(&[("look", "echo nothing")]);
    let path = bench.path("bin").display().to_string();
    let script = bench.path("bin/kubectl");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(script, mode).unwrap();
    bench.env("PATH", format!("{path}:/usr/bin:/bin"))
}

fn first(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter_map(|line| line.strip_prefix("first: ")).collect()
}

#[test]
fn a_workload_is_found_before_anything_is_asked() {
    let bench = bench().model(json!([{"say": "Root cause: memory"}, {"say": "Root cause: memory"}]));
    let ran =
        bench.run(["investigate", "deploy", "payments", "-n", "shop", "-v", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stderr.contains("deployment/shop/payments 1/1 ready; "), "{}", ran.stderr);
    assert!(ran.stderr.contains("payments-5fb864cfb8-d2jm2 1/1 Running"), "{}", ran.stderr);
    assert_eq!(
        first(&ran)[..2],
        [
            r#"kubernetes_findings {"namespace":"shop","kind":"deployment","name":"payments"} (not usable here)"#,
            r#"kubectl_describe {"kind":"deployment","name":"payments","namespace":"shop"} (not usable here)"#
        ]
    );
    let ran = bench
        .run(["investigate", "deploy", "deployment/payments", "-n", "shop", "-o", "json", "-t", "tools.yaml"])
        .exits(0);
    assert_eq!(ran.json()["subject"], "deployment/shop/payments");
    assert!(
        ran.json()["question"]
            .as_str()
            .unwrap()
            .starts_with("What is wrong with deployment/shop/payments, and why?")
    );
    assert!(!bench.read("asked").contains("secrets"));
}

#[test]
fn the_namespace_is_the_contexts_else_the_only_one_that_has_it() {
    let bench = bench();
    // Nothing of the name is in `default`.
    let ran = bench.run(["investigate", "svc", "payments", "--no-llm"]);
    assert!(ran.stderr.contains("service/shop/payments selects 1 pod"), "{}", ran.stderr);
    let ran = bench.run(["investigate", "svc", "payments", "--context", "east", "--no-llm"]);
    assert!(ran.stderr.contains("service/shop/payments selects 1 pod"), "{}", ran.stderr);
    let file = bench.path(".cache/holmes-rs/contexts/east.yaml");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "apiVersion: v1\nkind: Config\ncurrent-context: \"east\"\n"
    );
    let own = bench.path(".kube/config");
    assert!(
        bench.read("asked").contains(&format!("{}:{} get ", file.display(), own.display())),
        "{}",
        bench.read("asked")
    );
    let shop: Value = serde_json::from_str(SHOP).unwrap();
    let stage: Value =
        serde_json::from_str(&SHOP.replace("\"namespace\": \"shop\"", "\"namespace\": \"stage\"")).unwrap();
    let both =
        [shop["items"].as_array().unwrap().clone(), stage["items"].as_array().unwrap().clone()].concat();
    let twice = json!({"items": both}).to_string();
    let ran = bench.file("all.json", twice).run(["investigate", "svc", "payments", "--no-llm"]).exits(1);
    assert!(
        ran.stderr.contains("service `payments` is in 2 namespaces: say which\nhint: -n shop, -n stage"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_does_not_exist_tells_what_does() {
    let bench = bench();
    for (words, said) in [
        (
            ["pod", "paymnts", "-n", "shop"],
            "there is no pod `paymnts` in namespace shop\nhint: near it: pod/shop/payments-5fb864cfb8-d2jm2",
        ),
        (
            ["sts", "payments", "-n", "shop"],
            "there is no statefulset `payments` in namespace shop\nhint: near it: deployment/shop/payments, service/shop/payments",
        ),
        (["svc", "payments", "-n", "default"], "hint: near it: service/shop/payments"),
        (["pod", "\u{1b}[2J", "-n", "shop"], "there is no pod `"),
        (
            ["deploy", "x", "--context", "eastt"],
            "kubectl knows no context `eastt`\nhint: did you mean `east`?",
        ),
        (["pod", "x", "-n", "forbidden"], "the cluster cannot be read: (Forbidden): pods is forbidden"),
    ] {
        let ran = bench.run([&["investigate"][..], &words, &["--no-llm"]].concat()).exits(1);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
    for words in [["pod", "deploy/x", "-n", "shop"], ["pod", "", "-n", "shop"], ["pod", "x", "-n", "A b"]] {
        bench.run([&["investigate"][..], &words, &["--no-llm"]].concat()).exits(2);
    }
    let none = bench
        .file("bin/kubectl", "#!/bin/sh\nexit 127\n")
        .run(["investigate", "node", "n", "--no-llm"])
        .exits(1);
    assert!(none.stderr.contains("the cluster cannot be read: kubectl is not installed"), "{}", none.stderr);
}

#[test]
fn output_that_is_no_list_is_an_error_in_one_line() {
    for (text, said) in [
        ("[1, 2]", "kubectl printed JSON that is no object"),
        ("{\"items\": [", "kubectl printed no JSON"),
        ("{\"items\": [1, null, \"x\", {}]}", "there is no node `n`"),
    ] {
        let ran = bench().file("all.json", text).run(["investigate", "node", "n", "--no-llm"]).exits(1);
        assert!(ran.stderr.contains(said), "{text}: {}", ran.stderr);
        assert!(ran.stderr.lines().count() <= 3, "{}", ran.stderr);
    }
}

#[test]
fn changes_are_told_oldest_first() {
    let wanted = "2026-11-21T17:54:54Z deployment/shop/payments revision 6, a template used before as 2,4: image 1.8.3 → 1.9.0";
    // kubectl before 1.21 knows no flag for managed fields.
    for old in [false, true] {
        let mut bench = bench().env("HOLMES_TOOLSET", "kubernetes/core");
        if old {
            bench = bench.file("old", "");
        }
        let words = ["namespace=shop", "around=2026-11-21T17:55:00Z", "minutes=2"];
        let run = ["toolset", "run", "kubernetes_changes", "--raw", "--"];
        let ran = bench.run([&run[..], &words].concat()).exits(0);
        assert!(ran.stdout.starts_with("8 changes in namespace shop from 2026-11-21T17:53:00Z to 2026-11-21T18:10:00Z, oldest first\n"), "{}", ran.stdout);
        assert!(ran.stdout.contains(wanted), "{}", ran.stdout);
        for (word, said) in [
            ("around=yesterday", "`around` needs a time like 2026-11-21T12:00:00Z, got `yesterday`"),
            ("minutes=0", "`minutes` needs a number from 1 to 44640, got `0`"),
            ("namespace=$(id)", "`namespace` is no name of one: $(id)"),
            ("namespace=forbidden", "(Forbidden): pods is forbidden"),
        ] {
            let ran = bench.run([&run[..], &[word]].concat()).exits(1);
            assert!(ran.stderr.contains(said), "{word}: {}{}", ran.stdout, ran.stderr);
        }
        assert!(!bench.read("asked").contains("$(id)"));
    }
}
