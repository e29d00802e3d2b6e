//! Commands are rendered and really run: the program at the end prints its arguments, and a canary file tells
//! whether anything else ran.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::template::*;
use super::*;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn rendered(source: &str, values: Value) -> Result<Rendered, TemplateError> {
    rendered_with(source, values, json!({}), &["HOME_OF_TEST"], false)
}

fn rendered_with(
    source: &str,
    values: Value,
    config: Value,
    environment: &[&str],
    allow_options: bool,
) -> Result<Rendered, TemplateError> {
    let environment =
        environment.iter().map(|name| ((*name).to_owned(), format!("value of {name}"))).collect();
    render(
        source,
        Given { values: &object(values), config: &object(config), environment: &environment, allow_options },
    )
}

/// What the rendered command prints, run in `folder` by `shell`.
fn output(rendered: &Rendered, folder: &Path) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut env = vec![
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("HOME_OF_TEST".to_owned(), "it's \"home\"".to_owned()),
        ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
    ];
    env.extend(rendered.env.clone());
    let script =
        Script { text: rendered.text.clone(), env, workdir: Some(folder.to_owned()), ..Script::default() };
    let path = folder.join(".output");
    let (_sender, stop) = watch::channel(false);
    let limits = Limits { timeout: Duration::from_secs(20), kept_bytes: 1 << 22 };
    runtime.block_on(run(&script, &path, limits, stop)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    bytes
}

/// The arguments that `argv` in the template gets.
fn argv(source: &str, values: Value) -> Result<Vec<String>, TemplateError> {
    let folder = TempDir::new().unwrap();
    let rendered = rendered(source, values)?;
    Ok(split(&output(&rendered, folder.path())))
}

fn split(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut parts: Vec<String> = text.split('\0').map(str::to_owned).collect();
    assert_eq!(parts.pop().as_deref(), Some(""), "not NUL-separated: {text:?}");
    parts
}

#[test]
fn three_spellings_give_one_argument_with_the_same_bytes() {
    for value in
        ["plain", "two words", "it's", "a\"b", "$(id)", "`id`", "a\nb\n", "*", "\\", "'; id; '", "ü\u{202e}x"]
    {
        for source in ["printf '%s\\0' {{ x }}", "printf '%s\\0' '{{ x }}'", "printf '%s\\0' \"{{ x }}\""] {
            assert_eq!(argv(source, json!({"x": value})).unwrap(), [value], "{source}");
        }
    }
}

#[test]
fn nothing_when_bare_and_empty_when_quoted() {
    for values in [json!({}), json!({"x": null}), json!({"x": ""})] {
        let all = argv("printf '%s\\0' a {{ x }} '{{ x }}' \"{{ x }}\" b", values).unwrap();
        assert_eq!(all, ["a", "", "", "b"]);
    }
}

#[test]
fn a_leading_dash_is_refused_unless_it_cannot_be_an_option() {
    let values = || json!({"x": "-rf"});
    let error = rendered("ls {{ x }}", values()).unwrap_err().to_string();
    assert!(error.contains("`-rf`") && error.contains("allow_options"), "{error}");
    for refused in [
        "kubectl exec p -- ls {{ x }}",
        "ls '{{ x }}'",
        "echo {{ x }}",
        "echo -e {{ x }}",
        "grep \"{{ x }}\" f",
        "grep -n \"{{ x }}\" f",
        "grep -e -e {{ x }} f",
        "x={{ x }}; grep \"$x\" f",
        "x='{{ x }}'; grep ${x} f",
        "x=\"a {{ x }}\"; grep $x f",
        "for v in '{{ x }}'; do grep \"$v\" f; done",
        "read v <<< {{ x }}; grep \"$v\" f",
        "f() { grep \"$1\" f; }; f {{ x }}",
        "set -- {{ x }}; grep \"$1\" f",
        "grep \"$(printf %s {{ x }})\" f",
        "grep \"${Z:-{{ x }}}\" f",
        "grep \"$Z{{ x }}\" f",
        "a=({{ x }}); grep \"${a[@]}\" f",
        "a=(--limit 5 {{ x }}); grep \"${a[@]}\" f",
        "timeout 5 grep {{ x }} f",
        "nice -n 5 timeout -s KILL 5 grep {{ x }} f",
        "env A=b grep {{ x }} f",
        "xargs grep {{ x }}",
        "find {{ x }} -name a",
        "find -- {{ x }}",
        "ssh {{ x }} ls",
        "[ {{ x }} a ]",
        "test {{ x }} -a b",
        "printf {{ x }} a",
        "sh {{ x }}",
        "jq . {{ x }}",
        "kubectl get pods --watch {{ x }}",
    ] {
        rendered(refused, values()).expect_err(refused);
    }
    for passed in [
        "echo x {{ x }}",
        "printf '%s' \"{{ x }}\"",
        "grep -e \"{{ x }}\" f",
        "grep -i -e '{{ x }}' f",
        "grep -F -- \"{{ x }}\" f",
        "x={{ x }}; grep -- \"$x\" f",
        "timeout -k 1 5 grep -- {{ x }} f",
        "kubectl get pods -n {{ x }} -l {{ x }}",
        "kubectl exec p -- grep -- {{ x }} f",
        "[ -n \"{{ x }}\" ]",
        "[ \"{{ x }}\" = a ]",
        "if [[ {{ x }} == a ]]; then echo; fi",
        "case {{ x }} in -*) exit 1 ;; esac",
        "case a in {{ x }}) ;; esac",
        "for v in {{ x }}; do printf '%s' \"$v\"; done",
        "f() { printf %s \"$1\"; }; f {{ x }}",
        "sh -c 'grep -- \"$1\" f' _ {{ x }}",
        "jq --arg a {{ x }} .b f",
        "jq --argjson {{ x }} 1 .b f",
        "\"$HOLMES_RS\" jq --arg a {{ x }} .b f",
        "cat <<< {{ x }}",
        "awk -v a={{ x }} 1 f",
        "awk -v {{ x }} 1 f",
        "curl --data-urlencode {{ x }} http://h",
        "find . -name {{ x }}",
    ] {
        if let Err(error) = rendered(passed, values()) {
            panic!("{passed}: {error}");
        }
    }
    rendered("grep 'a -- b' {{ x }}", values()).unwrap_err();
    assert!(rendered("grep -- {{ x }}", values()).is_ok());
    assert!(rendered("tail --lines={{ x }} -n{{ x }}", values()).is_ok());
    assert!(rendered_with("ls {{ x }}", values(), json!({}), &[], true).is_ok());
    assert!(rendered("head -n {{ x }}", json!({"x": -5})).is_ok());
    assert!(rendered("head -n {{ x }}", json!({"x": "-5"})).is_ok());
}

