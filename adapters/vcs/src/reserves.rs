//! What is locked in a pool's custody account, as the registry has it now.

use isthmus_core::pool::Pool;
use isthmus_core::ports::{FindError, Page, Reserves};
use isthmus_core::quantity::Quantity;
use isthmus_core::serial_block::SerialBlock;

use crate::bodies::{Search, SearchResult};
use crate::ledger::VcsLedger;
use crate::serial::Serial;

/// The locked units of the pool's class in its custody account, with the total of all pages.
pub(crate) async fn reserves(
    ledger: &VcsLedger,
    pool: &Pool,
    page: Page,
) -> Result<Reserves, FindError> {
    if pool.origin != *ledger.id() {
        let text = format!(
            "pool {} is of registry {}, this is {}",
            pool.id(),
            pool.origin,
            ledger.id()
        );
        return Err(FindError::Unavailable(text.into()));
    }
    let search = Search {
        account: Some(&pool.custody_account),
        state: Some("locked"),
        asset_class: Some(pool.asset_class),
        serials: None,
        offset: page.offset,
        limit: page.limit.clamp(1, ledger.max_list()),
    };
    let found: SearchResult = ledger
        .api()
        .post("/v1/blocks/search", &search)
        .await
        .map_err(crate::ledger::unavailable)?;
    let mut units = Vec::with_capacity(found.blocks.len());
    for block in &found.blocks {
        let asked = block.class.id() == pool.asset_class
            && block.account == pool.custody_account
            && block.state == "locked";
        if !asked {
            // A total that counts other units must not pass for reserves.
            let text = format!(
                "the registry counts {} among the reserves of pool {}, where it does not belong",
                block.serial,
                pool.id()
            );
            return Err(FindError::Unavailable(text.into()));
        }
        let serial = block.serial.parse::<Serial>();
        let serial = serial.map_err(|error| FindError::Unavailable(error.into()))?;
        units.push(SerialBlock::from(&serial));
    }
    let total = Quantity::from_tonnes(found.quantity_t)
        .map_err(|error| FindError::Unavailable(error.into()))?;
    Ok(Reserves {
        total,
        units,
        as_of: found.sequence,
    })
}
