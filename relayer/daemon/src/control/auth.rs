//! Who calls and what they may do: bearer token → identity → roles.

use std::sync::Arc;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::config::Role;
use crate::control::access::Access;
use crate::control::error::ApiError;

/// Moves units: submit, follow, withdraw, instruct; proposes and approves routes.
pub(crate) const MOVE: &[Role] = &[Role::Exchange, Role::Operator];
/// Reads proofs and status.
pub(crate) const READ: &[Role] = &Role::ALL;
/// Stops new work.
pub(crate) const PAUSE: &[Role] = &[Role::Operator, Role::Guardian];
/// Lets work go on, decides about quarantine.
pub(crate) const OPERATE: &[Role] = &[Role::Operator];
/// Attests.
pub(crate) const ATTEST: &[Role] = &[Role::Attester];

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
}

/// Puts the caller on every request that carries a known token; refuses all others. Who is known may change with a reload.
#[derive(Clone)]
pub(crate) struct Authenticator(Arc<Access>);

impl Authenticator {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self(Arc::clone(access))
    }

    /// Every identity is compared, and digests instead of tokens, so that the time taken tells nothing about a token.
    fn identify(&self, metadata: &MetadataMap) -> Option<Caller> {
        let header = metadata.get("authorization")?.to_str().ok()?;
        let token = digest(header.strip_prefix("Bearer ")?);
        let people = self.0.people();
        let mut found = None;
        for identity in &people.identities {
            if equal(&digest(identity.token.expose_secret()), &token) {
                found = Some(identity);
            }
        }
        found.map(|identity| Caller {
            name: identity.name.clone(),
            roles: identity.roles.clone(),
        })
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Looks at every byte whatever the first ones are.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl Interceptor for Authenticator {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let caller = self
            .identify(request.metadata())
            .ok_or(ApiError::NotAuthenticated)?;
        request.extensions_mut().insert(caller);
        Ok(request)
    }
}

/// The caller, if one of its roles is allowed.
pub(crate) fn permit<T>(
    request: &Request<T>,
    allowed: &'static [Role],
) -> Result<Caller, ApiError> {
    let caller = request
        .extensions()
        .get::<Caller>()
        .ok_or(ApiError::NotAuthenticated)?;
    if caller.roles.iter().any(|role| allowed.contains(role)) {
        Ok(caller.clone())
    } else {
        Err(ApiError::NotPermitted {
            caller: caller.name.clone(),
            allowed,
        })
    }
}
