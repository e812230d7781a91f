//! Deploys a gate from the artifact that `contracts/` builds: for the devnet and the tests. A real gate is deployed once, by
//! its admin.

use std::time::Duration;

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Bytes, TxHash, U256, hex};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolValue;
use alloy::transports::{RpcError, TransportError};
use isthmus_core::id::Address;
use isthmus_core::quantity::Quantity;
use serde::Deserialize;

use crate::contract::{core_address, error_text, evm_address};
use crate::key::SigningKey;

const ARTIFACT: &str = include_str!("../../../contracts/artifacts/Gate.json");

/// How often, and how many times, the deployment's receipt is asked for.
const POLL: Duration = Duration::from_millis(100);
const POLLS: u32 = 600;

/// What the constructor is told.
#[derive(Clone, Debug)]
pub struct GateParameters {
    /// Sets caps and unpauses.
    pub admin: Address,
    /// Pauses.
    pub guardian: Address,
    /// The attesters of epoch 1.
    pub signers: Vec<Address>,
    /// How many of them must sign.
    pub threshold: u8,
    /// Burns are whole multiples of it: the origin's granularity.
    pub redemption_step: Quantity,
    /// Most that may circulate of a class without a cap of its own.
    pub default_cap: Quantity,
    /// Seconds until a new signer set is in force, in which a stolen quorum would be noticed: at most 30 days.
    pub rotation_delay_s: u32,
    /// Seconds for which the set before still counts, so that nothing under way is lost: at most 24 hours.
    pub rotation_grace_s: u32,
}

/// What a gate should be given that nobody watches around the clock: two days.
pub const ROTATION_DELAY_S: u32 = 48 * 3_600;
/// What is under way lands within minutes; an hour leaves room for a node that is down.
pub const ROTATION_GRACE_S: u32 = 3_600;

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Not a URL.
    #[error("rpc url {0:?} is not a URL: write it like http://127.0.0.1:8545")]
    BadUrl(String),
    /// The built-in artifact is damaged.
    #[error("the gate's artifact is malformed: rebuild contracts/")]
    Artifact(#[source] serde_json::Error),
    /// The node failed. The deployment may have happened.
    #[error("the node did not answer {question}")]
    Node {
        /// What was asked.
        question: &'static str,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The constructor refuses; nothing was sent.
    #[error("no gate can be made of these parameters: {0}")]
    Refused(String),
    /// The constructor refused in a block, or its gas ran out.
    #[error("deployment {0} failed: does the deployer's account have the funds?")]
    Reverted(TxHash),
    /// Nobody mined it.
    #[error("deployment {0} is in no block after a minute: does the node make blocks?")]
    NotIncluded(TxHash),
}

#[derive(Deserialize)]
struct Artifact {
    bytecode: String,
}

/// Deploys a gate with its carbon units; returns its address once it is in a block.
pub async fn deploy_gate(
    rpc_url: &str,
    deployer: &SigningKey,
    parameters: &GateParameters,
) -> Result<Address, DeployError> {
    let url = rpc_url
        .parse()
        .map_err(|_| DeployError::BadUrl(rpc_url.into()))?;
    let provider = ProviderBuilder::new()
        .wallet(EthereumWallet::from(deployer.signer().clone()))
        .connect_http(url);
    let request = TransactionRequest::default().with_deploy_code(code(parameters)?);
    let pending = provider.send_transaction(request).await;
    if let Err(RpcError::ErrorResp(refusal)) = &pending
        && let Some(data) = refusal.as_revert_data()
    {
        return Err(DeployError::Refused(error_text(&data)));
    }
    let hash = *answered("eth_sendRawTransaction", pending)?.tx_hash();
    for _ in 0..POLLS {
        let receipt = provider.get_transaction_receipt(hash).await;
        match answered("eth_getTransactionReceipt", receipt)? {
            Some(receipt) if receipt.status() => {
                return receipt
                    .contract_address
                    .map(core_address)
                    .ok_or(DeployError::Reverted(hash));
            }
            Some(_) => return Err(DeployError::Reverted(hash)),
            None => tokio::time::sleep(POLL).await,
        }
    }
    Err(DeployError::NotIncluded(hash))
}

fn answered<T>(
    question: &'static str,
    answer: Result<T, TransportError>,
) -> Result<T, DeployError> {
    answer.map_err(|source| DeployError::Node { question, source })
}

/// The contract's code followed by the constructor's arguments.
fn code(parameters: &GateParameters) -> Result<Bytes, DeployError> {
    let artifact: Artifact = serde_json::from_str(ARTIFACT).map_err(DeployError::Artifact)?;
    let mut code = hex::decode(&artifact.bytecode).map_err(|error| {
        DeployError::Artifact(serde::de::Error::custom(format!("bytecode: {error}")))
    })?;
    let signers: Vec<_> = parameters
        .signers
        .iter()
        .copied()
        .map(evm_address)
        .collect();
    let arguments = (
        evm_address(parameters.admin),
        evm_address(parameters.guardian),
        signers,
        U256::from(parameters.threshold),
        U256::from(parameters.redemption_step.grams()),
        U256::from(parameters.default_cap.grams()),
        U256::from(parameters.rotation_delay_s),
        U256::from(parameters.rotation_grace_s),
    );
    code.extend(arguments.abi_encode_params());
    Ok(code.into())
}
