//! Statements that change a database, by their first word.

const CHANGES: &[&str] = &[
    "INSERT", "UPDATE", "DELETE", "DROP", "TRUNCATE", "ALTER", "CREATE", "GRANT", "REVOKE", "REPLACE",
    "MERGE", "VACUUM", "REINDEX", "RENAME", "KILL", "CALL", "OPTIMIZE", "PURGE",
];

pub(super) fn is_client(program: &str) -> bool {
    matches!(
        program,
        "psql"
            | "mysql"
            | "mariadb"
            | "clickhouse-client"
            | "sqlcmd"
            | "sqlite3"
            | "duckdb"
            | "bq"
            | "cqlsh"
            | "sqlplus"
    )
}

/// The word that makes one of the statements in `text` a change.
pub(super) fn change(text: &str) -> Option<&'static str> {
    text.split(';').find_map(|statement| {
        let lines: Vec<&str> =
            statement.lines().map(str::trim).filter(|line| !line.starts_with("--")).collect();
        let statement = lines.join(" ");
        let mut words =
            statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let first = words.next()?.to_ascii_uppercase();
        let second = words.next().unwrap_or_default().to_ascii_uppercase();
        // `KILL`, `CREATE` alone are words of other texts; a temporary table is nobody's data.
        if second.is_empty() || matches!(second.as_str(), "TEMP" | "TEMPORARY") {
            return None;
        }
        let upper = statement.to_ascii_uppercase();
        let ends = ["PG_TERMINATE_BACKEND(", "PG_CANCEL_BACKEND(", "PG_RELOAD_CONF("];
        if matches!((first.as_str(), second.as_str()), ("SET", "GLOBAL" | "PERSIST"))
            || first == "SYSTEM"
            || first == "COPY" && upper.contains(" TO ") && !upper.contains("STDOUT")
            || ends.iter().any(|call| upper.contains(call))
        {
            return Some(match first.as_str() {
                "SET" => "SET GLOBAL",
                "COPY" => "COPY … TO",
                "SYSTEM" => "SYSTEM",
                _ => "a call that signals the server",
            });
        }
        let found = CHANGES.iter().find(|change| **change == first);
        let inner = || {
            let upper = format!(" {} ", statement.to_ascii_uppercase().replace(['(', ')', '\n'], " "));
            let nested = [(" DELETE FROM ", "DELETE"), (" INSERT INTO ", "INSERT"), (" UPDATE ", "UPDATE")];
            nested.into_iter().find(|(words, change)| {
                first == "WITH" && upper.contains(words) && (*change != "UPDATE" || upper.contains(" SET "))
            })
        };
        found.copied().or_else(|| inner().map(|(_, change)| change))
    })
}
