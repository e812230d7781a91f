//! `[[ledger]]`: the registries and chains, which relayers and attesters describe alike except for their credentials.

use std::num::{NonZeroU64, NonZeroUsize};

use isthmus_core::id::LedgerId;
use isthmus_evm::config::chain_id;
use isthmus_evm::{ChainFinality, EvmConfig, FeeLimits};
use isthmus_vcs::{ApiKey, VcsConfig};
use toml::Value;

use super::common::distinct;
use super::problem::Field;
use super::section::{Section, all, parsed, positive, whole};
use super::value::{ED25519, credential_url, ed25519, http};

/// Shortest API key that is taken; registries choose their keys' form.
const SHORTEST_API_KEY: usize = 1;

/// Where the defaults of a ledger's optional fields are.
mod default {
    pub(super) const REQUEST_TIMEOUT_MS: u64 = 5_000;
    pub(super) const SETTLE_MS: u64 = 2_000;
    pub(super) const RECHECK_MS: u64 = 500;
    /// Ten blocks of the slowest chains, or one and a half of their rounds of finality.
    pub(super) const STALL_MS: u64 = 120_000;
    pub(super) const LOG_RANGE_LIMIT: u64 = 1_000;
    pub(super) const MAX_FEE_PER_GAS_WEI: u128 = 200_000_000_000;
    pub(super) const PRIORITY_FEE_PER_GAS_WEI: u128 = 1_000_000_000;
}

/// What the two kinds of process make of a ledger: they differ in credentials only.
pub(super) trait Credentials {
    /// A ledger with credentials.
    type Ledger;
    /// Adds those for a registry.
    fn vcs(section: &mut Section<'_>, config: Field<VcsConfig>) -> Field<Self::Ledger>;
    /// Adds those for a chain.
    fn evm(section: &mut Section<'_>, config: Field<EvmConfig>) -> Field<Self::Ledger>;
}

/// All ledgers, each id once.
pub(super) fn ledgers<C: Credentials>(root: &mut Section<'_>) -> Field<Vec<C::Ledger>> {
    let sections = root.sections("ledger")?;
    if sections.is_empty() {
        let remedy =
            "write a [[ledger]] for every registry and chain: id, kind and where it answers";
        return Err(root.refuse("ledger", "missing", remedy));
    }
    let remedy = "every ledger has one entry: remove one or correct its id";
    let unique = distinct(root, "ledger", "id", &sections, remedy);
    let ledgers = all(sections.into_iter().map(ledger::<C>).collect());
    unique.and(ledgers)
}

fn ledger<C: Credentials>(mut section: Section<'_>) -> Field<C::Ledger> {
    let kind = section.required("kind", "\"vcs\" or \"evm\"", Kind::read)?;
    let ledger = match kind {
        Kind::Vcs => {
            let config = vcs(&mut section);
            C::vcs(&mut section, config)
        }
        Kind::Evm => {
            let config = evm(&mut section);
            C::evm(&mut section, config)
        }
    };
    section.finish();
    ledger
}

#[derive(Clone, Copy)]
enum Kind {
    Vcs,
    Evm,
}

impl Kind {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "vcs" => Some(Self::Vcs),
            "evm" => Some(Self::Evm),
            _ => None,
        }
    }
}

fn vcs(section: &mut Section<'_>) -> Field<VcsConfig> {
    let expected = "vcs:<name>, as the registry calls itself, like vcs:sandbox";
    let ledger = section.required("id", expected, |value| {
        parsed::<LedgerId>(value).filter(|id| {
            id.as_str()
                .strip_prefix("vcs:")
                .is_some_and(|name| !name.is_empty())
        })
    });
    let url = credential_url(section, "url");
    let receipt_key = section.required("receipt_key", ED25519, ed25519);
    let request_timeout_ms = ms(section, "request_timeout_ms", default::REQUEST_TIMEOUT_MS);
    let settle_ms = section.optional("settle_ms", "milliseconds, a whole number", whole);
    let recheck_ms = ms(section, "recheck_ms", default::RECHECK_MS);
    Ok(VcsConfig {
        ledger: ledger?,
        url: url?,
        receipt_key: receipt_key?,
        request_timeout_ms: request_timeout_ms?,
        settle_ms: settle_ms?.unwrap_or(default::SETTLE_MS),
        recheck_ms: recheck_ms?,
    })
}

/// `api_key_file`.
pub(super) fn api_key(section: &mut Section<'_>) -> Field<ApiKey> {
    section.token("api_key_file", SHORTEST_API_KEY).map(ApiKey)
}

