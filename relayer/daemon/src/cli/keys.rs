//! `keys`: makes and shows keys. The secret is written to its file and nowhere else.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum};
use ed25519_dalek::SigningKey;
use isthmus_prooflog::note::LogSigner;
use serde_json::json;

use super::failure::Failure;
use super::output::{Output, fields};
use super::secret;

/// Makes and shows keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Makes a new key and prints its public half. Never overwrites a file.
    Generate {
        #[command(flatten)]
        kind: Kinds,
        /// New file for the secret key (64 hex digits, mode 0600).
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Prints the public half of a key.
    Show {
        #[command(flatten)]
        kind: Kinds,
        /// File with the secret key.
        file: PathBuf,
    },
}

/// What the key is for.
#[derive(Debug, Args)]
pub(crate) struct Kinds {
    /// ed25519 for holders, route admins and the proof log; secp256k1 for attesters and relayer accounts on chain.
    #[arg(long)]
    kind: Kind,
    /// With ed25519: also print the verifier key of the proof log of this name.
    #[arg(long, value_name = "ORIGIN")]
    log: Option<String>,
}

/// Which curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Ed25519,
    Secp256k1,
}

/// The public half.
struct Public {
    kind: &'static str,
    key: Option<String>,
    key_hex: Option<String>,
    vkey: Option<String>,
    address: Option<String>,
}

impl Keys {
    pub(crate) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Generate { kind, out: path } => {
                let bytes = secret::random()?;
                let public = kind.public(&bytes, path)?;
                secret::write_new(path, &format!("{}\n", hex::encode(bytes)))?;
                public.show(path, out)
            }
            Self::Show { kind, file } => kind.public(&secret::read(file)?, file)?.show(file, out),
        }
    }
}

impl Kinds {
    fn public(&self, secret: &[u8; 32], path: &Path) -> Result<Public, Failure> {
        match (self.kind, &self.log) {
            (Kind::Ed25519, log) => {
                let key = SigningKey::from_bytes(secret).verifying_key();
                let vkey = |origin: &String| {
                    LogSigner::new(origin.clone(), *secret, None)
                        .verifier()
                        .to_string()
                };
                Ok(Public {
                    kind: "ed25519",
                    key: Some(STANDARD.encode(key.as_bytes())),
                    key_hex: Some(format!("0x{}", hex::encode(key.as_bytes()))),
                    vkey: log.as_ref().map(vkey),
                    address: None,
                })
            }
            (Kind::Secp256k1, Some(log)) => Err(Failure::Usage(format!(
                "--log {log:?}: proof logs are signed with ed25519: use --kind ed25519"
            ))),
            (Kind::Secp256k1, None) => {
                let key = isthmus_evm::key::SigningKey::from_bytes(secret).map_err(|error| {
                    Failure::Usage(format!("key file {}: {error}", path.display()))
                })?;
                Ok(Public {
                    kind: "secp256k1",
                    key: None,
                    key_hex: None,
                    vkey: None,
                    address: Some(key.address().to_string()),
                })
            }
        }
    }
}

impl Public {
    fn show(&self, path: &Path, out: &mut Output<'_>) -> Result<(), Failure> {
        let file = path.display().to_string();
        out.show(
            || {
                let mut object = json!({ "file": file, "kind": self.kind });
                let optional = [
                    ("public_key", &self.key),
                    ("public_key_hex", &self.key_hex),
                    ("vkey", &self.vkey),
                    ("address", &self.address),
                ];
                for (name, value) in optional {
                    if let (Some(value), Some(map)) = (value, object.as_object_mut()) {
                        map.insert(name.into(), json!(value));
                    }
                }
                object
            },
            |w| {
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                fields(
                    w,
                    &[
                        ("file", file.clone()),
                        ("kind", self.kind.to_owned()),
                        ("public key", text(&self.key)),
                        ("public key, hex", text(&self.key_hex)),
                        ("log verifier key", text(&self.vkey)),
                        ("address", text(&self.address)),
                    ],
                )
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn kinds(kind: Kind, log: Option<&str>) -> Kinds {
        Kinds {
            kind,
            log: log.map(str::to_owned),
        }
    }

    fn run(command: &Keys, json: bool) -> Result<String, Failure> {
        let mut written = Vec::new();
        command.run(&mut Output::new(&mut written, json))?;
        Ok(String::from_utf8(written).unwrap())
    }

    #[test]
    fn known_keys_have_their_known_public_halves() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        // Anvil's first account.
        std::fs::write(
            &file,
            "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n",
        )
        .unwrap();
        let show = |kind| {
            run(
                &Keys::Show {
                    kind,
                    file: file.clone(),
                },
                true,
            )
        };
        let public: Value =
            serde_json::from_str(&show(kinds(Kind::Secp256k1, None)).unwrap()).unwrap();
        assert_eq!(
            public["address"],
            "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
        assert!(show(kinds(Kind::Secp256k1, Some("x"))).is_err());
        // RFC 8032, test 1.
        std::fs::write(
            &file,
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        )
        .unwrap();
        let text = show(kinds(Kind::Ed25519, Some("isthmus.devnet/log"))).unwrap();
        let public: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            public["public_key_hex"],
            "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            public["public_key"],
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        let vkey = public["vkey"].as_str().unwrap();
        assert_eq!(
            isthmus_prooflog::note::VerifierKey::parse(vkey)
                .unwrap()
                .name(),
            "isthmus.devnet/log"
        );
        assert!(!text.contains("9d61b19d"), "the secret stays in its file");
    }

    #[test]
    fn generated_keys_are_new_and_are_shown_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        for kind in [Kind::Ed25519, Kind::Secp256k1] {
            let path = file.with_extension(format!("{kind:?}"));
            let generate = Keys::Generate {
                kind: kinds(kind, None),
                out: path.clone(),
            };
            let made = run(&generate, false).unwrap();
            let show = Keys::Show {
                kind: kinds(kind, None),
                file: path.clone(),
            };
            assert_eq!(run(&show, false).unwrap(), made);
            assert_eq!(run(&generate, false).unwrap_err().exit_code(), 2);
            assert_eq!(run(&show, false).unwrap(), made, "not overwritten");
        }
    }
}
