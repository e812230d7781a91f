//! Every kind of situation a transfer can be in, and every kind of event, for the table and the properties.

use crate::instruction::Purpose;
use crate::operation::{Authorisation, Item, MintItem, OperationKind, Work};
use crate::receipt::Lasting;
use crate::serial_block::SerialBlock;
use crate::testing::sample;
use crate::time::Timestamp;
use crate::transfer::{Event, Next, Resolution, Transfer};

/// Far from the deadline of the sample batch.
pub(super) const EARLY: Timestamp = Timestamp::from_s(1_700_000_000);
/// After it.
pub(super) const LATE: Timestamp = Timestamp::from_s(1_800_000_000);
const DEADLINE: Timestamp = Timestamp::from_s(1_700_086_400);

fn units() -> Vec<SerialBlock> {
    vec![sample::block(1, 10)]
}

fn mint_batch(item: MintItem) -> Authorisation {
    Authorisation::Mint(sample::batch(vec![item], DEADLINE))
}

pub(super) fn outbound() -> Transfer {
    Transfer::open(&sample::requested(&sample::outbound(1, &units()))).unwrap()
}

pub(super) fn returning(purpose: Purpose) -> Transfer {
    Transfer::open(&sample::burned(&sample::back(1, purpose, &units()))).unwrap()
}

/// The intent that comes next at `now`.
pub(super) fn intended(transfer: &Transfer, now: Timestamp) -> Event {
    match transfer.next(now) {
        Next::Do(work) => Event::Intended(work),
        // Something that never comes next.
        Next::Wait(_) | Next::Done => Event::Intended(Work::Attest {
            ledger: sample::registry(),
            item: Item::Void {
                transfer: transfer.id(),
            },
        }),
    }
}

/// Every kind of event about this transfer, named: what the ledgers, the quorum and people may say, true or not.
#[allow(clippy::too_many_lines, reason = "a list")]
pub(super) fn events(transfer: &Transfer) -> Vec<(&'static str, Event)> {
    let quantity = transfer.quantity();
    let receipt = |operation, units: &[SerialBlock]| sample::receipt(operation, quantity, units);
    let other_units = [sample::block(21, 30)];
    let item = sample::mint_item(&sample::outbound(1, &units()));
    let other_item = MintItem {
        recipient: crate::id::Address::new([0x66; 20]),
        ..item.clone()
    };
    let people = |two: [&str; 2]| two.map(str::to_owned);
    let resolved = |resolution, two| Event::Resolved {
        resolution,
        by: people(two),
    };
    let mint = receipt(OperationKind::Mint, &[]);
    vec![
        (
            "requested",
            sample::requested(&sample::outbound(1, &units())),
        ),
        (
            "burned",
            sample::burned(&sample::back(1, Purpose::Release, &units())),
        ),
        ("intended: what comes next", intended(transfer, EARLY)),
        (
            "intended: what comes next after the deadline",
            intended(transfer, LATE),
        ),
        (
            "intended: something else",
            Event::Intended(Work::Attest {
                ledger: sample::registry(),
                item: Item::Mint(other_item.clone()),
            }),
        ),
        (
            "locked",
            Event::Locked(receipt(OperationKind::Lock, &units())),
        ),
        (
            "locked: other units",
            Event::Locked(receipt(OperationKind::Lock, &other_units)),
        ),
        ("authorised: the mint", Event::Authorised(mint_batch(item))),
        (
            "authorised: a mint to another recipient",
            Event::Authorised(mint_batch(other_item)),
        ),
        (
            "authorised: the void",
            Event::Authorised(Authorisation::Void(sample::signed_void())),
        ),
        ("lapsed", Event::Lapsed(sample::refusal(Lasting::Later))),
        (
            "refused: for now",
            Event::Refused(sample::refusal(Lasting::Later)),
        ),
        (
            "refused: for ever",
            Event::Refused(sample::refusal(Lasting::Never)),
        ),
        ("given: minted", Event::Given(mint)),
        (
            "given: released",
            Event::Given(receipt(OperationKind::Release, &units())),
        ),
        (
            "given: other units released",
            Event::Given(receipt(OperationKind::Release, &other_units)),
        ),
        (
            "given: retired",
            Event::Given(receipt(OperationKind::Retire, &units())),
        ),
        ("voided", Event::Voided(receipt(OperationKind::Void, &[]))),
        (
            "unlocked",
            Event::Unlocked(receipt(OperationKind::Unlock, &units())),
        ),
        (
            "unlocked: other units",
            Event::Unlocked(receipt(OperationKind::Unlock, &other_units)),
        ),
        ("withdrawal_requested", Event::WithdrawalRequested),
        (
            "instructed: release",
            Event::Instructed(sample::instruction(Purpose::Release)),
        ),
        (
            "instructed: retire",
            Event::Instructed(sample::instruction(Purpose::Retire)),
        ),
        (
            "redirected",
            Event::Redirected(sample::redirection(
                transfer.redirections() + 1,
                Purpose::Release,
            )),
        ),
        (
            "redirected: to a retirement",
            Event::Redirected(sample::redirection(
                transfer.redirections() + 1,
                Purpose::Retire,
            )),
        ),
        (
            "redirected: an old counter",
            Event::Redirected(sample::redirection(
                transfer.redirections(),
                Purpose::Release,
            )),
        ),
        (
            "reallocated",
            Event::Reallocated(vec![sample::block(1, 4), sample::block(41, 46)]),
        ),
        (
            "reallocated: less",
            Event::Reallocated(vec![sample::block(41, 46)]),
        ),
        ("quarantined", Event::Quarantined(sample::finding())),
        (
            "resolved: resume",
            resolved(Resolution::Resume, ["ana", "ben"]),
        ),
        (
            "resolved: withdraw",
            resolved(Resolution::Withdraw, ["ana", "ben"]),
        ),
        (
            "resolved: by one person twice",
            resolved(Resolution::Resume, ["ana", "ana"]),
        ),
    ]
}