#[test]
fn the_authors_literals_are_shell_text_and_equal_values_are_not() {
    let source = "printf '%s\\0' {{ '-n ' ~ ns if ns else '--all  -A' }}";
    assert_eq!(argv(source, json!({"ns": "web"})).unwrap(), ["-n", "web"]);
    assert_eq!(argv(source, json!({})).unwrap(), ["--all", "-A"]);
    assert_eq!(argv(source, json!({"ns": "-n a; id"})).unwrap(), ["-n", "-n a; id"]);
    let source = source.replace("printf '%s\\0'", "ls");
    assert!(rendered(&source, json!({"ns": "-n a; id"})).unwrap_err().to_string().contains("option"));
    let source = "printf '%s\\0' {{ x | default('a b') }} {{ y }}";
    assert_eq!(argv(source, json!({"y": "a b"})).unwrap(), ["a", "b", "a b"]);
    assert_eq!(argv(source, json!({"x": "a b", "y": 1})).unwrap(), ["a b", "1"]);
    let source = "{% set f = '-n ' ~ ns if ns else '-A' %}printf '%s\\0' {{ f }}";
    assert_eq!(argv(source, json!({"ns": "a b"})).unwrap(), ["-n", "a b"]);
    // Compared: then it stays a value.
    let source = "{% set f = 'a b' %}printf '%s\\0' {{ f }}{% if f == 'a b' %} yes{% endif %}";
    assert_eq!(argv(source, json!({})).unwrap(), ["a b", "yes"]);
}

