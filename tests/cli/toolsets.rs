//! Where toolsets come from and what becomes of them, through the binary.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Bench, Ran};

/// One toolset of `toolset list -o json`.
fn listed(ran: &Ran, name: &str) -> Value {
    let list = ran.json();
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("`{name}` is not in {list:#}"))
}

fn toolset(name: &str, command: &str) -> String {
    format!(
        "toolsets:\n  {name}:\n    description: d\n    tools:\n      - name: {name}_tool\n        \
         description: d\n        command: {command}\n"
    )
}

#[test]
fn a_failure_that_tells_of_a_missing_program_or_login_is_checked_again() {
    // The check leaves a line each time, so that the checks can be counted.
    let yaml = "toolsets:\n  test:\n    description: d\n    prerequisites:\n      - command: echo checked >> \"$HOME/checks\"\n    \
                tools:\n      - {name: login, description: d, command: 'echo \"401 Unauthorized\" >&2; exit 1'}\n      \
                - {name: gone, description: d, command: no-such-program-here}\n      \
                - {name: empty, description: d, command: 'echo nothing like it; exit 1'}\n";
    for (tool, checks) in [("empty", 1), ("login", 2), ("gone", 2)] {
        let bench = Bench::new().env("HOLMES_CONTAINMENT", "off").file("t.yaml", yaml).model(json!([
            {"call": [{"tool": tool, "arguments": {}}]}, {"say": "done"}, {"say": "done"},
        ]));
        for _ in 0..2 {
            let ran = bench.run(["ask", "why", "-t", "t.yaml"]).exits(0);
            assert!(ran.stdout.starts_with("done"), "{}", ran.stdout);
        }
        assert_eq!(bench.read("checks").lines().count(), checks, "{tool}");
    }
}

#[test]
fn later_sources_win_and_say_where_they_come_from() {
    let bench = Bench::new()
        .file(
            ".holmes/config.yaml",
            "toolsets:\n  host/logs: {enabled: false}\n  mine:\n    description: in config\n    tools:\n      \
             - {name: a, description: d, command: 'true'}\ncustom_toolsets: [custom.yaml]\n",
        )
        .file(".holmes/custom.yaml", toolset("custom", "'true'"))
        .file("folder/one.yaml", toolset("one", "'true'"))
        .file("folder/two.yml", toolset("mine", "'true'"))
        .file("folder/broken.yaml", "toolsets:\n  x: [\n");
    let ran = bench.run(["toolset", "list", "-t", "folder", "-o", "json"]).exits(0);
    assert_eq!(listed(&ran, "host/logs")["status"], "disabled");
    assert!(listed(&ran, "host/logs")["origin"].as_str().unwrap().ends_with(".holmes/config.yaml"));
    assert_eq!(listed(&ran, "custom")["status"], "enabled");
    assert_eq!(listed(&ran, "one")["origin"], "folder/one.yaml");
    assert_eq!(listed(&ran, "mine")["origin"], "folder/two.yml");
    assert_eq!(listed(&ran, "mine")["tools"], json!(["mine_tool"]));
    let broken = listed(&ran, "broken.yaml");
    assert_eq!(broken["status"], "failed");
    assert!(broken["reason"].as_str().unwrap().contains("broken.yaml:"), "{broken}");
}

#[test]
fn a_folder_of_the_config_replaces_files_of_the_catalogue() {
    let bench = Bench::new().file(".holmes/toolsets/docker.yaml", toolset("docker/core", "'true'"));
    let ran = bench.run(["toolset", "list", "-o", "json"]).exits(0);
    let docker = listed(&ran, "docker/core");
    assert!(docker["origin"].as_str().unwrap().ends_with(".holmes/toolsets/docker.yaml"), "{docker}");
    assert_eq!(docker["tools"], json!(["docker/core_tool"]));
    assert_eq!(listed(&ran, "host/core")["origin"], "builtin");
}

