//! The scenes: what two exchanges, two holders and a guardian do.

use std::path::Path;

use anyhow::Context as _;
use isthmus_core::asset_class::AssetClass;
use isthmus_core::id::{AssetClassId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::quantity::Quantity;
use isthmus_core::terms::OutboundTerms;
use isthmus_e2e::devnet::parties::{ALPHA, BETA};
use isthmus_e2e::devnet::{Devnet, Redemption};

use crate::narrator::{Line, Narrator};

/// 425 t of project 1340 (Bale Mountains, Ethiopia), vintage 2020.
const BLOCK: &str = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1";
/// 18 t of project 513 (Salto Pilão, Brazil), vintage 2018.
const SECOND_BLOCK: &str =
    "19298-935995787-935995804-VCS-VCU-1491-VER-BR-1-513-01012018-31122018-0";
const ROUTE: &str = "verra-evm";

/// What happened, for the books.
pub(crate) struct Story {
    pub(crate) transfers: Vec<(&'static str, TransferId)>,
    pub(crate) classes: Vec<AssetClass>,
}

pub(crate) async fn play(narrator: &mut Narrator, devnet: &Devnet) -> anyhow::Result<Story> {
    agree_on_a_route(narrator, devnet).await?;
    let (minted, class) = lock_and_mint(narrator, devnet).await?;
    pay(narrator, devnet, class.id()).await?;
    let retired = retire(narrator, devnet, class.id()).await?;
    let released = release(narrator, devnet, class.id()).await?;
    let (withdrawn, second_class) = withdraw(narrator, devnet).await?;
    Ok(Story {
        transfers: vec![
            ("minted", minted),
            ("retired", retired),
            ("released", released),
            ("withdrawn", withdrawn),
        ],
        classes: vec![class, second_class],
    })
}

async fn agree_on_a_route(narrator: &mut Narrator, devnet: &Devnet) -> anyhow::Result<()> {
    narrator.scene("Two exchanges agree on a route from the registry to the gate")?;
    let route = devnet.route_document(ROUTE)?;
    narrator.write("route.json", &serde_json::to_string_pretty(&route)?)?;
    narrator.say(
        "exchange A proposes route.json, signed with its route admin's key; nothing happens yet",
    )?;
    let propose = Line::new("route propose route.json --key people/exchange-a.seed");
    narrator.run(devnet, propose.by("exchange-a")).await?;
    narrator.say("exchange B reads it and signs too: the route is logged and active")?;
    let approve = Line::new("route approve verra-evm --version 1 --key people/exchange-b.seed");
    narrator.run(devnet, approve.by("exchange-b")).await
}

async fn lock_and_mint(
    narrator: &mut Narrator,
    devnet: &Devnet,
) -> anyhow::Result<(TransferId, AssetClass)> {
    narrator.scene("A real block of 425 t is locked at the registry and minted on the chain")?;
    narrator
        .run(devnet, Line::new("inspect").and(BLOCK))
        .await?;
    let (id, class) = submit(narrator, devnet, BLOCK, "outbound.json").await?;
    watch(narrator, devnet, id, "completed").await?;
    show_block(narrator, devnet, BLOCK).await?;
    show_balances(narrator, devnet, class.id()).await?;
    Ok((id, class))
}

/// The holder prepares terms for Alice's wallet, signs them and hands them in.
async fn submit(
    narrator: &mut Narrator,
    devnet: &Devnet,
    serial: &str,
    file: &str,
) -> anyhow::Result<(TransferId, AssetClass)> {
    let blocks = devnet.registry.blocks(serial).await?;
    let class = blocks
        .first()
        .context("the block is in the fixture")?
        .class
        .clone();
    let alice = devnet
        .parties
        .wallets
        .first()
        .context("a wallet")?
        .address();
    narrator.say("the holder computes terms and TransferId, names the recipient, and signs; the relayer decides nothing of it")?;
    let terms = format!("--route {ROUTE} --account {ALPHA} --recipient {alice} --unit {serial}");
    let mut prepare = Line::new("transfer prepare").and(&terms);
    for label in &class.labels {
        prepare = prepare.and("--label").word(label);
    }
    let prepare = prepare.and("--out").and(file);
    narrator.run(devnet, prepare.by("exchange-a")).await?;
    let terms: OutboundTerms = read(&narrator.file(file))?;
    let submit = Line::new("transfer submit").and(file);
    let submit = submit.and(&format!("--key people/holder-{ALPHA}.seed"));
    narrator.run(devnet, submit.by("exchange-a")).await?;
    Ok((terms.id(), class))
}

async fn watch(
    narrator: &mut Narrator,
    devnet: &Devnet,
    id: TransferId,
    state: &str,
) -> anyhow::Result<()> {
    let watch = Line::new("transfer watch")
        .and(&id)
        .and("--until")
        .and(state);
    narrator.run(devnet, watch.by("exchange-a")).await
}

async fn pay(narrator: &mut Narrator, devnet: &Devnet, class: AssetClassId) -> anyhow::Result<()> {
    narrator.scene("Alice pays Bob: half a tonne, then 24.500001 t; any gram moves freely")?;
    let [alice, bob, ..] = devnet.parties.wallets.as_slice() else {
        anyhow::bail!("the devnet has two wallets");
    };
    for grams in [500_000, 24_500_001] {
        let quantity = Quantity::from_grams(grams)?;
        devnet.chain.pay(alice, bob.address(), class, grams).await?;
        narrator.say(&format!(
            "Alice's wallet: safeTransferFrom(Alice, Bob, class, {grams}): {quantity}"
        ))?;
    }
    show_balances(narrator, devnet, class).await
}

async fn retire(
    narrator: &mut Narrator,
    devnet: &Devnet,
    class: AssetClassId,
) -> anyhow::Result<TransferId> {
    narrator.scene("Bob burns 25 t to retire originals for Acme Ltd")?;
    narrator.say("the instruction names people, so only its salted commitment goes on chain")?;
    let write = Line::new("transfer instruction retire --beneficiary")
        .word("Acme Ltd")
        .and("--reason")
        .word("2025 emissions")
        .and("--out retire.json");
    narrator.run(devnet, write).await?;
    let id = redeem(narrator, devnet, (1, "Bob"), class, 25, "retire.json").await?;
    let receipt = devnet.registry.movements().await?;
    let receipt = receipt.iter().find(|m| m["reference"] == id.to_string());
    let receipt = receipt.context("the registry has the retirement")?;
    narrator.say(&format!(
        "certificate {} for {}: {}",
        receipt["certificate"], receipt["beneficiary"], receipt["units"]
    ))?;
    show_balances(narrator, devnet, class).await?;
    Ok(id)
}

async fn release(
    narrator: &mut Narrator,
    devnet: &Devnet,
    class: AssetClassId,
) -> anyhow::Result<TransferId> {
    narrator.scene("Alice burns 100 t to release originals into account 1002")?;
    let write = Line::new("transfer instruction release --account").and(BETA);
    let write = write.and("--out release.json");
    narrator.run(devnet, write).await?;
    let id = redeem(narrator, devnet, (0, "Alice"), class, 100, "release.json").await?;
    for block in devnet.registry.held_by(BETA).await? {
        narrator.say(&format!(
            "account {BETA} holds {} t: {}",
            block.quantity_t, block.serial
        ))?;
    }
    Ok(id)
}

/// A wallet burns for a written instruction, which is then disclosed.
async fn redeem(
    narrator: &mut Narrator,
    devnet: &Devnet,
    (wallet, name): (usize, &str),
    class: AssetClassId,
    tonnes: u64,
    file: &str,
) -> anyhow::Result<TransferId> {
    let instruction: Instruction = read(&narrator.file(file))?;
    let wallet = devnet.parties.wallets.get(wallet).context("a wallet")?;
    let grams = Quantity::from_tonnes(tonnes)?.grams();
    let Redemption { id, number, .. } = devnet.burn(wallet, class, grams, instruction).await?;
    narrator.say(&format!(
        "{name}'s wallet: burn(class, {grams}, purpose, commitment): burn {number} at the gate"
    ))?;
    narrator.say("the relayer sees the burn when it is final, and allocates serials: oldest lock first, lowest serial first")?;
    devnet.wait_for(id, "taken").await?;
    let instruct = Line::new("transfer instruct")
        .and(&id)
        .and("--instruction")
        .and(file);
    narrator.run(devnet, instruct.by("exchange-a")).await?;
    watch(narrator, devnet, id, "completed").await?;
    Ok(id)
}

/// The guardian's pause makes the order of events certain: the signed mint is skipped, so the withdrawal comes first.
async fn withdraw(
    narrator: &mut Narrator,
    devnet: &Devnet,
) -> anyhow::Result<(TransferId, AssetClass)> {
    narrator.scene("A transfer is withdrawn after it was authorised")?;
    narrator
        .say("the gate's guardian pauses minting, so that the signed mint does not get through")?;
    devnet
        .chain
        .pause_gate(&devnet.parties.gate_guardian)
        .await?;
    let (id, class) = submit(narrator, devnet, SECOND_BLOCK, "withdrawn.json").await?;
    watch(narrator, devnet, id, "authorised").await?;
    show_block(narrator, devnet, SECOND_BLOCK).await?;
    narrator.say(
        "locked, and a quorum has signed its mint: only the gate's word `voided` leads back now",
    )?;
    let withdraw = Line::new("transfer withdraw")
        .and(&id)
        .and(&format!("--key people/holder-{ALPHA}.seed"));
    narrator.run(devnet, withdraw.by("exchange-a")).await?;
    watch(narrator, devnet, id, "returned").await?;
    show_block(narrator, devnet, SECOND_BLOCK).await?;
    let outcome = devnet.chain.outcome(id).await?;
    let said = if outcome == 2 {
        "voided, for ever"
    } else {
        "not voided: this should not be"
    };
    narrator.say(&format!("the gate says of this transfer: {said}"))?;
    devnet
        .chain
        .unpause_gate(&devnet.parties.gate_admin)
        .await?;
    Ok((id, class))
}

async fn show_block(narrator: &mut Narrator, devnet: &Devnet, serial: &str) -> anyhow::Result<()> {
    for block in devnet.registry.blocks(serial).await? {
        narrator.say(&format!(
            "registry: {} t {} in account {}: {}",
            block.quantity_t, block.state, block.account, block.serial
        ))?;
    }
    Ok(())
}

async fn show_balances(
    narrator: &mut Narrator,
    devnet: &Devnet,
    class: AssetClassId,
) -> anyhow::Result<()> {
    let mut shown = Vec::new();
    for (name, wallet) in ["Alice", "Bob"].into_iter().zip(&devnet.parties.wallets) {
        let grams = devnet.chain.balance_g(wallet.address(), class).await?;
        shown.push(format!("{name} {}", Quantity::from_grams(grams)?));
    }
    let supply = Quantity::from_grams(devnet.chain.supply_g(class).await?)?;
    narrator.say(&format!("chain: {}, supply {supply}", shown.join(", ")))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}
