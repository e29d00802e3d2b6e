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

#[test]
fn clients_that_follow_and_look_alikes() {
    for script in [
        "kubectl get pods -Aw",
        "kubectl logs -fn shop web",
        "kubectl wait --for=condition=Ready pod/x --timeout=-1s",
        "journalctl -xefu nginx",
        "dmesg -Tw",
        "tail -100f /x",
        "aws logs start-live-tail --log-group-identifiers x",
        "argocd app wait shop",
        "nc -l 80",
        "hubble observe -f",
        "stern app",
        "kcat -C -b b -t t",
        "mtr host",
        "while sleep 1; do date; done",
        "docker compose up",
        "netstat -c",
    ] {
        assert_eq!(found(script, "read_only: false"), ["warning[unbounded]"], "{script}");
    }
    for script in [
        "kubectl logs -nfoo web",
        "kubectl get pods -owide",
        "kubectl get pods -w=false",
        "journalctl -o short-full",
        "journalctl --facility=kern",
        "argocd app wait shop --timeout 30",
        "nc -z -w 2 host 80",
        "kcat -C -b b -t t -e",
        "mtr -r -c 3 host",
        "free -m",
        "ip addr show",
        "docker ps -f name=x",
    ] {
        assert_eq!(found(script, "read_only: false"), [""; 0], "{script}");
    }
}

#[test]
fn changes_of_further_programs_and_look_alikes() {
    let sure = [
        "aws --region eu-1 ec2 delete-volume --volume-id x",
        "gcloud --project x compute instances delete y",
        "kubectl auth reconcile -f x",
        "sed -ni p /x",
        "sed --in-place=.b s/a/b/ /x",
        "ssh -o BatchMode=yes host 'rm -rf /x'",
        "nsenter -t 1 -m rm /x",
        "psql -c 'select pg_terminate_backend(1)'",
        "mysql -e 'SET GLOBAL x=1'",
        "redis-cli -n 2 SETEX a 1 b",
        "curl -sS -o /etc/motd http://h/",
        "wget http://h/x",
        "tar -xzf x.tgz",
        "git fetch",
        "sysctl vm.x=1",
        "crontab file",
    ];
    for script in sure {
        let found = found(script, "read_only: true");
        assert!(found.contains(&"error[writes]".to_owned()), "{script}: {found:?}");
    }
    // No more than likely, or told by the policy.
    for script in
        ["curl -sXPUT http://h/x", "curl --request=DELETE http://h/x", "crictl rmi x", "nginx -s reload"]
    {
        assert_eq!(found(script, "read_only: true"), ["warning[writes]"], "{script}");
    }
    for script in [
        "kubectl -n scale get pods",
        "kubectl delete --help",
        "[[ a > b ]] && echo more",
        "redis-cli get set",
        "redis-cli -a x type rename",
        "systemctl is-active restart",
        "argocd account can-i sync applications",
        "gcloud compute instances describe start",
        "mount | grep x",
        "rm --version",
        "ssh host uptime",
        "curl -sS -o /dev/null -w '%{http_code}' http://h/",
        "wget -qO- http://h/",
        "tar -tzf x.tgz",
        "git log --grep push",
        "nginx -T",
    ] {
        assert_eq!(found(script, "read_only: true"), [""; 0], "{script}");
    }
}

#[test]
fn a_name_in_a_comment_is_no_value_and_the_second_of_two_is_pointed_at() {
    assert_eq!(found("# about {{ this }}\nls {{ x }}", "read_only: true"), [""; 0]);
    assert_eq!(found("# about {{ x }}\nls {{ x }}", "read_only: true"), ["warning[quoting]"]);
    let text =
        "toolsets:\n  a/b:\n    tools:\n      - {name: t, command: \"echo \\\"tail -f\\\"; tail -f /x\"}\n";
    let findings = lint(&[Input { place: "t.yaml".to_owned(), bytes: text.into() }]);
    let at = findings.iter().find(|one| one.code == "unbounded").map(|one| (one.line, one.column));
    assert_eq!(at, Some((4, 47)));
}
