//! Sample data that hold together: terms with their units, receipts of what they name, batches that contain them.

use std::sync::Arc;

use crate::asset_class::AssetClass;
use crate::id::{AccountId, Address, BatchId, Hash32, LedgerId};
use crate::instruction::{Instruction, Purpose};
use crate::jcs;
use crate::mandate::Mandate;
use crate::operation::{LogHead, MintItem, OperationKind, SignedBatch, SignedVoid};
use crate::pool::Pool;
use crate::quantity::Quantity;
use crate::receipt::{Evidence, EvidenceKind, Finding, Lasting, Position, Receipt, Refusal};
use crate::redirection::Redirection;
use crate::route::{Eligible, RouteDocument};
use crate::serial_block::{self, NumberingSpace, SerialBlock, Series};
use crate::terms::{Burn, Outbound, OutboundKind, OutboundTerms, Return, Terms};
use crate::time::Timestamp;
use crate::transfer::Event;

/// The registry.
pub fn registry() -> LedgerId {
    "vcs:sandbox".parse().unwrap()
}

/// The chain.
pub fn chain() -> LedgerId {
    "eip155:31337".parse().unwrap()
}

/// A holder's account at the registry.
pub fn account() -> AccountId {
    "1001".parse().unwrap()
}

/// The custody account of the sample pool.
pub fn custody() -> AccountId {
    "9001".parse().unwrap()
}

/// The gate on the chain.
pub fn gate() -> Address {
    Address::new([0x33; 20])
}

/// 32 bytes that belong to a number.
pub fn hash(number: u64) -> Hash32 {
    Hash32::new(jcs::digest(&number.to_string()))
}

/// The class of the sample units.
pub fn class() -> AssetClass {
    AssetClass {
        country: "ET".into(),
        labels: vec![],
        programme: "VCS".into(),
        project: "1340".into(),
        registry: registry(),
        unit_type: "VCU".into(),
        v: 1,
        vintage_end: "2020-12-31".into(),
        vintage_start: "2020-01-01".into(),
    }
}

/// What backs the sample class.
pub fn pool() -> Pool {
    route().pool(class().id())
}

/// A route that takes the sample class.
pub fn route() -> RouteDocument {
    let tonnes = |t| Quantity::from_tonnes(t).unwrap();
    RouteDocument {
        allow_accounts: vec![],
        big_transfer: None,
        custody_account: custody(),
        destination: chain(),
        eligible: Eligible {
            countries: vec![],
            programmes: vec!["VCS".into()],
            projects: vec![],
            unit_types: vec!["VCU".into()],
            vintage_from: "2016-01-01".into(),
            vintage_until: "2025-12-31".into(),
        },
        gate: gate(),
        id: "verra-evm".parse().unwrap(),
        max_per_transfer_g: tonnes(100),
        min_per_transfer_g: tonnes(1),
        origin: registry(),
        outstanding_cap_g: tonnes(1_000),
        redemption: vec![Purpose::Release, Purpose::Retire],
        rolling_limit: None,
        step_g: tonnes(1),
        v: 1,
        version: 1,
    }
}

/// Units `first..=last` of the sample class, as the registry writes them.
pub fn block(first: u64, last: u64) -> SerialBlock {
    let series = Series {
        before: "19385-".into(),
        after: "-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1".into(),
    };
    SerialBlock::new(NumberingSpace("vcs/13".into()), first, last, series).unwrap()
}

/// An outbound transfer of `units`; another number is another transfer.
pub fn outbound(number: u64, units: &[SerialBlock]) -> Outbound {
    let terms = OutboundTerms {
        account: account(),
        asset_class: class().id(),
        destination: chain(),
        gate: gate(),
        kind: OutboundKind::Outbound,
        nonce: hash(number),
        origin: registry(),
        quantity_g: serial_block::total(units),
        recipient: Address::new([0x22; 20]),
        route: route().id,
        units: units.iter().map(ToString::to_string).collect(),
        v: 1,
    };
    Outbound {
        terms,
        units: serial_block::normalise(units).unwrap(),
        pool: pool().id(),
        custody_account: custody(),
    }
}

/// A mandate by its form; whose it is nobody checks after admission.
pub fn mandate() -> Mandate {
    Mandate::from_bytes(&[7; 64]).unwrap()
}

/// The first event of an outbound transfer.
pub fn requested(outbound: &Outbound) -> Event {
    Event::Requested {
        terms: Terms::Outbound(outbound.clone()),
        mandate: Some(mandate()),
    }
}

