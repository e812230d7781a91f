//! What holders, exchanges and registries write about units.

use isthmus_core::id::{AccountId, Address, Hash32, LedgerId, RouteId, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::{HolderKey, Mandate, Wish};
use isthmus_core::route::RouteDocument;
use isthmus_core::terms::OutboundTerms;
use isthmus_prooflog::serial::Block;
use isthmus_vcs::serial::Serial;

/// A serial that is accepted reads the same when written again, and the auditor's own parser counts the same tonnes in it.
pub(crate) fn serial(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(serial) = text.parse::<Serial>() else {
        return;
    };
    let again: Result<Serial, _> = serial.to_string().parse();
    assert_eq!(again.as_ref(), Ok(&serial), "written and read again");
    let audited = Block::parse(&serial.to_string()).map(|block| block.quantity_t());
    assert_eq!(
        audited.ok(),
        Some(serial.quantity_t()),
        "the auditor's count"
    );
}

/// Ids have one spelling.
pub(crate) fn id(bytes: &[u8]) {
    fn one_spelling<T: std::str::FromStr + ToString>(text: &str) {
        if let Ok(id) = text.parse::<T>() {
            assert_eq!(id.to_string(), text, "an id has one spelling");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    one_spelling::<TransferId>(text);
    one_spelling::<Hash32>(text);
    one_spelling::<LedgerId>(text);
    one_spelling::<RouteId>(text);
    one_spelling::<AccountId>(text);
    // Mixed case is another spelling of the same address.
    let _address = text.parse::<Address>();
}

/// No mandate that was not made for it passes for this transfer.
pub(crate) fn mandate(bytes: &[u8]) {
    // A key whose secret nobody here has.
    const KEY: HolderKey = HolderKey([
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
        0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07,
        0x51, 0x1a,
    ]);
    let Ok(mandate) = Mandate::from_bytes(bytes) else {
        return;
    };
    let verified = mandate.verify(Wish::Transfer, TransferId::new([7; 32]), KEY);
    assert!(verified.is_err(), "a forged mandate");
}

/// Terms and instructions keep their id when written and read again; a route's problems can always be listed.
pub(crate) fn terms(bytes: &[u8]) {
    if let Ok(terms) = serde_json::from_slice::<OutboundTerms>(bytes) {
        let text = serde_json::to_vec(&terms).unwrap_or_default();
        let again = serde_json::from_slice::<OutboundTerms>(&text).map(|terms| terms.id());
        assert_eq!(again.ok(), Some(terms.id()), "the same transfer");
    }
    if let Ok(instruction) = serde_json::from_slice::<Instruction>(bytes) {
        let text = serde_json::to_vec(&instruction).unwrap_or_default();
        let again = serde_json::from_slice::<Instruction>(&text).map(|i| i.commitment());
        assert_eq!(again.ok(), Some(instruction.commitment()), "the same wish");
    }
    if let Ok(route) = serde_json::from_slice::<RouteDocument>(bytes) {
        let _problems = route.problems();
        let _digest = route.digest();
    }
}

/// Any answer of a registry is read or refused.
pub(crate) fn registry_answer(bytes: &[u8]) {
    isthmus_vcs::fuzzing::answer(bytes);
}
