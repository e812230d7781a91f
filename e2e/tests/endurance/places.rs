//! Where processes are killed: every named place of relayer and attester, and the calls of the registry.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng as _, SeedableRng as _};

/// Whose process is killed where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The relayer, at a place, at a visit.
    Relayer { place: &'static str, visit: u64 },
    /// One of the attesters.
    Attester {
        number: usize,
        place: &'static str,
        visit: u64,
    },
    /// The registry, by a fault of one of its calls.
    Registry {
        call: &'static str,
        fault: &'static str,
    },
}

/// The state whose pending work is under way at each place of the relayer.
pub(crate) const RELAYER: [(&str, &str); 44] = [
    ("journal/requested/before", "requested"),
    ("journal/requested/after", "requested"),
    ("lock/prepare/before", "requested"),
    ("lock/prepare/after", "requested"),
    ("vcs:sandbox/send/before", "requested"),
    ("vcs:sandbox/send/after", "requested"),
    ("lock/find/before", "requested"),
    ("lock/find/after", "requested"),
    ("journal/locked/before", "requested"),
    ("journal/locked/after", "taken"),
    ("journal/intended/before", "taken"),
    ("journal/intended/after", "taken"),
    ("journal/authorised/before", "taken"),
    ("journal/authorised/after", "authorised"),
    ("mint/prepare/before", "authorised"),
    ("mint/prepare/after", "authorised"),
    ("eip155:31337/send/before", "authorised"),
    ("eip155:31337/send/after", "authorised"),
    ("mint/find/before", "authorised"),
    ("mint/find/after", "authorised"),
    ("journal/given/before", "authorised"),
    ("journal/given/after", "authorised"),
    ("journal/withdrawal_requested/before", "withdrawing"),
    ("journal/withdrawal_requested/after", "withdrawing"),
    ("void/prepare/before", "withdrawing"),
    ("void/prepare/after", "withdrawing"),
    ("void/find/before", "withdrawing"),
    ("void/find/after", "withdrawing"),
    ("journal/voided/before", "withdrawing"),
    ("journal/voided/after", "voided"),
    ("unlock/prepare/before", "voided"),
    ("unlock/prepare/after", "voided"),
    ("unlock/find/before", "voided"),
    ("unlock/find/after", "voided"),
    ("journal/unlocked/before", "voided"),
    ("journal/unlocked/after", "voided"),
    ("eip155:31337/observe/before", "returning"),
    ("eip155:31337/observe/after", "returning"),
    ("journal/burned/before", "returning"),
    ("journal/burned/after", "returning"),
    ("release/find/before", "returning"),
    ("release/find/after", "returning"),
    ("retire/find/before", "returning"),
    ("retire/find/after", "returning"),
];

const ATTESTER: [&str; 4] = [
    "attester/remember/before",
    "attester/remember/after",
    "attester/answer/before",
    "attester/answer/after",
];
const CALLS: [&str; 4] = ["lock", "propose", "approve", "query"];
const FAULTS: [&str; 2] = ["crash_before", "crash_after_applying"];

/// The kills of a seed, in order: `relayer` of the relayer, every place at least once if there are enough, and `others` of
/// attesters and registry.
pub(crate) fn drawn(seed: u64, relayer: usize, others: usize) -> Vec<Kill> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = Vec::new();
    let mut places: Vec<_> = RELAYER.iter().map(|(place, _)| *place).collect();
    places.shuffle(&mut random);
    for place in places.iter().cycle().take(relayer) {
        let visit = random.random_range(1..=3);
        kills.push(Kill::Relayer { place, visit });
    }
    for turn in 0..others {
        kills.push(if turn % 2 == 0 {
            Kill::Attester {
                number: random.random_range(0..3),
                place: ATTESTER[turn / 2 % ATTESTER.len()],
                visit: random.random_range(1..=3),
            }
        } else {
            Kill::Registry {
                call: CALLS[turn / 2 % CALLS.len()],
                fault: FAULTS[turn / 2 / CALLS.len() % FAULTS.len()],
            }
        });
    }
    kills.shuffle(&mut random);
    kills
}
