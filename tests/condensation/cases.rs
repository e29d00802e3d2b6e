//! The cases: an output, what is asked of it, and the line that decides.
//!
//! Recorded outputs are as the programs gave them (a few cloned to the size of a fleet); made ones are a decisive
//! passage, recorded too or in its program's format, in the middle of ordinary traffic.

use super::traffic::{self as t, Traffic};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    /// Texts that must stand in the view, each within one line.
    pub(crate) decisive: &'static [&'static str],
    pub(crate) output: Output,
}

pub(crate) enum Output {
    /// A file of `recorded/`.
    Recorded,
    Made {
        heading: &'static str,
        traffic: Traffic,
        lines: u64,
        /// Where the passage stands, in percent of the lines.
        at: u64,
        passage: &'static str,
        ending: &'static str,
        /// Put between lines.
        between: &'static str,
    },
    /// Bytes that are no text around one line.
    Noise(&'static str),
    /// Two bytes a character, as Windows writes.
    Wide { traffic: Traffic, lines: u64, passage: &'static str },
}

const fn recorded(name: &'static str, question: &'static str, decisive: &'static [&'static str]) -> Case {
    Case { name, question, decisive, output: Output::Recorded }
}

pub(crate) const fn made(
    name: &'static str,
    question: &'static str,
    (traffic, lines, at): (Traffic, u64, u64),
    passage: &'static str,
    decisive: &'static [&'static str],
) -> Case {
    framed(name, question, (traffic, lines, at), ("", passage, ""), decisive)
}

pub(crate) const fn framed(
    name: &'static str,
    question: &'static str,
    (traffic, lines, at): (Traffic, u64, u64),
    (heading, passage, ending): (&'static str, &'static str, &'static str),
    decisive: &'static [&'static str],
) -> Case {
    let output = Output::Made { heading, traffic, lines, at, passage, ending, between: "\n" };
    Case { name, question, decisive, output }
}

