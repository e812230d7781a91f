//! RFC 8785 canonical JSON and its SHA-256: the form of everything that is hashed or signed.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The canonical JSON bytes of `value`.
///
/// # Panics
/// Never for the types of this crate: they hold strings, integers and lists only, which always serialise.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("strings, integers and lists always serialise")
}

/// SHA-256 of the canonical JSON bytes of `value`.
pub fn digest<T: Serialize>(value: &T) -> [u8; 32] {
    Sha256::digest(bytes(value)).into()
}
