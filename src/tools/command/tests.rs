use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;

fn tool(template: &str, parameters: &[(&str, bool)]) -> (Toolset, ToolDefinition) {
    let definition = ToolDefinition {
        name: "probe".to_owned(),
        description: " Looks.\n".to_owned(),
        template: template.to_owned(),
        place: "t.yaml:7".to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, required)| Parameter {
                name: (*name).to_owned(),
                required: *required,
                types: vec!["string".to_owned()],
                ..Parameter::default()
            })
            .collect(),
        ..ToolDefinition::default()
    };
    let toolset = Toolset { name: "set".to_owned(), ..Toolset::default() };
    (toolset, definition)
}

fn made((toolset, definition): &(Toolset, ToolDefinition)) -> CommandTool {
    let caller = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("SECRET_NAME", "hidden"), ("OTHER", "x")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    CommandTool::new(toolset, definition, &caller).unwrap()
}

async fn outcome(parts: &(Toolset, ToolDefinition), params: Value) -> (Outcome, String) {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let (_sender, stop) = watch::channel(false);
    let outcome = made(parts).run(params.as_object().unwrap(), &output, stop).await;
    (outcome, std::fs::read_to_string(&output).unwrap_or_default())
}

#[tokio::test]
async fn a_value_arrives_whole_and_the_invocation_shows_it() {
    let (outcome, output) = outcome(&tool("echo {{ x }}", &[("x", true)]), json!({"x": "$(id) it's"})).await;
    assert_eq!((outcome.status, outcome.exit_code, outcome.error), (Status::Success, Some(0), None));
    assert_eq!(output, "$(id) it's\n");
    assert_eq!(outcome.invocation, r#"echo '$(id) it'"'"'s'"#);
}

#[tokio::test]
async fn wrong_arguments_run_nothing() {
    let parts = tool("touch ran; echo {{ x }}", &[("x", true)]);
    let (outcome, output) = outcome(&parts, json!({"y": "a"})).await;
    assert_eq!(outcome.status, Status::Error);
    assert!(outcome.error.unwrap().contains("required parameter `x` is missing"));
    assert_eq!(output, "");
}

#[tokio::test]
async fn endings_have_their_words() {
    let cases = [
        ("true", Status::NoData, None),
        ("echo a | grep b", Status::NoData, None),
        ("grep b /nonexistent", Status::Error, Some("exit 2: grep: /nonexistent: No such file or directory")),
        ("false", Status::Error, Some("exit 1, no output")),
        ("echo a; echo 'no route' >&2; exit 4", Status::Error, Some("exit 4: no route")),
        ("kill -9 $$", Status::Error, Some("killed by signal 9 (out of memory, or killed by hand)")),
    ];
    for (text, status, error) in cases {
        let (outcome, _) = outcome(&tool(text, &[]), json!({})).await;
        assert_eq!((outcome.status, outcome.error.as_deref()), (status, error), "{text}");
    }
    let (missing, _) = outcome(&tool("no-such-program-here", &[]), json!({})).await;
    let error = missing.error.unwrap();
    assert!(
        error.starts_with("exit 127, a program is not installed") && error.contains("no-such-program-here"),
        "{error}"
    );
}

#[tokio::test]
async fn a_time_limit_says_after_how_long_and_keeps_the_output() {
    let mut parts = tool("echo early; sleep 1000", &[]);
    parts.1.timeout = Some(Duration::from_secs(2));
    let (outcome, output) = outcome(&parts, json!({})).await;
    assert_eq!((outcome.status, output.as_str()), (Status::TimedOut, "early\n"));
    assert!(outcome.error.unwrap().starts_with("timed out after 2 s, 6 bytes"));
}

#[tokio::test]
async fn the_filter_replaces_the_output_and_its_failure_does_not() {
    let mut parts = tool("printf 'b\\na\\n'", &[]);
    parts.0.additional_instructions = Some("sort | head -n 1".to_owned());
    assert_eq!(outcome(&parts, json!({})).await.1, "a\n");
    parts.0.additional_instructions = Some("echo bad >&2; exit 3".to_owned());
    let (outcome, output) = outcome(&parts, json!({})).await;
    assert_eq!(output, "b\na\n");
    assert_eq!(outcome.error.unwrap(), "additional_instructions failed, output is unfiltered: exit 3: bad");
}

#[tokio::test]
async fn names_the_text_reads_are_there_and_never_shown() {
    let (outcome, output) = outcome(
        &tool("echo '$SECRET_NAME' \"${OTHER2:-none} ${OTHERS}\"; env | grep ^OTHER=", &[]),
        json!({}),
    )
    .await;
    assert_eq!(output, "hidden none \n");
    assert!(outcome.invocation.contains("'$SECRET_NAME'") && !outcome.invocation.contains("hidden"));
}

#[test]
fn the_schema_is_compact_and_in_order() {
    let mut parts = tool("echo {{ z }} {{ a }}", &[("z", true), ("a", false)]);
    parts.1.parameters[0].description = "What ".to_owned();
    parts.1.parameters[1].choices = vec![json!("x")];
    let tool = made(&parts);
    assert_eq!(tool.spec().description, "Looks.");
    assert_eq!(
        tool.spec().parameters.to_string(),
        r#"{"type":"object","properties":{"z":{"type":"string","description":"What"},"a":{"type":"string","enum":["x"]}},"required":["z"]}"#
    );
}

#[test]
fn the_progress_line_is_one_line_of_text() {
    let mut parts = tool("echo {{ x }}", &[("x", true)]);
    let params = json!({"x": "a\n\u{1b}[31mb", "y": null, "n": 3});
    let params = params.as_object().unwrap();
    assert_eq!(made(&parts).describe(params), "probe x=a [31mb n=3");
    parts.1.user_description = Some("look at\n {{ x }}".to_owned());
    assert_eq!(made(&parts).describe(params), "look at a [31mb");
    parts.1.user_description = Some("look at {{ x".to_owned());
    assert_eq!(made(&parts).describe(params), "probe x=a [31mb n=3");
}

#[test]
fn a_template_that_does_not_parse_says_where() {
    let (toolset, definition) = tool("echo {{ if x }}a{{ end }}", &[]);
    let error = CommandTool::new(&toolset, &definition, &[]).unwrap_err();
    assert!(
        error.starts_with("t.yaml:7: tool `probe`: template, line 1 column 6:")
            && error.contains("{% if x %}"),
        "{error}"
    );
}
