//! Fields that came with the years, and the spellings people found for them.

use super::*;

/// The one tool of a toolset `a` with `fields`, indented by four.
fn only(fields: &str) -> (Toolset, Vec<String>) {
    let (toolsets, warnings) = load_text(&format!("toolsets:\n  a:\n{fields}"));
    (toolsets["a"].clone(), warnings)
}

#[test]
fn newer_fields_are_kept() {
    let (toolset, warnings) = only(
        "    icon_url: https://i\n    subtype: mysql\n    experimental: yes\n    expose_remotely: true\n    status_refresh_interval_seconds: 90\n    examples: [hi]\n    tools:\n    - {name: t, command: ls, icon_url: https://t, examples: [{p: 1}]}\n",
    );
    assert_eq!(warnings, [""; 0]);
    assert_eq!((toolset.icon_url.as_deref(), toolset.subtype.as_deref()), (Some("https://i"), Some("mysql")));
    assert!(toolset.experimental && toolset.expose_remotely);
    assert_eq!(toolset.status_refresh_interval, Some(Duration::from_secs(90)));
    assert_eq!(toolset.examples, [json!("hi")]);
    let tool = &toolset.tools[0];
    assert_eq!(
        (tool.icon_url.as_deref(), tool.examples.as_slice()),
        (Some("https://t"), &[json!({"p": 1})][..])
    );
}

#[test]
fn transformers_of_a_tool_stand_before_its_toolsets() {
    let summary = |threshold, prompt: Option<&str>, model: Option<&str>| Transformer {
        name: "llm_summarize".to_owned(),
        input_threshold: threshold,
        prompt: prompt.map(str::to_owned),
        fast_model: model.map(str::to_owned),
    };
    let set =
        "    transformers: [{name: llm_summarize, config: {input_threshold: 500, fast_model: small}}]\n";
    for (own, expected) in [
        ("", summary(Some(500), None, Some("small"))),
        ("transformers: []", summary(Some(500), None, Some("small"))),
        (
            "transformers: [{name: llm_summarize, config: {prompt: p, input_threshold: 9}}]",
            summary(Some(9), Some("p"), Some("small")),
        ),
        (
            "transformer_configs: [{llm_summarize: {input_threshold: '7'}}]",
            summary(Some(7), None, Some("small")),
        ),
        ("transformers: llm_summarize", summary(Some(500), None, Some("small"))),
    ] {
        let (toolset, warnings) =
            only(&format!("{set}    tools:\n    - name: t\n      command: ls\n      {own}\n"));
        assert_eq!((toolset.tools[0].transformers.as_slice(), warnings.len()), (&[expected][..], 0), "{own}");
    }
    for (wrong, said) in [
        (
            "[{name: llm_sumarize}]",
            "f.yaml:3:20: transformer `llm_sumarize` is not known, it is left out; known: `llm_summarize`",
        ),
        ("[{config: {}}]", "f.yaml:3:20: a transformer needs a `name`, it is left out"),
        ("[[1]]", "f.yaml:3:20: a transformer needs a `name`, it is left out"),
        (
            "[{name: llm_summarize, config: {input_threshold: many}}]",
            "f.yaml:3:68: `input_threshold` needs a whole number, got the text `many`, it is left out",
        ),
        (
            "[{name: llm_summarize, config: {input_treshold: 1}}]",
            "f.yaml:3:51: unknown key `input_treshold` of a transformer's `config`, did you mean `input_threshold`?",
        ),
    ] {
        let (toolset, warnings) =
            only(&format!("    transformers: {wrong}\n    tools: [{{name: t, command: ls}}]\n"));
        assert_eq!((warnings, toolset.broken), (vec![said.to_owned()], None), "{wrong}");
    }
}

