//! The file of changes: one line of JSON for all changes of one write, with a number and a CRC, synced before anyone is
//! answered.
//!
//! A crash can only tear the last line, whose callers have no answer yet: it is cut off at the next start. Anything else that
//! does not read is damage, and the registry refuses to open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISCSI, Crc};
use serde::{Deserialize, Serialize};

use crate::sandbox::change::Change;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// A line is `{"crc":"<8 hex digits>","record":<record>}`.
const HEAD: &str = r#"{"crc":""#;
const MIDDLE: &str = r#"","record":"#;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// Consecutive from 1.
    number: u64,
    changes: Vec<Change>,
}

/// The open file, positioned at its end.
#[derive(Debug)]
pub(crate) struct ChangeFile {
    file: File,
    number: u64,
}

/// Why the file of changes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFileError {
    /// Reading, writing or syncing failed.
    #[error("the file of changes {path} could not be used")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("the file of changes {path} is in use by another process: stop that one first")]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// A line that no crash explains.
    #[error(
        "the file of changes {path} is damaged in line {line} ({problem}): restore it from a copy"
    )]
    Damaged {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl ChangeFile {
    /// Opens or creates the file and hands every stored change to `replay`, in order.
    pub(crate) fn open<E: From<ChangeFileError>>(
        path: &Path,
        mut replay: impl FnMut(Change) -> Result<(), E>,
    ) -> Result<Self, E> {
        let failed = |source| ChangeFileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = lock(path)?;
        let mut reader = BufReader::new(&file);
        let (mut number, mut intact, mut line) = (0u64, 0u64, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(failed)?;
            if read == 0 {
                break;
            }
            let next = number.saturating_add(1);
            match parse(&line, next) {
                Ok(record) => record.changes.into_iter().try_for_each(&mut replay)?,
                Err(problem) => {
                    let last = reader.fill_buf().map_err(failed)?.is_empty();
                    if !(last && torn(&line)) {
                        let path = path.to_owned();
                        return Err(ChangeFileError::Damaged {
                            path,
                            line: next,
                            problem,
                        }
                        .into());
                    }
                    break;
                }
            }
            number = next;
            intact = intact.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        let mut changes = Self { file, number };
        changes.cut(intact).map_err(failed)?;
        Ok(changes)
    }

    /// Appends the changes as one line and syncs it. After an error nobody knows what is on disk: the process must stop.
    pub(crate) fn append(&mut self, changes: Vec<Change>) -> io::Result<()> {
        let number = self.number.saturating_add(1);
        let record = serde_json::to_string(&Record { number, changes })?;
        let crc = CRC.checksum(record.as_bytes());
        let line = format!("{HEAD}{crc:08x}{MIDDLE}{record}}}\n");
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.number = number;
        Ok(())
    }

    /// Whether nothing was ever written.
    pub(crate) fn is_empty(&self) -> bool {
        self.number == 0
    }

    fn cut(&mut self, intact: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > intact {
            tracing::warn!(
                intact,
                "the last write was torn by a crash and nobody was answered: cut off"
            );
            self.file.set_len(intact)?;
            self.file.sync_all()?;
        }
        self.file.seek(SeekFrom::Start(intact)).map(drop)
    }
}

/// Opens the file for this process alone; a new one survives a crash of the machine too.
fn lock(path: &Path) -> Result<File, ChangeFileError> {
    let failed = |source| ChangeFileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let path = path.to_owned();
            return Err(ChangeFileError::InUse { path });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    if let Some(folder) = path.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(file)
}

fn parse(line: &[u8], number: u64) -> Result<Record, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let text = text.strip_suffix("}\n").ok_or("the end is missing")?;
    let text = text.strip_prefix(HEAD).ok_or("the beginning is missing")?;
    let (crc, record) = text.split_once(MIDDLE).ok_or("the CRC is missing")?;
    if format!("{:08x}", CRC.checksum(record.as_bytes())) != crc {
        return Err("the CRC differs");
    }
    let record: Record =
        serde_json::from_str(record).map_err(|_| "not a record of this version")?;
    if record.number == number {
        Ok(record)
    } else {
        Err("a record is missing")
    }
}

/// Whether a crash explains the line: its end is missing, or the file grew before its bytes arrived.
fn torn(line: &[u8]) -> bool {
    !line.ends_with(b"\n") || line.contains(&0)
}

#[cfg(test)]
#[path = "change_file_tests.rs"]
mod tests;
