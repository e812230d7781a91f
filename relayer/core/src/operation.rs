//! Units of work: operations at a ledger, items for attesters, and the lanes they queue in.

mod lane;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Address, AssetClassId, BatchId, Hash32, LedgerId, TransferId};
use crate::instruction::{Instruction, Purpose};
use crate::mandate::Mandate;
use crate::quantity::Quantity;
use crate::serial_block::SerialBlock;
use crate::time::Timestamp;

pub use lane::{Lane, Step, Work};

/// One named unit of work at a ledger. Self-contained: an adapter needs nothing else to carry it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Immobilise units at the origin under the holder's mandate.
    Lock {
        /// Also the registry's reference.
        transfer: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// Whose units.
        account: AccountId,
        /// Where to.
        custody_account: AccountId,
        /// Which.
        units: Vec<SerialBlock>,
        /// The holder's signature.
        mandate: Mandate,
    },
    /// Undo a lock that was voided at the gate.
    Unlock {
        /// The transfer; the reference is `unlock:<id>`.
        transfer: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// Back to whom.
        account: AccountId,
        /// Where from.
        custody_account: AccountId,
        /// Which.
        units: Vec<SerialBlock>,
    },
    /// Issue equivalents.
    Mint {
        /// What exactly.
        item: MintItem,
        /// The chain.
        ledger: LedgerId,
        /// The signed batch that contains the item.
        batch: Arc<SignedBatch>,
    },
    /// Make sure that it can never be minted.
    Void {
        /// The transfer.
        transfer: TransferId,
        /// The chain.
        ledger: LedgerId,
        /// The quorum's signatures.
        authorisation: SignedVoid,
    },
    /// Give the originals of a burn back.
    Release {
        /// The burn; also the registry's reference.
        transfer: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// To whom.
        account: AccountId,
        /// Where from.
        custody_account: AccountId,
        /// Which.
        units: Vec<SerialBlock>,
    },
    /// Use the originals of a burn up for a claim.
    Retire {
        /// The burn; also the registry's reference.
        transfer: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// Where from.
        custody_account: AccountId,
        /// Which.
        units: Vec<SerialBlock>,
        /// On whose behalf.
        beneficiary: String,
        /// Why.
        reason: String,
    },
    /// Give a deposit that nobody asked for back to its sender.
    ReturnDeposit {
        /// The deposit's id.
        deposit: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// The registry's reference of the deposit; that of its return is `return:<reference>`.
        deposited: String,
        /// The sender.
        account: AccountId,
        /// Where from.
        custody_account: AccountId,
        /// Which.
        units: Vec<SerialBlock>,
    },
    /// An attester's yes to what the relayer proposed at a registry.
    Approve {
        /// The transfer whose movement is approved.
        transfer: TransferId,
        /// The registry.
        ledger: LedgerId,
        /// The proposal's reference.
        reference: String,
        /// Digest of the proposal as the attester read and checked it.
        digest: Hash32,
    },
}

/// The name of an operation, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperationKind {
    /// See [`Operation::Lock`].
    Lock,
    /// See [`Operation::Unlock`].
    Unlock,
    /// See [`Operation::Mint`].
    Mint,
    /// See [`Operation::Void`].
    Void,
    /// The holder's own act on the destination; observed, never sent by the relayer.
    Burn,
    /// See [`Operation::Release`].
    Release,
    /// See [`Operation::Retire`].
    Retire,
    /// See [`Operation::ReturnDeposit`].
    ReturnDeposit,
    /// See [`Operation::Approve`].
    Approve,
}

impl OperationKind {
    /// All of them, in the order of the protocol.
    pub const ALL: [Self; 9] = [
        Self::Lock,
        Self::Unlock,
        Self::Mint,
        Self::Void,
        Self::Burn,
        Self::Release,
        Self::Retire,
        Self::ReturnDeposit,
        Self::Approve,
    ];

