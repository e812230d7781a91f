//! The command line, as people type it.

use std::path::Path;

use isthmus_e2e::devnet::Devnet;
use serde_json::Value;

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The one JSON document that it printed; fails if the command failed.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Runs `isthmus` without anybody's token.
pub(crate) async fn run(devnet: &Devnet, arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(&devnet.programs().isthmus);
    let output = command.args(arguments).output().await.unwrap();
    Said {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `isthmus` as somebody.
pub(crate) async fn as_person(devnet: &Devnet, person: &str, arguments: &[&str]) -> Said {
    let token = devnet
        .party_folder("people")
        .join(format!("{person}.token"));
    let who = [
        "--control",
        devnet.control_url(),
        "--token-file",
        path(&token),
    ];
    run(devnet, &[&who, arguments].concat()).await
}

/// A path as an argument.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
