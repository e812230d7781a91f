//! Figures of the store alone: `cargo run --release -p isthmus-store --example measure -- FOLDER WHAT [NUMBER]`.
//!
//! WHAT is `fill` (NUMBER finished and a hundredth of it pending transfers), `restart` (of what was filled), `due`
//! (NUMBER pending), `put-off` (NUMBER deferrals of as many transfers, then pages), `custody` (NUMBER blocks) or `log`.

#![allow(
    clippy::unwrap_used,
    reason = "a tool for developers: an error ends it"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use isthmus_core::id::DraftId;
use isthmus_core::operation::{Authorisation, Lane, OperationKind, Step};
use isthmus_core::ports::{Append, BookChange, Draft, Journal};
use isthmus_core::terms::Outbound;
use isthmus_core::testing::sample;
use isthmus_core::time::{Clock, Timestamp};
use isthmus_core::transfer::{Event, Next, Transfer};
use isthmus_store::Store;

const NOW: Timestamp = Timestamp::from_s(1_700_000_000);
const BATCH: u64 = 100;

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, what, rest @ ..] = arguments.as_slice() else {
        say("usage: measure FOLDER fill|restart|due|put-off|custody|log [NUMBER]");
        return;
    };
    let number: u64 = rest.first().map_or(10_000, |n| n.parse().unwrap());
    let folder = Path::new(folder);
    match what.as_str() {
        "fill" => fill(&open(folder), number),
        "restart" => restart(folder),
        "due" => due(&open(folder), number),
        "put-off" => put_off(&open(folder), number),
        "custody" => custody(&open(folder), number),
        "log" => log(&open(folder), number),
        other => say(&format!("{other} is not measured")),
    }
    say(&format!("rss_mb {}", rss_mb()));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
}

fn rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

fn open(folder: &Path) -> Store {
    Store::open(folder, "bench", Arc::new(Still)).unwrap()
}

fn timed<T>(name: &str, times: u64, what: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let answer = what();
    let took = begun.elapsed();
    let each = took.as_nanos() / u128::from(times.max(1));
    say(&format!(
        "{name}: {:.1} ms, {each} ns each",
        took.as_secs_f64() * 1e3
    ));
    answer
}

fn outbound(number: u64) -> Outbound {
    sample::outbound(number, &[sample::block(number * 2 + 2, number * 2 + 2)])
}

/// How far a transfer is told.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Minting,
    Finished,
}

fn admission(outbound: &Outbound) -> Append {
    let transfer = outbound.terms.id();
    Append {
        transfer: Some((transfer, 0)),
        events: vec![sample::requested(outbound)],
        book: vec![BookChange::Reserve {
            transfer,
            pool: outbound.pool,
            route: outbound.terms.route.clone(),
            blocks: outbound.units.clone(),
        }],
        ..Append::default()
    }
}

/// Appends a batch of transfers with all their events, in one write.
fn tell(store: &Store, from: u64, end: End) {
    let outbounds: Vec<_> = (from..from + BATCH).map(outbound).collect();
    let items = outbounds.iter().map(sample::mint_item).collect();
    let batch = sample::batch(items, NOW.plus_ms(86_400_000));
    let draft = Draft {
        id: DraftId::new(*sample::hash(from).as_bytes()),
        bytes: vec![7; 200 * 100],
        nonce: Some(from),
        expires: None,
    };
    let entries = outbounds.iter().map(|outbound| {
        let mut entry = admission(outbound);
        let mut transfer = Transfer::open(&entry.events[0]).unwrap();
        let mut then = |event: Event| {
            transfer = transfer.apply(&event).unwrap();
            entry.events.push(event);
            transfer.clone()
        };
        let intended = |transfer: &Transfer| match transfer.next(NOW) {
            Next::Do(work) => Event::Intended(work),
            Next::Wait(_) | Next::Done => unreachable!(),
        };
        let first = Transfer::open(&sample::requested(outbound)).unwrap();
        let quantity = first.quantity();
        then(intended(&first));
        let taken = then(Event::Locked(sample::receipt(
            OperationKind::Lock,
            quantity,
            &outbound.units,
        )));
        then(intended(&taken));
        let signed = then(Event::Authorised(Authorisation::Mint(Arc::clone(&batch))));
        then(intended(&signed));
        if end == End::Finished {
            then(Event::Given(sample::receipt(
                OperationKind::Mint,
                quantity,
                &[],
            )));
            entry.book.push(BookChange::Offer {
                transfer: outbound.terms.id(),
            });
        } else {
            entry.drafts = vec![draft.clone()];
        }
        entry.leaves = vec![vec![b'x'; 700]];
        entry.batches = vec![Arc::clone(&batch)];
        entry
    });
    for answer in store.append(entries.collect()) {
        answer.unwrap();
    }
}

fn lane(step: OperationKind) -> Lane {
    let ledger = if step == OperationKind::Mint {
        sample::chain()
    } else {
        sample::registry()
    };
    Lane {
        ledger,
        step: Step::Operation(step),
    }
}

fn fill(store: &Store, finished: u64) {
    timed("fill", finished, || {
        for from in (0..finished).step_by(usize::try_from(BATCH).unwrap()) {
            tell(store, from, End::Finished);
        }
        for from in (finished..finished + finished / 100).step_by(usize::try_from(BATCH).unwrap()) {
            tell(store, from, End::Minting);
        }
    });
}

