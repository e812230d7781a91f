//! What an operator says about a chain: where it is, which gate, when a fact is final and what a transaction may cost.

use std::num::{NonZeroU64, NonZeroUsize};

use isthmus_core::id::{Address, LedgerId};

use crate::key::SigningKey;

/// One gate on one chain. Holds no secrets.
#[derive(Clone, Debug)]
pub struct EvmConfig {
    /// CAIP-2 id, `eip155:<chain id>`.
    pub ledger: LedgerId,
    /// JSON-RPC endpoints over http.
    pub rpc_urls: Vec<String>,
    /// How many of them must give the same answer to what decides anything; all, if not given. Two different answers about what
    /// is final are a contradiction in any case.
    pub rpc_quorum: Option<NonZeroUsize>,
    /// How long no new block may come before that is reported.
    pub stall_ms: u64,
    /// The gate contract.
    pub gate: Address,
    /// Block in which the gate was deployed: no log is older. Zero is right and slow.
    pub gate_height: u64,
    /// When a block is final.
    pub finality: ChainFinality,
    /// Most blocks in one `eth_getLogs`; nodes refuse wider ranges.
    pub log_range_limit: NonZeroU64,
    /// How long a node may take to answer.
    pub request_timeout_ms: u64,
    /// Usual time between blocks: how soon an unsettled operation is looked at again.
    pub block_time_ms: u64,
    /// What a transaction may cost.
    pub fees: FeeLimits,
}

/// When a block is final. There is no "at once": a chain can always drop its newest block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFinality {
    /// This many blocks below the head.
    Depth(NonZeroU64),
    /// Up to the chain's own `finalized` tag.
    FinalizedTag,
}

/// Bounds on EIP-1559 fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeLimits {
    /// Most that a unit of gas may cost, in wei.
    pub max_fee_per_gas_wei: u128,
    /// What the block's producer gets of it, in wei.
    pub priority_fee_per_gas_wei: u128,
}

/// An account that sends transactions.
#[derive(Debug)]
pub struct Sender {
    /// Its key.
    pub key: SigningKey,
    /// One more than the highest nonce that the journal holds for it; zero if there is none.
    pub next_nonce: u64,
}

/// One account per lane, so that a stuck mint cannot block a void.
#[derive(Debug)]
pub struct Senders {
    /// Sends mints and registers classes.
    pub mint: Sender,
    /// Sends voids.
    pub void: Sender,
}

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a CAIP-2 id of an EVM chain.
    #[error("ledger {0} is no EVM chain: write eip155:<chain id>, like eip155:1")]
    NotAnEvmChain(LedgerId),
    /// Nobody to ask.
    #[error("rpc_urls of ledger {0} is empty: name at least one JSON-RPC endpoint")]
    NoEndpoint(LedgerId),
    /// Not an address of an endpoint.
    #[error(
        "rpc_urls of ledger {ledger}: {url:?} is not a URL: write it like http://127.0.0.1:8545"
    )]
    BadUrl {
        /// Which ledger.
        ledger: LedgerId,
        /// The text.
        url: String,
    },
    /// More endpoints must agree than there are, or so few that two groups could.
    #[error(
        "rpc_quorum of ledger {ledger} is {quorum} of {endpoints} endpoints: write more than half of them, or leave it out to need all"
    )]
    BadQuorum {
        /// Which ledger.
        ledger: LedgerId,
        /// How many must agree.
        quorum: usize,
        /// How many there are.
        endpoints: usize,
    },
    /// Both lanes send from one account.
    #[error(
        "ledger {ledger}: the mint and the void lane share account {account}: give each lane its own key, or a stuck mint blocks a void"
    )]
    SharedAccount {
        /// Which ledger.
        ledger: LedgerId,
        /// The account.
        account: Address,
    },
}

impl EvmConfig {
    /// The EIP-155 chain id inside the ledger id.
    pub fn chain_id(&self) -> Result<u64, ConfigError> {
        chain_id(&self.ledger)
    }

    /// How many endpoints must agree.
    pub fn quorum(&self) -> Result<usize, ConfigError> {
        let endpoints = self.rpc_urls.len();
        let quorum = self.rpc_quorum.map_or(endpoints, NonZeroUsize::get);
        if endpoints == 0 {
            return Err(ConfigError::NoEndpoint(self.ledger.clone()));
        }
        if quorum > endpoints || quorum <= endpoints / 2 {
            return Err(ConfigError::BadQuorum {
                ledger: self.ledger.clone(),
                quorum,
                endpoints,
            });
        }
        Ok(quorum)
    }
}

/// The EIP-155 chain id inside a CAIP-2 id.
pub fn chain_id(ledger: &LedgerId) -> Result<u64, ConfigError> {
    ledger
        .as_str()
        .strip_prefix("eip155:")
        .filter(|digits| !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| ConfigError::NotAnEvmChain(ledger.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_id_is_read_from_canonical_caip_2_only() {
        let config = |ledger: &str| EvmConfig {
            ledger: ledger.parse().unwrap(),
            rpc_urls: vec![],
            rpc_quorum: None,
            stall_ms: 1,
            gate: Address::new([0; 20]),
            gate_height: 0,
            finality: ChainFinality::FinalizedTag,
            log_range_limit: NonZeroU64::MIN,
            request_timeout_ms: 1,
            block_time_ms: 1,
            fees: FeeLimits {
                max_fee_per_gas_wei: 1,
                priority_fee_per_gas_wei: 1,
            },
        };
        assert_eq!(config("eip155:31337").chain_id(), Ok(31337));
        for wrong in [
            "vcs:sandbox",
            "eip155:",
            "eip155:01",
            "eip155:1a",
            "eip155:99999999999999999999",
        ] {
            assert!(config(wrong).chain_id().is_err(), "{wrong}");
        }
    }
}
