//! The offline verifier of proof bundles: step by step, with keys from the auditor's policy only, saying for each step what it
//! proves, on which trust anchor, and which independent tool can repeat it.

mod authority;
mod evidence;
mod log;

use alloy_primitives::B256;
use serde::Serialize;

use crate::bundle::{Bundle, BundleKind, sha256};
use crate::leaf::Leaf;
use crate::note::Checkpoint;
use crate::policy::Policy;

/// One step's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name, stable.
    pub name: &'static str,
    /// What it proves if it passes.
    pub proves: &'static str,
    /// What one must trust for that.
    pub anchor: &'static str,
    /// Who else can check it.
    pub tool: &'static str,
    /// What came out.
    pub outcome: Outcome,
}

/// What came out of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "detail", rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Passed(String),
    /// It does not; later steps are not tried.
    Failed(String),
    /// The bundle's kind of transfer has nothing to check here.
    NotApplicable,
}

/// The verdict with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The transfer that the bundle says it is about.
    pub transfer: Option<B256>,
    /// Steps in order, up to the first that failed.
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether every step held.
    pub fn passed(&self) -> bool {
        !self.steps.is_empty() && self.failed().is_none()
    }

    /// The step that failed.
    pub fn failed(&self) -> Option<&Step> {
        self.steps
            .iter()
            .find(|step| matches!(step.outcome, Outcome::Failed(_)))
    }
}

/// What the steps establish for the later ones.
#[derive(Debug)]
struct Facts<'a> {
    bundle: &'a Bundle,
    policy: &'a Policy,
    previous: Option<&'a Checkpoint>,
    checkpoint: Option<Checkpoint>,
    leaves: Vec<(u64, Leaf)>,
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
        check: manifest,
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
        proves: "every leaf is in the log",
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
        check: log::story,
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
        proves: "the registry moved exactly these units",
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
        proves: "the gate recorded it once, in a block with this header",
        anchor: "your own node or explorer for the block hash",
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
            };
        }
    };
    let mut facts = Facts {
        bundle: &bundle,
        policy,
        previous,
        checkpoint: None,
        leaves: Vec::new(),
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
    Report {
        transfer: Some(bundle.manifest.transfer),
        steps,
    }
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
}

fn manifest(facts: &mut Facts<'_>) -> Result<Option<String>, String> {
    let bundle = facts.bundle;
    if bundle.manifest.v != 1 {
        return Err(format!("bundle version {} is not known", bundle.manifest.v));
    }
    let listed: Vec<_> = bundle
        .manifest
        .files
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let present: Vec<_> = bundle.files.keys().map(String::as_str).collect();
    if listed != present {
        let odd = present
            .iter()
            .find(|path| !listed.contains(path))
            .or_else(|| listed.iter().find(|path| !present.contains(path)));
        return Err(format!(
            "the manifest does not list exactly the files: {}",
            odd.copied().unwrap_or("out of order")
        ));
    }
    for entry in &bundle.manifest.files {
        let bytes = bundle
            .files
            .get(&entry.path)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if sha256(bytes) != entry.sha256 || u64::try_from(bytes.len()) != Ok(entry.size) {
            return Err(format!(
                "{} does not have the hash and size in the manifest",
                entry.path
            ));
        }
    }
    Ok(Some(format!("{} files", present.len())))
}
