//! Readers with what real files hold and what broken ones do; finding by each way; steps.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::find::fits;
use super::*;

const CRASH: &str = "---\nname: Crash Loop\ndescription: it starts over and over\nalerts: [KubePodCrashLooping, \"*Crash*\"]\n\
    labels: {reason: CrashLoop*}\nmatch: 'back-?off restarting'\nwords: [restarts]\nsteps:\n  - tool: describe\n    \
    arguments: {kind: pod, name: \"{{ pod }}\", namespace: \"{{namespace}}\"}\n    when: [pod]\n---\n# Look\n\nAt it.\n";

/// A folder of files, and what a shelf makes of it besides ours.
struct Folder(TempDir);

impl Folder {
    fn of(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Custom runbooks and warnings, the folder's path cut off.
    fn read(&self) -> (Vec<Runbook>, Vec<String>) {
        self.read_as(|path| Sources { runbooks: vec![path], ..Sources::default() })
    }

    fn read_as(&self, from: impl Fn(PathBuf) -> Sources) -> (Vec<Runbook>, Vec<String>) {
        let (opened, warnings) = Shelf::open(&from(self.path().to_owned()));
        let root = format!("{}/", self.path().display());
        let custom =
            opened.runbooks().iter().filter(|runbook| runbook.origin == Origin::Custom).cloned().collect();
        (custom, warnings.iter().map(|warning| warning.to_string().replace(&root, "")).collect())
    }
}

fn names(runbooks: &[Runbook]) -> Vec<&str> {
    runbooks.iter().map(|runbook| runbook.name.as_str()).collect()
}

/// The quick matcher and the full one mean the same over ASCII, and other texts get the full one.
#[test]
fn patterns_mean_one_thing() {
    for (written, from_start, text, fits) in [
        ("pod.*crash", false, "The Pod is CRASHING", true),
        (r"\bup\b", false, "an upper", false),
        ("Kube", true, "kube", false),
        ("Kube", true, "KubePodCrash", true),
        ("Pod", true, "KubePodCrash", false),
        ("straße", false, "die STRAßE", true),
        ("^a.b$", false, "aéb", true),
        (r"^\w+$", false, "naïve", true),
        (r"\p{Greek}", false, "λ", true),
        (r"\p{Greek}", false, "l", false),
        ("(?i)k", true, "\u{212a}", true),
    ] {
        assert_eq!(Pattern::new(written, from_start).unwrap().fits(text), fits, "{written} {text}");
    }
    for (written, says) in [
        ("(?=x)", "looks around"),
        ("(", "is not a regular expression"),
        ("((a{100}){100}){100}", "too large"),
        (r"\p{Nonsense}", "is not a regular expression"),
    ] {
        let reason = Pattern::new(written, false).unwrap_err();
        assert!(reason.contains(says), "{written}: {reason}");
    }
}

#[test]
fn front_matter_is_read_whole() {
    let (read, warnings) = Folder::of(&[("x.md", CRASH.as_bytes())]).read();
    assert_eq!(warnings, Vec::<String>::new());
    let one = &read[0];
    assert_eq!((one.name.as_str(), one.description.as_str()), ("crash-loop", "it starts over and over"));
    assert_eq!((one.text.as_str(), one.alerts.len(), one.words.len()), ("# Look\n\nAt it.", 2, 1));
    assert_eq!((one.steps[0].tool.as_str(), one.steps[0].when[0].as_str()), ("describe", "pod"));
    assert!(one.steps[0].place.ends_with("x.md:9:5"), "{}", one.steps[0].place);
}

#[test]
fn markdown_without_front_matter_is_a_runbook_too() {
    let (read, warnings) =
        Folder::of(&[("Disk_Full.md", b"# Disk is full\r\n\r\nrun df\r\n"), ("README.md", b"no")]).read();
    assert_eq!((names(&read), warnings), (vec!["disk-full"], vec![]));
    assert_eq!(
        (read[0].description.as_str(), read[0].text.as_str()),
        ("Disk is full", "# Disk is full\n\nrun df")
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_others_load() {
    let huge = vec![b'x'; 10 << 20];
    let folder = Folder::of(&[
        ("good.md", CRASH.as_bytes()),
        ("a-empty.md", b""),
        ("b-half.md", b"---\nname: x\n"),
        ("c-yaml.md", b"---\nname: [\n---\ntext"),
        ("d-latin.md", b"---\ndescription: d\n---\ncaf\xe9"),
        ("e-huge.md", &huge),
        ("f-keys.md", b"---\ndescription: d\nalert: [X]\nlabels: [a]\nmatch: '('\nsteps: [{tol: x}]\nzzz: 1\n---\ntext"),
        ("g-look.md", b"---\ndescription: d\nmatch: 'a(?=b)'\nsteps: [{tool: t, arguments: {a: '{{ x | y }}', b: '{{ namespac }}'}}]\n---\ntext"),
        ("h-none.yaml", b"a: 1\n"),
        ("i-bad.yaml", b"runbooks: [\n"),
        ("j-null.md", b"---\n\0\n---\n"),
    ]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("gone.md")).unwrap();
    let (read, warnings) = folder.read();
    assert_eq!(names(&read), ["crash-loop", "f-keys", "g-look"]);
    let said = warnings.join("\n");
    for wanted in [
        "a-empty.md:1:1: is empty, it is left out: write",
        "b-half.md:1:1: begins with `---` and has no second one",
        "c-yaml.md:",
        "d-latin.md:4:1: is not UTF-8 text: byte 0xe9, it is left out: save it as UTF-8",
        "e-huge.md: is larger than 1024 KiB, it is left out: split it",
        "f-keys.md:3:1: unknown key `alert`, did you mean `alerts`?",
        "f-keys.md:4:9: `labels` needs a map, got a list",
        "f-keys.md:5:8: `match` is not a regular expression",
        "f-keys.md:6:10: unknown key `tol`, did you mean `tool`?",
        "f-keys.md:6:9: a step needs `tool`",
        "f-keys.md:7:1: unknown key `zzz`; there are `name`",
        "g-look.md:3:8: `match` is a regular expression that looks around",
        "`{{ x | y }}` is no name of a variable; the step is left out",
        "h-none.yaml: holds no runbooks: it needs a top-level `runbooks:`",
        "i-bad.yaml:",
        "j-null.md:2:1: is binary data",
        "gone.md: no such file or folder",
    ] {
        assert!(said.contains(wanted), "no `{wanted}` in\n{said}");
    }
    assert!(warnings.iter().all(|warning| warning.lines().count() == 1 && warning.len() < 400), "{said}");
}

#[test]
fn paths_that_are_not_there_or_hold_nothing_are_said() {
    let folder = Folder::of(&[("a.txt", b"x"), ("empty/.keep", b"")]);
    for (path, wanted) in [
        ("missing", "no such file or folder"),
        ("a.txt", "is no runbook by its name"),
        ("empty", "holds no runbook"),
    ] {
        let (read, warnings) =
            folder.read_as(|root| Sources { runbooks: vec![root.join(path)], ..Sources::default() });
        assert!(
            read.is_empty() && warnings.len() == 1 && warnings[0].contains(wanted),
            "{path}: {warnings:?}"
        );
    }
}

#[test]
fn older_yaml_is_read_alone_and_in_a_config_map() {
    let older = "runbooks:\n  - match:\n      issue_name: '(KubeSchedulerDown)|(KubeControllerManagerDown)'\n    instructions: >\n      \
        Check whether the cluster is managed.\n  - match: {source: jira}\n    instructions: Read the ticket.\n";
    let indented: String = older.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  custom.yaml: |\n{indented}---\n{older}"
    );
    let folder = Folder::of(&[("prom.yaml", older.as_bytes()), ("map.yml", map.as_bytes())]);
    let (read, warnings) = folder.read();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(names(&read), ["map-1", "map-2", "map-3", "map-4", "prom-1", "prom-2"]);
    assert_eq!(read[4].description, "Check whether the cluster is managed.");
    let shelf = Shelf::of(read[4..].to_vec());
    let find = |query: Query| shelf.find(&query).iter().map(|found| found.why.clone()).collect::<Vec<_>>();
    let alert = |name: &str| Query { alert: Some(name.to_owned()), ..Query::default() };
    assert_eq!(
        find(alert("KubeSchedulerDown")),
        ["regex issue_name (KubeSchedulerDown)|(KubeControllerManagerDown)"]
    );
    // As `re.match`: from the first character on.
    assert!(find(alert("MyKubeSchedulerDown")).is_empty());
    assert_eq!(find(Query { source: Some("jira".to_owned()), ..Query::default() }), ["regex source jira"]);
}

#[test]
fn one_wrong_condition_costs_its_runbook_alone() {
    let text = b"runbooks:\n  - match: {issue_name: '('}\n    instructions: a\n  - instructions: b\n  - match: {issue: x}\n  - text\n";
    let (read, warnings) = Folder::of(&[("o.yaml", text)]).read();
    assert_eq!(names(&read), ["o"]);
    let said = warnings.join("\n");
    for wanted in [
        "o.yaml:2:25: `match.issue_name` is not a regular",
        "o.yaml:4:5: `match` has no pattern",
        "needs `instructions`",
        "o.yaml:6:5: `runbooks` needs a map",
    ] {
        assert!(said.contains(wanted), "no `{wanted}` in\n{said}");
    }
}

#[test]
fn a_catalogue_describes_files_and_lists_addresses() {
    let catalogue = br#"{"catalog": [
        {"update_date": "2025-06-17", "description": "DNS in clusters", "link": "net/dns.md"},
        {"update_date": "2025-06-17", "description": "wiki", "link": "https://wiki.example/upgrade.md"},
        {"description": "out", "link": "../secret.md"}, {"description": "gone", "link": "gone.md"},
        {"id": "7f0c", "title": "Payments are late", "symptom": "orders wait", "instruction": "look", "alerts": ["OrdersLate"]},
        {"description": "nothing"}]}"#;
    let folder = Folder::of(&[
        ("b/catalog.json", catalogue),
        ("b/net/dns.md", b"# Goal\n\nresolve"),
        ("secret.md", b"s3"),
    ]);
    let (read, warnings) = folder
        .read_as(|root| Sources { catalogues: vec![root.join("b/catalog.json")], ..Sources::default() });
    assert_eq!(names(&read), ["dns", "payments-are-late", "upgrade"]);
    assert_eq!(
        (read[0].description.as_str(), read[0].text.as_str()),
        ("DNS in clusters", "# Goal\n\nresolve")
    );
    assert_eq!(read[1].alerts, ["OrdersLate"]);
    assert!(read[2].rendered().contains("The text is at https://wiki.example/upgrade.md."));
    assert_eq!(warnings.len(), 3, "{warnings:#?}");
    assert!(
        warnings[0].contains("b/catalog.json:4:9: `link` `../secret.md` leaves the catalogue's folder"),
        "{warnings:#?}"
    );
    // As a folder, what the catalogue links to is read once.
    let (read, _) = folder.read_as(|root| Sources { runbooks: vec![root.join("b")], ..Sources::default() });
    assert_eq!(names(&read), ["dns", "payments-are-late", "upgrade"]);
    let shelf = Shelf::of(read);
    assert!(shelf.fetch("net/dns.md").unwrap().contains("resolve"));
}

