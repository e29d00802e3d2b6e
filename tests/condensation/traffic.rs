//! Ordinary traffic: what stands around a decisive passage on a real day. Seeded, so that each run sees the same.

/// xorshift64*: the same numbers on every machine.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    pub(crate) fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.below(words.len() as u64)).unwrap()]
    }

    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[usize::try_from(self.below(16)).unwrap()]))
            .collect()
    }

    pub(crate) fn address(&mut self) -> String {
        format!("10.{}.{}.{}", self.below(4), self.below(250), self.below(250))
    }
}

/// `HH:MM:SS.mmm` of line `n` of a log with a few lines a second.
pub(crate) fn clock(n: u64) -> String {
    let seconds = n / 4;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        9 + seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        n % 4 * 250 + n * 7 % 250
    )
}

pub(crate) const PATHS: &[&str] =
    &["/", "/cart", "/api/v1/orders", "/api/v1/items/7", "/checkout", "/static/app.js", "/healthz"];
pub(crate) const SERVICES: &[&str] = &["cart", "orders", "payments", "inventory", "search", "mail"];

/// Writes line `n` of a kind of traffic.
pub(crate) type Traffic = fn(&mut Chance, u64) -> String;

pub(crate) fn klog(c: &mut Chance, n: u64) -> String {
    let at = clock(n);
    match c.below(4) {
        0 => format!(
            "I1121 {at}917   1 reconciler.go:224] operationExecutor.VerifyControllerAttachedVolume started for volume \"kube-api-access-{}\"",
            c.hex(5)
        ),
        1 => format!(
            "I1121 {at}118   1 httplog.go:89] \"HTTP\" verb=\"GET\" URI=\"/readyz\" latency=\"{}.{}ms\" userAgent=\"kube-probe/1.29\" resp=200",
            c.below(4),
            c.below(999)
        ),
        2 => format!(
            "I1121 {at}201   1 replica_set.go:676] Finished syncing ReplicaSet shop/{}-{} ({}µs)",
            c.one_of(SERVICES),
            c.hex(9),
            c.below(900)
        ),
        _ => format!(
            "I1121 {at}441   1 event.go:307] \"Event occurred\" object=\"shop/{}\" kind=\"Deployment\" type=\"Normal\" reason=\"ScalingReplicaSet\" message=\"Scaled up replica set to {}\"",
            c.one_of(SERVICES),
            c.below(9)
        ),
    }
}

pub(crate) fn logfmt(c: &mut Chance, n: u64) -> String {
    format!(
        "ts=2026-11-21T{}Z caller={}.go:{} level=info component={} msg=\"request done\" trace={} took={}ms rows={}",
        clock(n),
        c.one_of(&["handler", "store", "query"]),
        c.below(400),
        c.one_of(SERVICES),
        c.hex(16),
        c.below(90),
        c.below(500)
    )
}

pub(crate) fn json_lines(c: &mut Chance, n: u64) -> String {
    format!(
        r#"{{"time":"2026-11-21T{}Z","level":"info","service":"{}","msg":"{}","trace_id":"{}","duration_ms":{},"user":{}}}"#,
        clock(n),
        c.one_of(SERVICES),
        c.one_of(&["request served", "cache hit", "message published", "order stored"]),
        c.hex(32),
        c.below(120),
        c.below(90_000)
    )
}

pub(crate) fn spring(c: &mut Chance, n: u64) -> String {
    format!(
        "2026-11-21 {}  INFO 1 --- [nio-8080-exec-{}] c.s.{}.{}Controller : {} order {} for customer {} in {} ms",
        clock(n),
        c.below(20),
        c.one_of(SERVICES),
        c.one_of(&["Order", "Cart", "Item"]),
        c.one_of(&["stored", "loaded", "priced"]),
        c.below(900_000),
        c.below(50_000),
        c.below(80)
    )
}

pub(crate) fn gunicorn(c: &mut Chance, n: u64) -> String {
    format!(
        "[2026-11-21 {} +0000] [{}] [INFO] {} {} {} {:.3}s worker={}",
        clock(n),
        10 + c.below(8),
        c.one_of(&["GET", "GET", "POST"]),
        c.one_of(PATHS),
        c.one_of(&["200", "200", "304", "201"]),
        0.001 * f64::from(u32::try_from(c.below(300)).unwrap()),
        c.below(8)
    )
}

