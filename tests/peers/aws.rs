//! The AWS toolsets: the real AWS CLI against moto's server. Both come from PyPI into `target/peers/aws`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::peer::{Peer, may_install, program, status};
use crate::support::{Bench, Ran};

/// moto does not have `cloudtrail lookup-events`; a page of it is served in its place.
const WITH_CLOUDTRAIL: &str = r#"
import json, sys
from moto import server
from moto.cloudtrail.responses import CloudTrailResponse

def lookup(self):
    events = []
    for name, user, read, time in [("RebootDBInstance", "ci", "false", 1767225600), ("ConsoleLogin", "bob", "true", 1767225700)]:
        raw = {"eventTime": "2026-01-01T00:00:00Z", "sourceIPAddress": "203.0.113.7", "requestParameters": {"dBInstanceIdentifier": "shop-db"}}
        events.append({"EventId": "id-" + name, "EventName": name, "ReadOnly": read, "Username": user, "EventTime": time,
                       "EventSource": "rds.amazonaws.com", "Resources": [{"ResourceType": "x", "ResourceName": "shop-db"}], "CloudTrailEvent": json.dumps(raw)})
    key = {"EventName": "EventName", "EventId": "EventId", "Username": "Username", "ReadOnly": "ReadOnly"}
    for wanted in self._get_param("LookupAttributes") or []:
        if wanted["AttributeKey"] in key:
            events = [one for one in events if one[key[wanted["AttributeKey"]]] == wanted["AttributeValue"]]
    start, end = self._get_param("StartTime"), self._get_param("EndTime")
    if not (start and end or wanted["AttributeKey"] == "EventId"):
        raise ValueError("no window")
    events = [one for one in events if not start or float(start) <= one["EventTime"] <= float(end)]
    return json.dumps({"Events": events})

CloudTrailResponse.lookup_events = lookup
server.main()
"#;

/// The folder of the programs, made at the first run; `None`, and why, where PyPI is out of reach.
fn programs() -> Option<PathBuf> {
    // Tests run at the same time; one installs, the others wait.
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(installed).clone()
}

fn installed() -> Option<PathBuf> {
    program("python3")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers").join("aws");
    let ready = folder.join("ready");
    if !ready.is_file() {
        if !may_install("moto") {
            return None;
        }
        let step = |program: &Path, args: &[&str]| {
            let run = Command::new(program).args(args).stdin(Stdio::null()).output();
            run.is_ok_and(|output| output.status.success())
        };
        let place = folder.display().to_string();
        let install =
            ["install", "-q", "--retries", "1", "--timeout", "20", "moto[server]>=5,<6", "awscli>=1.40,<2"];
        if !step(Path::new("python3"), &["-m", "venv", &place]) || !step(&folder.join("bin/pip"), &install) {
            println!("SKIPPED: moto and the AWS CLI could not be installed from PyPI");
            return None;
        }
        std::fs::write(&ready, "").unwrap();
    }
    Some(folder.join("bin"))
}

