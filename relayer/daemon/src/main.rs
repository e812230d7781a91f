//! The `isthmus` binary: everything is in the library, where it is tested.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A transfer is thousands of small allocations on many threads; glibc's allocator took an eighth of the processor time. Without huge
/// pages (`no_thp`): with them a backlog of 100 000 took a tenth more memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    isthmus::cli::run()
}
