//! What never reaches a tool, and what a tool prints that never reaches anybody.

use serde_json::json;

use super::support::Bench;

const TOOLS: &str = r#"
toolsets:
  vault:
    config:
      url: "http://app:Zq8urlpass@127.0.0.1:9"
      password: hunter2
      api_key: Zq8-config-key
      headers: {Authorization: "Bearer Zq8-header-token"}
      nested: {auth: {pin: Zq81}}
    prerequisites:
      - command: "env > prerequisite.env"
    tools:
      - name: leak
        description: prints its configuration
        user_description: "leaking {{ config.password }}"
        command: "echo '{{ config.password }}' {{ config.api_key }} Zq8-header-token Zq81 Zq8urlpass; env > tool.env"
      - name: fail
        description: fails with it
        command: "echo \"login failed for {{ config.password }} at {{ config.url }}\" >&2; exit 3"
      - name: named
        description: names what it wants
        env: [WANTED_NAME, OPENAI_API_KEY, CUSTOM_LLM_KEY]
        command: "env > named.env; echo $READ_NAME $ANTHROPIC_API_KEY $CUSTOM_LLM_KEY"
"#;

fn bench() -> Bench {
    let models = "m: {model: x, api_base: \"http://127.0.0.1:9\", api_key: \"{{ env.CUSTOM_LLM_KEY }}\"}\n";
    // Its commands write down what they were given, where a contained one may not write.
    let mut bench =
        Bench::new().env("HOLMES_CONTAINMENT", "off").file("tools.yaml", TOOLS).file("models.yaml", models);
    for name in [
        "OPENAI_API_KEY",
        "AZURE_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "OPENROUTER_API_KEY",
        "CUSTOM_LLM_KEY",
        "UNRELATED_NAME",
        "SLACK_TOKEN",
        "WANTED_NAME",
        "READ_NAME",
        "LD_AUDIT",
        "BASH_ENV",
    ] {
        bench = bench.env(name, format!("leaked-{name}"));
    }
    bench.env("MODEL_LIST_FILE_LOCATION", "models.yaml")
}

const SECRETS: &[&str] = &["hunter2", "Zq8-config-key", "Zq8-header-token", "Zq81", "Zq8urlpass"];

#[test]
fn no_tool_sees_a_model_key_or_what_it_did_not_ask_for() {
    let bench = bench();
    bench.run(["toolset", "run", "leak", "-t", "tools.yaml", "--toolset", "vault"]).exits(0);
    bench.run(["toolset", "run", "named", "-t", "tools.yaml", "--toolset", "vault"]).exits(0);
    // A prerequisite gets what any tool of its toolset asks for.
    for (file, asked) in [
        ("tool.env", &[][..]),
        ("prerequisite.env", &["WANTED_NAME"]),
        ("named.env", &["WANTED_NAME", "READ_NAME"]),
    ] {
        let text = bench.read(file);
        let found: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("=leaked-")).map(|(name, _)| name).collect();
        let mut asked = asked.to_vec();
        asked.sort_unstable();
        let mut found = found;
        found.sort_unstable();
        assert_eq!(found, asked, "{file}");
    }
}

#[test]
fn secrets_of_a_toolset_are_in_nothing_that_is_shown() {
    let bench = bench();
    for tool in ["leak", "fail"] {
        for form in ["text", "json"] {
            let ran = bench.run([
                "toolset",
                "run",
                tool,
                "-t",
                "tools.yaml",
                "--toolset",
                "vault",
                "-o",
                form,
                "-v",
            ]);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!SECRETS.iter().any(|secret| said.contains(secret)), "{said}");
        }
    }
}

#[test]
fn nor_in_what_a_model_is_sent_nor_in_the_record() {
    let bench = bench().model(json!([
        {"call": [{"tool": "leak", "arguments": {}}, {"tool": "fail", "arguments": {}}]},
        {"say": "Root cause: x"}
    ]));
    let ran = bench.run([
        "ask",
        "-n",
        "what leaks?",
        "-t",
        "tools.yaml",
        "--toolset",
        "vault",
        "-o",
        "jsonl",
        "-vv",
    ]);
    let sent = format!("{:?}", bench.scripted().requests());
    for text in [&ran.stdout, &ran.stderr, &sent] {
        assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{text}");
    }
    assert!(ran.stdout.contains("<secret:"), "{}", ran.stdout);
    // Raw outputs are what was printed, for their owner alone; everything else of the record is redacted.
    let mut folders = vec![bench.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "jsonl" || end == "json" || end == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{}", path.display());
            }
        }
    }
}
