use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::cli::model;
use crate::config::{Environment, Flags};

struct Home {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home").display().to_string();
        Home { root, variables: vec![("HOME".to_owned(), home)] }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("home/.holmes/config.yaml")
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { cwd: self.root.path().join("work"), system: self.root.path().join("etc") }
    }

    fn environment(&self) -> Environment {
        self.variables.iter().cloned().collect()
    }

    fn files(&self) -> Vec<Consulted> {
        look_for(None, &self.environment(), &self.surroundings())
    }

    fn config(&self) -> Config {
        Config::load(&Flags::default(), &self.environment(), &self.surroundings()).unwrap()
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.path().display()), "")
    }

    fn show(&self, all: bool, output: OutputFormat) -> String {
        self.plain(&show(&self.config(), all, output, &Terminal::plain()))
    }

    fn init(&self, force: bool) -> Result<(), ConfigError> {
        init(&place_for_new(&self.files(), PathBuf::new), force)
    }
}

#[test]
fn init_writes_a_private_file_once() {
    let home = Home::new();
    home.init(false).unwrap();
    let mode = fs::metadata(home.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = home.init(false).unwrap_err();
    assert!(error.to_string().ends_with("config.yaml` exists already"), "{error}");
    assert_eq!(error.hints(), ["`--force` replaces it"]);
    fs::write(home.file(), "model: mine\n").unwrap();
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o644)).unwrap();
    home.init(true).unwrap();
    assert_eq!(fs::read_to_string(home.file()).unwrap(), STARTER);
    assert_eq!(fs::metadata(home.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn every_line_of_the_starter_file_is_a_setting() {
    let home = Home::new().env("OPENAI_API_KEY", "k").env("AZURE_API_KEY", "a");
    home.init(false).unwrap();
    assert_eq!(home.config().warnings(), []);
    let settings: Vec<&str> = STARTER
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.trim_start().split(':').next().is_some_and(|key| !key.contains(' ')))
        .collect();
    assert!(settings.len() > 20, "{settings:?}");
    fs::write(home.file(), settings.join("\n")).unwrap();
    let config = home.config();
    assert_eq!(config.warnings(), []);
    assert_eq!(config.models().len(), 2);
    assert!(config.models().iter().all(|model| model.error.is_none()));
    assert_eq!(config.limits().unwrap().max_cost, Some(0.5));
}

#[test]
fn show_names_value_and_origin_and_hides_keys() {
    let home = Home::new().env("OPENAI_API_KEY", "sk-0123456789abcdefghij");
    fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    fs::write(home.file(), "\nmodel: gpt-5\nmax_cost: '{{ env.NOT_THERE }}'\n").unwrap();
    let text = home.show(false, OutputFormat::Text);
    let row = |key: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(row("model "), ["model", "gpt-5", "home/.holmes/config.yaml:2"]);
    assert_eq!(row("api_key "), ["api_key", "sk-…ghij", "env OPENAI_API_KEY"]);
    assert_eq!(row("max_steps "), ["max_steps", "100", "default"]);
    assert!(row("max_cost ")[1].contains("NOT_THERE"), "{text}");
    assert!(!text.contains("slack_token"), "{text}");
    assert!(text.ends_with("answered by: gpt-5 at https://api.openai.com/v1, key sk-…ghij\n"), "{text}");

    let json = home.show(true, OutputFormat::Json);
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["settings"]["max_steps"], json!({"value": 100, "origin": "default"}));
    assert_eq!(json["settings"]["model"]["origin"], "home/.holmes/config.yaml:2");
    assert_eq!(json["settings"]["slack_token"]["value"], Json::Null);
    assert_eq!(json["files"][1]["state"], "read");
    assert!(!json.to_string().contains("0123456789"), "{json}");
}

#[test]
fn path_lists_the_files_even_when_one_is_broken() {
    let home = Home::new();
    fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    fs::write(home.file(), "model: [\n").unwrap();
    let text = home.plain(&paths(&home.files(), OutputFormat::Text, &Terminal::plain()));
    let states: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        states,
        [
            ["work/.holmes/config.yaml", "project", "missing"],
            ["home/.holmes/config.yaml", "user", "read"],
            ["home/.config/holmes-rs/config.yaml", "user", "missing"],
            ["etc/config.yaml", "system", "missing"],
        ]
    );
}

#[test]
fn model_list_masks_keys_and_marks_the_chosen_one() {
    let home = Home::new().env("MODEL", "b");
    let list = |home: &Home, output| model::list(&home.config(), output, &Terminal::plain());
    assert_eq!(list(&home, OutputFormat::Text), "");
    fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    let models = "models:\n  a: {model: x, api_key: '{{ env.GONE }}'}\n  b: {model: y, api_base: 'http://u:secret@h/v1', \
                  api_key: 0123456789abcdefghijk, custom_args: {max_context_size: 8000}}\n";
    fs::write(home.file(), models).unwrap();
    let text = list(&home, OutputFormat::Text);
    let second = text.lines().nth(2).unwrap();
    assert!(
        second.starts_with("b*") && second.contains("http://***@h/v1") && second.contains("…hijk"),
        "{text}"
    );
    assert!(text.contains("GONE") && !text.contains("secret") && !text.contains("0123"), "{text}");
    let json: Json = serde_json::from_str(&list(&home, OutputFormat::Json)).unwrap();
    assert_eq!(json[1]["context_window"], 8000);
    assert_eq!(json[1]["chosen"], true);
}
