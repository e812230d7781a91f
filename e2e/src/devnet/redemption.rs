//! Returns as a holder makes them: an instruction, a burn that commits to it, the disclosure.

use anyhow::Context as _;
use isthmus_core::id::{AssetClassId, Hash32, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_proto::v1;
use isthmus_proto::v1::instruct_request;

use crate::devnet::Devnet;
use crate::devnet::control::Control;
use crate::devnet::keys::EvmKey;

/// A burn and the instruction that it committed to.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// The return's TransferId.
    pub id: TransferId,
    /// The gate's number for the burn.
    pub number: u64,
    /// The block that the burn is in.
    pub block: u64,
    /// What becomes of the originals.
    pub instruction: Instruction,
}

impl Devnet {
    /// Burns whole tonnes for an instruction; answers when the burn is in a block.
    pub async fn burn(
        &self,
        wallet: &EvmKey,
        class: AssetClassId,
        grams: u64,
        instruction: Instruction,
    ) -> anyhow::Result<Redemption> {
        let (purpose, commitment) = (instruction.purpose(), instruction.commitment());
        let burned = self
            .chain
            .burn(wallet, class, grams, purpose, commitment)
            .await?;
        Ok(Redemption {
            id: burned.id,
            number: burned.number,
            block: burned.block,
            instruction,
        })
    }

    /// Discloses an instruction as `exchange-a`. The relayer must have seen the burn final.
    pub async fn instruct(
        &self,
        id: TransferId,
        instruction: &Instruction,
    ) -> anyhow::Result<v1::Transfer> {
        self.control("exchange-a")?.instruct(id, instruction).await
    }
}

impl Control {
    /// Discloses an instruction. The relayer must have seen the burn final.
    pub async fn instruct(
        &self,
        id: TransferId,
        instruction: &Instruction,
    ) -> anyhow::Result<v1::Transfer> {
        let instruction = match instruction.clone() {
            Instruction::Release { account, salt, .. } => {
                instruct_request::Instruction::Release(v1::ReleaseInstruction {
                    account: account.to_string(),
                    salt: salt.to_string(),
                })
            }
            Instruction::Retire {
                beneficiary,
                reason,
                salt,
                ..
            } => instruct_request::Instruction::Retire(v1::RetireInstruction {
                beneficiary,
                reason,
                salt: salt.to_string(),
            }),
        };
        let request = v1::InstructRequest {
            id: id.to_string(),
            instruction: Some(instruction),
        };
        let answer = self.transfers().instruct(request).await?;
        answer
            .into_inner()
            .transfer
            .context("an instruction answers with the transfer")
    }
}

impl Redemption {
    /// Give the originals to an account.
    pub fn release_to(account: &str) -> anyhow::Result<Instruction> {
        Ok(Instruction::Release {
            account: account.parse()?,
            salt: Hash32::new(rand::random()),
            v: 1,
        })
    }

    /// Retire the originals.
    pub fn retire_for(beneficiary: &str, reason: &str) -> Instruction {
        Instruction::Retire {
            beneficiary: beneficiary.to_owned(),
            reason: reason.to_owned(),
            salt: Hash32::new(rand::random()),
            v: 1,
        }
    }
}