#[test]
fn a_skill_gives_its_folder_and_nothing_outside() {
    let skill = b"---\ndescription: how we debug\nallowed-tools: Bash\nlicense: MIT\nauthor: me\n---\nRead references/a.md.\n";
    let folder = Folder::of(&[
        ("skills/my_skill/SKILL.md", skill),
        ("skills/my_skill/references/a.md", b"alpha"),
        ("skills/my_skill/bin.dat", b"\x7fELF\0\xff"),
        ("skills/my_skill/.secret", b"hidden"),
        ("skills/other/notes.md", b"not a skill"),
        ("outside.md", b"outside"),
    ]);
    let inside = folder.path().join("skills/my_skill");
    std::os::unix::fs::symlink(folder.path().join("outside.md"), inside.join("link.md")).unwrap();
    let (read, warnings) =
        folder.read_as(|root| Sources { skills: vec![root.join("skills")], ..Sources::default() });
    assert_eq!((names(&read), warnings), (vec!["my-skill"], vec![]));
    let shelf = Shelf::of(read);
    assert!(shelf.fetch("my-skill").unwrap().contains("- my-skill/references/a.md"));
    assert_eq!(shelf.fetch("my-skill/references/a.md").unwrap(), "alpha");
    for wrong in [
        "../../outside.md",
        "/etc/passwd",
        "link.md",
        ".secret",
        "references/../../../outside.md",
        "references",
        "",
        "gone.md",
        "references/./a.md\0",
        "bin.dat",
    ] {
        let got = shelf.fetch(&format!("my-skill/{wrong}"));
        assert!(got.as_ref().is_err_and(|error| error.lines().count() == 1), "{wrong}: {got:?}");
    }
}

