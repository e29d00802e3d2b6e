//! What docs/toolsets.md shows is what loads.

use super::*;

const PAGE: &str = include_str!("../../../docs/toolsets.md");

/// The page's YAML blocks, each with the line it begins on.
fn blocks() -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in PAGE.lines().enumerate() {
        match (open, line) {
            (false, "```yaml") => {
                open = true;
                found.push((number + 1, String::new()));
            }
            (true, "```") => open = false,
            (true, line) => {
                if let Some((_, text)) = found.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            _ => {}
        }
    }
    found
}

fn load_block(text: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "page.yaml", text);
    let mut env = environment();
    env.insert("SHOP_TOKEN".to_owned(), "t".to_owned());
    let mut loaded = load(&Sources { extra: vec![path], ..Sources::default() }, &env).unwrap();
    loaded.toolsets.retain(|_, toolset| toolset.origin != "builtin");
    loaded
}

#[test]
fn every_block_of_the_page_loads_without_a_word() {
    let blocks = blocks();
    assert!(blocks.len() >= 10, "{}", blocks.len());
    for (line, text) in blocks {
        let loaded = load_block(&text);
        assert_eq!(loaded.warnings, [], "block of line {line}");
        assert!(!loaded.toolsets.is_empty(), "block of line {line}");
        for toolset in loaded.toolsets.values() {
            assert_eq!(toolset.broken, None, "{}", toolset.name);
            for tool in &toolset.tools {
                assert_eq!(tool.broken, None, "{}", tool.name);
            }
        }
    }
}

#[test]
fn what_the_page_says_of_its_parameters_is_so() {
    let shape = |name: &str| -> Vec<String> {
        let needle = format!("name: {name}\n");
        let (_, text) = blocks().into_iter().find(|(_, text)| text.contains(&needle)).unwrap();
        let loaded = load_block(&text);
        let tool =
            loaded.toolsets.values().flat_map(|set| &set.tools).find(|tool| tool.name == name).unwrap();
        tool.parameters.iter().map(|p| format!("{}{}", p.name, if p.required { "!" } else { "" })).collect()
    };
    assert_eq!(shape("queue_oldest"), ["queue!", "limit"]);
    assert_eq!(shape("shop_pods"), ["namespace", "wide", "names!"]);
    assert_eq!(shape("shop_order"), ["number!"]);
    assert_eq!(shape("busy_nodes"), ["least"]);
    assert_eq!(shape("order_search"), ["states!", "since!", "filters!", "limit"]);
}

/// A key the format knows and the page does not is a key nobody finds.
#[test]
fn every_key_of_the_format_is_on_the_page() {
    let keys = crate::toolset::parse::TOOLSET_KEYS.iter().chain(crate::toolset::tool::TOOL_KEYS);
    let silent = ["path", "status", "error", "meta", "restricted", "toolset_name"];
    for key in keys.filter(|key| !silent.contains(key)) {
        assert!(PAGE.contains(&format!("`{key}`")), "{key}");
    }
}
