//! A proposal at a registry: what the relayer wants to move out of custody, compared with what may move.

use isthmus_core::id::{AccountId, Hash32};
use isthmus_core::instruction::Instruction;
use isthmus_core::jcs;
use isthmus_prooflog::leaf::jcs_digest;
use isthmus_prooflog::serial::{self, Block};
use serde::{Deserialize, Serialize};

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::ports::Record;

/// A proposal as the registry has it (`docs/protocol.md` §6). A field that is not known here is a reason not to approve.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    reference: String,
    movement: String,
    custody_account: String,
    units: Vec<String>,
    #[serde(default)]
    to_account: Option<String>,
    #[serde(default)]
    beneficiary: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// What may be done with the units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Back to the account whose lock was voided.
    Unlock(AccountId),
    /// Into the account that the burner named.
    Release(AccountId),
    /// A deposit back to its sender.
    Return(AccountId),
    /// Used up, for whom and why the burner named.
    Retire {
        /// On whose behalf.
        beneficiary: String,
        /// Why.
        reason: String,
    },
}

impl From<Instruction> for Movement {
    fn from(instruction: Instruction) -> Self {
        match instruction {
            Instruction::Release { account, .. } => Self::Release(account),
            Instruction::Retire {
                beneficiary,
                reason,
                ..
            } => Self::Retire {
                beneficiary,
                reason,
            },
        }
    }
}

/// The only proposal that may be approved under a reference.
#[derive(Clone, Debug)]
pub struct Rightful<'a> {
    /// The registry's reference.
    pub reference: &'a str,
    /// Where the units lie.
    pub custody_account: &'a AccountId,
    /// Which units, in any order and cut.
    pub units: &'a [Block],
    /// What becomes of them.
    pub movement: Movement,
}

/// A proposal that may be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// What an approval quotes.
    pub digest: Hash32,
    /// What it would do, whatever the order and the cuts of its units.
    pub effect: Hash32,
}

/// What to approve, if what is proposed is exactly what is rightful. The digest is recomputed from the content: an
/// approval quotes it, so the registry can execute nothing else under it.
pub fn check(record: &Record, rightful: &Rightful<'_>) -> Result<Allowed, Decline> {
    let (digest, content) = match record {
        Record::Proposed { digest, proposal } => (*digest, proposal),
        Record::Absent => {
            let reason = format!("nothing is proposed under {}", rightful.reference);
            return Err(Decline::new(Ground::NotProposed, reason));
        }
        Record::Refused(refusal) => {
            return Err(Decline::new(Ground::ProposalRefused, refusal.to_string()));
        }
        Record::Executed { .. } => {
            let reason = format!("the registry has executed {}", rightful.reference);
            return Err(Decline::new(Ground::Done, reason));
        }
    };
    let computed = Hash32::new(jcs_digest(content).0);
    require(computed == digest, Ground::BadDigest, || {
        format!("the registry says {digest}, the content hashes to {computed}")
    })?;
    let proposal: Proposal = serde_json::from_value(content.clone())
        .map_err(|error| Decline::new(Ground::OtherProposal, error.to_string()))?;
    let units = compare(&proposal, rightful)?;
    let effect = Hash32::new(jcs::digest(&Proposal { units, ..proposal }));
    Ok(Allowed { digest, effect })
}

/// That it is what is rightful; answers with its units in one order and cut.
fn compare(proposal: &Proposal, rightful: &Rightful<'_>) -> Result<Vec<String>, Decline> {
    let other = |error: serial::MalformedSerial| {
        Decline::new(Ground::OtherProposal, format!("units: {error}"))
    };
    let serials: Vec<String> = rightful.units.iter().map(ToString::to_string).collect();
    let rightful_units = serial::normalise(&serials).map_err(other)?;
    let units = serial::normalise(&proposal.units).map_err(other)? == rightful_units;
    let (movement, to_account, beneficiary, reason) = match &rightful.movement {
        Movement::Unlock(account) => ("unlock", Some(account.as_str()), None, None),
        Movement::Release(account) => ("release", Some(account.as_str()), None, None),
        Movement::Return(account) => ("return", Some(account.as_str()), None, None),
        Movement::Retire {
            beneficiary,
            reason,
        } => (
            "retire",
            None,
            Some(beneficiary.as_str()),
            Some(reason.as_str()),
        ),
    };
    let custody_account = rightful.custody_account.as_str();
    let same = [
        ("reference", proposal.reference == rightful.reference),
        ("movement", proposal.movement == movement),
        (
            "custody_account",
            proposal.custody_account == custody_account,
        ),
        ("units", units),
        ("to_account", proposal.to_account.as_deref() == to_account),
        (
            "beneficiary",
            proposal.beneficiary.as_deref() == beneficiary,
        ),
        ("reason", proposal.reason.as_deref() == reason),
    ];
    for (field, holds) in same {
        require(holds, Ground::OtherProposal, || {
            format!("the proposal's {field} is not the rightful one")
        })?;
    }
    Ok(rightful_units.iter().map(ToString::to_string).collect())
}
