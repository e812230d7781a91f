//! The offline verifier of proof bundles: step by step, with keys from the auditor's policy only, saying for each step what it
//! proves, on which trust anchor, and which independent tool can repeat it.

mod authority;
mod evidence;
mod log;
mod manifest;
mod report;
mod story;

pub use report::{Grade, Outcome, Report, Step};

use crate::bundle::{Bundle, BundleKind};
use crate::leaf::Leaf;
use crate::note::Checkpoint;
use crate::policy::Policy;
use crate::route::RouteView;

/// What the steps establish for the later ones.
#[derive(Debug)]
struct Facts<'a> {
    bundle: &'a Bundle,
    policy: &'a Policy,
    previous: Option<&'a Checkpoint>,
    checkpoint: Option<Checkpoint>,
    leaves: Vec<(u64, Leaf)>,
    unproven: Vec<String>,
    grade: Grade,
}

type Check = fn(&mut Facts<'_>) -> Result<Option<String>, String>;

struct Plan {
    name: &'static str,
    proves: &'static str,
    anchor: &'static str,
    tool: &'static str,
    check: Check,
}

const PLAN: [Plan; 9] = [
    Plan {
        name: "manifest",
        proves: "the bundle is whole and nothing was added",
        anchor: "none",
        tool: "sha256sum",
        check: manifest::manifest,
    },
    Plan {
        name: "checkpoint",
        proves: "the log operator committed to this root",
        anchor: "the policy's log key",
        tool: "any C2SP signed-note verifier",
        check: log::checkpoint,
    },
    Plan {
        name: "inclusion",
        proves: "every leaf of the bundle is in the log",
        anchor: "the checkpoint",
        tool: "any RFC 6962 verifier, for instance sigstore or aics-tlog",
        check: log::inclusion,
    },
    Plan {
        name: "consistency",
        proves: "the log that attesters signed, and the one that you kept, only grew",
        anchor: "the checkpoint, your previous checkpoint",
        tool: "any RFC 6962 verifier",
        check: log::consistency,
    },
    Plan {
        name: "story",
        proves: "the leaves tell one legal story of one transfer; ids and quantities recompute",
        anchor: "the protocol document",
        tool: "a script over the JSON leaves",
        check: story::story,
    },
    Plan {
        name: "route",
        proves: "two route admins allowed the route",
        anchor: "the policy's route admin keys",
        tool: "any Ed25519 verifier",
        check: authority::route,
    },
    Plan {
        name: "registry",
        proves: "the registry moved exactly these units into or out of the route's custody account",
        anchor: "the policy's registry key",
        tool: "any JWS verifier, for instance jose or jwcrypto",
        check: evidence::registry,
    },
    Plan {
        name: "quorum",
        proves: "k of n attesters signed exactly this, after the lock was logged",
        anchor: "the policy's signer sets",
        tool: "any EIP-712 library, for instance ethers or eth-account",
        check: authority::quorum,
    },
    Plan {
        name: "chain",
        proves: "the gate of the terms recorded it, in a block with this header",
        anchor: "the policy's gates and blocks, or your own node for the block hash",
        tool: "any Merkle-Patricia verifier, for instance @ethereumjs/mpt",
        check: evidence::chain,
    },
];

/// Verifies an archive. Never fails itself: whatever is wrong is a failed step.
pub fn verify(archive: &[u8], policy: &Policy, previous: Option<&Checkpoint>) -> Report {
    let bundle = match Bundle::parse(archive) {
        Ok(bundle) => bundle,
        Err(error) => {
            let step = PLAN[0].step(Outcome::Failed(error.to_string()));
            return Report {
                transfer: None,
                steps: vec![step],
                grade: None,
                unproven: Vec::new(),
            };
        }
    };
    let mut facts = Facts {
        bundle: &bundle,
        policy,
        previous,
        checkpoint: None,
        leaves: Vec::new(),
        unproven: Vec::new(),
        grade: Grade::A,
    };
    let mut steps = Vec::new();
    for plan in &PLAN {
        let outcome = match (plan.check)(&mut facts) {
            Ok(Some(detail)) => Outcome::Passed(detail),
            Ok(None) => Outcome::NotApplicable,
            Err(reason) => Outcome::Failed(reason),
        };
        let stop = matches!(outcome, Outcome::Failed(_));
        steps.push(plan.step(outcome));
        if stop {
            break;
        }
    }
    let mut report = Report {
        transfer: Some(bundle.manifest.transfer),
        steps,
        grade: None,
        unproven: Vec::new(),
    };
    if report.passed() {
        facts.always_unproven();
        report.grade = Some(facts.grade);
        report.unproven = facts.unproven;
    }
    report
}

impl Plan {
    fn step(&self, outcome: Outcome) -> Step {
        Step {
            name: self.name,
            proves: self.proves,
            anchor: self.anchor,
            tool: self.tool,
            outcome,
        }
    }
}

impl Facts<'_> {
    fn checkpoint(&self) -> Result<&Checkpoint, String> {
        self.checkpoint
            .as_ref()
            .ok_or_else(|| "there is no checkpoint".into())
    }

    fn leaf(&self, kind: &str) -> Option<&(u64, Leaf)> {
        self.leaves.iter().find(|(_, leaf)| leaf.kind() == kind)
    }

    fn is_outbound(&self) -> bool {
        self.bundle.manifest.kind == BundleKind::Outbound
    }

    /// The one route of the bundle; the step `story` made sure that there is only one.
    fn route(&self) -> Result<RouteView<'_>, String> {
        match self.leaf("ROUTE") {
            Some((_, Leaf::Route { route, .. })) => RouteView::of(route),
            Some(_) | None => Err("there is no ROUTE leaf".into()),
        }
    }

    /// What no bundle can prove.
    fn always_unproven(&mut self) {
        let mut open = vec![
            "that no other leaf of the log is about these units: recompute the reserves from all leaves",
            "that everybody is shown the same log: compare the checkpoint with another auditor's",
        ];
        if self.previous.is_none() {
            open.push(
                "that the log only grew since your last audit: no previous checkpoint was given",
            );
        }
        if self.leaf("RELEASED").is_some() {
            open.push("that the receiving account is the one the burner committed to: ask for the instruction and hash it");
        }
        self.unproven.extend(open.into_iter().map(str::to_owned));
    }
}
