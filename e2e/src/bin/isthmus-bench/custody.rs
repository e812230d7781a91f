//! Whether units are held, asked of the custody book, against a `BTreeMap` in memory.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_store::Store;
use serde::Serialize;

use crate::Still;

/// Blocks that one write adds to the book while it is filled.
const FILL: u64 = 1000;
/// Units of a block, and of the gap after it.
const BLOCK: u64 = 100;
/// Questions asked of the book.
const QUESTIONS: u64 = 200_000;

#[derive(Debug, Serialize)]
pub(crate) struct CustodyReport {
    pub(crate) blocks: u64,
    pub(crate) btreemap_ns: f64,
    pub(crate) held_ns: f64,
    pub(crate) free_ns: f64,
    pub(crate) held_per_btreemap: f64,
}

pub(crate) fn measure(folder: &Path, blocks: u64) -> Result<CustodyReport, Box<dyn Error>> {
    let store = Store::open(&folder.join("custody"), "bench", Arc::new(Still))?;
    let mut map = BTreeMap::new();
    for start in (0..blocks).step_by(usize::try_from(FILL)?) {
        let numbers = start..(start + FILL).min(blocks);
        map.extend(
            numbers
                .clone()
                .map(|number| (first_of(number), first_of(number) + BLOCK - 1)),
        );
        let reserve = BookChange::Reserve {
            transfer: holder(start),
            pool: PoolId::new([1; 32]),
            route: "bench".parse()?,
            blocks: numbers
                .map(|number| block(first_of(number)))
                .collect::<Result<_, _>>()?,
        };
        for answer in store.append(vec![Append {
            book: vec![reserve],
            ..Append::default()
        }]) {
            answer?;
        }
    }
    let btreemap_ns = per_question(blocks, |number| {
        let wanted = first_of(number) + BLOCK - 1;
        let below = map.range(..=wanted).next_back();
        Ok(below.is_some_and(|(_, last)| *last >= first_of(number)))
    })?;
    let held_ns = per_question(blocks, |number| {
        Ok(store
            .custody_overlap(&[block(first_of(number))?])?
            .is_some())
    })?;
    let free_ns = per_question(blocks, |number| {
        Ok(store
            .custody_overlap(&[block(first_of(number) + BLOCK)?])?
            .is_none())
    })?;
    Ok(CustodyReport {
        blocks,
        btreemap_ns,
        held_ns,
        free_ns,
        held_per_btreemap: held_ns / btreemap_ns,
    })
}

/// Nanoseconds a question, blocks asked about in scattered order. A wrong answer is an error: it is fast for nothing.
fn per_question(
    blocks: u64,
    ask: impl Fn(u64) -> Result<bool, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    for question in 0..QUESTIONS {
        let number = question.wrapping_mul(0x9e37_79b9_7f4a_7c15) % blocks;
        if !black_box(ask(black_box(number))?) {
            return Err(format!("the custody book answers wrongly about block {number}").into());
        }
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(QUESTIONS)?))
}

/// Blocks and gaps take turns.
fn first_of(number: u64) -> u64 {
    1 + number * 2 * BLOCK
}

fn block(first: u64) -> Result<SerialBlock, Box<dyn Error>> {
    let series = Series {
        before: "19385-".into(),
        after: "-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1".into(),
    };
    let space = NumberingSpace("vcs/13".into());
    Ok(SerialBlock::new(space, first, first + BLOCK - 1, series)?)
}

fn holder(number: u64) -> TransferId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    TransferId::new(id)
}