pub(crate) fn node(c: &mut Chance, n: u64) -> String {
    format!(
        "{} - info: [{}] {} {} {}ms - {}",
        clock(n),
        c.one_of(SERVICES),
        c.one_of(&["GET", "POST", "PUT"]),
        c.one_of(PATHS),
        c.below(200),
        c.below(9_000)
    )
}

pub(crate) fn access(c: &mut Chance, n: u64) -> String {
    format!(
        "{} - - [21/Nov/2026:{} +0000] \"{} {} HTTP/1.1\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:{}.0)\" {:.3}",
        c.address(),
        clock(n).split('.').next().unwrap(),
        c.one_of(&["GET", "GET", "GET", "POST"]),
        c.one_of(PATHS),
        c.one_of(&["200", "200", "200", "304", "301"]),
        c.below(40_000),
        90 + c.below(40),
        0.001 * f64::from(u32::try_from(c.below(400)).unwrap())
    )
}

/// Healthy requests to a page whose name is an error word.
pub(crate) fn access_with_words(c: &mut Chance, n: u64) -> String {
    access(c, n).replace("/cart", "/api/errors?state=failed").replace("/healthz", "/docs/timeout-and-panic")
}

/// Nothing but errors, all of them the usual ones.
pub(crate) fn nginx_errors(c: &mut Chance, n: u64) -> String {
    let (at, client, path) = (clock(n), c.address(), c.one_of(PATHS));
    match c.below(3) {
        0 => format!(
            "2026/11/21 {} [error] 31#31: *{} open() \"/usr/share/nginx/html/favicon.ico\" failed (2: No such file or directory), client: {client}, server: shop, request: \"GET /favicon.ico HTTP/1.1\"",
            &at[..8],
            c.below(90_000)
        ),
        1 => format!(
            "2026/11/21 {} [error] 31#31: *{} upstream timed out (110: Connection timed out) while reading response header from upstream, client: {client}, server: shop, request: \"GET {path} HTTP/1.1\", upstream: \"http://10.0.0.{}:8080{path}\"",
            &at[..8],
            c.below(90_000),
            c.below(9)
        ),
        _ => format!(
            "2026/11/21 {} [error] 31#31: *{} access forbidden by rule, client: {client}, server: shop, request: \"GET /.env HTTP/1.1\"",
            &at[..8],
            c.below(90_000)
        ),
    }
}

pub(crate) fn syslog(c: &mut Chance, n: u64) -> String {
    let at = &clock(n)[..8];
    match c.below(4) {
        0 => format!(
            "Nov 21 {at} web-1 CRON[{}]: (root) CMD (test -x /usr/sbin/anacron || run-parts /etc/cron.hourly)",
            c.below(30_000)
        ),
        1 => format!(
            "Nov 21 {at} web-1 sshd[{}]: Accepted publickey for deploy from {} port {} ssh2",
            c.below(30_000),
            c.address(),
            c.below(60_000)
        ),
        2 => format!(
            "Nov 21 {at} web-1 systemd[1]: Started session-{}.scope - Session {} of User deploy.",
            c.below(9_000),
            c.below(9_000)
        ),
        _ => format!(
            "Nov 21 {at} web-1 dhclient[611]: DHCPREQUEST for {} on eth0 to 10.0.0.1 port 67",
            c.address()
        ),
    }
}

pub(crate) fn kernel(c: &mut Chance, n: u64) -> String {
    let at = format!("[{:>6}.{:06}]", n * 3, c.below(999_999));
    match c.below(3) {
        0 => format!("{at} IPv6: ADDRCONF(NETDEV_CHANGE): veth{}: link becomes ready", c.hex(8)),
        1 => format!("{at} cni0: port {}(veth{}) entered blocking state", c.below(90), c.hex(8)),
        _ => format!("{at} device veth{} entered promiscuous mode", c.hex(8)),
    }
}

pub(crate) fn postgres(c: &mut Chance, n: u64) -> String {
    let at = clock(n);
    match c.below(3) {
        0 => format!(
            "2026-11-21 {at} UTC [{}] shop@shop LOG:  duration: {}.{:03} ms  statement: SELECT * FROM orders WHERE id = {}",
            200 + c.below(60),
            c.below(40),
            c.below(999),
            c.below(900_000)
        ),
        1 => format!(
            "2026-11-21 {at} UTC [27] LOG:  checkpoint complete: wrote {} buffers ({}.{}%); 0 WAL file(s) added, 0 removed, {} recycled",
            c.below(9_000),
            c.below(9),
            c.below(9),
            c.below(4)
        ),
        _ => format!(
            "2026-11-21 {at} UTC [{}] [unknown]@[unknown] LOG:  connection received: host={} port={}",
            200 + c.below(60),
            c.address(),
            c.below(60_000)
        ),
    }
}

