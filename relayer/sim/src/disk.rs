//! The relayer's disk: a folder whose unsynced bytes a crash may take away, from the last synced write on.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// A folder in memory where there is one, so that syncs cost nothing.
#[derive(Debug)]
pub struct Disk {
    folder: tempfile::TempDir,
    /// The write-ahead log and its length at the last synced write.
    synced: Option<(PathBuf, u64)>,
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// An empty one.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        Self {
            folder,
            synced: None,
        }
    }

    /// The folder alone.
    pub fn into_folder(self) -> tempfile::TempDir {
        self.folder
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Everything written so far is synced.
    pub fn synced(&mut self) {
        self.synced = self.write_ahead_log();
    }

    /// The power goes: what was not synced is lost from some byte on. Nobody may have the store open.
    pub fn crash(&mut self, dice: &mut Dice) -> u64 {
        let Some((path, length)) = self.write_ahead_log() else {
            return 0;
        };
        let kept = match &self.synced {
            Some((synced, kept)) if *synced == path => *kept,
            // All of this file was written after the last sync.
            Some(_) | None => 0,
        };
        let kept = dice.within(kept.min(length), length);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(kept).unwrap();
        length - kept
    }

    /// The newest write-ahead log that holds anything.
    fn write_ahead_log(&self) -> Option<(PathBuf, u64)> {
        let files = std::fs::read_dir(self.path()).ok()?;
        let mut logs: Vec<_> = files
            .filter_map(|file| Some(file.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
            .filter_map(|path| {
                let length = path.metadata().ok()?.len();
                (length > 0).then_some((path, length))
            })
            .collect();
        logs.sort();
        logs.pop()
    }
}
