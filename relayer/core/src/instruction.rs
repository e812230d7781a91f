//! Instruction: what a burner wants at the origin. On chain and in the log only its salted commitment appears.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Hash32};
use crate::jcs;

/// Longest beneficiary or reason, in bytes.
pub const MAX_TEXT: usize = 512;

/// What becomes of the originals of a burn (`docs/protocol.md` §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "lowercase", deny_unknown_fields)]
pub enum Instruction {
    /// Give them back into an account at the origin.
    Release {
        /// The receiving account.
        account: AccountId,
        /// 32 random bytes, so that the commitment cannot be guessed.
        salt: Hash32,
        /// Version of this form: 1.
        v: u8,
    },
    /// Use them up for a claim.
    Retire {
        /// On whose behalf.
        beneficiary: String,
        /// Why.
        reason: String,
        /// 32 random bytes, so that the commitment cannot be guessed.
        salt: Hash32,
        /// Version of this form: 1.
        v: u8,
    },
}

/// What a burn was for, as the gate recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Give the originals back.
    Release,
    /// Use them up for a claim.
    Retire,
}

/// An instruction that cannot be accepted for a burn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstructionError {
    /// The burn committed to something else.
    #[error(
        "instruction: its commitment is {found} but the burn committed to {expected}: hand in exactly the instruction, salt included, that was burned for"
    )]
    WrongCommitment {
        /// The burn's.
        expected: Hash32,
        /// The instruction's.
        found: Hash32,
    },
    /// The purposes differ.
    #[error("instruction: its purpose is {found:?} but the burn's is {expected:?}")]
    WrongPurpose {
        /// The burn's.
        expected: Purpose,
        /// The instruction's.
        found: Purpose,
    },
    /// A text is empty or too long.
    #[error("instruction.{field}: {length} bytes, expected 1 to {MAX_TEXT}")]
    BadText {
        /// Which field.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
}

impl Instruction {
    /// What the burn must commit to.
    pub fn commitment(&self) -> Hash32 {
        Hash32::new(jcs::digest(self))
    }

    /// What the burn must have been for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Release { .. } => Purpose::Release,
            Self::Retire { .. } => Purpose::Retire,
        }
    }

    /// Whether this is what the burn committed to.
    pub fn check(&self, purpose: Purpose, commitment: Hash32) -> Result<(), InstructionError> {
        if self.purpose() != purpose {
            return Err(InstructionError::WrongPurpose {
                expected: purpose,
                found: self.purpose(),
            });
        }
        if self.commitment() != commitment {
            return Err(InstructionError::WrongCommitment {
                expected: commitment,
                found: self.commitment(),
            });
        }
        self.well_formed()
    }

    /// Whether its texts have a length that registries take.
    pub fn well_formed(&self) -> Result<(), InstructionError> {
        if let Self::Retire {
            beneficiary,
            reason,
            ..
        } = self
        {
            for (field, text) in [("beneficiary", beneficiary), ("reason", reason)] {
                if text.is_empty() || text.len() > MAX_TEXT {
                    return Err(InstructionError::BadText {
                        field,
                        length: text.len(),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commitment_binds_every_field() {
        let salt = Hash32::new([7; 32]);
        let retire = Instruction::Retire {
            beneficiary: "Acme Ltd".into(),
            reason: "2025".into(),
            salt,
            v: 1,
        };
        assert!(retire.check(Purpose::Retire, retire.commitment()).is_ok());
        let other = Instruction::Retire {
            beneficiary: "Evil Ltd".into(),
            reason: "2025".into(),
            salt,
            v: 1,
        };
        assert!(matches!(
            other.check(Purpose::Retire, retire.commitment()),
            Err(InstructionError::WrongCommitment { .. })
        ));
        assert!(matches!(
            retire.check(Purpose::Release, retire.commitment()),
            Err(InstructionError::WrongPurpose { .. })
        ));
    }
}
