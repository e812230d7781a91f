//! The `isthmus` binary: everything is in the library, where it is tested.

use std::process::ExitCode;

fn main() -> ExitCode {
    isthmus::cli::run()
}