    /// The name used in lanes, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Mint => "mint",
            Self::Void => "void",
            Self::Burn => "burn",
            Self::Release => "release",
            Self::Retire => "retire",
            Self::ReturnDeposit => "return_deposit",
            Self::Approve => "approve",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Operation {
    /// A question about what a gate made of a transfer, for those who have no signatures to send: whatever settled it is the answer.
    pub fn inquiry(transfer: TransferId, gate_ledger: LedgerId) -> Self {
        Self::Void {
            transfer,
            ledger: gate_ledger,
            authorisation: SignedVoid {
                epoch: 0,
                signatures: Vec::new(),
            },
        }
    }

    /// Its name.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Lock { .. } => OperationKind::Lock,
            Self::Unlock { .. } => OperationKind::Unlock,
            Self::Mint { .. } => OperationKind::Mint,
            Self::Void { .. } => OperationKind::Void,
            Self::Release { .. } => OperationKind::Release,
            Self::Retire { .. } => OperationKind::Retire,
            Self::ReturnDeposit { .. } => OperationKind::ReturnDeposit,
            Self::Approve { .. } => OperationKind::Approve,
        }
    }

    /// The transfer, or the deposit, that it belongs to.
    pub fn transfer(&self) -> TransferId {
        match self {
            Self::Lock { transfer, .. }
            | Self::Unlock { transfer, .. }
            | Self::Void { transfer, .. }
            | Self::Release { transfer, .. }
            | Self::Retire { transfer, .. }
            | Self::Approve { transfer, .. } => *transfer,
            Self::Mint { item, .. } => item.transfer,
            Self::ReturnDeposit { deposit, .. } => *deposit,
        }
    }

    /// Where it is done.
    pub fn ledger(&self) -> &LedgerId {
        match self {
            Self::Lock { ledger, .. }
            | Self::Unlock { ledger, .. }
            | Self::Mint { ledger, .. }
            | Self::Void { ledger, .. }
            | Self::Release { ledger, .. }
            | Self::Retire { ledger, .. }
            | Self::ReturnDeposit { ledger, .. }
            | Self::Approve { ledger, .. } => ledger,
        }
    }

    /// What the registry remembers it by, for ever (`docs/protocol.md` §5). On a chain the TransferId plays this part.
    pub fn reference(&self) -> String {
        match self {
            Self::Unlock { transfer, .. } => format!("unlock:{transfer}"),
            Self::ReturnDeposit { deposited, .. } => format!("return:{deposited}"),
            Self::Approve { reference, .. } => reference.clone(),
            Self::Lock { transfer, .. }
            | Self::Void { transfer, .. }
            | Self::Release { transfer, .. }
            | Self::Retire { transfer, .. } => transfer.to_string(),
            Self::Mint { item, .. } => item.transfer.to_string(),
        }
    }
}

/// Everything a mint says except batch and expiry: what an attester remembers before it signs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MintItem {
    /// The transfer.
    pub transfer: TransferId,
    /// The class.
    pub asset_class: AssetClassId,
    /// Who gets it.
    pub recipient: Address,
    /// How much.
    pub quantity: Quantity,
}

/// What a quorum is asked to sign about one transfer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Item {
    /// It may be minted.
    Mint(MintItem),
    /// It may never be minted.
    Void {
        /// The transfer.
        transfer: TransferId,
    },
}

impl Item {
    /// The transfer it is about.
    pub fn transfer(&self) -> TransferId {
        match self {
            Self::Mint(item) => item.transfer,
            Self::Void { transfer } => *transfer,
        }
    }
}

/// The log's state that a batch was signed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// Number of leaves.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash32,
}

/// Mint items that a quorum signed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBatch {
    /// The EIP-712 digest that was signed.
    pub id: BatchId,
    /// The items, in signed order.
    pub items: Vec<MintItem>,
    /// The log that contains their locks.
    pub log: LogHead,
    /// The signer set.
    pub epoch: u32,
    /// Last block timestamp at which it counts. Bounds old epochs, proves nothing (R2).
    pub deadline: Timestamp,
    /// 65 bytes each, ascending by signer.
    pub signatures: Vec<Vec<u8>>,
}

/// A void that a quorum signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedVoid {
    /// The signer set.
    pub epoch: u32,
    /// 65 bytes each, ascending by signer.
    pub signatures: Vec<Vec<u8>>,
}

/// A quorum's yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorisation {
    /// To a mint, inside a batch.
    Mint(Arc<SignedBatch>),
    /// To a void.
    Void(SignedVoid),
}

/// The operation at the origin that an instruction asks for.
pub fn redemption(purpose: Purpose) -> OperationKind {
    match purpose {
        Purpose::Release => OperationKind::Release,
        Purpose::Retire => OperationKind::Retire,
    }
}

/// The redemption of a burn as its instruction wants it.
pub fn redeem(back: &crate::terms::Return, instruction: &Instruction) -> Operation {
    let (transfer, ledger) = (back.burn.id(), back.origin.clone());
    let (custody_account, units) = (back.custody_account.clone(), back.allocation.clone());
    match instruction {
        Instruction::Release { account, .. } => Operation::Release {
            transfer,
            ledger,
            account: account.clone(),
            custody_account,
            units,
        },
        Instruction::Retire {
            beneficiary,
            reason,
            ..
        } => Operation::Retire {
            transfer,
            ledger,
            custody_account,
            units,
            beneficiary: beneficiary.clone(),
            reason: reason.clone(),
        },
    }
}
