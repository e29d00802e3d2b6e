//! The engine against recorded outputs of real programs (tests/fixtures/rules).
use super::*;

#[test]
fn embedded_patterns_and_templates_compile() {
    book::Book::check_embedded().unwrap();
}