#[test]
fn parameters_become_json_schema() {
    for (written, types, schema) in [
        ("{type: 'array[int]'}", "array", json!({"items": {"type": "integer"}})),
        ("{type: array}", "array", json!({"items": {"type": "string"}})),
        ("{items: {type: bool}}", "array", json!({"items": {"type": "boolean"}})),
        ("{type: [string, null]}", "string|null", json!({})),
        ("{type: object}", "object", json!({})),
        (
            "{additional_properties: {type: int}}",
            "object",
            json!({"additionalProperties": {"type": "integer"}}),
        ),
        (
            "{type: string, json_schema_extra: {minLength: 2}, maxLength: 3}",
            "string",
            json!({"minLength": 2, "maxLength": 3}),
        ),
        (
            "{type: string, any_of: [{type: str}, {type: object, properties: {a: {type: int}}}]}",
            "",
            json!({"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}),
        ),
        (
            "{properties: {a: {type: int, required: true}, b: {required: false}, c: {}}}",
            "object",
            json!({
                "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "string"}},
                "required": ["a", "c"],
            }),
        ),
        (
            "{type: object, required: [a], properties: {a: Its name}}",
            "object",
            json!({"required": ["a"], "properties": {"a": {"type": "string", "description": "Its name"}}}),
        ),
    ] {
        let (toolset, warnings) = only(&format!(
            "    tools:\n    - {{name: t, command: 'ls {{{{ p }}}}', parameters: {{p: {written}}}}}\n"
        ));
        assert_eq!(warnings, [""; 0], "{written}");
        let tool = &toolset.tools[0];
        assert_eq!(tool.broken, None, "{written}");
        let parameter = &tool.parameters[0];
        assert_eq!(
            (parameter.types.join("|").as_str(), json!(parameter.schema)),
            (types, schema),
            "{written}"
        );
        assert!(parameter.required, "{written}");
    }
}

#[test]
fn names_of_the_environment_are_filled_where_they_stand() {
    let (toolset, warnings) = only(
        "    description: for {{ env.TOKEN }}\n    config: {list: ['{{env.TOKEN}}', {deep: 'a{{ env.TOKEN }}b'}], other: '{{ env.NO | default(\"d\") }}'}\n    prerequisites: [\"test '{{ env.TOKEN }}'\"]\n    tools:\n    - {name: t, command: \"echo '{{ env.TOKEN }}' {{ p }} {{ env.NO | default('d') }}\"}\n",
    );
    assert_eq!((warnings.len(), toolset.broken), (0, None));
    assert_eq!(toolset.description, "for s3cret");
    assert_eq!(json!(toolset.config), json!({"list": ["s3cret", {"deep": "as3cretb"}], "other": "d"}));
    assert!(
        matches!(&toolset.prerequisites[0], Prerequisite::Command { command, .. } if command == "test '${TOKEN}'")
    );
    // A secret is no text of a command.
    assert_eq!(toolset.tools[0].template, "echo '${TOKEN}' {{ p }} ${NO:-d}");
    assert_eq!(toolset.tools[0].parameters.len(), 1);

    for (fields, reason) in [
        (
            "    config: {a: [1, '{{ env.NO }}'], b: '{{ env.NOR }}'}",
            "f.yaml:3:21: environment variables `NO`, `NOR`, named in `config`, are not set",
        ),
        ("    llm_instructions: '{{ env.NO }}'", "f.yaml:3:23: environment variable `NO` is not set"),
    ] {
        let (toolset, _) = only(&format!("{fields}\n    tools: [{{name: t, command: ls}}]\n"));
        assert!(toolset.broken.as_deref().unwrap_or_default().starts_with(reason), "{:?}", toolset.broken);
    }
    // A later file that gives another `config` makes the first one's names moot.
    let (toolsets, _) = load_text(
        "toolsets:\n  a: {config: {x: '{{ env.NO }}'}, tools: [{name: t, command: ls}]}\n---\ntoolsets:\n  a: {config: {x: 1}}\n",
    );
    assert_eq!((toolsets["a"].broken.as_ref(), json!(toolsets["a"].config)), (None, json!({"x": 1})));
}

#[test]
fn servers_of_other_kinds_need_no_tools() {
    let (toolsets, warnings) = load_text(
        "toolsets:\n  h: {type: http, config: {endpoints: [{hosts: [x], auth: {value: 'k {{ env.TOKEN }}'}}]}}\n  d: {type: database, subtype: mysql, config: {connection_url: mysql://x}}\n  s: {type: sse, url: 'http://s'}\n  old: {description: x, url: 'http://o', headers: {key: '{{ env.TOKEN }}'}}\nmcp_servers:\n  typed: {type: sse, url: 'http://t'}\n  inner: {config: {type: stdio, command: c}}\n  beside: {command: c, args: [-x], env: {A: '{{ env.TOKEN }}'}, cwd: /tmp}\n  later: {config: {url: u, extra_headers: {A: '{{ env.LATER }} {{ request_context.headers }}'}}}\n",
    );
    assert_eq!(warnings, [""; 0]);
    let config = |name: &str| json!(toolsets[name].config);
    assert_eq!(config("h")["endpoints"][0]["auth"]["value"], "k s3cret");
    assert_eq!(config("old"), json!({"url": "http://o", "headers": {"key": "s3cret"}}));
    for (name, expected) in [
        ("s", json!({"url": "http://s", "mode": "sse"})),
        ("typed", json!({"url": "http://t", "mode": "sse"})),
        ("inner", json!({"command": "c", "mode": "stdio"})),
        ("beside", json!({"command": "c", "args": ["-x"], "env": {"A": "s3cret"}, "cwd": "/tmp"})),
        (
            "later",
            json!({"url": "u", "extra_headers": {"A": "{{ env.LATER }} {{ request_context.headers }}"}}),
        ),
    ] {
        let toolset = &toolsets[name];
        assert_eq!(
            (&toolset.broken, toolset.kind, json!(toolset.config)),
            (&None, ToolsetKind::Mcp, expected)
        );
    }
    assert_eq!(toolsets["h"].kind, ToolsetKind::Http);
    // A database has its tools from here on, under its own name.
    assert!(toolsets["d"].tools.iter().any(|tool| tool.name == "d_query"), "{:?}", toolsets["d"].broken);
}

#[test]
fn what_is_rejected_or_dropped_elsewhere_is_said_here() {
    for (fields, said) in [
        (
            "    tags: [kore]\n    tools: [{name: t, command: ls}]\n",
            "f.yaml:3:11: unknown tag `kore`, did you mean `core`?",
        ),
        (
            "    config: [1]\n    tools: [{name: t, command: ls}]\n",
            "f.yaml:3:13: `config` needs to be a map, got a list, it is left out",
        ),
        (
            "    tools:\n    - {name: t, command: ls, args: [{name: x}]}\n",
            "f.yaml:4:30: tool `t`: `args` has no effect, as in HolmesGPT; what `{{ name }}` in the command needs becomes a parameter, `parameters` describes them",
        ),
    ] {
        let (toolset, warnings) = only(fields);
        assert_eq!((warnings, toolset.broken), (vec![said.to_owned()], None));
    }
    let (toolset, _) = only("    description: mine\n");
    assert_eq!(
        toolset.broken.as_deref(),
        Some("f.yaml:2:3: toolset `a` has no `tools`, and none of that name is changed by it")
    );
}

#[test]
fn go_templates_are_told_with_their_jinja_spelling() {
    for (command, reason) in [
        (
            "x {{ if pod }}y{{ end }}",
            "`{{ if pod }}` is a Go template; in Jinja it is `{% if pod %}…{% endif %}`",
        ),
        (
            "x {{- range .items }}y{{ end }}",
            "`{{ range .items }}` is a Go template; in Jinja it is `{% for item in items %}…{% endfor %}`, or `{% raw %}",
        ),
        (
            "docker ps --format '{{.Names}}'",
            "`{{ .Names }}` is a Go template; in Jinja it is `{{ Names }}`, or `{% raw %}",
        ),
    ] {
        let (toolset, _) = only(&format!(
            "    tools:\n    - name: t\n      script: |\n        {command}\n    - {{name: u, command: ls}}\n"
        ));
        let broken = toolset.tools[0].broken.clone().unwrap();
        assert!(broken.starts_with("f.yaml:6:") && broken.contains(reason), "{broken}");
        assert_eq!((&toolset.broken, &toolset.tools[1].broken), (&None, &None));
    }
    let (toolset, _) = only(
        "    tools: [{name: t, command: \"docker ps --format '{% raw %}{{.Names}}{% endraw %}' {{ n }}\"}]\n",
    );
    assert_eq!((toolset.tools[0].broken.as_ref(), toolset.tools[0].parameters.len()), (None, 1));
}

#[test]
fn further_wrappers_are_opened() {
    let file = "toolsets:\n  a: {tools: [{name: t, command: ls}]}\n";
    let indent =
        |by: usize| file.lines().fold(String::new(), |text, line| text + &" ".repeat(by) + line + "\n");
    for text in [
        format!(
            "apiVersion: argoproj.io/v1\nkind: ApplicationSet\nspec:\n  template:\n    spec:\n      source:\n        helm:\n          valuesObject:\n{}",
            indent(12)
        ),
        format!("apiVersion: helm.cattle.io/v1\nkind: HelmChart\nspec:\n  valuesContent: |-\n{}", indent(4)),
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n- name: holmes\n  valuesInline:\n{}",
            indent(4)
        ),
        format!("extraEnvVarsSecrets: [x]\n{file}"),
        format!("model: gpt\nmax_steps: 3\n{file}"),
        format!("apiVersion: v1\nkind: Service\n---\n{file}"),
    ] {
        let (toolsets, warnings) = load_text(&text);
        assert_eq!((toolsets.len(), warnings.len()), (1, 0), "{text}\n{warnings:?}");
    }
    for (text, said) in [
        (
            "apiVersion: v1\nkind: Secret\ndata: {t.yaml: dG9vbHNldHM6}\n",
            "f.yaml:1:1: is a Secret, whose `data` is base64: give the decoded file, or a ConfigMap",
        ),
        (
            "a: {tools: []}\n",
            "f.yaml:1:1: holds no toolsets: put `a` and its like under a top-level `toolsets:`",
        ),
        (
            "name: a\ntools: []\n",
            "f.yaml:1:1: holds no toolsets: `tools` belong to a toolset, `toolsets: {NAME: {tools: […]}}`",
        ),
    ] {
        assert_eq!(load_text(text).1, [said]);
    }
}
