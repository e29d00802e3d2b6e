//! What a tool that only reads can write, by the binary: nothing but its scratch folder and caches, whatever it runs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Bench, Ran};

/// Whether this machine's kernel can hold tools; says so where it cannot.
fn holds(bench: &Bench) -> bool {
    let ran = bench.run(["toolset", "run", "hello", "-t", "tools.yaml", "-v"]);
    if ran.stderr.contains("contained: Landlock ABI") && !ran.stderr.contains("not contained") {
        return true;
    }
    println!("SKIPPED: this kernel has no Landlock: {}", ran.stderr.trim());
    false
}

/// A toolset `test` of one tool `look`, with more lines of YAML for it, and a harmless second one.
fn bench(script: &str, more: &str) -> Bench {
    let script = serde_json::to_string(script).unwrap();
    let yaml = format!(
        "toolsets:\n  test:\n    description: for tests\n    tools:\n      - name: look\n        description: looks\n        \
         command: {script}\n{more}      - name: hello\n        description: says hello\n        command: echo hello\n"
    );
    Bench::new().file("tools.yaml", yaml).file("kept.txt", "kept\n").env("HOLMES_TOOLSET", "test")
}

fn look(bench: &Bench) -> Ran {
    bench.run(["toolset", "run", "look", "--raw", "-t", "tools.yaml"])
}

/// Runs `script` contained; `None` where nothing can be contained here.
fn contained(script: &str) -> Option<(Bench, Ran)> {
    let bench = bench(script, "");
    holds(&bench).then(|| {
        let ran = look(&bench);
        (bench, ran)
    })
}

fn is_denied(ran: &Ran) -> bool {
    let said = format!("{}{}", ran.stdout, ran.stderr);
    ["Permission denied", "Operation not permitted", "Invalid cross-device link"]
        .iter()
        .any(|words| said.contains(words))
}

#[test]
fn nothing_outside_scratch_and_caches_can_be_written() {
    let name = format!("holmes-rs-test-{}", std::process::id());
    let places = [
        "$HOME",
        "/tmp",
        "/var/tmp",
        "/etc",
        ".",
        "$HOME/.config",
        "$HOME/.local/state/holmes-rs",
        "/dev/shm",
    ];
    let attempts: String = places
        .iter()
        .map(|place| {
            format!("touch {place}/{name} 2>/dev/null && echo wrote {place} || echo denied {place}\n")
        })
        .collect();
    let bench = bench(&attempts, "").file(".config/x", "").file(".local/state/holmes-rs/x", "");
    if !holds(&bench) {
        return;
    }
    let ran = look(&bench);
    for place in ["/tmp", "/var/tmp", "/etc", "/dev/shm"] {
        let _ = std::fs::remove_file(Path::new(place).join(&name));
    }
    assert!(!ran.stdout.contains("wrote"), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("denied").count(), places.len(), "{}", ran.stdout);
}

#[test]
fn every_way_of_writing_is_denied() {
    let ways = [
        "echo x > $HOME/new",
        "echo x >> $HOME/kept.txt",
        ": > $HOME/kept.txt",
        "truncate -s 0 $HOME/kept.txt",
        "rm $HOME/kept.txt",
        "mv $HOME/kept.txt $HOME/moved.txt",
        "mv $HOME/kept.txt $TMPDIR/moved.txt",
        "ln $HOME/kept.txt $HOME/link",
        // A second name in a folder that may be written would make the file writable.
        "ln $HOME/kept.txt $TMPDIR/link",
        "ln -s /etc $HOME/link",
        "mkdir $HOME/folder",
        "mkfifo $HOME/fifo",
        "cp $HOME/kept.txt $HOME/copy",
        // Through what a link in the scratch folder leads to.
        "ln -s $HOME $TMPDIR/home && echo x > $TMPDIR/home/new",
        "(echo x > $HOME/new)",
        "bash -c 'echo x > $HOME/new'",
        "sh -c 'sh -c \"echo x > $HOME/new\"'",
        "setsid -w bash -c 'echo x > $HOME/new'",
        "{ echo x > $HOME/new; } & wait $!",
        "env -i HOME=$HOME bash -c 'echo x > $HOME/new'",
        "find $HOME -name kept.txt -delete -o -name x -print",
        "sed -i s/kept/lost/ $HOME/kept.txt",
    ];
    let script: String = ways
        .iter()
        .enumerate()
        .map(|(at, way)| format!("{{ {way}\n}} >/dev/null 2>&1 && echo done {at} || echo denied {at}\n"))
        .collect();
    let Some((bench, ran)) = contained(&script) else { return };
    for (at, way) in ways.iter().enumerate() {
        // Where the command itself says nothing of it, what counts is below.
        let says = !way.starts_with("find");
        assert!(!says || ran.stdout.contains(&format!("denied {at}\n")), "{way}: {}", ran.stdout);
    }
    assert_eq!(bench.read("kept.txt"), "kept\n");
    let mut left: Vec<String> = std::fs::read_dir(bench.path(""))
        .unwrap()
        .map(|one| one.unwrap().file_name().to_string_lossy().into())
        .collect();
    left.retain(|name| !name.starts_with('.'));
    left.sort();
    assert_eq!(left, ["kept.txt", "tools.yaml"]);
}

