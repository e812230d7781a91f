//! Large transfers are minted late (`RouteDocument::big_transfer`): locked at once, for everybody to see, and shown to attesters
//! only after the delay. Attesters count it themselves, from the time that the registry signed.

use isthmus_core::policy;
use isthmus_core::ports::StoreError;
use isthmus_core::terms::Terms;
use isthmus_core::time::Timestamp;
use isthmus_core::transfer::{State, Transfer};
use isthmus_store::Store;

/// Before when nobody is asked to sign the mint of a locked transfer, if its route delays it.
pub fn mint_not_before(
    store: &Store,
    transfer: &Transfer,
) -> Result<Option<Timestamp>, StoreError> {
    let (State::Taken { take }, Terms::Outbound(outbound)) = (transfer.state(), transfer.terms())
    else {
        return Ok(None);
    };
    let route = store.active_route(&outbound.terms.route)?;
    Ok(route
        .and_then(|route| policy::mint_not_before(&route.document, transfer.quantity(), take.at)))
}
