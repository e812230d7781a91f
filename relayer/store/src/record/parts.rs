//! Records of the parts that events are made of.

use isthmus_core::id::{AssetClassId, BatchId, DraftId, Hash32, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::operation::{
    Authorisation, LogHead, MintItem, OperationKind, SignedBatch, SignedVoid,
};
use isthmus_core::ports::{Draft, StoreError};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Evidence, EvidenceKind, Finding, Lasting, Position, Receipt, Refusal};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_core::time::Timestamp;
use isthmus_proto::store::v1 as pb;

use crate::disk::Disk;
use crate::overlay::corrupt;

/// Fixed-size bytes of a record.
pub(crate) fn fixed<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| corrupt(what))
}

pub(crate) fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(what))
}

pub(crate) fn quantity(grams: u64) -> Result<Quantity, StoreError> {
    Quantity::from_grams(grams).map_err(|_| corrupt("a quantity"))
}

fn block(block: &SerialBlock) -> pb::Block {
    pb::Block {
        space: block.space().0.clone(),
        first: block.first(),
        last: block.last(),
        before: block.series().before.clone(),
        after: block.series().after.clone(),
    }
}

pub(crate) fn blocks(list: &[SerialBlock]) -> Vec<pb::Block> {
    list.iter().map(block).collect()
}

pub(crate) fn blocks_back(list: Vec<pb::Block>) -> Result<Vec<SerialBlock>, StoreError> {
    let back = |b: pb::Block| {
        SerialBlock::new(
            NumberingSpace(b.space),
            b.first,
            b.last,
            Series {
                before: b.before,
                after: b.after,
            },
        )
        .map_err(|_| corrupt("a serial block"))
    };
    list.into_iter().map(back).collect()
}

pub(crate) fn receipt(r: &Receipt) -> pb::Receipt {
    pb::Receipt {
        evidence: r.evidence.bytes().to_vec(),
        ..without_evidence(r)
    }
}

/// The record of a receipt whose evidence is kept elsewhere.
pub(crate) fn without_evidence(r: &Receipt) -> pb::Receipt {
    let position = match &r.position {
        Position::Registry { sequence } => pb::receipt::Position::Sequence(*sequence),
        Position::Chain {
            height,
            block,
            transaction,
        } => pb::receipt::Position::Chain(pb::ChainPosition {
            height: *height,
            block: block.as_bytes().to_vec(),
            transaction: transaction.as_bytes().to_vec(),
        }),
    };
    pb::Receipt {
        operation: r.operation.as_str().into(),
        quantity_g: r.quantity.grams(),
        units: blocks(&r.units),
        at_ms: r.at.ms(),
        position: Some(position),
        certificate: r.certificate.clone().unwrap_or_default(),
        evidence_kind: r.evidence.kind().as_str().into(),
        evidence: Vec::new(),
        evidence_sha256: Vec::new(),
    }
}

pub(crate) fn receipt_back(r: pb::Receipt) -> Result<Receipt, StoreError> {
    let kind = [EvidenceKind::RegistryReceipt, EvidenceKind::EvmReceipt]
        .into_iter()
        .find(|k| k.as_str() == r.evidence_kind);
    Ok(Receipt {
        operation: operation_kind(&r.operation)?,
        quantity: quantity(r.quantity_g)?,
        units: blocks_back(r.units)?,
        at: Timestamp::from_ms(r.at_ms),
        position: match r.position {
            Some(pb::receipt::Position::Sequence(sequence)) => Position::Registry { sequence },
            Some(pb::receipt::Position::Chain(chain)) => Position::Chain {
                height: chain.height,
                block: Hash32::new(fixed(&chain.block, "a block hash")?),
                transaction: Hash32::new(fixed(&chain.transaction, "a transaction hash")?),
            },
            None => return Err(corrupt("a receipt's position")),
        },
        certificate: Some(r.certificate).filter(|c| !c.is_empty()),
        evidence: Evidence::new(
            kind.ok_or_else(|| corrupt("a kind of evidence"))?,
            r.evidence,
        ),
    })
}

pub(crate) fn operation_kind(name: &str) -> Result<OperationKind, StoreError> {
    OperationKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| corrupt("an operation"))
}

pub(crate) fn refusal(r: &Refusal) -> pb::Refusal {
    pb::Refusal {
        code: r.code.clone(),
        field: r.field.clone(),
        value: r.value.clone(),
        message: r.message.clone(),
        later: match r.lasting {
            Lasting::Later => true,
            Lasting::Never => false,
        },
    }
}

pub(crate) fn refusal_back(r: pb::Refusal) -> Refusal {
    let lasting = if r.later {
        Lasting::Later
    } else {
        Lasting::Never
    };
    Refusal {
        code: r.code,
        field: r.field,
        value: r.value,
        message: r.message,
        lasting,
    }
}

pub(crate) fn finding(f: &Finding) -> pb::Finding {
    pb::Finding {
        code: f.code.clone(),
        detail: f.detail.clone(),
    }
}