/// The transfer after the named events of the catalogue, each of which must be possible.
pub(super) fn after(start: Transfer, names: &[&str]) -> Transfer {
    names.iter().fold(start, |transfer, name| {
        let found = events(&transfer).into_iter().find(|(n, _)| n == name);
        let (_, event) = found.unwrap_or_else(|| panic!("no event {name}"));
        transfer
            .apply(&event)
            .unwrap_or_else(|e| panic!("{name}: {e}"))
    })
}

const NEXT: &str = "intended: what comes next";
const NEXT_LATE: &str = "intended: what comes next after the deadline";
const MINT_SIGNED: &str = "authorised: the mint";
const VOID_SIGNED: &str = "authorised: the void";

/// Every kind of situation, named.
#[allow(clippy::too_many_lines, reason = "a list")]
pub(super) fn situations() -> Vec<(&'static str, Transfer)> {
    let lock = [NEXT, "locked"];
    let signed = [NEXT, "locked", NEXT, MINT_SIGNED];
    let leaving = [NEXT, "locked", "withdrawal_requested"];
    let out = |path: &[&str]| after(outbound(), path);
    let then = |start: &[&str], more: &[&str]| after(out(start), more);
    let back = |path: &[&str]| after(returning(Purpose::Release), path);
    let burnt = |path: &[&str]| after(returning(Purpose::Retire), path);
    let voided = then(&leaving, &[NEXT, VOID_SIGNED, NEXT, "voided"]);
    vec![
        ("outbound, requested", outbound()),
        ("outbound, requested, lock pending", out(&[NEXT])),
        (
            "outbound, requested, lock pending, withdrawal wanted",
            out(&[NEXT, "withdrawal_requested"]),
        ),
        ("outbound, taken", out(&lock)),
        ("outbound, taken, attest pending", then(&lock, &[NEXT])),
        ("outbound, authorised", out(&signed)),
        ("outbound, authorised, mint pending", then(&signed, &[NEXT])),
        (
            "outbound, authorised, attest pending again",
            then(&signed, &[NEXT_LATE]),
        ),
        ("outbound, withdrawing", out(&leaving)),
        (
            "outbound, withdrawing, attest pending",
            then(&leaving, &[NEXT]),
        ),
        (
            "outbound, withdrawing, void signed",
            then(&leaving, &[NEXT, VOID_SIGNED]),
        ),
        (
            "outbound, withdrawing, void pending",
            then(&leaving, &[NEXT, VOID_SIGNED, NEXT]),
        ),
        ("outbound, voided", voided.clone()),
        (
            "outbound, voided, unlock pending",
            after(voided.clone(), &[NEXT]),
        ),
        (
            "outbound, completed",
            then(&signed, &[NEXT, "given: minted"]),
        ),
        ("outbound, returned", after(voided, &[NEXT, "unlocked"])),
        ("outbound, rejected", out(&["withdrawal_requested"])),
        (
            "outbound, quarantined at requested, lock pending",
            out(&[NEXT, "quarantined"]),
        ),
        (
            "outbound, quarantined at taken",
            then(&lock, &["quarantined"]),
        ),
        (
            "outbound, quarantined at authorised, mint pending",
            then(&signed, &[NEXT, "quarantined"]),
        ),
        (
            "outbound, quarantined at withdrawing",
            then(&leaving, &["quarantined"]),
        ),
        ("return, taken", back(&[])),
        ("return, taken, instructed", back(&["instructed: release"])),
        (
            "return, taken, release pending",
            back(&["instructed: release", NEXT]),
        ),
        (
            "return, taken, retire pending",
            burnt(&["instructed: retire", NEXT]),
        ),
        (
            "return, owed",
            back(&["instructed: release", NEXT, "refused: for ever"]),
        ),
        (
            "return, owed, redirected",
            back(&[
                "instructed: release",
                NEXT,
                "refused: for ever",
                "redirected",
            ]),
        ),
        (
            "return, completed",
            burnt(&["instructed: retire", NEXT, "given: retired"]),
        ),
        (
            "return, quarantined at taken, release pending",
            back(&["instructed: release", NEXT, "quarantined"]),
        ),
    ]
}
