//! Real programs, contained: what only reads works, and keeps its caches.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::support::peer::program;
use crate::support::{Bench, Ran};

/// A contained tool `look` that runs `script`.
fn bench(script: &str) -> Bench {
    let script = json!(script);
    let yaml = format!(
        "toolsets:\n  test:\n    description: for tests\n    tools:\n      - name: look\n        description: looks\n        \
         env: [AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, POSTGRES_URL, REDIS_URL, DOCKER_HOST]\n        \
         read_only: true\n        command: {script}\n"
    );
    Bench::new().file("tools.yaml", yaml).env("HOLMES_TOOLSET", "test")
}

fn look(bench: &Bench) -> Ran {
    bench.run(["toolset", "run", "look", "--raw", "-t", "tools.yaml", "-v"])
}

fn holds(ran: &Ran) -> bool {
    let holds = ran.stderr.contains("contained: Landlock ABI");
    if !holds {
        println!("SKIPPED: this kernel has no Landlock");
    }
    holds
}

/// Runs `script` where `name` is installed: it succeeds, and says `expected`.
fn works(name: &str, script: &str, expected: &str) {
    if program(name).is_none() {
        return;
    }
    let ran = look(&bench(script));
    if holds(&ran) {
        assert!(ran.code == Some(0) && ran.stdout.contains(expected), "{name}: {ran:?}");
        assert!(!ran.stdout.contains("Permission denied"), "{name}: {ran:?}");
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        println!("SKIPPED: {name} is not set");
    }
    value
}

#[test]
fn small_programs_work() {
    works("jq", "echo '{\"a\": 1}' | jq .a", "1");
    works(
        "openssl",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout $TMPDIR/key -out $TMPDIR/pem -days 1 -subj /CN=x 2>/dev/null && openssl x509 -noout -subject -in $TMPDIR/pem",
        "CN",
    );
    works("curl", "curl -sS -o $TMPDIR/x --max-time 2 file:///etc/hostname && cat $TMPDIR/x | wc -l", "1");
    works("dig", "dig -v 2>&1", "DiG");
    works(
        "git",
        "cd $TMPDIR && git init -q . && git -c user.name=x -c user.email=x@x commit -q --allow-empty -m first && git status && git log --oneline",
        "first",
    );
    works(
        "python3",
        "python3 -c 'import tempfile, subprocess; print(tempfile.mkdtemp(), subprocess.check_output([\"id\", \"-u\"]).decode())'",
        "holmes-rs-",
    );
    works(
        "sqlite3",
        "sqlite3 $TMPDIR/x.db 'create table t(a); insert into t values (7); select a from t'",
        "7",
    );
    works("ps", "ps -eo pid,args | wc -l", "");
    works("ss", "ss -ltn", "State");
    works("journalctl", "journalctl --version", "systemd");
    works("systemctl", "systemctl --version", "systemd");
    works("docker", "docker --version", "Docker");
    works("psql", "psql --version", "PostgreSQL");
    works("redis-cli", "redis-cli --version", "redis-cli");
    works("helm", "helm version --short && helm env", "HELM_CACHE_HOME");
}

#[test]
fn gcloud_works_and_leaves_its_configuration_alone() {
    if program("gcloud").is_none() {
        return;
    }
    let bench = bench("gcloud version && gcloud config list 2>&1 && gcloud auth list 2>&1")
        .file(".config/gcloud/active_config", "default")
        .file(".config/gcloud/configurations/config_default", "[core]\nproject = shop\n");
    let ran = look(&bench);
    if holds(&ran) {
        assert!(
            ran.code == Some(0)
                && ran.stdout.contains("Google Cloud SDK")
                && ran.stdout.contains("project = shop"),
            "{ran:?}"
        );
        assert!(!ran.stdout.contains("Traceback"), "{ran:?}");
    }
}