fn evm(section: &mut Section<'_>) -> Field<EvmConfig> {
    let expected = "eip155:<chain id> (CAIP-2), like eip155:1";
    let ledger = section.required("id", expected, |value| {
        parsed::<LedgerId>(value).filter(|id| chain_id(id).is_ok())
    });
    let rpc_urls = rpc_urls(section);
    let expected = "how many of rpc_urls must agree, more than half of them";
    let rpc_quorum = section.optional("rpc_quorum", expected, |value| {
        NonZeroUsize::new(usize::try_from(whole(value)?).ok()?)
    });
    let stall_ms = ms(section, "stall_ms", default::STALL_MS);
    let gate = section.required(
        "gate",
        "the gate's address, 0x and 40 lower-case hex digits",
        parsed,
    );
    let gate_height = section.optional(
        "gate_height",
        "the block in which the gate was deployed",
        whole,
    );
    let finality = section
        .required_section("finality", "depth = <blocks> or tag = \"finalized\"")
        .and_then(finality);
    let block_time_ms = section.required(
        "block_time_ms",
        "the usual milliseconds between blocks, from 1",
        positive,
    );
    let expected = "most blocks in one eth_getLogs, from 1";
    let log_range_limit = section.optional("log_range_limit", expected, |value| {
        NonZeroU64::new(whole(value)?)
    });
    let request_timeout_ms = ms(section, "request_timeout_ms", default::REQUEST_TIMEOUT_MS);
    let fees = fees(section);
    let default_range = NonZeroU64::new(default::LOG_RANGE_LIMIT).unwrap_or(NonZeroU64::MIN);
    let config = EvmConfig {
        ledger: ledger?,
        rpc_urls: rpc_urls?,
        rpc_quorum: rpc_quorum?,
        stall_ms: stall_ms?,
        gate: gate?,
        gate_height: gate_height?.unwrap_or(0),
        finality: finality?,
        log_range_limit: log_range_limit?.unwrap_or(default_range),
        request_timeout_ms: request_timeout_ms?,
        block_time_ms: block_time_ms?,
        fees: fees?,
    };
    let Some(quorum) = config.rpc_quorum.filter(|_| config.quorum().is_err()) else {
        return Ok(config);
    };
    let remedy = format!(
        "there are {} rpc_urls: write more than half of that, or leave it out to need all",
        config.rpc_urls.len()
    );
    Err(section.refuse("rpc_quorum", quorum.to_string(), remedy))
}

/// Paths and queries of hosted nodes hold API keys, so a wrong URL is not repeated.
fn rpc_urls(section: &mut Section<'_>) -> Field<Vec<String>> {
    let expected = "http URLs of JSON-RPC endpoints, like [\"http://127.0.0.1:8545\"]";
    let urls = section.list("rpc_urls", expected, |value| {
        value.as_str().map(str::to_owned)
    })?;
    let checked = urls.into_iter().enumerate().map(|(index, url)| {
        if http(&url).is_some() {
            return Ok(url);
        }
        let entry = format!("rpc_urls[{index}]");
        let remedy =
            "write an http URL with a host and no user name, like http://127.0.0.1:8545 (no TLS in this version: put a TLS proxy on this machine before a node elsewhere)";
        Err(section.refuse(
            &entry,
            "not a usable URL (not shown: it may hold an API key)",
            remedy,
        ))
    });
    all(checked.collect())
}

/// Exactly one of a depth and the chain's own tag.
fn finality(mut section: Section<'_>) -> Field<ChainFinality> {
    let both = section.has("depth") && section.has("tag");
    let expected = "at least 1 block: a chain can always drop its newest block";
    let depth = section.optional("depth", expected, |value| NonZeroU64::new(whole(value)?));
    let expected = "\"finalized\", the only tag that a chain does not take back";
    let tag = section.optional("tag", expected, |value| {
        (value.as_str()? == "finalized").then_some(())
    });
    let outcome = match (depth, tag) {
        (Err(reported), _) | (_, Err(reported)) => Err(reported),
        _ if both => Err(section.refuse("depth", "beside a tag", "write depth or tag, not both")),
        (Ok(Some(depth)), Ok(_)) => Ok(ChainFinality::Depth(depth)),
        (Ok(None), Ok(Some(()))) => Ok(ChainFinality::FinalizedTag),
        (Ok(None), Ok(None)) => {
            let remedy = "write depth = <blocks below the head, from 1> or tag = \"finalized\"";
            Err(section.refuse("depth", "missing", remedy))
        }
    };
    section.finish();
    outcome
}

fn fees(section: &mut Section<'_>) -> Field<FeeLimits> {
    let expected = "wei as a decimal text, like \"200000000000\"";
    let max = section.optional("max_fee_per_gas_wei", expected, wei);
    let priority = section.optional("priority_fee_per_gas_wei", expected, wei);
    let max = max?.unwrap_or(default::MAX_FEE_PER_GAS_WEI);
    let priority = priority?.unwrap_or(default::PRIORITY_FEE_PER_GAS_WEI);
    if max == 0 || priority > max {
        let remedy = format!(
            "max_fee_per_gas_wei ({max}) must be above zero and not below the priority fee"
        );
        return Err(section.refuse("priority_fee_per_gas_wei", priority.to_string(), remedy));
    }
    Ok(FeeLimits {
        max_fee_per_gas_wei: max,
        priority_fee_per_gas_wei: priority,
    })
}

fn wei(value: &Value) -> Option<u128> {
    value.as_str()?.parse().ok()
}

fn ms(section: &mut Section<'_>, key: &'static str, default: u64) -> Field<u64> {
    let ms = section.optional(key, "milliseconds, a whole number from 1", positive);
    ms.map(|ms| ms.unwrap_or(default))
}
