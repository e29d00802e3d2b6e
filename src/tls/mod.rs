//! Whom this program trusts on the wire: the platform's authorities, and what a person named besides.
//!
//! One set-up for every HTTP client, whatever it talks to. It opens no connection itself.

mod named;

use std::path::PathBuf;

use reqwest::ClientBuilder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Certificates a person named: `SSL_CERT_FILE` and `CERTIFICATE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM file with further trusted roots.
    pub ca_file: Option<PathBuf>,
    /// Further trusted roots as PEM or base64 of PEM.
    pub ca_pem: Option<String>,
}

/// Certificates that cannot be used: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TrustError {
    pub message: String,
    pub remedy: &'static str,
}

/// Makes ring the process's TLS provider; without one, building a client panics. Any number of calls.
pub fn install() {
    // Err means that a provider is already there, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// `builder` with `trust` taken into account.
///
/// # Errors
/// When a named certificate cannot be read.
pub fn apply(builder: ClientBuilder, trust: &Trust) -> Result<ClientBuilder, TrustError> {
    apply_as(builder, trust, None)
}

/// As [`apply`], with the certificate and key (PEM, in one) that this program shows to servers that ask.
///
/// # Errors
/// When a named certificate or the key cannot be read.
pub fn apply_as(
    builder: ClientBuilder,
    trust: &Trust,
    identity: Option<&[u8]>,
) -> Result<ClientBuilder, TrustError> {
    install();
    let mut named = Vec::new();
    if let Some(path) = &trust.ca_file {
        let pem = std::fs::read(path).map_err(|error| TrustError {
            message: format!("CA file `{}` cannot be read: {error}", path.display()),
            remedy: "set `SSL_CERT_FILE` to a PEM file",
        })?;
        named.extend(certificates(&pem, &format!("CA file `{}`", path.display()))?);
    }
    if let Some(text) = trust.ca_pem.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let pem = if text.contains("-----BEGIN") {
            text.as_bytes().to_vec()
        } else {
            decode_base64(text).ok_or_else(|| not_certificates("`CERTIFICATE`"))?
        };
        named.extend(certificates(&pem, "`CERTIFICATE`")?);
    }
    if named.is_empty() && identity.is_none() {
        return Ok(builder);
    }
    let identity = identity.map(shown_identity).transpose()?;
    let tls = named::config(named, identity).map_err(|error| TrustError {
        message: format!("a certificate cannot be used: {error}"),
        remedy: "check `SSL_CERT_FILE`, `CERTIFICATE` and the client certificate",
    })?;
    Ok(builder.tls_backend_preconfigured(tls))
}

fn shown_identity(pem: &[u8]) -> Result<named::Identity, TrustError> {
    let remedy = "`client_cert_path` and `client_key_path` need PEM text, the key without a passphrase";
    let wrong = |message: &str| TrustError { message: message.to_owned(), remedy };
    let chain = certificates(pem, "the client certificate")
        .map_err(|_| wrong("the client certificate holds no readable certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| wrong("the client certificate comes without a readable key"))?;
    Ok((chain, key))
}

fn certificates(pem: &[u8], origin: &str) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(not_certificates(origin)),
    }
}

fn not_certificates(origin: &str) -> TrustError {
    TrustError {
        message: format!("{origin} holds no readable certificate"),
        remedy: "it needs PEM text (`-----BEGIN CERTIFICATE-----`) or the base64 of it",
    }
}

/// Standard alphabet, line breaks and missing padding allowed; None for anything else.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00FF_FFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    Some(bytes)
}
