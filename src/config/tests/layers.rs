use super::{Machine, is_below};
use crate::config::{FileState, Origin, Role};

/// Each row: which layers name a model, and which of them wins.
#[test]
fn the_stronger_layer_wins() {
    let layers = ["flag", "env", "project", "user", "system"];
    for present in 1_u32..32 {
        let has = |index: usize| present & (1 << index) != 0;
        let mut machine = Machine::new();
        if has(0) {
            machine = machine.flags(|flags| flags.model = Some("flag".to_owned()));
        }
        if has(1) {
            machine = machine.env("MODEL", "env");
        }
        if has(2) {
            machine = machine.project("model: project\n");
        }
        if has(3) {
            machine = machine.user("model: user\n");
        }
        if has(4) {
            machine = machine.system("model: system\n");
        }
        let winner = (0..5).find(|index| has(*index)).unwrap();
        let config = machine.config();
        assert_eq!(config.text("model").unwrap().as_deref(), Some(layers[winner]), "{present:05b}");
    }
}

#[test]
fn every_value_knows_its_origin() {
    let machine = Machine::new()
        .flags(|flags| flags.max_steps = Some(3))
        .env("HOLMES_TIMEOUT", "5m")
        .user("# ours\nmax_cost: 1.5\n");
    let config = machine.config();
    let origin = |key: &str| machine.plain(&config.origin(key).to_string());
    assert_eq!(origin("max_steps"), "--max-steps");
    assert_eq!(origin("timeout"), "env HOLMES_TIMEOUT");
    assert_eq!(origin("max_cost"), "home/.holmes/config.yaml:2");
    assert_eq!(config.origin("tool_timeout"), Origin::Default);
    let limits = config.limits().unwrap();
    assert_eq!(limits.max_steps, 3);
    assert_eq!(limits.timeout.unwrap().as_secs(), 300);
    assert_eq!(limits.max_cost, Some(1.5));
    assert_eq!(limits.tool_timeout.as_secs(), 60);
}

#[test]
fn our_name_in_the_environment_wins_over_the_general_one() {
    let machine = Machine::new().env("MODEL", "general").env("HOLMES_MODEL", "ours");
    assert_eq!(machine.config().text("model").unwrap().as_deref(), Some("ours"));
    let machine = Machine::new().env("OPENAI_BASE_URL", "http://b").env("OPENAI_API_BASE", "http://a");
    assert_eq!(machine.config().text("api_base").unwrap().as_deref(), Some("http://a"));
}

#[test]
fn a_project_file_is_found_from_below_up_to_the_checkout() {
    let machine = Machine::new().file(".holmes/config.yaml", "model: outside\n");
    assert_eq!(machine.config().text("model").unwrap(), None);
    let machine = machine.project("model: inside\n");
    assert_eq!(machine.config().text("model").unwrap().as_deref(), Some("inside"));
}

#[test]
fn outside_a_checkout_only_the_current_folder_counts() {
    let machine = Machine::new().project("model: above\n");
    std::fs::remove_dir(machine.path("work/.git")).unwrap();
    assert_eq!(machine.config().text("model").unwrap(), None);
}

#[test]
fn a_project_file_that_redirects_data_is_named() {
    let machine = Machine::new().project(
        "model: x\napi_base: http://127.0.0.1:1\ncustom_toolsets: [t.yaml]\ntoolsets: {a: {enabled: true}}\n",
    );
    assert_eq!(
        machine.warnings(),
        ["work/.holmes/config.yaml: this project file sets `api_base`, `toolsets`, `custom_toolsets`: \
             it decides where data goes or what runs"]
    );
    assert!(Machine::new().project("model: x\n").warnings().is_empty());
}

#[test]
fn a_named_file_replaces_the_user_file_alone() {
    let machine = Machine::new()
        .user("model: user\nmax_steps: 7\n")
        .system("max_cost: 2\n")
        .file("other.yaml", "model: other\n");
    let path = machine.path("other.yaml");
    let machine = machine.env("HOLMES_CONFIG_PATH", &path.display().to_string());
    let config = machine.config();
    assert_eq!(config.text("model").unwrap().as_deref(), Some("other"));
    assert_eq!(config.limits().unwrap().max_steps, 100);
    assert_eq!(config.limits().unwrap().max_cost, Some(2.0));
}

#[test]
fn a_named_file_that_is_missing_is_an_error_as_a_flag_and_a_warning_in_the_environment() {
    let machine = Machine::new().flags(|flags| flags.config = Some("/nowhere/c.yaml".into()));
    assert_eq!(machine.error(), "config file `/nowhere/c.yaml` cannot be read: no such file");
    let machine = Machine::new().env("HOLMES_CONFIG_PATH", "/nowhere/c.yaml");
    assert_eq!(machine.warnings(), ["/nowhere/c.yaml: named by `HOLMES_CONFIG_PATH`, does not exist"]);
}

