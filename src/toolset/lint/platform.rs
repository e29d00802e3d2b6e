//! Options that exist on one family of systems only.

use super::commands::Run;

/// What only BSD and macOS take, with what Linux takes in its place.
pub(super) fn bsd(run: &Run) -> Option<(String, &'static str)> {
    let texts: Vec<&str> = run.texts().collect();
    let begins = |start: &str| texts.iter().any(|text| text.starts_with(start));
    let after = |option: &str| {
        let at = texts.iter().position(|text| *text == option)?;
        texts.get(at + 1).copied()
    };
    let (what, instead) = match run.program.as_str() {
        "date" if begins("-v") => {
            ("date -v", "`date -d '2 hours ago'`, or seconds: `$(( $(date +%s) - 7200 ))`")
        }
        "date" if run.has(&["-j"]) => ("date -j", "`date -d`"),
        "date" if after("-r").is_some_and(|value| value.bytes().all(|b| b.is_ascii_digit())) => {
            ("date -r SECONDS", "`date -d @SECONDS`")
        }
        "sed" if after("-i") == Some("") => ("sed -i ''", "`sed -i`"),
        "stat"
            if after("-f").is_some_and(|format| format.contains('%'))
                && !begins("-c")
                && !begins("--format") =>
        {
            ("stat -f FORMAT", "`stat -c FORMAT`")
        }
        "xargs" if run.has(&["-J"]) => ("xargs -J", "`xargs -I{}`"),
        "find" if run.has(&["-E"]) => ("find -E", "`find -regextype posix-extended`"),
        "ps" if texts
            .iter()
            .any(|text| text.starts_with('-') && !text.starts_with("--") && bsd_order(text)) =>
        {
            ("ps -r and -m for order", "`ps -eo … --sort=-pcpu`")
        }
        "ps" if texts.contains(&"-M") => ("ps -M for threads", "`ps -L`, `top -H -b -n 1`"),
        "top" if run.has(&["-l"]) => ("top -l", "`top -b -n 1`"),
        "base64" if run.has(&["-D"]) => ("base64 -D", "`base64 -d`"),
        "tail" if run.has(&["-r"]) => ("tail -r", "`tac`"),
        "netstat" if after("-p").is_some_and(|value| matches!(value, "tcp" | "udp")) => {
            ("netstat -p tcp", "`ss -t`")
        }
        "md5" => ("md5", "`md5sum`"),
        "df" if run.has(&["-g"]) => ("df -g", "`df -BG`"),
        "sysctl" if begins("vm.swapusage") || begins("machdep.") => ("sysctl of macOS", "`free -m`, `lscpu`"),
        "log" if matches!(texts.first(), Some(&("show" | "stream"))) => {
            return Some(("`log` is a program of macOS".to_owned(), "`journalctl`"));
        }
        "gdate" | "gsed" | "greadlink" | "gstat" | "gtimeout" | "ghead" => {
            return Some((
                format!("`{}` is the name of GNU's program on macOS", run.program),
                "its name without the `g`",
            ));
        }
        "sysctl" if begins("hw.") => ("sysctl hw.…", "`nproc`, /proc/meminfo"),
        "vm_stat" | "launchctl" | "sw_vers" | "pbcopy" | "pbpaste" | "dscl" | "diskutil"
        | "system_profiler" | "fs_usage" | "dtruss" | "networksetup" | "scutil" | "memory_pressure" => {
            return Some((
                format!("`{}` is a program of macOS", run.program),
                "use a program that Linux has",
            ));
        }
        _ => return None,
    };
    Some((format!("`{what}` is the BSD spelling"), instead))
}

/// `-axr`, `-arcwwwxo`: letters before an `o`, which takes the rest.
fn bsd_order(text: &str) -> bool {
    let letters = text.trim_start_matches('-').split('o').next().unwrap_or_default();
    letters.contains('x') && letters.contains(['r', 'm'])
}

/// What only GNU's programs take.
pub(super) fn gnu(run: &Run) -> Option<&'static str> {
    let begins = |start: &str| run.texts().any(|text| text.starts_with(start));
    // `--` alone only ends the options.
    let long = run.texts().any(|text| text.len() > 2 && text.starts_with("--"));
    match run.program.as_str() {
        "date" if run.has(&["-d", "--date"]) => Some("date -d"),
        "date" if begins("-I") || begins("--iso") => Some("date -I"),
        "stat" if run.has(&["-c", "--format", "--printf"]) => Some("stat -c"),
        "grep" if run.short('P') => Some("grep -P"),
        "find" if begins("-printf") || begins("-regextype") => Some("find -printf"),
        "ps" if long => Some("ps --sort"),
        "df" if long => Some("df --output"),
        "du" if long => Some("du --max-depth"),
        "ls" if long => Some("ls --time-style"),
        "cut" if long => Some("cut --complement"),
        "head" if run.texts().any(|text| text.starts_with("-n-")) => Some("head -n -N"),
        "tac" => Some("tac"),
        "numfmt" => Some("numfmt"),
        _ => None,
    }
}
