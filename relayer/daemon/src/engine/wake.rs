//! What a lane waits for: that something was written since it last looked. Everybody is woken in the same order in every run,
//! which tokio's `watch` does not promise: the simulation replays a run by its seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts writes and wakes who waits for one.
#[derive(Clone, Debug, Default)]
pub struct Writes(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    version: AtomicU64,
    notify: Notify,
}

/// One who waits.
#[derive(Debug)]
pub struct Wake {
    writes: Writes,
    seen: u64,
}

impl Writes {
    /// There was one more.
    pub fn tick(&self) {
        self.0.version.fetch_add(1, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Waits from here on.
    pub fn subscribe(&self) -> Wake {
        Wake {
            writes: self.clone(),
            seen: self.version(),
        }
    }

    fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}

impl Wake {
    /// Whatever was written until now is about to be looked at.
    pub fn look(&mut self) {
        self.seen = self.writes.version();
    }

    /// Whether there was a write since the last look; looks.
    pub fn passed(&mut self) -> bool {
        let version = self.writes.version();
        std::mem::replace(&mut self.seen, version) != version
    }

    /// Ready as soon as there was a write after the last look.
    pub async fn changed(&mut self) {
        loop {
            // Interest is registered before the version is read, so that a write in between is not missed.
            let notified = self.writes.0.notify.notified();
            let version = self.writes.version();
            if version != self.seen {
                self.seen = version;
                return;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_write_after_the_look_wakes_and_one_before_it_does_not() {
        let writes = Writes::default();
        let mut wake = writes.subscribe();
        writes.tick();
        wake.look();
        assert!(wake.changed().now_or_never().is_none());
        writes.tick();
        assert!(wake.changed().now_or_never().is_some());
        assert!(wake.changed().now_or_never().is_none(), "it is seen now");
        let tick = async {
            tokio::task::yield_now().await;
            writes.tick();
        };
        tokio::join!(wake.changed(), tick);
    }
}
