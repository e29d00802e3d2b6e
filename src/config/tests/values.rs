use std::time::Duration;

use crate::config::value::mask_url;
use crate::config::{mask, parse_duration};

#[test]
fn durations_in_all_their_forms() {
    let seconds = |text: &str| parse_duration(text).map(|duration| duration.as_secs_f64());
    assert_eq!(seconds("30s"), Ok(30.0));
    assert_eq!(seconds("5m"), Ok(300.0));
    assert_eq!(seconds("1h30m"), Ok(5400.0));
    assert_eq!(seconds("90"), Ok(90.0));
    assert_eq!(seconds(" 1.5 "), Ok(1.5));
    assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(seconds("1d"), Ok(86400.0));
    assert_eq!(seconds("0"), Err("a duration above zero".to_owned()));
    assert_eq!(seconds("99999999d"), Err("a duration of at most 365d".to_owned()));
    for wrong in ["", "s", "5x", "-5", "1h 30", "five", "NaN", "inf", "1..5s", "5m3"] {
        let needs = seconds(wrong).unwrap_err();
        assert!(needs.contains("`30s`, `5m`, `1h30m`"), "{wrong}: {needs}");
    }
}

#[test]
fn a_mask_shows_the_end_of_long_secrets_only() {
    assert_eq!(mask(&"short".into()), "***");
    assert_eq!(mask(&"".into()), "***");
    assert_eq!(mask(&"sk-0123456789abcdefghij".into()), "sk-…ghij");
    assert_eq!(mask(&"0123456789abcdefghiü".into()), "…ghiü");
}

#[test]
fn an_address_is_shown_without_its_password() {
    assert_eq!(mask_url("http://u:p@h:1/v1?key=k"), "http://***@h:1/v1?…");
    assert_eq!(mask_url("http://u:p/w@h"), "http://***@h");
    assert_eq!(mask_url("https://h/v1"), "https://h/v1");
    assert_eq!(mask_url("nonsense"), "nonsense");
}
