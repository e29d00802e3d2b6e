//! PostgreSQL, MariaDB, SQLite, Redis and ClickHouse: every tool against Debian's own server, and that none of them
//! writes. MongoDB's own shell against a server that is played.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::support::peer::{Peer, free_port, listens, may_install, program, ran, status};
use crate::support::{Bench, Ran};

/// One tool, by hand, its raw output.
fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

fn assert_prints(bench: &Bench, cases: &[(&str, &[&str], &[&str])]) {
    for (name, params, expected) in cases {
        let ran = tool(bench, name, params).exits(0);
        for part in *expected {
            assert!(
                ran.stdout.contains(part),
                "{name} {params:?} without `{part}`:\n{}{}",
                ran.stdout,
                ran.stderr
            );
        }
    }
}

/// Servers of databases refuse to run as root: as root, they run as the user Debian makes for them.
fn as_user(user: &str, program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups", "--"])
        .arg(program);
    command
}

fn hand_over(folder: &Path, user: &str) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        let id = |flag: &str| Some(ran("id", [flag, user]).trim().parse().unwrap());
        chown(folder, id("-u"), id("-g")).unwrap();
    }
}

fn postgres() -> Option<Peer> {
    let (server, initdb) = (program("postgres")?, program("initdb")?);
    program("psql")?;
    let peer = Peer::start(
        |folder, port| {
            hand_over(folder, "postgres");
            let data = folder.join("data");
            let made = as_user("postgres", &initdb)
                .args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"])
                .arg(&data)
                .current_dir(folder)
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let mut command = as_user("postgres", &server);
            command.current_dir(folder).arg("-D").arg(data);
            for setting in [
                "listen_addresses=127.0.0.1".to_owned(),
                format!("port={port}"),
                "unix_socket_directories=".to_owned(),
                "fsync=off".to_owned(),
                "max_connections=12".to_owned(),
            ] {
                command.args(["-c", &setting]);
            }
            command
        },
        |port| {
            let address = format!("postgresql://postgres@127.0.0.1:{port}/postgres");
            Command::new("psql")
                .args([&address, "-Atc", "select 1"])
                .output()
                .is_ok_and(|out| out.status.success())
        },
    );
    Some(peer)
}

