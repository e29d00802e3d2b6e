//! Podman's and docker's tools on containers of our own: busybox in an image made here, run by runc or crun.

use std::process::{Command, Stdio};

use crate::support::peer::program;
use crate::support::{Bench, Ran};

/// A container that has ended, removed with its image when dropped.
struct Ended {
    name: String,
    image: String,
}

impl Drop for Ended {
    fn drop(&mut self) {
        podman(&["rm", "-f", &self.name]);
        podman(&["rmi", "-f", &self.image]);
    }
}

/// With limits below those of any host, and without systemd.
fn podman(args: &[&str]) -> Option<String> {
    let runtime = ["/usr/sbin/runc", "/usr/bin/runc", "crun"];
    let runtime =
        runtime.into_iter().find(|path| !path.starts_with('/') || std::path::Path::new(path).exists())?;
    let output = Command::new("podman")
        .args(["--runtime", runtime, "--cgroup-manager", "cgroupfs"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ended(bench: &Bench) -> Option<Ended> {
    program("podman")?;
    let busybox = program("busybox")?;
    let root = bench.path("root");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::copy(busybox, root.join("bin/busybox")).unwrap();
    let tar = bench.path("root.tar").display().to_string();
    let packed = Command::new("tar").args(["-cf", &tar, "-C"]).arg(&root).arg(".").status();
    assert!(packed.is_ok_and(|status| status.success()));
    let id = std::process::id();
    let made = Ended { name: format!("holmes-test-{id}"), image: format!("localhost/holmes-test:{id}") };
    podman(&["import", &tar, &made.image])?;
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none"];
    let script = "echo one; echo two >&2; exit 3";
    let environment = ["-e", "PASSPHRASE=made-up-value", "--name", &made.name, &made.image];
    let command = ["/bin/busybox", "sh", "-c", script];
    // It ends with the code of its command.
    podman(&[&["create"], &limits[..], &environment, &command].concat())?;
    podman(&["start", "--attach", &made.name]);
    if podman(&["logs", &made.name]).is_none_or(|logs| !logs.contains("one")) {
        println!("SKIPPED: podman starts no container for this user");
        return None;
    }
    Some(made)
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

#[test]
fn a_container_that_ended_tells_why() {
    let bench = Bench::new();
    let Some(made) = ended(&bench) else { return };
    let listed = tool(&bench, "podman_ps", &[]).exits(0).stdout;
    assert!(listed.lines().any(|line| line.contains(&made.name) && line.contains("Exited (3)")), "{listed}");
    let inspected = tool(&bench, "podman_inspect", &[&format!("container_or_image_id={}", made.name)]);
    let inspected = inspected.exits(0).stdout;
    assert!(inspected.contains("\"ExitCode\": 3") && inspected.contains("\"PASSPHRASE=…\""), "{inspected}");
    assert!(!inspected.contains("made-up-value"), "{inspected}");
    let logs = tool(&bench, "podman_logs", &[&format!("container_id={}", made.name)]).exits(0).stdout;
    assert!(logs.contains(" one") && logs.contains(" two"), "{logs}");
}
