//! `transfer instruction` and `instruct`: what a burner wants at the origin. It holds personal data: only its salted commitment
//! is public.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use isthmus_core::id::{AccountId, Hash32, TransferId};
use isthmus_core::instruction::{Instruction, Purpose};
use isthmus_proto::v1::{self, InstructRequest, instruct_request};
use serde_json::json;

use super::view;
use crate::cli::client::{Control, required};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, fields};
use crate::cli::secret;

/// Which instruction to write.
#[derive(Debug, Subcommand)]
pub(crate) enum New {
    /// Give the originals back into an account at the registry.
    Release {
        /// The receiving account.
        #[arg(long)]
        account: AccountId,
        /// New file for the instruction; keep it, it is needed after the burn.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Use the originals up for a claim.
    Retire {
        /// On whose behalf.
        #[arg(long)]
        beneficiary: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// New file for the instruction; keep it, it is needed after the burn.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// A burn and its instruction.
#[derive(Debug, Args)]
pub(crate) struct Instruct {
    /// The burn.
    #[arg(value_name = "BURN_ID")]
    id: TransferId,
    /// The instruction that the burn committed to, as `transfer instruction` wrote it.
    #[arg(long, value_name = "FILE")]
    instruction: PathBuf,
}

impl New {
    pub(super) fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let salt = Hash32::new(secret::random()?);
        let (instruction, path) = match self {
            Self::Release { account, out } => {
                let account = account.clone();
                (
                    Instruction::Release {
                        account,
                        salt,
                        v: 1,
                    },
                    out,
                )
            }
            Self::Retire {
                beneficiary,
                reason,
                out,
            } => {
                let (beneficiary, reason) = (beneficiary.clone(), reason.clone());
                (
                    Instruction::Retire {
                        beneficiary,
                        reason,
                        salt,
                        v: 1,
                    },
                    out,
                )
            }
        };
        let commitment = instruction.commitment();
        instruction
            .check(instruction.purpose(), commitment)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let text = serde_json::to_string_pretty(&instruction)
            .map_err(|error| Failure::Bug(format!("instructions do not serialise: {error}")))?;
        secret::write_new(path, &format!("{text}\n"))?;
        let purpose = number(instruction.purpose());
        let file = path.display().to_string();
        out.show(
            || json!({ "file": file, "purpose": purpose, "commitment": commitment }),
            |w| {
                fields(
                    w,
                    &[
                        ("file", file.clone()),
                        ("purpose", purpose.to_string()),
                        ("commitment", commitment.to_string()),
                    ],
                )
            },
        )
    }
}

/// What the gate's `burn` calls it.
fn number(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Release => 1,
        Purpose::Retire => 2,
    }
}

impl Instruct {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let request = InstructRequest {
            id: self.id.to_string(),
            instruction: Some(to_proto(read(&self.instruction)?)),
        };
        let mut transfers = control.connect().await?.transfers();
        let answer = transfers.instruct(request).await?.into_inner();
        view::show(&required(answer.transfer, "the transfer")?, &[], out)
    }
}

pub(in crate::cli) fn read(path: &Path) -> Result<Instruction, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::Usage(format!(
            "instruction {}: {error}: write it with `isthmus transfer instruction`",
            path.display()
        ))
    })
}

fn to_proto(instruction: Instruction) -> instruct_request::Instruction {
    match instruction {
        Instruction::Release {
            account,
            salt,
            v: _,
        } => instruct_request::Instruction::Release(v1::ReleaseInstruction {
            account: account.to_string(),
            salt: salt.to_string(),
        }),
        Instruction::Retire {
            beneficiary,
            reason,
            salt,
            v: _,
        } => instruct_request::Instruction::Retire(v1::RetireInstruction {
            beneficiary,
            reason,
            salt: salt.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn run(command: &New) -> Result<Value, Failure> {
        let mut written = Vec::new();
        command.run(&mut Output::new(&mut written, true))?;
        Ok(serde_json::from_slice(&written).unwrap())
    }

    #[test]
    fn the_written_instruction_is_what_the_printed_commitment_binds() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("retire.json");
        let command = New::Retire {
            beneficiary: "Acme Ltd".into(),
            reason: "2025 emissions".into(),
            out: out.clone(),
        };
        let printed = run(&command).unwrap();
        assert_eq!(printed["purpose"], 2);
        let instruction = read(&out).unwrap();
        let commitment: Hash32 = printed["commitment"].as_str().unwrap().parse().unwrap();
        instruction.check(Purpose::Retire, commitment).unwrap();
        let instruct_request::Instruction::Retire(sent) = to_proto(instruction) else {
            panic!("a retirement stays one");
        };
        assert_eq!(sent.beneficiary, "Acme Ltd");
        assert_eq!(
            run(&command).unwrap_err().exit_code(),
            2,
            "never overwritten"
        );
    }

    #[test]
    fn salts_differ_and_texts_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let release = |name: &str| New::Release {
            account: "1002".parse().unwrap(),
            out: folder.path().join(name),
        };
        let (one, two) = (run(&release("1")).unwrap(), run(&release("2")).unwrap());
        assert_eq!(one["purpose"], 1);
        assert_ne!(one["commitment"], two["commitment"]);
        let out = folder.path().join("3");
        let nobody = New::Retire {
            beneficiary: String::new(),
            reason: "x".into(),
            out: out.clone(),
        };
        let failure = run(&nobody).unwrap_err();
        assert!(failure.to_string().contains("beneficiary"), "{failure}");
        assert!(!out.exists());
    }
}
