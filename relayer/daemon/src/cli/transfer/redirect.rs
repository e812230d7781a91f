//! `transfer redirect`: the burner's new instruction for what is owed. What is signed is computed here, from what the burner
//! knows of the burn, never taken from the relayer.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address as EvmAddress, B256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use isthmus_core::id::{Address, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_prooflog::redirect::Redirection;
use isthmus_prooflog::{gate, leaf};
use isthmus_proto::v1::{self, GetTransferRequest, RedirectRequest, redirect_request};

use super::{instruct, view};
use crate::cli::client::{Control, required};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::secret;

/// A burn and what becomes of it instead.
#[derive(Debug, Args)]
pub(crate) struct Redirect {
    /// The burn.
    #[arg(value_name = "BURN_ID")]
    id: TransferId,
    /// The new instruction, as `transfer instruction` wrote it.
    #[arg(long, value_name = "FILE")]
    instruction: PathBuf,
    /// Chain of the burn, the number in `eip155:<number>`.
    #[arg(long)]
    chain_id: u64,
    /// The gate that burned.
    #[arg(long)]
    gate: Address,
    /// The secret key that burned.
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
    /// Above that of every earlier redirection of this burn; one above the last if left out.
    #[arg(long)]
    counter: Option<u64>,
}

impl Redirect {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let instruction = instruct::read(&self.instruction)?;
        let key = read_key(&self.key)?;
        let mut transfers = control.connect().await?.transfers();
        let asked = GetTransferRequest {
            id: self.id.to_string(),
        };
        let known = transfers.get(asked).await?.into_inner().transfer;
        let known = required(known, "the transfer")?;
        self.is_of_the_gate(&known)?;
        let counter = match self.counter {
            Some(counter) => counter,
            None => known.redirections.saturating_add(1),
        };
        let request = RedirectRequest {
            id: self.id.to_string(),
            counter,
            signature: self.sign(&key, counter, &instruction)?.into(),
            instruction: Some(to_proto(instruction)),
        };
        let answer = transfers.redirect(request).await?.into_inner();
        view::show(&required(answer.transfer, "the transfer")?, &[], out)
    }

    /// A BurnId is of one gate: whoever signs for another one signs for nothing, or for another burn.
    fn is_of_the_gate(&self, known: &v1::Transfer) -> Result<(), Failure> {
        let gate = EvmAddress::from(*self.gate.as_bytes());
        let id = gate::burn_id(self.chain_id, gate, known.burn_number);
        if *self.id.as_bytes() == id.0 {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "--chain-id {} --gate {}: burn {} of this gate is not {}: give the chain and gate that burned",
            self.chain_id, self.gate, known.burn_number, self.id
        )))
    }

    fn sign(
        &self,
        key: &PrivateKeySigner,
        counter: u64,
        instruction: &Instruction,
    ) -> Result<Vec<u8>, Failure> {
        let wanted = Redirection {
            burn: B256::from(*self.id.as_bytes()),
            counter,
            purpose: match instruction.purpose() {
                Purpose::Release => leaf::Purpose::Release,
                Purpose::Retire => leaf::Purpose::Retire,
            },
            commitment: B256::from(*instruction.commitment().as_bytes()),
        };
        let digest = wanted.digest(self.chain_id, EvmAddress::from(*self.gate.as_bytes()));
        let signature = key.sign_hash_sync(&digest);
        let signature =
            signature.map_err(|error| Failure::Bug(format!("a key signs no digest: {error}")))?;
        Ok(signature.as_bytes().to_vec())
    }
}

fn read_key(path: &Path) -> Result<PrivateKeySigner, Failure> {
    let bytes = B256::from(secret::read(path)?);
    PrivateKeySigner::from_bytes(&bytes).map_err(|_| {
        Failure::Usage(format!(
            "key file {}: it is no secp256k1 key: give the key that burned",
            path.display()
        ))
    })
}

fn to_proto(instruction: Instruction) -> redirect_request::Instruction {
    match instruction {
        Instruction::Release { account, salt, .. } => {
            redirect_request::Instruction::Release(v1::ReleaseInstruction {
                account: account.to_string(),
                salt: salt.to_string(),
            })
        }
        Instruction::Retire {
            beneficiary,
            reason,
            salt,
            ..
        } => redirect_request::Instruction::Retire(v1::RetireInstruction {
            beneficiary,
            reason,
            salt: salt.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_the_burners_over_burn_counter_and_instruction() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "07".repeat(32)).unwrap();
        let gate_of = EvmAddress::repeat_byte(0x33);
        let command = Redirect {
            id: TransferId::new(gate::burn_id(31337, gate_of, 4).0),
            instruction: folder.path().join("unused"),
            chain_id: 31337,
            gate: Address::new([0x33; 20]),
            key: path.clone(),
            counter: None,
        };
        let key = read_key(&path).unwrap();
        let instruction = Instruction::Release {
            account: "1002".parse().unwrap(),
            salt: isthmus_core::id::Hash32::new([5; 32]),
            v: 1,
        };
        let signature = command.sign(&key, 2, &instruction).unwrap();
        let wanted = |counter| Redirection {
            burn: B256::from(*command.id.as_bytes()),
            counter,
            purpose: leaf::Purpose::Release,
            commitment: B256::from(*instruction.commitment().as_bytes()),
        };
        assert!(wanted(2).is_signed(31337, gate_of, key.address(), &signature));
        assert!(!wanted(3).is_signed(31337, gate_of, key.address(), &signature));
        assert!(!wanted(2).is_signed(1, gate_of, key.address(), &signature));
        let known = |burn_number| v1::Transfer {
            burn_number,
            ..v1::Transfer::default()
        };
        assert!(command.is_of_the_gate(&known(4)).is_ok());
        let other = command.is_of_the_gate(&known(5)).unwrap_err();
        assert_eq!(other.exit_code(), 2);
    }
}
