//! What secrets look like: the vendors' documented shapes, and the places that hold one whatever its shape.
//! Values behind a telling name are read by [`super::named`].
//!
//! Compiling every shape at start would cost more than the rest of a start together, so each is compiled when a
//! text first holds one of its words.

use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexSet};

/// Words without which a shape cannot match, and the shape. Its named groups are the secret, else all of it is.
const FORMATS: &[(&str, &str)] = &[
    // Credentials in headers
    (
        r"(?i)authorization",
        r#"(?i)\b(?:proxy-|x-)?authorization\\*["']?\]?\s*(?:[:=,]|=>|%3A|\s)\s*\[?\\*["']?(?:(?:bearer|basic|token|apikey|negotiate|ntlm|splunk|sharedkey|key|jwt|bot)(?:\s+|%20|\+)(?P<s>[^\s"',\\]{4,})|(?:digest|aws4-hmac-sha256|sharedaccesssignature|hmac\S*|oauth)\s+(?P<d>[^\r\n]{8,})|(?P<q>[A-Za-z0-9._~+/=-]{16,}))"#,
    ),
    // AWS access key ids, and session tokens and presigned signatures wherever they stand
    (r"A[KSBC][IC]A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)", r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+=%]{20,}"),
    // GitHub, GitLab, Slack, Discord, Telegram
    (r"gh[pousr]_|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    (
        r"gl(?:[a-z]{2,8}|[a-z]{2,5}-[a-z]{2,5})-",
        r"\bgl(?:pat|ptt|rt|dt|soat|ft|cbt|agent|imt|oas|ffct)-[A-Za-z0-9_.-]{20,}",
    ),
    (r"GR1348941", r"\bGR1348941[A-Za-z0-9_-]{20}"),
    (r"xox[abeoprs]-|xapp-", r"\b(?:xox[abeoprs]-|xapp-)[A-Za-z0-9-]{10,}"),
    (r"hooks\.slack\.com", r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9/_-]{20,})"),
    (
        r"(?:discord|discordapp)\.com",
        r"\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/(?P<s>[A-Za-z0-9_-]{30,})",
    ),
    (
        r"(?i)discord|\bbot\b|client\.login",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}\b",
    ),
    (r":AA", r"\b(?:bot)?(?P<s>\d{8,10}:AA[A-Za-z0-9_-]{33})"),
    (r"webhook\.office\.com", r"webhook\.office\.com/\w+/(?P<s>[^\s\x22']{20,})"),
    // Models: OpenAI and Anthropic style, Hugging Face, Groq, Google, xAI, Replicate, Perplexity
    (r"sk-", r"\bsk-(?:proj-|ant-|or-|svcacct-|lf-)?[A-Za-z0-9_-]{20,}"),
    (r"hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    (r"gsk_|xai-|pplx-|r8_|nvapi-|tgp_v1_", r"\b(?:gsk_|xai-|pplx-|r8_|nvapi-|tgp_v1_)[A-Za-z0-9_-]{32,}"),
    (r"AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    (r"ya29\.|GOCSPX-", r"\b(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})"),
    (r"1//0", r"\b1//0[A-Za-z0-9_-]{30,}"),
    // Payment, mail, telephony
    (
        r"[srp]k_(?:live|test)_|whsec_",
        r"\b(?:(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,})",
    ),
    (r"sq0|shp(?:at|ca|pa|ss)_", r"\b(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})"),
    (r"SG\.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}"),
    (r"key-[0-9a-f]{8}|xkeysib-", r"\b(?:key-[0-9a-f]{32}\b|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16})"),
    (r"[0-9a-f]-us[0-9]", r"\b[0-9a-f]{32}-us[0-9]{1,2}\b"),
    (r"SK[0-9a-f]{8}", r"\bSK[0-9a-f]{32}\b"),
    // Packages and images
    (
        r"npm_|pypi-|dckr_pat_|dckr_oat_",
        r"\b(?:npm_[A-Za-z0-9]{36}\b|pypi-[A-Za-z0-9_-]{40,}|dckr_[po]at_[A-Za-z0-9_-]{20,})",
    ),
    (r"rubygems_|cio[A-Za-z0-9]{8}|oy2", r"\b(?:rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43})\b"),
    (r"AKCp|cmVmdGtu", r"\b(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9]{50,})"),
    // Platforms
    (r"do[opr]_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    (r"hv[sbr]\.|\b[sb]\.[A-Za-z0-9]{4}", r"\b(?:hv[sbr]\.[A-Za-z0-9_-]{24,}|[sb]\.[A-Za-z0-9]{24}\b)"),
    (r"glc_|glsa_|eyJrIjoi", r"\b(?:gl(?:c|sa)_[A-Za-z0-9_=+/-]{30,}|eyJrIjoi[A-Za-z0-9_=+/-]{30,})"),
    (
        r"NRA[KLA]|NRI[IQ]|NRJS|NRAL",
        r"\b(?:NR(?:AK|AA|II|IQ|JS|RA|BR)-[A-Za-z0-9_-]{17,}|[a-f0-9]{36}NRAL)\b",
    ),
    (
        r"dd(?:p|api|app)_|pdus\+|u\+",
        r"\b(?:dd(?:p|api|app)_[A-Za-z0-9]{34,}|pdus\+[A-Za-z0-9_+-]{18,}|u\+[A-Za-z0-9_-]{18}\b)",
    ),
    (
        r"ATATT|ATCTT|ATBB|ATOA|BBDC-",
        r"\b(?:AT(?:ATT|CTT|OA)[A-Za-z0-9_=+/-]{20,}|ATBB[A-Za-z0-9]{32}|BBDC-[A-Za-z0-9+/]{40,})",
    ),
    (
        r"lin_(?:api|oauth)_|dp\.|secret_|ntn_",
        r"\b(?:lin_(?:api|oauth)_[A-Za-z0-9]{32,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}|secret_[A-Za-z0-9]{43}\b|ntn_[A-Za-z0-9]{40,})",
    ),
    (
        r"sntry[su]_|sbp_|pscale_|dapi|phc_|phx_|figd_|HRKU-|rnd_|tskey-|fo1_|FlyV1 ",
        r"\b(?:sntry[su]_[A-Za-z0-9_=+/-]{32,}|sbp_[a-f0-9]{40}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}|dapi[a-f0-9]{32}(?:-\d)?|ph[cx]_[A-Za-z0-9]{32,}|figd_[A-Za-z0-9_-]{32,}|HRKU-[A-Za-z0-9_-]{30,}|rnd_[A-Za-z0-9]{24,}|tskey-[a-z]+-[A-Za-z0-9-]{20,}|fo1_[A-Za-z0-9_-]{40,}|FlyV1 fm[0-9]_[A-Za-z0-9+/=,_-]{40,})",
    ),
    (
        r"atlasv1\.|pul-|tfp_|EAA|AGE-SECRET-KEY|cfut_|cfat_|v1\.0-",
        r"(?:\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}|\bpul-[a-f0-9]{40}|\bEAA[A-Za-z0-9]{60,}|\bAGE-SECRET-KEY-1[A-Z0-9]{50,}|\bcf[ua]t_[A-Za-z0-9_-]{32,}|\bv1\.0-[a-f0-9]{24}-[a-f0-9]{100,})",
    ),
    (r"8Q~|[78]Q~", r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}"),
    // Cloudflare, Datadog, PagerDuty and others without a shape of their own: behind their name
    (
        r"(?i)dd-a[a-z]+-key|x-auth-key|x-newrelic|routing_key|x-routing-key|x-amz-security-token|x-goog-api-key|ocp-apim|x-functions-key|x-honeycomb|x-figma|x-gitlab|x-jfrog|x-rundeck|x-consul-token|x-nomad-token|x-csrf",
        r#"(?i)\b(?:dd-a\w+-key|x-auth-key|x-newrelic-\w+|x-routing-key|routing_key|x-amz-security-token|x-goog-api-key|ocp-apim-subscription-key|x-functions-key|x-honeycomb-team|x-figma-token|x-gitlab-token|x-jfrog-art-api|x-rundeck-auth-token|x-consul-token|x-nomad-token|x-csrf-token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{20,})"#,
    ),
    (
        r"Token token=|GenieKey |ApiKey |SSWS |AccessKey |Key [0-9a-f]{8}",
        r"\b(?:Token token=|GenieKey |ApiKey |SSWS |AccessKey |Key )\\*[\x22']?(?P<s>[A-Za-z0-9._~+/=:-]{16,})",
    ),
    // JSON web tokens, and encrypted ones
    (r"eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{0,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2}"),
    // Passwords in connection strings; a path may hold an @, so only other schemes than http may have a slash in one
    (r"://[!-~]*@", r#"(?i)\bhttps?://[^\s:/@"'?#]{0,256}:(?P<s>[^\s/"'?#<>]+)@"#),
    (
        r"://[!-~]*@",
        r#"(?i)\b(?:[a-gi-z][a-z0-9+.-]{1,20}|h[a-su-z][a-z0-9+.-]{0,20})://[^\s:/@"'?#]{0,256}:(?P<s>[^\s"'<>]+)@"#,
    ),
    (r"://[!-~]*@", r#"(?i)\b[a-z][a-z0-9+.-]{1,20}://(?P<s>[A-Za-z0-9_-]{20,})(?::x-oauth-basic)?@"#),
    (r"@tcp\(|@unix\(", r#"[A-Za-z0-9_.-]+:(?P<s>[^\s"']+)@(?:tcp|unix)\("#),
    (r"(?i)jdbc:oracle", r#"(?i)\bjdbc:oracle:\w+:[^\s/@]+/(?P<s>[^\s@"']+)@"#),
    (
        r"(?i)sqlplus|rman |expdp|impdp",
        r#"(?i)\b(?:sqlplus|rman|expdp|impdp)\s+(?:-\w+\s+)*(?:target\s+)?[\w$#]+/(?P<s>[^\s@"']+)@"#,
    ),
    (r"(?i)bearer", r"(?i)\bbearer(?:\s+|%20)(?P<s>[A-Za-z0-9._~+/=-]{20,})"),
    (r"(?i)basic", r"(?i)\bbasic(?:\s+|%20)(?P<s>[A-Za-z0-9+/]{12,}={0,2})"),
    (
        r"(?i)(?:api-key|auth-token|vault-token|private-token|access-token|job-token|deploy-token)",
        r#"(?i)\b(?:x-api-key|api-key|x-auth-token|x-access-token|x-vault-token|private-token|job-token|deploy-token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{8,})"#,
    ),
    (
        r"(?i)cookie",
        r#"(?i)\b(?:set-)?cookie\\*["']?\]?\s*(?::|=>)\s*\[?\\*["']?(?P<s>[^\s=;"']+=[^\r\n"']{4,})"#,
    ),
    (
        r"(?i)sess|sid=|_session|\.auth=",
        r#"(?i)\b(?:jsessionid|phpsessid|sessionid|connect\.sid|asp\.net_sessionid|_?\w*_session(?:_id)?|laravel_session|__(?:Secure|Host)-[\w.-]+)=(?P<s>[A-Za-z0-9._~+/=%:-]{12,})"#,
    ),
    // Keys in the query of an address
    (
        r"(?i)(?:[?&]|%3F|%26|&amp;)[a-z_.-]*(?:token|key|sig|secret|passw|pwd|credential|auth|code|assertion|pass)",
        r#"(?i)(?:[?&]|%3F|%26|&amp;)(?:[a-z_.-]*token|(?:[a-z]+[_-]?)*key|sig|[a-z-]*signature|[a-z_-]*secret|[a-z_-]*passw(?:or)?d|pass|pwd|auth|x-amz-credential|x-goog-credential|assertion|code)(?:=|%3D)(?P<s>[^\s&"'#<>\\]{6,})"#,
    ),
    (r"(?i)x-(?:amz|goog)-signature", r"(?i)\bx-(?:amz|goog)-signature=(?P<s>[0-9a-f]{32,})"),
    // Tools that take one behind a letter. curl -u name:password; numbers alone are a user and a group
    (
        r"(?:curl|wget|http|xh)\b",
        r#"\b(?:curl|wget|https?|xh)\b[^\n|;]*?[\s"'](?:-u|--user|--proxy-user|-U|-a|--auth)(?:[ =]*|["'],\s*)\\*["']?[^\s:"'/=,-][^\s:"'/=]*:(?P<s>[^\s"']*[^\s"'0-9][^\s"']*)"#,
    ),
    (
        r"(?i)(?:mysql|mariadb|mysqldump|mysqladmin|xtrabackup)",
        r#"(?i)\b(?:mysql|mariadb|mycli|xtrabackup)[a-z-]*\s(?:[^\n|;]*?\s)?-p["']?(?P<s>[^\s"']+)"#,
    ),
    (
        r"sshpass|docker login|podman login|mongo|redis-cli|sqlcmd|ldap|az login|oc login|crane auth|helm registry|skopeo|ipmitool|vncviewer|xfreerdp|7z |zip |clickhouse|cqlsh|bcp |osql|influx|nats |kinit|snmp",
        r#"\b(?:sshpass\s(?:[^\n|;]*?\s)?-p|(?:docker|podman|oc|az|helm registry|crane auth|skopeo)\s+login\s(?:[^\n|;]*?\s)?-p|mongo(?:sh|dump|restore|export|import|stat)?\s(?:[^\n|;]*?\s)?-p|redis-cli\s(?:[^\n|;]*?\s)?-a|(?:sqlcmd|bcp|osql)\s(?:[^\n|;]*?\s)?-P|ldap\w+\s(?:[^\n|;]*?\s)?-w|ipmitool\s(?:[^\n|;]*?\s)?-P|cqlsh\s(?:[^\n|;]*?\s)?-p|snmp\w+\s(?:[^\n|;]*?\s)?-[AX])\s*["']?(?P<s>[^\s"'-][^\s"']*)"#,
    ),
    (r"-passin|-passout|-pass ", r#"-pass(?:in|out)?\s+["']?pass:(?P<s>[^\s"']+)"#),
    (r"htpasswd", r#"\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+["']?(?P<s>[^\s"']+)"#),
    (
        r"smbclient|mount\.cifs|winexe|rpcclient",
        r#"\b(?:smbclient|winexe|rpcclient)\s[^\n|;]*?-U\s*["']?[^\s%"']+%(?P<s>[^\s"']+)"#,
    ),
    (r"from-literal", r#"--from-literal[= ]["']?[\w.-]+=(?P<s>[^\s"']+)"#),
    (
        r"vault login|vault unseal|operator unseal|Unseal Key",
        r"(?:\bvault (?:login|unseal|operator unseal)\s+(?P<s>[A-Za-z0-9+/=._-]{16,})|Unseal Key \d+:\s*(?P<d>\S+))",
    ),
    // Databases' own words
    (
        r"(?i)identified|password|requirepass|masterauth|masteruser",
        r#"(?i)(?:\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)|\b(?:with|user\s+\S+|role\s+\S+)\s+(?:encrypted\s+)?password|\bset\s+password\s+(?:for\s+\S+\s*)?=|\bset\s+password\s+)\s*(?:password\()?\\*['"](?P<s>[^'"\\]+)"#,
    ),
    (
        r"(?i)requirepass|masterauth|sentinel auth-pass",
        r#"(?i)\b(?:requirepass|masterauth|auth-pass\s+\S+)\s+["']?(?P<s>[^\s"']{3,})"#,
    ),
    (r#"(?i)"auth""#, r#"(?i)"auth"(?:\s+"[^"]*")?\s+"(?P<s>[^"]{3,})"$"#),
    // Directories, and what is piped into a program that asks
    (
        r"(?i)bindpw|rootpw|authtok|bindcredentials",
        r"(?i)\b(?:bindpw|rootpw|\w*authtok|bindcredentials)\s*[=:]?\s+(?P<s>[^\s;]{3,})",
    ),
    (
        r"passwd --stdin|chpasswd|password-stdin|sudo -S|cryptsetup",
        r#"\b(?:echo|printf)\s+(?:-\w+\s+)?["']?(?:\w+:)?(?P<s>[^\s"'|]{3,})["']?\s*\|\s*(?:sudo\s+)?(?:passwd|chpasswd|sudo -S|cryptsetup|\S+\s[^|]*--?password-stdin)"#,
    ),
    // Hashes of passwords
    (
        r"\$(?:1|2[abxy]|5|6|7|y|gy|apr1|argon2[id]{1,2}|pbkdf2|scrypt)[$-]",
        r"\$(?:1|2[abxy]|5|6|7|y|gy|apr1|argon2[id]{1,2}|pbkdf2(?:-\w+)?|scrypt)\$[^\s\x22':,]{20,}",
    ),
    (
        r"SCRAM-SHA|\{SSHA|\{CRYPT",
        r"(?:SCRAM-SHA-\d+\$\d+:[^\s\x22']{30,}|\{(?:SSHA|CRYPT|SHA)\d*\}[A-Za-z0-9+/=$.]{20,})",
    ),
    // Files of passwords: .netrc, .pgpass
    (
        r"(?i)\bpassword\s",
        r#"(?i)(?:^\s*|\blogin\s+\S+\s+)password\s+(?P<s>[^\s:="']+)\s*(?:$|account\b|machine\b|macdef\b)"#,
    ),
    (
        r":(?:[0-9]{4,5}|\*):",
        r#"^\s*(?:\d+ \| |\d+: )?(?:[\w*-]+|/[\w./-]+|[\w.-]+\.(?:\d{1,3}|com|net|org|io|dev|de|eu|uk|cloud|lan|svc|[a-z]{5,})):(?:\d{4,5}|\*):[A-Za-z_*][^:\s]*:[^:\s]+:(?P<s>\S+)\s*$"#,
    ),
    // XML elements and attributes
    (
        r"(?i)<[a-z:._-]*(?:passw|pwd|secret|token|api-?key|access-?key|passphrase|private-?key)",
        r#"(?i)<[\w:.-]*(?:passw(?:or)?d|pwd|secret|token|api-?key|access-?key|secret-?key|passphrase|private-?key)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?\s*(?P<s>[^<\]\s][^<\]]*)(?:\]\]>)?\s*</"#,
    ),
    (
        r"(?i)(?:key|name|property|id)\\*['\x22]?\s*[=:]\s*\\*['\x22]?[a-z0-9_.:-]*(?:passw|pwd|secret|token|key|pass|credential)",
        r#"(?i)(?:key|name|property|id)\\*["']?\s*[=:]\s*\\*["']?[a-z0-9_.:-]*(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key|secret_?key|private_?key|_key|_pass|credentials?)\\*["']?\s*[,;]?\s*(?:>|\\*["']?(?:parameter)?value\\*["']?\s*[=:])\s*\\*["']?(?P<s>[^\s"'<>{}\\,][^"'<>\\,]*)"#,
    ),
    // Azure, Google and AWS words inside longer strings
    (
        r"(?i)(?:accountkey|sharedaccess|sharedsecret)",
        r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|SharedSecretValue)\s*=\s*(?P<s>[^\s;\x22']{16,})",
    ),
    // Encoded names: password%3Dx, %22token%22%3A%22x
    (
        r"(?i)(?:passw(?:or)?d|pwd|secret|token|api_?key|pass)(?:%22|%5D)?%3[AD]",
        r#"(?i)(?:passw(?:or)?d|pwd|secret|token|api_?key|pass)(?:%22|%5D)?(?:%3[AD])(?:%20|\+)?(?:%22)?(?P<s>(?:[^\s&"'%]|%[013-9a-f][0-9a-f]|%2[0134579a-f])+)"#,
    ),
];

static WORDS: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(FORMATS.iter().map(|(words, _)| format!("(?-u){words}"))).ok());

static SHAPES: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| FORMATS.iter().map(|_| OnceLock::new()).collect());

/// The shapes that may match somewhere in `text`.
pub(super) fn candidates(text: &str) -> Vec<&'static Regex> {
    let present = WORDS.as_ref().map(|words| words.matches(text));
    let shapes = (0..FORMATS.len()).filter(|at| present.as_ref().is_none_or(|present| present.matched(*at)));
    let shapes = shapes.filter_map(|at| {
        let (_, shape) = FORMATS.get(at)?;
        SHAPES.get(at)?.get_or_init(|| Regex::new(shape).ok()).as_ref()
    });
    shapes.collect()
}

/// What some line with a secret holds: the words of all shapes, of names and of files in one pattern, so that text
/// without any is passed over at the speed of memory.
pub(super) static HINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let mut words: Vec<String> = FORMATS.iter().map(|(words, _)| format!("(?:{words})")).collect();
    words.push(super::named::HINT.to_owned());
    words.push(super::context::HINT.to_owned());
    regex::RegexBuilder::new(&format!("(?-u){}", words.join("|"))).dfa_size_limit(256 << 20).build().ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles_and_needs_its_words() {
        assert!(WORDS.is_some() && HINT.is_some());
        for (words, shape) in FORMATS {
            assert!(Regex::new(shape).is_ok(), "{shape}");
            assert!(!Regex::new(&format!("(?-u){words}")).unwrap().is_match("an ordinary line of a log"));
        }
    }
}
