//! Paths, remarks and what the kernel holds a command to; the binary's own tests are in tests/cli/containment.rs.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn paths_of_a_file_are_expanded_at_their_beginning_only() {
    let env = environment(&[("HOME", "/home/me"), ("DATA", "/srv/data"), ("EMPTY", ""), ("BAD", "x")]);
    let cases = [
        ("~", Some("/home/me")),
        ("~/.thing", Some("/home/me/.thing")),
        ("$DATA/x", Some("/srv/data/x")),
        ("${DATA}/x", Some("/srv/data/x")),
        ("/a/$DATA", Some("/a/$DATA")),
        ("$EMPTY", None),
        ("$EMPTY/", None),
        // An unset or odd variable must not make the whole disk writable.
        ("$UNSET/", None),
        ("$UNSET", None),
        ("$BAD/x", None),
        ("${DATA", None),
        ("${DATA}x", None),
        ("~other/x", None),
        ("relative", None),
    ];
    for (path, expected) in cases {
        assert_eq!(caches::expand(path, &env), expected.map(PathBuf::from), "{path}");
    }
}

#[test]
fn caches_are_made_for_programs_that_are_used_here() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir(at(".kube")).unwrap();
    let env = environment(&[("HOME", home.path().to_str().unwrap())]);
    let usual = caches::usual(&env);
    assert!(at(".cache").is_dir() && at(".kube/cache").is_dir());
    assert!(!at(".aws").exists() && !at(".azure").exists());
    assert!(usual.contains(&at(".kube/cache")) && !usual.contains(&at(".kube")));
}

#[test]
fn what_lies_below_a_writable_folder_is_not_resolved_again() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    std::fs::create_dir_all(at(".cache")).unwrap();
    std::fs::create_dir(at("secret")).unwrap();
    // As a command of an earlier run may have left it.
    std::os::unix::fs::symlink(at("secret"), at(".cache/helm")).unwrap();
    let helm = at(".cache/helm");
    let contained = Containment::of_run(environment(&[
        ("HOME", home.path().to_str().unwrap()),
        ("HELM_CACHE_HOME", helm.to_str().unwrap()),
    ]));
    assert!(!contained.writable.contains(&helm), "{:?}", contained.writable);
    let more = contained.with(&["~/.cache/helm".to_owned(), "~/nothing-there".to_owned()]);
    assert_eq!(more.writable, contained.writable);
}

#[test]
fn the_scratch_folder_goes_with_the_last_of_a_run() {
    let contained = Containment::of_run(environment(&[]));
    let scratch = contained.scratch().unwrap().to_owned();
    let more = contained.with(&["/".to_owned()]);
    drop(contained);
    assert!(scratch.is_dir());
    drop(more);
    assert!(!scratch.exists());
}

#[test]
fn snaps_are_found_by_the_words_of_a_command() {
    let mut contained = Containment::of_run(environment(&[]));
    assert!(!contained.breaks("kubectl get pods"));
    let snaps = BTreeSet::from(["kubectl".to_owned()]);
    contained.run = Arc::new(Run { environment: BTreeMap::new(), scratch: None, snaps });
    assert!(contained.breaks("x=$(kubectl get pods)") && contained.breaks("/snap/bin/kubectl version"));
    assert!(!contained.breaks("kubectl-neat x"));
}

#[test]
fn remarks_are_made_where_writing_was_denied() {
    let contained = Containment::of_run(environment(&[]));
    if matches!(contained.state, State::Missing { .. }) {
        println!("SKIPPED: {}", contained.state);
        return;
    }
    for line in [
        "touch: cannot touch 'x': Permission denied",
        "bash: line 1: /x: Permission denied",
        "PermissionError: [Errno 13] Permission denied: 'x'",
        "mv: cannot move '/x' to '/y': Invalid cross-device link",
        "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
    ] {
        // Only who may write to / can be kept from it.
        let expected = !line.contains("/x") || may_write(Path::new("/x"));
        assert_eq!(contained.remark(line).is_some(), expected, "{line}");
    }
    for line in [
        "ERROR:  permission denied for table orders",
        "git@host: Permission denied (publickey).",
        "cat: /proc/no/such/thing: Permission denied",
        "no such file or directory",
        "",
    ] {
        assert_eq!(contained.remark(line), None, "{line}");
    }
}
