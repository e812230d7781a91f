//! What a run does: how much traffic, and how often what goes wrong. Probabilities are in thousandths and have names.

use crate::trouble::{Plan, Step, Trouble};

/// How often what goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odds {
    /// A call never leaves; the caller knows.
    pub unreached: u64,
    /// A request is lost; the caller cannot know.
    pub lost: u64,
    /// A request is lost for the caller, and lands later.
    pub late: u64,
    /// It is carried out and the answer is lost.
    pub answer_lost: u64,
    /// It arrives twice, the second time later.
    pub twice: u64,
    /// The first part of a list is carried out, and the caller cannot know of any.
    pub partial: u64,
    /// A ledger refuses for now what it would take a moment later.
    pub refused_for_now: u64,
    /// A question is not answered.
    pub unanswered: u64,
    /// A question is answered from the past.
    pub stale: u64,
    /// A call takes long.
    pub slow: u64,
    /// A transaction stays out of a block that had room for it.
    pub left_out: u64,
    /// A block goes, and those below the depth with it.
    pub reorg: u64,
    /// A transaction of a block that went is forgotten.
    pub forgotten: u64,
    /// The relayer dies at a call of a port.
    pub crash: u64,
    /// An attester dies, or is gone for a while.
    pub attester_gone: u64,
    /// The clock jumps by more than an hour.
    pub jump: u64,
}

impl Odds {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        unreached: 0,
        lost: 0,
        late: 0,
        answer_lost: 0,
        twice: 0,
        partial: 0,
        refused_for_now: 0,
        unanswered: 0,
        stale: 0,
        slow: 0,
        left_out: 0,
        reorg: 0,
        forgotten: 0,
        crash: 0,
        attester_gone: 0,
        jump: 0,
    };

    /// Much goes wrong, everything recoverable.
    pub const STORM: Self = Self {
        unreached: 40,
        lost: 40,
        late: 40,
        answer_lost: 60,
        twice: 40,
        partial: 30,
        refused_for_now: 10,
        unanswered: 80,
        stale: 80,
        slow: 60,
        left_out: 150,
        reorg: 60,
        forgotten: 250,
        crash: 4,
        attester_gone: 20,
        jump: 2,
    };
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many transfers holders submit.
    pub transfers: u64,
    /// In how many of 1000 a holder withdraws.
    pub withdrawals: u64,
    /// How soon they do.
    pub withdraw_within_ms: u64,
    /// How many burns holders make at most.
    pub burns: u64,
    /// How long things go wrong, in milliseconds.
    pub safety_ms: u64,
    /// How long everything may take to end after that.
    pub liveness_ms: u64,
    /// What goes wrong meanwhile.
    pub odds: Odds,
    /// The relayer dies at this call of a port, counted from 1, and never otherwise.
    pub crash_at: Option<u64>,
    /// The registry takes locked units away then.
    pub correction_at_ms: Option<u64>,
    /// The chain reorganises below its depth then.
    pub deep_reorg_at_ms: Option<u64>,
    /// What goes wrong on purpose, whatever the odds.
    pub plan: Option<Plan>,
}

impl Scenario {
    /// The kind of run that a seed stands for: mostly storms, of all kinds of weather.
    pub fn of(seed: u64) -> Self {
        let storm = Self::storm(seed);
        let with = |odds| Self {
            odds,
            ..storm.clone()
        };
        match seed % 12 {
            1 => with(Odds {
                crash: 25,
                ..Odds::STORM
            }),
            2 => with(Odds {
                reorg: 300,
                forgotten: 500,
                left_out: 300,
                stale: 200,
                ..Odds::STORM
            }),
            3 => with(Odds {
                late: 150,
                answer_lost: 150,
                twice: 150,
                partial: 100,
                ..Odds::STORM
            }),
            4 => Self {
                withdrawals: 700,
                ..storm
            },
            5 => with(Odds {
                attester_gone: 150,
                unanswered: 250,
                ..Odds::STORM
            }),
            6 => Self {
                transfers: 120,
                burns: 90,
                ..storm
            },
            7 => Self::dies_at(seed, seed / 12 % 400 + 1),
            8 => Self {
                correction_at_ms: Some(storm.safety_ms / 2),
                ..storm
            },
            9 => Self {
                deep_reorg_at_ms: Some(storm.safety_ms / 2),
                ..storm
            },
            _ => storm,
        }
    }

    /// A few transfers there and back, some undone; the relayer dies at one call of a port and never otherwise.
    pub fn dies_at(seed: u64, call: u64) -> Self {
        Self {
            transfers: 5,
            burns: 2,
            withdrawals: 400,
            withdraw_within_ms: 400,
            crash_at: Some(call),
            ..Self::calm(seed)
        }
    }

    /// Everything works but for one thing at one step, which goes wrong so often.
    pub fn troubled(seed: u64, step: Step, trouble: Trouble, times: u64) -> Self {
        let undone = matches!(step, Step::Void | Step::Unlock);
        Self {
            transfers: if undone { 8 } else { 4 },
            burns: if undone { 0 } else { 4 },
            withdrawals: if undone { 1000 } else { 0 },
            withdraw_within_ms: 400,
            plan: Some(Plan {
                step,
                trouble,
                left: times,
            }),
            ..Self::calm(seed)
        }
    }

    /// A storm.
    pub fn storm(seed: u64) -> Self {
        Self {
            seed,
            transfers: 40,
            withdrawals: 150,
            withdraw_within_ms: 40_000,
            burns: 25,
            safety_ms: 150_000,
            liveness_ms: 1_800_000,
            odds: Odds::STORM,
            crash_at: None,
            correction_at_ms: None,
            deep_reorg_at_ms: None,
            plan: None,
        }
    }

    /// Everything works: a few transfers there and back.
    pub fn calm(seed: u64) -> Self {
        Self {
            transfers: 6,
            burns: 4,
            safety_ms: 20_000,
            odds: Odds::CALM,
            ..Self::storm(seed)
        }
    }
}