/// What the sample burner wants.
pub fn instruction(purpose: Purpose) -> Instruction {
    let (salt, v) = (Hash32::new([5; 32]), 1);
    match purpose {
        Purpose::Release => Instruction::Release {
            account: "1002".parse().unwrap(),
            salt,
            v,
        },
        Purpose::Retire => Instruction::Retire {
            beneficiary: "Acme Ltd".into(),
            reason: "2025 emissions".into(),
            salt,
            v,
        },
    }
}

/// The sample burner's redirection, by its form; who signed it nobody checks after admission.
pub fn redirection(counter: u64, purpose: Purpose) -> Redirection {
    let instruction = match instruction(purpose) {
        Instruction::Release { salt, v, .. } => Instruction::Release {
            account: "1003".parse().unwrap(),
            salt,
            v,
        },
        retire @ Instruction::Retire { .. } => retire,
    };
    Redirection {
        counter,
        instruction,
        signature: vec![7; 65],
    }
}

/// The gate's burn `number`.
pub fn burn(number: u64, tonnes: u64, purpose: Purpose) -> Burn {
    Burn {
        ledger: chain(),
        chain_id: 31337,
        gate: gate(),
        number,
        asset_class: class().id(),
        holder: Address::new([0x44; 20]),
        quantity: Quantity::from_tonnes(tonnes).unwrap(),
        purpose,
        commitment: instruction(purpose).commitment(),
    }
}

/// The return of a burn that got `allocation`.
pub fn back(number: u64, purpose: Purpose, allocation: &[SerialBlock]) -> Return {
    let tonnes = allocation.iter().map(SerialBlock::quantity_t).sum();
    Return {
        burn: burn(number, tonnes, purpose),
        origin: registry(),
        pool: pool().id(),
        custody_account: custody(),
        allocation: allocation.to_vec(),
        written_off: Quantity::ZERO,
    }
}

/// The first event of a return.
pub fn burned(back: &Return) -> Event {
    Event::Burned {
        terms: Terms::Return(back.clone()),
        receipt: receipt(OperationKind::Burn, back.burn.quantity, &[]),
    }
}

/// A receipt, of a registry if it names units and of a chain if not.
pub fn receipt(operation: OperationKind, quantity: Quantity, units: &[SerialBlock]) -> Receipt {
    let (position, kind) = if units.is_empty() {
        let position = Position::Chain {
            height: 7,
            block: hash(7),
            transaction: hash(8),
        };
        (position, EvidenceKind::EvmReceipt)
    } else {
        (
            Position::Registry { sequence: 7 },
            EvidenceKind::RegistryReceipt,
        )
    };
    Receipt {
        operation,
        quantity,
        units: units.to_vec(),
        at: Timestamp::from_s(1_700_000_000),
        position,
        certificate: (operation == OperationKind::Retire).then(|| "CERT-1".into()),
        evidence: Evidence::new(kind, b"evidence".to_vec()),
    }
}

/// What the mint of an outbound transfer says.
pub fn mint_item(outbound: &Outbound) -> MintItem {
    MintItem {
        transfer: outbound.terms.id(),
        asset_class: outbound.terms.asset_class,
        recipient: outbound.terms.recipient,
        quantity: outbound.terms.quantity_g,
    }
}

/// A batch by its form, signed by two.
pub fn batch(items: Vec<MintItem>, deadline: Timestamp) -> Arc<SignedBatch> {
    let id = jcs::digest(&(&items, deadline));
    Arc::new(SignedBatch {
        id: BatchId::new(id),
        items,
        log: LogHead {
            size: 9,
            root: hash(9),
        },
        epoch: 1,
        deadline,
        signatures: vec![vec![1; 65], vec![2; 65]],
    })
}

/// A void by its form, signed by two.
pub fn signed_void() -> SignedVoid {
    SignedVoid {
        epoch: 1,
        signatures: vec![vec![1; 65], vec![2; 65]],
    }
}

/// A definite no.
pub fn refusal(lasting: Lasting) -> Refusal {
    Refusal {
        code: "no".into(),
        field: String::new(),
        value: String::new(),
        message: "the ledger said no".into(),
        lasting,
    }
}

/// Something that a person must look at.
pub fn finding() -> Finding {
    Finding {
        code: "ISTHMUS-0001".into(),
        detail: "the ledger contradicts itself".into(),
    }
}
