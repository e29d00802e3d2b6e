use proptest::prelude::*;

use super::Machine;
use crate::config::parse_duration;

#[test]
fn invalid_yaml_shows_place_line_and_caret() {
    let message = Machine::new().user("model: a\nmax_steps: [1, 2\n").error();
    let mut lines = message.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("home/.holmes/config.yaml:"), "{message}");
    assert!(message.lines().count() <= 3, "{message}");
    assert!(message.trim_end().ends_with('^'), "{message}");
}

#[test]
fn a_wrong_type_shows_place_line_and_caret() {
    insta::assert_snapshot!(Machine::new().user("model: a\nmax_steps: many\n").error(), @"
    home/.holmes/config.yaml:2:12: `max_steps` needs a whole number above zero, got `many`
    2 | max_steps: many
                   ^
    ");
    insta::assert_snapshot!(Machine::new().user("timeout: 5 parsecs\n").error(), @"
    home/.holmes/config.yaml:1:10: `timeout` needs a duration such as `30s`, `5m`, `1h30m` or a number of seconds, got `5 parsecs`
    1 | timeout: 5 parsecs
                 ^
    ");
    insta::assert_snapshot!(Machine::new().user("output: xml\n").error(), @"
    home/.holmes/config.yaml:1:9: `output` needs one of text, json, jsonl, markdown, html, got `xml`
    1 | output: xml
                ^
    ");
    insta::assert_snapshot!(Machine::new().user("toolsets: 3\n").error(), @"
    home/.holmes/config.yaml:1:11: `toolsets` needs a map of names, got `3`
    1 | toolsets: 3
                  ^
    ");
    insta::assert_snapshot!(Machine::new().user("- model\n").error(), @"
    home/.holmes/config.yaml:1:1: needs a map, got a list
    1 | - model
        ^
    ");
}

#[test]
fn the_line_of_a_secret_is_not_shown() {
    assert_eq!(
        Machine::new().user("api_key: [sk-secret]\n").error(),
        "home/.holmes/config.yaml:1:10: `api_key` needs a text, got a list"
    );
}

#[test]
fn a_missing_variable_is_named_where_its_value_is_used() {
    let machine =
        Machine::new().user("model: '{{ env.WHICH }}'\njira_api_key: '{{ env.JIRA }}'\napi_base: http://x\n");
    let config = machine.config();
    let error = config.model().unwrap_err();
    assert_eq!(
        machine.plain(&error.to_string()),
        "home/.holmes/config.yaml:1:8: `model` refers to the environment variable `WHICH`, which is not set"
    );
    assert_eq!(error.hints(), ["export WHICH=…, or write the value into the file"]);
    let machine = machine.env("WHICH", "gpt-5");
    assert_eq!(machine.model().model, "gpt-5");
}

#[test]
fn a_wrong_value_of_the_environment_names_it() {
    let machine = Machine::new().env("HOLMES_MAX_STEPS", "abc");
    assert_eq!(
        machine.config().limits().unwrap_err().to_string(),
        "env HOLMES_MAX_STEPS: `max_steps` needs a whole number above zero, got `abc`"
    );
}

#[test]
fn a_folder_binary_data_and_huge_files_are_one_line() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.path("home/.holmes/config.yaml")).unwrap();
    assert_eq!(machine.error(), "config file `home/.holmes/config.yaml` cannot be read: it is a folder");
    let machine = Machine::new().user("");
    let path = machine.path("home/.holmes/config.yaml");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("config.yaml", &path).unwrap();
    assert_eq!(
        machine.error(),
        "config file `home/.holmes/config.yaml` cannot be read: too many levels of symbolic links"
    );
    let machine = Machine::new().file("home/.holmes/config.yaml", b"model: \xff\n");
    assert_eq!(machine.error(), "home/.holmes/config.yaml:1:1: is not UTF-8 text: byte 0xff");
    let machine = Machine::new().file("home/.holmes/config.yaml", vec![b'#'; 17 << 20]);
    assert_eq!(
        machine.error(),
        "config file `home/.holmes/config.yaml` cannot be read: it is larger than 16 MiB"
    );
}

#[test]
fn an_empty_file_says_nothing() {
    for text in ["", "\n\n", "# only words\n", "---\n", "null\n", "model:\n"] {
        let machine = Machine::new().user(text);
        assert_eq!(machine.warnings(), Vec::<String>::new(), "{text:?}");
        assert_eq!(machine.config().text("model").unwrap(), None, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a file holds, loading it ends, and an error is short and says where.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let machine = Machine::new().file("home/.holmes/config.yaml", &bytes);
        if let Err(error) = machine.load() {
            let message = machine.plain(&error.to_string());
            prop_assert!(message.contains("config.yaml"), "{message}");
            prop_assert!(message.lines().count() <= 3, "{message}");
        }
    }

    /// The same for text that looks like a config file.
    #[test]
    fn arbitrary_settings_never_panic(
        lines in proptest::collection::vec(
            "(model|api_base|max_steps|timeout|models|toolsets|extra_headers|custom_toolsets|tool_calling): \
             ([a-z0-9]{0,5}|\\{a: \\{model: [a-z]{0,3}, api_key: 1\\}\\}|\\[1, a\\]|-1|\\{\\{ env.X \\}\\}|'\\{\\{ env.X \\}\\}|&a \\*a)",
            0..6,
        )
    ) {
        let machine = Machine::new().user(&lines.join("\n"));
        if let Ok(config) = machine.load() {
            // Errors are fine, a panic is not.
            let _ = (config.model().is_ok(), config.limits().is_ok(), config.toolset_sources().is_ok());
            prop_assert!(!config.shown().is_empty());
            let _ = config.models();
        }
    }

    #[test]
    fn durations_never_panic(text in "[0-9a-zA-Z. -]{0,12}") {
        if let Ok(duration) = parse_duration(&text) {
            prop_assert!(!duration.is_zero());
            prop_assert!(duration.as_secs() <= 365 * 24 * 3600);
        }
    }
}
