//! Everything that happened, in order: a running hash that two runs of one seed must share, and the lines for who replays one.

use sha2::{Digest, Sha256};

/// What is done with each line.
pub type Listener = Box<dyn FnMut(&str) + Send>;

/// The events of a run.
pub struct Trace {
    hash: Sha256,
    events: u64,
    listener: Option<Listener>,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({} events)", self.events)
    }
}

impl Trace {
    /// Nothing yet.
    pub fn new(listener: Option<Listener>) -> Self {
        Self {
            hash: Sha256::new(),
            events: 0,
            listener,
        }
    }

    /// One event.
    pub fn say(&mut self, at_ms: u64, text: &str) {
        self.events += 1;
        let line = format!("{:>6}.{:03} {text}", at_ms / 1000, at_ms % 1000);
        self.hash.update(line.as_bytes());
        self.hash.update([b'\n']);
        if let Some(listener) = &mut self.listener {
            listener(&line);
        }
    }

    /// How many there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash over all of them.
    pub fn digest(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }
}