pub(crate) fn gc(c: &mut Chance, n: u64) -> String {
    format!(
        "[2026-11-21T{}+0000][info][gc] GC({n}) Pause Young (Normal) (G1 Evacuation Pause) {}M->{}M(4096M) {}.{:03}ms",
        clock(n),
        2_000 + c.below(900),
        700 + c.below(300),
        4 + c.below(9),
        c.below(999)
    )
}

pub(crate) fn terraform(c: &mut Chance, n: u64) -> String {
    format!(
        "module.{}.aws_iam_role.task[{n}]: Refreshing state... [id={}-{}]",
        c.one_of(SERVICES),
        c.one_of(SERVICES),
        c.hex(12)
    )
}

pub(crate) fn build(c: &mut Chance, n: u64) -> String {
    match c.below(3) {
        0 => format!(
            "2026-11-21T{}Z #12 {}.{} Get:{} http://deb.debian.org/debian bookworm/main amd64 lib{} amd64 {}.{} [{} kB]",
            clock(n),
            c.below(90),
            c.below(999),
            n,
            c.hex(6),
            c.below(9),
            c.below(99),
            c.below(900)
        ),
        1 => format!(
            "2026-11-21T{}Z   Compiling {}-{} v{}.{}.{}",
            clock(n),
            c.one_of(SERVICES),
            c.hex(4),
            c.below(3),
            c.below(20),
            c.below(9)
        ),
        _ => format!("2026-11-21T{}Z test {}::case_{} ... ok", clock(n), c.one_of(SERVICES), c.below(9_000)),
    }
}

pub(crate) fn kafka(c: &mut Chance, n: u64) -> String {
    format!(
        "[2026-11-21 {}] INFO [ProducerStateManager partition={}-{}] Wrote producer snapshot at offset {} with {} producer ids in {} ms. (org.apache.kafka.storage.internals.log.ProducerStateManager)",
        clock(n).replace('.', ","),
        c.one_of(SERVICES),
        c.below(24),
        c.below(9_000_000),
        c.below(40),
        c.below(9)
    )
}

pub(crate) fn raft(c: &mut Chance, n: u64) -> String {
    format!(
        r#"{{"level":"info","ts":"2026-11-21T{}Z","caller":"mvcc/kvstore_compaction.go:66","msg":"finished scheduled compaction","compact-revision":{},"took":"{}.{}ms","hash":{}}}"#,
        clock(n),
        8_000 + n,
        c.below(9),
        c.below(999),
        c.below(4_000_000_000)
    )
}

pub(crate) fn windows(c: &mut Chance, n: u64) -> String {
    format!(
        "2026-11-21 {} [{}] INFO  Shop.Web.{}Service - Handled {} in {} ms\r",
        clock(n),
        c.below(40),
        c.one_of(&["Order", "Cart", "Mail"]),
        c.one_of(PATHS),
        c.below(200)
    )
}

pub(crate) fn coloured(c: &mut Chance, n: u64) -> String {
    format!(
        "\u{1b}[2m{}\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m \u{1b}[2mshop::{}\u{1b}[0m\u{1b}[2m:\u{1b}[0m served \u{1b}[3mpath\u{1b}[0m\u{1b}[2m=\u{1b}[0m{} \u{1b}[3mms\u{1b}[0m\u{1b}[2m=\u{1b}[0m{}",
        clock(n),
        c.one_of(SERVICES),
        c.one_of(PATHS),
        c.below(90)
    )
}

