//! Connecting: nothing is asked of a chain before it has shown that it is the configured one and has the gate.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use alloy::transports::http::Http;
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
    /// The endpoint has the right id and another history: a private copy, or a chain that was started anew.
    #[error(
        "node {url} of ledger {ledger} begins with block {found}, the others with {expected}: correct rpc_urls"
    )]
    OtherGenesis {
        /// Which ledger.
        ledger: LedgerId,
        /// Which node.
        url: String,
        /// Block 0 of the others.
        expected: B256,
        /// Block 0 of this node.
        found: B256,
    },
    /// Two endpoints call different contracts the gate's units.
    #[error("the endpoints of ledger {ledger} disagree about {question}: correct rpc_urls")]
    Disagree {
        /// Which ledger.
        ledger: LedgerId,
        /// What was asked.
        question: &'static str,
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

/// What every endpoint must serve.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) ledger: LedgerId,
    pub(crate) chain_id: u64,
    pub(crate) gate: Address,
}

/// Opens a chain. Returns it with the address of its carbon units. An endpoint that does not answer is waited for unless the
/// others are enough.
pub(crate) async fn open(config: &EvmConfig) -> Result<(Chain, Address), ConnectError> {
    let timeout = Duration::from_millis(config.request_timeout_ms);
    let client = reqwest::Client::builder()
        .timeout(timeout)
        .build()
        .map_err(|source| ConnectError::Client {
            ledger: config.ledger.clone(),
            source,
        })?;
    let identity = Identity {
        ledger: config.ledger.clone(),
        chain_id: config.chain_id()?,
        gate: evm_address(config.gate),
    };
    let quorum = config.quorum()?;
    let (mut nodes, mut genesis, mut units, mut away) = (Vec::new(), None, None, None);
    for url in &config.rpc_urls {
        let node = node(config, &client, url)?;
        match check_node(&node, &identity, genesis).await {
            Ok(block) => {
                genesis = Some(block);
                let found = ask(&node, config, &Gate::unitsCall {}).await?;
                if *units.get_or_insert(found) != found {
                    return Err(ConnectError::Disagree {
                        ledger: config.ledger.clone(),
                        question: Gate::unitsCall::SIGNATURE,
                    });
                }
            }
            Err(error @ ConnectError::Unreachable { .. }) => {
                node.doubt();
                away = Some(error);
            }
            Err(error) => return Err(error),
        }
        nodes.push(node);
    }
    let known = nodes.iter().filter(|node| !node.is_suspect()).count();
    let (Some(genesis), Some(units), true) = (genesis, units, known >= quorum) else {
        return Err(away.unwrap_or_else(|| ConfigError::NoEndpoint(config.ledger.clone()).into()));
    };
    let settings = ChainSettings {
        identity,
        gate_height: config.gate_height,
        log_range_limit: config.log_range_limit.get(),
        block_time_ms: config.block_time_ms,
        finality: config.finality,
        stall_ms: config.stall_ms,
        quorum,
        genesis,
    };
    Ok((Chain::new(settings, nodes), units))
}

fn node(config: &EvmConfig, client: &reqwest::Client, url: &str) -> Result<Node, ConfigError> {
    let parsed: reqwest::Url = url.parse().map_err(|_| ConfigError::BadUrl {
        ledger: config.ledger.clone(),
        url: url.into(),
    })?;
    // Paths and queries of hosted nodes hold API keys, which must not reach errors and logs.
    let shown = parsed.origin().ascii_serialization();
    Ok(Node::new(shown, Http::with_client(client.clone(), parsed)))
}

/// The node serves the right chain, and the gate is on it. Returns the chain's first block.
pub(crate) async fn check_node(
    node: &Node,
    identity: &Identity,
    genesis: Option<B256>,
) -> Result<B256, ConnectError> {
    let (ledger, url) = (&identity.ledger, &node.url);
    let unreachable = |question| {
        move |source| ConnectError::Unreachable {
            ledger: ledger.clone(),
            url: url.clone(),
            question,
            source,
        }
    };
    let found = node.rpc.get_chain_id().await;
    let found = found.map_err(unreachable("eth_chainId"))?;
    if found != identity.chain_id {
        return Err(ConnectError::WrongChain {
            ledger: ledger.clone(),
            url: url.clone(),
            expected: identity.chain_id,
            found,
        });
    }
    let first = node.rpc.get_block_by_number(0.into()).await;
    let first = first.map_err(unreachable("eth_getBlockByNumber"))?;
    // A node may have pruned it; then only the others can tell.
    let found = first
        .map(|block| block.header.hash)
        .or(genesis)
        .unwrap_or_default();
    if let Some(expected) = genesis.filter(|genesis| *genesis != found) {
        return Err(ConnectError::OtherGenesis {
            ledger: ledger.clone(),
            url: url.clone(),
            expected,
            found,
        });
    }
    let code = node.rpc.get_code_at(identity.gate).await;
    let code = code.map_err(unreachable("eth_getCode"))?;
    if code.is_empty() {
        return Err(ConnectError::NoGate {
            ledger: ledger.clone(),
            url: url.clone(),
            gate: identity.gate,
        });
    }
    Ok(found)
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
