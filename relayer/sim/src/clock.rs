//! Virtual time: it passes when nobody has anything to do, and jumps when the seed says that a machine slept.

use std::sync::atomic::{AtomicU64, Ordering};

use isthmus_core::time::{Clock, Timestamp};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// When every run begins.
const START_MS: u64 = 1_780_000_000_000;

/// The clock of one run, of all processes and ledgers alike.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
    jumped_ms: AtomicU64,
    last_ms: AtomicU64,
}

impl SimClock {
    /// A clock that starts now; on the runtime of the run.
    pub fn start() -> Self {
        Self {
            began: Instant::now(),
            jumped_ms: AtomicU64::new(0),
            last_ms: AtomicU64::new(START_MS),
        }
    }

    /// The clock is set forward, as after a night's sleep of the machine.
    pub fn jump(&self, ms: u64) {
        self.jumped_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Since the beginning of the run, without jumps.
    pub fn elapsed_ms(&self) -> u64 {
        self.now().ms() - START_MS - self.jumped_ms.load(Ordering::Relaxed)
    }
}

impl Clock for SimClock {
    /// The store's writer has a thread of its own, without the runtime's time: its caller waits for it, so it is still what
    /// the caller saw last.
    fn now(&self) -> Timestamp {
        if Handle::try_current().is_ok() {
            let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let jumped = self.jumped_ms.load(Ordering::Relaxed);
            self.last_ms
                .store(START_MS + passed + jumped, Ordering::Relaxed);
        }
        Timestamp::from_ms(self.last_ms.load(Ordering::Relaxed))
    }
}
