//! Cases written after the reading of outputs was done, of programs and formats it had not met: what it makes of them
//! at first sight is what it makes of a stranger's. The first figure is in docs/condensation.md.

use super::cases::{Case, framed, made};
use super::traffic::{Chance, PATHS, SERVICES, clock};

fn broker(c: &mut Chance, n: u64) -> String {
    let at = clock(n).replace('.', ",");
    match c.below(4) {
        0 => format!(
            "[2026-11-21 {at}] INFO [UnifiedLog partition={}-{}, dir=/var/lib/kafka/data] Rolled new log segment at offset {} in {} ms. (kafka.log.UnifiedLog)",
            c.one_of(SERVICES),
            c.below(24),
            c.below(9_000_000),
            c.below(40)
        ),
        1 => format!(
            "[2026-11-21 {at}] INFO [GroupCoordinator 2]: Stabilized group {} generation {} (__consumer_offsets-{}) with {} members (kafka.coordinator.group.GroupCoordinator)",
            c.one_of(SERVICES),
            c.below(400),
            c.below(50),
            c.below(9)
        ),
        2 => format!(
            "[2026-11-21 {at}] INFO [GroupCoordinator 2]: Assignment received from leader consumer-{}-{} for group {} for generation {}. (kafka.coordinator.group.GroupCoordinator)",
            c.below(9),
            c.hex(8),
            c.one_of(SERVICES),
            c.below(400)
        ),
        _ => format!(
            "[2026-11-21 {at}] INFO [LocalLog partition={}-{}, dir=/var/lib/kafka/data] Deleting segment files LogSegment(baseOffset={}, size=1073741824, lastModifiedTime=17637152{}, largestRecordTimestamp=Some(17637152{})) (kafka.log.LocalLog$)",
            c.one_of(SERVICES),
            c.below(24),
            c.below(9_000_000),
            c.below(99_999),
            c.below(99_999)
        ),
    }
}

fn cassandra(c: &mut Chance, n: u64) -> String {
    let at = clock(n).replace('.', ",");
    match c.below(3) {
        0 => format!(
            "INFO  [CompactionExecutor:{}] 2026-11-21 {at} CompactionTask.java:241 - Compacted ({}) 4 sstables to [/data/shop/orders/nb-{}-big,] to level=0.  {}MiB to {}MiB (~{}% of original) in {}ms.",
            c.below(90),
            c.hex(8),
            c.below(9_000),
            c.below(90),
            c.below(80),
            c.below(99),
            c.below(4_000)
        ),
        1 => format!(
            "INFO  [Service Thread] 2026-11-21 {at} GCInspector.java:294 - G1 Young Generation GC in {}ms.  G1 Eden Space: {} -> 0; G1 Old Gen: {} -> {};",
            200 + c.below(90),
            c.below(900_000_000),
            c.below(900_000_000),
            c.below(900_000_000)
        ),
        _ => format!(
            "DEBUG [MemtableFlushWriter:{}] 2026-11-21 {at} Memtable.java:483 - Completed flushing /data/shop/{}/nb-{}-big-Data.db ({}KiB) for commitlog position CommitLogPosition(segmentId=17637{}, position={})",
            c.below(90),
            c.one_of(SERVICES),
            c.below(9_000),
            c.below(4_000),
            c.below(99_999),
            c.below(900_000)
        ),
    }
}

fn mongo(c: &mut Chance, n: u64) -> String {
    let at = clock(n);
    match c.below(3) {
        0 => format!(
            r#"{{"t":{{"$date":"2026-11-21T{at}+00:00"}},"s":"I","c":"NETWORK","id":22943,"ctx":"listener","msg":"Connection accepted","attr":{{"remote":"{}:{}","connectionId":{},"connectionCount":{}}}}}"#,
            c.address(),
            c.below(60_000),
            n,
            c.below(300)
        ),
        1 => format!(
            r#"{{"t":{{"$date":"2026-11-21T{at}+00:00"}},"s":"I","c":"NETWORK","id":22944,"ctx":"conn{n}","msg":"Connection ended","attr":{{"remote":"{}:{}","connectionId":{},"connectionCount":{}}}}}"#,
            c.address(),
            c.below(60_000),
            n,
            c.below(300)
        ),
        _ => format!(
            r#"{{"t":{{"$date":"2026-11-21T{at}+00:00"}},"s":"I","c":"WRITE","id":51803,"ctx":"conn{n}","msg":"Slow query","attr":{{"type":"update","ns":"shop.{}","planSummary":"IDHACK","keysExamined":1,"docsExamined":1,"numYields":0,"errName":null,"locks":{{}},"durationMillis":{}}}}}"#,
            c.one_of(SERVICES),
            100 + c.below(90)
        ),
    }
}

