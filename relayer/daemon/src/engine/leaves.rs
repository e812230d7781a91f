//! Which proof-log leaves an event causes (`docs/protocol.md` §8). They are written with the event, so the log never says less
//! than the journal.

use alloy::primitives::{Address as EvmAddress, B256};
use isthmus_core::deposit::Deposit;
use isthmus_core::id::{Address, AssetClassId, PoolId, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::OperationKind;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Receipt, Refusal};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{Outbound, Return, Terms};
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{Event, Resolution, State, Transfer};
use isthmus_prooflog::leaf::{self, EvidenceRef, Grams, Leaf};

/// Version of the leaf's form.
const V: u8 = 1;

/// The leaves of an event of a transfer that exists.
#[allow(clippy::too_many_lines, reason = "a list")]
pub fn of(transfer: &Transfer, event: &Event, now: Timestamp) -> Vec<Vec<u8>> {
    let leaf = match (event, transfer.terms()) {
        (Event::Locked(receipt), Terms::Outbound(outbound)) => Some(locked(outbound, receipt, now)),
        (Event::Given(receipt), Terms::Outbound(outbound)) => Some(minted(outbound, receipt, now)),
        (Event::Given(receipt), Terms::Return(back)) => given(back, receipt, now),
        (Event::Voided(receipt), terms) => Some(Leaf::Voided {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            pool: pool_word(terms.pool()),
            asset_class: class_word(terms.asset_class()),
            quantity_g: grams(transfer.quantity()),
            evidence: evidence(receipt),
        }),
        (Event::Unlocked(receipt), terms) => Some(Leaf::Unlocked {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            pool: pool_word(terms.pool()),
            asset_class: class_word(terms.asset_class()),
            units: serials(&receipt.units),
            quantity_g: grams(receipt.quantity),
            evidence: evidence(receipt),
        }),
        (Event::Refused(refusal), Terms::Return(_)) => owed(transfer, event, refusal, now),
        (Event::Quarantined(finding), _) => Some(Leaf::Quarantined {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            finding: shortened(&format!("{}: {}", finding.code, finding.detail)),
        }),
        (Event::Resolved { resolution, by }, _) => Some(Leaf::Resolved {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            resolution: match resolution {
                Resolution::Resume => "resume".into(),
                Resolution::Withdraw => "withdraw".into(),
            },
            by: by.clone(),
        }),
        (Event::Redirected(redirection), Terms::Return(_)) => Some(Leaf::Redirected {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            counter: redirection.counter,
            purpose: purpose(redirection.instruction.purpose()),
            commitment: B256::from(*redirection.instruction.commitment().as_bytes()),
            signature: redirection.signature.clone().into(),
        }),
        (Event::Reallocated(allocation), Terms::Return(back)) => Some(Leaf::Reallocated {
            at_ms: now.ms(),
            v: V,
            transfer: transfer_word(transfer.id()),
            pool: pool_word(back.pool),
            asset_class: class_word(back.burn.asset_class),
            quantity_g: grams(back.given()),
            allocation: serials(allocation),
        }),
        // A burn opens its transfer: see `burned`. The rest is the relayer's own business or illegal.
        (
            Event::Requested { .. }
            | Event::Burned { .. }
            | Event::Intended(_)
            | Event::Locked(_)
            | Event::Authorised(_)
            | Event::Lapsed(_)
            | Event::Refused(_)
            | Event::WithdrawalRequested
            | Event::Instructed(_)
            | Event::Redirected(_)
            | Event::Reallocated(_),
            _,
        ) => None,
    };
    leaf.into_iter().map(bounded).collect()
}

/// The leaf that opens a return.
pub fn burned(back: &Return, receipt: &Receipt, now: Timestamp) -> Vec<u8> {
    let burn = &back.burn;
    bounded(Leaf::Burned {
        at_ms: now.ms(),
        v: V,
        transfer: transfer_word(burn.id()),
        pool: pool_word(back.pool),
        asset_class: class_word(burn.asset_class),
        number: burn.number,
        holder: address(burn.holder),
        purpose: purpose(burn.purpose),
        commitment: B256::from(*burn.commitment.as_bytes()),
        quantity_g: grams(burn.quantity),
        allocation: serials(&back.allocation),
        written_off_g: (back.written_off > Quantity::ZERO).then(|| grams(back.written_off)),
        evidence: evidence(receipt),
    })
}

