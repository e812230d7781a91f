//! The end: proofs verified offline, and books that add up, each column read from somebody else.

use anyhow::ensure;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::TransferId;
use isthmus_core::quantity::Quantity;
use isthmus_e2e::devnet::Devnet;
use isthmus_proto::v1::PoolReserves;

use crate::narrator::{Line, Narrator};
use crate::scenes::Story;

pub(crate) async fn close(
    narrator: &mut Narrator,
    devnet: &Devnet,
    story: &Story,
) -> anyhow::Result<()> {
    verify_bundles(narrator, devnet, story).await?;
    narrator.scene("The books: what the registry has in custody, what circulates on the chain, what the log says")?;
    narrator.say("the auditor recomputes the reserves from the log's leaves, offline")?;
    let leaves = Line::new("proof leaves --out leaves.txt");
    narrator.run(devnet, leaves.by("auditor")).await?;
    let recompute = "audit reserves --leaves leaves.txt --checkpoint leaves.txt.checkpoint --policy policy.toml";
    narrator.run(devnet, Line::new(recompute)).await?;
    table(narrator, devnet, story).await
}

async fn verify_bundles(
    narrator: &mut Narrator,
    devnet: &Devnet,
    story: &Story,
) -> anyhow::Result<()> {
    narrator.scene("Every transfer is proved offline, with keys from the auditor's policy only")?;
    for (_, id) in &story.transfers {
        let bundle = Line::new("proof bundle").and(id).and("--out bundles");
        narrator.run(devnet, bundle.by("auditor")).await?;
    }
    if let Some((_, first)) = story.transfers.first() {
        narrator.run(devnet, verify(first)).await?;
    }
    narrator.say("the auditor asks a node of his own for the gate's blocks, lists their hashes in policy.toml, and verifies all four")?;
    devnet.list_blocks_in_policy().await?;
    for (what, id) in &story.transfers {
        narrator.say(&format!("the transfer that was {what}, outcomes only:"))?;
        let outcome = |line: &str| line.starts_with(|c: char| c.is_ascii_digit() || c == 'P');
        narrator.run_showing(devnet, verify(id), outcome).await?;
    }
    Ok(())
}

fn verify(id: &TransferId) -> Line {
    let bundle = format!("bundles/{id}.isthmus-proof.tar");
    Line::new("audit verify")
        .and(&bundle)
        .and("--policy policy.toml")
}

/// One row per class. Custody is read from the registry, supply from the chain, the rest from the log.
async fn table(narrator: &mut Narrator, devnet: &Devnet, story: &Story) -> anyhow::Result<()> {
    let pools = devnet.reserves().await?;
    narrator.say(&format!(
        "{:<24}{:>14}{:>14}{:>14}{:>12}{:>10}{:>8}",
        "class", "in custody", "supply", "locked", "circulating", "pending", "owed"
    ))?;
    narrator.say(&format!(
        "{:<24}{:>14}{:>14}{:>14}{:>12}{:>10}{:>8}",
        "", "(registry)", "(chain)", "(log)", "(log)", "(log)", "(log)"
    ))?;
    for class in &story.classes {
        let id = class.id().to_string();
        let pool = pools.iter().find(|pool| pool.asset_class == id);
        let pool = pool.cloned().unwrap_or_default();
        let row = Row::read(devnet, class, &pool).await?;
        narrator.say(&row.shown(class)?)?;
        row.check(&pool)?;
    }
    narrator.say("locked = circulating + pending + owed in every row, no unit is unattributed or missing; custody and supply agree with the log: nothing is usable twice")
}

struct Row {
    custody_g: u64,
    supply_g: u64,
    log: [u64; 4],
}

impl Row {
    async fn read(
        devnet: &Devnet,
        class: &AssetClass,
        pool: &PoolReserves,
    ) -> anyhow::Result<Self> {
        let custody_t = devnet.registry.custody_of_t(class.id()).await?;
        Ok(Self {
            custody_g: Quantity::from_tonnes(custody_t)?.grams(),
            supply_g: devnet.chain.supply_g(class.id()).await?,
            log: [
                pool.locked_g,
                pool.circulating_g,
                pool.pending_g,
                pool.owed_g,
            ],
        })
    }

    fn shown(&self, class: &AssetClass) -> anyhow::Result<String> {
        let tonnes = |grams: u64| Quantity::from_grams(grams).map(|q| q.to_string());
        let name = format!(
            "{} {} of {}",
            class.programme,
            class.project,
            &class.vintage_start[..4]
        );
        let [locked, circulating, pending, owed] = self.log;
        Ok(format!(
            "{name:<24}{:>14}{:>14}{:>14}{:>12}{:>10}{:>8}",
            tonnes(self.custody_g)?,
            tonnes(self.supply_g)?,
            tonnes(locked)?,
            tonnes(circulating)?,
            tonnes(pending)?,
            tonnes(owed)?
        ))
    }

    fn check(&self, pool: &PoolReserves) -> anyhow::Result<()> {
        let [locked, circulating, pending, owed] = self.log;
        let accounted = [circulating, pending, owed].iter().sum::<u64>();
        ensure!(
            locked == accounted && self.custody_g == locked && self.supply_g == circulating,
            "the books of class {} do not add up",
            pool.asset_class
        );
        Ok(())
    }
}