#[test]
fn postgres_tools() {
    let Some(server) = postgres() else { return };
    let address = |user: &str| format!("postgresql://{user}@127.0.0.1:{}/postgres", server.port);
    let sql = |text: &str| ran("psql", [&address("postgres"), "-v", "ON_ERROR_STOP=1", "-qAtc", text]);
    sql(
        "create table orders(id serial primary key, note text); insert into orders(note) select 'n'||g from generate_series(1,500) g",
    );
    sql("create role reader login password 'pa''ss @/1' in role pg_monitor");
    sql("create view latest as select max(id) from orders");
    let bench = Bench::new().env("POSTGRES_URL", address("postgres"));
    // A transaction that holds a row, and another that waits for it.
    let hold = |text: &str| {
        Command::new("psql")
            .args([&address("postgres"), "-c", text])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut holder = hold("begin; update orders set note='held' where id=1; select pg_sleep(60)");
    let mut waiter = None;
    let began = std::time::Instant::now();
    while !sql("select count(*) from pg_stat_activity where wait_event_type='Lock'").starts_with('1') {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "nobody waits for a lock");
        if waiter.is_none()
            && sql("select count(*) from pg_stat_activity where query like '%pg_sleep%' and state='active'")
                .trim()
                != "1"
        {
            waiter = Some(hold("update orders set note='wanted' where id=1"));
        }
    }
    assert_prints(
        &bench,
        &[
            (
                "postgres_health",
                &[],
                &["PostgreSQL", "== connections", "max_connections", "cache_hit_pct", "not a replica"],
            ),
            ("postgres_activity", &[], &["who blocks whom", "wanted", "held"]),
            ("postgres_tables", &[], &["public.orders", "== invalid indexes"]),
            ("postgres_slow_queries", &[], &["pg_stat_statements is not installed"]),
            ("postgres_query", &["sql=select count(*) as n from orders;"], &["500"]),
            ("postgres_query", &["sql=select id from orders order by id", "limit=5"], &["more lines"]),
            ("postgres_query", &["sql=explain select 1"], &["QUERY PLAN"]),
            ("postgres_list_tables", &[], &["orders", "latest"]),
            ("postgres_list_tables", &["schema=public", "include_views=false"], &["orders"]),
            ("postgres_describe_table", &["table_name=orders"], &["orders_pkey", "note", "PRIMARY KEY (id)"]),
        ],
    );
    let _ = holder.kill();
    let _ = holder.wait();
    if let Some(mut waiter) = waiter {
        let _ = waiter.kill();
        let _ = waiter.wait();
    }
    assert!(!tool(&bench, "postgres_list_tables", &["include_views=false"]).stdout.contains("latest"));
    for refused in [
        "delete from orders",
        "select 1; delete from orders",
        "with gone as (delete from orders returning 1) select * from gone",
        "select 1 \\! touch written",
        "\\copy orders to 'written'",
        "select pg_terminate_backend(1)",
        "select pg_read_file('/etc/passwd')",
        "select nextval('orders_id_seq')",
        "copy orders to '/tmp/written'",
        "select * into other from orders",
        "explain analyze delete from orders",
        "select rolpassword from pg_authid",
        "set transaction read write",
        // What a read-only transaction lets through.
        "select pg_stat_reset()",
        "select * from ts_stat('select pg_' || 'reload_conf()')",
        "select U&\"pg!005fread_file\" UESCAPE '!' ('/etc/hostname')",
        "select pg_notify('a', 'b')",
        "select lo_import('/etc/hostname')",
        "select $$'$$; delete from orders; select $$'$$",
    ] {
        let ran = tool(&bench, "postgres_query", &[&format!("sql={refused}")]);
        assert_eq!(ran.code, Some(1), "{refused}: {}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(sql("select count(*) from orders").trim(), "500");
    // Millions of rows are neither awaited nor held, and a literal may hold what separates statements.
    assert_prints(
        &bench,
        &[
            ("postgres_query", &["sql=select * from generate_series(1,3000000)"], &["10000 or more lines"]),
            ("postgres_query", &["sql=select 'a;b' as note, stats_reset from pg_stat_bgwriter"], &["a;b"]),
        ],
    );
    let odd = tool(&bench, "postgres_describe_table", &["table_name=o'; drop table orders; --"]).exits(0);
    assert!(odd.stdout.contains("(0 rows)"), "{}", odd.stdout);
    assert_eq!(sql("select count(*) from orders").trim(), "500");
    // A password with every sign that an address escapes, in the environment and not in the words of a process.
    let bench = Bench::new().env("POSTGRES_URL", address("reader:pa%27ss%20%40%2F1"));
    assert_prints(&bench, &[("postgres_query", &["sql=select current_user"], &["reader"])]);
    // A server that is down: at once, and without the password.
    let down = Bench::new()
        .env("POSTGRES_URL", format!("postgresql://reader:verysecret@127.0.0.1:{}/postgres", free_port()));
    let checked = down.run(["toolset", "check", "postgres"]).exits(1);
    assert!(checked.stdout.contains("Is the server running on that host"), "{}", checked.stdout);
    assert!(!(checked.stdout + &checked.stderr).contains("verysecret"));
}

#[test]
fn a_database_of_a_file_has_the_tools_of_its_kind() {
    let Some(server) = postgres() else { return };
    let toolsets = format!(
        "toolsets:\n  orders-rds:\n    type: database\n    config: {{connection_url: 'postgresql+psycopg2://postgres@127.0.0.1:{}/postgres'}}\n  \
         ms: {{type: database, config: {{connection_url: 'mssql+pymssql://h/db'}}}}\n  none: {{type: database}}\n",
        server.port
    );
    let bench = Bench::new().file("t.yaml", toolsets);
    let ran = bench.run([
        "toolset",
        "run",
        "-t",
        "t.yaml",
        "orders_rds_query",
        "--raw",
        "--",
        "sql=select 41+1 as n",
    ]);
    assert!(ran.exits(0).stdout.contains("42"));
    let failed = bench.run(["toolset", "check", "-t", "t.yaml", "ms", "none", "-o", "json"]).exits(1).json();
    assert!(failed[0]["reason"].as_str().unwrap().contains("known: postgres, mysql"), "{failed}");
    assert!(failed[1]["reason"].as_str().unwrap().contains("`config.connection_url` is missing"), "{failed}");
}

fn mariadb() -> Option<Peer> {
    let (server, install) = (program("mariadbd")?, program("mariadb-install-db")?);
    program("mariadb")?;
    let peer = Peer::start(
        |folder, port| {
            hand_over(folder, "mysql");
            let data = folder.join("data");
            let user = if rustix::process::geteuid().is_root() { "--user=mysql" } else { "--silent-startup" };
            let made = Command::new(&install)
                .args(["--no-defaults", user, "--auth-root-authentication-method=normal", "--skip-test-db"])
                .arg(format!("--datadir={}", data.display()))
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let mut command = Command::new(&server);
            command.args(["--no-defaults", user, "--bind-address=127.0.0.1", "--performance-schema=ON"]);
            for (name, file) in [("datadir", "data"), ("socket", "s.sock"), ("pid-file", "s.pid")] {
                command.arg(format!("--{name}={}", folder.join(file).display()));
            }
            command.arg(format!("--port={port}"));
            command
        },
        listens,
    );
    Some(peer)
}

#[test]
fn mysql_tools() {
    let Some(server) = mariadb() else { return };
    let port = server.port.to_string();
    let sql =
        |text: &str| ran("mariadb", ["--no-defaults", "-h127.0.0.1", "-P", &port, "-uroot", "-Ne", text]);
    sql(
        "create database shop; create table shop.orders(id int primary key auto_increment, note varchar(20), key(note)); insert into shop.orders(note) values ('a'),('b')",
    );
    sql(
        "create table shop.loose(n int); create user reader@'%' identified by 'p@ss/1'; grant select, process on *.* to reader@'%'",
    );
    let bench = Bench::new().env("MYSQL_URL", format!("mysql://root@127.0.0.1:{port}/shop"));
    assert_prints(
        &bench,
        &[
            (
                "mysql_health",
                &[],
                &[
                    "MariaDB",
                    "Max_used_connections",
                    "Innodb_row_lock_waits",
                    "max_connections",
                    "== replication",
                ],
            ),
            (
                "mysql_activity",
                &[],
                &["== by user, database and command", "== open transactions", "== who blocks whom"],
            ),
            ("mysql_slow_queries", &[], &["== by total time", "total_ms"]),
            ("mysql_tables", &[], &["orders", "== without a primary key", "loose"]),
            ("mysql_query", &["sql=select id, note from shop.orders order by id;"], &["| a", "| b"]),
            // The database of the address is the one that is asked.
            ("mysql_query", &["sql=select note from orders where note <> 'a;b#c'"], &["| a", "| b"]),
            (
                "mysql_query",
                &["sql=select @@tx_read_only, @@lock_wait_timeout, @@max_statement_time"],
                &["1 |", "2 |", "25.0"],
            ),
            ("mysql_query", &["sql=show grants for reader@'%'"], &["IDENTIFIED BY PASSWORD '…'"]),
            ("mysql_query", &["sql=show databases"], &["shop"]),
            ("mysql_list_tables", &[], &["orders", "loose"]),
            ("mysql_describe_table", &["table_name=orders"], &["auto_increment", "PRIMARY"]),
        ],
    );
    for refused in [
        "delete from shop.orders",
        "select 1; delete from shop.orders",
        "with x as (select 1) delete from shop.orders",
        "select * from shop.orders into outfile '/tmp/written'",
        "select load_file('/etc/passwd')",
        "select 1 \\! touch written",
        "select /*! sleep(1) */ 1",
        "explain delete from shop.orders where sleep(9)",
        "select * from mysql.global_priv",
        "select authentication_string from mysql . user",
        "set session transaction read write",
        // Comments between the words that are looked for.
        "select * from orders into/**/outfile 'written'",
        "select * from orders into -- x\noutfile 'written'",
        "select * from mysql./**/global_priv",
        "select sleep/**/(9)",
        "show create user reader@'%'",
    ] {
        let ran = tool(&bench, "mysql_query", &[&format!("sql={refused}")]);
        assert_eq!(ran.code, Some(1), "{refused}: {}{}", ran.stdout, ran.stderr);
    }
    let odd = tool(&bench, "mysql_describe_table", &["table_name=o'; drop table shop.orders; --"]).exits(0);
    assert!(!odd.stdout.contains("auto_increment"), "{}", odd.stdout);
    assert_eq!(sql("select count(*) from shop.orders").trim(), "2");
    let bench = Bench::new().env("MYSQL_URL", format!("mysql://reader:p%40ss%2F1@127.0.0.1:{port}/"));
    assert_prints(&bench, &[("mysql_query", &["sql=select current_user()"], &["reader@%"])]);
}

#[test]
fn redis_tools() {
    let Some(server) = program("redis-server") else { return };
    if program("redis-cli").is_none() {
        return;
    }
    let redis = Peer::start(
        |folder, port| {
            let mut command = Command::new(server);
            command.args([
                "--bind",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--save",
                "",
                "--requirepass",
                "p@ss",
            ]);
            command.args(["--slowlog-log-slower-than", "0", "--dir"]).arg(folder);
            command
        },
        listens,
    );
    let port = redis.port.to_string();
    let put = |words: &[&str]| {
        ran("redis-cli", [&["-p", &port, "-a", "p@ss", "--no-auth-warning"], words].concat())
    };
    for n in 0..30 {
        put(&["set", &format!("session:{n}"), "secret-value-of-a-session"]);
    }
    let bench = Bench::new().env("REDIS_URL", format!("redis://:p%40ss@127.0.0.1:{port}/0"));
    assert_prints(
        &bench,
        &[
            ("redis_info", &[], &["redis_version", "maxmemory_policy", "role:master", "db0:keys=30"]),
            ("redis_slowlog", &[], &["== commands by total time", "set"]),
            ("redis_clients", &[], &["clients address command flags", "127.0.0.1"]),
            ("redis_keys", &[], &["keys in this database: 30", "30 session:<n>", "string"]),
            ("redis_keys", &["pattern=session:1*"], &["sample of 11 keys"]),
            ("redis_keys", &["key=session:7"], &["session:7", "ttl -1"]),
        ],
    );
    assert!(!tool(&bench, "redis_keys", &["key=session:7"]).stdout.contains("secret-value"));
    let wrong = Bench::new().env("REDIS_URL", format!("redis://:nope@127.0.0.1:{port}/0"));
    let ran = wrong.run(["toolset", "check", "redis"]).exits(1);
    assert!(ran.stdout.contains("WRONGPASS"), "{}", ran.stdout);
}

#[test]
fn sqlite_tools() {
    if program("sqlite3").is_none() {
        return;
    }
    let bench = Bench::new();
    let file = bench.path("shop.db");
    ran(
        "sqlite3",
        [
            &file.display().to_string(),
            "create table orders(id integer primary key, note text); insert into orders(note) values('a;b')",
        ],
    );
    let toolsets = format!(
        "toolsets:\n  lite: {{type: database, config: {{connection_url: 'sqlite:///{}'}}}}\n",
        file.display()
    );
    let bench = bench.file("t.yaml", toolsets);
    let tool = |name: &str, params: &[&str]| {
        bench.run([&["toolset", "run", "-t", "t.yaml", name, "--raw", "--"], params].concat())
    };
    assert!(tool("lite_query", &["sql=select note from orders"]).exits(0).stdout.contains("a;b"));
    assert!(tool("lite_list_tables", &[]).exits(0).stdout.contains("orders"));
    assert!(tool("lite_describe_table", &["table_name=orders"]).exits(0).stdout.contains("note"));
    assert!(tool("lite_health", &[]).exits(0).stdout.contains("ok"));
    let endless = "sql=with recursive c(x) as (select 1 union all select x+1 from c) select x from c";
    assert!(tool("lite_query", &[endless]).exits(0).stdout.contains("10000 or more lines"));
    assert!(
        tool("lite_query", &["sql=select id from orders where note='a;b'"]).exits(0).stdout.contains('1')
    );
    for refused in [
        "delete from orders",
        "select 1; delete from orders",
        ".shell touch written",
        "with x as (select 1) insert into orders(note) select 'x'",
        "select\n.shell touch written",
        "select readfile('/etc/passwd')",
        "select READFILE('/etc/passwd')",
        "select \"readfile\"('/etc/passwd')",
        "attach 'written' as w",
    ] {
        let ran = tool("lite_query", &[&format!("sql={refused}")]);
        assert_eq!(ran.code, Some(1), "{refused}: {}{}", ran.stdout, ran.stderr);
    }
    assert!(!bench.path("written").exists());
}

/// Debian's release is old: `clickhouse_list_tables` and two parts of the health ask for columns it does not have.
#[test]
fn clickhouse_tools() {
    let Some(server) = program("clickhouse-server") else { return };
    if program("curl").is_none() {
        return;
    }
    let native = free_port();
    let clickhouse = Peer::start(
        |folder, port| {
            let at = folder.display();
            std::fs::write(
                folder.join("config.xml"),
                format!(
                    "<yandex><logger><level>warning</level><console>1</console></logger><http_port>{port}</http_port><tcp_port>{native}</tcp_port>\
                     <listen_host>127.0.0.1</listen_host><path>{at}/data/</path><tmp_path>{at}/tmp/</tmp_path><users_config>users.xml</users_config>\
                     <default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>5368709</mark_cache_size></yandex>"
                ),
            )
            .unwrap();
            std::fs::write(
                folder.join("users.xml"),
                "<yandex><profiles><default></default></profiles><users><reader><password>p@ss</password><networks><ip>127.0.0.1</ip></networks>\
                 <profile>default</profile><quota>default</quota></reader></users><quotas><default></default></quotas></yandex>",
            )
            .unwrap();
            let mut command = Command::new(&server);
            command.current_dir(folder).arg(format!("--config-file={at}/config.xml"));
            command
        },
        |port| status(port, "/ping") == 200,
    );
    let bench = Bench::new()
        .env("CLICKHOUSE_URL", format!("http://reader:p%40ss@127.0.0.1:{}/default", clickhouse.port));
    assert_prints(
        &bench,
        &[
            ("clickhouse_health", &[], &["uptime_s", "== replicas behind", "== merges"]),
            ("clickhouse_activity", &[], &["select query_id", "reader"]),
            ("clickhouse_query", &["sql=select name from system.databases"], &["system"]),
            ("clickhouse_query", &["sql=select number from system.numbers limit 900"], &["more lines"]),
        ],
    );
    for refused in [
        "kill query where 1",
        "insert into x values (1)",
        "set readonly=0",
        "select * from url('http://127.0.0.1/', TSV, 'x String')",
        "select * from file('/etc/hostname', TSV, 'x String')",
        "select * from remote /* x */ ('127.0.0.1', system.one)",
        "select 1 into outfile 'written'",
        "select sleep(3)",
    ] {
        let ran = tool(&bench, "clickhouse_query", &[&format!("sql={refused}")]);
        assert_eq!(ran.code, Some(1), "{refused}: {}{}", ran.stdout, ran.stderr);
    }
    let wrong = Bench::new()
        .env("CLICKHOUSE_URL", format!("http://reader:verysecret@127.0.0.1:{}/default", clickhouse.port));
    let ran = wrong.run(["toolset", "check", "clickhouse"]).exits(1);
    assert!(ran.stdout.contains("401") && !ran.stdout.contains("verysecret"), "{}", ran.stdout);
}

/// mongosh from npm, which brings the module that reads and writes MongoDB's documents.
fn mongosh() -> Option<std::path::PathBuf> {
    program("node")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("peers").join("mongosh");
    let modules = folder.join("node_modules");
    if !modules.join(".bin/mongosh").is_file() {
        if !may_install("mongosh") {
            return None;
        }
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("package.json"), "{}").unwrap();
        let installed = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "mongosh@2"])
            .current_dir(&folder)
            .output();
        if !installed.is_ok_and(|output| output.status.success()) {
            println!("SKIPPED: mongosh could not be installed from npm");
            return None;
        }
    }
    Some(modules)
}