#[test]
fn prompts_of_the_config_folder_replace_the_built_in_ones() {
    let bench = Bench::new()
        .file(".holmes/prompts/system.md.jinja", "You are Inspector Lestrade.")
        .model(json!([{"say": "done"}]));
    let _ = bench.run(["ask", "why"]).exits(0);
    let messages = bench.scripted().requests()[0].body["messages"].clone();
    assert!(
        messages[0]["content"].as_str().unwrap().starts_with("You are Inspector Lestrade."),
        "{messages:#}"
    );
    let bench =
        Bench::new().file(".holmes/prompts/system.md.jinja", "{% if %}").model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why"]).exits(3);
    assert!(ran.stderr.contains("system.md.jinja") && ran.stderr.lines().count() <= 3, "{}", ran.stderr);
}

#[test]
fn wrapped_files_load_as_they_are_deployed() {
    let inner = toolset("wrapped", "'true'");
    let indented: String = inner.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    let config_map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  custom_toolset.yaml: |\n{indented}"
    );
    let values: String = inner.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    let old = "toolsets:\n  - name: wrapped\n    description: d\n    tools:\n      - {name: wrapped_tool, description: d, command: 'true'}\n";
    for text in [
        config_map,
        format!("holmes:\n{values}"),
        old.to_owned(),
        format!("runner:\n{}", values.replacen("toolsets", "customToolsets", 1)),
    ] {
        let bench = Bench::new().file("t.yaml", &text);
        let ran = bench.run(["toolset", "show", "wrapped", "-t", "t.yaml", "-o", "json"]).exits(0);
        assert_eq!(ran.json()["tools"][0]["name"], "wrapped_tool", "{text}");
        let bench = bench.env("CUSTOM_TOOLSET_LOCATION", "t.yaml");
        assert_eq!(
            listed(&bench.run(["toolset", "list", "-o", "json"]).exits(0), "wrapped")["status"],
            "enabled"
        );
    }
}

#[test]
fn a_file_asked_for_by_name_that_is_broken_ends_the_command_with_its_place() {
    let bench = Bench::new().file("t.yaml", "toolsets:\n  a:\n    tools: [}\n");
    let ran = bench.run(["ask", "why", "-t", "t.yaml", "--no-llm"]).exits(3);
    assert!(ran.stderr.contains("t.yaml:3:12") && ran.stderr.lines().count() <= 4, "{}", ran.stderr);
}

#[test]
fn only_named_toolsets_are_used() {
    let bench = Bench::new().file("t.yaml", toolset("mine", "'true'")).model(json!([{"say": "done"}]));
    let _ = bench.run(["ask", "why", "-t", "t.yaml", "--toolset", "mine"]).exits(0);
    let tools = bench.scripted().requests()[0].body["tools"].clone();
    let names: Vec<&str> =
        tools.as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mine_tool", "read_exhibit", "answer", "hypothesis"]);
}

#[test]
fn lists_come_in_every_form_that_makes_sense() {
    let bench = Bench::new().file("t.yaml", toolset("mine", "'true'"));
    let list = |form: &str| {
        bench.run(["toolset", "list", "--toolset", "mine", "-t", "t.yaml", "-o", form]).exits(0).stdout
    };
    assert_eq!(list("text"), "NAME  STATUS   TOOLS  REASON  ORIGIN\nmine  enabled  1      -       t.yaml\n");
    assert_eq!(
        list("markdown"),
        "| NAME | STATUS | TOOLS | REASON | ORIGIN |\n| --- | --- | --- | --- | --- |\n| mine | enabled | 1 | - | t.yaml |\n"
    );
    assert_eq!(list("jsonl").lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&list("json")).unwrap()[0]["name"], "mine");
    // A form that is only configured, and that a list does not have, is no error.
    let ran = Bench::new().env("HOLMES_OUTPUT", "html").run(["config", "path"]).exits(0);
    assert!(ran.stdout.starts_with("FILE "), "{}", ran.stdout);
}

