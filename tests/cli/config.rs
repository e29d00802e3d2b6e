//! What the words on the command line, in the environment and in files mean: through the binary.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

/// One to three lines, words and names a person can act on, nothing of the program's inside.
fn plain_error(ran: &Ran, words: &[&str]) {
    let lines: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("warning: ")).collect();
    assert!((1..=3).contains(&lines.len()), "{}", ran.stderr);
    assert!(lines[0].starts_with("error: "), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing in: {}", ran.stderr);
    }
    for inside in ["Error {", "Some(", "Err(", "panicked", "RUST_BACKTRACE", "\u{1b}"] {
        assert!(!ran.stderr.contains(inside), "{}", ran.stderr);
    }
    assert_eq!(ran.stdout, "");
}

#[test]
fn wrong_words_are_told_in_three_lines_with_the_nearest_right_one() {
    let rows: &[(&[&str], &[&str])] = &[
        (&["tooset", "list"], &["`tooset`", "did you mean `toolset`?"]),
        (&["aks", "why"], &["`aks`", "did you mean `ask`?"]),
        (&["toolset", "chek"], &["did you mean `check`?", "`holmes-rs toolset --help`"]),
        (&["toolset", "show", "host/cor"], &["no toolset or tool `host/cor`", "did you mean `host/core`?"]),
        (&["ask", "why", "--modell", "x"], &["`--modell`", "did you mean `--model`?"]),
        (&["ask", "why", "-o", "xml"], &["text, json, jsonl, markdown, html", "`xml`"]),
        (&["ask", "why", "--max-steps", "0"], &["`--max-steps` needs a whole number above zero, got `0`"]),
        (&["ask", "why", "--max-steps", "-1"], &["`-1`"]),
        (
            &["ask", "why", "--timeout", "5x"],
            &["`--timeout` takes a duration such as `30s`, `5m`, `1h30m` or a number of seconds, got `5x`"],
        ),
        (&["ask", "why", "--api-base", "foo"], &["`--api-base` needs an address", "`foo`"]),
        (&["ask", "why", "-t", "nowhere.yaml"], &["no file or folder `nowhere.yaml`"]),
        (
            &["ask", "why", "--destination", "carrier-pigeon"],
            &["cli, slack, webhook or file:PATH", "`carrier-pigeon`"],
        ),
        (&["ask", "why", "--destination", "file:answer.exe"], &["its form is not known", ".html"]),
        (&["ask", "why", "--webhook-header", "no-colon"], &["takes a name and a value"]),
        (&["ask", "why", "--sections=Summary"], &["there is no section `Summary`", "Next Steps"]),
        (&["ask", "why", "--tool-calling", "smoke"], &["auto, native, text", "`smoke`"]),
        (&["toolset", "list", "-o", "html"], &["`html`"]),
        (&["ask", "why", "--prompt-file", "q"], &["`--prompt-file` cannot be given together"]),
    ];
    for (words, told) in rows {
        let bench = Bench::new().env("OPENAI_API_BASE", "http://127.0.0.1:9/v1").env("MODEL", "m");
        plain_error(&bench.run(*words).exits(2), told);
    }
}

#[test]
fn a_mistyped_alias_names_the_nearest() {
    let bench = Bench::new().file(".holmes/model_list.yaml", "fast: {model: a}\nsmart: {model: b}\n");
    plain_error(&bench.run(["ask", "why", "--model", "fats"]).exits(3), &["`fats`", "did you mean `fast`?"]);
}

#[test]
fn an_address_of_a_checkout_gets_no_key_of_the_caller() {
    let bench = Bench::new().model(json!([{"say": "never asked"}])).env("HOLMES_CONFIGPATH_DIR", "/nowhere");
    let base = bench.scripted().base_url();
    let bench = bench
        .env("OPENAI_API_BASE", "")
        .file("checkout/.git/HEAD", "")
        .file("checkout/.holmes/config.yaml", format!("api_base: {base}\n"))
        .folder("checkout");
    let ran = bench.run(["ask", "why"]).exits(3);
    plain_error(&ran, &["checkout/.holmes/config.yaml:1:11", "an API key", "--api-base"]);
    assert!(!ran.stderr.contains("sk-test"));
    assert_eq!(bench.scripted().requests().len(), 0);
    let ran = bench.run(["ask", "why", "--api-base", &base]).exits(0);
    assert!(ran.stdout.starts_with("never asked"), "{}", ran.stdout);
}

