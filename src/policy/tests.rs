//! What is a read, what is none, and why.

use super::{Policy, Verdict};

thread_local! {
    /// Read once a test: that takes longer than all of its lines.
    static POLICY: Policy = Policy::builtin().unwrap().at_home(Some("/home/me"));
}

fn judged(line: &str) -> (Verdict, String, bool) {
    let judgement = POLICY.with(|policy| policy.judge(line));
    let gravest = judgement.parts.iter().max_by_key(|part| part.verdict).unwrap();
    (judgement.verdict, gravest.rule.clone(), judgement.plan.is_some())
}

fn all(expected: Verdict, lines: &[&str]) {
    let wrong: Vec<String> = lines
        .iter()
        .map(|line| (line, judged(line)))
        .filter(|(_, (verdict, ..))| *verdict != expected)
        .map(|(line, (verdict, rule, _))| format!("{line}: {} ({rule})", verdict.name()))
        .collect();
    assert!(wrong.is_empty(), "not {}:\n{}", expected.name(), wrong.join("\n"));
}

#[test]
fn what_looks_is_a_read_and_runs_without_a_shell() {
    let lines = [
        "ls -la /var/log",
        "cat /var/log/syslog | grep -i error | tail -n 20",
        "ps aux --sort=-%mem | head -5",
        "df -h && free -m",
        "ss -tlnp 2>/dev/null || netstat -tlnp 2>&1",
        "awk '{print $1}' /var/log/nginx/access.log | sort | uniq -c | sort -rn | head",
        "sed -n '1,20p;s/a/b/g' /etc/hosts",
        "find /var/log -name '*.gz' -mtime +7",
        "timeout 5 dig +short example.com",
        "dmesg -T | tail -50",
        "ip addr; ip route show",
        "date -u +%Y-%m-%dT%H:%M:%SZ",
        "jq -r '.items[].metadata.name' /tmp/x.json",
        "find . -exec ls -l ';'",
        "wc -l < /etc/hosts",
        "env TZ=UTC date",
        "bash -c 'ls -l | head -3'",
    ];
    all(Verdict::Read, &lines);
    for line in lines {
        assert!(judged(line).2, "{line}: no plan");
    }
}

#[test]
fn what_changes_is_a_change_wherever_it_stands() {
    all(
        Verdict::Change,
        &[
            "rm -rf /tmp/x",
            "ls > /tmp/x",
            "ls; rm x",
            "echo $(rm x)",
            "echo \"`rm x`\"",
            "echo \"${x:-$(rm x)}\"",
            "echo $((1 + $(rm x)))",
            "cat <<EOF\n$(rm x)\nEOF",
            "cat <(rm x)",
            "for i in a b; do rm $i; done",
            "if ls; then :; else rm x; fi",
            "case a in b) ls;; a) rm x;; esac",
            "f() { rm x; }; f",
            "while read l; do rm \"$l\"; done < list",
            "[[ -f x && $(rm x) ]]",
            "(ls; { rm x; })",
            "sudo rm x",
            "sudo -u root env A=b timeout -k 5 10 rm x",
            "bash -c 'ls; rm x'",
            "bash -c \"bash -c 'rm x'\"",
            "find . -delete",
            "find . -exec rm {} +",
            "find . -fprintf /tmp/x %p",
            "ls | xargs -n 1 rm",
            "sort -o /etc/passwd x",
            "sort x -o/etc/passwd",
            "sed -i s/a/b/ x",
            "sed -n 'w /tmp/x' y",
            "sed 's/a/b/w /tmp/x' y",
            "awk '{print > \"/tmp/x\"}' y",
            "tar xf a.tar",
            "tar tf a.tar --checkpoint=1 --checkpoint-action=exec=sh",
            "tee /tmp/x",
            "date -s 12:00",
            "hostname evil",
            "sysctl -w vm.swappiness=1",
            "ip link set eth0 down",
            "dmesg -C",
            "dmesg -Tc",
            "ss -K dst 1.2.3.4",
            "cat </dev/tcp/1.2.3.4/80",
            "eval 'rm x'",
            "command rm x",
            "\\rm x",
            "r''m x",
            "/bin/rm x",
            "LD_PRELOAD=/tmp/x.so ls",
            "ls &> /tmp/x",
            "ls >| /tmp/x",
            "uniq a b",
            "rm x; (((",
        ],
    );
}

