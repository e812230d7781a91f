//! Fuzz targets: one for every parser and decoder that meets the outside. A target must survive any bytes, and whatever it
//! accepts must keep the promise that its body asserts.
//!
//! `tests/corpus.rs` runs each briefly over `fuzz/corpus` in `make test`; `make fuzz` lets libFuzzer search for new paths
//! (`coverage/`), and what it finds is committed to the corpus.

mod evidence;
mod requests;
mod units;

/// Something that takes any bytes. It panics if it accepted something that it should not have.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 12] = [
    ("serial", units::serial),
    ("id", units::id),
    ("mandate", units::mandate),
    ("terms", units::terms),
    ("registry_answer", units::registry_answer),
    ("receipt", evidence::receipt),
    ("leaf", evidence::leaf),
    ("note", evidence::note),
    ("evm_evidence", evidence::evm),
    ("bundle", evidence::bundle),
    ("request", requests::request),
    ("configuration", requests::configuration),
];