#[test]
fn the_first_user_file_hides_the_second_and_it_is_told() {
    let machine =
        Machine::new().user("model: first\n").file("home/.config/holmes-rs/config.yaml", "model: second\n");
    let config = machine.config();
    assert_eq!(config.text("model").unwrap().as_deref(), Some("first"));
    let looked_for: Vec<_> = config.consulted().iter().map(|file| (file.role, &file.state)).collect();
    assert_eq!(looked_for.len(), 4);
    assert_eq!(looked_for[0], (Role::Project, &FileState::Missing));
    assert_eq!(looked_for[1], (Role::User, &FileState::Read));
    assert!(matches!(looked_for[2], (Role::User, FileState::Skipped(_))));
    assert_eq!(looked_for[3], (Role::System, &FileState::Missing));
    assert!(is_below(&config.consulted()[3].path, &machine, "etc/config.yaml"));
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    let machine = Machine::new().user("modle: gpt-5\nzzzzzz: 1\nresume: abc\n").env("HOLMES_TIMOUT", "1");
    assert_eq!(
        machine.warnings(),
        [
            "home/.holmes/config.yaml:1:1: unknown key `modle`, did you mean `model`?",
            "home/.holmes/config.yaml:2:1: unknown key `zzzzzz`",
            "home/.holmes/config.yaml:3:1: `resume` is ignored in a file: it is for one call, as --resume",
            "environment: `HOLMES_TIMOUT` is no known variable, did you mean `HOLMES_TIMEOUT`?",
        ]
    );
}

#[test]
fn a_config_of_holmesgpt_loads_without_a_word() {
    let machine = Machine::new().user(
        "model: gpt-4o\nfast_model: gpt-4o-mini\nmax_steps: 40\ncluster_name: c\n\
         alertmanager_url: http://a\nalertmanager_label: [a=b]\njira_url: https://j\njira_api_key: k\n\
         slack_token: t\nslack_channel: '#c'\ngithub_pat: p\npagerduty_api_key: k\nopsgenie_query: q\n\
         custom_runbooks: [a]\ncustom_skill_paths: [b]\ncustom_runbook_catalogs: [c]\n\
         toolsets:\n  kubernetes/core: {enabled: false}\nmcp_servers: {}\nmodelList: {}\n",
    );
    assert_eq!(machine.warnings(), Vec::<String>::new());
    let sources = machine.config().toolset_sources().unwrap();
    let keys: Vec<_> = sources.blocks.iter().map(|block| block.key).collect();
    assert_eq!(keys, ["toolsets", "mcp_servers"]);
}

#[test]
fn toolset_blocks_come_weakest_first() {
    let machine = Machine::new()
        .project("toolsets: {a: {enabled: true}}\n")
        .user("toolsets: {a: {enabled: false}}\ncustom_toolsets: near.yaml\n")
        .file("home/.holmes/near.yaml", "toolsets: {}\n")
        .flags(|flags| flags.custom_toolsets = vec!["t.yaml".into()]);
    let sources = machine.config().toolset_sources().unwrap();
    let files: Vec<_> =
        sources.blocks.iter().map(|block| machine.plain(&block.path.display().to_string())).collect();
    assert_eq!(files, ["home/.holmes/config.yaml", "work/.holmes/config.yaml"]);
    assert_eq!(sources.files, [machine.path("home/.holmes/near.yaml")]);
    assert_eq!(sources.extra, [std::path::PathBuf::from("t.yaml")]);
}

#[test]
fn no_debug_and_no_listing_shows_a_secret() {
    let secret = "sk-aaaaaaaaaaaaaaaaaaaaaaaabcde";
    let machine = Machine::new()
        .user(&format!(
            "jira_api_key: {secret}\nextra_headers: {{Authorization: Bearer {secret}}}\n\
             alertmanager_url: http://u:{secret}@host/x?token={secret}\n\
             models:\n  m: {{model: x, api_key: {secret}, password: {secret}}}\n"
        ))
        .env("OPENAI_API_KEY", secret)
        .env("SLACK_TOKEN", "short")
        .flags(|flags| flags.api_key = Some(secret.into()));
    let config = machine.config();
    let model = config.model().unwrap();
    let all = format!("{config:?} {model:?} {:?} {:?} {:?}", config.shown(), config.models(), machine.flags);
    assert!(!all.contains(&secret[3..]), "{all}");
    assert!(!all.contains("short"), "{all}");
    assert!(all.contains("sk-…bcde"), "{all}");
}
