//! The format as people write it: good, odd and broken files, and what is said about them.

mod checks;
mod documented;
mod fields;
mod fuzz;
mod merging;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::*;

fn environment() -> BTreeMap<String, String> {
    [("TOKEN", "s3cret"), ("PATH", "/usr/local/bin:/usr/bin:/bin")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A file in a folder of its own, loaded as `-t`. Places are shortened to the file's name.
fn load_text(text: &str) -> (Toolsets, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    std::fs::write(&path, text).unwrap();
    let extra = vec![path];
    let loaded = load(&Sources { extra, ..Sources::default() }, &environment()).unwrap();
    let short = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    let mut toolsets = loaded.toolsets;
    for toolset in toolsets.values_mut() {
        toolset.origin = short(std::mem::take(&mut toolset.origin));
        toolset.broken = toolset.broken.take().map(short);
        for tool in &mut toolset.tools {
            tool.place = short(std::mem::take(&mut tool.place));
            tool.broken = tool.broken.take().map(short);
        }
    }
    toolsets.retain(|_, toolset| toolset.origin != "builtin");
    (toolsets, loaded.warnings.into_iter().map(|warning| short(warning.to_string())).collect())
}

fn one(text: &str) -> Toolset {
    let (toolsets, warnings) = load_text(text);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(toolsets.len(), 1, "{toolsets:?}");
    toolsets.into_values().next().unwrap()
}

#[test]
fn every_field_is_read() {
    let toolset = one(r#"
toolsets:
  shop/db:
    enabled: yes
    description: Orders database
    docs_url: https://docs
    icon_url: https://icon
    installation_instructions: install psql
    prerequisites:
      - command: psql --version
        expected_output: psql
        timeout: 3s
      - env: [PGHOST, PGUSER]
      - enabled: true
        disabled_reason: never
      - psql -c 'select 1'
    tags: [core, cli]
    config: {port: 5432, mode: 0755, token: "Bearer {{ env.TOKEN }}", later: "{{ pod }}"}
    llm_instructions: "Use it"
    additional_instructions: "grep -v noise"
    approval_required_tools: ["drop_*"]
    experimental: true
    expose_remotely: false
    status_refresh_interval_seconds: 30
    timeout: 2m
    tools:
      - name: orders
        description: Orders of a customer
        user_description: "orders of {{ customer }}"
        parameters:
          customer: {type: integer, description: id}
          state: {type: [string, "null"], enum: [open, yes, 1], default: open}
          filters:
            type: array
            items: {type: object, additional_properties: false}
          limit: {type: int, required: false}
        command: psql -c 'select {{ limit }}' {{ customer }} {{ host }} {% if verbose %}-v{% endif %}
        transformers: [{name: llm_summarize, config: {input_threshold: 1000}}]
        output: table
        read_only: true
        env: PGPASSWORD
        workdir: /tmp
      - name: dump
        script: |
          echo one
          echo {{ name | default('x') }}
        timeout: 0.5
"#);
    assert_eq!(toolset.name, "shop/db");
    assert_eq!(toolset.origin, "f.yaml");
    assert_eq!(toolset.broken, None);
    assert_eq!(toolset.prerequisites.len(), 4);
    let first = Prerequisite::Command {
        command: "psql --version".into(),
        expected_output: Some("psql".into()),
        timeout: Duration::from_secs(3),
    };
    assert_eq!(toolset.prerequisites[0], first);
    assert_eq!(toolset.tags, ["core", "cli"]);
    assert_eq!(
        json!(toolset.config),
        json!({"port": 5432, "mode": 493, "token": "Bearer s3cret", "later": "{{ pod }}"})
    );
    assert_eq!(toolset.approval_required_tools, ["drop_*"]);
    let orders = &toolset.tools[0];
    assert_eq!(orders.broken, None);
    let shape: Vec<_> =
        orders.parameters.iter().map(|p| (p.name.as_str(), p.required, p.types.join("|"))).collect();
    assert_eq!(
        shape,
        [
            ("customer", true, "integer".to_owned()),
            ("state", false, "string|null".to_owned()),
            ("filters", true, "array".to_owned()),
            ("limit", false, "integer".to_owned()),
            ("host", true, "string".to_owned()),
            ("verbose", false, "string".to_owned()),
        ]
    );
    assert_eq!(
        orders.parameters[2].schema["items"],
        json!({"type": "object", "additionalProperties": false})
    );
    assert_eq!(
        (orders.output, orders.read_only, orders.timeout),
        (OutputKind::Table, Some(true), Some(Duration::from_mins(2)))
    );
    assert_eq!(
        (orders.env.as_slice(), orders.workdir.as_deref()),
        (&["PGPASSWORD".to_owned()][..], Some("/tmp"))
    );
    let dump = &toolset.tools[1];
    assert_eq!(dump.timeout, Some(Duration::from_millis(500)));
    assert_eq!(dump.additional_instructions.as_deref(), Some("grep -v noise"));
    assert_eq!(dump.template, "echo one\necho {{ name | default('x') }}\n");
    assert!(!dump.parameters[0].required);
}

#[test]
fn older_and_looser_spellings_are_accepted() {
    for text in [
        "toolsets:\n  - name: a\n    tools: [{name: t, command: ls}]\n",
        "toolsets:\n  a:\n    name: a\n    prerequisites: true\n    tools: [{name: t, command: ls}]\n",
        "toolsets:\n  a:\n    prerequisites: {command: 'true'}\n    tools:\n    - {name: t, command: 'ls {{ p }}', parameters: [p]}\n",
        "toolsets:\n  a:\n    prerequisites:\n    tags: core\n    tools:\n    - {name: t, command: 'ls {{ p }}', parameters: [{name: p, type: string}]}\n",
        "anchors:\n  - &t {name: t, command: ls}\ntoolsets:\n  a:\n    tools: [*t]\nmcp_servers: {}\n",
        "x-base: &b\n  tools: [{name: t, command: ls}]\ntoolsets:\n  a:\n    <<: *b\n",
        "\u{feff}toolsets:\r\n  a:\r\n    tools:\r\n    - name: t\r\n      command: ls\r\n",
    ] {
        let toolset = one(text);
        assert_eq!((toolset.name.as_str(), toolset.enabled, &toolset.broken), ("a", true, &None), "{text}");
        assert_eq!((toolset.tools[0].name.as_str(), &toolset.tools[0].broken), ("t", &None), "{text}");
    }
    for text in ["toolsets:\n", "toolsets: {}\nmcp_servers:\n"] {
        assert_eq!(load_text(text), (Toolsets::new(), vec![]), "{text:?}");
    }
    for text in ["", "# nothing\n"] {
        let said = "f.yaml: is empty, a top-level `toolsets:` is needed".to_owned();
        assert_eq!(load_text(text), (Toolsets::new(), vec![said]), "{text:?}");
    }
}

#[test]
fn wrappers_are_opened() {
    let inner = "a:\n  tools: [{name: t, command: ls}]";
    let indent = |by: usize, text: &str| -> String {
        text.lines().fold(String::new(), |text, line| text + &" ".repeat(by) + line + "\n")
    };
    let file = format!("toolsets:\n{}", indent(2, inner));
    for text in [
        format!("holmes:\n  toolsets:\n{}", indent(4, inner)),
        format!("enableHolmesGPT: true\nholmes:\n  customToolsets:\n{}", indent(4, inner)),
        format!("customToolsets:\n{}", indent(2, inner)),
        format!("runner:\n  image: x\n  customToolsets:\n{}", indent(4, inner)),
        format!("holmes:\n  customToolsets: |\n{}", indent(4, &file)),
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  note: hello\n  t.yaml: |\n{}", indent(4, &file)),
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n        holmes:\n{}",
            indent(10, &file)
        ),
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources:\n  - helm:\n      valuesObject:\n        holmes:\n{}",
            indent(10, &file)
        ),
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    holmes:\n{}",
            indent(6, &file)
        ),
        format!("apiVersion: v1\nkind: Service\n---\n{file}"),
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data:\n    t: |\n{}",
            indent(6, &file)
        ),
    ] {
        let (toolsets, warnings) = load_text(&text);
        assert_eq!(toolsets.keys().collect::<Vec<_>>(), ["a"], "{text}\n{warnings:?}");
        assert_eq!(toolsets["a"].tools[0].broken, None);
    }
}