#[test]
fn of_two_with_one_name_the_later_counts() {
    let folder = Folder::of(&[
        ("config/crash-loop.md", b"first"),
        ("mine/crash-loop.md", b"second"),
        ("mine/more/CRASH_LOOP.md", b"third"),
    ]);
    let (read, warnings) = folder.read_as(|root| Sources {
        folder: Some(root.join("config")),
        runbooks: vec![root.join("mine")],
        ..Sources::default()
    });
    assert_eq!((names(&read), read[0].text.as_str()), (vec!["crash-loop"], "third"));
    assert!(warnings.len() == 2 && warnings[1].contains("`crash-loop` stands for that of"), "{warnings:?}");
}

#[test]
fn each_way_of_finding_says_so_and_ranks() {
    let book = |name: &str| Runbook { name: name.to_owned(), text: "t".to_owned(), ..Runbook::default() };
    let shelf = Shelf::of(vec![
        Runbook { alerts: vec!["KubePodCrash*".to_owned()], ..book("e-wide") },
        Runbook { alerts: vec!["KubePodCrashLoop*".to_owned()], ..book("d-narrow") },
        Runbook { alerts: vec!["kubepodcrashlooping".to_owned()], ..book("z-exact") },
        Runbook { labels: [("reason".to_owned(), "crash*".to_owned())].into(), ..book("b-label") },
        Runbook { pattern: Some(Pattern::new("pod.*crash", false).unwrap()), ..book("a-regex") },
        Runbook { words: vec!["crash looping".to_owned()], ..book("c-text") },
    ]);
    let query = Query {
        alert: Some("KubePodCrashLooping".to_owned()),
        labels: [("reason".to_owned(), "CrashLoopBackOff".to_owned())].into(),
        ..Query::default()
    };
    let found = shelf.find(&query);
    let told: Vec<_> = found.iter().map(|one| (one.runbook.name.as_str(), one.why.as_str())).collect();
    assert_eq!(
        told,
        [
            ("z-exact", "alert name"),
            ("d-narrow", "alert KubePodCrashLoop*"),
            ("e-wide", "alert KubePodCrash*"),
            ("b-label", "label reason=crash*"),
            ("a-regex", "regex pod.*crash"),
        ]
    );
    let text = Query { text: "it is crashing, looping".to_owned(), ..Query::default() };
    assert_eq!(shelf.find(&text)[0].why, "text: looping, crashing");
    assert!(shelf.find(&Query::default()).is_empty());
    assert!(Shelf::default().find(&query).is_empty());
}