#[test]
fn what_shows_credentials_is_secret_by_whatever_path() {
    all(
        Verdict::Secret,
        &[
            "cat /etc/shadow",
            "cat /etc//./shadow",
            "cat /etc/ssh/../shadow",
            "head -1 < /etc/shadow",
            "cd /etc && cat shadow",
            "cat ~/.ssh/id_rsa",
            "cat /root/.ssh/id_rsa",
            "cat ../../.aws/credentials",
            "strings /proc/1/environ",
            "cat /proc/1/root/etc/hosts",
            "grep -r password /etc",
            "grep -f/etc/shadow x",
            "cat --number=/etc/shadow /etc/shadow",
            "env",
            "printenv",
            "printenv AWS_SECRET_ACCESS_KEY",
            "ps auxe",
            "ps eww 1",
            "jq -n env",
            "jq -n '$ENV.HOME'",
            "awk 'BEGIN{print ENVIRON[\"X\"]}'",
            "cat /var/run/secrets/kubernetes.io/serviceaccount/token",
            "base64 server.key",
            "export -p",
            "set",
            "getent shadow",
        ],
    );
}

#[test]
fn what_nobody_can_tell_is_unknown() {
    all(
        Verdict::Unknown,
        &[
            "",
            "   ",
            "# nothing",
            "mytool",
            "./ls",
            "/tmp/ls",
            "$X",
            "$(echo ls)",
            "cat $F",
            "cat /e*/passwd",
            "cat {a,b}",
            "ls --frobnicate",
            "cat ~other/x",
            "PATH=/tmp ls",
            "PAGER=x ls",
            "ls() { :; }; ls",
            "python3 -c 'print(1)'",
            "awk 'BEGIN{system(\"id\")}'",
            "awk '{print | \"sh\"}' x",
            "awk 'BEGIN{\"id\" | getline x}'",
            "sed '1e id' x",
            "sort --compress-program=sh x",
            "rg --pre sh x",
            "ls | xargs cat",
            "source x",
            ". ./x",
            "trap 'ls' EXIT",
            "alias ls=x",
            "ls 'open",
            "ls \"open",
            "ls $(open",
            "ls && ",
            "cat <<EOF\nno end",
            "ls\u{200b}",
            "ls\r",
            "ls \u{202e}x",
            "l\u{0455}",
            "!!",
            "ls \u{ff0d}l",
        ],
    );
}

#[test]
fn what_needs_a_shell_says_which_construct() {
    let policy = Policy::builtin().unwrap();
    let because = |line: &str| {
        let judgement = policy.judge(line);
        assert!(judgement.plan.is_none(), "{line}");
        judgement.shell_because.unwrap()
    };
    assert_eq!(because("echo $HOME"), "a variable");
    assert_eq!(because("ls *"), "a glob");
    assert_eq!(because("ls &"), "a job in the background (`&`)");
    assert_eq!(because("for i in 1; do ls; done"), "`for` of bash");
    assert_eq!(because("cd /tmp"), "`cd` is part of the shell");
    assert_eq!(because("ls ~"), "a home folder (`~`)");
    assert_eq!(because("ls > x"), "the redirection `>x`");
}