/// Variable, value, then the setting as `config show` prints it.
const NAMES: &[(&str, &str, &str, &str)] = &[
    ("HOLMES_MODEL", "m", "model", "m"),
    ("MODEL", "m", "model", "m"),
    ("HOLMES_FAST_MODEL", "m", "fast_model", "m"),
    ("HOLMES_API_BASE", "http://h/v1", "api_base", "http://h/v1"),
    ("OPENAI_API_BASE", "http://h/v1", "api_base", "http://h/v1"),
    ("OPENAI_BASE_URL", "http://h/v1", "api_base", "http://h/v1"),
    ("OPENAI_API_KEY", "k", "api_key", "***"),
    ("HOLMES_CONTEXT_WINDOW", "8000", "context_window", "8000"),
    ("HOLMES_TOOL_CALLING", "native", "tool_calling", "native"),
    ("HOLMES_NO_LLM", "1", "no_llm", "true"),
    ("HOLMES_NO_LLM_FALLBACK", "true", "no_llm_fallback", "true"),
    ("HOLMES_NO_DETECTORS", "true", "no_detectors", "true"),
    ("HOLMES_SYSTEM_PROMPT_ADDITIONS", "x", "system_prompt_additions", "x"),
    ("HOLMES_MAX_STEPS", "7", "max_steps", "7"),
    ("HOLMES_TIMEOUT", "90s", "timeout", "1m30s"),
    ("HOLMES_MAX_TOKENS_TOTAL", "7", "max_tokens_total", "7"),
    ("HOLMES_MAX_COST", "0.5", "max_cost", "0.5"),
    ("HOLMES_CUSTOM_TOOLSETS", "a.yaml", "custom_toolsets", "a.yaml"),
    ("HOLMES_TOOLSET", "a,b", "toolset", "a, b"),
    ("HOLMES_REFRESH_TOOLSETS", "yes", "refresh_toolsets", "true"),
    ("HOLMES_OUTPUT", "markdown", "output", "markdown"),
    ("HOLMES_JSON_OUTPUT_FILE", "x.json", "json_output_file", "x.json"),
    ("HOLMES_SHOW_TOOL_OUTPUT", "1", "show_tool_output", "true"),
    ("HOLMES_LOG_COSTS", "1", "log_costs", "true"),
    ("HOLMES_SHOW_EGRESS", "x.txt", "show_egress", "x.txt"),
    ("HOLMES_ECHO", "0", "echo", "false"),
    ("HOLMES_EXIT_STATUS", "1", "exit_status", "true"),
    ("HOLMES_NO_RECORD", "1", "no_record", "true"),
    ("HOLMES_FILE", "a.log", "file", "a.log"),
    ("HOLMES_PROMPT_FILE", "q", "prompt_file", "q"),
    ("HOLMES_DESTINATION", "cli", "destination", "cli"),
    ("HOLMES_SECTIONS", "all", "sections", "all"),
    ("HOLMES_SLACK_TOKEN", "k", "slack_token", "***"),
    ("HOLMES_SLACK_API_URL", "http://h/api", "slack_api_url", "http://h/api"),
    ("HOLMES_WEBHOOK_URL", "http://h/x", "webhook_url", "***"),
    ("HOLMES_WEBHOOK_METHOD", "put", "webhook_method", "put"),
    ("HOLMES_WEBHOOK_HEADER", "{\"X-Key\": \"v\"}", "webhook_header", "X-Key: ***"),
    ("HOLMES_WEBHOOK_BODY", "{{ result }}", "webhook_body", "{{ result }}"),
    ("HOLMES_DELIVERY_TIMEOUT", "5s", "delivery_timeout", "5s"),
    ("HOLMES_SLACK_CHANNEL", "c", "slack_channel", "c"),
    ("HOLMES_BASH_ALWAYS_DENY", "1", "bash_always_deny", "true"),
    ("HOLMES_BASH_ALWAYS_ALLOW", "1", "bash_always_allow", "true"),
    ("HOLMES_CUSTOM_RUNBOOKS", "r", "custom_runbooks", "r"),
    ("HOLMES_POST_PROCESSING_PROMPT", "p", "post_processing_prompt", "p"),
    ("HOLMES_INTERACTIVE", "1", "interactive", "true"),
    ("HOLMES_NO_INTERACTIVE", "1", "no_interactive", "true"),
];