#[test]
fn another_language_is_held_as_well() {
    let python = "import os, socket, sys\n\
        home = os.environ['HOME']\n\
        def tried(what, how):\n\
        \x20   try:\n\
        \x20       how(); print('done', what)\n\
        \x20   except OSError as error:\n\
        \x20       print('denied', what)\n\
        tried('open', lambda: open(home + '/new', 'w'))\n\
        tried('truncate', lambda: os.truncate(home + '/kept.txt', 0))\n\
        tried('rename', lambda: os.rename(home + '/kept.txt', home + '/other'))\n\
        tried('socket', lambda: socket.socket(socket.AF_UNIX).bind(home + '/socket'))\n\
        tried('node', lambda: os.mknod(home + '/node'))\n\
        tried('kill', lambda: os.kill(int(sys.argv[1]), 0))\n\
        tried('environ', lambda: open('/proc/%s/environ' % sys.argv[1]).read())\n\
        tried('memory', lambda: open('/proc/%s/mem' % sys.argv[1], 'rb').read(1))\n";
    let bench = bench("command -v python3 >/dev/null || exit 0\npython3 $HOME/try.py $PPID", "")
        .file("try.py", python);
    if !holds(&bench) {
        return;
    }
    let ran = look(&bench);
    if ran.stdout.is_empty() {
        println!("SKIPPED: python3 is not installed");
        return;
    }
    let kernel_scopes_signals =
        !bench.run(["toolset", "run", "hello", "-t", "tools.yaml", "-v"]).stderr.contains("leaves open");
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    for what in ["open", "truncate", "rename", "socket", "node", "environ", "memory"] {
        // Whoever may watch the whole machine may read that anywhere.
        if root && what == "environ" {
            continue;
        }
        let held = kernel_scopes_signals || what != "truncate";
        assert!(!held || ran.stdout.contains(&format!("denied {what}\n")), "{what}: {}", ran.stdout);
    }
    assert!(!kernel_scopes_signals || ran.stdout.contains("denied kill\n"), "{}", ran.stdout);
}

#[test]
fn scratch_caches_and_streams_stay_writable() {
    let script = "set -e\n\
        file=$(mktemp); echo scratch > $file; cat $file; mkdir $TMPDIR/a; mv $file $TMPDIR/a/b\n\
        echo cache > $HOME/.cache/x; cat $HOME/.cache/x\n\
        echo kube > $HOME/.kube/cache/x; cat $HOME/.kube/cache/x\n\
        echo aws > $HOME/.aws/cli/cache/x; echo aws > $HOME/.aws/sso/cache/x\n\
        ! echo evil 2>/dev/null > $HOME/.kube/config\n\
        ! echo evil 2>/dev/null > $HOME/.aws/config\n\
        echo out > /dev/stdout; echo err > /dev/stderr; echo none > /dev/null; echo four 4>&1 >&4\n\
        cat <<EOF\nhere\nEOF\n\
        cat <(echo process); echo piped | tee /dev/fd/1 | wc -l; : > /dev/null\n\
        python3 -c 'import tempfile; tempfile.TemporaryFile()' 2>/dev/null || ! command -v python3 >/dev/null\n\
        echo $TMPDIR";
    let bench = bench(script, "").file(".kube/config", "real").file(".aws/config", "real");
    if !holds(&bench) {
        return;
    }
    let ran = look(&bench).exits(0);
    for word in ["scratch", "cache", "kube", "out", "err", "four", "here", "process"] {
        assert!(ran.stdout.contains(&format!("{word}\n")), "{word}: {}", ran.stdout);
    }
    assert_eq!(
        (bench.read(".kube/config"), bench.read(".aws/config")),
        ("real".to_owned(), "real".to_owned())
    );
    let scratch = ran.stdout.lines().last().unwrap();
    assert!(scratch.contains("holmes-rs-") && !Path::new(scratch).exists(), "{scratch}");
}

