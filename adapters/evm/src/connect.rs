//! Connecting: nothing is asked of a chain before it has shown that it is the configured one and has the gate.

use std::time::Duration;

use alloy::primitives::Address;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use isthmus_core::id::LedgerId;

use crate::chain::{Chain, ChainSettings};
use crate::config::{ConfigError, EvmConfig};
use crate::contract::{Gate, evm_address};
use crate::node::Node;

/// Why a chain cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client could not be made.
    #[error("the HTTP client for ledger {ledger} could not be made")]
    Client {
        /// Which ledger.
        ledger: LedgerId,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// Try again later.
    #[error(
        "node {url} of ledger {ledger} did not answer {question}: is it running, and is rpc_urls right?"
    )]
    Unreachable {
        /// Which ledger.
        ledger: LedgerId,
        /// Which node.
        url: String,
        /// What was asked.
        question: &'static str,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The endpoint belongs to another chain.
    #[error(
        "node {url} serves chain id {found}, but ledger {ledger} has {expected}: correct rpc_urls or the ledger's id"
    )]
    WrongChain {
        /// Which ledger.
        ledger: LedgerId,
        /// Which node.
        url: String,
        /// Of the configuration.
        expected: u64,
        /// Of the node.
        found: u64,
    },
    /// Nothing is deployed at the gate's address.
    #[error(
        "ledger {ledger} has no contract at gate {gate} (node {url}): correct the gate's address, or deploy it first"
    )]
    NoGate {
        /// Which ledger.
        ledger: LedgerId,
        /// Which node.
        url: String,
        /// The address without code.
        gate: Address,
    },
    /// Something else is deployed there.
    #[error(
        "the contract at {gate} on ledger {ledger} is no gate, it does not answer {question}: correct the gate's address"
    )]
    NotAGate {
        /// Which ledger.
        ledger: LedgerId,
        /// The contract.
        gate: Address,
        /// What it could not answer.
        question: &'static str,
    },
}

/// Opens a chain. Returns it with the address of its carbon units.
pub(crate) async fn open(config: &EvmConfig) -> Result<(Chain, Address), ConnectError> {
    let id = config.chain_id()?;
    let timeout = Duration::from_millis(config.request_timeout_ms);
    let client = reqwest::Client::builder()
        .timeout(timeout)
        .build()
        .map_err(|source| ConnectError::Client {
            ledger: config.ledger.clone(),
            source,
        })?;
    let gate = evm_address(config.gate);
    let mut nodes = Vec::new();
    for url in &config.rpc_urls {
        let node = node(config, &client, url)?;
        check_node(&node, &config.ledger, id, gate).await?;
        nodes.push(node);
    }
    let mut nodes = nodes.into_iter();
    let first = nodes
        .next()
        .ok_or_else(|| ConfigError::NoEndpoint(config.ledger.clone()))?;
    let units = ask(&first, config, &Gate::unitsCall {}).await?;
    let settings = ChainSettings {
        ledger: config.ledger.clone(),
        id,
        gate,
        gate_height: config.gate_height,
        log_range_limit: config.log_range_limit.get(),
        block_time_ms: config.block_time_ms,
        finality: config.finality,
    };
    Ok((Chain::new(settings, first, nodes.collect()), units))
}

fn node(config: &EvmConfig, client: &reqwest::Client, url: &str) -> Result<Node, ConfigError> {
    let parsed: reqwest::Url = url.parse().map_err(|_| ConfigError::BadUrl {
        ledger: config.ledger.clone(),
        url: url.into(),
    })?;
    Ok(Node {
        // Paths and queries of hosted nodes hold API keys, which must not reach errors and logs.
        url: parsed.origin().ascii_serialization(),
        rpc: ProviderBuilder::default().connect_reqwest(client.clone(), parsed),
    })
}

/// The node serves the right chain, and the gate is on it.
pub(crate) async fn check_node(
    node: &Node,
    ledger: &LedgerId,
    expected: u64,
    gate: Address,
) -> Result<(), ConnectError> {
    let unreachable = |question| {
        move |source| ConnectError::Unreachable {
            ledger: ledger.clone(),
            url: node.url.clone(),
            question,
            source,
        }
    };
    let found = node
        .rpc
        .get_chain_id()
        .await
        .map_err(unreachable("eth_chainId"))?;
    if found != expected {
        return Err(ConnectError::WrongChain {
            ledger: ledger.clone(),
            url: node.url.clone(),
            expected,
            found,
        });
    }
    let code = node
        .rpc
        .get_code_at(gate)
        .await
        .map_err(unreachable("eth_getCode"))?;
    if code.is_empty() {
        return Err(ConnectError::NoGate {
            ledger: ledger.clone(),
            url: node.url.clone(),
            gate,
        });
    }
    Ok(())
}

async fn ask<C: SolCall>(
    node: &Node,
    config: &EvmConfig,
    call: &C,
) -> Result<C::Return, ConnectError> {
    let gate = evm_address(config.gate);
    let not_a_gate = || ConnectError::NotAGate {
        ledger: config.ledger.clone(),
        gate,
        question: C::SIGNATURE,
    };
    let request = TransactionRequest::default()
        .to(gate)
        .input(call.abi_encode().into());
    match node.rpc.call(request).latest().await {
        Ok(bytes) => C::abi_decode_returns(&bytes).map_err(|_| not_a_gate()),
        // The node answered, the contract did not: it has no such function.
        Err(error) if error.as_error_resp().is_some() => Err(not_a_gate()),
        Err(source) => Err(ConnectError::Unreachable {
            ledger: config.ledger.clone(),
            url: node.url.clone(),
            question: C::SIGNATURE,
            source,
        }),
    }
}
