//! Serials of a request: parsed, disjoint, and lying where the request says.

use isthmus_core::id::AccountId;
use isthmus_core::serial_block::SerialBlock;
use isthmus_vcs::serial::Serial;

use crate::sandbox::decide::Decider;
use crate::sandbox::outcome::{Refusal, RefusalCode};
use crate::sandbox::units::{StoredBlock, UnitState};

/// Most serials in one movement.
const MAX_SERIALS: usize = 500;

/// Where units must lie, and what is said if they do not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// Held by an account, to be locked.
    HeldBy(&'a AccountId),
    /// Locked in a custody account.
    LockedIn(&'a AccountId),
}

/// Parses serials and refuses overlaps among them.
pub(super) fn parse(serials: &[String]) -> Result<Vec<SerialBlock>, Refusal> {
    if serials.is_empty() || serials.len() > MAX_SERIALS {
        let (code, message) = (
            RefusalCode::OverLimit,
            format!("name 1 to {MAX_SERIALS} serials in one movement"),
        );
        return Err(Refusal::new(code, "units", serials.len(), message));
    }
    let mut blocks = Vec::with_capacity(serials.len());
    for text in serials {
        let serial: Serial =
            text.parse()
                .map_err(|error: isthmus_vcs::serial_error::SerialError| {
                    Refusal::new(
                        RefusalCode::MalformedSerial,
                        "units",
                        text,
                        error.to_string(),
                    )
                })?;
        blocks.push(SerialBlock::from(&serial));
    }
    let mut sorted: Vec<&SerialBlock> = blocks.iter().collect();
    sorted.sort_by_key(|block| (block.space(), block.first()));
    for (lower, upper) in sorted.iter().zip(sorted.iter().skip(1)) {
        if lower.intersects(upper) {
            let message = format!("{upper} shares units with {lower}: name each unit once");
            return Err(Refusal::new(RefusalCode::Overlaps, "units", upper, message));
        }
    }
    Ok(blocks)
}

/// The blocks in the order given, adjacent ones merged.
pub(super) fn merged(blocks: &[SerialBlock]) -> Vec<String> {
    let mut merged: Vec<SerialBlock> = Vec::with_capacity(blocks.len());
    for block in blocks {
        match merged.last().and_then(|previous| previous.merge(block)) {
            Some(joined) => {
                merged.pop();
                merged.push(joined);
            }
            None => merged.push(block.clone()),
        }
    }
    merged.iter().map(ToString::to_string).collect()
}

/// Tonnes in disjoint blocks.
pub(super) fn tonnes(blocks: &[SerialBlock]) -> u64 {
    blocks
        .iter()
        .fold(0, |sum, block| sum.saturating_add(block.quantity_t()))
}

impl Decider<'_> {
    /// That every unit of every block lies at `place`.
    pub(super) fn lie_at(&self, blocks: &[SerialBlock], place: Place<'_>) -> Result<(), Refusal> {
        blocks.iter().try_for_each(|block| {
            self.stored(block)?
                .into_iter()
                .try_for_each(|stored| check(block, stored, place))
        })
    }

    /// The stored blocks that hold `block`.
    pub(super) fn stored(&self, block: &SerialBlock) -> Result<Vec<&StoredBlock>, Refusal> {
        self.registry.books.covering(block).ok_or_else(|| {
            let message = format!("not every unit of {block} exists in this series: search the block and copy its serial");
            Refusal::new(RefusalCode::UnknownBlock, "units", block, message)
        })
    }
}

fn check(block: &SerialBlock, stored: &StoredBlock, place: Place<'_>) -> Result<(), Refusal> {
    let (state, account) = (stored.state, &stored.account);
    match place {
        Place::HeldBy(_) if state != UnitState::Held => {
            let message = format!(
                "units of {block} are {state} (stored as {}): only held units can be locked",
                stored.block
            );
            Err(Refusal::new(RefusalCode::NotHeld, "units", state, message))
        }
        Place::HeldBy(owner) if account != owner => {
            let message = format!(
                "units of {block} are not in account {owner}: lock them from the account that holds them"
            );
            Err(Refusal::new(RefusalCode::NotOwner, "units", block, message))
        }
        Place::LockedIn(custody) if state != UnitState::Locked || account != custody => {
            let message = format!(
                "units of {block} are {state} in account {account}, not locked in {custody}"
            );
            Err(Refusal::new(
                RefusalCode::NotInCustody,
                "units",
                block,
                message,
            ))
        }
        Place::HeldBy(_) | Place::LockedIn(_) => Ok(()),
    }
}
