//! Torn and damaged files of changes.

use isthmus_core::id::AccountId;
use tempfile::TempDir;

use super::*;
use crate::sandbox::account::Status;

fn change(number: usize) -> Change {
    Change::AccountStatus {
        account: number.to_string().parse::<AccountId>().unwrap(),
        status: Status::Closed,
    }
}

fn read(path: &Path) -> Result<Vec<Change>, ChangeFileError> {
    let mut changes = Vec::new();
    ChangeFile::open(path, |change| {
        changes.push(change);
        Ok::<(), ChangeFileError>(())
    })?;
    Ok(changes)
}

/// Three lines with two, one and one changes.
fn written(path: &Path) -> Vec<u8> {
    let mut file = ChangeFile::open(path, |_| Ok::<(), ChangeFileError>(())).unwrap();
    assert!(file.is_empty());
    file.append(vec![change(1), change(2)]).unwrap();
    file.append(vec![change(3)]).unwrap();
    file.append(vec![change(4)]).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_crash_at_any_byte_loses_at_most_the_last_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changes.jsonl");
    let whole = written(&path);
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let lines = ends.iter().filter(|end| length > **end).count();
        let expected: Vec<_> = (1..=[0, 2, 3, 4][lines]).map(change).collect();
        assert_eq!(read(&path).unwrap(), expected, "cut at {length}");
        // What is appended after the cut is read back after it.
        let mut file = ChangeFile::open(&path, |_| Ok::<(), ChangeFileError>(())).unwrap();
        file.append(vec![change(9)]).unwrap();
        drop(file);
        assert_eq!(read(&path).unwrap().last(), Some(&change(9)));
    }
}

#[test]
fn damage_anywhere_is_refused_and_names_the_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changes.jsonl");
    let whole = written(&path);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x01;
        if at == whole.len() - 1 {
            // The last newline is gone: not to be told from a torn write, and its caller may have been answered. This one
            // bit is the price of tolerating torn writes.
            continue;
        }
        std::fs::write(&path, &damaged).unwrap();
        assert!(
            matches!(read(&path), Err(ChangeFileError::Damaged { .. })),
            "bit at {at}"
        );
    }
    let second: Vec<u8> = whole
        .split_inclusive(|b| *b == b'\n')
        .skip(1)
        .flatten()
        .copied()
        .collect();
    std::fs::write(&path, second).unwrap();
    assert!(
        matches!(read(&path), Err(ChangeFileError::Damaged { line: 1, .. })),
        "a missing line"
    );
}

#[test]
fn a_hole_in_the_last_line_is_a_torn_write() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changes.jsonl");
    let mut holed = written(&path);
    let length = holed.len();
    holed[length - 30..length - 10].fill(0);
    std::fs::write(&path, &holed).unwrap();
    assert_eq!(read(&path).unwrap().len(), 3);
}

#[test]
fn one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("changes.jsonl");
    let open = ChangeFile::open(&path, |_| Ok::<(), ChangeFileError>(())).unwrap();
    assert!(matches!(read(&path), Err(ChangeFileError::InUse { .. })));
    drop(open);
    assert!(read(&path).unwrap().is_empty());
}
