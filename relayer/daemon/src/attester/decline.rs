//! Why an attester does not sign: a stable code, whether it may sign later, and a reason for people.

use std::fmt;

use isthmus_core::receipt::{Lasting, Refusal};

/// The rule that was not met. One rule, one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The task is not one that can be read.
    Malformed,
    /// The ledger or gate is not one of this attester's.
    ForeignLedger,
    /// The log is not followed as far as the batch names, or the batch names the empty log.
    LogBehind,
    /// The batch names another log than the one followed.
    OtherLog,
    /// The batch is for a signer set that is not in force.
    OtherEpoch,
    /// This attester's key is not in the signer set.
    NotMember,
    /// The deadline has passed.
    DeadlinePassed,
    /// The deadline is too far away.
    DeadlineTooFar,
    /// No `LOCKED` or `BURNED` leaf in the part of the log that counts.
    NotLogged,
    /// The log says that it came to an end already.
    Ended,
    /// The terms in the log cannot be read, or do not hash to the transfer's id.
    BadTerms,
    /// The item says something else than the terms.
    NotTheTerms,
    /// The route is not in the log in a form that can be read.
    NoRoute,
    /// Fewer than two of this attester's route admins signed the route.
    RouteUnsigned,
    /// The transfer is in another pool than its route's.
    OtherPool,
    /// The route's policy says no.
    Policy(Lasting),
    /// The registry has no executed lock under the transfer's id.
    NotLocked,
    /// The registry's receipt is not signed by the configured key, or is not a receipt.
    BadReceipt,
    /// The receipt is about something else than the terms.
    OtherLock,
    /// The account's holder has not signed this transfer.
    NoMandate,
    /// The units no longer lie locked in custody.
    NotInCustody,
    /// The registry states another class for the units.
    OtherClass,
    /// The gate has minted it.
    Minted,
    /// The gate has voided it.
    Voided,
    /// The gate has not said `Voided` at a final block.
    NotVoided,
    /// Custody does not cover what circulates and what may still be minted.
    ReservesShort,
    /// More circulates than the log followed here accounts for.
    UnloggedSupply,
    /// This attester has signed that it may never be minted.
    PromisedVoid,
    /// This attester has promised something else for it.
    PromisedOtherwise,
    /// The gate has no such burn at a final block.
    NotBurned,
    /// The gate's burn is not the one in the log.
    OtherBurn,
    /// The instruction is not the one that the burn committed to.
    OtherInstruction,
    /// Nothing is proposed under the reference.
    NotProposed,
    /// The registry has refused the proposal.
    ProposalRefused,
    /// The registry has done it already.
    Done,
    /// This attester has seen a later instruction of the burner.
    OldInstruction,
    /// The route does not redeem for this.
    NotRedeemable,
    /// Units of the pool are missing.
    Impaired,
    /// The proposal's digest is not its content's.
    BadDigest,
    /// The proposal is not what the log and the instruction say. This one never, but a later one under its reference may be.
    OtherProposal,
    /// This attester has approved another proposal under the reference, and has not seen that one closed.
    OtherApproved,
}

impl Ground {
    /// The stable code in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::ForeignLedger => "foreign_ledger",
            Self::LogBehind => "log_behind",
            Self::OtherLog => "other_log",
            Self::OtherEpoch => "other_epoch",
            Self::NotMember => "not_member",
            Self::DeadlinePassed => "deadline_passed",
            Self::DeadlineTooFar => "deadline_too_far",
            Self::NotLogged => "not_logged",
            Self::Ended => "ended",
            Self::BadTerms => "bad_terms",
            Self::NotTheTerms => "not_the_terms",
            Self::NoRoute => "no_route",
            Self::RouteUnsigned => "route_unsigned",
            Self::OtherPool => "other_pool",
            Self::Policy(_) => "policy",
            Self::NotLocked => "not_locked",
            Self::BadReceipt => "bad_receipt",
            Self::OtherLock => "other_lock",
            Self::NoMandate => "no_mandate",
            Self::NotInCustody => "not_in_custody",
            Self::OtherClass => "other_class",
            Self::Minted => "minted",
            Self::Voided => "voided",
            Self::NotVoided => "not_voided",
            Self::ReservesShort => "reserves_short",
            Self::UnloggedSupply => "unlogged_supply",
            Self::PromisedVoid => "promised_void",
            Self::PromisedOtherwise => "promised_otherwise",
            Self::NotBurned => "not_burned",
            Self::OtherBurn => "other_burn",
            Self::OtherInstruction => "other_instruction",
            Self::NotProposed => "not_proposed",
            Self::ProposalRefused => "proposal_refused",
            Self::Done => "done",
            Self::OldInstruction => "old_instruction",
            Self::NotRedeemable => "not_redeemable",
            Self::Impaired => "impaired",
            Self::BadDigest => "bad_digest",
            Self::OtherProposal => "other_proposal",
            Self::OtherApproved => "other_approved",
        }
    }

    /// Whether the same item may be signed later. What is about the batch, the moment or a read that may be stale passes;
    /// what follows from facts that never change does not.
    pub fn lasting(self) -> Lasting {
        match self {
            Self::Policy(lasting) => lasting,
            Self::LogBehind
            | Self::OtherLog
            | Self::OtherEpoch
            | Self::NotMember
            | Self::DeadlinePassed
            | Self::DeadlineTooFar
            | Self::NotLogged
            | Self::NoRoute
            | Self::RouteUnsigned
            | Self::NotLocked
            | Self::NotInCustody
            | Self::NotVoided
            | Self::ReservesShort
            | Self::NotRedeemable
            | Self::Impaired
            | Self::UnloggedSupply
            | Self::NotBurned
            | Self::NotProposed
            | Self::ProposalRefused
            | Self::OtherApproved
            | Self::OtherProposal
            | Self::Done => Lasting::Later,
            Self::Malformed
            | Self::ForeignLedger
            | Self::Ended
            | Self::BadTerms
            | Self::NotTheTerms
            | Self::OtherPool
            | Self::BadReceipt
            | Self::OtherLock
            | Self::NoMandate
            | Self::OtherClass
            | Self::Minted
            | Self::Voided
            | Self::PromisedVoid
            | Self::PromisedOtherwise
            | Self::OtherBurn
            | Self::OtherInstruction
            | Self::OldInstruction
            | Self::BadDigest => Lasting::Never,
        }
    }
}

/// An attester's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Which rule.
    pub ground: Ground,
    /// What was found, for people.
    pub reason: String,
}

impl Decline {
    /// A no with its reason.
    pub fn new(ground: Ground, reason: impl Into<String>) -> Self {
        Self {
            ground,
            reason: reason.into(),
        }
    }

    /// A no that policy gave.
    pub fn policy(refusal: &Refusal) -> Self {
        Self::new(Ground::Policy(refusal.lasting), refusal.to_string())
    }
}

impl fmt::Display for Decline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.ground.code(), self.reason)
    }
}

/// `Ok` if `holds`, else the decline.
pub(crate) fn require<R: Into<String>>(
    holds: bool,
    ground: Ground,
    reason: impl FnOnce() -> R,
) -> Result<(), Decline> {
    if holds {
        Ok(())
    } else {
        Err(Decline::new(ground, reason()))
    }
}
