//! Templates that people may write, each with the value that would make most of it: the call is refused before
//! anything runs, or nothing but the author's commands runs.

use holmes_rs::shell::template::TemplateError;
use serde_json::{Map, Value, json};

use super::bed::{alone, programs, rendered};

fn values(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

const SUBSCRIPT: &str = "a[$(: > canary)]";
const RUNS: &str = ": > canary";
const GOES_ON: &str = "; : > canary";

/// Refused, and a word of the reason.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str)] = &[
    ("[[ a == b || {{ x }} -eq 1 ]]", SUBSCRIPT, "arithmetic"),
    ("v={{ x }}; [[ -n $v && $v -gt 3 ]]", SUBSCRIPT, "arithmetic"),
    ("while (( {{ x }} > 2 )); do break; done", SUBSCRIPT, "arithmetic"),
    ("builtin let {{ x }}", SUBSCRIPT, "arithmetic"),
    ("command printf -v {{ x }} a", SUBSCRIPT, "variable"),
    ("declare -A m; k={{ x }}; unset m[$k]", SUBSCRIPT, "arithmetic"),
    ("v={{ x }}; n=$(echo \"$v\"); echo $((n + 1))", SUBSCRIPT, "arithmetic"),
    ("printf \"{{ x }}\" a", "100% %n", "format"),
    ("bash /dev/fd/0 <<EOF\nls {{ x }}\nEOF", GOES_ON, "shell"),
    ("python3 /dev/stdin <<EOF\nprint('{{ x }}')\nEOF", "'); open('canary', 'w'); ('", "program"),
    ("python3 - <<'EOF'\nprint('{{ x }}')\nEOF", "'); open('canary', 'w'); ('", "program"),
    ("echo {{ x }} > f; sh < f", RUNS, "shell"),
    ("echo {{ x }} > f; cat f | sh", RUNS, "shell"),
    ("echo {{ x }} > f; eval \"$(<f)\"", RUNS, "shell"),
    ("cat <<EOF > s.sh\necho {{ x }}\nEOF\nsource ./s.sh", GOES_ON, "shell"),
    ("echo {{ x }} | if true; then sh; fi", RUNS, "shell"),
    ("exec 3<<<{{ x }}; sh <&3", RUNS, "shell"),
    ("exec < <(echo {{ x }}); sh", RUNS, "shell"),
    ("while true; do sh; break; done <<EOF\n{{ x }}\nEOF", RUNS, "shell"),
    ("{ sh; } <<< {{ x }}", RUNS, "shell"),
    ("tee >(bash) <<< {{ x }}", RUNS, "shell"),
    ("echo {{ x }} | bash -c 'read l; eval \"$l\"'", RUNS, "shell"),
    ("echo {{ x }} | bash -c 'sh'", RUNS, "shell"),
    ("bash -c 'for i in 1; do . <(echo \"$1\"); done' _ {{ x }}", RUNS, "shell"),
    ("bash -c '\"$@\"' _ sh -c {{ x }}", RUNS, "shell"),
    ("bash -c '$1' _ {{ x }}", "touch canary", "shell"),
    ("v={{ x }}; $v", "touch canary", "shell"),
    ("$(echo {{ x }})", "touch canary", "shell"),
    ("v={{ x }}; . <(echo \"$v\")", RUNS, "shell"),
    ("v={{ x }}; w=`echo \"$v\"`; sh -c \"$w\"", RUNS, "shell"),
    ("awk -v n={{ x }} 'BEGIN { print 1 | n }'", RUNS, "shell"),
    ("echo {{ x }} | awk '{ print | $0 }'", RUNS, "shell"),
    ("perl -e 'open(F, $ARGV[0])' {{ x }}", "touch canary|", "shell"),
    ("perl -e 'while (<>) { print }' {{ x }}", "touch canary|", "shell"),
    ("echo \"select '{{ x }}';\" | sqlite3 :memory:", "';\n.shell touch canary\n", "statement"),
    ("docker exec -i db mysql shop <<EOF\nselect '{{ x }}';\nEOF", "\n\\! touch canary\n", "statement"),
    ("docker exec mongo mongosh --eval \"db.a.find('{{ x }}')\"", "'); evil('", "program"),
    ("docker exec -it python python -c \"print('{{ x }}')\"", "' + x + '", "program"),
    ("kubectl exec -i p -- redis-cli <<EOF\nGET {{ x }}\nEOF", "a\nFLUSHALL", "statement"),
    ("git -c {{ x }} status", "alias.status=!touch canary", "name=value"),
    ("git -c core.fsmonitor={{ x }} status", "touch canary", "name=value"),
    ("sysctl {{ x }}", "kernel.core_pattern=|evil", "name=value"),
    ("jq -n {{ x }}", "[env]", "environment"),
    ("c=$(echo {{ x }} || true); n=$((n + c))", SUBSCRIPT, "arithmetic"),
    ("c=$(true || echo {{ x }}); (( c ))", SUBSCRIPT, "arithmetic"),
    ("c=$(echo {{ x }} | jq -R '., length'); (( c ))", SUBSCRIPT, "arithmetic"),
    ("c=$(jq -n --arg length {{ x }} '$length'); (( c ))", SUBSCRIPT, "arithmetic"),
    ("f={{ x }}; jq -n \"$f\"", "[env]", "environment"),
    ("f={{ x }}; f=\"$f | .a\"; jq -n \"$f\"", ".a | .b", "jq program"),
    ("f='select(.a == '{{ x }}')'; jq -n \"$f\"", "1) | (2", "jq program"),
    ("for f in {{ x }} .a; do jq -n $f; done", ".a | .b", "jq program"),
    ("jq -n {{ x }}", "\"\\($ENV.HOME)\"", "environment"),
    ("jq -n {{ x }}", "import \"config\" as $c {search: \"/home/me/.docker\"}; $c", "files"),
    ("curl -d {{ x }} http://h", "@/etc/passwd", "file"),
    ("q={{ x }}; curl -d \"$q\" http://h", "@/etc/passwd", "file"),
    ("curl --data-urlencode {{ x }} http://h", "q@/etc/passwd", "file"),
    ("curl -F f={{ x }} http://h", "</etc/passwd", "file"),
    ("aws logs filter-log-events --filter-pattern {{ x }}", "file:///etc/passwd", "file"),
    ("kubectl get pods -o {{ x }}", "go-template-file=/etc/passwd", "file"),
    ("kubectl get pods --output={{ x }}", "jsonpath-file=/etc/passwd", "file"),
    ("echo {{ x }} | xargs ls", "a -R", "option"),
    ("printf '%s\\0' {{ x }} | xargs -0 ls", "-R", "option"),
    ("sh -c 'ls {{ x }}'", "-R", "option"),
    ("sh -c 'ls \"$1\"' _ {{ x }}", "-R", "option"),
    ("echo 'ls {{ x }}' | sh", "-R", "option"),
    ("for i in {1..{{ x }}}; do echo $i; done", "3", "seq"),
    ("case a in b) ;; a) eval {{ x }};; esac", RUNS, "shell"),
    ("case a in a) case b in b) :;; esac; eval {{ x }};; esac", RUNS, "shell"),
    ("#!/usr/bin/env python3\nprint('{{ x }}')", "'+__import__('os').system('touch canary')+'", "HOLMES_PARAM_x"),
    ("#!/usr/bin/perl\nprint {{ x }};", "qx,evil,", "HOLMES_PARAM_x"),
];

