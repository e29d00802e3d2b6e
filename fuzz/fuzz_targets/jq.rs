//! Any program, compiled; and any JSON through programs that end. A program of the fuzzer's own is not run: nothing
//! here bounds its time, which in the product a process does.

#![no_main]

use holmes_rs::jq::{Form, check, run};
use libfuzzer_sys::fuzz_target;

const PROGRAMS: &[&str] = &[
    ".",
    ".. | numbers",
    "[paths] | length",
    "tostring",
    "tojson | fromjson",
    "map_values(. // empty)?",
    "$v, [.[]?] | sort",
    "(.a? // \"x\") | @base64, @json, @sh, @csv?, @html, @uri",
    "to_entries?",
    "tonumber?, ascii_downcase?, ltrimstr(\"a\"), test(\"a+\")?",
    ".[1:3]?, .[-1]?, first(.[]?), limit(3; .[]?)",
    "todate?, fromdate?, (tostring | explode | implode)",
];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (program, input) = text.split_once('\0').unwrap_or((&text, &text));
    let _ = check(program, &["v", "name"]);
    let variables = [("v".to_owned(), "[1, \"x\"]".to_owned())];
    // One of them each time: compiling takes longer than running.
    let number = input.len() % PROGRAMS.len();
    let form = Form { raw: number % 2 == 0, compact: number % 3 == 0 };
    let _ = run(PROGRAMS[number], &variables, input.as_bytes(), form, &mut std::io::sink());
});
