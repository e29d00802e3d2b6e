//! Failures: which kind, which words, how often it was tried.

use std::time::{Duration, Instant};

use holmes_rs::model::openai::{Azure, OpenAiModel, Settings};
use holmes_rs::model::{ModelError, ModelErrorKind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::bench::{question, quick, take, turn, turn_with};
use crate::support::scripted_model::ScriptedModel;

type Bad = (fn(&mut Settings), &'static str, &'static str);

fn hint(error: &ModelError) -> &str {
    error.hint.as_deref().unwrap_or_default()
}

fn refuse(status: u16, body: &Value) -> Value {
    json!([{"status": status, "body": body, "repeat": true}])
}

#[test]
fn what_a_person_must_change_is_named_and_not_retried() {
    for (status, body, words, hinted) in [
        (
            401,
            json!({"error": {"message": "Incorrect API key"}}),
            "401 Unauthorized: Incorrect API key",
            "OPENAI_API_KEY",
        ),
        (403, json!({"detail": "Forbidden for you"}), "403 Forbidden: Forbidden for you", "--api-key"),
        (
            403,
            json!("<html><title>Access denied</title></html>"),
            "an HTML page `Access denied`",
            "HTTPS_PROXY",
        ),
        (402, json!({"error": "pay"}), "402 Payment Required: pay", "credit"),
        (
            404,
            json!({"error": {"message": "The model `x` does not exist"}}),
            "/v1/chat/completions`, model `scripted`",
            "--model",
        ),
        (404, json!("404 page not found"), "404 page not found", "OPENAI_API_BASE"),
        (
            400,
            json!({"error": {"message": "bad\nthing\u{7}\u{202e}"}}),
            "400 Bad Request: bad thing",
            "refuses the request",
        ),
        (407, json!(""), "407", "HTTPS_PROXY"),
        (
            429,
            json!({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
            "429",
            "billing",
        ),
    ] {
        for stream in [false, true] {
            let turn = turn(&refuse(status, &body), stream);
            let error = turn.error();
            assert_eq!(error.kind, ModelErrorKind::Configuration, "{error:?}");
            assert!(error.message.contains(words), "{words}: {error:?}");
            assert!(hint(error).contains(hinted), "{hinted}: {error:?}");
            assert!(!error.message.contains(char::is_control), "{error:?}");
            assert_eq!(turn.requests.len(), 1, "{error:?}");
        }
    }
}

#[test]
fn what_passes_is_tried_again() {
    for status in [408, 409, 425, 429, 500, 502, 503, 504, 529] {
        let turn = turn(&json!([{"status": status, "body": "<html>busy</html>"}, {"say": "ok"}]), true);
        assert_eq!(turn.reply().message.text, "ok", "{status}");
        assert_eq!(turn.retries.len(), 1, "{status}");
        assert!(turn.retries[0].2.contains(&status.to_string()), "{:?}", turn.retries);
    }
    let turn = turn(&refuse(503, &json!({"error": "no"})), false);
    assert_eq!(turn.error().kind, ModelErrorKind::Unavailable);
    assert_eq!(
        turn.error().message,
        "the model endpoint answered 503 Service Unavailable: no (after 4 attempts)"
    );
    assert_eq!((turn.requests.len(), turn.retries.len()), (4, 3));
}

#[test]
fn the_server_says_how_long_to_wait_within_reason() {
    for headers in [
        json!({"retry-after": "0.002"}),
        json!({"retry-after-ms": "2"}),
        json!({"retry-after-ms": "2", "retry-after": "3600"}),
    ] {
        let turn = turn(&json!([{"status": 429, "headers": headers, "body": "slow"}, {"say": "ok"}]), true);
        assert_eq!(turn.reply().message.text, "ok");
        assert_eq!(turn.retries[0].1, Duration::from_millis(2), "{headers}");
    }
    let past =
        json!([{"status": 503, "headers": {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}}, {"say": "ok"}]);
    assert_eq!(turn(&past, true).reply().message.text, "ok");
    for wait in ["3600", "61", "1e18", "Fri, 31 Dec 2100 00:00:00 GMT"] {
        let turn = turn(&json!([{"status": 429, "headers": {"retry-after": wait}, "body": "slow"}]), true);
        assert_eq!(turn.error().kind, ModelErrorKind::Unavailable);
        assert!(turn.error().message.contains("asks to wait"), "{:?}", turn.error());
        assert_eq!(turn.requests.len(), 1);
    }
    // Longer than what is left of the budget.
    let turn = turn_with(&json!([{"status": 429, "headers": {"retry-after": "30"}}]), true, |settings| {
        settings.limits.budget = Duration::from_secs(5);
    });
    assert!(turn.error().message.contains("asks to wait 30 s"), "{:?}", turn.error());
}

#[test]
fn a_request_that_is_too_long_is_its_own_kind() {
    let body = json!({"error": {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.", "code": "context_length_exceeded"}});
    for stream in [false, true] {
        for scenario in [refuse(400, &body), json!([{"json": body}])] {
            let turn = turn(&scenario, stream);
            assert_eq!(turn.error().kind, ModelErrorKind::ContextTooLong { limit: Some(8192) });
            assert_eq!(turn.requests.len(), 1);
        }
    }
}

#[test]
fn web_pages_and_gibberish_are_told_apart() {
    for stream in [false, true] {
        let page = json!([{"json": "\n<!DOCTYPE html><html>Sign in</html>", "headers": {"x": "y"}}]);
        let turn_html = turn(&page, stream);
        assert_eq!(turn_html.error().kind, ModelErrorKind::Configuration);
        assert!(turn_html.error().message.contains("answered with HTML, not JSON; is the URL right?"));
        assert_eq!(turn_html.requests.len(), 1);

        let moved = json!([{"status": 302, "headers": {"location": "https://sso.example/login"}}]);
        let turn_moved = turn(&moved, stream);
        assert_eq!(turn_moved.error().kind, ModelErrorKind::Configuration);
        assert!(turn_moved.error().message.contains("a redirect to `https://sso.example/login`"));

        for nonsense in ["upstream connect error", "{\"choices\": [{\"mess", "17"] {
            let turn = turn(&json!([{"json": nonsense, "repeat": true}]), stream);
            assert_eq!(turn.error().kind, ModelErrorKind::Unavailable, "{nonsense}");
            assert!(turn.error().message.contains("no JSON"), "{nonsense}: {:?}", turn.error());
            assert_eq!(turn.requests.len(), 4, "{nonsense}");
        }
        let raw = turn(&json!([{"raw": "SSH-2.0-OpenSSH_9.6\r\n", "repeat": true}]), stream);
        assert_eq!(raw.error().kind, ModelErrorKind::Unavailable);
    }
}

#[test]
fn the_key_is_never_shown() {
    let key = "sk-very-secret-1234567890";
    for scenario in [
        refuse(401, &json!({"error": {"message": format!("Incorrect API key provided: {key}.")}})),
        refuse(500, &json!(format!("dump: authorization: Bearer {key}"))),
        json!([{"json": format!("oops {key}"), "repeat": true}]),
    ] {
        let turn = turn_with(&scenario, true, |settings| {
            settings.extra_headers = vec![("x-gateway-key".to_owned(), key.to_owned())];
        });
        assert!(!format!("{:?} {:?}", turn.error(), turn.retries).contains(key));
        let turn = turn_with(&scenario, true, |settings| {
            settings.api_key = Some(SecretString::from(key));
        });
        let shown = format!("{:?} {:?}", turn.error(), turn.retries);
        assert!(!shown.contains(key), "{shown}");
        assert!(shown.contains("***"), "{shown}");
    }
    let mut settings = Settings::new("m", "http://127.0.0.1:1");
    settings.api_key = Some(SecretString::from(key));
    settings.extra_headers = vec![("x-gateway-key".to_owned(), key.to_owned())];
    settings.api_base = format!("http://user:{key}@h/v1");
    let model = OpenAiModel::new(settings).unwrap();
    assert!(!format!("{model:?}").contains(key));
}

#[test]
fn long_words_of_a_server_are_cut() {
    let turn = turn(&refuse(400, &json!({"error": {"message": "é".repeat(100_000)}})), true);
    assert!(turn.error().message.chars().count() < 400);
}

#[test]
fn a_dead_server_fails_soon_and_says_so() {
    // Bound and dropped: nobody listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let model = OpenAiModel::new(Settings::new("m", format!("http://{address}"))).unwrap();
    let started = Instant::now();
    let turn = take(&model, None, &question(), true);
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(turn.error().kind, ModelErrorKind::Unavailable);
    assert_eq!(
        turn.error().message,
        format!("connection refused by `http://{address}/v1/chat/completions` (after 3 attempts)")
    );
    assert!(hint(turn.error()).contains("OPENAI_API_BASE"));
    assert_eq!(turn.retries.len(), 2);
}

#[test]
fn unknown_hosts_and_broken_tls_are_named() {
    // A label that is too long fails in the resolver itself: no packet leaves.
    let host = format!("{}.invalid", "x".repeat(64));
    let model = OpenAiModel::new(quick(Settings::new("m", format!("http://{host}/v1")))).unwrap();
    let turn = take(&model, None, &question(), true);
    assert!(turn.error().message.contains("cannot resolve `xxxx"), "{:?}", turn.error());

    let server = ScriptedModel::start(&json!([{"say": "plain", "repeat": true}]));
    let https = format!("https://localhost:{}", server.address().port());
    let model = OpenAiModel::new(quick(Settings::new("m", https))).unwrap();
    let turn = take(&model, None, &question(), true);
    assert!(turn.error().message.contains("TLS with `localhost` failed"), "{:?}", turn.error());
    assert!(hint(turn.error()).contains("does the server speak HTTPS"));
    assert_eq!(turn.retries.len(), 0);
}

#[test]
fn bad_settings_are_refused_with_their_name() {
    let base = "http://127.0.0.1:1/v1";
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::new("m", base);
        change(&mut settings);
        OpenAiModel::new(settings).map(|model| model.url())
    };
    let bad: Vec<Bad> = vec![
        (|s| s.api_base = String::new(), "API base is empty", "OPENAI_API_BASE"),
        (|s| s.api_base = "localhost:11434".to_owned(), "needs to start with `http://`", "OPENAI_API_BASE"),
        (|s| s.api_base = "ftp://x".to_owned(), "needs to start with `http://`", "--api-base"),
        (|s| s.api_base = "http://".to_owned(), "is no URL", "--api-base"),
        (|s| s.api_base = "http://[::1".to_owned(), "is no URL", "--api-base"),
        (|s| s.api_base = "http://a b/\n".to_owned(), "is no URL", "--api-base"),
        (|s| s.api_key = Some(SecretString::from("sk-a\nsk-b")), "line break", "OPENAI_API_KEY"),
        (|s| s.api_key = Some(SecretString::from("sk-é")), "not ASCII", "--api-key"),
        (|s| s.extra_headers.push(("a b".to_owned(), "c".to_owned())), "extra header `a b`", "header names"),
        (
            |s| {
                s.extra_headers.push(("a".to_owned(), "c\r\nd: e".to_owned()));
            },
            "extra header `a`",
            "one line",
        ),
        (|s| s.ca_file = Some("/nowhere/ca.pem".into()), "`/nowhere/ca.pem` cannot be read", "SSL_CERT_FILE"),
        (|s| s.ca_pem = Some("not base64!".to_owned()), "`CERTIFICATE` holds no readable certificate", "PEM"),
        (|s| s.ca_pem = Some("aGVsbG8=".to_owned()), "`CERTIFICATE` holds no readable certificate", "PEM"),
        (
            |s| {
                s.azure = Some(Azure { deployment: Some("a/b".to_owned()), api_version: String::new() });
            },
            "deployment `a/b`",
            "deployment",
        ),
    ];
    for (change, words, hinted) in bad {
        let error = with(change).expect_err(words);
        assert_eq!(error.kind, ModelErrorKind::Configuration);
        assert!(error.message.contains(words), "{words}: {error:?}");
        assert!(hint(&error).contains(hinted), "{hinted}: {error:?}");
    }
    for (typed, url) in [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"),
        (" http://127.0.0.1:11434/ ", "http://127.0.0.1:11434/v1/chat/completions"),
        ("http://h/v1//", "http://h/v1/chat/completions"),
        ("http://h/api", "http://h/api/chat/completions"),
        ("http://h/v1/chat/completions/", "http://h/v1/chat/completions"),
        ("http://user:pass@h/v1", "http://h/v1/chat/completions"),
    ] {
        let model = OpenAiModel::new(Settings::new("m", typed)).unwrap();
        assert_eq!(model.url(), url, "{typed}");
    }
}

/// A certificate that only has to be readable.
const CA: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBejCCAR+gAwIBAgIUDcfJWqV1Of2PhpC4HNegkZg6nOgwCgYIKoZIzj0EAwIw\n\
EjEQMA4GA1UEAwwHdGVzdCBjYTAeFw0yNjExMjEwNTQ5MzhaFw0zNjExMTgwNTQ5\n\
MzhaMBIxEDAOBgNVBAMMB3Rlc3QgY2EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
AAS1NvYd3LAmt6FN7MF+xXoCSvC19j4GO/oJOEVpHwm/v0Hg/xlgp6o5VNhtN80C\n\
32WDrtJDOrHGGJmnxnGkdtSQo1MwUTAdBgNVHQ4EFgQUO9IXeDd0JSIHCwS3ORF5\n\
+k20EcswHwYDVR0jBBgwFoAUO9IXeDd0JSIHCwS3ORF5+k20EcswDwYDVR0TAQH/\n\
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA/azYV+be95I1NYuuR2UusSFwgdOm\n\
NrmUFs7rM5KDT3sCIQCfUOHgNtqZx8BoAAATXqB233gs4mpJI+Ki87rZZNrgiw==\n\
-----END CERTIFICATE-----\n\
";

#[test]
fn further_roots_come_as_pem_base64_or_file() {
    let base64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJlakNDQVIrZ0F3SUJBZ0lVRGNmSldxVjFPZjJQaHBDNEhOZWdrWmc2bk9n\
d0NnWUlLb1pJemowRUF3SXcKRWpFUU1BNEdBMVVFQXd3SGRHVnpkQ0JqWVRBZUZ3MHlOakV4TWpFd05UUTVNemhhRncwek5qRXhN\
VGd3TlRRNQpNemhhTUJJeEVEQU9CZ05WQkFNTUIzUmxjM1FnWTJFd1dUQVRCZ2NxaGtqT1BRSUJCZ2dxaGtqT1BRTUJCd05DCkFB\
UzFOdllkM0xBbXQ2Rk43TUYreFhvQ1N2QzE5ajRHTy9vSk9FVnBId20vdjBIZy94bGdwNm81Vk5odE44MEMKMzJXRHJ0SkRPckhH\
R0ptbnhuR2tkdFNRbzFNd1VUQWRCZ05WSFE0RUZnUVVPOUlYZURkMEpTSUhDd1MzT1JGNQorazIwRWNzd0h3WURWUjBqQkJnd0Zv\
QVVPOUlYZURkMEpTSUhDd1MzT1JGNStrMjBFY3N3RHdZRFZSMFRBUUgvCkJBVXdBd0VCL3pBS0JnZ3Foa2pPUFFRREFnTkpBREJH\
QWlFQS9hellWK2JlOTVJMU5ZdXVSMlV1c1NGd2dkT20KTnJtVUZzN3JNNUtEVDNzQ0lRQ2ZVT0hnTnRxWng4Qm9BQUFUWHFCMjMz\
Z3M0bXBKSStLaTg3clpaTnJnaXc9PQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, CA).unwrap();
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings::new("m", "https://127.0.0.1:1");
        change(&mut settings);
        OpenAiModel::new(settings).map(|model| model.url())
    };
    let wrapped = format!("{}\n{}\n", &base64[..76], &base64[76..]);
    for pem in [CA, base64, wrapped.as_str(), " \n"] {
        with(&|settings| settings.ca_pem = Some(pem.to_owned())).unwrap();
    }
    with(&|settings| settings.ca_file = Some(file.clone())).unwrap();
}

#[test]
fn azure_is_spoken_to_as_azure() {
    let turn = turn_with(&json!([{"say": "ok"}]), true, |settings| {
        settings.api_base = settings.api_base.trim_end_matches("/v1").to_owned();
        settings.api_key = Some(SecretString::from("azkey"));
        settings.azure =
            Some(Azure { deployment: Some("prod".to_owned()), api_version: "2024-10-21".to_owned() });
    });
    turn.reply();
    let request = &turn.requests[0];
    assert_eq!(request.path, "/openai/deployments/prod/chat/completions?api-version=2024-10-21");
    assert_eq!(request.header("api-key"), Some("azkey"));
    assert_eq!(request.header("authorization"), None);
}

#[test]
fn no_key_sends_no_header() {
    for key in [None, Some(""), Some(" \n")] {
        let turn = turn_with(&json!([{"say": "ok"}]), true, |settings| {
            settings.api_key = key.map(SecretString::from);
        });
        turn.reply();
        assert_eq!(turn.requests[0].header("authorization"), None);
    }
}
