//! Redacts a log line by line as views are, and says how fast: what `tests/bench/run` measures.
//!
//!     cargo run --release --example redact -- clean|dense|FILE
//!
//! `clean` is a made-up service log without a secret; in `dense` each line has a word that secrets stand behind, and
//! every second one a secret. Megabytes by the processor's time go to stdout, and how many lines were changed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to whoever started it")]

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::Instant;

use holmes_rs::evidence::Redactor;
use holmes_rs::evidence::untrusted::visible;

/// Lines of a made-up log: some 100 MB, and 20 MB of the dense one.
const CLEAN: usize = 1_000_000;
const DENSE: usize = 250_000;

/// Lines redacted at once.
const BLOCK: usize = 10_000;

fn main() -> ExitCode {
    let Some(what) = std::env::args_os().nth(1) else {
        eprintln!("redact: `clean`, `dense`, or which file?");
        return ExitCode::from(2);
    };
    let all: Box<dyn Iterator<Item = String>> = match what.to_str() {
        Some("clean") => Box::new(made(CLEAN, clean)),
        Some("dense") => Box::new(made(DENSE, dense)),
        _ => match std::fs::File::open(&what) {
            Ok(file) => Box::new(lossy(file)),
            Err(error) => {
                eprintln!("redact: {}: {error}", what.display());
                return ExitCode::FAILURE;
            }
        },
    };
    let redactor = Redactor::new(
        [("DB_PASSWORD", "correct-horse-battery"), ("API_TOKEN", "as3cretThatIsNowhere")],
        &["sk-of-the-model-0123456789".to_owned()],
    );
    let (mut seconds, mut changed, mut length) = (0.0, 0, 0);
    let mut lines = all.map(|line| visible(&line)).peekable();
    while lines.peek().is_some() {
        let mut block: Vec<(u64, String)> = (1..).zip(lines.by_ref().take(BLOCK)).collect();
        let before: Vec<usize> = block.iter().map(|(_, line)| line.len()).collect();
        length += before.iter().sum::<usize>() + before.len();
        let started = Clock::now();
        redactor.redact_lines(&mut block);
        seconds += started.seconds();
        changed += block.iter().zip(before).filter(|((_, line), length)| line.len() != *length).count();
    }
    #[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
    let bytes = length as f64;
    println!("{:.0} MB/s, {changed} lines changed, {} secrets", bytes / 1e6 / seconds, redactor.count());
    ExitCode::SUCCESS
}

/// The processor's time of this program where the system says it, else the clock's.
struct Clock {
    processor: Option<f64>,
    wall: Instant,
}

impl Clock {
    fn now() -> Self {
        Self { processor: processor_seconds(), wall: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        match (self.processor, processor_seconds()) {
            (Some(before), Some(now)) => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Linux counts it in nanoseconds.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}

/// One by one: the peak is that of redaction, not of a log.
fn made(lines: usize, line: fn(&mut String, usize)) -> impl Iterator<Item = String> {
    (0..lines).map(move |n| {
        let mut text = String::new();
        line(&mut text, n);
        text
    })
}

fn lossy(file: std::fs::File) -> impl Iterator<Item = String> {
    let lines = std::io::BufReader::new(file).split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

fn time(out: &mut String, n: usize) {
    let _ = write!(
        out,
        "2026-01-01T{:02}:{:02}:{:02}.{:03}Z ",
        n / 360_000 % 24,
        n / 6_000 % 60,
        n / 100 % 60,
        n % 1_000
    );
}

fn clean(out: &mut String, n: usize) {
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    time(out, n);
    let _ = match n % 10 {
        0..4 => write!(out, "INFO  http request id={id:016x} method=GET path=/api/v1/items/{n} status=200"),
        4 | 5 => {
            write!(
                out,
                "INFO  shop-api-7d9f8b6c5-xk2lp GET http://cart.shop.svc:8080/v1/carts/{n} 200 {}ms",
                n % 90
            )
        }
        6 => write!(
            out,
            "INFO  {{\"level\":30,\"pid\":1,\"name\":\"orders\",\"msg\":\"request completed\",\"id\":\"{id:x}\",\"ms\":{}}}",
            n % 90
        ),
        7 | 8 => {
            write!(out, "DEBUG cache hit for user u{} key=session:{:08x} in pool main", n % 977, id >> 32)
        }
        _ => write!(out, "WARN  slow query: {} ms SELECT * FROM items WHERE id={n} errors=0", n % 900),
    };
}

fn dense(out: &mut String, n: usize) {
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    time(out, n);
    let _ = match n % 10 {
        0 => write!(out, "INFO  connecting to postgres://app:{:010x}@db.shop.svc:5432/orders", id >> 24),
        1 => write!(
            out,
            "WARN  token expired for user u{} after {} s, the token is refreshed",
            n % 977,
            n % 90
        ),
        2 => write!(out, "DEBUG request headers: Authorization: Bearer {id:016x}{id:016x} accept: */*"),
        3 => write!(
            out,
            "INFO  GET http://cart.shop.svc:8080/v1/carts/{n}?page_token_size=10 200 {} ms",
            n % 90
        ),
        4 => write!(out, "DEBUG env DB_PASSWORD=Zq{:06x} DB_HOST=db-{}", n % 5_000, n % 7),
        5 => write!(
            out,
            "ERROR password authentication failed for user \"u{}\" from 10.0.0.{}",
            n % 977,
            n % 250
        ),
        6 => write!(out, "INFO  {{\"user\":\"u{}\",\"client_secret\":\"{id:016x}\",\"n\":{n}}}", n % 977),
        7 => write!(out, "INFO  secret \"shop/registry-credentials\" mounted at /var/run/secrets/{}", n % 9),
        8 => write!(out, "DEBUG GET /v1/items?api_key={id:016x}{:08x}&page={} 200", id >> 32, n % 20),
        _ => write!(out, "DEBUG cache key for session_key_index of shard {} holds max_tokens: 4096", n % 64),
    };
}