#[test]
fn databases_answer() {
    if let (Some(url), Some(_)) = (variable("POSTGRES_URL"), program("psql")) {
        let ran = look(&bench("psql \"$POSTGRES_URL\" -Atc 'select 40 + 2'").env("POSTGRES_URL", url));
        assert!(!holds(&ran) || ran.stdout.trim() == "42", "{ran:?}");
    }
    if let (Some(url), Some(_)) = (variable("REDIS_URL"), program("redis-cli")) {
        let ran = look(&bench("redis-cli -u \"$REDIS_URL\" ping").env("REDIS_URL", url));
        assert!(!holds(&ran) || ran.stdout.contains("PONG"), "{ran:?}");
    }
}

/// kubectl with its discovery cache, and a credential plugin that keeps its token below `~/.kube/cache`.
#[test]
fn kubectl_keeps_its_caches_and_its_credential_plugin_its_own() {
    let (Some(config), Some(_)) = (variable("HOLMES_TEST_KUBECONFIG"), program("kubectl")) else { return };
    let whole = std::process::Command::new("kubectl")
        .args(["config", "view", "--raw", "--flatten", "--minify", "-o", "json", "--kubeconfig", &config])
        .output()
        .unwrap();
    let mut config: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    let user = config["users"][0]["user"].clone();
    let bench = bench("kubectl get namespaces -o name && kubectl get pods -A -o name | head -n 1");
    let plugin = bench.path("plugin");
    // What the user of the kubeconfig is known by, as a plugin gives it.
    let given = |name: &str, data: &str| -> String {
        let read = |key: &str| user[key].as_str().map(str::to_owned);
        read(name)
            .or_else(|| {
                let decoded = std::process::Command::new("base64")
                    .arg("-d")
                    .stdin(std::process::Stdio::piped())
                    .stdout(std::process::Stdio::piped())
                    .spawn();
                #[allow(clippy::zombie_processes, reason = "it is waited for below, unless the test is over")]
                let mut decoded = decoded.unwrap();
                std::io::Write::write_all(&mut decoded.stdin.take().unwrap(), read(data)?.as_bytes())
                    .unwrap();
                Some(String::from_utf8(decoded.wait_with_output().unwrap().stdout).unwrap())
            })
            .unwrap_or_default()
    };
    let mut status = json!({});
    if user["token"].is_string() {
        status["token"] = user["token"].clone();
    } else {
        status["clientCertificateData"] = json!(given("", "client-certificate-data"));
        status["clientKeyData"] = json!(given("", "client-key-data"));
    }
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status});
    config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": plugin, "interactiveMode": "Never"}});
    let bench = bench
        .file(".kube/config", config.to_string())
        .file("plugin", "#!/bin/sh\nset -e\nmkdir -p \"$HOME/.kube/cache/plugin\"\ncp \"$HOME/credential\" \"$HOME/.kube/cache/plugin/token\"\ncat \"$HOME/.kube/cache/plugin/token\"\n")
        .file("credential", credential.to_string());
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = look(&bench);
    if holds(&ran) {
        assert!(ran.code == Some(0) && ran.stdout.contains("namespace/default"), "{ran:?}");
        assert!(
            bench.path(".kube/cache/plugin/token").exists() && bench.path(".kube/cache/discovery").exists()
        );
    }
}

/// The AWS CLI, which keeps what it assumed and what it signed on with.
#[test]
fn aws_keeps_its_caches() {
    let (Some(url), Some(_)) = (variable("AWS_ENDPOINT_URL"), program("aws")) else { return };
    let assumed = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\nregion = eu-west-1\n\
                   [profile base]\nregion = eu-west-1\n";
    let bench = bench("aws --profile role sts get-caller-identity --output json && aws --profile role ec2 describe-vpcs --output json | head -n 3")
        .file(".aws/config", assumed)
        .file(".aws/credentials", "[base]\naws_access_key_id = testing\naws_secret_access_key = testing\n")
        .env("AWS_ENDPOINT_URL", url);
    let ran = look(&bench);
    if holds(&ran) {
        assert!(ran.code == Some(0) && ran.stdout.contains("assumed-role"), "{ran:?}");
        let kept = std::fs::read_dir(bench.path(".aws/cli/cache")).unwrap().count();
        assert!(kept > 0, "the assumed role is not kept");
        assert!(bench.path(".aws/sso/cache").is_dir());
    }
}