fn slow_search(c: &mut Chance, n: u64) -> String {
    let took = 1_000 + c.below(900);
    format!(
        "[2026-11-21T{},118][WARN ][i.s.s.query] [es-{}] [{}][{}] took[1.{}s], took_millis[{took}], total_hits[{}+ hits], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{{\"size\":20,\"query\":{{\"match\":{{\"title\":\"{}\"}}}}}}], id[],",
        &clock(n)[..8],
        c.below(3),
        c.one_of(&["items", "orders"]),
        c.below(5),
        (took - 1_000) / 100,
        c.below(10_000),
        c.one_of(SERVICES)
    )
}

fn envoy(c: &mut Chance, n: u64) -> String {
    let (code, flags) = if c.below(200) == 0 { (503, "UC") } else { (200, "-") };
    format!(
        "[2026-11-21T{}Z] \"GET {} HTTP/2\" {code} {flags} via_upstream - \"-\" 0 {} {} {} \"{}\" \"Mozilla/5.0\" \"{}-{}\" \"shop.example\" \"{}:8080\" outbound|80||{}.shop.svc.cluster.local {}:{} 10.2.0.9:80 {}:{} - default",
        clock(n),
        c.one_of(PATHS),
        c.below(9_000),
        c.below(90),
        c.below(90),
        c.address(),
        c.hex(8),
        c.hex(12),
        c.address(),
        c.one_of(SERVICES),
        c.address(),
        c.below(60_000),
        c.address(),
        c.below(60_000)
    )
}

fn istiod(c: &mut Chance, n: u64) -> String {
    let at = clock(n);
    match c.below(3) {
        0 => format!(
            "2026-11-21T{at}123Z\tinfo\tads\tPush debounce stable[{n}] {} for config ServiceEntry/shop/{}.shop.svc.cluster.local: 100.{}ms since last change, 100.2ms since last push, full=false",
            c.below(9),
            c.one_of(SERVICES),
            c.below(900)
        ),
        1 => format!(
            "2026-11-21T{at}123Z\tinfo\tads\tXDS: Incremental Pushing ConnectedEndpoints:{} Version:2026-11-21T09:00:00Z/{n}",
            c.below(90)
        ),
        _ => format!(
            "2026-11-21T{at}123Z\tinfo\tads\t{}: PUSH request for node:{}-{}.shop resources:{} size:{}.{}kB",
            c.one_of(&["CDS", "EDS", "RDS", "LDS"]),
            c.one_of(SERVICES),
            c.hex(9),
            c.below(90),
            c.below(90),
            c.below(9)
        ),
    }
}

fn coredns(c: &mut Chance, _: u64) -> String {
    let (name, code) = match c.below(3) {
        0 => ("shop.svc.cluster.local.shop.svc.cluster.local.", "NXDOMAIN"),
        1 => ("shop.svc.cluster.local.svc.cluster.local.", "NXDOMAIN"),
        _ => ("shop.svc.cluster.local.", "NOERROR"),
    };
    format!(
        "[INFO] {}:{} - {} \"{} IN {}.{name} udp 62 false 512\" {code} qr,aa,rd {} 0.000{}s",
        c.address(),
        c.below(60_000),
        c.below(65_000),
        c.one_of(&["A", "AAAA"]),
        c.one_of(SERVICES),
        c.below(200),
        c.below(999)
    )
}

fn certificates(c: &mut Chance, n: u64) -> String {
    let at = clock(n);
    match c.below(3) {
        0 => format!(
            "I1121 {at}118       1 requestmanager_controller.go:323] \"cert-manager/certificates-request-manager: Created CertificateRequest\" certificate=\"shop/{}-tls\" request_name=\"{}-tls-{}\"",
            c.one_of(SERVICES),
            c.one_of(SERVICES),
            c.below(90)
        ),
        1 => format!(
            "I1121 {at}118       1 conditions.go:263] Setting lastTransitionTime for CertificateRequest \"{}-tls-{}\" condition \"Approved\" to 2026-11-21 {at} +0000 UTC m=+{}.{}",
            c.one_of(SERVICES),
            c.below(90),
            c.below(90_000),
            c.below(900)
        ),
        _ => format!(
            "E1121 {at}118       1 controller.go:167] \"re-queuing item due to optimistic locking on resource\" logger=\"cert-manager\" error=\"Operation cannot be fulfilled on certificates.cert-manager.io \\\"{}-tls\\\": the object has been modified; please apply your changes to the latest version and try again\" key=\"shop/{}-tls\"",
            c.one_of(SERVICES),
            c.one_of(SERVICES)
        ),
    }
}

