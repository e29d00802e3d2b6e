use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn folder() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of(folder.path());
    (folder, store)
}

fn grant(id: &str, word: &str) -> Grant {
    Grant {
        id: id.to_owned(),
        tool: "bash".to_owned(),
        toolset: "bash/core".to_owned(),
        rule: Rule {
            action: "kubectl delete".to_owned(),
            exactly: Some(vec![word.to_owned()]),
            namespace: Some("shop".to_owned()),
            context: Some("staging".to_owned()),
        },
        server: Some("https://10.0.0.1:6443".to_owned()),
        granted: "2026-03-04T05:06:07Z".to_owned(),
        by: "ann".to_owned(),
        run: "20260304-050607-abcd".to_owned(),
    }
}

fn put(store: &Store, text: &str) {
    fs::write(store.path(), text).unwrap();
    fs::set_permissions(store.path(), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn what_is_kept_is_read_by_people_and_by_the_next_run() {
    let (_folder, store) = folder();
    assert_eq!(store.read(), Ok(Vec::new()));
    store.add(&[grant("1", "pod/a")]).unwrap();
    store.add(&[grant("2", "pod/b")]).unwrap();
    assert_eq!(store.read(), Ok(vec![grant("1", "pod/a"), grant("2", "pod/b")]));
    let text = fs::read_to_string(store.path()).unwrap();
    assert!(text.starts_with("# What holmes-rs runs without asking"), "{text}");
    assert!(text.contains("# `kubectl delete pod/a` in namespace `shop` of context `staging`\n"), "{text}");
    assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
    // The same again is no second entry.
    store.add(&[grant("3", "pod/b")]).unwrap();
    assert_eq!(store.read(), Ok(vec![grant("1", "pod/a"), grant("3", "pod/b")]));
    assert_eq!(store.revoke(|one| one.id == "1"), Ok(vec![grant("1", "pod/a")]));
    assert_eq!(store.revoke(|one| one.id == "1"), Ok(Vec::new()));
    assert_eq!(store.revoke(|_| true).map(|all| all.len()), Ok(1));
    assert_eq!(store.read(), Ok(Vec::new()));
}

#[test]
fn what_a_person_wrote_above_it_stays() {
    let (_folder, store) = folder();
    put(&store, "# ours, see the wiki\n\n# two\nversion: 1\napprovals: []\n");
    store.add(&[grant("1", "pod/a")]).unwrap();
    let text = fs::read_to_string(store.path()).unwrap();
    assert!(text.starts_with("# ours, see the wiki\n\n# two\nversion: 1\napprovals:\n"), "{text}");
}

#[test]
fn a_file_that_others_may_write_allows_nothing() {
    let (folder, store) = folder();
    store.add(&[grant("1", "pod/a")]).unwrap();
    let refused = |what: &str| {
        let why = store.read().unwrap_err();
        assert!(why.contains(what) && !why.contains('\n'), "{why}");
        assert!(store.add(&[grant("2", "pod/b")]).is_err(), "{what}");
    };
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(store.path(), Permissions::from_mode(mode)).unwrap();
        refused("others may write it");
    }
    fs::set_permissions(store.path(), Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    refused("others may write its folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(store.read().map(|all| all.len()), Ok(1));
    let real = folder.path().join("real.yaml");
    fs::rename(store.path(), &real).unwrap();
    symlink(&real, store.path()).unwrap();
    refused("symbolic link");
    fs::remove_file(store.path()).unwrap();
    fs::create_dir(store.path()).unwrap();
    refused("it is no file");
}

#[test]
fn what_is_not_understood_takes_the_rest_with_it() {
    let (_folder, store) = folder();
    store.add(&[grant("1", "pod/a"), grant("2", "pod/b")]).unwrap();
    let whole = fs::read_to_string(store.path()).unwrap();
    for (from, to, why) in [
        ("version: 1", "version: 2", "version"),
        ("version: 1\n", "", "version"),
        ("    namespace:", "    namespaces:", "`namespace`?"),
        ("    tool: \"bash\"\n", "", "has no `tool`"),
        ("    server: \"https://10.0.0.1:6443\"\n", "", "stand together"),
        ("    context: \"staging\"\n    server: \"https://10.0.0.1:6443\"\n", "", "needs the `context`"),
        ("id: \"2\"", "id: \"1\"", "two approvals"),
        ("action: \"kubectl delete\"", "action: [kubectl, delete]", "text"),
        ("exactly: [\"pod/a\"]", "exactly: pod/a", "list"),
        ("    exactly: [\"pod/a\"]\n", "", "has no `exactly`"),
        ("    namespace: \"shop\"\n", "", "any_namespace"),
        ("action: \"kubectl delete\"", "action: \"\"", "empty"),
        ("    run:", "    action: \"rm\"\n    run:", "action"),
    ] {
        assert!(whole.contains(from), "{from}");
        put(&store, &whole.replacen(from, to, 1));
        let told = store.read().unwrap_err();
        assert!(told.contains(why) && told.contains("nothing in it counts"), "{from}: {told}");
    }
    for odd in [
        "",
        "# only this\n",
        "\0\0",
        "[",
        "- 1",
        "version: 1\napprovals: {}\n---\nversion: 1\napprovals: []\n",
    ] {
        put(&store, odd);
        assert!(store.read().is_err(), "{odd:?}");
    }
    put(&store, &"# much\n".repeat(200_000));
    assert!(store.read().unwrap_err().contains("larger than"));
}

/// Cut off anywhere, it allows nothing, or only what was whole: never a rule that was not there.
#[test]
fn half_a_file_allows_nothing_that_was_not_there() {
    let (_folder, store) = folder();
    let mut wide = grant("2", "pod/b");
    wide.rule = wide.rule.widenings().pop().unwrap();
    let all = [grant("1", "pod/a"), wide];
    store.add(&all).unwrap();
    assert_eq!(store.read().unwrap(), all);
    let whole = fs::read_to_string(store.path()).unwrap();
    for end in 0..whole.len() {
        let Some(half) = whole.get(..end) else { continue };
        for read in parsed(half, "x").unwrap_or_default() {
            let is_there = all.contains(&read);
            assert!(is_there, "{half}\n{read:?}");
        }
    }
}

#[test]
fn writers_take_turns() {
    let (_folder, store) = folder();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..5 {
                    let name = format!("{writer}-{n}");
                    store.add(&[grant(&name, &name)]).unwrap();
                }
            });
        }
    });
    assert_eq!(store.read().unwrap().len(), 20);
}

proptest! {
    #[test]
    fn any_words_come_back_as_they_were(words in prop::collection::vec(any::<String>(), 0..4), name in ".+") {
        let mut one = grant("1", "x");
        one.rule.exactly = Some(words);
        one.rule.action = format!("x{name}");
        let text = written(OPENING, std::slice::from_ref(&one));
        prop_assert_eq!(parsed(&text, "x").unwrap(), vec![one]);
    }
}