/// A burn may take more blocks than fit into a leaf, and cannot be refused any more. They are left out then: whoever replays the
/// log computes the same ones.
fn bounded(mut leaf: Leaf) -> Vec<u8> {
    let bytes = leaf.to_bytes();
    if bytes.len() <= leaf::MAX_LEAF {
        return bytes;
    }
    if let Leaf::Burned {
        allocation: units, ..
    }
    | Leaf::Reallocated {
        allocation: units, ..
    }
    | Leaf::Released { units, .. }
    | Leaf::Retired { units, .. } = &mut leaf
    {
        units.clear();
    }
    leaf.to_bytes()
}

/// The registry took units of a pool away, by the movement of this reference.
pub fn impaired(
    pool: PoolId,
    asset_class: AssetClassId,
    reference: &str,
    units: &[SerialBlock],
    receipt: &Receipt,
    now: Timestamp,
) -> Vec<u8> {
    bounded(Leaf::Impaired {
        at_ms: now.ms(),
        v: V,
        pool: pool_word(pool),
        asset_class: class_word(asset_class),
        reference: shortened(reference),
        units: serials(units),
        quantity_g: grams(serial_block::total(units)),
        evidence: evidence(receipt),
    })
}

/// Units came into custody without a lock.
pub fn deposited(deposit: &Deposit, receipt: &Receipt, now: Timestamp) -> Vec<u8> {
    bounded(Leaf::Deposited {
        at_ms: now.ms(),
        v: V,
        pool: pool_word(deposit.pool),
        asset_class: class_word(deposit.asset_class),
        deposit: transfer_word(deposit.id()),
        ledger: deposit.ledger.to_string(),
        reference: deposit.reference.clone(),
        account: deposit.sender.to_string(),
        units: serials(&deposit.units),
        quantity_g: grams(deposit.quantity()),
        evidence: evidence(receipt),
    })
}

/// A deposit makes its pool good.
pub fn cured(deposit: &Deposit, now: Timestamp) -> Vec<u8> {
    bounded(Leaf::Cured {
        at_ms: now.ms(),
        v: V,
        pool: pool_word(deposit.pool),
        asset_class: class_word(deposit.asset_class),
        deposit: transfer_word(deposit.id()),
        quantity_g: grams(deposit.quantity()),
    })
}

/// A deposit left custody.
pub fn deposit_returned(deposit: &Deposit, receipt: &Receipt, now: Timestamp) -> Vec<u8> {
    bounded(Leaf::DepositReturned {
        at_ms: now.ms(),
        v: V,
        pool: pool_word(deposit.pool),
        asset_class: class_word(deposit.asset_class),
        deposit: transfer_word(deposit.id()),
        quantity_g: grams(deposit.quantity()),
        units: Vec::new(),
        evidence: evidence(receipt),
    })
}

/// A part of a deposit left custody; the rest lies there.
pub fn deposit_reduced(
    deposit: &Deposit,
    gone: &[SerialBlock],
    receipt: &Receipt,
    now: Timestamp,
) -> Vec<u8> {
    bounded(Leaf::DepositReturned {
        at_ms: now.ms(),
        v: V,
        pool: pool_word(deposit.pool),
        asset_class: class_word(deposit.asset_class),
        deposit: transfer_word(deposit.id()),
        quantity_g: grams(serial_block::total(gone)),
        units: serials(gone),
        evidence: evidence(receipt),
    })
}

/// Two route admins decided what burns of an impaired pool get.
pub fn pro_rata(
    decision: serde_json::Value,
    signatures: Vec<leaf::AdminSignature>,
    now: Timestamp,
) -> Vec<u8> {
    bounded(Leaf::ProRata {
        at_ms: now.ms(),
        v: V,
        decision,
        signatures,
    })
}

/// New work of a scope stops.
pub fn paused(scope: String, by: String, now: Timestamp) -> Vec<u8> {
    Leaf::Paused {
        at_ms: now.ms(),
        v: V,
        scope,
        by,
    }
    .to_bytes()
}

/// New work of a scope goes on.
pub fn resumed(scope: String, by: String, now: Timestamp) -> Vec<u8> {
    Leaf::Resumed {
        at_ms: now.ms(),
        v: V,
        scope,
        by,
    }
    .to_bytes()
}