#[test]
fn filters_methods_and_types() {
    let source = "printf '%s\\0' {{ a | lower }} {{ b | tojson }} {{ c }} {{ d }} {{ ', '.join(b) }} {{ e | urlencode }} {{ f }} {{ a.strip() }}";
    let values = json!({"a": " A$(id) ", "b": ["x", "'y"], "c": true, "d": {"k": 1}, "e": "a b&c", "f": 1.5});
    assert_eq!(
        argv(source, values).unwrap(),
        [" a$(id) ", r#"["x", "\u0027y"]"#, "true", r#"{"k":1}"#, "x, 'y", "a%20b%26c", "1.5", "A$(id)"]
    );
    let source = "printf '%s\\0'{% for x in xs %} --label={{ x }}{% endfor %}{%- if ns is string %} {{ ns | length }}{% endif %}";
    assert_eq!(
        argv(source, json!({"xs": ["a b", "c"], "ns": "web"})).unwrap(),
        ["--label=a b", "--label=c", "3"]
    );
}

#[test]
fn functions_of_the_engine_are_no_parameters() {
    assert_eq!(
        argv("printf '%s\\0' x{% if namespace %} -n {{ namespace }}{% endif %}", json!({})).unwrap(),
        ["x"]
    );
    // Whatever a filter calls safe is data all the same.
    assert_eq!(
        argv("printf '%s\\0' {{ x | safe }} {{ x | e }}", json!({"x": "$(id)"})).unwrap(),
        ["$(id)"; 2]
    );
}

#[test]
fn values_in_captured_blocks_are_data() {
    let source = "{% set m %}a {{ x }} b{% endset %}printf '%s\\0' {{ m }}";
    assert_eq!(argv(source, json!({"x": "$(id) c"})).unwrap(), ["a", "$(id) c", "b"]);
    // Computed with: then it is one value.
    assert_eq!(
        argv(&source.replace("{{ m }}", "{{ m | trim }}"), json!({"x": "$(id)"})).unwrap(),
        ["a $(id) b"]
    );
    let source = "{% macro m(v) %}[{{ v }}]{% endmacro %}printf '%s\\0' {{ m(x) }}";
    assert_eq!(argv(source, json!({"x": "$(id)'"})).unwrap(), ["[$(id)']"]);
}

#[test]
fn marks_cannot_be_forged() {
    for value in ["\u{e000}0\u{e001}", "\u{e000}:0\u{e001}\u{e002}1:0\u{e001}", "${HOLMES_ARG_1}"] {
        assert_eq!(
            argv("printf '%s\\0' {{ x }} {{ y }}", json!({"x": value, "y": "$(id)"})).unwrap(),
            [value, "$(id)"]
        );
    }
}

#[test]
#[allow(clippy::too_many_lines)] // A table of cases.
fn places_where_only_some_values_may_stand() {
    // Each: the template, a value that passes, one that does not, and a word of the reason.
    let cases = [
        ("echo \\{{ x }}", "abc", "a b", "backslash"),
        ("true # {{ x }}", "abc", "a\nid", "comment"),
        ("echo `echo {{ x }}`", "abc", "a b", "backticks"),
        ("echo \"`echo '{{ x }}'`\"", "abc", "a b", "backticks"),
        ("echo $(( {{ x }} + 1 ))", "41", "a[$(id)]", "arithmetic"),
        ("echo $(( {{ x }} + 1 ))", "41", "HOLMES_ARG_1", "arithmetic"),
        ("N={{ x }}; echo $((N+1))", "41", "a[$(id)]", "arithmetic"),
        ("if [[ {{ x }} -gt 3 ]]; then echo; fi", "41", "a[$(id)]", "arithmetic"),
        ("a[{{ x }}]=1", "41", "$(id)", "subscript"),
        ("let {{ x }}", "41", "a[$(id)]", "arithmetic"),
        ("printf -v {{ x }} a", "41", "a[$(id)]", "variable"),
        ("sh -c 'ls {{ x }}'", "abc", "; id", "shell"),
        ("sh -c \"ls {{ x }}\"", "abc", "; id", "shell"),
        ("bash -o pipefail -ec \"ls {{ x }}\"", "abc", "; id", "shell"),
        ("sudo -u root timeout 5 sh -c \"ls {{ x }}\"", "abc", "; id", "shell"),
        ("kubectl exec p -- sh -c \"ls {{ x }}\"", "abc", "; id", "shell"),
        ("docker exec c bash -lc 'ls {{ x }}'", "abc", "; id", "shell"),
        ("find . -name x -exec sh -c 'ls {{ x }}' \\;", "abc", "; id", "shell"),
        ("ls | xargs -I% sh -c 'echo % {{ x }}'", "abc", "; id", "shell"),
        ("echo {{ x }} | xargs -I% sh -c 'echo %'", "abc", "; id", "shell"),
        ("eval ls {{ x }}", "abc", "; id", "shell"),
        ("eval \"$(echo {{ x }})\"", "abc", "; id", "shell"),
        ("Q={{ x }}; eval \"$Q\"", "abc", "; id", "shell"),
        ("Q={{ x }}; R=\"ls $Q\"; sh -c \"$R\"", "abc", "; id", "shell"),
        ("f() { eval \"$1\"; }; f {{ x }}", "abc", "; id", "shell"),
        ("echo {{ x }} | while read l; do eval $l; done", "abc", "; id", "shell"),
        ("echo {{ x }} | sh", "abc", "; id", "shell"),
        ("{ echo a; echo {{ x }}; } | sh", "abc", "; id", "shell"),
        ("sh <<< {{ x }}", "abc", "; id", "shell"),
        ("sh <<EOF\nls {{ x }}\nEOF", "abc", "; id", "shell"),
        ("cat <<EOF | bash\nls {{ x }}\nEOF", "abc", "; id", "shell"),
        ("ssh host ls {{ x }}", "abc", "; id", "shell"),
        ("watch {{ x }}", "abc", "; id", "shell"),
        ("trap {{ x }} EXIT", "abc", "; id", "shell"),
        ("jq '.[] | select(.a == \"{{ x }}\")' f", "abc", "\") | env", "jq"),
        ("kubectl get po -o json | jq -r \".items[] | {{ x }}\"", ".a.b", "env | .", "jq"),
        ("\"$HOLMES_RS\" jq '.[] | select(.a == \"{{ x }}\")' f", "abc", "\") | env", "jq"),
        ("awk '/{{ x }}/' f", "abc", "/{system(\"id\")}", "awk"),
        ("awk -F: '{print ${{ x }}}' f", "3", "1; system(\"id\")", "awk"),
        ("sed -n '{{ x }}p' f", "5", "1eid", "sed"),
        ("sed 's/a/{{ x }}/' f", "abc", "b/e", "sed"),
        ("sed -e 's/a/b/{{ x }}' f", "2", "e", "sed"),
        ("perl -ne 'print if /{{ x }}/' f", "web-1:80", "qx,id,", "perl"),
        ("perl -ne 'print if {{ x }}' f", "12", "eval", "perl"),
        ("perl -ne 's/a/{{ x }}/' f", "12", "abc", "perl"),
        ("sed -n '{{ x }}p' f", "1,5", "1w/f", "sed"),
        ("sed 's|a|{{ x }}|' f", "/var/log", "a|e", "sed"),
        ("while read -r l; do eval \"$l\"; done <<< {{ x }}", "abc", "; id", "shell"),
        ("read l <<< {{ x }}; k=$l; sh -c \"$k\"", "abc", "; id", "shell"),
        ("read <<< {{ x }}; eval $REPLY", "abc", "; id", "shell"),
        ("mapfile a <<< {{ x }}; eval \"${a[0]}\"", "abc", "; id", "shell"),
        ("echo {{ x }} > /tmp/f; sh /tmp/f", "abc", "; id", "shell"),
        ("echo {{ x }} > \"$f\"; . $f", "abc", "; id", "shell"),
        ("cat > /tmp/f <<EOF\nls {{ x }}\nEOF\nchmod +x /tmp/f; /tmp/f", "abc", "; id", "shell"),
        ("echo {{ x }} | tee /tmp/f >/dev/null; bash /tmp/f", "abc", "; id", "shell"),
        ("echo {{ x }} > p.awk; awk -f p.awk d", "abc", "/{system(\"id\")}", "awk"),
        ("for i in 1; do echo {{ x }}; done > p; python3 p", "abc", "; id", "program"),
        ("echo {{ x }}; eval $_", "abc", "; id", "shell"),
        ("true {{ x }}; eval \"$HOLMES_ARG_0\"", "abc", "; id", "shell"),
        ("true {{ x }}; eval \"$(env)\"", "abc", "; id", "shell"),
        ("true {{ x }}; . <(env)", "abc", "; id", "shell"),
        ("awk -v c={{ x }} 'BEGIN { system(c) }'", "abc", "; id", "shell"),
        ("echo {{ x }} | awk '{ $1 | getline r }'", "abc", "; id", "shell"),
        ("python3 -c 'import os,sys; os.system(sys.argv[1])' {{ x }}", "abc", "; id", "shell"),
        ("perl -e 'print `$ARGV[0]`' {{ x }}", "abc", "; id", "shell"),
        ("LD_PRELOAD={{ x }} ls", "abc", "a b", "shell"),
        ("PAGER={{ x }} man ls", "less", "sh -c id", "shell"),
        ("x={{ x }}; ssh host \"$x\"", "abc", "; id", "shell"),
        ("x={{ x }}; awk \"$x\" f", "abc", "{system(\"id\")}", "awk"),
        ("x={{ x }}; find . -exec sh -c \"$x\" \\;", "abc", "; id", "shell"),
        ("echo {{ x }} | xargs sh -c 'echo \"$0\"'", "abc", "; id", "shell"),
        ("mongosh --eval \"db.a.find('{{ x }}')\"", "abc", "')+x('", "program"),
        ("redis-cli <<EOF\nGET {{ x }}\nEOF", "abc", "a\nFLUSHALL", "statement"),
        ("curl -K - <<EOF\nurl = \"{{ x }}\"\nEOF", "http://h/a b", "a\"\noutput = \"/f", "curl"),
        ("perl -pe 's/a/b/' {{ x }}", "abc", "id|", "shell"),
        ("python3 -c 'print(\"{{ x }}\")'", "abc", "\"+x", "program"),
        ("psql -c \"select '{{ x }}'\"", "abc", "'; drop", "statement"),
        ("env {{ x }} ls", "abc", "LD_PRELOAD=/x", "variables"),
        ("$SHELL -c \"ls {{ x }}\"", "abc", "; id", "shell"),
        ("V={{ x }}; echo \"${V@P}\"", "abc", "$(id)", "shell"),
        ("V={{ x }}; echo \"${!V}\"", "41", "a[$(id)]", "arithmetic"),
        ("V={{ x }}; echo \"${a[V]}${a:V}\"", "41", "a[$(id)]", "arithmetic"),
        ("V={{ x }}; a[V]=1", "41", "a[$(id)]", "arithmetic"),
        ("declare -i V; V={{ x }}", "41", "a[$(id)]", "arithmetic"),
        ("set -- {{ x }}; eval \"$1\"", "abc", "; id", "shell"),
        ("echo {{ x }} | tee >(sh)", "abc", "; id", "shell"),
        ("echo {{ x }} | eval \"$(cat)\"", "abc", "; id", "shell"),
        ("ssh host bash -s <<EOF\nls {{ x }}\nEOF", "abc", "; id", "shell"),
        (". /dev/stdin <<< {{ x }}", "abc", "; id", "shell"),
        ("bash -c 'eval \"$1\"' _ {{ x }}", "abc", "; id", "shell"),
        ("awk -f - <<EOF\n/{{ x }}/\nEOF", "abc", "/{system(\"id\")}", "awk"),
        ("function f { eval \"$1\"; }; f {{ x }}", "abc", "; id", "shell"),
        ("echo ${V:{{ x }}}", "41", "a[$(id)]", "${"),
    ];
    for (source, good, bad, word) in cases {
        if let Err(error) = rendered(source, json!({"x": good})) {
            panic!("{source} with {good}: {error}");
        }
        match rendered(source, json!({"x": bad})) {
            Ok(rendered) => panic!("{source} with {bad}: {}", rendered.text),
            Err(error) => assert!(error.to_string().contains(word), "{source}: {error}"),
        }
    }
}

#[test]
fn data_for_another_interpreter_passes() {
    let attack = "'; id; \"$(id)`id`";
    for source in [
        "sh -c 'printf \"%s\\0\" \"$1\"' _ {{ x }}",
        "jq -nj --arg v {{ x }} '$v + \"\\u0000\"'",
        "V={{ x }} sh -c 'printf \"%s\\0\" \"$V\"'",
        "printf '%s\\0' \"$(printf '%s' \"{{ x }}\")\"",
        "printf '%s\\0' \"$(printf '%s' '{{ x }}')\"",
        "printf '%s\\0' \"${UNSET_NAME:-{{ x }}}\"",
        "printf '%s\\0' ${UNSET_NAME:-{{ x }}}",
        "printf '%s\\0' $'{{ x }}'",
        "V={{ x }}; printf '%s\\0' \"$V\"",
        "f() { printf '%s\\0' \"$1\"; }; f {{ x }}",
        "f() { printf '%s\\0' \"$1\"; }; : $((60 * 2)); f {{ x }}",
        "true || \"$HOLMES_RS\" jq --arg v {{ x }} '$v'; printf '%s\\0' {{ x }}",
        "for v in {{ x }}; do printf '%s\\0' \"$v\"; done",
        "case {{ x }} in {{ x }}) printf '%s\\0' {{ x }};; esac",
        "case 124 in\n  0) : ;;\n  124) printf '%s\\0' {{ x }} ;;\nesac",
        "export V={{ x }}; printf '%s\\0' \"$V\"",
        "if [ {{ x }} = {{ x }} ]; then printf '%s\\0' {{ x }}; fi",
        "if [[ {{ x }} == {{ x }} ]]; then printf '%s\\0' {{ x }}; fi",
        "a=({{ x }}); printf '%s\\0' \"${a[0]}\"",
        "xargs -0 -n1 printf '%s\\0' < <(printf '%s' {{ x }})",
        "cat <<EOF | tr '\\n' '\\0'\n{{ x }}\nEOF",
    ] {
        assert_eq!(argv(source, json!({"x": attack})).unwrap(), [attack], "{source}");
    }
}

#[test]
fn a_whole_jq_program_is_an_argument() {
    for source in ["jq -nj {{ x }}", "jq -nj '{{ x }}'", "echo null | jq -j \"{{ x }}\""] {
        let program = r#"[1, 2] | map(. + 1) | "\(.)\u0000""#;
        assert_eq!(argv(source, json!({ "x": program })).unwrap(), ["[2,3]"]);
    }
    rendered("jq -n '{{ x }} | .a'", json!({"x": "env | ."})).unwrap_err();
}

#[test]
fn templates_as_people_write_them_render() {
    let values = || json!({"kind": "pod", "name": "web 1", "namespace": "prod", "keyword": "a|b 'c'", "n": 5, "q": "rate(x[5m]) > 1"});
    for source in [
        "kubectl get --show-labels -o wide {{ kind }} {{ name }}{% if namespace %} -n {{ namespace }}{% endif %}",
        "kubectl get {{ kind }} -A -o wide | grep {{ keyword }}",
        "kubectl logs {{ name }} -n {{ namespace }} --tail={{ n }} 2>&1 | grep -i \"{{ keyword }}\" || true",
        "kubectl get po -A -o json | jq -r --arg n {{ name }} '.items[] | select(.metadata.name == $n) | \"\\(.a)\"'",
        "kubectl get {{ kind }} -o jsonpath='{.items[*].metadata.name}' --field-selector=metadata.name={{ name }}",
        "kubectl get po -o custom-columns='N:.metadata.name' | awk 'NR>1 {print $1}' | sort | uniq -c",
        "curl -s -G \"$PROMETHEUS_URL/api/v1/query\" --data-urlencode \"query={{ q }}\" | jq .",
        "set -euo pipefail\nout=$(kubectl get {{ kind }} {{ name }} -o yaml)\necho \"$out\" | sed -n '1,{{ n }}p'\nif [ -z \"$out\" ]; then echo none; fi",
        "for p in $(kubectl get po -n {{ namespace }} -o name); do echo \"== $p\"; kubectl logs -n {{ namespace }} \"$p\" --tail={{ n }}; done",
        "aws logs filter-log-events --log-group-name {{ name }} --start-time $(( $(date +%s) - {{ n }} * 60 ))000",
        "docker exec {{ name }} cat /proc/{{ n }}/status",
        "helm history {{ name }} -n {{ namespace }} | tail -n {{ n }}",
        "awk -v k={{ keyword }} '$0 ~ k' /var/log/syslog | head -n {{ n }}",
        "find /var/log -name '*.log' -exec grep -l -- {{ keyword }} {} +",
        "journalctl -u {{ name }} --since \"{{ n }} min ago\" --no-pager",
    ] {
        if let Err(error) = rendered(source, values()) {
            panic!("{source}: {error}");
        }
    }
}

#[test]
fn here_documents_keep_their_text() {
    let folder = TempDir::new().unwrap();
    let source = "cat <<'EOF'; cat <<-END\n$HOME \\ `x` {{ x }}\nEOF\n\tb {{ x }} EOF\n\tEND\necho end";
    let rendered = rendered(source, json!({"x": "abc"})).unwrap();
    assert_eq!(output(&rendered, folder.path()), b"$HOME \\ `x` abc\nb abc EOF\nend\n");
}

#[test]
fn names_of_the_environment_are_expanded_in_single_quotes_and_never_shown() {
    let folder = TempDir::new().unwrap();
    let source = "printf '%s\\0' '$HOME_OF_TEST ${HOME_OF_TEST} $NF' \"$HOME_OF_TEST\" {{ x }}";
    let rendered = rendered(source, json!({"x": "$HOME_OF_TEST"})).unwrap();
    let home = "it's \"home\"";
    assert_eq!(
        split(&output(&rendered, folder.path())),
        [format!("{home} {home} $NF").as_str(), home, "$HOME_OF_TEST"]
    );
    assert_eq!(
        rendered.invocation,
        "printf '%s\\0' '$HOME_OF_TEST ${HOME_OF_TEST} $NF' \"$HOME_OF_TEST\" '$HOME_OF_TEST'"
    );
    let names: Vec<String> = environment_names("a $B ${C} $1 $(d) ${E:-f} $$").into_iter().collect();
    assert_eq!(names, ["B", "C", "E"]);
}

#[test]
fn the_invocation_shows_values_in_place_and_no_secret() {
    let rendered = rendered_with(
        "curl -H 'Authorization: {{ config.token }}' \"{{ config.url }}/{{ q }}\" {{ q }} '{{ q }}'",
        json!({"q": "it's $x"}),
        json!({"token": "abcdef", "url": "http://h"}),
        &[],
        false,
    )
    .unwrap();
    assert_eq!(
        rendered.invocation,
        r#"curl -H 'Authorization: ***' "http://h/it's \$x" 'it'"'"'s $x' 'it'"'"'s $x'"#
    );
    assert!(!rendered.text.contains("abcdef"));
}

#[test]
fn what_cannot_be_passed_is_refused() {
    assert_eq!(rendered("echo {{ x }}", json!({"x": "a\0b"})), Err(TemplateError::Nul));
    let long = "x".repeat(130_000);
    assert!(matches!(rendered("echo {{ x }}", json!({"x": long})), Err(TemplateError::TooLong { .. })));
    // Made by the template: seconds and gigabytes, were it written out.
    let many = rendered("echo {{ x * n }}", json!({"x": ["a", "b"], "n": 30_000_000}));
    assert!(many.unwrap_err().to_string().contains("longer than"));
    let endless = "{% for a in xs %}{% for b in xs %}{% for c in xs %}{% for d in xs %}{{ a }}{% endfor %}{% endfor %}{% endfor %}{% endfor %}";
    let items: Vec<u32> = (0..100).collect();
    rendered(endless, json!({"xs": items})).unwrap_err();
    let nested = format!("echo {}{{{{ x }}}}{}", "$(".repeat(5000), ")".repeat(5000));
    rendered(&nested, json!({"x": "a"})).unwrap_err();
}

#[test]
fn errors_name_the_place_and_the_jinja_spelling() {
    let error = variables("kubectl get\n  {{ a | }}").unwrap_err();
    assert!(matches!(error, TemplateError::Syntax { line: 2, .. }), "{error}");
    let error = variables("kubectl {{ if pod }}{{ pod }}{{ end }}").unwrap_err().to_string();
    assert_eq!(
        error,
        "template, line 1 column 9: `{{ if pod }}` is a Go template; in Jinja it is `{% if pod %}…{% endif %}`"
    );
    assert!(variables("{{ .Values.x }}").unwrap_err().to_string().contains("`{{ Values.x }}`"));
    assert!(variables("{{ end }} {{ start }}").is_ok());
}

#[test]
fn parameters_come_from_the_tree_in_order() {
    let found = |source| -> Vec<(String, bool)> {
        variables(source).unwrap().into_iter().map(|v| (v.name, v.required)).collect()
    };
    let is = |name: &str, required| (name.to_owned(), required);
    assert_eq!(
        found(
            "kubectl get {{ kind }} {{ name }}{% if namespace %} -n {{ namespace }}{% endif %} {{ tail | default(5) }}"
        ),
        [is("kind", true), is("name", true), is("namespace", false), is("tail", false)]
    );
    assert_eq!(found("{{ config.url }} {{ env.X }} {{ request_context.user }}"), []);
    assert_eq!(
        found("{% for p in pods %}{{ p }}{{ loop.index }}{% endfor %}{% set y = z %}{{ y }}"),
        [is("pods", true), is("z", true)]
    );
    assert_eq!(
        found("{% macro m(a) %}{{ a }}{{ b }}{% endmacro %}{{ m(c) }}"),
        [is("b", true), is("c", true)]
    );
    assert_eq!(
        found("{{ '-n ' ~ ns if ns else '-A' }}{% if a and not b %}{{ a }}{{ b }}{% endif %}"),
        [is("ns", false), is("a", false), is("b", true)]
    );
    assert_eq!(
        found("{% if x is defined and x != '' %}{{ x }}{% endif %}{{ y or 'z' }}"),
        [is("x", false), is("y", false)]
    );
    assert_eq!(found("{% if namespace %}x{% endif %}{{ namespace }}"), [is("namespace", true)]);
}

/// Around one placeholder, in every place a tool may have one. `argv` prints its arguments NUL-separated.
const SHAPES: &[&str] = &[
    "argv @",
    "argv '@'",
    "argv \"@\"",
    "argv x@y",
    "argv 'x@y'",
    "argv \"x@y\"",
    "argv --flag=@",
    "argv --flag='@'",
    "argv \"$(argv @)\"",
    "argv \"$(argv '@')\"",
    "argv \"$(argv \"@\")\"",
    "argv \"$(argv \"$(argv \"@\")\")\"",
    "argv `argv @`",
    "argv \"`argv \"@\"`\"",
    "argv \\@",
    "argv \"\\@\"",
    "argv ${Z:-@}",
    "argv \"${Z:-@}\"",
    "argv \"${Z:-'@'}\"",
    "argv $'@'",
    "argv $\"@\"",
    "argv $((@))",
    "argv a # @",
    "cat <<EOF\n@\nEOF",
    "cat <<'EOF'\n@\nEOF",
    "cat <<EOF\n$(argv '@')\n`argv @`\nEOF",
    "cat <<-\"EOF\"\n\t'@\"\n\tEOF\nargv @",
    "cat <<EOF\n\"@'\nEOF\nargv \"@\"",
    "case @ in '@') argv @ ;; esac",
    "argv \"$(case a in a) argv '@';; esac)\"",
    "eval argv @",
    "eval \"argv '@'\"",
    "sh -c 'echo @'",
    "sh -c \"echo '@'\"",
    "bash -c \"echo \\\"@\\\"\"",
    "V='@'; eval \"echo $V\"",
    "V=@; argv \"$V\" $((V))",
    "echo @ | sh",
    "xargs -n1 echo <<< '@'",
    "awk 'BEGIN { print \"@\" }'",
    "sed -n '@p' /dev/null",
    "sed 's/x/@/' /dev/null",
    "perl -e 'print \"@\"'",
    "jq -n '\"@\"'",
    "[[ @ == '@' ]] && argv @",
    "[[ '@' -eq 1 ]]",
    "a[@]=1",
    "(argv @; argv \"@\")",
    "{ argv '@'; } | cat",
    "argv <(echo '@') > /dev/null",
    "f() { argv \"$@\"; }; f '@' \"@\"",
    "for v in @ '@'; do argv \"$v\"; done",
    "argv ''@\"\"",
    "argv \"a\"'@'b",
    "export V='@'; argv \"$V\"",
    "declare -i V=@",
    "test -v '@'",
    "printf -v '@' x",
    "read '@' <<< x",
    "trap '@' EXIT",
    "env 'X=@' printenv X",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("`touch canary`".to_owned()),
        Just("$(touch canary)".to_owned()),
        Just("a[$(touch canary)]".to_owned()),
        Just("'; touch canary; '".to_owned()),
        Just("\"; touch canary; \"".to_owned()),
        Just("\ntouch canary\n".to_owned()),
        Just("\nEOF\ntouch canary\n".to_owned()),
        Just("1e touch canary".to_owned()),
        Just("\\".to_owned()),
        Just(")".to_owned()),
        Just("}".to_owned()),
        Just("))".to_owned()),
        Just(";;esac;touch canary".to_owned()),
        Just("|touch canary".to_owned()),
        Just("&touch canary&".to_owned()),
        Just("* ? [a-z] ~ {a,b}".to_owned()),
        Just("-rf".to_owned()),
        Just("#".to_owned()),
        Just("\0".to_owned()),
        Just("\u{e000}0\u{e001}".to_owned()),
        Just("\u{202e}\u{1f980}".to_owned()),
        Just("${HOLMES_ARG_0}".to_owned()),
        Just("{{ x }}{% if %}".to_owned()),
        Just("system(\"touch canary\")".to_owned()),
        Just("qx,touch canary,".to_owned()),
        "[ -~]{0,6}",
        "[a-z0-9]{1,6}",
        Just("y".repeat(5000)),
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_ever_runs(shape in proptest::sample::select(SHAPES), value in hostile()) {
        let folder = TempDir::new().unwrap();
        let source = format!("argv() {{ printf '%s\\0' \"$@\"; }}\n{}", shape.replace('@', "{{ x }}"));
        let values = json!({"x": value});
        if let Ok(rendered) = rendered(&source, values) {
            let printed = output(&rendered, folder.path());
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
            prop_assert!(left.is_empty(), "{left:?} after {}", rendered.text);
            let alone = ["argv @", "argv '@'", "argv \"@\"", "argv $'@'", "argv ''@\"\"", "argv ${Z:-@}", "argv \"${Z:-@}\""];
            if alone.contains(&shape) {
                prop_assert_eq!(split(&printed), [value]);
            } else if shape.contains("x@y") {
                prop_assert_eq!(split(&printed), [format!("x{value}y")]);
            } else if shape.contains("--flag") {
                prop_assert_eq!(split(&printed), [format!("--flag={value}")]);
            }
        }
    }

    #[test]
    fn plain_values_are_what_pasting_gives(
        shape in proptest::sample::select(&["argv @", "argv 'a @ b'", "argv \"a @ b\"", "argv x@y'@'\"@\"", "argv \"$(echo \"@\")\" '@'", "cat <<EOF\n@\nEOF", "cat <<'EOF'\n'@'\nEOF", "argv \\@", "argv `echo @`", "sh -c 'echo \"@\"'"][..]),
        value in "[A-Za-z0-9_./:=@%+,][A-Za-z0-9_./:=@%+,-]{0,12}",
    ) {
        let folder = TempDir::new().unwrap();
        let source = format!("argv() {{ printf '%s\\0' \"$@\"; }}\n{}", shape.replace('@', "{{ x }}"));
        let ours = rendered(&source, json!({"x": value})).unwrap();
        let pasted = Rendered { text: source.replace("{{ x }}", &value), env: Vec::new(), invocation: String::new() };
        prop_assert_eq!(output(&ours, folder.path()), output(&pasted, folder.path()));
    }

    #[test]
    fn no_text_panics(source in "[ -~\n{}%'\"$()`\\\\<|@]{0,60}") {
        let source = source.replace('@', "{{ x }}");
        let _ = variables(&source);
        let _ = rendered(&source, json!({"x": "a b"}));
    }
}

/// What a function gets as its arguments is what its callers give it, not every value of the template.
#[test]
fn functions_get_only_what_they_are_given() {
    let taken = [
        "f() { curl \"$@\"; }; f /path \"query={{ q }}\"",
        "f() { curl \"${@:2}\"; }; f /path -d 'a={{ q }}'",
        "f() { curl \"$1\"; }; f /path; printf %s {{ q }}",
        "set -o pipefail; f() { curl \"$@\"; }; f \"x={{ q }}\"",
    ];
    let refused = [
        "f() { curl \"$@\"; }; f {{ q }}",
        "f() { curl \"$@\"; }; x={{ q }}; f \"$x\"",
        "f() { curl \"$@\"; }; x=\"a {{ q }}\"; f $x",
        "f() { curl \"$@\"; }; g() { f \"$@\"; }; time g {{ q }}",
        "f() { curl \"$@\"; }; name=f; $name {{ q }}",
        "set -- {{ q }}; curl \"$@\"",
        "set -e {{ q }}; curl \"$@\"",
        "f() { curl \"$@\"; }; words=(); words+=(\"{{ q }}\"); f \"${words[@]}\"",
    ];
    let values = json!({"q": "-o /tmp/x"});
    for (sources, fine) in [(&taken[..], true), (&refused[..], false)] {
        for source in sources {
            assert_eq!(rendered(source, values.clone()).is_ok(), fine, "{source}");
        }
    }
}
