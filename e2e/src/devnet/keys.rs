//! Keys made for one devnet. Worth nothing elsewhere, and still never printed.

use std::fmt;

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::id::{Address, Hash32};

/// An Ed25519 key: of a holder, a route admin, the registry or the log.
#[derive(Clone)]
pub struct EdKey(SigningKey);

impl EdKey {
    /// A new one.
    pub fn random() -> Self {
        Self(SigningKey::from_bytes(&rand::random()))
    }

    /// The seed as key files hold it: 64 hex digits.
    pub fn seed_hex(&self) -> String {
        hex::encode(self.0.to_bytes())
    }

    /// The seed.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key in base64, as configurations hold it.
    pub fn public_base64(&self) -> String {
        STANDARD.encode(self.public().as_bytes())
    }

    /// The public key.
    pub fn public(&self) -> Hash32 {
        Hash32::new(self.0.verifying_key().to_bytes())
    }

    /// 64 bytes of signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for EdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdKey(of {})", self.public())
    }
}

/// A secp256k1 key: of a wallet, an attester or one of the relayer's lanes.
#[derive(Clone)]
pub struct EvmKey(PrivateKeySigner);

impl EvmKey {
    /// A new one.
    pub fn random() -> Self {
        Self(PrivateKeySigner::random())
    }

    /// The scalar as key files hold it: 64 hex digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0.to_bytes())
    }

    /// The account.
    pub fn address(&self) -> Address {
        Address::new(self.0.address().into_array())
    }

    /// For alloy.
    pub fn signer(&self) -> &PrivateKeySigner {
        &self.0
    }

    /// For the adapter.
    pub fn signing_key(&self) -> anyhow::Result<isthmus_evm::SigningKey> {
        isthmus_evm::SigningKey::from_bytes(&self.0.to_bytes().0).context("a random key is valid")
    }
}

impl fmt::Debug for EvmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvmKey(of {})", self.address())
    }
}

/// A random token or API key: 32 hex digits after a prefix that tells whose it is.
pub fn secret(prefix: &str) -> String {
    format!("{prefix}-{}", hex::encode(rand::random::<[u8; 16]>()))
}
