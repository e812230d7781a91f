//! Which instruction counts for a burn: the burn's own, or the burner's last redirection. A redirection is verified here against
//! the gate's own burn, and once one is approved after, an earlier one never is again.

use alloy::primitives::{Address as EvmAddress, B256};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_core::terms::Burn;
use isthmus_prooflog::book::RedirectStory;
use isthmus_prooflog::leaf;

use crate::attester::decline::{Decline, Ground, require};

/// The instruction's place among the burner's: 0 is the burn's own.
pub type Counter = u64;

/// That `instruction` is what the burner wants by what the log says, and which of the burner's instructions it is.
pub fn check(
    burn: &Burn,
    redirected: Option<&RedirectStory>,
    instruction: &Instruction,
) -> Result<Counter, Decline> {
    let other = |error: isthmus_core::instruction::InstructionError| {
        Decline::new(Ground::OtherInstruction, error.to_string())
    };
    let Some(story) = redirected else {
        instruction
            .check(burn.purpose, burn.commitment)
            .map_err(other)?;
        return Ok(0);
    };
    let wanted = story.redirection;
    let gate = EvmAddress::from(*burn.gate.as_bytes());
    let holder = EvmAddress::from(*burn.holder.as_bytes());
    let signed = wanted.burn == B256::from(*burn.id().as_bytes())
        && wanted.is_signed(burn.chain_id, gate, holder, &story.signature);
    require(signed, Ground::OtherInstruction, || {
        format!(
            "the redirection {} is not signed by who burned",
            wanted.counter
        )
    })?;
    let purpose = match wanted.purpose {
        leaf::Purpose::Release => Purpose::Release,
        leaf::Purpose::Retire => Purpose::Retire,
    };
    let commitment = isthmus_core::id::Hash32::new(wanted.commitment.0);
    instruction.check(purpose, commitment).map_err(other)?;
    Ok(wanted.counter)
}