pub(crate) fn finding_back(f: pb::Finding) -> Finding {
    Finding {
        code: f.code,
        detail: f.detail,
    }
}

pub(crate) fn instruction(i: &Instruction) -> pb::Instruction {
    match i {
        Instruction::Release { account, salt, .. } => pb::Instruction {
            purpose: Some(pb::instruction::Purpose::Release(pb::ReleaseTo {
                account: account.to_string(),
            })),
            salt: salt.as_bytes().to_vec(),
        },
        Instruction::Retire {
            beneficiary,
            reason,
            salt,
            ..
        } => pb::Instruction {
            purpose: Some(pb::instruction::Purpose::Retire(pb::RetireFor {
                beneficiary: beneficiary.clone(),
                reason: reason.clone(),
            })),
            salt: salt.as_bytes().to_vec(),
        },
    }
}

pub(crate) fn instruction_back(i: pb::Instruction) -> Result<Instruction, StoreError> {
    let salt = Hash32::new(fixed(&i.salt, "a salt")?);
    match i.purpose {
        Some(pb::instruction::Purpose::Release(to)) => Ok(Instruction::Release {
            account: parsed(&to.account, "an account")?,
            salt,
            v: 1,
        }),
        Some(pb::instruction::Purpose::Retire(r)) => Ok(Instruction::Retire {
            beneficiary: r.beneficiary,
            reason: r.reason,
            salt,
            v: 1,
        }),
        None => Err(corrupt("an instruction")),
    }
}

pub(crate) fn void(v: &SignedVoid) -> pb::SignedVoid {
    pb::SignedVoid {
        epoch: v.epoch,
        signatures: v.signatures.clone(),
    }
}

pub(crate) fn void_back(v: pb::SignedVoid) -> SignedVoid {
    SignedVoid {
        epoch: v.epoch,
        signatures: v.signatures,
    }
}

/// A batch goes by its id: all of its transfers share it.
pub(crate) fn authorisation(a: &Authorisation) -> pb::Authorisation {
    use pb::authorisation::Kind;
    pb::Authorisation {
        kind: Some(match a {
            Authorisation::Mint(batch) => Kind::Batch(batch.id.as_bytes().to_vec()),
            Authorisation::Void(signed) => Kind::Void(void(signed)),
        }),
    }
}

pub(crate) fn authorisation_back(
    disk: &Disk,
    kind: pb::authorisation::Kind,
) -> Result<Authorisation, StoreError> {
    use pb::authorisation::Kind;
    match kind {
        Kind::Batch(id) => disk.batch(&id).map(Authorisation::Mint),
        Kind::Void(signed) => Ok(Authorisation::Void(void_back(signed))),
    }
}

pub(crate) fn batch(b: &SignedBatch) -> pb::SignedBatch {
    let item = |i: &MintItem| pb::MintItem {
        transfer: i.transfer.as_bytes().to_vec(),
        asset_class: i.asset_class.as_bytes().to_vec(),
        recipient: i.recipient.as_bytes().to_vec(),
        quantity_g: i.quantity.grams(),
    };
    pb::SignedBatch {
        items: b.items.iter().map(item).collect(),
        log_size: b.log.size,
        log_root: b.log.root.as_bytes().to_vec(),
        epoch: b.epoch,
        deadline_ms: b.deadline.ms(),
        signatures: b.signatures.clone(),
    }
}

pub(crate) fn batch_back(id: &[u8], b: pb::SignedBatch) -> Result<SignedBatch, StoreError> {
    let item = |i: pb::MintItem| {
        Ok(MintItem {
            transfer: TransferId::new(fixed(&i.transfer, "a transfer")?),
            asset_class: AssetClassId::new(fixed(&i.asset_class, "a class")?),
            recipient: isthmus_core::id::Address::new(fixed(&i.recipient, "a recipient")?),
            quantity: quantity(i.quantity_g)?,
        })
    };
    Ok(SignedBatch {
        id: BatchId::new(fixed(id, "a batch's id")?),
        items: b
            .items
            .into_iter()
            .map(item)
            .collect::<Result<_, StoreError>>()?,
        log: LogHead {
            size: b.log_size,
            root: Hash32::new(fixed(&b.log_root, "a root")?),
        },
        epoch: b.epoch,
        deadline: Timestamp::from_ms(b.deadline_ms),
        signatures: b.signatures,
    })
}

pub(crate) fn draft(d: &Draft) -> pb::Draft {
    pb::Draft {
        id: d.id.as_bytes().to_vec(),
        bytes: d.bytes.clone(),
        nonce: d.nonce,
        expires_ms: d.expires.map(Timestamp::ms),
    }
}

pub(crate) fn draft_back(d: pb::Draft) -> Result<Draft, StoreError> {
    let id = DraftId::new(fixed(&d.id, "a draft's id")?);
    Ok(Draft {
        id,
        bytes: d.bytes,
        nonce: d.nonce,
        expires: d.expires_ms.map(Timestamp::from_ms),
    })
}
