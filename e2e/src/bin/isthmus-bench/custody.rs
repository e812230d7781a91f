//! Whether units are held, asked of the custody book, against a `BTreeMap` in memory.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::Still;
use crate::figures::Figures;
use isthmus_core::id::{PoolId, TransferId};
use isthmus_core::ports::{Append, BookChange, Journal};
use isthmus_core::serial_block::{NumberingSpace, SerialBlock, Series};
use isthmus_store::Store;

/// Blocks that one write adds to the book while it is filled.
const FILL: u64 = 1000;
/// Units of a block, and of the gap after it.
const BLOCK: u64 = 100;
/// Questions asked of the book.
const QUESTIONS: u64 = 200_000;

/// Sizes of the book.
const SIZES: [u64; 4] = [1000, 10_000, 100_000, 1_000_000];

/// At every size.
pub(crate) fn measure(
    out: &mut impl Write,
    figures: &mut Figures,
    folder: &Path,
) -> anyhow::Result<()> {
    for blocks in SIZES {
        let (held_ns, free_ns, btreemap_ns) = of_size(folder, blocks)?;
        writeln!(
            out,
            "custody: {blocks} blocks: held {held_ns:.0} ns, free {free_ns:.0} ns, a BTreeMap in memory {btreemap_ns:.0} ns"
        )?;
        figures.set(&format!("custody_overlap_ns_{blocks}"), held_ns);
    }
    Ok(())
}

fn of_size(folder: &Path, blocks: u64) -> anyhow::Result<(f64, f64, f64)> {
    let path = folder.join(format!("custody-{blocks}"));
    let store = Store::open(&path, "bench", Arc::new(Still))?;
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
    Ok((held_ns, free_ns, btreemap_ns))
}

/// Nanoseconds a question, blocks asked about in scattered order. A wrong answer is an error: it is fast for nothing.
fn per_question(blocks: u64, ask: impl Fn(u64) -> anyhow::Result<bool>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for question in 0..QUESTIONS {
        let number = question.wrapping_mul(0x9e37_79b9_7f4a_7c15) % blocks;
        if !black_box(ask(black_box(number))?) {
            anyhow::bail!("the custody book answers wrongly about block {number}");
        }
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(QUESTIONS)?))
}

/// Blocks and gaps take turns.
fn first_of(number: u64) -> u64 {
    1 + number * 2 * BLOCK
}

fn block(first: u64) -> anyhow::Result<SerialBlock> {
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
