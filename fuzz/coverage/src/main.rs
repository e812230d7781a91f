//! One binary for all targets: `ISTHMUS_FUZZ_TARGET` names the one to run, libFuzzer's own options follow on the command line.
#![no_main]

use std::sync::LazyLock;

use isthmus_fuzz::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("ISTHMUS_FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, target)| *target).unwrap_or_else(|| {
        let known: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("ISTHMUS_FUZZ_TARGET={name:?} is no target, choose one of {known:?}");
        std::process::exit(2);
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (*TARGET)(bytes));