#[test]
fn mongosh_asks_what_the_tools_mean() {
    let Some(modules) = mongosh() else { return };
    let server = Peer::start(
        |folder, port| {
            let script = folder.join("server.js");
            std::fs::write(&script, include_str!("mongo_server.js")).unwrap();
            let mut command = Command::new("node");
            command.arg(script).arg(port.to_string()).env("NODE_PATH", &modules);
            command
        },
        listens,
    );
    let path = format!("{}:{}", modules.join(".bin").display(), std::env::var("PATH").unwrap());
    let bench = Bench::new()
        .env("PATH", &path)
        .env("HOLMES_CONTAINMENT", "off")
        .env("MONGODB_URL", format!("mongodb://127.0.0.1:{}/shop", server.port));
    assert_prints(
        &bench,
        &[
            ("mongodb_server_status", &[], &["\"version\": \"7.0.5\"", "\"behind_s\": 90", "rs0"]),
            ("mongodb_server_status", &["sections=metrics"], &["\"timedOut\": 4"]),
            ("mongodb_current_op", &["min_duration_ms=1000"], &["\"seconds\": 61", "COLLSCAN", "pay"]),
            ("mongodb_list_databases", &[], &["\"database\": \"shop\""]),
            ("mongodb_list_collections", &[], &["\"collection\": \"orders\"", "latest"]),
            (
                "mongodb_collection_schema",
                &["collection=orders"],
                &["status: string|number", "inner.city: string"],
            ),
            (
                "mongodb_find",
                &["collection=orders", "filter={\"status\":\"paid\"}", "limit=5"],
                &["64b000000000000000000001", "3000 characters", "binary, 2 bytes"],
            ),
            (
                "mongodb_aggregate",
                &["collection=orders", "pipeline=[{\"$group\":{\"_id\":\"$status\"}}]"],
                &["\"paid\""],
            ),
            ("mongodb_slow_operations", &[], &["\"ms\": 812", "Slow query"]),
        ],
    );
    let asked = server.log();
    assert!(asked.contains(r#""filter":{"status":"paid"}"#) && asked.contains(r#""limit":5"#), "{asked}");
    assert!(asked.contains(r#"[{"$group":{"_id":"$status"}},{"$limit":200}]"#), "{asked}");
    for (name, part, reason) in [
        ("mongodb_find", "filter={\"a\":{\"$where\":\"sleep(1)\"}}", "refused"),
        ("mongodb_find", "filter={bad", "filter is not JSON"),
        ("mongodb_aggregate", "pipeline=[{\"$out\":\"x\"}]", "refused"),
        ("mongodb_aggregate", "pipeline=[{\"$lookup\":{\"pipeline\":[{\"$merge\":\"x\"}]}}]", "refused"),
    ] {
        let ran = tool(&bench, name, &["collection=orders", part]).exits(1);
        assert!((ran.stdout + &ran.stderr).contains(reason), "{name} {part}");
    }
    let denied = tool(&bench, "mongodb_find", &["collection=denied", "filter={}"]).exits(1);
    assert!((denied.stdout + &denied.stderr).contains("not authorized"));
    let down = Bench::new()
        .env("PATH", path)
        .env("MONGODB_URL", format!("mongodb://app:verysecret@127.0.0.1:{}/shop", free_port()));
    let ran = down.run(["toolset", "check", "mongodb"]).exits(1);
    assert!(ran.stdout.contains("ECONNREFUSED") && !ran.stdout.contains("verysecret"), "{}", ran.stdout);
}
