//! From a proven event of the gate to the core's receipt.

use alloy::primitives::Log;
use alloy::sol_types::SolEvent;
use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::instruction::Purpose;
use isthmus_core::operation::{MintItem, OperationKind};
use isthmus_core::ports::FindError;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Position, Receipt};
use isthmus_core::terms::Burn;
use isthmus_core::time::Timestamp;

use crate::block_evidence::Proven;
use crate::chain::Chain;
use crate::contract::{Gate, core_address, core_class, core_quantity};
use crate::settlements::What;

/// What the gate recorded about a transfer.
#[derive(Clone, Debug)]
pub(crate) enum Settlement {
    /// Minted: the item as the gate carried it out.
    Minted { item: MintItem, receipt: Receipt },
    /// Voided.
    Voided { receipt: Receipt },
}

/// Reads what a proven event says about a transfer.
pub(crate) fn settlement(
    chain: &Chain,
    transfer: TransferId,
    what: What,
    proven: &Proven,
) -> Result<Settlement, FindError> {
    match what {
        What::Minted {
            class,
            recipient,
            quantity,
        } => {
            let quantity = core_quantity(quantity).ok_or_else(|| out_of_range(chain, proven))?;
            Ok(Settlement::Minted {
                item: MintItem {
                    transfer,
                    asset_class: core_class(class),
                    recipient: core_address(recipient),
                    quantity,
                },
                receipt: receipt(OperationKind::Mint, quantity, proven),
            })
        }
        // A void moves nothing.
        What::Voided => Ok(Settlement::Voided {
            receipt: receipt(OperationKind::Void, Quantity::ZERO, proven),
        }),
    }
}

/// Reads a proven `Burned`.
pub(crate) fn burn(chain: &Chain, proven: &Proven) -> Result<(Burn, Receipt), FindError> {
    let burn = burned(chain, &proven.event)?;
    let receipt = receipt(OperationKind::Burn, burn.quantity, proven);
    Ok((burn, receipt))
}

/// Reads a `Burned` and checks that the gate computed the BurnId as we do.
pub(crate) fn burned(chain: &Chain, log: &Log) -> Result<Burn, FindError> {
    let event = Gate::Burned::decode_log(log).map_err(|_| unreadable(chain, log, "a burn"))?;
    let too_large = || {
        chain.contradiction(format!(
            "burn {} is of {} g, more than can be",
            event.number, event.quantity
        ))
    };
    let quantity = core_quantity(event.quantity).ok_or_else(too_large)?;
    let purpose = match event.purpose {
        1 => Purpose::Release,
        2 => Purpose::Retire,
        other => {
            return Err(chain.contradiction(format!(
                "burn {} has purpose {other}, but a gate knows 1 and 2 only",
                event.number
            )));
        }
    };
    let burn = Burn {
        ledger: chain.ledger.clone(),
        chain_id: chain.id,
        gate: core_address(chain.gate),
        number: u64::try_from(event.number).map_err(|_| too_large())?,
        asset_class: core_class(event.assetClass),
        holder: core_address(event.holder),
        quantity,
        purpose,
        commitment: Hash32::new(event.commitment.0),
    };
    if burn.id() != TransferId::new(event.burnId.0) {
        return Err(chain.contradiction(format!(
            "burn {} has BurnId {} at the gate, but {} by the protocol",
            burn.number,
            event.burnId,
            burn.id()
        )));
    }
    Ok(burn)
}

fn receipt(operation: OperationKind, quantity: Quantity, proven: &Proven) -> Receipt {
    Receipt {
        operation,
        quantity,
        units: Vec::new(),
        at: Timestamp::from_s(proven.block.timestamp),
        position: Position::Chain {
            height: proven.block.number,
            block: Hash32::new(proven.block.hash.0),
            transaction: Hash32::new(proven.evidence.tx_hash.0),
        },
        certificate: None,
        evidence: proven.file.clone(),
    }
}

fn out_of_range(chain: &Chain, proven: &Proven) -> FindError {
    chain.contradiction(format!(
        "an event in transaction {} has a number above {} g, more than can be",
        proven.evidence.tx_hash,
        Quantity::MAX.grams()
    ))
}

fn unreadable(chain: &Chain, event: &Log, expected: &str) -> FindError {
    chain.contradiction(format!(
        "an event of {} with topics {:?} is not {expected} as the gate writes it",
        event.address,
        event.topics()
    ))
}