fn copied(c: &mut Chance, n: u64) -> String {
    let (folder, other) = (c.one_of(SERVICES), c.one_of(SERVICES));
    format!("srv/shop/{folder}/{other}/invoice-{}-{n}.pdf", c.hex(6))
}

fn dump_row(c: &mut Chance, n: u64) -> String {
    format!(
        "[81234.{:06}] [{:>7}] {:>5} {:>7} {:>8} {:>8} {:>8} {:>8} {:>13} {}",
        n,
        1_000 + n,
        c.below(1_000),
        1_000 + n,
        c.below(90_000),
        c.below(9_000),
        c.below(900) * 4_096,
        c.below(90),
        c.one_of(&["0", "-997", "1000"]),
        c.one_of(&["pause", "containerd-shim", "sh", "nginx", "envoy", "node"])
    )
}

fn host(c: &mut Chance, n: u64) -> String {
    let at = &clock(n)[..8];
    match c.below(4) {
        0 => format!(
            "Nov 21 {at} app-1 systemd[1]: run-docker-runtime\\x2drunc-moby-{}.mount: Deactivated successfully.",
            c.hex(32)
        ),
        1 => format!(
            "Nov 21 {at} app-1 CRON[{}]: (root) CMD (/usr/lib/sysstat/debian-sa1 1 1)",
            c.below(90_000)
        ),
        2 => format!(
            "Nov 21 {at} app-1 systemd[1]: session-{}.scope: Consumed {}.{}s CPU time.",
            n,
            c.below(9),
            c.below(900)
        ),
        _ => format!(
            "Nov 21 {at} app-1 dhclient[411]: DHCPREQUEST for {} on eth0 to 10.0.0.1 port 67",
            c.address()
        ),
    }
}

fn php(c: &mut Chance, n: u64) -> String {
    let at = &clock(n)[..8];
    match c.below(2) {
        0 => format!(
            "[21-Nov-2026 {at}] NOTICE: [pool www] child {} exited with code 0 after {}.{:06} seconds from start",
            c.below(90_000),
            c.below(900),
            c.below(999_999)
        ),
        _ => format!("[21-Nov-2026 {at}] NOTICE: [pool www] child {} started", c.below(90_000)),
    }
}

fn rails(c: &mut Chance, n: u64) -> String {
    let (at, path, id) = (clock(n), c.one_of(PATHS), c.hex(12));
    format!(
        "I, [2026-11-21T{at}123 #{}]  INFO -- : [{id}] Started GET \"{path}\" for {} at 2026-11-21 {at} +0000\nD, [2026-11-21T{at}223 #9]  DEBUG -- : [{id}]   Order Load ({}.{}ms)  SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"id\" = $1 LIMIT $2  [[\"id\", {n}], [\"LIMIT\", 1]]\nI, [2026-11-21T{at}323 #9]  INFO -- : [{id}] Completed 200 OK in {}ms (Views: {}.1ms | ActiveRecord: {}.2ms | Allocations: {})",
        c.below(40),
        c.address(),
        c.below(9),
        c.below(9),
        c.below(90),
        c.below(40),
        c.below(40),
        c.below(9_000)
    )
}

fn celery(c: &mut Chance, n: u64) -> String {
    let at = clock(n).replace('.', ",");
    let id = format!("{}-{}-{}", c.hex(8), c.hex(4), c.hex(12));
    match c.below(2) {
        0 => format!(
            "[2026-11-21 {at}: INFO/MainProcess] Task shop.tasks.{}.sync[{id}] received",
            c.one_of(SERVICES)
        ),
        _ => format!(
            "[2026-11-21 {at}: INFO/ForkPoolWorker-{}] Task shop.tasks.{}.sync[{id}] succeeded in {}.{}s: None",
            c.below(8),
            c.one_of(SERVICES),
            c.below(4),
            c.below(999_999)
        ),
    }
}

fn erlang(c: &mut Chance, n: u64) -> String {
    format!(
        "=PROGRESS REPORT==== 21-Nov-2026::{} ===\n    supervisor: {{local,{}_sup}}\n    started: [{{pid,<0.{}.0>}},\n              {{id,{{{}_worker,{n}}}}},\n              {{restart_type,temporary}},\n              {{shutdown,5000}},\n              {{child_type,worker}}]\n",
        clock(n),
        c.one_of(SERVICES),
        c.below(9_000),
        c.one_of(SERVICES)
    )
}

