//! Who calls: API keys and their roles.

use std::collections::HashMap;

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::sandbox::config::{ApiKey, Role};
use crate::sandbox::faults::Call;
use crate::sandbox::http::App;
use crate::sandbox::http::error::ApiError;

/// Keys by their hash, so that looking one up takes the same time however much of it is right.
#[derive(Debug)]
pub(super) struct Keyring(HashMap<[u8; 32], Caller>);

/// Somebody with a valid key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) role: Role,
}

/// Who may make a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admits {
    /// Everyone with a key.
    AnyKey,
    /// Keys of one role.
    Only(Role),
}

impl Keyring {
    pub(super) fn new(keys: &[ApiKey]) -> Self {
        let entry = |key: &ApiKey| {
            let caller = Caller {
                name: key.name.clone(),
                role: key.role,
            };
            (Sha256::digest(&key.key).into(), caller)
        };
        Self(keys.iter().map(entry).collect())
    }
}

impl App {
    /// Counts the call and finds out who makes it.
    pub(super) fn admit(
        &self,
        call: Call,
        headers: &HeaderMap,
        admits: Admits,
    ) -> Result<Caller, ApiError> {
        self.stats.requested(call);
        let Some(key) = headers.get("x-api-key") else {
            return Err(ApiError::unauthenticated(
                "",
                "send your API key in the header X-Api-Key",
            ));
        };
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let Some(caller) = self.keys.0.get(&digest) else {
            return Err(ApiError::unauthenticated(
                "(not shown)",
                "this API key is not known: check it with the registry's operator",
            ));
        };
        match admits {
            Admits::Only(role) if caller.role != role => {
                let message = format!(
                    "{} has role {}, this call needs role {role}: use a key of that role",
                    caller.name, caller.role
                );
                Err(ApiError::not_authorised(&caller.role.to_string(), message))
            }
            Admits::Only(_) | Admits::AnyKey => Ok(caller.clone()),
        }
    }
}
