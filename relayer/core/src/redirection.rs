//! Redirection: what a burner wants instead of the burn's own instruction, because the registry refuses that for ever or the
//! route does not allow it. Signed with the burning key (`docs/protocol.md` §4); the counter rises, so that of several the last
//! one counts.

use crate::instruction::Instruction;

/// Bytes of a signature: r ‖ s ‖ v.
pub const SIGNATURE_BYTES: usize = 65;

/// A new instruction for a burn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redirection {
    /// Above that of every earlier one; the first is 1 or more.
    pub counter: u64,
    /// What is wanted now. It may have another purpose than the burn.
    pub instruction: Instruction,
    /// The burner's, EIP-712, 65 bytes. Verified at admission and by every attester, not here.
    pub signature: Vec<u8>,
}
