//! House rules that a compiler does not check. Every rule is a function from text to complaints, and has a test that shows
//! it complain; the test named `repository_…` applies it to every file.

mod dependencies;
mod documents;
mod files;
mod ports;
mod repository;
mod sources;
mod words;

/// Fails with all complaints at once.
#[track_caller]
fn assert_tidy(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