#[test]
fn globs_fit_without_case_and_end() {
    for (glob, text, fit) in [
        ("*crash*", "KubePodCrashLooping", true),
        ("kube?od*", "KubePod", true),
        ("Kube", "KubePod", false),
        ("*", "", true),
        ("", "", true),
        ("?", "", false),
        ("a*b*c", "aXbXbXc", true),
        ("a*b*c", "aXbXbX", false),
    ] {
        assert_eq!(fits(glob, text), fit, "{glob} {text}");
    }
    assert!(!fits("*a*a*a*a*a*a*b", &"a".repeat(5_000)));
}

#[test]
fn steps_are_filled_with_what_is_known_and_left_out_otherwise() {
    let step = |arguments: Value, when: &[&str]| Step {
        tool: "t".to_owned(),
        arguments: arguments.as_object().unwrap().clone(),
        when: when.iter().map(|name| (*name).to_owned()).collect(),
        place: String::new(),
    };
    let runbook = Runbook {
        steps: vec![
            step(json!({"name": "{{ pod }}", "n": 3, "list": ["{{namespace}}", true]}), &[]),
            step(json!({"a": "x"}), &["node"]),
            step(json!({"query": "up{pod=\"{{ pod }}\"}"}), &["pod"]),
            step(json!({"q": "{{ container }}"}), &[]),
        ],
        ..Runbook::default()
    };
    let known = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let filled = |pairs: &[(&str, &str)]| {
        steps_for(&runbook, &known(pairs))
            .into_iter()
            .map(|(_, arguments)| Value::Object(arguments))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        filled(&[("pod", "a-1"), ("namespace", "shop")]),
        [json!({"name": "a-1", "n": 3, "list": ["shop", true]}), json!({"query": "up{pod=\"a-1\"}"})]
    );
    assert_eq!(filled(&[("node", "w")]), [json!({"a": "x"})]);
    // What would leave a query's quotes stays out of it; alone it is data.
    let hostile = "a\"} or up{x=\"";
    assert_eq!(filled(&[("pod", hostile), ("container", hostile)]), [json!({"q": hostile})]);
    assert!(filled(&[("container", "a\nb")]).is_empty() && filled(&[("container", " ")]).is_empty());
    assert!(filled(&[("container", &"x".repeat(1001))]).is_empty());
}