#[test]
fn what_changes_something_or_says_that_it_cannot_be_contained_is_free() {
    for more in [
        "        read_only: false\n",
        "        contained: false\n",
        "        writable: ['~/kept.txt', '~']\n",
    ] {
        let bench = bench("echo new > $HOME/kept.txt; touch $HOME/new && cat $HOME/kept.txt", more);
        assert_eq!(look(&bench).exits(0).stdout, "new\n", "{more}");
    }
    let bench = bench("touch $HOME/new && echo done", "").env("HOLMES_CONTAINMENT", "off");
    assert_eq!(look(&bench).exits(0).stdout, "done\n");
}

#[test]
fn only_what_is_contained_loses_the_way_to_privileges() {
    let script = "grep NoNewPrivs /proc/self/status | tr -d '\\t'";
    let free = bench(script, "        read_only: false\n");
    assert_eq!(look(&free).exits(0).stdout, "NoNewPrivs:0\n");
    if let Some((_, ran)) = contained(script) {
        assert_eq!(ran.stdout, "NoNewPrivs:1\n");
    }
}

#[test]
fn a_paths_own_permission_is_one_path_only() {
    let bench =
        bench("echo x > $HOME/open/x && echo opened; touch $HOME/other", "        writable: [$HOME/open]\n")
            .file("open/y", "");
    if !holds(&bench) {
        return;
    }
    let ran = look(&bench);
    assert!(ran.stdout.contains("opened") && is_denied(&ran), "{ran:?}");
    assert!(bench.path("open/x").exists() && !bench.path("other").exists());
}

#[test]
fn a_person_learns_why_writing_failed_and_what_to_do() {
    let Some((_, ran)) = contained("touch $HOME/new") else { return };
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("Permission denied") && ran.stderr.contains("`writable: [PATH]`"),
        "{}",
        ran.stderr
    );
    // A refusal that has nothing to do with it goes without the remark.
    let Some((_, ran)) = contained("echo 'ERROR: permission denied for table x' >&2; exit 1") else { return };
    assert!(!ran.stderr.contains("writable"), "{}", ran.stderr);
}

#[test]
fn a_mistaken_path_is_named_with_its_place() {
    let bench = bench("echo x", "        writable: [data/x]\n");
    let ran = bench.run(["toolset", "lint", "tools.yaml"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != Some(0) && said.contains("tools.yaml:8") && said.contains("got `data/x`"), "{said}");
}

#[test]
fn prerequisites_are_contained_as_their_tools_are() {
    let toolset = |more: &str| {
        let yaml = format!(
            "toolsets:\n  test:\n    description: for tests\n{more}    prerequisites:\n      - command: touch $HOME/new\n    \
             tools:\n      - name: hello\n        description: says hello\n        command: echo hello\n"
        );
        Bench::new().file("tools.yaml", yaml).env("HOLMES_TOOLSET", "test")
    };
    let status =
        |bench: &Bench| -> Value { bench.run(["toolset", "list", "-t", "tools.yaml", "-o", "json"]).json() };
    let bench = bench("echo", "");
    if !holds(&bench) {
        return;
    }
    let held = status(&toolset("")).to_string();
    assert!(held.contains("Permission denied"), "{held}");
    let free = status(&toolset("    contained: false\n")).to_string();
    assert!(!free.contains("Permission denied"), "{free}");
}

#[test]
fn a_command_that_left_its_session_is_still_found_and_ended() {
    let script = "setsid bash -c 'echo $$ > $TMPDIR/pid; exec sleep 300' >/dev/null 2>&1 & \
                  until test -s $TMPDIR/pid; do :; done; cat $TMPDIR/pid";
    let Some((_, ran)) = contained(script) else { return };
    let pid = ran.stdout.trim().to_owned();
    let until = Instant::now() + Duration::from_secs(5);
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < until, "process {pid} goes on");
        std::thread::yield_now();
    }
}

#[test]
fn the_state_is_told_with_v() {
    let bench = bench("echo x", "");
    let ran = bench.run(["toolset", "run", "hello", "-t", "tools.yaml", "-v"]).exits(0);
    assert!(ran.stderr.contains("contained: "), "{}", ran.stderr);
    let off = bench.env("HOLMES_CONTAINMENT", "off");
    let ran = off.run(["toolset", "run", "hello", "-t", "tools.yaml", "-v"]).exits(0);
    assert!(ran.stderr.contains("not contained: `containment: off`"), "{}", ran.stderr);
    let wrong = off.env("HOLMES_CONTAINMENT", "perhaps");
    wrong.run(["toolset", "run", "hello", "-t", "tools.yaml"]).exits(3);
}