fn locked(outbound: &Outbound, receipt: &Receipt, now: Timestamp) -> Leaf {
    Leaf::Locked {
        at_ms: now.ms(),
        v: V,
        transfer: transfer_word(outbound.terms.id()),
        pool: pool_word(outbound.pool),
        asset_class: class_word(outbound.terms.asset_class),
        terms: serde_json::to_value(&outbound.terms)
            .expect("terms hold strings, integers and lists only, which always serialise"),
        units: serials(&receipt.units),
        quantity_g: grams(receipt.quantity),
        evidence: evidence(receipt),
    }
}

fn minted(outbound: &Outbound, receipt: &Receipt, now: Timestamp) -> Leaf {
    Leaf::Minted {
        at_ms: now.ms(),
        v: V,
        transfer: transfer_word(outbound.terms.id()),
        pool: pool_word(outbound.pool),
        asset_class: class_word(outbound.terms.asset_class),
        recipient: address(outbound.terms.recipient),
        quantity_g: grams(receipt.quantity),
        evidence: evidence(receipt),
    }
}

fn given(back: &Return, receipt: &Receipt, now: Timestamp) -> Option<Leaf> {
    let transfer = transfer_word(back.burn.id());
    let (pool, asset_class) = (pool_word(back.pool), class_word(back.burn.asset_class));
    let (units, quantity_g) = (serials(&receipt.units), grams(receipt.quantity));
    match receipt.operation {
        OperationKind::Release => Some(Leaf::Released {
            at_ms: now.ms(),
            v: V,
            transfer,
            pool,
            asset_class,
            units,
            quantity_g,
            evidence: evidence(receipt),
        }),
        OperationKind::Retire => Some(Leaf::Retired {
            at_ms: now.ms(),
            v: V,
            transfer,
            pool,
            asset_class,
            units,
            quantity_g,
            certificate: receipt.certificate.clone().unwrap_or_default(),
            evidence: evidence(receipt),
        }),
        // The state machine refuses these as gifts of a return.
        OperationKind::Lock
        | OperationKind::Unlock
        | OperationKind::Mint
        | OperationKind::Void
        | OperationKind::Burn
        | OperationKind::ReturnDeposit
        | OperationKind::Approve => None,
    }
}

/// Whether a refusal leaves units owed is the state machine's decision: ask it.
fn owed(transfer: &Transfer, event: &Event, refusal: &Refusal, now: Timestamp) -> Option<Leaf> {
    let after = transfer.apply(event).ok()?;
    if !matches!(after.state(), State::Owed { .. }) {
        return None;
    }
    Some(Leaf::Owed {
        at_ms: now.ms(),
        v: V,
        transfer: transfer_word(transfer.id()),
        pool: pool_word(transfer.terms().pool()),
        asset_class: class_word(transfer.terms().asset_class()),
        quantity_g: grams(transfer.quantity()),
        refusal: shortened(&refusal.to_string()),
    })
}

/// Longest text of others in a leaf, in characters: leaves stay below 16 KiB whatever a ledger says.
const MOST_TEXT: usize = 2000;

pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MOST_TEXT).collect()
}

fn evidence(receipt: &Receipt) -> EvidenceRef {
    EvidenceRef {
        grade: "A".into(),
        sha256: B256::from(*receipt.evidence.sha256().as_bytes()),
        r#type: receipt.evidence.kind().as_str().into(),
    }
}

fn serials(units: &[SerialBlock]) -> Vec<String> {
    units.iter().map(ToString::to_string).collect()
}

fn grams(quantity: Quantity) -> Grams {
    Grams(quantity.grams())
}

fn purpose(purpose: Purpose) -> leaf::Purpose {
    match purpose {
        Purpose::Release => leaf::Purpose::Release,
        Purpose::Retire => leaf::Purpose::Retire,
    }
}

fn transfer_word(id: TransferId) -> B256 {
    B256::from(*id.as_bytes())
}

fn pool_word(id: PoolId) -> B256 {
    B256::from(*id.as_bytes())
}

fn class_word(id: AssetClassId) -> B256 {
    B256::from(*id.as_bytes())
}

fn address(address: Address) -> EvmAddress {
    EvmAddress::from(*address.as_bytes())
}