/// Lines of several kilobytes.
pub(crate) fn long_lines(c: &mut Chance, n: u64) -> String {
    let items: Vec<String> = (0..60 + c.below(60))
        .map(|_| format!(r#"{{"sku":"{}","count":{}}}"#, c.hex(8), c.below(20)))
        .collect();
    format!(
        r#"{} DEBUG orders - stored {{"order":{},"items":[{}]}}"#,
        clock(n),
        c.below(900_000),
        items.join(",")
    )
}

pub(crate) fn dotnet(c: &mut Chance, n: u64) -> String {
    format!(
        "info: Microsoft.AspNetCore.Hosting.Diagnostics[2]\n      Request finished HTTP/1.1 GET http://shop{} - 200 {} application/json {}.{}ms {n}",
        c.one_of(PATHS),
        c.below(9_000),
        c.below(90),
        c.below(9_999)
    )
}

pub(crate) fn haproxy(c: &mut Chance, n: u64) -> String {
    format!(
        "Nov 21 {} lb-1 haproxy[811]: {}:{} [21/Nov/2026:{}] www~ app/app{} 0/0/{}/{}/{} 200 {} - - ---- {}/{}/0/0/0 0/0 \"GET {} HTTP/1.1\"",
        &clock(n)[..8],
        c.address(),
        c.below(60_000),
        clock(n),
        c.below(6),
        c.below(4),
        c.below(90),
        c.below(120),
        c.below(40_000),
        c.below(300),
        c.below(300),
        c.one_of(PATHS)
    )
}

// Tables: the heading comes with the case, these are rows.

pub(crate) fn pod_row(c: &mut Chance, _: u64) -> String {
    format!(
        "{:<11} {:<38} 1/1     Running            0              {}d",
        c.one_of(&["shop", "infra", "data"]),
        format!("{}-{}-{}", c.one_of(SERVICES), c.hex(10), c.hex(5)),
        2 + c.below(40)
    )
}

pub(crate) fn node_row(c: &mut Chance, n: u64) -> String {
    format!("node-{:<14} Ready                      <none>   {}d   v1.29.4", n, 100 + c.below(200))
}

pub(crate) fn process_row(c: &mut Chance, n: u64) -> String {
    format!(
        "{:<9} {:>6} {:>4} {:>4} {:>7} {:>6} ?        {}    Nov20   {}:{:02} /usr/sbin/{} --worker={}",
        c.one_of(&["root", "www-data", "postgres"]),
        300 + n * 3,
        format!("0.{}", c.below(9)),
        format!("0.{}", c.below(9)),
        c.below(900_000),
        c.below(90_000),
        c.one_of(&["S", "Ss", "S", "I"]),
        c.below(9),
        c.below(60),
        c.one_of(&["nginx", "cron", "postgres"]),
        c.below(30)
    )
}

pub(crate) fn disk_row(c: &mut Chance, n: u64) -> String {
    format!(
        "{:<22} {:>5}  {:>4}  {:>5}  {:>3}% /var/lib/kubelet/pods/{}/volumes",
        format!("/dev/nvme{}n1", n),
        "100G",
        format!("{}G", 10 + c.below(50)),
        format!("{}G", 40 + c.below(40)),
        10 + c.below(60),
        c.hex(12)
    )
}

pub(crate) fn container_row(c: &mut Chance, _: u64) -> String {
    format!(
        "{}   shop/{:<12} \"/entrypoint.sh serve\"   {} days ago   Up {} days             8080/tcp   {}-{}",
        c.hex(12),
        c.one_of(SERVICES),
        2 + c.below(9),
        2 + c.below(9),
        c.one_of(SERVICES),
        c.hex(4)
    )
}

pub(crate) fn lag_row(c: &mut Chance, n: u64) -> String {
    let end = 1_000_000 + c.below(900_000);
    let lag = c.below(40);
    format!(
        "billing         orders.v{:<8} {:<10} {:<15} {:<15} {:<10} consumer-{}-{} /{}  consumer",
        n % 9,
        n,
        end - lag,
        end,
        lag,
        n,
        c.hex(8),
        c.address()
    )
}

pub(crate) fn activity_row(c: &mut Chance, n: u64) -> String {
    format!(
        " {:>6} | shop     | 10.0.{:>3}.{:<3} | {:<19} | 00:00:0{}.{:06} | SELECT * FROM orders WHERE id = $1",
        2_000 + n,
        c.below(250),
        c.below(250),
        c.one_of(&["idle", "idle", "active"]),
        c.below(9),
        c.below(999_999)
    )
}

pub(crate) fn thread_row(c: &mut Chance, n: u64) -> String {
    format!(
        "| {:>6} | shop | 10.0.{:>3}.{:<3}:{:<5} | shop | {:<7} | {:>5} | {:<31} | {:<38} |",
        400 + n,
        c.below(250),
        c.below(250),
        10_000 + c.below(50_000),
        "Sleep",
        c.below(50),
        "",
        "NULL"
    )
}

pub(crate) fn certificate_row(c: &mut Chance, n: u64) -> String {
    format!(
        "{:<11} {:<24} True    {:<28} {}d",
        c.one_of(SERVICES),
        format!("{}-{n}-tls", c.one_of(SERVICES)),
        format!("{}-{n}-tls", c.one_of(SERVICES)),
        20 + c.below(60)
    )
}

pub(crate) fn scaler_row(c: &mut Chance, n: u64) -> String {
    format!(
        "shop        {:<26} Deployment/{:<20} {:>3}%/80%    2         20        {:<10} {}d",
        format!("{}-{n}", c.one_of(SERVICES)),
        format!("{}-{n}", c.one_of(SERVICES)),
        20 + c.below(30),
        2 + c.below(3),
        20 + c.below(60)
    )
}

pub(crate) fn usage_row(c: &mut Chance, _: u64) -> String {
    format!(
        "shop        {:<38} {:>3}m         {:>3}Mi",
        format!("{}-{}-{}", c.one_of(SERVICES), c.hex(10), c.hex(5)),
        1 + c.below(90),
        40 + c.below(90)
    )
}

pub(crate) fn endpoint_row(c: &mut Chance, n: u64) -> String {
    format!(
        "{:<11} {:<28} {}:8080,{}:8080   {}d",
        c.one_of(&["shop", "infra"]),
        format!("{}-{n}", c.one_of(SERVICES)),
        c.address(),
        c.address(),
        20 + c.below(60)
    )
}

pub(crate) fn file_row(c: &mut Chance, n: u64) -> String {
    format!(
        "java      {:>6}  app   {:>4}u      REG              259,1  {:>10} {:>9} /var/lib/kafka/data/{}-{}/{:020}.log",
        4_100 + n % 3,
        n % 900,
        c.below(90_000_000),
        c.below(900_000),
        c.one_of(SERVICES),
        c.below(24),
        c.below(9_000_000)
    )
}

// Pieces of one document or one JSON value.

pub(crate) fn zone(c: &mut Chance, n: u64) -> String {
    format!("{:<28} 300  IN  A     {}", format!("{}-{n}.shop.example.", c.one_of(SERVICES)), c.address())
}

pub(crate) fn setting(c: &mut Chance, n: u64) -> String {
    format!(
        "{}.{}.option_{n} = {}",
        c.one_of(SERVICES),
        c.one_of(&["http", "pool", "cache", "queue"]),
        c.below(9_000)
    )
}

pub(crate) fn hit(c: &mut Chance, n: u64) -> String {
    format!(
        r#"{{"_index":"logs-2026.11.21","_id":"{}","_score":1.0,"_source":{{"@timestamp":"2026-11-21T{}Z","level":"INFO","service":"{}","message":"request served in {} ms","host":"{}"}}}},"#,
        c.hex(20),
        clock(n),
        c.one_of(SERVICES),
        c.below(300),
        c.address()
    )
}

pub(crate) fn check(c: &mut Chance, n: u64) -> String {
    format!(
        "  {{\n    \"Node\": \"node-{}\",\n    \"CheckID\": \"service:{}-{n}\",\n    \"Status\": \"passing\",\n    \"Notes\": \"\",\n    \"Output\": \"HTTP GET http://{}:8080/healthz: 200 OK\",\n    \"ModifyIndex\": {}\n  }},",
        c.below(40),
        c.one_of(SERVICES),
        c.address(),
        c.below(900_000)
    )
}

pub(crate) fn manifest(c: &mut Chance, n: u64) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {}-{n}\n  labels:\n    app.kubernetes.io/managed-by: Helm\nspec:\n  replicas: {}\n  template:\n    spec:\n      containers:\n      - name: app\n        image: registry.shop.example/{}:{}.{}.{}\n        resources:\n          limits:\n            memory: 512Mi",
        c.one_of(SERVICES),
        2 + c.below(3),
        c.one_of(SERVICES),
        c.below(4),
        c.below(20),
        c.below(9)
    )
}

pub(crate) fn unit(c: &mut Chance, n: u64) -> String {
    format!("{:>8}ms {}-{n}.service", 1 + c.below(400), c.one_of(SERVICES))
}