/// moto with a small shop in it, and a bench that speaks to it.
fn shop() -> Option<(Peer, Bench)> {
    let bin = programs()?;
    let start = |folder: &Path, port: u16| {
        let script = folder.join("serve.py");
        std::fs::write(&script, WITH_CLOUDTRAIL).unwrap();
        let mut command = Command::new(bin.join("python"));
        command.arg(script).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command
    };
    let peer = Peer::start(start, |port| status(port, "/moto-api/data.json") == 200);
    let path = std::env::var("PATH").unwrap();
    let bench = Bench::new()
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("AWS_ENDPOINT_URL", peer.url())
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        // In us-east-1 the CLI of version 1 sends `rds` to AWS itself.
        .env("AWS_DEFAULT_REGION", "eu-west-1");
    let aws = |line: &str| {
        let mut command = Command::new(bin.join("aws"));
        bench.surround(&mut command);
        let output = command.args(line.split(' ')).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    aws("rds create-db-instance --db-instance-identifier shop-db --engine postgres --db-instance-class \
         db.t3.medium --allocated-storage 20 --master-username app --master-user-password secret1234");
    aws("ec2 run-instances --image-id ami-12c6146b --count 1 --instance-type t3.small");
    aws("ecs create-cluster --cluster-name shop");
    aws("logs create-log-group --log-group-name /shop/checkout");
    aws("logs create-log-stream --log-group-name /shop/checkout --log-stream-name a");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    aws(&format!(
        "logs put-log-events --log-group-name /shop/checkout --log-stream-name a --log-events \
         timestamp={now},message=ERROR:declined"
    ));
    aws("cloudwatch put-metric-data --namespace Shop --metric-name Orders --dimensions Shop=a --value 30");
    aws("cloudwatch put-metric-alarm --alarm-name orders --namespace Shop --metric-name Orders \
         --comparison-operator GreaterThanThreshold --threshold 25 --evaluation-periods 1 --period 60 \
         --statistic Maximum");
    aws("cloudwatch set-alarm-state --alarm-name orders --state-value ALARM --state-reason high");
    Some((peer, bench))
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

/// One server for all: it and the CLI take seconds to start.
#[test]
fn tools_read_a_small_shop() {
    let Some((_peer, bench)) = shop() else { return };
    let Some(bin) = programs() else { return };
    let window = ["since=2025-12-31", "until=2026-01-02T00:00:00+01:00"];
    for (name, params, wanted) in [
        ("aws_cloudtrail_event_lookup", &[][..], "RebootDBInstance  ok  by ci"),
        ("aws_cloudtrail_event_lookup", &["EVENT_NAME=ConsoleLogin"], "by bob"),
        ("aws_cloudtrail_event_lookup", &["EVENT_NAME='; id; \""], "no such event"),
        ("aws_user_audit_logs", &["UserName=bob"], "ConsoleLogin"),
    ] {
        let said = tool(&bench, name, &[params, &window].concat()).exits(0).stdout;
        assert!(said.contains(wanted), "{name} {params:?}: {said}");
    }
    for (name, params, wanted) in [
        (
            "aws_cloudtrail_event_details",
            &["EVENT_ID=id-RebootDBInstance"][..],
            "\"dBInstanceIdentifier\": \"shop-db\"",
        ),
        ("aws_cloudtrail_event_lookup", &["since=1h"], "no such event in this window"),
        ("aws_rds_describe_events", &["db_instance_identifier=shop-db", "since=30d"], "DB instance created"),
        ("aws_rds_describe_instance", &["db_instance_identifier=shop-db"], "\"AllocatedStorage\": 20"),
        ("aws_rds_describe_instances", &[], "shop-db  available  postgres"),
        ("aws_rds_describe_logs", &["db_instance_identifier=shop-db"], "error/postgresql.log"),
        ("aws_identity", &[], "account 123456789012"),
        ("aws_ec2_instances", &[], "running  t3.small"),
        ("aws_ecs", &[], "shop  ACTIVE"),
        ("aws_logs", &[], "/shop/checkout"),
        ("aws_logs", &["log_group=/shop/checkout", "pattern=ERROR"], "ERROR:declined"),
        ("aws_metrics", &["namespace=Shop"], "Shop=a: Orders"),
        (
            "aws_metrics",
            &["namespace=Shop", "metric=Orders", "dimensions=Shop=a", "statistic=Sum"],
            "last 30",
        ),
        ("aws_alarms", &[], "orders  ALARM"),
        ("aws_costs", &["month=2026-01"], "2026-01-01 to 2026-02-01 against 2025-12-01 to 2026-01-01"),
        ("aws_costs", &["month=2024-03"], "2024-03-01 to 2024-04-01 against 2024-02-01 to 2024-03-01"),
        ("aws_costs", &["days=7"], "all services"),
        ("aws_ec2_instances", &["region=us-east-2"], "no such instance in this region"),
    ] {
        let said = tool(&bench, name, params).exits(0).stdout;
        assert!(said.contains(wanted), "{name} {params:?}: {said}");
    }
    // The CLI would read that file: no such value reaches it.
    let refused =
        tool(&bench, "aws_logs", &["log_group=/shop/checkout", "pattern=file:///etc/hostname"]).exits(2);
    assert!(refused.stderr.contains("reads the file of that name"), "{}", refused.stderr);
    for (name, params, wanted) in [
        ("aws_cloudtrail_event_lookup", &["since=last week"][..], "not a time: last week"),
        ("aws_rds_describe_instance", &["db_instance_identifier=nope"], "DBInstanceNotFound"),
        ("aws_network", &["id=nope"], "needs an id"),
        ("aws_costs", &["days=1000"], "1 to 180"),
        ("aws_costs", &["month=2999-01"], "nothing to count yet"),
        ("aws_costs", &["month=last"], "month: this, or like 2026-01"),
        ("aws_ecs", &["region=not a region"], "doesn't match a supported format"),
    ] {
        let said = tool(&bench, name, params).exits(1).stdout;
        assert!(said.contains(wanted), "{name} {params:?}: {said}");
    }
    // Times as a model writes them, with a `date` that knows as little as that of macOS.
    let date = "#!/bin/sh\ncase $1 in +*) exec /bin/date \"$@\" ;; *) echo 'date: illegal option' >&2; exit 1 ;; esac\n";
    let bench = bench.file("bsd/date", date);
    std::fs::set_permissions(bench.path("bsd/date"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path =
        format!("{}:{}:{}", bench.path("bsd").display(), bin.display(), std::env::var("PATH").unwrap());
    let bench = bench.env("PATH", path);
    for since in
        ["2025-12-31T00:00Z", "2025-12-31 10:00", "1767139200", "1767139200000", "2025-12-31T01:00:00+01:00"]
    {
        let since = format!("since={since}");
        let said = tool(&bench, "aws_user_audit_logs", &["UserName=bob", &since]).exits(0).stdout;
        assert!(said.contains("ConsoleLogin"), "{since}: {said}");
    }
    for since in ["yesterday", "2 hours ago", "last 30 minutes", "now-1h", "1d12h"] {
        let since = format!("since={since}");
        let said = tool(&bench, "aws_user_audit_logs", &["UserName=bob", &since]).exits(0).stdout;
        assert!(said.contains("nothing by this name in this window"), "{since}: {said}");
    }
}

#[test]
fn without_an_account_nothing_is_tried_and_nothing_is_loud() {
    let Some(bin) = programs() else { return };
    let path = std::env::var("PATH").unwrap();
    let bench = Bench::new().env("PATH", format!("{}:{path}", bin.display()));
    let listed = bench.run(["toolset", "list", "--all"]).exits(0).stdout;
    let line = listed.lines().find(|line| line.starts_with("aws/core")).unwrap();
    assert!(line.contains("disabled") && line.contains("no AWS credentials"), "{line}");
}
