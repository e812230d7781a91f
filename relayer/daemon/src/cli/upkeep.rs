//! `reload` and `backup`: upkeep of a running relayer.

use std::path::Path;

use isthmus_proto::v1::{BackupRequest, ReloadRequest, ReloadResponse};
use serde_json::json;

use super::client::Control;
use super::failure::Failure;
use super::output::{Output, clean, duration};

/// Has the relayer read its configuration again.
pub(crate) async fn reload(control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
    let mut operator = control.connect().await?.operator();
    let answer = operator.reload(ReloadRequest {}).await?.into_inner();
    reloaded(&answer, out)
}

fn reloaded(answer: &ReloadResponse, out: &mut Output<'_>) -> Result<(), Failure> {
    out.show(
        || json!({ "changed": answer.changed, "refused": answer.refused }),
        |w| {
            for changed in &answer.changed {
                writeln!(w, "changed: {}", clean(changed))?;
            }
            for refused in &answer.refused {
                writeln!(w, "refused: {}", clean(refused))?;
            }
            match (answer.changed.is_empty(), answer.refused.is_empty()) {
                (true, true) => writeln!(w, "the file says what runs already"),
                (_, false) => writeln!(w, "nothing was changed"),
                (false, true) => Ok(()),
            }
        },
    )?;
    if answer.refused.is_empty() {
        return Ok(());
    }
    Err(Failure::Config(
        "the file as a whole is refused: correct it, or restart the relayer for what needs it"
            .into(),
    ))
}

/// Has the relayer copy its store.
pub(crate) async fn backup(
    control: &Control,
    folder: &Path,
    out: &mut Output<'_>,
) -> Result<(), Failure> {
    let directory = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let request = BackupRequest {
        directory: directory.display().to_string(),
    };
    let mut operator = control.connect().await?.operator();
    let answer = operator.backup(request).await?.into_inner();
    out.show(
        || json!({ "directory": answer.directory, "log_size": answer.log_size, "took_ms": answer.took_ms }),
        |w| {
            let (directory, took) = (clean(&answer.directory), duration(answer.took_ms));
            writeln!(w, "{directory}: {} leaves, took {took}", answer.log_size)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(changed: &[&str], refused: &[&str]) -> (String, Result<(), Failure>) {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let answer = ReloadResponse {
            changed: texts(changed),
            refused: texts(refused),
        };
        let mut written = Vec::new();
        let outcome = reloaded(&answer, &mut Output::new(&mut written, false));
        (String::from_utf8(written).unwrap(), outcome)
    }

    #[test]
    fn a_refused_file_fails_the_command_with_the_configuration_code() {
        let (text, outcome) = shown(&[], &["data_dir: restart to change it"]);
        assert_eq!(
            text,
            "refused: data_dir: restart to change it\nnothing was changed\n"
        );
        assert_eq!(outcome.unwrap_err().exit_code(), 3);
        let (text, outcome) = shown(&["identity a: may call now, as auditor"], &[]);
        assert_eq!(text, "changed: identity a: may call now, as auditor\n");
        outcome.unwrap();
        assert_eq!(shown(&[], &[]).0, "the file says what runs already\n");
    }
}