fn serilog(c: &mut Chance, n: u64) -> String {
    format!(
        "[{} INF] HTTP GET {} responded 200 in {}.{:04} ms {{\"RequestId\": \"0HN7{}:{:08}\", \"Host\": \"{}\"}}",
        &clock(n)[..8],
        c.one_of(PATHS),
        c.below(90),
        c.below(9_999),
        c.hex(9).to_uppercase(),
        n,
        c.one_of(SERVICES)
    )
}

fn plan(c: &mut Chance, n: u64) -> String {
    format!(
        "  # module.{}.aws_ecs_service.task[{n}] will be updated in-place\n  ~ resource \"aws_ecs_service\" \"task\" {{\n        id                                 = \"arn:aws:ecs:eu-central-1:111122223333:service/shop/{}\"\n        name                               = \"task-{n}\"\n      ~ task_definition                    = \"arn:aws:ecs:eu-central-1:111122223333:task-definition/task:{}\" -> (known after apply)\n        # (15 unchanged attributes hidden)\n    }}\n",
        c.one_of(SERVICES),
        c.hex(8),
        c.below(900)
    )
}

fn job(c: &mut Chance, n: u64) -> String {
    match c.below(3) {
        0 => format!("\u{1b}[32;1m$ make {}-{n}\u{1b}[0;m", c.one_of(SERVICES)),
        1 => format!(
            "\r\u{1b}[K 12% [=>        ] {} MB/s\r\u{1b}[K 54% [====>     ] {} MB/s\r\u{1b}[K100% [==========] done {}",
            c.below(90),
            c.below(90),
            c.hex(8)
        ),
        _ => format!(
            "   \u{1b}[36m✓\u{1b}[0m packages/{}/test/{}.spec.ts \u{1b}[2m({} tests)\u{1b}[22m \u{1b}[33m{}ms\u{1b}[39m",
            c.one_of(SERVICES),
            c.hex(6),
            c.below(30),
            c.below(900)
        ),
    }
}

fn java_thread(c: &mut Chance, n: u64) -> String {
    match c.below(3) {
        0 => format!(
            "\"http-nio-8080-exec-{n}\" #{n} daemon prio=5 os_prio=0 cpu={}.{}ms elapsed=8123.11s tid=0x00007f{} nid=0x{} waiting for monitor entry  [0x00007f{}]\n   java.lang.Thread.State: BLOCKED (on object monitor)\n\tat com.shop.ledger.Journal.append(Journal.java:88)\n\t- waiting to lock <0x00000007a1b2c3d8> (a com.shop.ledger.Journal)\n\tat com.shop.ledger.Api.post(Api.java:41)\n\tat org.apache.tomcat.util.net.SocketProcessorBase.run(SocketProcessorBase.java:49)\n\tat java.lang.Thread.run(Thread.java:840)\n",
            c.below(900),
            c.below(99),
            c.hex(10),
            c.hex(4),
            c.hex(10)
        ),
        _ => format!(
            "\"http-nio-8080-exec-{n}\" #{n} daemon prio=5 os_prio=0 cpu={}.{}ms elapsed=8123.11s tid=0x00007f{} nid=0x{} waiting on condition  [0x00007f{}]\n   java.lang.Thread.State: WAITING (parking)\n\tat jdk.internal.misc.Unsafe.park(Native Method)\n\t- parking to wait for  <0x00000007a{}> (a java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject)\n\tat java.util.concurrent.LinkedBlockingQueue.take(LinkedBlockingQueue.java:435)\n\tat java.lang.Thread.run(Thread.java:840)\n",
            c.below(900),
            c.below(99),
            c.hex(10),
            c.hex(4),
            c.hex(10),
            c.hex(7)
        ),
    }
}

fn calls(c: &mut Chance, n: u64) -> String {
    match c.below(4) {
        0 => format!(
            "[pid {:>5}] openat(AT_FDCWD, \"/usr/lib/x86_64-linux-gnu/lib{}.so.{}\", O_RDONLY|O_CLOEXEC) = {}",
            800 + n % 7,
            c.hex(5),
            c.below(9),
            c.below(40)
        ),
        1 => format!(
            "[pid {:>5}] openat(AT_FDCWD, \"/usr/lib/python3/dist-packages/{}/{}.so\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)",
            800 + n % 7,
            c.one_of(SERVICES),
            c.hex(5)
        ),
        2 => format!(
            "[pid {:>5}] read({}, \"\\177ELF\\2\\1\\1\\0\\0\"..., 832) = 832",
            800 + n % 7,
            c.below(40)
        ),
        _ => format!(
            "[pid {:>5}] mmap(NULL, {}, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, {}, 0) = 0x7f{}",
            800 + n % 7,
            c.below(900_000),
            c.below(40),
            c.hex(10)
        ),
    }
}

