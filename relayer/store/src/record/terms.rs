//! Records of what was agreed.

use isthmus_core::id::{Address, AssetClassId, Hash32, PoolId};
use isthmus_core::instruction::Purpose;
use isthmus_core::ports::StoreError;
use isthmus_core::terms::{Burn, Outbound, OutboundKind, OutboundTerms, Return};
use isthmus_proto::store::v1 as pb;

use crate::overlay::corrupt;
use crate::record::parts::{blocks, blocks_back, fixed, parsed, quantity};

pub(crate) fn outbound(o: &Outbound) -> pb::Outbound {
    pb::Outbound {
        account: o.terms.account.to_string(),
        asset_class: o.terms.asset_class.as_bytes().to_vec(),
        destination: o.terms.destination.to_string(),
        gate: o.terms.gate.as_bytes().to_vec(),
        nonce: o.terms.nonce.as_bytes().to_vec(),
        origin: o.terms.origin.to_string(),
        quantity_g: o.terms.quantity_g.grams(),
        recipient: o.terms.recipient.as_bytes().to_vec(),
        route: o.terms.route.to_string(),
        serials: o.terms.units.clone(),
        units: blocks(&o.units),
        pool: o.pool.as_bytes().to_vec(),
        custody_account: o.custody_account.to_string(),
    }
}

pub(crate) fn outbound_back(o: pb::Outbound) -> Result<Outbound, StoreError> {
    let terms = OutboundTerms {
        account: parsed(&o.account, "an account")?,
        asset_class: AssetClassId::new(fixed(&o.asset_class, "a class")?),
        destination: parsed(&o.destination, "a ledger")?,
        gate: Address::new(fixed(&o.gate, "a gate")?),
        kind: OutboundKind::Outbound,
        nonce: Hash32::new(fixed(&o.nonce, "a nonce")?),
        origin: parsed(&o.origin, "a ledger")?,
        quantity_g: quantity(o.quantity_g)?,
        recipient: Address::new(fixed(&o.recipient, "a recipient")?),
        route: parsed(&o.route, "a route")?,
        units: o.serials,
        v: 1,
    };
    Ok(Outbound {
        terms,
        units: blocks_back(o.units)?,
        pool: PoolId::new(fixed(&o.pool, "a pool")?),
        custody_account: parsed(&o.custody_account, "an account")?,
    })
}

pub(crate) fn back(r: &Return) -> pb::Return {
    pb::Return {
        ledger: r.burn.ledger.to_string(),
        chain_id: r.burn.chain_id,
        gate: r.burn.gate.as_bytes().to_vec(),
        number: r.burn.number,
        asset_class: r.burn.asset_class.as_bytes().to_vec(),
        holder: r.burn.holder.as_bytes().to_vec(),
        quantity_g: r.burn.quantity.grams(),
        purpose: match r.burn.purpose {
            Purpose::Release => 1,
            Purpose::Retire => 2,
        },
        commitment: r.burn.commitment.as_bytes().to_vec(),
        origin: r.origin.to_string(),
        pool: r.pool.as_bytes().to_vec(),
        custody_account: r.custody_account.to_string(),
        allocation: blocks(&r.allocation),
        written_off_g: r.written_off.grams(),
    }
}

pub(crate) fn back_back(r: pb::Return) -> Result<Return, StoreError> {
    let burn = Burn {
        ledger: parsed(&r.ledger, "a ledger")?,
        chain_id: r.chain_id,
        gate: Address::new(fixed(&r.gate, "a gate")?),
        number: r.number,
        asset_class: AssetClassId::new(fixed(&r.asset_class, "a class")?),
        holder: Address::new(fixed(&r.holder, "a holder")?),
        quantity: quantity(r.quantity_g)?,
        purpose: match r.purpose {
            1 => Purpose::Release,
            2 => Purpose::Retire,
            _ => return Err(corrupt("a purpose")),
        },
        commitment: Hash32::new(fixed(&r.commitment, "a commitment")?),
    };
    Ok(Return {
        burn,
        origin: parsed(&r.origin, "a ledger")?,
        pool: PoolId::new(fixed(&r.pool, "a pool")?),
        custody_account: parsed(&r.custody_account, "an account")?,
        allocation: blocks_back(r.allocation)?,
        written_off: quantity(r.written_off_g)?,
    })
}