const SHOP: &str = "toolsets:
  shop/orders:
    description: Orders of the shop
    tags: [cli, cluster]
    installation_instructions: Ask the shop's people
    approval_required_tools: ['*_cancel']
    prerequisites:
      - command: 'true'
      - env: [SHOP_URL]
      - command: 'echo nobody there >&2; exit 3'
    tools:
      - name: orders_list
        description: Orders of a day
        read_only: true
        timeout: 5
        parameters:
          day: {type: string, description: A date, enum: [today, yesterday], default: today}
          limit: {type: integer, required: false}
        command: echo {{ day }} {{ limit }}
  shop/quiet:
    enabled: auto
    description: Not here
    prerequisites: ['false']
    tools:
      - {name: quiet, description: d, command: 'true'}
  shop/off:
    enabled: false
    description: Off
    tags: [cli]
    tools:
      - {name: off_tool, description: d, command: 'true'}
  shop/on:
    description: On
    tools:
      - {name: three, description: d, read_only: true, parameters: {x: {type: integer, description: n}}, command: 'echo {{ x }}; exit 3'}
      - {name: slow, description: d, read_only: true, command: 'echo before; echo $$ > pid; sleep 600'}
      - {name: fine, description: d, read_only: true, command: 'echo {{ x }}'}
";

/// Only the toolsets of `SHOP`: what else there is differs from machine to machine.
const ONLY: [&str; 2] = ["-t", "shop.yaml"];

fn shop() -> Bench {
    // A folder of one file stands for nothing: the catalogue's toolsets are switched off.
    Bench::new()
        .file("shop.yaml", SHOP)
        .file(".holmes/config.yaml", "toolsets: {host/core: {enabled: false}, host/logs: {enabled: false}}\n")
}

