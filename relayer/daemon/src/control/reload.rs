//! Reload: the configuration file is read and checked as at a start, compared with what runs, and swapped in whole or not at all.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use isthmus_core::ports::StoreError;
use isthmus_store::Store;

use crate::config::{self, RelayerConfig};
use crate::control::access::{Access, People};
use crate::telemetry::LogFilter;

/// What a reload did: all of it, or nothing because something was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// What changed, in words.
    pub changed: Vec<String>,
    /// What is refused and why.
    pub refused: Vec<String>,
}

/// Knows the file and what of it runs.
#[derive(Debug)]
pub struct Reloader {
    file: PathBuf,
    running: Mutex<RelayerConfig>,
    access: Arc<Access>,
    filter: LogFilter,
    store: Arc<Store>,
}

impl Reloader {
    /// For the file that `running` was read from.
    pub fn new(
        file: PathBuf,
        running: RelayerConfig,
        access: Arc<Access>,
        filter: LogFilter,
        store: Arc<Store>,
    ) -> Self {
        Self {
            file,
            running: Mutex::new(running),
            access,
            filter,
            store,
        }
    }

    /// Reads the file again and takes over what may change. If anything is wrong or refused, nothing changes.
    pub fn reload(&self, by: &str) -> Result<Reloaded, StoreError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let new = match config::load_relayer(&self.file) {
            Ok(new) => new,
            Err(error) => {
                let problems = error.to_string();
                let refused = problems.lines().map(str::to_owned).collect();
                return Ok(self.refused(by, refused));
            }
        };
        let diff = config::diff(&running, &new);
        let mut refused = Vec::new();
        for each in diff.refused {
            refused.push(match each.ledger {
                Some(ledger) => format!("{}{}", each.text, self.under_way(&ledger)?),
                None => each.text,
            });
        }
        if !refused.is_empty() {
            return Ok(self.refused(by, refused));
        }
        if running.telemetry.filter != new.telemetry.filter
            && let Err(error) = self.filter.set(&new.telemetry.filter)
        {
            return Ok(self.refused(by, vec![error.to_string()]));
        }
        self.access.replace(People {
            identities: new.control.identities.clone(),
            route_admins: new.route_admins.clone(),
        });
        *running = new;
        tracing::info!(%by, changes = ?diff.changes, "configuration reloaded");
        Ok(Reloaded {
            changed: diff.changes,
            refused: Vec::new(),
        })
    }

    fn refused(&self, by: &str, refused: Vec<String>) -> Reloaded {
        let file = self.file.display();
        tracing::warn!(%by, %file, ?refused, "reload refused, nothing changed");
        Reloaded {
            changed: Vec::new(),
            refused,
        }
    }

    /// How many transfers under way need a ledger.
    fn under_way(&self, ledger: &str) -> Result<String, StoreError> {
        let lanes = self.store.lane_counts()?.into_iter();
        let of_ledger = |lane: &str| lane.rsplit_once('/').is_some_and(|(id, _)| id == ledger);
        let count: u64 = lanes
            .filter(|(lane, _)| of_ledger(lane))
            .map(|(_, count)| count)
            .sum();
        Ok(if count == 0 {
            String::new()
        } else {
            format!(" ({count} transfer(s) under way have work there)")
        })
    }
}
