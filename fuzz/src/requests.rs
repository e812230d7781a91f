//! What clients send and operators write.

use std::io::Write;

/// Any bytes in place of a request are refused by a status or become a request within its limits.
pub(crate) fn request(bytes: &[u8]) {
    isthmus::control::fuzzing::request(bytes);
}

/// A configuration is loaded, or every problem is told.
pub(crate) fn configuration(bytes: &[u8]) {
    let Ok(mut file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if file.write_all(bytes).is_err() {
        return;
    }
    if let Err(error) = isthmus::config::load_any(file.path()) {
        assert!(!error.problems.is_empty(), "refused without a reason");
    }
}
