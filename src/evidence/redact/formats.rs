//! What secrets look like: the vendors' documented shapes, and the places that hold one whatever its shape.
//! Values behind a telling name are read by [`super::named`].
//!
//! Compiling every shape at start would cost more than the rest of a start together, so each is compiled when a
//! text first holds one of its words.

use std::sync::{LazyLock, OnceLock};

use regex::Regex;

use super::hints::Check::{self, Any, Fits, Followed, Line, Quoted, Spaced, Token};
use super::hints::{
    after_digits, after_hexadecimal, before_percent, before_value, in_element, in_query, is_bot, is_pgpass,
    names_user,
};

/// Literals without which a shape cannot match, what they need beside (`hints`), and the shape. Its named groups are the secret, else all of it is.
const FORMATS: &[(Check, &[&str], &str)] = &[
    // Credentials in headers
    (
        Any,
        &["authorization"],
        r#"(?i)\b(?:proxy-|x-)?authorization\\*["']?\]?\s*(?:[:=,]|=>|%3A|\s)\s*\[?\\*["']?(?:(?:bearer|basic|token|apikey|negotiate|ntlm|splunk|sharedkey|key|jwt|bot)(?:\s+|%20|\+)(?P<s>[^\s"',\\]{4,})|(?:digest|aws4-hmac-sha256|sharedaccesssignature|hmac\S*|oauth)\s+(?P<d>[^\r\n]{8,})|(?P<q>[A-Za-z0-9._~+/=-]{16,}))"#,
    ),
    // AWS access key ids, and session tokens and presigned signatures wherever they stand
    (Token(16), &["AKIA", "ASIA", "ABIA", "ACCA"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (Token(20), &["IQoJb3JpZ2lu", "FwoGZXIvYXdz"], r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+=%]{20,}"),
    // GitHub, GitLab, Slack, Discord, Telegram
    (
        Token(36),
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    ),
    (
        Token(20),
        &[
            "glpat-", "glptt-", "glrt-", "gldt-", "glsoat-", "glft-", "glcbt-", "glagent-", "glimt-",
            "gloas-", "glffct-",
        ],
        r"\bgl(?:pat|ptt|rt|dt|soat|ft|cbt|agent|imt|oas|ffct)-[A-Za-z0-9_.-]{20,}",
    ),
    (Token(20), &["GR1348941"], r"\bGR1348941[A-Za-z0-9_-]{20}"),
    (
        Token(10),
        &["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
        r"\b(?:xox[abeoprs]-|xapp-)[A-Za-z0-9-]{10,}",
    ),
    (
        Any,
        &["hooks.slack.com"],
        r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9/_-]{20,})",
    ),
    (
        Any,
        &["discord.com", "discordapp.com"],
        r"\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/(?P<s>[A-Za-z0-9_-]{30,})",
    ),
    (
        Fits(is_bot),
        &["discord", "bot", "client.login"],
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}\b",
    ),
    (Fits(after_digits), &[":AA"], r"\b(?:bot)?(?P<s>\d{8,10}:AA[A-Za-z0-9_-]{33})"),
    (Any, &["webhook.office.com"], r"webhook\.office\.com/\w+/(?P<s>[^\s\x22']{20,})"),
    // Models: OpenAI and Anthropic style, Hugging Face, Groq, Google, xAI, Replicate, Perplexity
    (Token(20), &["sk-"], r"\bsk-(?:proj-|ant-|or-|svcacct-|lf-)?[A-Za-z0-9_-]{20,}"),
    (Token(30), &["hf_"], r"\bhf_[A-Za-z0-9]{30,}"),
    (
        Token(32),
        &["gsk_", "xai-", "pplx-", "r8_", "nvapi-", "tgp_v1_"],
        r"\b(?:gsk_|xai-|pplx-|r8_|nvapi-|tgp_v1_)[A-Za-z0-9_-]{32,}",
    ),
    (Token(35), &["AIza"], r"\bAIza[A-Za-z0-9_-]{35}"),
    (Token(20), &["ya29.", "GOCSPX-"], r"\b(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})"),
    (Token(30), &["1//0"], r"\b1//0[A-Za-z0-9_-]{30,}"),
    // Payment, mail, telephony
    (
        Token(16),
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"],
        r"\b(?:(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,})",
    ),
    (
        Token(22),
        &["sq0", "shpat_", "shpca_", "shppa_", "shpss_"],
        r"\b(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})",
    ),
    (Token(16), &["SG."], r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}"),
    (Token(32), &["key-", "xkeysib-"], r"\b(?:key-[0-9a-f]{32}\b|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16})"),
    (
        Fits(after_hexadecimal),
        &["-us0", "-us1", "-us2", "-us3", "-us4", "-us5", "-us6", "-us7", "-us8", "-us9"],
        r"\b[0-9a-f]{32}-us[0-9]{1,2}\b",
    ),
    (
        Token(31),
        &[
            "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc", "SKd",
            "SKe", "SKf",
        ],
        r"\bSK[0-9a-f]{32}\b",
    ),
    // Packages and images
    (
        Token(20),
        &["npm_", "pypi-", "dckr_pat_", "dckr_oat_"],
        r"\b(?:npm_[A-Za-z0-9]{36}\b|pypi-[A-Za-z0-9_-]{40,}|dckr_[po]at_[A-Za-z0-9_-]{20,})",
    ),
    (
        Token(32),
        &["rubygems_", "cio", "oy2"],
        r"\b(?:rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43})\b",
    ),
    (Token(50), &["AKCp", "cmVmdGtu"], r"\b(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9]{50,})"),
    // Platforms
    (Token(64), &["dop_v1_", "doo_v1_", "dor_v1_"], r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    (
        Token(24),
        &["hvs.", "hvb.", "hvr.", "s.", "b."],
        r"\b(?:hv[sbr]\.[A-Za-z0-9_-]{24,}|[sb]\.[A-Za-z0-9]{24}\b)",
    ),
    (
        Token(30),
        &["glc_", "glsa_", "eyJrIjoi"],
        r"\b(?:gl(?:c|sa)_[A-Za-z0-9_=+/-]{30,}|eyJrIjoi[A-Za-z0-9_=+/-]{30,})",
    ),
    (
        Any,
        &["NRAK-", "NRAA-", "NRII-", "NRIQ-", "NRJS-", "NRRA-", "NRBR-", "NRAL"],
        r"\b(?:NR(?:AK|AA|II|IQ|JS|RA|BR)-[A-Za-z0-9_-]{17,}|[a-f0-9]{36}NRAL)\b",
    ),
    (
        Token(18),
        &["ddp_", "ddapi_", "ddapp_", "pdus+", "u+"],
        r"\b(?:dd(?:p|api|app)_[A-Za-z0-9]{34,}|pdus\+[A-Za-z0-9_+-]{18,}|u\+[A-Za-z0-9_-]{18}\b)",
    ),
    (
        Token(20),
        &["ATATT", "ATCTT", "ATOA", "ATBB", "BBDC-"],
        r"\b(?:AT(?:ATT|CTT|OA)[A-Za-z0-9_=+/-]{20,}|ATBB[A-Za-z0-9]{32}|BBDC-[A-Za-z0-9+/]{40,})",
    ),
    (
        Token(30),
        &[
            "lin_api_",
            "lin_oauth_",
            "dp.pt.",
            "dp.st.",
            "dp.ct.",
            "dp.sa.",
            "dp.scim.",
            "dp.audit.",
            "secret_",
            "ntn_",
        ],
        r"\b(?:lin_(?:api|oauth)_[A-Za-z0-9]{32,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{30,}|secret_[A-Za-z0-9]{43}\b|ntn_[A-Za-z0-9]{40,})",
    ),
    (
        Token(20),
        &[
            "sntrys_", "sntryu_", "sbp_", "pscale_", "dapi", "phc_", "phx_", "figd_", "HRKU-", "rnd_",
            "tskey-", "fo1_", "FlyV1 fm",
        ],
        r"\b(?:sntry[su]_[A-Za-z0-9_=+/-]{32,}|sbp_[a-f0-9]{40}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}|dapi[a-f0-9]{32}(?:-\d)?|ph[cx]_[A-Za-z0-9]{32,}|figd_[A-Za-z0-9_-]{32,}|HRKU-[A-Za-z0-9_-]{30,}|rnd_[A-Za-z0-9]{24,}|tskey-[a-z]+-[A-Za-z0-9-]{20,}|fo1_[A-Za-z0-9_-]{40,}|FlyV1 fm[0-9]_[A-Za-z0-9+/=,_-]{40,})",
    ),
    (
        Followed(24),
        &[".atlasv1.", "pul-", "EAA", "AGE-SECRET-KEY-1", "cfut_", "cfat_", "v1.0-"],
        r"(?:\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}|\bpul-[a-f0-9]{40}|\bEAA[A-Za-z0-9]{60,}|\bAGE-SECRET-KEY-1[A-Z0-9]{50,}|\bcf[ua]t_[A-Za-z0-9_-]{32,}|\bv1\.0-[a-f0-9]{24}-[a-f0-9]{100,})",
    ),
    (Followed(31), &["7Q~", "8Q~"], r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}"),
    // Cloudflare, Datadog, PagerDuty and others without a shape of their own: behind their name
    (
        Any,
        &[
            "dd-a",
            "x-auth-key",
            "x-newrelic",
            "routing_key",
            "x-routing-key",
            "x-amz-security-token",
            "x-goog-api-key",
            "ocp-apim",
            "x-functions-key",
            "x-honeycomb",
            "x-figma",
            "x-gitlab",
            "x-jfrog",
            "x-rundeck",
            "x-consul-token",
            "x-nomad-token",
            "x-csrf",
        ],
        r#"(?i)\b(?:dd-a\w+-key|x-auth-key|x-newrelic-\w+|x-routing-key|routing_key|x-amz-security-token|x-goog-api-key|ocp-apim-subscription-key|x-functions-key|x-honeycomb-team|x-figma-token|x-gitlab-token|x-jfrog-art-api|x-rundeck-auth-token|x-consul-token|x-nomad-token|x-csrf-token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{20,})"#,
    ),
    (
        Quoted(16),
        &["Token token=", "GenieKey ", "ApiKey ", "SSWS ", "AccessKey ", "Key "],
        r"\b(?:Token token=|GenieKey |ApiKey |SSWS |AccessKey |Key )\\*[\x22']?(?P<s>[A-Za-z0-9._~+/=:-]{16,})",
    ),
    // JSON web tokens, and encrypted ones
    (
        Token(8),
        &["eyJ"],
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{0,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2}",
    ),
    // Passwords in connection strings; a path may hold an @, so only other schemes than http may have a slash in one
    (Fits(names_user), &["://"], r#"(?i)\bhttps?://[^\s:/@"'?#]{0,256}:(?P<s>[^\s/"'?#<>]+)@"#),
    (
        Fits(names_user),
        &["://"],
        r#"(?i)\b(?:[a-gi-z][a-z0-9+.-]{1,20}|h[a-su-z][a-z0-9+.-]{0,20})://[^\s:/@"'?#]{0,256}:(?P<s>[^\s"'<>]+)@"#,
    ),
    (
        Fits(names_user),
        &["://"],
        r"(?i)\b[a-z][a-z0-9+.-]{1,20}://(?P<s>[A-Za-z0-9_-]{20,})(?::x-oauth-basic)?@",
    ),
    (Any, &["@tcp(", "@unix("], r#"[A-Za-z0-9_.-]+:(?P<s>[^\s"']+)@(?:tcp|unix)\("#),
    (Any, &["jdbc:oracle"], r#"(?i)\bjdbc:oracle:\w+:[^\s/@]+/(?P<s>[^\s@"']+)@"#),
    (
        Any,
        &["sqlplus", "rman ", "expdp", "impdp"],
        r#"(?i)\b(?:sqlplus|rman|expdp|impdp)\s+(?:-\w+\s+)*(?:target\s+)?[\w$#]+/(?P<s>[^\s@"']+)@"#,
    ),
    (Spaced(20), &["bearer"], r"(?i)\bbearer(?:\s+|%20)(?P<s>[A-Za-z0-9._~+/=-]{20,})"),
    (Spaced(12), &["basic"], r"(?i)\bbasic(?:\s+|%20)(?P<s>[A-Za-z0-9+/]{12,}={0,2})"),
    (
        Any,
        &[
            "api-key",
            "auth-token",
            "vault-token",
            "private-token",
            "access-token",
            "job-token",
            "deploy-token",
        ],
        r#"(?i)\b(?:x-api-key|api-key|x-auth-token|x-access-token|x-vault-token|private-token|job-token|deploy-token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{8,})"#,
    ),
    (
        Any,
        &["cookie"],
        r#"(?i)\b(?:set-)?cookie\\*["']?\]?\s*(?::|=>)\s*\[?\\*["']?(?P<s>[^\s=;"']+=[^\r\n"']{4,})"#,
    ),
    (
        Any,
        &["sessionid=", "connect.sid=", "_session=", "_session_id=", "__secure-", "__host-"],
        r"(?i)\b(?:jsessionid|phpsessid|sessionid|connect\.sid|asp\.net_sessionid|_?\w*_session(?:_id)?|laravel_session|__(?:Secure|Host)-[\w.-]+)=(?P<s>[A-Za-z0-9._~+/=%:-]{12,})",
    ),
    // Keys in the query of an address
    (
        Fits(in_query),
        &[
            "token=",
            "key=",
            "sig=",
            "signature=",
            "secret=",
            "password=",
            "passwd=",
            "pass=",
            "pwd=",
            "auth=",
            "credential=",
            "assertion=",
            "code=",
            "token%3D",
            "key%3D",
            "sig%3D",
            "signature%3D",
            "secret%3D",
            "password%3D",
            "passwd%3D",
            "pass%3D",
            "pwd%3D",
            "auth%3D",
            "credential%3D",
            "assertion%3D",
            "code%3D",
        ],
        r#"(?i)(?:[?&]|%3F|%26|&amp;)(?:[a-z_.-]*token|(?:[a-z]+[_-]?)*key|sig|[a-z-]*signature|[a-z_-]*secret|[a-z_-]*passw(?:or)?d|pass|pwd|auth|x-amz-credential|x-goog-credential|assertion|code)(?:=|%3D)(?P<s>[^\s&"'#<>\\]{6,})"#,
    ),
    (Any, &["x-amz-signature", "x-goog-signature"], r"(?i)\bx-(?:amz|goog)-signature=(?P<s>[0-9a-f]{32,})"),
    // Tools that take one behind a letter. curl -u name:password; numbers alone are a user and a group
    (
        Any,
        &[
            " -u",
            "\t-u",
            "\"-u",
            "'-u",
            " -a",
            "\t-a",
            "\"-a",
            "'-a",
            " --user",
            "\t--user",
            "\"--user",
            "'--user",
            " --proxy-user",
            "\t--proxy-user",
            "\"--proxy-user",
            "'--proxy-user",
            " --auth",
            "\t--auth",
            "\"--auth",
            "'--auth",
        ],
        r#"\b(?:curl|wget|https?|xh)\b[^\n|;]*?[\s"'](?:-u|--user|--proxy-user|-U|-a|--auth)(?:[ =]*|["'],\s*)\\*["']?[^\s:"'/=,-][^\s:"'/=]*:(?P<s>[^\s"']*[^\s"'0-9][^\s"']*)"#,
    ),
    (
        Any,
        &[" -p", "\t-p", "\"-p", "'-p"],
        r#"(?i)\b(?:mysql|mariadb|mycli|xtrabackup)[a-z-]*\s(?:[^\n|;]*?\s)?-p["']?(?P<s>[^\s"']+)"#,
    ),
    (
        Any,
        &[
            " -p", "\t-p", "\"-p", "'-p", " -a", "\t-a", "\"-a", "'-a", " -w", "\t-w", "\"-w", "'-w", " -x",
            "\t-x", "\"-x", "'-x",
        ],
        r#"\b(?:sshpass\s(?:[^\n|;]*?\s)?-p|(?:docker|podman|oc|az|helm registry|crane auth|skopeo)\s+login\s(?:[^\n|;]*?\s)?-p|mongo(?:sh|dump|restore|export|import|stat)?\s(?:[^\n|;]*?\s)?-p|redis-cli\s(?:[^\n|;]*?\s)?-a|(?:sqlcmd|bcp|osql)\s(?:[^\n|;]*?\s)?-P|ldap\w+\s(?:[^\n|;]*?\s)?-w|ipmitool\s(?:[^\n|;]*?\s)?-P|cqlsh\s(?:[^\n|;]*?\s)?-p|snmp\w+\s(?:[^\n|;]*?\s)?-[AX])\s*["']?(?P<s>[^\s"'-][^\s"']*)"#,
    ),
    (Any, &["-pass"], r#"-pass(?:in|out)?\s+["']?pass:(?P<s>[^\s"']+)"#),
    (Any, &["htpasswd"], r#"\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+["']?(?P<s>[^\s"']+)"#),
    (
        Any,
        &["smbclient", "winexe", "rpcclient"],
        r#"\b(?:smbclient|winexe|rpcclient)\s[^\n|;]*?-U\s*["']?[^\s%"']+%(?P<s>[^\s"']+)"#,
    ),
    (Any, &["from-literal"], r#"--from-literal[= ]["']?[\w.-]+=(?P<s>[^\s"']+)"#),
    (
        Any,
        &["vault login", "vault unseal", "vault operator unseal", "Unseal Key"],
        r"(?:\bvault (?:login|unseal|operator unseal)\s+(?P<s>[A-Za-z0-9+/=._-]{16,})|Unseal Key \d+:\s*(?P<d>\S+))",
    ),
    // Databases' own words
    (
        Any,
        &["identified", " password"],
        r#"(?i)(?:\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)|\b(?:with|user\s+\S+|role\s+\S+)\s+(?:encrypted\s+)?password|\bset\s+password\s+(?:for\s+\S+\s*)?=|\bset\s+password\s+)\s*(?:password\()?\\*['"](?P<s>[^'"\\]+)"#,
    ),
    (
        Any,
        &["requirepass", "masterauth", "auth-pass"],
        r#"(?i)\b(?:requirepass|masterauth|auth-pass\s+\S+)\s+["']?(?P<s>[^\s"']{3,})"#,
    ),
    (Any, &["\"auth\""], r#"(?i)"auth"(?:\s+"[^"]*")?\s+"(?P<s>[^"]{3,})"$"#),
    // Directories, and what is piped into a program that asks
    (
        Any,
        &["bindpw", "rootpw", "authtok", "bindcredentials"],
        r"(?i)\b(?:bindpw|rootpw|\w*authtok|bindcredentials)\s*[=:]?\s+(?P<s>[^\s;]{3,})",
    ),
    (
        Any,
        &["passwd", "chpasswd", "password-stdin", "sudo -S", "cryptsetup"],
        r#"\b(?:echo|printf)\s+(?:-\w+\s+)?["']?(?:\w+:)?(?P<s>[^\s"'|]{3,})["']?\s*\|\s*(?:sudo\s+)?(?:passwd|chpasswd|sudo -S|cryptsetup|\S+\s[^|]*--?password-stdin)"#,
    ),
    // Hashes of passwords
    (
        Any,
        &[
            "$1$", "$2a$", "$2b$", "$2x$", "$2y$", "$5$", "$6$", "$7$", "$y$", "$gy$", "$apr1$", "$argon2",
            "$pbkdf2", "$scrypt$",
        ],
        r"\$(?:1|2[abxy]|5|6|7|y|gy|apr1|argon2[id]{1,2}|pbkdf2(?:-\w+)?|scrypt)\$[^\s\x22':,]{20,}",
    ),
    (
        Any,
        &["SCRAM-SHA-", "{SSHA", "{CRYPT", "{SHA"],
        r"(?:SCRAM-SHA-\d+\$\d+:[^\s\x22']{30,}|\{(?:SSHA|CRYPT|SHA)\d*\}[A-Za-z0-9+/=$.]{20,})",
    ),
    // Files of passwords: .netrc, .pgpass
    (
        Any,
        &["password ", "password\t"],
        r#"(?i)(?:^\s*|\blogin\s+\S+\s+)password\s+(?P<s>[^\s:="']+)\s*(?:$|account\b|machine\b|macdef\b)"#,
    ),
    (
        Line(is_pgpass),
        &[],
        r"^\s*(?:\d+ \| |\d+: )?(?:[\w*-]+|/[\w./-]+|[\w.-]+\.(?:\d{1,3}|com|net|org|io|dev|de|eu|uk|cloud|lan|svc|[a-z]{5,})):(?:\d{4,5}|\*):[A-Za-z_*][^:\s]*:[^:\s]+:(?P<s>\S+)\s*$",
    ),
    // XML elements and attributes
    (
        Fits(in_element),
        &[
            "password",
            "passwd",
            "pwd",
            "secret",
            "token",
            "apikey",
            "api-key",
            "accesskey",
            "access-key",
            "passphrase",
            "privatekey",
            "private-key",
        ],
        r"(?i)<[\w:.-]*(?:passw(?:or)?d|pwd|secret|token|api-?key|access-?key|secret-?key|passphrase|private-?key)(?:\s[^<>]*)?>(?:<!\[CDATA\[)?\s*(?P<s>[^<\]\s][^<\]]*)(?:\]\]>)?\s*</",
    ),
    (
        Fits(before_value),
        &[
            "password",
            "passwd",
            "pwd",
            "secret",
            "token",
            "api_key",
            "apikey",
            "access_key",
            "accesskey",
            "secret_key",
            "secretkey",
            "private_key",
            "privatekey",
            "_key",
            "_pass",
            "credential",
            "credentials",
        ],
        r#"(?i)(?:key|name|property|id)\\*["']?\s*[=:]\s*\\*["']?[a-z0-9_.:-]*(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key|secret_?key|private_?key|_key|_pass|credentials?)\\*["']?\s*[,;]?\s*(?:>|\\*["']?(?:parameter)?value\\*["']?\s*[=:])\s*\\*["']?(?P<s>[^\s"'<>{}\\,][^"'<>\\,]*)"#,
    ),
    // Azure, Google and AWS words inside longer strings
    (
        Any,
        &["accountkey", "sharedaccess", "sharedsecret"],
        r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|SharedSecretValue)\s*=\s*(?P<s>[^\s;\x22']{16,})",
    ),
    // Encoded names: password%3Dx, %22token%22%3A%22x
    (
        Fits(before_percent),
        &["password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "pass"],
        r#"(?i)(?:passw(?:or)?d|pwd|secret|token|api_?key|pass)(?:%22|%5D)?(?:%3[AD])(?:%20|\+)?(?:%22)?(?P<s>(?:[^\s&"'%]|%[013-9a-f][0-9a-f]|%2[0134579a-f])+)"#,
    ),
];

static SHAPES: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| FORMATS.iter().map(|_| OnceLock::new()).collect());

/// The literals of each shape, and what else they need, in the shapes' order.
pub(super) fn words() -> impl Iterator<Item = (Check, &'static [&'static str])> {
    FORMATS.iter().map(|(check, words, _)| (*check, *words))
}

/// The shape of that number.
pub(super) fn shape(at: usize) -> Option<&'static Regex> {
    let (_, _, shape) = FORMATS.get(at)?;
    SHAPES.get(at)?.get_or_init(|| Regex::new(shape).ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        for (_, _, shape) in FORMATS {
            assert!(Regex::new(shape).is_ok(), "{shape}");
        }
    }
}
