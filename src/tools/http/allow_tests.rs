//! Spellings that have led other programs past their lists, each with what must become of it.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use serde_json::json;

use super::super::settings::Settings;
use super::*;

fn settings() -> Settings {
    let config = json!({"endpoints": [
        {"hosts": ["api.example.com"], "paths": ["/v1/*", "/health", "/files/?.txt", "/x/[a-c]1", "/a b/*"]},
        {"hosts": ["*.svc.example.com"]},
        {"hosts": ["https://tls.example.com", "port.example.com:8080", "http://any.example.com:*"]},
        {"hosts": ["127.0.0.1:9090", "[fd00::7]:80", "bücher.example"]},
    ]});
    Settings::read(config.as_object().unwrap()).unwrap()
}

/// The host, port and path that would be asked, or why nothing would.
fn asked(url: &str) -> Result<String, String> {
    let url = read(url)?;
    settings().endpoint("GET", &url)?;
    Ok(url.to_string())
}

#[test]
fn spellings_that_mean_what_is_listed_are_one() {
    let mut wrong = Vec::new();
    for (url, asked_for) in [
        ("https://api.example.com/v1/x", "https://api.example.com/v1/x"),
        ("http://api.example.com/v1/x", "http://api.example.com/v1/x"),
        ("HTTPS://API.Example.COM/v1/x", "https://api.example.com/v1/x"),
        ("https://api.example.com:443/v1/x", "https://api.example.com/v1/x"),
        ("https://api.example.com:8443/v1/x", "https://api.example.com:8443/v1/x"),
        ("https://api.example.com./v1/x", "https://api.example.com/v1/x"),
        ("  https://api.example.com/v1/x\n", "https://api.example.com/v1/x"),
        ("https://%61pi.example.com/v1/x", "https://api.example.com/v1/x"),
        ("https://api。example。com/v1/x", "https://api.example.com/v1/x"),
        ("https://ａｐｉ.example.com/v1/x", "https://api.example.com/v1/x"),
        ("https://api.exa\u{ad}mple.com/v1/x", "https://api.example.com/v1/x"),
        ("https://api.example.com/v1/../v1/x", "https://api.example.com/v1/x"),
        ("https://api.example.com/v1/./x", "https://api.example.com/v1/x"),
        ("https://api.example.com/v1/%2e/x", "https://api.example.com/v1/x"),
        ("https://api.example.com/a/../v1/x", "https://api.example.com/v1/x"),
        ("https://api.example.com/v1/x?q=../../admin", "https://api.example.com/v1/x?q=../../admin"),
        ("https://api.example.com/v1/x?u=http://evil.com", "https://api.example.com/v1/x?u=http://evil.com"),
        ("https://api.example.com/v1/x?m=a@b", "https://api.example.com/v1/x?m=a@b"),
        ("https://api.example.com/v1/x?re=a\\d", "https://api.example.com/v1/x?re=a\\d"),
        ("https://api.example.com/v1/group%2Fproject", "https://api.example.com/v1/group%2Fproject"),
        ("https://api.example.com/v1/a@b", "https://api.example.com/v1/a@b"),
        ("https://api.example.com/v1/a:b", "https://api.example.com/v1/a:b"),
        ("https://api.example.com/v1/ä", "https://api.example.com/v1/%C3%A4"),
        ("https://api.example.com/%76%31/x", "https://api.example.com/%76%31/x"),
        ("https://api.example.com/health", "https://api.example.com/health"),
        ("https://api.example.com/files/a.txt", "https://api.example.com/files/a.txt"),
        ("https://api.example.com/x/b1", "https://api.example.com/x/b1"),
        ("https://api.example.com/a%20b/c", "https://api.example.com/a%20b/c"),
        ("https://api.example.com/a b/c", "https://api.example.com/a%20b/c"),
        ("http://a.svc.example.com/", "http://a.svc.example.com/"),
        ("http://a.b.svc.example.com:81/x/../y", "http://a.b.svc.example.com:81/y"),
        ("https://tls.example.com/", "https://tls.example.com/"),
        ("http://port.example.com:8080/", "http://port.example.com:8080/"),
        ("https://port.example.com:8080/", "https://port.example.com:8080/"),
        ("http://any.example.com:1/", "http://any.example.com:1/"),
        ("http://127.0.0.1:9090/", "http://127.0.0.1:9090/"),
        ("http://2130706433:9090/", "http://127.0.0.1:9090/"),
        ("http://0x7f.1:9090/", "http://127.0.0.1:9090/"),
        ("http://0177.0.0.1:9090/", "http://127.0.0.1:9090/"),
        ("http://127.1:9090/", "http://127.0.0.1:9090/"),
        ("http://[::ffff:127.0.0.1]:9090/", "http://[::ffff:7f00:1]:9090/"),
        ("http://[FD00:0:0::7]/", "http://[fd00::7]/"),
        ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
    ] {
        if asked(url) != Ok(asked_for.to_owned()) {
            wrong.push(format!("{url} → {:?}", asked(url)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn spellings_that_lead_elsewhere_are_refused() {
    let mut wrong = Vec::new();
    for url in [
        // No URL, or none of ours.
        "",
        "api.example.com/v1/x",
        "//api.example.com/v1/x",
        "https:api.example.com/v1/x",
        "https:/api.example.com/v1/x",
        "https:///api.example.com/v1/x",
        "https://",
        "https://?x",
        "file:///etc/passwd",
        "file://api.example.com/v1/x",
        "ftp://api.example.com/v1/x",
        "gopher://api.example.com/v1/x",
        "javascript://api.example.com/v1/%0aalert(1)",
        "data://api.example.com/v1/x",
        "ws://api.example.com/v1/x",
        // Letters that servers of some kinds make dots and slashes of.
        "https://api.example.com/v1/%u002e%u002e/admin",
        "https://api.example.com/v1/．．/admin",
        "https://api.example.com/v1/%ef%bc%8e%ef%bc%8e%ef%bc%8fadmin",
        "https://api.example.com/v1/..％2fadmin",
        "https://api.example.com/v1/%25ef%25bc%258e./admin",
        // Another host behind a listed name.
        "https://evil.com/v1/x",
        "https://api.example.com.evil.com/v1/x",
        "https://evil-api.example.com/v1/x",
        "https://example.com/v1/x",
        "https://xapi.example.com/v1/x",
        "https://api.example.com@evil.com/v1/x",
        "https://api.example.com:443@evil.com/v1/x",
        "https://api.example.com%40evil.com/v1/x",
        "https://api.example.com%2f@evil.com/v1/x",
        "https://api.example.com%2f.evil.com/v1/x",
        "https://api.example.com%23.evil.com/v1/x",
        "https://api.example.com%00.evil.com/v1/x",
        "https://evil.com#@api.example.com/v1/x",
        "https://evil.com?@api.example.com/v1/x",
        "https://evil.com\\@api.example.com/v1/x",
        "https://api.example.com\\@evil.com/v1/x",
        "https://api.example.com\\.evil.com/v1/x",
        "https:\\\\evil.com/v1/x",
        "https://evil.com\t.api.example.com/v1/x",
        "https://api.exam\nple.com/v1/x",
        "https://api.example.com\u{0}/v1/x",
        "https://user@api.example.com/v1/x",
        "https://user:pw@api.example.com/v1/x",
        "https://@api.example.com/v1/x",
        "https://:@api.example.com/v1/x",
        "https://api.example.com .evil.com/v1/x",
        "https://аpi.example.com/v1/x", // a Cyrillic a
        "https://api.example.com../v1/x",
        "https://.api.example.com/v1/x",
        "https://api..example.com/v1/x",
        "https://api.example.com:99999/v1/x",
        "https://api.example.com:-1/v1/x",
        "https://api.example.com:0/v1/x",
        "https://api.example.com:80:81/v1/x",
        // Wildcards.
        "http://svc.example.com/",
        "http://.svc.example.com/",
        "http://svc.example.com.evil.com/",
        "http://xsvc.example.com/",
        "http://a.svc.example.com.evil.com/",
        "http://evil.com/a.svc.example.com",
        // Scheme and port.
        "http://tls.example.com/",
        "https://tls.example.com:8443/",
        "http://tls.example.com:443/",
        "http://port.example.com/",
        "https://any.example.com/",
        // Addresses.
        "http://127.0.0.1/",
        "http://127.0.0.1:9091/",
        "http://127.0.0.2:9090/",
        "http://2130706434:9090/",
        "http://localhost:9090/",
        "http://0:9090/",
        "http://0.0.0.0:9090/",
        "http://[::1]:9090/",
        "http://[::]:9090/",
        "http://[::127.0.0.1]:9090/",
        "http://[::ffff:127.0.0.2]:9090/",
        "http://[fe80::1%25eth0]:9090/",
        "http://127.0.0.1.:9091/",
        "http://127.0.0.1.nip.io:9090/",
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://999.0.0.1:9090/",
        "http://127.0.0.1:9090@evil.com/",
        // Paths.
        "https://api.example.com/",
        "https://api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com/v10/x",
        "https://api.example.com/V1/x",
        "https://api.example.com//v1/x",
        "https://api.example.com/v1/../admin",
        "https://api.example.com/v1/%2e%2e/admin",
        "https://api.example.com/v1/.%2E/admin",
        "https://api.example.com/v1/..%2fadmin",
        "https://api.example.com/v1/%2e%2e%2fadmin",
        "https://api.example.com/v1/%252e%252e%252fadmin",
        "https://api.example.com/v1/%25252e%25252e%25252fadmin",
        "https://api.example.com/v1/%2525252525252e%2e/x",
        "https://api.example.com/v1/..%5cadmin",
        "https://api.example.com/v1/..\\admin",
        "https://api.example.com/v1\\..\\admin",
        "https://api.example.com/v1/..;/admin",
        "https://api.example.com/v1/..;x=1/admin",
        "https://api.example.com/v1/%2e%2e;/admin",
        "https://api.example.com/v1/..%3b/admin",
        "https://api.example.com/v1/x/../..//admin",
        "https://api.example.com/v1/%c0%ae%c0%ae/admin",
        "https://api.example.com/v1/x%00.txt",
        "https://api.example.com/v1/x%0d%0aHost:%20evil",
        "https://api.example.com/health/",
        "https://api.example.com/health;/x",
        "https://api.example.com/files/ab.txt",
        "https://api.example.com/files/%2f.txt",
        "https://api.example.com/x/d1",
        "https://api.example.com/admin?/v1/x",
        "https://api.example.com/admin#/v1/x",
        "https://api.example.com/admin%3f/v1/x",
    ] {
        if let Ok(accepted) = asked(url) {
            wrong.push(format!("{url} → {accepted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked(&format!("https://api.example.com/v1/{}", "x".repeat(9000))).unwrap_err().contains("8192"));
}

#[test]
fn references_of_redirects_are_read_as_urls_are() {
    let base = read("https://api.example.com/v1/a").unwrap();
    let led = |to: &str| follow(&base, to).map(|url| url.to_string());
    assert_eq!(led("b?x#y"), Ok("https://api.example.com/v1/b?x".to_owned()));
    assert_eq!(led("//evil.com/v1/x"), Ok("https://evil.com/v1/x".to_owned()));
    assert_eq!(led("\\\\evil.com/v1/x"), Ok("https://evil.com/v1/x".to_owned()));
    assert_eq!(led("/\\evil.com/v1/x"), Ok("https://evil.com/v1/x".to_owned()));
    for wrong in ["file:///etc/passwd", "https://u:p@api.example.com/v1/x", "javascript:alert(1)", "http://"]
    {
        assert!(led(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn patterns_are_as_a_shell_has_them() {
    let matches = |pattern: &str, text: &str| {
        glob(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
    };
    for (pattern, text, expected) in [
        ("*", "/a/b", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a", false),
        ("/a/*/c", "/a/b/x/c", true),
        ("/*b*", "/aabaa", true),
        ("/[!a]b", "/ab", false),
        ("/[!a]b", "/cb", true),
        ("/[]]", "/]", true),
        ("/[a", "/[a", true),
        ("/a**", "/a", true),
        ("", "", true),
        ("/?", "/", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
    // Linear enough for patterns made to be slow.
    assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    assert!(!matches(&format!("{}b", "*a".repeat(300)), &"a".repeat(8000)));
}

/// Host and port of a URL by plain cutting, with no URL parser: the second opinion.
fn cut(url: &str) -> (String, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let authority = rest.split(['/', '?', '#']).next().unwrap();
    assert!(!authority.contains('@') && !authority.contains('\\') && !authority.contains('%'), "{url}");
    let usual = if scheme == "https" { "443" } else { "80" };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host.to_owned(), port.to_owned()),
        _ => (authority.to_owned(), usual.to_owned()),
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "https://",
            "http://",
            "api.example.com",
            "evil.com",
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "a.svc.example.com",
            "svc.example.com",
            "localhost",
            "@",
            ":",
            ":9090",
            ":443",
            "/",
            "//",
            "\\",
            "..",
            ".",
            "%2e",
            "%2f",
            "%5c",
            "%25",
            "%00",
            "?",
            "#",
            ";",
            "/v1/",
            "v1",
            "admin",
            " ",
            "\t",
            "。",
            "2130706433",
            "%40",
            "[",
            "]",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9.%/@:\\\\-]{1,4}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nothing_accepted_goes_to_a_host_that_is_not_listed(start in "(https?://(api\\.example\\.com|127\\.0\\.0\\.1:9090|a\\.svc\\.example\\.com)?)?", rest in pieces()) {
        if let Ok(url) = asked(&format!("{start}{rest}")) {
            let (host, port) = cut(&url);
            let bare = host.trim_matches(['[', ']']).parse::<IpAddr>();
            let known = match bare.map(|ip| ip.to_canonical()) {
                Ok(ip) => {
                    (ip == IpAddr::from(Ipv4Addr::LOCALHOST) && port == "9090")
                        || (ip == "fd00::7".parse::<IpAddr>().unwrap() && port == "80")
                }
                Err(_) => {
                    host == "api.example.com"
                        || host.ends_with(".svc.example.com")
                        || (host == "tls.example.com" && port == "443")
                        || (host == "port.example.com" && port == "8080")
                        || host == "any.example.com"
                        || host == "xn--bcher-kva.example"
                }
            };
            prop_assert!(known, "{url}");
            if host == "api.example.com" {
                let path = &url[url.find("example.com").unwrap()..];
                prop_assert!(!path.contains(".."), "{url}");
            }
        }
    }

    #[test]
    fn reading_twice_changes_nothing(text in pieces()) {
        if let Ok(url) = read(&text) {
            prop_assert_eq!(read(url.as_str()).map(|again| again.to_string()), Ok(url.to_string()));
        }
    }
}
