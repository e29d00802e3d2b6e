use super::{Input, Level, lint};

/// `level[code]` of what is found in a tool with this script, without notes.
fn found(script: &str, read_only: &str) -> Vec<String> {
    let body: String = script.lines().flat_map(|line| ["          ", line, "\n"]).collect();
    let text = format!(
        "toolsets:\n  a/b:\n    description: d\n    tools:\n      - name: t\n        description: d\n        \
         {read_only}\n        script: |\n{body}"
    );
    let findings = lint(&[Input { place: "t.yaml".to_owned(), bytes: text.into_bytes() }]);
    let loud = findings.into_iter().filter(|finding| finding.level != Level::Note);
    loud.map(|finding| format!("{}[{}]", finding.level.name(), finding.code)).collect()
}

#[test]
fn commands_without_an_end() {
    for script in [
        "tail -F /x",
        "sudo -u app tail -fn 5 /x",
        "bash -c 'tail -f /x'",
        "x=$(journalctl -f)",
        "docker events --since 2h",
        "docker stats",
        "docker compose logs --follow",
        "kubectl -n a get pods -w",
        "kubectl rollout status deploy/x",
        "top",
        "ping 127.0.0.1",
        "tcpdump -i any",
        "yes",
        "while :; do date; sleep 1; done",
        "vmstat 1",
        "redis-cli monitor",
        "{% if a %}tail -f /x{% else %}echo{% endif %}",
        "{% if a %}echo{% else %}tail -f /x{% endif %}",
    ] {
        assert_eq!(found(script, "read_only: true"), ["warning[unbounded]"], "{script}");
    }
    for script in [
        "echo 'tail -f /x'",
        "# tail -f /x",
        "timeout 5 tail -f /x",
        "tail -n 5 /x",
        "grep -f patterns /x",
        "docker events --since 2h --until 0s",
        "docker stats --no-stream",
        "kubectl logs x --tail 5",
        "kubectl rollout status deploy/x --timeout=10s",
        "top -b -n 1",
        "top -bn1",
        "ping -c 3 127.0.0.1",
        "yes | head -n 3",
        "while true; do break; done",
        "while read -r line; do echo \"$line\"; done",
        "vmstat 1 2",
        "command -v tcpdump",
        "cat <<EOF\ntail -f /x\nEOF",
    ] {
        assert_eq!(found(script, "read_only: true"), [""; 0], "{script}");
    }
}

#[test]
fn changes_in_a_tool_that_reads() {
    for script in [
        "kubectl delete pod x",
        "kubectl -n shop rollout restart deploy/x",
        "timeout 5 kubectl exec x -- ls",
        "rm -rf /x",
        "echo x > /etc/motd",
        "date | tee -a /x",
        "systemctl restart nginx",
        "docker rm -f x",
        "docker system prune -f",
        "aws ec2 terminate-instances --instance-ids x",
        "helm -n x upgrade a b",
        "find / -name x -delete",
        "find / -name x -exec rm {} +",
        "psql -c 'select 1; drop table x'",
        "psql <<'EOF'\nUPDATE x SET a = 1;\nEOF",
        "echo 'DELETE FROM x' | mysql shop",
        "redis-cli -h x flushall",
        "redis-cli CONFIG SET a b",
        "gcloud compute instances delete x",
        "sed -i s/a/b/ /x",
        "sh -c 'systemctl stop x'",
    ] {
        assert_eq!(found(script, "read_only: true"), ["error[writes]"], "{script}");
        assert_eq!(found(script, "# unsaid"), ["warning[writes]"], "{script}");
        assert_eq!(found(script, "read_only: false"), [""; 0], "{script}");
    }
    assert_eq!(found("curl -X POST -d x http://h/orders", "read_only: true"), ["warning[writes]"]);
    for script in [
        "kubectl auth can-i delete pods",
        "kubectl get pods -l app=delete",
        "kubectl delete pod x --dry-run=client",
        "kubectl rollout history deploy/x",
        "echo 'rm -rf /x'",
        "date >/dev/null 2>&1",
        "t=$(mktemp); date > \"$t\"; rm -f \"$t\"",
        "systemctl status restart.service",
        "docker inspect rm",
        "docker image ls",
        "aws logs start-query --query-string x",
        "aws s3 cp s3://b/k -",
        "helm list",
        "psql -c 'select * from updates where deleted'",
        "psql -c \"select 'a' as create\"",
        "redis-cli CONFIG GET maxmemory",
        "kill -0 1",
        "curl -G -d a=b http://h/orders",
        "curl -X POST -d '{}' http://h/index/_search",
        "sed -n 5p /x",
        "test 3 -gt 2 && echo more",
    ] {
        assert_eq!(found(script, "read_only: true"), [""; 0], "{script}");
    }
}