#[test]
fn what_would_run_is_refused() {
    let Some(path) = programs(["docker", "kubectl", "git", "sysctl", "curl", "aws", "evil"]) else { return };
    for (template, value, reason) in REFUSED {
        match rendered(template, &values(&json!({"x": value})), &Map::new()) {
            Ok(case) => panic!("{template} took {value:?}: {:?}", alone(path.path(), &case)),
            Err(error) => assert!(error.to_string().contains(reason), "{template}: {error}"),
        }
    }
}

/// Ordinary values in ordinary templates: nothing is refused, and `prog` gets what its author meant.
#[test]
fn honest_templates_take_ordinary_values() {
    let Some(path) = programs(["prog"]) else { return };
    let ordinary = [
        "web-1",
        "sum(rate(http_requests_total{job=\"x\"}[5m])) by (pod) > 0.5",
        "app in (web, api),tier!=db",
        "{.items[*].metadata.name}",
        "^ERR(OR)?:? .*timeout$",
        "2026-11-22 10:00:00",
        "it's 100% \\d",
    ];
    let templates = [
        "printf '%s' {{ x }} > /dev/null; prog {{ x }}",
        "c=$(prog {{ x }} | wc -l); if [[ $c -gt 5 ]] || (( c > 9 )); then echo; fi",
        "c=$(prog {{ x }} | grep -c . || true); n=$((n + c))",
        "c=$(prog {{ x }} | jq '.items | length'); if (( c > 9 )); then echo; fi",
        "command -v jq > /dev/null || exit 1; prog {{ x }}",
        "within() { timeout 9 \"$@\"; }; within prog {{ x }}",
        "sh -c 'prog \"$1\" | sort' _ {{ x }}",
        "awk -v p={{ x }} '/a|b/ || $1 > 2 { print \"|\" $2 }' /dev/null; prog {{ x }}",
        "case {{ x }} in bash|sh) echo sh ;; *) prog {{ x }} ;; esac",
        "kind=bash; if [[ {{ x }} =~ ^(a|b)$ && -n $kind ]]; then :; fi; prog {{ x }}",
        "echo null | jq --arg q {{ x }} '$q' > /dev/null && prog {{ x }}",
        "cat <<'EOF' > /dev/null\n{\"query\": {{ x | tojson }}, \"raw\": \"{{ x }}\"}\nEOF\nprog {{ x }}",
    ];
    for template in templates {
        for value in ordinary {
            let case = rendered(template, &values(&json!({"x": value})), &Map::new());
            let case = case.unwrap_or_else(|error| panic!("{template}: {error}"));
            let happened = alone(path.path(), &case);
            let args: Vec<_> = happened.calls.iter().flat_map(|call| &call.args).collect();
            assert_eq!(args, [value.as_bytes()], "{template}");
            assert!(happened.files.is_empty(), "{template}");
        }
    }
    for program in ["{a: {env: 1}} | .a.env, ({env: 2} | {env})", "\"env $ENV import\" | test(\"env\")"] {
        for template in
            ["jq -n {{ x }}", "f={{ x }}\njq -n \"$f\"", "f='.'; f=\"{{ x }}\"; jq -n \"${f}\" > /dev/null"]
        {
            rendered(template, &values(&json!({"x": program})), &Map::new()).unwrap();
        }
    }
}

