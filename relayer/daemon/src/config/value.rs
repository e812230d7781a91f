//! What single values must look like: names, keys, URLs.

use std::net::IpAddr;

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use toml::Value;

use super::problem::Field;
use super::section::{Section, nonempty};

/// What [`name`] takes, for people.
pub(super) const NAME: &str = "1 to 64 letters, digits and ._-";
/// What [`ed25519`] takes, for people.
pub(super) const ED25519: &str =
    "base64 of a 32-byte Ed25519 public key, as `isthmus keys show --kind ed25519 FILE` prints it";
/// What [`seed`] takes, for people.
pub(super) const SEED: &str =
    "64 hex digits, as `isthmus keys generate --kind ed25519` writes them";
/// What a secp256k1 key looks like, for people.
pub(super) const SECP256K1: &str =
    "64 hex digits of a secp256k1 key, as `isthmus keys generate --kind secp256k1` writes them";

/// Name of a person, process or network.
pub(super) fn name(value: &Value) -> Option<String> {
    let sound = |text: &String| {
        text.len() <= 64
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    nonempty(value).filter(sound)
}

/// Name of a log: the key name of its signed notes, which may hold neither blanks nor `+` (C2SP signed-note).
pub(super) fn origin(value: &Value) -> Option<String> {
    nonempty(value)
        .filter(|text| text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'+'))
}

/// An Ed25519 public key that can verify.
pub(super) fn ed25519(value: &Value) -> Option<[u8; 32]> {
    let bytes = <[u8; 32]>::try_from(STANDARD.decode(value.as_str()?).ok()?).ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok()?;
    (!key.is_weak()).then_some(bytes)
}

/// 32 bytes in hex, with or without `0x`.
pub(super) fn seed(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes).ok()?;
    Some(bytes)
}

/// A base URL that carries a credential: on this machine's loopback, because this version speaks no TLS (ADR 6).
pub(super) fn credential_url(section: &mut Section<'_>, key: &'static str) -> Field<String> {
    let expected = "a base URL without a path, like http://127.0.0.1:8080";
    let (text, uri) = section.required(key, expected, |value| {
        let text = value.as_str()?;
        let uri = http(text).filter(|uri| ["", "/"].contains(&uri.path()) && uri.query().is_none());
        Some((text.to_owned(), uri?))
    })?;
    if is_loopback(&uri) {
        return Ok(text);
    }
    let remedy = "our credential would cross the network in the clear, because this version speaks no TLS: name a TLS proxy on this machine, like http://127.0.0.1:8080";
    Err(section.refuse(key, format!("{text:?}"), remedy))
}

/// An `http` URL with a host and nothing secret before it.
pub(super) fn http(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let sound = uri.scheme_str()? == "http"
        && uri.host().is_some_and(|host| !host.is_empty())
        && !uri.authority()?.as_str().contains('@');
    sound.then_some(uri)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
