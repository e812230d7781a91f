//! Backup: a consistent copy of the store while work goes on.

use std::path::Path;

use isthmus_proto::v1 as pb;

use crate::control::error::{ApiError, FieldProblem};
use crate::control::shared::Shared;

/// Copies the store into a folder that does not exist yet. A failure leaves the running store as it is.
pub(crate) fn backup(shared: &Shared, directory: &Path) -> Result<pb::BackupResponse, ApiError> {
    let started = shared.now();
    let copied = shared.parts.store.backup(directory);
    let log_size = copied.map_err(|error| {
        let remedy = format!("a folder that this process can make and fill ({error})");
        FieldProblem::new("directory", directory.display().to_string(), remedy)
    })?;
    Ok(pb::BackupResponse {
        directory: directory.display().to_string(),
        log_size,
        took_ms: shared.now().ms().saturating_sub(started.ms()),
    })
}