#[test]
fn places_inside_a_wrapper_are_those_of_the_file() {
    let text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  t.yaml: |\n    toolsets:\n      a:\n        enabled: maybe\n        tools: [{name: t, command: ls}]\n";
    let (toolsets, _) = load_text(text);
    assert_eq!(
        toolsets["a"].broken.as_deref(),
        Some("f.yaml:7:18: `enabled` needs true or false, got the text `maybe`, at: enabled: maybe")
    );
}

#[test]
fn odd_files_are_loaded_with_warnings() {
    let said = |text: &str| load_text(text).1;
    assert_eq!(
        said(
            "toolsets:\n  a:\n    promts: x\n    tool: []\n    tools:\n    - name: t\n      comand: x\n      command: ls\n"
        ),
        [
            "f.yaml:3:5: unknown key `promts` of toolset `a`",
            "f.yaml:4:5: unknown key `tool` of toolset `a`, did you mean `tools`?",
            "f.yaml:7:7: unknown key `comand` of tool `t`, did you mean `command`?",
        ]
    );
    assert_eq!(said("toolset:\n  a: {}\n"), ["f.yaml:1:1: unknown key `toolset`, did you mean `toolsets`?"]);
    assert_eq!(
        said("apiVersion: v1\nkind: ConfigMap\ndata:\n  t: |\n    toolsets:\n      a: {{ .Values.a }}\n"),
        [
            "f.yaml:6:10: holds Helm templating (`{{ .Values.a }}`), not plain YAML: give the rendered file (`helm template`)"
        ]
    );
    assert_eq!(said("- 1\n- 2\n"), ["f.yaml:1:1: holds no toolsets, a top-level `toolsets:` is needed"]);
    assert_eq!(said("toolsets: 3\n"), ["f.yaml:1:11: toolsets need to be a map, got the number 3"]);
    assert_eq!(said("toolsets:\n  nope:\n    enabled: true\n"), ["f.yaml:2:3: there is no toolset `nope`"]);
    assert_eq!(
        said("toolsets:\n  host/cor:\n    enabled: false\n"),
        ["f.yaml:2:3: there is no toolset `host/cor`, did you mean `host/core`?"]
    );
    assert_eq!(
        said(
            "toolsets:\n  a:\n    restricted_tools: [x]\n    tools:\n    - {name: t, command: ls}\n    - {name: t, command: ps}\n    - {command: ps}\n"
        ),
        [
            "f.yaml:3:5: `restricted_tools` has no effect, use `approval_required_tools`",
            "f.yaml:6:7: toolset `a` has two tools `t`, this one counts",
            "f.yaml:7:7: a tool without a `name` is left out",
        ]
    );
    assert_eq!(
        said(
            "toolsets:\n  a:\n    tools:\n    - {name: t, command: 'ls {{ x }}', parameters: {x: {type: strin, requird: no}}}\n"
        ),
        [
            "f.yaml:4:63: unknown type `strin`, `string` is taken",
            "f.yaml:4:70: unknown key `requird` of parameter `x`, did you mean `required`?",
        ]
    );
}

