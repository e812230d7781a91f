//! What happens to units in custody besides transfers: the registry corrects its books, holders deposit units without a lock, and
//! burners redirect what is owed.

use alloy::primitives::{Address as EvmAddress, B256};
use alloy::signers::SignerSync as _;
use anyhow::Context as _;
use isthmus_core::id::TransferId;
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_prooflog::leaf;
use isthmus_prooflog::pro_rata;
use isthmus_prooflog::redirect::Redirection;
use isthmus_proto::v1::{self, redirect_request};

use crate::devnet::keys::{EdKey, EvmKey};
use crate::devnet::{CHAIN_ID, Devnet};

impl Devnet {
    /// What a burner signs to redirect a burn.
    pub fn sign_redirection(
        &self,
        wallet: &EvmKey,
        burn: TransferId,
        counter: u64,
        instruction: &Instruction,
    ) -> anyhow::Result<Vec<u8>> {
        let wanted = Redirection {
            burn: B256::from(*burn.as_bytes()),
            counter,
            purpose: match instruction.purpose() {
                Purpose::Release => leaf::Purpose::Release,
                Purpose::Retire => leaf::Purpose::Retire,
            },
            commitment: B256::from(*instruction.commitment().as_bytes()),
        };
        let gate = EvmAddress::from(*self.gate.as_bytes());
        let signature = wallet
            .signer()
            .sign_hash_sync(&wanted.digest(CHAIN_ID, gate))?;
        Ok(signature.as_bytes().to_vec())
    }

    /// Redirects a burn as `exchange-a`, signed by `wallet`.
    pub async fn redirect(
        &self,
        wallet: &EvmKey,
        burn: TransferId,
        counter: u64,
        instruction: &Instruction,
    ) -> anyhow::Result<v1::Transfer> {
        let signature = self.sign_redirection(wallet, burn, counter, instruction)?;
        let instruction = match instruction.clone() {
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
        };
        let request = v1::RedirectRequest {
            id: burn.to_string(),
            instruction: Some(instruction),
            counter,
            signature: signature.into(),
        };
        let control = self.control("exchange-a")?;
        let answer = control.transfers().redirect(request).await?;
        answer
            .into_inner()
            .transfer
            .context("a redirection answers with the transfer")
    }

    /// Impaired pools.
    pub async fn impairments(&self) -> anyhow::Result<Vec<v1::Impairment>> {
        let control = self.control("auditor")?;
        let answer = control
            .custody()
            .impairments(v1::ImpairmentsRequest {})
            .await?;
        Ok(answer.into_inner().impairments)
    }

    /// A route admin's signature under a decision, handed in as `caller`. True if it was carried out.
    pub async fn decide_pro_rata(
        &self,
        decision: &str,
        admin: &EdKey,
        caller: &str,
    ) -> anyhow::Result<bool> {
        let document = serde_json::from_str(decision)?;
        let request = v1::DecideProRataRequest {
            decision: decision.to_owned(),
            key: admin.public().to_string(),
            signature: admin
                .sign(pro_rata::message(&document).as_bytes())
                .to_vec()
                .into(),
        };
        let control = self.control(caller)?;
        let answer = control.custody().decide_pro_rata(request).await?;
        Ok(answer.into_inner().carried_out)
    }

    /// Deposits that no lock explains.
    pub async fn deposits(&self) -> anyhow::Result<Vec<v1::Deposit>> {
        let control = self.control("auditor")?;
        let answer = control.custody().deposits(v1::DepositsRequest {}).await?;
        Ok(answer.into_inner().deposits)
    }

    /// Has a deposit returned, as `caller`.
    pub async fn return_deposit(&self, id: &str, caller: &str) -> anyhow::Result<v1::Deposit> {
        let request = v1::ReturnDepositRequest { id: id.to_owned() };
        let control = self.control(caller)?;
        let answer = control.custody().return_deposit(request).await?;
        answer
            .into_inner()
            .deposit
            .context("a return answers with the deposit")
    }
}
