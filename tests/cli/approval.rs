//! Tools that a person must approve: never run for a model, however it calls them; run for a person who types it.

use serde_json::json;

use crate::support::Bench;

/// Tools that leave a trace when they run, behind globs of several kinds.
fn bench(globs: &str) -> Bench {
    let file = format!(
        "toolsets:\n  shop/orders:\n    description: d\n    approval_required_tools: {globs}\n    tools:\n      \
         - {{name: orders_cancel, description: d, command: 'echo ran >> trace; echo cancelled'}}\n      \
         - {{name: orders_list, description: d, command: 'echo listed'}}\n"
    );
    Bench::new().file("t.yaml", file)
}

#[test]
fn a_denied_tool_never_runs_alone_side_by_side_or_again() {
    for globs in
        ["['*_cancel']", "['Orders_Cancel']", "['**']", "['orders_[a-c]ancel']", "['[', 'orders_?ancel']"]
    {
        let call = |id: u32| json!({"tool": "orders_cancel", "arguments": {"id": id}});
        let bench = bench(globs).model(json!([
            {"call": [call(1), {"tool": "orders_list", "arguments": {}}, call(1), call(2)]},
            {"call": [call(1)]},
            {"say": "Nothing could be found."},
        ]));
        let ran = bench.run(["ask", "cancel order 1", "-t", "t.yaml", "--toolset", "shop/orders"]);
        assert!(!bench.path("trace").exists(), "{globs}: {}", ran.stderr);
        let told = bench.scripted().requests().last().unwrap().body.to_string();
        assert!(told.contains("needs a person's approval") && told.contains("it was not run"), "{told}");
    }
}

#[test]
fn a_person_who_types_the_call_has_approved_it() {
    let bench = bench("['*_cancel']");
    let ran = bench.run(["toolset", "run", "orders_cancel", "-t", "t.yaml", "--raw"]).exits(0);
    assert_eq!((ran.stdout.as_str(), bench.read("trace").as_str()), ("cancelled\n", "ran\n"));
}

#[test]
fn a_glob_that_means_no_tool_is_told() {
    let bench = bench("['orders_delete', 'orders_c*']");
    let ran = bench.run(["toolset", "run", "orders_list", "-t", "t.yaml", "--raw"]).exits(0);
    assert!(ran.stderr.contains("`orders_delete` in `approval_required_tools` means none"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("orders_c*"), "{}", ran.stderr);
}