#[test]
fn every_flag_has_a_name_in_the_environment() {
    for (name, value, key, shown) in NAMES {
        let ran = Bench::new()
            .env("HOLMES_OUTPUT", "text")
            .env(name, *value)
            .run(["config", "show", "-o", "json"])
            .exits(0);
        let setting = &ran.json()["settings"][key];
        let text = match &setting["value"] {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        assert_eq!(
            (text.as_str(), setting["origin"].as_str()),
            (*shown, Some(format!("env {name}").as_str())),
            "{name}"
        );
    }
}

#[test]
fn no_flag_of_ask_is_without_a_name_in_the_environment() {
    let help = Bench::new().run(["ask", "--help"]).exits(0).stdout;
    let flags = help.split_whitespace().filter_map(|word| word.strip_prefix("--"));
    let flags = flags.map(|flag| flag.trim_end_matches([',', ')', '`', '.']));
    let mut missing: Vec<&str> = flags
        .filter(|flag| flag.len() > 2 && flag.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .filter(|flag| {
            let name = format!("HOLMES_{}", flag.to_uppercase().replace('-', "_"));
            !NAMES.iter().any(|(known, ..)| *known == name)
        })
        .collect();
    missing.sort_unstable();
    missing.dedup();
    // The key has HolmesGPT's name alone, `-v` is HOLMES_LOG, `--no-echo` is HOLMES_ECHO=0. Which run goes on is said each time.
    assert_eq!(missing, ["api-key", "config", "continue", "help", "no-echo", "resume", "verbose"]);
}

#[test]
fn a_flag_wins_over_the_environment_over_the_project_over_the_user() {
    let bench = Bench::new()
        .file(".holmes/config.yaml", "max_steps: 1\n")
        .file("checkout/.git/HEAD", "")
        .file("checkout/.holmes/config.yaml", "max_steps: 2\n")
        .folder("checkout");
    let steps = |bench: &Bench| {
        bench.run(["config", "show", "-o", "json"]).exits(0).json()["settings"]["max_steps"]["value"].clone()
    };
    assert_eq!(steps(&bench), 2);
    let bench = bench.env("HOLMES_MAX_STEPS", "3").env("MAX_STEPS", "4");
    assert_eq!(steps(&bench), 3);
    let ran = bench
        .env("OPENAI_API_BASE", "http://env/v1")
        .run(["config", "show", "--api-base", "http://flag/v1", "--model", "m", "-o", "json"])
        .exits(0);
    let settings = &ran.json()["settings"];
    assert_eq!(settings["api_base"], json!({"value": "http://flag/v1", "origin": "--api-base"}));
    assert_eq!(settings["model"]["origin"], "--model");
}

#[test]
fn what_the_environment_says_is_done() {
    let bench = Bench::new()
        .file("q.txt", "why is it red?")
        .file("app.log", "FATAL out of cheese")
        .env("HOLMES_PROMPT_FILE", "q.txt")
        .env("HOLMES_FILE", "app.log")
        .env("HOLMES_OUTPUT", "json")
        .env("HOLMES_JSON_OUTPUT_FILE", "out.json")
        .env("HOLMES_MAX_STEPS", "3")
        .env("HOLMES_NO_RECORD", "1")
        .env("HOLMES_ECHO", "0")
        .model(json!([{"say": "done", "repeat": true}]));
    let ran = bench.run(["ask"]).exits(0);
    let result = ran.json();
    assert_eq!(result["question"], "why is it red?");
    assert_eq!(result["budget"]["max_steps"], 3);
    assert_eq!(serde_json::from_str::<Value>(&bench.read("out.json")).unwrap(), result);
    assert!(bench.scripted().requests()[0].body.to_string().contains("out of cheese"));
    assert!(!ran.stderr.contains("why is it red?"), "{}", ran.stderr);
    assert!(!bench.path(".local/state/holmes-rs/runs").exists());
    let typed = bench.run(["ask", "typed", "words"]);
    assert!(!typed.stdout.contains("why is it red?"), "{}", typed.stdout);
}

#[test]
fn an_unreachable_model_falls_back_when_the_environment_says_so() {
    let bench = Bench::new()
        .env("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
        .env("MODEL", "m")
        .env("HOLMES_NO_LLM_FALLBACK", "1");
    let ran = bench.run(["ask", "why", "--toolset", "host/core"]).exits(0);
    assert!(ran.stderr.contains("the built-in rules answer"), "{}", ran.stderr);
}

#[test]
fn flags_of_holmesgpt_without_an_effect_say_so() {
    let bench = Bench::new()
        .file("books/queue.md", "# Queue\n\nLook at the queue.\n")
        .model(json!([{"say": "done", "repeat": true}]));
    let ran = bench.run(["ask", "why", "-r", "boks"]).exits(2);
    assert!(ran.stderr.starts_with("error: runbook `boks` does not exist\nhint: "), "{}", ran.stderr);
    let ran = bench
        .run(["ask", "why", "-r", "books", "-i", "--destination", "cli", "--tool-calling", "native"])
        .exits(0);
    assert!(ran.stderr.contains("`-i` has no effect"), "{}", ran.stderr);
    let quiet = bench.run(["ask", "why", "--bash-always-deny", "--slack-channel", "c"]).exits(0);
    assert!(!quiet.stderr.contains("no effect"), "{}", quiet.stderr);
    for more in [("-v", ""), ("--no-echo", "debug")] {
        let bench = Bench::new().env("HOLMES_LOG", more.1).model(json!([{"say": "done"}]));
        let ran = bench.run(["ask", "why", "--slack-channel", "c", more.0]).exits(0);
        assert!(ran.stderr.contains("`--slack-channel` has no effect"), "{}", ran.stderr);
    }
}