fn restart(folder: &Path) {
    let begun = Instant::now();
    let store = timed("open", 1, || open(folder));
    let due = timed("first due", 1, || {
        store.due(&lane(OperationKind::Mint), NOW, 128).unwrap()
    });
    say(&format!(
        "{} due; restart {:.1} ms",
        due.len(),
        begun.elapsed().as_secs_f64() * 1e3
    ));
    timed("first append", 1, || {
        store.append(vec![Append {
            leaves: vec![vec![b'y'; 700]],
            ..Append::default()
        }])
    });
}

fn due(store: &Store, number: u64) {
    for from in (0..number).step_by(usize::try_from(BATCH).unwrap()) {
        tell(store, from, End::Minting);
    }
    let page = |limit| store.due(&lane(OperationKind::Mint), NOW, limit).unwrap();
    for limit in [1, 128, 128, 1024] {
        let found = timed(&format!("due page of {limit}"), limit, || {
            page(usize::try_from(limit).unwrap())
        });
        assert_eq!(found.len(), usize::try_from(limit).unwrap());
    }
    timed("backlog", 1, || {
        store.lane_backlog(&lane(OperationKind::Mint)).unwrap()
    });
    let ids: Vec<_> = page(1000).iter().map(|(t, _)| t.id()).collect();
    timed("transfer()", 1000, || {
        for id in &ids {
            store.transfer(*id).unwrap();
        }
    });
}

/// Everything due is put off in pages, again and again, as lanes do that wait for confirmations.
fn put_off(store: &Store, number: u64) {
    for from in (0..number).step_by(usize::try_from(BATCH).unwrap()) {
        tell(store, from, End::Minting);
    }
    let lane = lane(OperationKind::Mint);
    let begun = Instant::now();
    let (mut pages, mut worst) = (0u32, 0.0f64);
    for round in 1..=3u64 {
        loop {
            let asked = Instant::now();
            let page = store.due(&lane, NOW.plus_ms(round), 128).unwrap();
            worst = worst.max(asked.elapsed().as_secs_f64() * 1e3);
            pages += 1;
            if page.is_empty() {
                break;
            }
            let later: Vec<_> = page
                .iter()
                .map(|(t, _)| (t.id(), NOW.plus_ms(round + 1)))
                .collect();
            store.defer(&later).unwrap();
        }
    }
    say(&format!(
        "{pages} pages and deferrals of {number}, three times: {:.0} ms, {:.2} ms a page, slowest query {worst:.2} ms",
        begun.elapsed().as_secs_f64() * 1e3,
        begun.elapsed().as_secs_f64() * 1e3 / f64::from(pages)
    ));
    timed("empty query", 1, || {
        store.due(&lane, NOW.plus_ms(3), 128).unwrap()
    });
    timed("empty query again", 1, || {
        store.due(&lane, NOW.plus_ms(3), 128).unwrap()
    });
    timed("full page", 128, || {
        store.due(&lane, NOW.plus_ms(9), 128).unwrap()
    });
}

fn custody(store: &Store, blocks: u64) {
    let block =
        |number: u64, gap: u64| sample::block(1 + number * 200 + gap, 100 + number * 200 + gap);
    for from in (0..blocks).step_by(1000) {
        let id = outbound(from).terms.id();
        let reserve = BookChange::Reserve {
            transfer: id,
            pool: sample::pool().id(),
            route: sample::route().id,
            blocks: (from..from + 1000).map(|n| block(n, 0)).collect(),
        };
        for answer in store.append(vec![Append {
            book: vec![reserve],
            ..Append::default()
        }]) {
            answer.unwrap();
        }
    }
    for pass in ["first", "second"] {
        for (name, gap) in [("held", 0), ("free", 100)] {
            timed(&format!("{name}, {pass}"), 200_000, || {
                for question in 0..200_000u64 {
                    let number = question.wrapping_mul(0x9e37_79b9_7f4a_7c15) % blocks;
                    let found = store.custody_overlap(&[block(number, gap)]).unwrap();
                    assert_eq!(found.is_some(), gap == 0);
                }
            });
        }
    }
}

fn log(store: &Store, number: u64) {
    let leaves = |n: u64| (0..n).map(|_| vec![b'x'; 600]).collect::<Vec<_>>();
    for (callers, batch) in [(1u64, 1u64), (1, 100), (1, 1000), (16, 1), (128, 1)] {
        let each = (number / callers).min(if callers == 1 && batch == 1 {
            3000
        } else {
            number
        });
        let syncs = store.syncs();
        timed(
            &format!("{callers} callers, {batch} leaves an append"),
            each * callers,
            || {
                std::thread::scope(|scope| {
                    for _ in 0..callers {
                        scope.spawn(|| {
                            for _ in (0..each).step_by(usize::try_from(batch).unwrap()) {
                                let entry = Append {
                                    leaves: leaves(batch),
                                    ..Append::default()
                                };
                                store.append(vec![entry]).pop().unwrap().unwrap();
                            }
                        });
                    }
                });
            },
        );
        say(&format!("  {} syncs", store.syncs() - syncs));
    }
}