pub(crate) const CASES: &[Case] = &[
    // Kubernetes, as kubectl gives it.
    recorded("kubectl-get-pods.json", "Why does payments restart?", &["\"reason\": \"OOMKilled\""]),
    recorded("kubectl-get-pods-min.json", "Why does payments restart?", &["\"reason\":\"OOMKilled\""]),
    recorded(
        "kubectl-get-pods-broken.json",
        "Why does recommendations not start?",
        &["Back-off pulling image \\\"testbed.local/shop/recomendations:3.1\\\""],
    ),
    recorded(
        "kubectl-get-pods.yaml",
        "Why is waits-for-volume pending?",
        &["pod has unbound immediate PersistentVolumeClaims."],
    ),
    recorded(
        "kubectl-describe-pods.txt",
        "Why is waits-for-volume pending?",
        &["pod has unbound immediate PersistentVolumeClaims."],
    ),
    recorded("kubectl-describe-fleet.txt", "Which pod is not well?", &["Exit Code:    1"]),
    recorded("kubectl-describe-nodes.txt", "Why are pods evicted?", &["DiskPressure     True"]),
    recorded(
        "kubectl-get-events.txt",
        "Why does quota-blocked have no pods?",
        &["serviceaccount \"does-not-exist\" not"],
    ),
    recorded(
        "kubectl-get-events.json",
        "Why does quota-blocked have no pods?",
        &["serviceaccount \\\"does-not-exist\\\" not found"],
    ),
    recorded("kubectl-get-deployments.yaml", "Which service has nothing running?", &["replicas: 0"]),
    recorded(
        "kubectl-get-deployments-limits.json",
        "One service is slow since the release. What differs?",
        &["\"memory\": \"48Mi\""],
    ),
    recorded(
        "kubectl-objects.yaml",
        "Why does quota-blocked have no pods?",
        &["serviceaccount \"does-not-exist\" not found"],
    ),
    recorded(
        "apiserver-metrics.txt",
        "Is an admission webhook rejecting requests?",
        &["apiserver_admission_webhook_rejection_count{error_type=\"calling_webhook_error\""],
    ),
    recorded("kubelet.log", "Why does a container not start?", &["configmap \"app-settings\" not found"]),
    recorded("containerd.log", "Was something killed for memory?", &["TaskOOM event"]),
    recorded(
        "controller-manager.log",
        "Why is the claim data not bound?",
        &["storageclass.storage.k8s.io \"fast-ssd\" not found"],
    ),
    recorded("audit.jsonl", "Who changed payments?", &["\"verb\":\"patch\""]),
    // Monitoring and clouds.
    recorded("prometheus-targets.json", "Which target is not scraped?", &["\"health\":\"down\""]),
    recorded("prometheus-range.json", "Which queue grows?", &["\"queue\":\"orders-57\""]),
    recorded("alertmanager-alerts.json", "What is on fire?", &["\"alertname\":\"EtcdNoLeader\""]),
    recorded(
        "aws-ec2-instances.json",
        "Why did an instance vanish?",
        &["\"Code\": \"Server.SpotInstanceTermination\""],
    ),
    recorded(
        "aws-cloudtrail.json",
        "What was changed before the outage?",
        &["\"EventName\": \"RevokeSecurityGroupIngress\""],
    ),
    // Databases and hosts.
    recorded("psql-settings.txt", "How many connections does the server take?", &["max_connections   "]),
    recorded(
        "mysql-status.txt",
        "Why are new connections refused?",
        &["Connection_errors_max_connections                | 48211"],
    ),
    recorded("mysql-variables.txt", "How large may a packet be?", &["| max_allowed_packet "]),
    recorded("redis-info.txt", "Is the cache persisted?", &["rdb_last_bgsave_status:err"]),
    recorded(
        "journal.json",
        "What is wrong with billing?",
        &["\"MESSAGE\":\"billing.service: Start request repeated too quickly.\""],
    ),
    recorded(
        "journal.txt",
        "Why is nginx down?",
        &["cannot load certificate \"/etc/ssl/shop/fullchain.pem\""],
    ),
    recorded("systemctl-units.txt", "What has failed on this host?", &["billing.service "]),
    recorded("systemctl-show.txt", "How did billing end?", &["ExecMainStatus=3"]),
    recorded("sysctl.txt", "Why is somaxconn too low for the listen queue?", &["net.core.somaxconn = 16"]),
    recorded("ss.txt", "Does somebody not close connections?", &["CLOSE-WAIT"]),
    recorded("rabbitmq.log", "Did the broker start cleanly?", &["rebuilding indices from scratch"]),
    // Logs: trouble that says so.
    made(
        "java-heap",
        "Why did orders restart?",
        (t::spring, 3_000, 61),
        "Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\tat com.shop.orders.Export.rows(Export.java:88)\n\tat com.shop.orders.Export.run(Export.java:41)",
        &["java.lang.OutOfMemoryError: Java heap space", "at com.shop.orders.Export.rows(Export.java:88)"],
    ),
    made(
        "java-caused-by",
        "Why does the cart not start?",
        (t::spring, 4_000, 40),
        include_str!("../fixtures/rules/logs/spring-caused-by.log"),
        &["Caused by: "],
    ),
    made(
        "python-chained",
        "Why do orders fail?",
        (t::gunicorn, 4_000, 70),
        include_str!("../fixtures/rules/logs/python-refused.log"),
        &["Connection refused"],
    ),
    made(
        "go-panic",
        "Why did search restart?",
        (t::logfmt, 3_000, 55),
        include_str!("../fixtures/rules/logs/go-panic.log"),
        &["panic: "],
    ),
    made(
        "node-heap",
        "Why did the front end die?",
        (t::node, 4_000, 80),
        include_str!("../fixtures/rules/logs/node-heap.log"),
        &["JavaScript heap out of memory"],
    ),
    made(
        "dotnet",
        "Why do requests fail?",
        (t::dotnet, 2_000, 33),
        "fail: Microsoft.AspNetCore.Server.Kestrel[13]\n      Unhandled exception. System.NullReferenceException: Object reference not set to an instance of an object.\n         at Shop.Web.OrderService.Price(Order order) in /app/OrderService.cs:line 71",
        &["System.NullReferenceException", "OrderService.cs:line 71"],
    ),
    made(
        "rust-panic",
        "Why did it crash?",
        (t::coloured, 4_000, 50),
        "thread 'tokio-runtime-worker' panicked at src/stock.rs:212:14:\nindex out of bounds: the len is 4 but the index is 9",
        &["panicked at src/stock.rs:212:14", "the len is 4 but the index is 9"],
    ),
    made(
        "kernel-oom",
        "What was killed?",
        (t::kernel, 5_000, 65),
        include_str!("../fixtures/rules/logs/kernel-oom.log"),
        &["Out of memory: Killed process"],
    ),
    made(
        "kernel-disk",
        "Is the disk well?",
        (t::kernel, 5_000, 20),
        include_str!("../fixtures/rules/logs/disk-io.log"),
        &["I/O error"],
    ),
    made(
        "postgres-slots",
        "Why can nobody connect?",
        (t::postgres, 6_000, 45),
        "2026-11-21 09:11:02.118 UTC [811] shop@shop FATAL:  sorry, too many clients already",
        &["FATAL:  sorry, too many clients already"],
    ),
    made(
        "nginx-all-errors",
        "Why do some uploads break?",
        (t::nginx_errors, 4_000, 58),
        "2026/11/21 09:42:11 [error] 31#31: *811 client intended to send too large body: 18874368 bytes, client: 10.0.0.9, server: shop, request: \"POST /api/v1/upload HTTP/1.1\"",
        &["client intended to send too large body: 18874368 bytes"],
    ),
    made(
        "access-burst",
        "When did requests fail?",
        (t::access, 8_000, 71),
        include_str!("../fixtures/rules/logs/access-5xx.log"),
        &["HTTP/1.1\" 502 "],
    ),
    made(
        "access-error-words",
        "Do requests fail?",
        (t::access_with_words, 6_000, 37),
        "10.2.8.9 - - [21/Nov/2026:09:21:07 +0000] \"POST /checkout HTTP/1.1\" 503 190 \"-\" \"Mozilla/5.0\" 30.001",
        &["\"POST /checkout HTTP/1.1\" 503 190"],
    ),
    made(
        "windows-lines",
        "What is wrong with mail?",
        (t::windows, 3_000, 77),
        "2026-11-21 09:51:10 [14] WARN  Shop.Web.MailService - 535 5.7.8 Authentication credentials invalid\r",
        &["535 5.7.8 Authentication credentials invalid"],
    ),
    made(
        "long-lines",
        "Why are orders lost?",
        (t::long_lines, 250, 52),
        "09:30:11.118 ERROR orders - lock wait timeout exceeded, order 77120 dropped",
        &["lock wait timeout exceeded, order 77120 dropped"],
    ),
    made(
        "ssh-guessing",
        "Who cannot log in?",
        (t::syslog, 5_000, 62),
        "Nov 21 09:41:00 web-1 sshd[811]: fatal: bad ownership or modes for chroot directory \"/srv/sftp/partner\"",
        &["bad ownership or modes for chroot directory"],
    ),
    made(
        "build-one-test",
        "Why is the build red?",
        (t::build, 6_000, 49),
        "2026-11-21T09:20:11.000Z test orders::prices_round_half_even ... FAILED",
        &["prices_round_half_even ... FAILED"],
    ),
    made(
        "kafka-controller",
        "Why did producers stall?",
        (t::kafka, 3_000, 66),
        "[2026-11-21 09:43:00,118] WARN [ReplicaManager broker=2] Shrinking ISR for partition orders-11 from 1,2,3 to 2. (kafka.cluster.Partition)",
        &["Shrinking ISR for partition orders-11 from 1,2,3 to 2"],
    ),
    Case {
        name: "binary-noise",
        question: "What does the dump say?",
        decisive: &["assertion failed: slot < slots.len()"],
        output: Output::Noise("assertion failed: slot < slots.len()"),
    },
    Case {
        name: "utf-16",
        question: "Why does the service stop?",
        decisive: &["The service terminated unexpectedly: disk quota exceeded"],
        output: Output::Wide {
            traffic: t::windows,
            lines: 1_500,
            passage: "The service terminated unexpectedly: disk quota exceeded",
        },
    },
    // Logs: what decides has no word of trouble.
    made(
        "leader-change",
        "Why did writes pause?",
        (t::raft, 3_000, 47),
        r#"{"level":"info","ts":"2026-11-21T09:23:17.118Z","logger":"raft","caller":"etcdserver/zap_raft.go:77","msg":"8e9e05c52164694d became follower at term 19"}"#,
        &["became follower at term 19"],
    ),
    made(
        "read-only",
        "Why are carts not stored?",
        (t::logfmt, 5_000, 68),
        "ts=2026-11-21T09:48:11.118Z caller=store.go:212 level=info component=cart msg=\"switched to read-only\" free_bytes=1048576",
        &["switched to read-only"],
    ),
    made(
        "feature-flag",
        "What changed before prices were odd?",
        (t::json_lines, 4_000, 57),
        r#"{"time":"2026-11-21T09:38:02.118Z","level":"info","service":"orders","msg":"flag rounding_v2 is now on","by":"alice"}"#,
        &["flag rounding_v2 is now on"],
    ),
    made(
        "lease-lost",
        "Why did the scheduler pause?",
        (t::klog, 5_000, 44),
        "I1121 09:31:00.118211   1 leaderelection.go:255] new leader elected: controller-7f9c-2",
        &["new leader elected: controller-7f9c-2"],
    ),
    made(
        "long-pause",
        "Why were there slow requests?",
        (t::gc, 4_000, 59),
        "[2026-11-21T09:39:50.000+0000][info][gc] GC(2361) Pause Full (G1 Compaction Pause) 4081M->3990M(4096M) 8123.441ms",
        &["Pause Full (G1 Compaction Pause) 4081M->3990M(4096M) 8123.441ms"],
    ),
    made(
        "postgres-standby",
        "Why are orders not stored?",
        (t::postgres, 5_000, 36),
        "2026-11-21 09:30:12.118 UTC [1] LOG:  database system is ready to accept read-only connections",
        &["ready to accept read-only connections"],
    ),
    made(
        "haproxy-server",
        "Why was the site slow?",
        (t::haproxy, 4_000, 72),
        "Nov 21 09:50:12 lb-1 haproxy[811]: Server app/app2 is DOWN, reason: Layer7 wrong status, code: 500, check duration: 2ms. 1 active and 0 backup servers left.",
        &["Server app/app2 is DOWN"],
    ),
    made(
        "clock-step",
        "Why were tokens not accepted?",
        (t::syslog, 5_000, 31),
        "Nov 21 09:19:22 web-1 chronyd[404]: System clock was stepped by -412.118031 seconds",
        &["System clock was stepped by -412.118031 seconds"],
    ),
    made(
        "terraform-replace",
        "Why is the database new?",
        (t::terraform, 2_500, 88),
        "  # aws_db_instance.main must be replaced\n-/+ resource \"aws_db_instance\" \"main\" {\n      ~ storage_encrypted = false -> true # forces replacement\n    }",
        &["# aws_db_instance.main must be replaced", "# forces replacement"],
    ),
    made(
        "slow-request",
        "Which request was slow?",
        (t::node, 5_000, 63),
        "09:43:00.118 - info: [search] GET /api/v1/reindex 91244ms - 12",
        &["/api/v1/reindex 91244ms"],
    ),
    // Tables.
    framed(
        "table-pods",
        "Is the cluster well?",
        (t::pod_row, 900, 56),
        (
            "NAMESPACE   NAME                                   READY   STATUS             RESTARTS       AGE",
            "shop        mail-77b9c8d5f4-x2x9z                  0/1     Running            0              12d",
            "",
        ),
        &["mail-77b9c8d5f4-x2x9z                  0/1"],
    ),
    framed(
        "table-pods-restarts",
        "Which pod restarts?",
        (t::pod_row, 900, 33),
        (
            "NAMESPACE   NAME                                   READY   STATUS             RESTARTS       AGE",
            "shop        cart-77b9c8d5f4-q8q7z                  1/1     Running            48 (6m ago)    12d",
            "",
        ),
        &["cart-77b9c8d5f4-q8q7z                  1/1     Running            48 (6m ago)"],
    ),
    framed(
        "table-nodes",
        "Why is there no room?",
        (t::node_row, 400, 60),
        (
            "NAME                STATUS                     ROLES    AGE    VERSION",
            "node-pool-b-7       Ready,SchedulingDisabled   <none>   211d   v1.29.4",
            "",
        ),
        &["Ready,SchedulingDisabled"],
    ),
    framed(
        "table-processes",
        "What eats the memory?",
        (t::process_row, 900, 71),
        (
            "USER         PID %CPU %MEM     VSZ    RSS TTY      STAT START   TIME COMMAND",
            "app         8811 12.0 87.3 99482112 57210880 ?     Sl    Nov20 811:14 /usr/bin/java -jar export.jar",
            "",
        ),
        &["87.3 99482112 57210880"],
    ),
    framed(
        "table-zombie",
        "Which process hangs?",
        (t::process_row, 900, 42),
        (
            "USER         PID %CPU %MEM     VSZ    RSS TTY      STAT START   TIME COMMAND",
            "root        9120  0.0  0.1   90122   8112 ?        D    Nov20   0:02 /usr/bin/rsync --server /mnt/nfs",
            "",
        ),
        &["/usr/bin/rsync --server /mnt/nfs"],
    ),
    framed(
        "table-disks",
        "Is there room on the disks?",
        (t::disk_row, 500, 64),
        (
            "Filesystem              Size  Used  Avail  Use% Mounted on",
            "/dev/mapper/data-pg     500G  497G   2.6G  100% /var/lib/postgresql",
            "",
        ),
        &["100% /var/lib/postgresql"],
    ),
    framed(
        "table-containers",
        "Which container stopped?",
        (t::container_row, 300, 48),
        (
            "CONTAINER ID   IMAGE             COMMAND                  CREATED      STATUS                PORTS      NAMES",
            "77aa1be09c41   shop/ledger       \"/entrypoint.sh serve\"   3 days ago   Exited (137) 2 hours ago         ledger-9",
            "",
        ),
        &["Exited (137) 2 hours ago"],
    ),
    framed(
        "table-lag",
        "Which partition is behind?",
        (t::lag_row, 400, 53),
        (
            "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG        CONSUMER-ID HOST CLIENT-ID",
            "billing         orders.v4        44         1200311         6012643         4812332    consumer-44-0a1b2c3d /10.0.0.9  consumer",
            "",
        ),
        &["4812332    consumer-44-0a1b2c3d"],
    ),
    framed(
        "table-activity",
        "What blocks the migration?",
        (t::activity_row, 500, 77),
        (
            "   pid  | datname  | client_addr    |        state        |    running      | query\n--------+----------+----------------+---------------------+-----------------+-------",
            "   8811 | shop     | 10.0.  9.12    | idle in transaction | 03:12:44.118000 | LOCK TABLE orders IN SHARE MODE",
            "(501 rows)\n",
        ),
        &["idle in transaction | 03:12:44.118000"],
    ),
    framed(
        "table-threads",
        "Why do queries hang?",
        (t::thread_row, 500, 39),
        (
            "+--------+------+----------------------+------+---------+-------+---------------------------------+----------------------------------------+\n|     Id | User | Host                 | db   | Command |  Time | State                           | Info                                   |\n+--------+------+----------------------+------+---------+-------+---------------------------------+----------------------------------------+",
            "|   8811 | shop | 10.0.  9.12 :41222   | shop | Query   |  4100 | Waiting for table metadata lock | ALTER TABLE orders ADD COLUMN note TEXT |",
            "+--------+------+----------------------+------+---------+-------+---------------------------------+----------------------------------------+\n",
        ),
        &["Waiting for table metadata lock"],
    ),
    framed(
        "table-certificates",
        "Is a certificate not issued?",
        (t::certificate_row, 300, 59),
        (
            "NAMESPACE   NAME                     READY   SECRET                       AGE",
            "mail        smtp-tls                 False   smtp-tls                     3d",
            "",
        ),
        &["smtp-tls                 False"],
    ),
    framed(
        "table-scalers",
        "Which service is at its limit?",
        (t::scaler_row, 300, 44),
        (
            "NAMESPACE   NAME                       REFERENCE                         TARGETS    MINPODS   MAXPODS   REPLICAS   AGE",
            "shop        checkout                   Deployment/checkout              412%/80%    2         20        20         60d",
            "",
        ),
        &["412%/80%"],
    ),
    framed(
        "table-usage",
        "Which pod uses the most memory?",
        (t::usage_row, 600, 66),
        (
            "NAMESPACE   NAME                                   CPU(cores)   MEMORY(bytes)",
            "shop        search-9c41d0aa77-x8x8x                 12m         7812Mi",
            "",
        ),
        &["7812Mi"],
    ),
    framed(
        "table-endpoints",
        "Which service has no pods behind it?",
        (t::endpoint_row, 400, 38),
        (
            "NAMESPACE   NAME                         ENDPOINTS                             AGE",
            "shop        ledger                       <none>                                60d",
            "",
        ),
        &["ledger                       <none>"],
    ),
    framed(
        "table-open-files",
        "Why does the disk fill without files?",
        (t::file_row, 3_000, 57),
        (
            "COMMAND      PID  USER     FD     TYPE           DEVICE    SIZE/OFF      NODE NAME",
            "java        4101  app     12u      REG              259,1 91882711040    118833 /var/log/shop/app.log (deleted)",
            "",
        ),
        &["91882711040    118833 /var/log/shop/app.log (deleted)"],
    ),
    // Documents and values.
    framed(
        "document-zone",
        "Why does a missing name stay missing for a day?",
        (t::zone, 2_000, 41),
        (
            "$ORIGIN shop.example.",
            "shop.example.                300  IN  SOA   ns1.shop.example. admin.shop.example. 2026112101 7200 900 1209600 86400",
            "",
        ),
        &["2026112101 7200 900 1209600 86400"],
    ),
    made(
        "document-settings",
        "Why does the payments pool run dry?",
        (t::setting, 3_000, 63),
        "payments.pool.maximum = 2",
        &["payments.pool.maximum = 2"],
    ),
    framed(
        "json-hits",
        "What went wrong in the ledger?",
        (t::hit, 900, 74),
        (
            r#"{"took":31,"timed_out":false,"hits":{"total":{"value":901},"hits":["#,
            r#"{"_index":"logs-2026.11.21","_id":"zz81","_score":1.0,"_source":{"@timestamp":"2026-11-21T09:51:00Z","level":"FATAL","service":"ledger","message":"journal sequence has a gap at 88121","host":"10.0.0.9"}},"#,
            r#"{"_index":"logs-2026.11.21","_id":"end","_score":1.0,"_source":{"level":"INFO","message":"served"}}]}}"#,
        ),
        &["journal sequence has a gap at 88121"],
    ),
    framed(
        "json-checks",
        "Which check does not pass?",
        (t::check, 500, 52),
        (
            "[",
            "  {\n    \"Node\": \"node-9\",\n    \"CheckID\": \"service:ledger\",\n    \"Status\": \"critical\",\n    \"Notes\": \"\",\n    \"Output\": \"dial tcp 10.0.0.9:8080: i/o deadline reached\",\n    \"ModifyIndex\": 8811\n  },",
            "  {\n    \"Node\": \"node-0\",\n    \"Status\": \"passing\"\n  }\n]",
        ),
        &["\"Status\": \"critical\""],
    ),
    made(
        "document-manifests",
        "Which release runs nothing?",
        (t::manifest, 300, 61),
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ledger\n  labels:\n    app.kubernetes.io/managed-by: Helm\nspec:\n  replicas: 0\n  template:\n    spec:\n      containers:\n      - name: app\n        image: registry.shop.example/ledger:1.0.0\n        resources:\n          limits:\n            memory: 512Mi",
        &["  replicas: 0"],
    ),
    made(
        "boot-times",
        "Why did the host take so long to start?",
        (t::unit, 1_500, 55),
        "  1min 34.812s cloud-wait.service",
        &["1min 34.812s cloud-wait.service"],
    ),
];
