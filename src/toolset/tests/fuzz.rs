//! Whatever bytes a file holds, loading it ends with toolsets and warnings or one error.

use proptest::prelude::*;

use super::*;

const GOOD: &str = "toolsets:\n  a/b:\n    enabled: true\n    prerequisites:\n    - command: 'true'\n      timeout: 3s\n    - env: [A]\n    config: &c {x: '{{ env.TOKEN }}', y: [1, no]}\n    tools:\n    - name: t\n      parameters:\n        p: {type: [string, integer], enum: [a, b], any_of: [{type: string}]}\n      command: ls {{ p }} {% if q %}-x{% endif %}\n    - name: s\n      script: |\n        echo {{ r | default('') }}\nmcp_servers:\n  m: {url: 'http://x', config: *c}\n";

fn load_bytes(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    std::fs::write(&path, bytes).unwrap();
    if let Err(error) = load(&Sources { extra: vec![path], ..Sources::default() }, &environment()) {
        assert!(error.to_string().lines().count() <= 3, "{error}");
    }
}

/// Trees of the words the format knows and of things that stand in their place.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "",
        "a",
        "true",
        "auto",
        "{{ env.TOKEN }}",
        "{{ env.NO }}",
        "{{ x }}",
        "{{ if",
        "{% for",
        "mcp",
        "array[int]",
        "null",
        "30s",
        "llm_summarize",
        "toolsets:\n  a: {tools: []}",
        "ConfigMap",
        "v1",
        "*",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|truth| json!(truth)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        word.prop_map(|word| json!(word)),
    ];
    let key = prop::sample::select(
        crate::toolset::parse::TOOLSET_KEYS
            .iter()
            .chain(crate::toolset::tool::TOOL_KEYS)
            .copied()
            .chain(["items", "properties", "any_of", "required", "enum", "additional_properties", "toolsets"])
            .chain(["mcp_servers", "customToolsets", "holmes", "kind", "apiVersion", "data", "a", "<<"])
            .collect::<Vec<_>>(),
    );
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| {
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        load_bytes(&bytes);
    }

    #[test]
    fn a_good_file_with_parts_replaced(
        at in 0..GOOD.len(), length in 0usize..40, with in "[ \\-:{}\\[\\]*&|>'\"#%~0-9a-z\n\té]{0,12}",
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes.splice(at..(at + length).min(GOOD.len()), with.bytes());
        load_bytes(&bytes);
    }

    #[test]
    fn a_good_file_cut_short(at in 0..GOOD.len()) {
        load_bytes(&GOOD.as_bytes()[..at]);
    }

    #[test]
    fn trees_of_the_formats_own_words(tree in tree(), body in tree()) {
        load_bytes(tree.to_string().as_bytes());
        load_bytes(json!({"toolsets": {"a": body}}).to_string().as_bytes());
        load_bytes(json!({"toolsets": {"a": {"tools": [{"name": "t", "command": "ls", "parameters": {"p": tree}}]}}}).to_string().as_bytes());
    }

    /// Files of the catalogue with lines left out, doubled and moved in.
    #[test]
    fn real_files_with_lines_out_of_place(file in 0usize..64, at in 0usize..400, change in 0u8..4) {
        let files: Vec<_> = crate::toolset::builtin::files(None, &mut Vec::new());
        let text = String::from_utf8_lossy(&files[file % files.len()].text).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = at % lines.len();
        match change {
            0 => _ = lines.remove(at),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at].insert_str(0, "  "),
            _ => lines[at] = lines[at].trim_start().to_owned(),
        }
        load_bytes(lines.join("\n").as_bytes());
    }
}