#[test]
fn labels_become_the_variables_that_steps_use() {
    let labels = [
        ("job", "kube-state-metrics"),
        ("job_name", "backup-1"),
        ("namespace", "shop"),
        ("persistentvolumeclaim", "data"),
    ];
    let query = Query {
        alert: Some("KubeJobFailed".to_owned()),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Query::default()
    };
    let known = variables(&query);
    for (name, value) in [
        ("job", "backup-1"),
        ("pvc", "data"),
        ("alert", "KubeJobFailed"),
        ("kind", "job"),
        ("name", "backup-1"),
    ] {
        assert_eq!(known.get(name).map(String::as_str), Some(value), "{name}");
    }
    let scraped = Query { labels: [("job".to_owned(), "node".to_owned())].into(), ..Query::default() };
    assert!(!variables(&scraped).contains_key("job"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn readers_take_anything(
        front in "(---\n)?[a-z: \\[\\]{}'\"\n|>*-]{0,80}(\n---\n)?[ -~\n]{0,60}",
        key in "(name|alerts|labels|match|words|steps|runbooks|catalog|data|items): ?",
        value in "[\\PC\n]{0,60}",
    ) {
        let mut warnings = Vec::new();
        for text in [front.clone(), format!("---\n{key}{value}\n---\ntext"), format!("{key}{value}"), format!("{{\"{key}\": {value}}}")] {
            if let Ok(runbook) = super::front::markdown(&text, "x.md", "x", false, &mut warnings) {
                prop_assert!(!runbook.name.is_empty() && !runbook.description.contains('\n'));
            }
            let _ = super::older::runbooks(&text, "x.yaml", "x", &mut warnings);
            let _ = super::catalogue::runbooks(&text, Path::new("catalog.json"), &mut warnings);
        }
        prop_assert!(warnings.iter().all(|warning| warning.to_string().lines().count() <= 1));
    }

    #[test]
    fn finding_takes_anything(alert in "\\PC{0,40}", text in "\\PC{0,200}", glob in "[a-c*?]{0,12}", name in "[a-c]{0,12}") {
        let shelf = Shelf::of(vec![super::front::markdown(CRASH, "x.md", "x", false, &mut Vec::new()).unwrap()]);
        let query = Query { alert: Some(alert), text, ..Query::default() };
        let first: Vec<_> = shelf.find(&query).iter().map(|found| found.runbook.name.clone()).collect();
        let second: Vec<_> = shelf.find(&query).iter().map(|found| found.runbook.name.clone()).collect();
        prop_assert_eq!(first, second);
        let regex = format!("(?s)^{}$", regex::escape(&glob).replace("\\*", ".*").replace("\\?", "."));
        prop_assert_eq!(fits(&glob, &name), Regex::new(&regex).unwrap().is_match(&name));
    }
}