#[test]
fn a_broken_toolset_says_where_and_its_neighbours_load() {
    let cases = [
        ("a: 3", "f.yaml:3:6: `a` needs a map, got the number 3, at: a: 3"),
        (
            "a: {type: grpc, tools: [{name: x, command: ls}]}",
            "f.yaml:3:3: type `grpc` is not known; known: `http`, `mcp`, `database`, `mongodb`, none for commands",
        ),
        ("a: {tools: ls}", "f.yaml:3:14: `tools` needs a list, got the text `ls`, at: a: {tools: ls}"),
        (
            "a: {config: {k: '{{ env.NOPE }}'}, description: y}",
            "f.yaml:3:19: environment variable `NOPE`, named in `config`, is not set, at: a: {config: {k: '{{ env.NOPE }}'}, description: y}",
        ),
        (
            "a: {timeout: soon, description: y}",
            "f.yaml:3:16: `timeout` needs seconds or a time such as `30s`, `2m`, got the text `soon`, at: a: {timeout: soon, description: y}",
        ),
    ];
    for (body, reason) in cases {
        let (toolsets, _) =
            load_text(&format!("toolsets:\n  ok: {{tools: [{{name: fine, command: ls}}]}}\n  {body}\n"));
        assert_eq!(toolsets["a"].broken.as_deref(), Some(reason), "{body}");
        assert_eq!(toolsets["ok"].broken, None);
    }
}

