//! kubectl and its kin against a real cluster.

use crate::support::{Bench, Ran};

/// A bench that reaches the cluster, or a loud skip.
fn cluster() -> Option<Bench> {
    let Some(kubeconfig) = std::env::var("HOLMES_TEST_KUBECONFIG").ok().filter(|path| !path.is_empty())
    else {
        println!("SKIPPED: HOLMES_TEST_KUBECONFIG names no cluster");
        return None;
    };
    Some(Bench::new().env("KUBECONFIG", kubeconfig))
}

/// One tool, by hand.
fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

#[test]
fn pods_are_listed() {
    let Some(bench) = cluster() else { return };
    let ran = tool(&bench, "kubectl_get_by_kind_in_cluster", &["kind=namespaces"]).exits(0);
    assert!(ran.stdout.contains("kube-system"), "{}", ran.stdout);
}