fn native_thread(c: &mut Chance, n: u64) -> String {
    format!(
        "Thread {} (Thread 0x7f{} (LWP {})):\n#0  0x00007f{} in __futex_abstimed_wait_common64 (private=0, cancel=true, abstime=0x0, op=393, expected=0, futex_word=0x55{}) at ./nptl/futex-internal.c:57\n#1  __futex_abstimed_wait_common (cancel=true, private=0, abstime=0x0, clockid=0, expected=0, futex_word=0x55{}) at ./nptl/futex-internal.c:87\n#2  0x00007f{} in worker_main (arg=0x55{}) at worker.c:{}\n#3  0x00007f{} in start_thread (arg=<optimized out>) at ./nptl/pthread_create.c:442\n",
        n + 2,
        c.hex(9),
        9_000 + n,
        c.hex(10),
        c.hex(8),
        c.hex(8),
        c.hex(10),
        c.hex(8),
        c.one_of(&["88", "91"]),
        c.hex(10)
    )
}

fn windows_event(c: &mut Chance, n: u64) -> String {
    let (source, id, text) = [
        ("Service Control Manager", 7036, "The Windows Update service entered the stopped state."),
        ("Service Control Manager", 7036, "The Software Protection service entered the running state."),
        (
            "Microsoft-Windows-Kernel-General",
            16,
            "The access history in hive was cleared updating 412 keys and creating 31 modified pages.",
        ),
    ][usize::try_from(c.below(3)).unwrap()];
    event(n, source, id, "Information", &clock(n), text)
}

fn event(n: u64, source: &str, id: u32, level: &str, at: &str, text: &str) -> String {
    format!(
        "Event[{n}]:\n  Log Name: System\n  Source: {source}\n  Date: 2026-11-21T{at}\n  Event ID: {id}\n  Task: N/A\n  Level: {level}\n  Opcode: N/A\n  Keyword: Classic\n  User: N/A\n  User Name: N/A\n  Computer: WEB-1\n  Description:\n{text}\n"
    )
}

fn explained(c: &mut Chance, n: u64) -> String {
    format!(
        "        ->  Index Scan using orders_p{n}_customer_idx on orders_p{n} o_{n}  (cost=0.42..8.{:02} rows=1 width=72) (actual time=0.0{}..0.0{} rows={} loops=1)\n              Index Cond: (customer_id = 77120)\n              Buffers: shared hit={}",
        c.below(99),
        10 + c.below(40),
        50 + c.below(40),
        c.below(2),
        c.below(5)
    )
}

fn compose(c: &mut Chance, n: u64) -> String {
    let service = c.one_of(SERVICES);
    format!("{:<12} | {} GET {} 200 {}ms", format!("{service}-1"), clock(n), c.one_of(PATHS), c.below(90))
}

fn postfix(c: &mut Chance, n: u64) -> String {
    let (at, id) = (&clock(n)[..8], c.hex(10).to_uppercase());
    match c.below(4) {
        0 => format!(
            "Nov 21 {at} mx-1 postfix/smtpd[{}]: connect from unknown[{}]",
            c.below(9_000),
            c.address()
        ),
        1 => format!(
            "Nov 21 {at} mx-1 postfix/qmgr[811]: {id}: from=<shop@shop.example>, size={}, nrcpt=1 (queue active)",
            c.below(90_000)
        ),
        2 => format!(
            "Nov 21 {at} mx-1 postfix/smtp[{}]: {id}: to=<customer{n}@mail.example>, relay=mx.mail.example[{}]:25, delay={}.{}, delays=0.1/0/0.3/0.4, dsn=2.0.0, status=sent (250 2.0.0 OK)",
            c.below(9_000),
            c.address(),
            c.below(4),
            c.below(9)
        ),
        _ => format!("Nov 21 {at} mx-1 postfix/qmgr[811]: {id}: removed"),
    }
}