#[test]
fn a_list_hides_what_is_off_and_says_so() {
    let list = |words: &[&str]| {
        let words: Vec<&str> = ["toolset", "list"].iter().chain(&ONLY).chain(words).copied().collect();
        shop().run(words).exits(0)
    };
    let tagged = list(&["--tag", "cluster"]);
    assert_snapshot!(tagged.stdout, @"
NAME         STATUS  TOOLS  REASON                                                             ORIGIN
shop/orders  failed  1      environment variable `SHOP_URL` is not set; Ask the shop's people  shop.yaml
");
    assert_eq!(tagged.stderr, "");
    let plain = list(&[]);
    let names = |ran: &Ran| {
        let names = ran.stdout.lines().skip(1).filter_map(|line| line.split_whitespace().next());
        names.filter(|name| name.starts_with("shop/")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&plain), ["shop/on", "shop/orders"]);
    assert!(plain.stderr.contains(" more are off or without their service here: --all"), "{}", plain.stderr);
    let all = list(&["--all"]);
    assert_eq!(names(&all), ["shop/off", "shop/on", "shop/orders", "shop/quiet"]);
    assert_eq!(all.stderr, "");
    let json = list(&["-o", "json"]);
    assert_eq!(listed(&json, "shop/quiet")["auto"], true);
    assert_eq!(listed(&json, "shop/off")["status"], "disabled");
    assert_eq!(listed(&json, "shop/on")["type"], "commands");
}

#[test]
fn a_toolset_and_a_tool_are_shown() {
    let show = |words: &[&str]| {
        let words: Vec<&str> = ["toolset", "show"].iter().chain(words).chain(&ONLY).copied().collect();
        shop().run(words)
    };
    assert_snapshot!(show(&["shop/orders"]).exits(0).stdout, @"
shop/orders (failed)
  reason       environment variable `SHOP_URL` is not set
  to fix       Ask the shop's people
  description  Orders of the shop
  origin       shop.yaml
  tags         cli, cluster
  needs        `true`
  needs        environment: SHOP_URL
  needs        `echo nobody there >&2; exit 3`
  asks before  *_cancel

  orders_list  Orders of a day
      day (string, optional, default today, one of today yesterday)  A date
      limit (integer, optional)
      [reads only, at most 5 s; shop.yaml:12]
");
    assert_snapshot!(show(&["orders_list"]).exits(0).stdout, @"
orders_list (tool of shop/orders, failed)
  reason       environment variable `SHOP_URL` is not set
  description  Orders of a day
  origin       shop.yaml:12
  limits       reads only, at most 5 s
  parameter    day (string, optional, default today, one of today yesterday)  A date
  parameter    limit (integer, optional)
  command
      echo {{ day }} {{ limit }}
");
    let tool = show(&["orders_list", "-o", "json"]).exits(0).json();
    assert_eq!(
        (&tool["toolset"], &tool["parameters"][0]["default"]),
        (&json!("shop/orders"), &json!("today"))
    );
    let whole = show(&["shop/orders", "-o", "json"]).exits(0).json();
    assert_eq!(whole["prerequisites"][1]["env"], json!(["SHOP_URL"]));
    let near = show(&["orders_lst"]).exits(2);
    assert!(near.stderr.contains("did you mean `orders_list`?"), "{}", near.stderr);
}

#[test]
fn builtin_tools_are_shown_with_the_toolset_that_brings_them() {
    let bench = Bench::new();
    let one = bench.run(["toolset", "show", "kubernetes_changes"]).exits(0).stdout;
    assert!(one.starts_with("kubernetes_changes (tool of kubernetes/core, "), "{one}");
    assert!(one.contains("around (string, optional)") && one.contains("reads only"), "{one}");
    let all = bench.run(["toolset", "show", "kubernetes/core", "-o", "json"]).exits(0).json();
    let names: Vec<&str> =
        all["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"kubernetes_findings") && names.contains(&"kubectl_describe"), "{names:?}");
}

#[test]
fn a_check_shows_each_prerequisite_of_what_is_named() {
    let check = |words: &[&str]| {
        let words: Vec<&str> = ["toolset", "check"].iter().chain(words).chain(&ONLY).copied().collect();
        shop().run(words)
    };
    let ran = check(&["shop/orders"]).exits(1);
    let rows: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| line.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end().to_owned())
        .collect();
    assert_snapshot!(rows.join("\n"), @"
TOOLSET      PREREQUISITE                   RESULT                MS
shop/orders  env SHOP_URL                   not set
shop/orders  true                           ok
shop/orders  echo nobody there >&2; exit 3  exit 3: nobody there
");
    assert_snapshot!(ran.stderr, @"
shop/orders cannot be used: environment variable `SHOP_URL` is not set
  to fix: Ask the shop's people
");
    let json = check(&["shop/orders", "-o", "json"]).exits(1).json();
    let last = &json[0]["prerequisites"][2];
    assert_eq!((&last["ok"], &last["result"]), (&json!(false), &json!("exit 3: nobody there")));
    assert!(last["milliseconds"].is_u64(), "{json:#}");
    assert_eq!(check(&["shop/on"]).exits(0).stderr, "");
    let _ = check(&["shop/off"]).exits(1);
    let all = check(&["--all"]).exits(0);
    assert!(all.stdout.starts_with("NAME ") && all.stdout.contains("shop/quiet"), "{}", all.stdout);
    let wanted = check(&[]).exits(0);
    assert!(
        !wanted.stdout.contains("shop/quiet") && wanted.stdout.contains("shop/orders"),
        "{}",
        wanted.stdout
    );
    assert!(wanted.stderr.contains("--all shows them"), "{}", wanted.stderr);
    let _ = check(&["shop/orders", "shop/ordrs"]).exits(2);
}

#[test]
fn one_tool_by_hand_ends_as_its_tool_did() {
    let bench = shop();
    let run = |words: &[&str]| {
        let words: Vec<&str> = ["toolset", "run", "-t", "shop.yaml"].iter().chain(words).copied().collect();
        bench.run(words)
    };
    assert_eq!(run(&["fine", "--raw", "--", "x=a b"]).exits(0).stdout, "a b\n");
    assert!(run(&["three", "--", "x=7"]).exits(1).stdout.contains("exit 3"));
    let wrong = run(&["three", "--", "y=7"]).exits(2);
    assert_eq!(wrong.stdout, "");
    assert!(wrong.stderr.contains("unknown parameter `y`") && wrong.stderr.contains("toolset show three"));
    for words in [&["three", "--", "x=seven"][..], &["thre"], &["fine", "--", "novalue"], &["shop/on"]] {
        let ran = run(words).exits(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.lines().count() <= 3, "{}", ran.stderr);
    }
    assert!(run(&["shop/on"]).stderr.contains("is a toolset"));
    // Off, not here, failing: why.
    for (tool, why) in
        [("off_tool", "switched off in"), ("quiet", "`false`: exit 1"), ("orders_list", "SHOP_URL")]
    {
        let ran = run(&[tool]).exits(1);
        assert!(ran.stderr.contains(why) && ran.stderr.contains("toolset check"), "{}", ran.stderr);
    }
}

#[test]
fn only_the_owner_of_a_tool_is_checked() {
    let yaml = SHOP.replace("'echo nobody there >&2; exit 3'", "'echo asked >> \"$HOME/asked\"'");
    let bench = Bench::new().env("HOLMES_CONTAINMENT", "off").file("shop.yaml", yaml);
    let _ = bench.run(["toolset", "run", "-t", "shop.yaml", "fine", "--", "x=1"]).exits(0);
    assert!(!bench.path("asked").exists());
}

#[test]
fn an_interrupt_keeps_what_was_printed() {
    let bench = shop().env("HOLMES_CONTAINMENT", "off");
    let child = bench.spawn(["toolset", "run", "-t", "shop.yaml", "slow", "--raw"]);
    let began = std::time::Instant::now();
    while !bench.path("pid").exists() && began.elapsed().as_secs() < 30 {
        std::thread::yield_now();
    }
    let pid = i32::try_from(child.id()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::INT)
        .unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).exits(130);
    assert_eq!(ran.stdout, "before\n");
}

/// Words for people may name a variable that is not set; a comment at the top of a check is its title, and what a
/// script says stands for itself.
#[test]
fn reasons_are_in_the_words_of_the_toolset() {
    let text = r#"
toolsets:
  shop/titled:
    description: Titled
    installation_instructions: 'Give `{{ env.SHOP_NOT_SET }}`'
    prerequisites:
      - command: |
          # an address
          echo "SHOP_URL is not set" >&2
          exit 1
    tools: [{name: titled, description: Titled, command: "true"}]
"#;
    let bench = Bench::new().file("shop.yaml", text);
    let ran = bench.run(["toolset", "check", "shop/titled", "-t", "shop.yaml"]).exits(1);
    assert_snapshot!(ran.stderr, @"
shop/titled cannot be used: SHOP_URL is not set
  to fix: Give `{{ env.SHOP_NOT_SET }}`
");
    assert!(ran.stdout.contains("an address") && !ran.stdout.contains('#'), "{}", ran.stdout);
    let ran = bench.run(["toolset", "list", "-t", "shop.yaml", "--tag", "nowhere"]).exits(0);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains("no toolset has the tag `nowhere`; there are `cli`, `core`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn options_may_stand_behind_the_parameters_and_none_is_given_twice() {
    let text = "toolsets:\n  a/b:\n    description: d\n    tools:\n      - name: say\n        description: d\n        \
                command: echo {{ x }}\n        read_only: true\n";
    let bench = Bench::new().file("t.yaml", text);
    assert_eq!(
        bench.run(["toolset", "run", "say", "x=a=b c", "-t", "t.yaml", "--raw"]).exits(0).stdout,
        "a=b c\n"
    );
    let told = bench.run(["toolset", "run", "say", "x=1", "-t", "t.yaml", "-o", "json"]).exits(0).json();
    assert_eq!(told["tool"], "say");
    let twice = bench.run(["toolset", "run", "-t", "t.yaml", "say", "x=1", "x=2"]).exits(2);
    assert!(twice.stderr.starts_with("error: parameter `x` is given twice\n"), "{}", twice.stderr);
    let nameless = bench.run(["toolset", "run", "-t", "t.yaml", "say", "=1"]).exits(2);
    assert!(nameless.stderr.contains("parameters are `key=value`, got `=1`"), "{}", nameless.stderr);
}

#[test]
fn what_the_page_says_of_the_json_of_a_list_is_so() {
    let page = include_str!("../../docs/toolsets.md");
    let list = Bench::new().run(["toolset", "list", "-o", "json"]).exits(0).json();
    for key in list[0].as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
    let check = Bench::new().run(["toolset", "check", "host/core", "-o", "json"]);
    let one =
        serde_json::from_str::<serde_json::Value>(&check.stdout).unwrap()[0]["prerequisites"][0].clone();
    for key in one.as_object().unwrap().keys() {
        assert!(page.contains(&format!("\"{key}\"")), "{key}");
    }
}
