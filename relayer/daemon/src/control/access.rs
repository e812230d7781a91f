//! Who may call and whose signatures make a route count: replaced whole by a reload, read by every call.

use std::sync::{Arc, PoisonError, RwLock};

use crate::config::{Identity, RouteAdmin};

/// The people, as of the last reload.
#[derive(Debug)]
pub struct Access(RwLock<Arc<People>>);

/// Who may call, and whose signatures make a route count.
#[derive(Debug)]
pub struct People {
    /// Callers with their roles.
    pub identities: Vec<Identity>,
    /// Admins of routes.
    pub route_admins: Vec<RouteAdmin>,
}

impl Access {
    /// These people.
    pub fn new(identities: Vec<Identity>, route_admins: Vec<RouteAdmin>) -> Self {
        Self(RwLock::new(Arc::new(People {
            identities,
            route_admins,
        })))
    }

    /// The people now.
    pub fn people(&self) -> Arc<People> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these people; calls that were let in go on.
    pub fn replace(&self, people: People) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(people);
    }
}