pub(crate) const CASES: &[Case] = &[
    made(
        "late-kafka-group",
        "Why did billing stop consuming for a while?",
        (broker, 4_000, 58),
        "[2026-11-21 09:39:11,118] INFO [GroupCoordinator 2]: Member consumer-billing-3-77aa1be0 in group billing has left; Preparing to rebalance group billing in state PreparingRebalance with old generation 41 (reason: removing member on heartbeat expiration) (kafka.coordinator.group.GroupCoordinator)",
        &["removing member on heartbeat expiration"],
    ),
    made(
        "late-cassandra-pause",
        "Why did writes time out at half past nine?",
        (cassandra, 4_000, 27),
        "INFO  [Service Thread] 2026-11-21 09:18:00,118 GCInspector.java:294 - G1 Old Generation GC in 14211ms.  G1 Old Gen: 8211998877 -> 8190011223;",
        &["G1 Old Generation GC in 14211ms"],
    ),
    made(
        "late-mongo-role",
        "Why could orders not be written?",
        (mongo, 4_000, 69),
        r#"{"t":{"$date":"2026-11-21T09:46:00.118+00:00"},"s":"I","c":"REPL","id":21358,"ctx":"ReplCoord-4","msg":"Replica set state transition","attr":{"newState":"SECONDARY","oldState":"PRIMARY"}}"#,
        &[r#""newState":"SECONDARY","oldState":"PRIMARY""#],
    ),
    made(
        "late-slow-search",
        "Which search was slow?",
        (slow_search, 2_000, 44),
        "[2026-11-21T09:03:40,118][WARN ][i.s.s.query] [es-1] [items][2] took[41.2s], took_millis[41233], total_hits[10000+ hits], types[], stats[], search_type[QUERY_THEN_FETCH], total_shards[5], source[{\"size\":20,\"query\":{\"wildcard\":{\"title\":\"*a*\"}}}], id[],",
        &["took_millis[41233]"],
    ),
    made(
        "late-envoy-flag",
        "Why do some requests fail?",
        (envoy, 5_000, 81),
        "[2026-11-21T09:51:00.118Z] \"POST /checkout HTTP/2\" 503 UO upstream_reset_before_response_started{overflow} - \"-\" 412 81 0 - \"10.2.9.9\" \"Mozilla/5.0\" \"77aa1be0-8811\" \"shop.example\" \"-\" outbound|80||checkout.shop.svc.cluster.local - 10.2.0.9:80 10.2.9.9:41222 - default",
        &["503 UO upstream_reset_before_response_started{overflow}"],
    ),
    made(
        "late-istio-listener",
        "Why does cart not get its configuration?",
        (istiod, 4_000, 33),
        "2026-11-21T09:22:00.118123Z\twarn\tads\tADS:LDS: ACK ERROR cart-7d9f8b6c5-xk2lp.shop-1 Internal:Error adding/updating listener(s) 0.0.0.0_8080: filter chains with the same matching rules are defined",
        &["filter chains with the same matching rules are defined"],
    ),
    made(
        "late-coredns",
        "Why can payments not reach its partner?",
        (coredns, 6_000, 62),
        "[ERROR] plugin/errors: 2 api.partner.example. A: read udp 10.2.0.9:41222->10.0.0.2:53: i/o timeout",
        &["api.partner.example. A: read udp 10.2.0.9:41222->10.0.0.2:53: i/o timeout"],
    ),
    made(
        "late-cert-manager",
        "Why was the certificate of mail changed?",
        (certificates, 3_000, 49),
        "I1121 09:31:00.118118       1 trigger_controller.go:215] \"cert-manager/certificates-trigger: Certificate must be re-issued\" key=\"mail/smtp-tls\" reason=\"SecretMismatch\" message=\"Existing issued Secret is not up to date for spec: [spec.dnsNames]\"",
        &["reason=\"SecretMismatch\""],
    ),
    framed(
        "late-cron-mail",
        "Is the backup complete?",
        (copied, 5_000, 37),
        (
            "From: root@app-1 (Cron Daemon)\nTo: root@app-1\nSubject: Cron <root@app-1> /usr/local/bin/backup\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\nsending incremental file list",
            "file has vanished: \"/srv/shop/orders/journal.db-wal\"",
            "\nsent 811,223,118 bytes  received 91,223 bytes  3,118,223.11 bytes/sec\ntotal size is 99,811,223,118  speedup is 123.01\n",
        ),
        &["file has vanished: \"/srv/shop/orders/journal.db-wal\""],
    ),
    framed(
        "late-kernel-dump",
        "What was killed, and by which limit?",
        (dump_row, 900, 99),
        (
            "[81233.118000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=1000\n[81233.118001] CPU: 3 PID: 8811 Comm: java Not tainted 6.1.0-18-amd64 #1  Debian 6.1.76-1\n[81233.118002] Call Trace:\n[81233.118003]  <TASK>\n[81233.118004]  dump_stack_lvl+0x44/0x5c\n[81233.118005]  dump_header+0x4a/0x211\n[81233.118006]  oom_kill_process.cold+0xb/0x10\n[81233.118007]  </TASK>\n[81233.118008] Tasks state (memory values in pages):\n[81233.118009] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
            "[81234.900000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=cri-77aa,mems_allowed=0,oom_memcg=/kubepods.slice/kubepods-pod77.slice,task_memcg=/kubepods.slice/kubepods-pod77.slice/cri-77aa,task=java,pid=8811,uid=1000\n[81234.900001] Memory cgroup out of memory: Killed process 8811 (java) total-vm:9948211kB, anon-rss:5721088kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:11812kB oom_score_adj:1000",
            "",
        ),
        &["oom-kill:constraint=CONSTRAINT_MEMCG", "Memory cgroup out of memory: Killed process 8811 (java)"],
    ),
    made(
        "late-coredump",
        "Why is the ledger gone?",
        (host, 5_000, 76),
        "Nov 21 09:52:00 app-1 systemd-coredump[8812]: [🡕] Process 8811 (ledger) of user 1000 dumped core.\n\n                                              Stack trace of thread 8811:\n                                              #0  0x00007f11aa22bb33 __memmove_avx_unaligned (libc.so.6 + 0x15c8f3)\n                                              #1  0x000055aa11bb22cc journal_append (ledger + 0x4a2cc)\n                                              #2  0x000055aa11bb33dd main (ledger + 0x4b3dd)\n                                              ELF object binary architecture: AMD x86-64",
        &["Process 8811 (ledger) of user 1000 dumped core.", "journal_append (ledger + 0x4a2cc)"],
    ),
    made(
        "late-php-children",
        "Why is the shop slow at noon?",
        (php, 4_000, 52),
        "[21-Nov-2026 09:34:40] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
        &["server reached pm.max_children setting (5)"],
    ),
    made(
        "late-rails",
        "Why does checkout break?",
        (rails, 1_500, 64),
        "I, [2026-11-21T09:03:59.118123 #9]  INFO -- : [77aa1be09c41] Completed 500 Internal Server Error in 31ms (ActiveRecord: 0.0ms | Allocations: 811)\nF, [2026-11-21T09:03:59.118223 #9] FATAL -- : [77aa1be09c41]   \n[77aa1be09c41] NoMethodError (undefined method `round' for nil:NilClass):\n[77aa1be09c41]   \n[77aa1be09c41] app/models/price.rb:41:in `total'\n[77aa1be09c41] app/controllers/checkout_controller.rb:12:in `create'",
        &["NoMethodError (undefined method `round' for nil:NilClass)", "app/models/price.rb:41:in `total'"],
    ),
    made(
        "late-celery",
        "Why are mails late?",
        (celery, 4_000, 22),
        "[2026-11-21 09:14:40,118: INFO/MainProcess] missed heartbeat from celery@worker-3",
        &["missed heartbeat from celery@worker-3"],
    ),
    made(
        "late-erlang",
        "Why does the queue lose its writer?",
        (erlang, 500, 71),
        "=CRASH REPORT==== 21-Nov-2026::09:01:28.118 ===\n  crasher:\n    initial call: ledger_writer:init/1\n    pid: <0.8811.0>\n    registered_name: ledger_writer\n    exception exit: {{badmatch,{ro,enospc}},[{ledger_writer,append,3,[{file,\"src/ledger_writer.erl\"},{line,212}]}]}\n      in function  gen_server:handle_common_reply/8 (gen_server.erl, line 1226)\n    ancestors: [ledger_sup,<0.411.0>]\n    message_queue_len: 4812\n",
        &["exception exit: {{badmatch,{ro,enospc}}"],
    ),
    made(
        "late-dotnet-stop",
        "Why was the API gone for a minute?",
        (serilog, 5_000, 43),
        "[09:29:52 INF] Application is shutting down...",
        &["Application is shutting down..."],
    ),
    made(
        "late-terraform-plan",
        "May I apply this plan?",
        (plan, 400, 57),
        "  # module.data.aws_db_instance.main will be updated in-place\n  ~ resource \"aws_db_instance\" \"main\" {\n      ~ deletion_protection                = true -> false\n        id                                 = \"main\"\n        # (51 unchanged attributes hidden)\n    }\n",
        &["~ deletion_protection                = true -> false"],
    ),
    framed(
        "late-gitlab-job",
        "Why is the pipeline red?",
        (job, 4_000, 93),
        (
            "\u{1b}[0KRunning with gitlab-runner 16.9.1 (782c6ecb)\u{1b}[0;m\n\u{1b}[0K  on runner-7 xk2lp, system ID: s_77aa\u{1b}[0;m",
            "\u{1b}[31;1mThe script exceeded the maximum execution time set for the job\u{1b}[0;m",
            "section_end:1763716000:step_script\r\u{1b}[0K\u{1b}[0K\u{1b}[36;1mCleaning up project directory and file based variables\u{1b}[0;m\n",
        ),
        &["The script exceeded the maximum execution time set for the job"],
    ),
    framed(
        "late-thread-dump",
        "Who holds the journal?",
        (java_thread, 300, 61),
        (
            "2026-11-21 09:31:00\nFull thread dump OpenJDK 64-Bit Server VM (17.0.9+9 mixed mode, sharing):\n",
            "\"export-1\" #811 prio=5 os_prio=0 cpu=41.11ms elapsed=811.11s tid=0x00007f11aa22bb33 nid=0x22b runnable  [0x00007f11aa22b000]\n   java.lang.Thread.State: RUNNABLE\n\tat sun.nio.ch.SocketDispatcher.write0(Native Method)\n\tat com.shop.ledger.Export.upload(Export.java:212)\n\t- locked <0x00000007a1b2c3d8> (a com.shop.ledger.Journal)\n\tat com.shop.ledger.Export.run(Export.java:41)\n\tat java.lang.Thread.run(Thread.java:840)\n",
            "\"VM Thread\" os_prio=0 cpu=811.11ms elapsed=8123.11s tid=0x00007f11aa22bb44 nid=0x9 runnable\n\nJNI global refs: 41, weak refs: 0\n",
        ),
        &["- locked <0x00000007a1b2c3d8> (a com.shop.ledger.Journal)"],
    ),
    made(
        "late-strace",
        "Why does the ledger not start?",
        (calls, 5_000, 87),
        "[pid   801] openat(AT_FDCWD, \"/etc/shop/ledger.toml\", O_RDONLY) = -1 EACCES (Permission denied)",
        &["\"/etc/shop/ledger.toml\", O_RDONLY) = -1 EACCES"],
    ),
    framed(
        "late-gdb-threads",
        "Where does it crash?",
        (native_thread, 250, 99),
        (
            "[New LWP 8811]\nCore was generated by `/usr/bin/ledger --serve'.\nProgram terminated with signal SIGSEGV, Segmentation fault.\n",
            "Thread 1 (Thread 0x7f11aa22bb33 (LWP 8811)):\n#0  0x00007f11aa22bb33 in __memmove_avx_unaligned_erms () at ../sysdeps/x86_64/multiarch/memmove-vec-unaligned-erms.S:314\n#1  0x000055aa11bb22cc in journal_append (journal=0x0, length=88) at journal.c:212\n#2  0x000055aa11bb33dd in main (argc=2, argv=0x7ffc11aa22bb) at main.c:41\n",
            "",
        ),
        &["in journal_append (journal=0x0, length=88) at journal.c:212"],
    ),
    made(
        "late-windows-events",
        "Did the machine restart by itself?",
        (windows_event, 400, 46),
        "Event[8811]:\n  Log Name: System\n  Source: EventLog\n  Date: 2026-11-21T09:31:00.118\n  Event ID: 6008\n  Task: N/A\n  Level: Error\n  Opcode: N/A\n  Keyword: Classic\n  User: N/A\n  User Name: N/A\n  Computer: WEB-1\n  Description:\nThe previous system shutdown at 9:27:11 AM on 11/21/2026 was unexpected.\n",
        &["The previous system shutdown at 9:27:11 AM on 11/21/2026 was unexpected."],
    ),
    framed(
        "late-explain",
        "What makes the query slow?",
        (explained, 300, 79),
        (
            "                                   QUERY PLAN\n--------------------------------------------------------------------------------\n Sort  (cost=91244.11..91244.12 rows=1 width=72) (actual time=91301.118..91301.119 rows=12 loops=1)\n   ->  Append  (cost=0.42..91240.10 rows=300 width=72) (actual time=0.118..91300.811 rows=12 loops=1)",
            "        ->  Seq Scan on orders_p2026 o_301  (cost=0.00..90811.00 rows=1 width=72) (actual time=412.118..91244.200 rows=11 loops=1)\n              Filter: (customer_id = 77120)\n              Rows Removed by Filter: 48211223",
            " Planning Time: 81.118 ms\n Execution Time: 91302.223 ms\n",
        ),
        &["->  Seq Scan on orders_p2026", "Rows Removed by Filter: 48211223"],
    ),
    made(
        "late-compose",
        "Why is the ledger not reachable?",
        (compose, 5_000, 34),
        "ledger-1 exited with code 0",
        &["ledger-1 exited with code 0"],
    ),
    made(
        "late-postfix",
        "Why did the partner get no mail?",
        (postfix, 5_000, 55),
        "Nov 21 09:37:00 mx-1 postfix/smtp[8811]: 77AA1BE09C: to=<orders@partner.example>, relay=mx.partner.example[10.9.9.9]:25, delay=30, delays=0.1/0/30/0, dsn=4.7.1, status=deferred (host mx.partner.example[10.9.9.9] said: 451 4.7.1 Greylisted, come back later)",
        &["status=deferred"],
    ),
];