#[test]
fn a_plan_has_the_words_and_the_redirections() {
    use crate::shell::plan::{To, When};

    let policy = Policy::builtin().unwrap().at_home(Some("/home/me/"));
    let plan = policy.judge("ls ~/a 'b  c'\\ d 2>&1 >/dev/null | wc -l </etc/hosts || id").plan.unwrap();
    let first = &plan.steps[0].stages[0];
    assert_eq!(first.argv, ["ls", "/home/me/a", "b  c d"]);
    // As a shell reads them: errors go where the output went before it went away.
    assert_eq!((first.stdout, first.stderr), (To::Null, To::Out));
    assert_eq!(plan.steps[0].stages[1].stdin.as_deref(), Some("/etc/hosts"));
    assert_eq!(plan.steps[1].when, When::Failed);
}

#[test]
fn a_wrapper_is_named_with_what_it_runs() {
    let policy = Policy::builtin().unwrap();
    let part = &policy.judge("sudo timeout 5 rm -f x").parts[0];
    assert_eq!(part.action, "sudo timeout rm");
    assert_eq!(part.words, ["sudo", "timeout", "5", "rm", "-f", "x"]);
}

#[test]
fn variables_of_one_program_need_no_shell() {
    let policy = Policy::builtin().unwrap();
    let plan = policy.judge("TZ=UTC LC_ALL='C' date -u | LANG=C sort").plan.unwrap();
    let pairs = |stage: usize| plan.steps[0].stages[stage].env.clone();
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(pairs(0), [own("TZ", "UTC"), own("LC_ALL", "C")]);
    assert_eq!(pairs(1), [own("LANG", "C")]);
    for shell in ["TZ=UTC", "TZ+=x date", "TZ=~/x date", "TZ=$X date", "TZ[0]=x date"] {
        assert!(policy.judge(shell).plan.is_none(), "{shell}");
    }
    // The plan itself is no variable that a line may set.
    assert_eq!(policy.judge("HOLMES_PLAN=x ls").verdict, Verdict::Unknown);
}

#[test]
fn what_is_named_is_looked_at_from_where_it_runs() {
    let verdict =
        |folder: &str, line: &str| Policy::builtin().unwrap().standing_in(Some(folder)).judge(line).verdict;
    assert_eq!(verdict("/etc", "cat shadow"), Verdict::Secret);
    assert_eq!(verdict("/etc/ssl", "cat ../shadow"), Verdict::Secret);
    assert_eq!(verdict("/", "grep -rn x ."), Verdict::Secret);
    assert_eq!(verdict("/root", "rg x"), Verdict::Secret);
    assert_eq!(verdict("/srv/shop/src", "grep -rn x ."), Verdict::Read);
    assert_eq!(verdict("/srv/shop", "cat shadow"), Verdict::Read);
}

#[test]
fn a_program_of_ones_own_replaces_ours_whatever_the_names_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "programs:\n  oc: change\n  rm: read\n").unwrap();
    let policy = Policy::load(folder.path()).unwrap();
    assert_eq!(policy.judge("oc get pods").verdict, Verdict::Change);
    assert_eq!(policy.judge("rm x").verdict, Verdict::Read);
    assert_eq!(policy.judge("unlink x").verdict, Verdict::Change);
}

#[test]
fn no_program_stands_in_two_places() {
    assert_eq!(Policy::builtin().unwrap().duplicates(), [] as [&str; 0]);
}

#[test]
fn a_broken_file_of_a_folder_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ours.yaml"), "programs:\n  x: {verdict: red}\n").unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(error.contains("ours.yaml:2:16: a verdict is read, unknown, secret or change"), "{error}");
    std::fs::write(folder.path().join("ours.yaml"), "programs:\n  x: {verdict: read, flag: -a}\n").unwrap();
    let error = Policy::load(folder.path()).unwrap_err();
    assert!(error.contains("unknown key `flag`, did you mean `flags`?"), "{error}");
    std::fs::write(folder.path().join("ours.yaml"), "programs:\n  x: read\n").unwrap();
    assert_eq!(Policy::load(folder.path()).unwrap().judge("x").verdict, Verdict::Read);
}