/// Each line doubled what the scan remembered: 26 labels took 38 seconds.
#[test]
fn a_variable_that_grows_takes_no_longer() {
    let template = "{% for l in xs %}args=\"$args -l {{ l }}\"\n{% endfor %}prog $args";
    let labels: Vec<String> = (0..400).map(|number| format!("a{number}")).collect();
    rendered(template, &values(&json!({"xs": labels})), &Map::new()).unwrap();
}

#[test]
fn scripts_of_other_languages_run_in_them() {
    let Some(path) = programs(["prog"]) else { return };
    let script = "#!/usr/bin/perl\nsystem(\"prog\", $ENV{HOLMES_PARAM_x}, '$HOME `', {{ n }});\nexit 0;\n";
    let value = "it's $(touch canary)\n`";
    let case = rendered(script, &values(&json!({"x": value, "n": 42})), &Map::new()).unwrap();
    assert!(case.invocation.starts_with("#!/usr/bin/perl\n") && case.invocation.ends_with("exit 0;"));
    let happened = alone(path.path(), &case);
    assert!(happened.files.is_empty());
    assert_eq!(happened.calls[0].args, [value.as_bytes(), b"$HOME `", b"42"]);
    let nul = rendered("#!/usr/bin/perl\n", &values(&json!({"x": "a\0"})), &Map::new());
    assert_eq!(nul, Err(TemplateError::Nul));
}
