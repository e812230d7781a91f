//! A second chain with a gate of its own, for tests of what goes on while the first one is in trouble.

use std::fs;

use anyhow::Context as _;
use isthmus_core::id::Address;
use isthmus_core::route::RouteDocument;

use crate::devnet::chain::Chain;
use crate::devnet::service::Service;
use crate::devnet::{CHAIN, Devnet, start};

/// The second chain's EIP-155 id.
const SECOND_ID: u64 = 31338;
/// The second chain's ledger id.
pub const SECOND_CHAIN: &str = "eip155:31338";

/// A running second chain. Its process ends when it is dropped.
#[derive(Debug)]
pub struct SecondChain {
    /// The chain, seen by its users.
    pub chain: Chain,
    /// Its gate.
    pub gate: Address,
    _anvil: Service,
}

impl Devnet {
    /// Starts a second chain and writes it into the configurations of relayer and attesters, which must not run yet.
    pub async fn second_chain(&self) -> anyhow::Result<SecondChain> {
        let anvil = start::start_anvil(self.folder(), &self.programs, "anvil-2", SECOND_ID)?;
        let url = start::anvil_url(&anvil).await?;
        let (chain, gate) = start::deploy(&url, &self.parties).await?;
        self.rewrite_configurations(|text| {
            // The first chain is the last table of every configuration.
            let at = text.rfind("[[ledger]]").context("there is a ledger")?;
            let table = text.get(at..).unwrap_or_default();
            let table = table
                .replace(CHAIN, SECOND_CHAIN)
                .replace(&self.chain.url, &url)
                .replace(&self.gate.to_string(), &gate.to_string());
            Ok(format!("{text}\n{table}"))
        })?;
        Ok(SecondChain {
            chain,
            gate,
            _anvil: anvil,
        })
    }

    /// Changes the configurations of relayer and attesters, for the next time that they start.
    pub fn rewrite_configurations(
        &self,
        change: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        self.rewrite_configuration("relayer", "relayer.toml", &change)?;
        for attester in &self.parties.attesters {
            self.rewrite_configuration(&attester.name, "attester.toml", &change)?;
        }
        Ok(())
    }

    /// Changes the relayer's configuration, for the next time that it starts.
    pub fn rewrite_relayer(
        &self,
        change: impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        self.rewrite_configuration("relayer", "relayer.toml", &change)
    }

    fn rewrite_configuration(
        &self,
        party: &str,
        file: &str,
        change: &impl Fn(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let path = self.party_folder(party).join(file);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::write(&path, change(&text)?).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl SecondChain {
    /// A route like `route`, to this chain.
    pub fn route_like(&self, route: &RouteDocument, id: &str) -> anyhow::Result<RouteDocument> {
        Ok(RouteDocument {
            destination: SECOND_CHAIN.parse()?,
            gate: self.gate,
            id: id.parse()?,
            ..route.clone()
        })
    }
}
