//! Clients that run statements: of databases, of key stores, of other machines.

use super::{Judged, Language, Word, all, options};

/// Their options that bring a statement; without one they read statements from their input.
const STATEMENTS: &[&str] =
    &["-c", "--command", "-e", "--execute", "-q", "--query", "-Q", "-execute", "-s", "--sql", "--statement"];

/// Whether `name` runs statements that are among its words or on its input.
pub(super) fn is_one(name: &str) -> bool {
    statements(name) || whole(name) || key_store(name)
}

fn statements(name: &str) -> bool {
    matches!(
        name,
        "psql"
            | "mysql"
            | "mariadb"
            | "clickhouse-client"
            | "clickhouse"
            | "sqlcmd"
            | "pgcli"
            | "mycli"
            | "usql"
            | "cockroach"
            | "trino"
            | "presto"
            | "beeline"
            | "hive"
            | "impala-shell"
            | "snowsql"
            | "influx"
            | "cypher-shell"
    )
}

/// Any of their words may be a statement.
fn whole(name: &str) -> bool {
    matches!(name, "sqlite" | "duckdb" | "bq" | "sqlplus" | "isql" | "osqueryi" | "litecli")
}

fn key_store(name: &str) -> bool {
    matches!(name, "redis-cli" | "valkey-cli" | "cqlsh")
}

/// Judges a command of such a client, or of a program that hands text to a shell elsewhere; `false`: it is neither.
pub(super) fn judge(name: &str, words: &[Word], next: usize, judged: &mut Judged) -> bool {
    if statements(name) {
        options(words, next, STATEMENTS, Language::Sql, judged);
        judged.reads_program = Some(Language::Sql);
    } else if whole(name) {
        all(words, next, Language::Sql, judged);
        judged.reads_program = Some(Language::Sql);
    } else if key_store(name) {
        options(words, next, &["-e", "--execute"], Language::Sql, judged);
        // A Lua program of the server's.
        let lua =
            |word: &Word| matches!(word.text.to_ascii_lowercase().as_str(), "eval" | "eval_ro" | "--eval");
        if let Some(at) = words.iter().position(lua) {
            judged.programs.push((at + 1, Language::Script));
        }
        judged.reads_program = Some(Language::Sql);
    } else {
        return passes_on(name, words, next, judged);
    }
    true
}

/// Options and words that a program gives to a shell, here or elsewhere.
fn passes_on(name: &str, words: &[Word], next: usize, judged: &mut Judged) -> bool {
    let shells: &[&str] = match name {
        "git" => {
            for (at, word) in words.iter().enumerate().skip(next) {
                if word.text == "-c" {
                    judged.programs.push((at + 1, Language::Setting));
                }
            }
            &["--upload-pack", "--receive-pack", "--exec", "--exec-path", "--config-env"]
        }
        "sysctl" => {
            all(words, next, Language::Setting, judged);
            &[]
        }
        "rsync" => &["-e", "--rsh", "--rsync-path"],
        "tar" | "gtar" => {
            &["--checkpoint-action", "--to-command", "-I", "--use-compress-program", "-F", "--rsh-command"]
        }
        "gcloud" => &["--command"],
        "az" => &["--scripts"],
        "ansible" => &["-a", "--args"],
        "pdsh" | "pssh" | "clush" | "dsh" | "salt" | "tmux" | "screen" => {
            all(words, next, Language::Shell, judged);
            &[]
        }
        _ => return false,
    };
    options(words, next, shells, Language::Shell, judged);
    true
}