#[test]
fn platforms_and_places_of_values() {
    for script in ["date -v-1H", "stat -f %z /x", "sed -i '' s/a/b/ /x", "xargs -J % ls %", "ps -axro pid"] {
        assert!(found(script, "read_only: false").contains(&"warning[bsd-only]".to_owned()), "{script}");
    }
    for script in ["date -d '1 hour ago'", "stat -c %s /x", "stat -f /x", "ps -eo pid --sort=-rss"] {
        assert_eq!(found(script, "read_only: true"), [""; 0], "{script}");
    }
    for script in [
        "jq '.[] | select(.a == \"{{ x }}\")' /x",
        "awk \"/{{ x }}/\" /x",
        "sh -c \"ls {{ x }}\"",
        "eval {{ x }}",
        "echo `ls {{ x }}`",
        "sed s/a/{{ x }}/ /x",
        "python3 -c 'print(\"{{ x }}\")'",
        "psql -c \"select '{{ x }}'\"",
        "q='select {{ x }}'; psql -c \"$q\"",
        "cat <<'EOF'\n{{ x }}\nEOF",
        "{% if y %}echo{% else %}awk '/{{ x }}/' /x{% endif %}",
    ] {
        assert_eq!(found(script, "read_only: true"), ["warning[quoting]"], "{script}");
    }
    for script in [
        "grep -F -e {{ x }} /x",
        "grep -F -e '{{ x }}' /x",
        "jq --arg x {{ x }} '.a == $x' /x",
        "jq {{ x }} /x",
        "awk -v x={{ x }} '$1 == x' /x",
        "sh -c 'ls \"$1\"' _ {{ x }}",
        "echo {{ '-A' if x else '' }}",
        "cat <<EOF\n{{ x }}\nEOF",
        "awk '/{{ x | length }}/' /x",
    ] {
        assert_eq!(found(script, "read_only: true"), [""; 0], "{script}");
    }
}

#[test]
fn a_finding_points_at_its_command_in_every_style_of_text() {
    let at = |text: &str| {
        let text = format!(
            "toolsets:\n  a/b:\n    description: d\n    tools:\n      - name: t\n        description: d\n{text}"
        );
        let findings = lint(&[Input { place: "t.yaml".to_owned(), bytes: text.into_bytes() }]);
        findings.iter().find(|one| one.code == "unbounded").map(|one| (one.line, one.column))
    };
    assert_eq!(at("        command: ls; tail -f /x\n"), Some((7, 22)));
    assert_eq!(at("        command: \"ls \\\"a\\\"; tail -f /x\"\n"), Some((7, 29)));
    assert_eq!(at("        command: 'ls; tail -f /x'\n"), Some((7, 23)));
    assert_eq!(at("        script: |\n          ls\n          é; tail -f /x\n"), Some((9, 14)));
    assert_eq!(at("        script: >-\n          ls;\n          tail -f /x\n"), Some((9, 11)));
    assert_eq!(at("        # lint: allow unbounded\n        command: tail -f /x\n"), None);
}