#[test]
fn what_checks_nothing_and_has_no_name_is_left_out_with_a_word() {
    let (toolsets, warnings) = load_text(
        "toolsets:\n  a:\n    prerequisites: [{comand: x}, {}, {env: }, 'true']\n    tools:\n    - {name: t, script: one, command: two}\n    - {name: u, command: two, script: one}\n    - {name: v, command: 'ls {{ größe }}'}\n  '': {tools: []}\n",
    );
    let toolset = &toolsets["a"];
    assert_eq!((&toolset.broken, toolset.prerequisites.len(), toolsets.contains_key("")), (&None, 1, false));
    let templates: Vec<&str> = toolset.tools.iter().map(|tool| tool.template.as_str()).collect();
    assert_eq!(&templates[..2], ["two", "two"]);
    assert_eq!(
        toolset.tools[2].broken.as_deref(),
        Some(
            "f.yaml:7:35: `ö` cannot be part of a name in a template: letters are a to z, rename it, at: - {name: v, command: 'ls {{ größe }}'}"
        )
    );
    let nothing = "a prerequisite that checks nothing is left out: it needs `command`, `env`, `one_of`, `program` or `enabled`";
    let both = "has both `command` and `script`: the command is run, as in HolmesGPT, take one out";
    assert_eq!(
        warnings,
        [
            "f.yaml:3:22: unknown key `comand` of a prerequisite, did you mean `command`?".to_owned(),
            format!("f.yaml:3:21: {nothing}"),
            format!("f.yaml:3:34: {nothing}"),
            format!("f.yaml:3:38: {nothing}"),
            format!("f.yaml:5:30: tool `t` {both}"),
            format!("f.yaml:6:31: tool `u` {both}"),
            "f.yaml:8:3: a toolset with an empty name is left out, name it".to_owned(),
        ]
    );
}

#[test]
fn a_broken_tool_does_not_take_its_siblings_along() {
    let (toolsets, _) = load_text(
        "toolsets:\n  a:\n    tools:\n    - name: go\n      script: |\n        echo\n        {{ if pod }} x {{ end }}\n    - name: empty\n    - name: open\n      command: ls {{ x\n    - name: fine\n      command: ls\n",
    );
    let reasons: Vec<Option<&str>> = toolsets["a"].tools.iter().map(|tool| tool.broken.as_deref()).collect();
    assert!(reasons[0].unwrap().starts_with("f.yaml:7:"), "{reasons:?}");
    assert!(reasons[0].unwrap().contains("{% if"), "{reasons:?}");
    assert_eq!(
        reasons[1].unwrap(),
        "f.yaml:8:7: tool `empty` needs a `command` or a `script`, at: - name: empty"
    );
    assert!(reasons[2].unwrap().starts_with("f.yaml:10:"), "{reasons:?}");
    assert_eq!(reasons[3], None);
}

#[test]
fn every_toolset_of_the_binary_is_sound() {
    let loaded = load(&Sources::default(), &environment()).unwrap();
    assert_eq!(loaded.warnings, []);
    assert!(!loaded.toolsets.is_empty());
    for toolset in loaded.toolsets.values() {
        assert_eq!((&toolset.broken, toolset.origin.as_str()), (&None, "builtin"), "{}", toolset.name);
        // The one tool of `bash/core` is no template.
        let served = toolset.kind != ToolsetKind::Commands || toolset.name == "bash/core";
        assert!(!toolset.description.is_empty() && (served || !toolset.tools.is_empty()), "{}", toolset.name);
        for tool in &toolset.tools {
            // The one that writes says so, and is asked about.
            let reads = tool.name != "add_note";
            assert_eq!((&tool.broken, tool.read_only), (&None, Some(reads)), "{}", tool.name);
            assert!(!tool.description.is_empty(), "{}", tool.name);
        }
    }
}

#[test]
fn instructions_know_tools_and_config() {
    let told = |text: &str| {
        instructions(&one(&format!(
            "toolsets:\n  a:\n    config: {{port: 1}}\n    llm_instructions: '{text}'\n    tools: [{{name: t, command: ls}}]\n"
        )))
    };
    assert_eq!(told("use {{ tool_names | join }} at {{ config.port }} "), Ok(Some("use t at 1".to_owned())));
    assert_eq!(told(" "), Ok(None));
    assert_eq!(told("{{ \", \".join(tool_names) }} {{ config.none }}"), Ok(Some("t".to_owned())));
    assert!(told("{% if %}").unwrap_err().starts_with("`llm_instructions` of toolset `a`: template, line 1"));
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, "words.jinja2", "from {{ config.port }}");
    assert_eq!(told(&format!("file://{}", file.display())), Ok(Some("from 1".to_owned())));
    for (named, said) in [
        ("file:///nonexistent/x", "cannot read `/nonexistent/x`: "),
        ("file:///dev", "`/dev` is no file"),
        ("builtin://generic_ask.jinja2", "`builtin://` names a file inside HolmesGPT"),
    ] {
        let error = told(named).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    assert!(
        told("{% for x in range(100000) %}{% for y in range(100000) %}{% endfor %}{% endfor %}").is_err()
    );
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}
