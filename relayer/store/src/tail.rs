//! Whether a write-ahead log that RocksDB refuses ends torn, as a power cut leaves it, or is damaged where it had been
//! durable.
//!
//! RocksDB takes a log that is too short at its end, but not one whose last record has pages of zeros or of older bytes, which
//! is as common after a power cut. It could be told to stop at the first record that does not check; then damage in the
//! middle would silently take back what was acknowledged after it. The difference: nothing is acknowledged after a torn
//! record, so no whole record follows it.

use std::io;
use std::path::{Path, PathBuf};

/// Records do not cross the bounds of blocks; what does not fit is cut into fragments.
const BLOCK: usize = 32 * 1024;
/// Checksum, length, type.
const HEADER: usize = 7;
/// Types of fragments that begin a record: a whole one, and the first of several.
const FULL: u8 = 1;
const FIRST: u8 = 2;

/// True if the logs in `folder` hold everything up to some point and nothing whole after it.
pub(crate) fn is_torn(folder: &Path) -> io::Result<bool> {
    let mut torn = false;
    for path in logs(folder)? {
        let log = std::fs::read(path)?;
        let end = readable(&log);
        // The damaged fragment itself begins at `end`; after an earlier log's torn tail nothing may begin at all.
        if (torn && end > 0) || record_begins_after(&log, end) {
            return Ok(false);
        }
        torn |= end < log.len();
    }
    Ok(torn)
}

/// The logs, oldest first.
fn logs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == "log")) {
            logs.push((number, path));
        }
    }
    logs.sort_by_key(|(number, _): &(u64, PathBuf)| *number);
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}

/// Where the first fragment begins that does not check; the log's length if all do.
fn readable(log: &[u8]) -> usize {
    let mut at = 0;
    while at < log.len() {
        let left = BLOCK - at % BLOCK;
        if left < HEADER {
            at += left;
            continue;
        }
        match fragment(log, at) {
            Some((_, length)) => at += HEADER + length,
            None => return at,
        }
    }
    log.len()
}

/// Whether a record begins anywhere after `end`. The length in a damaged header means nothing, so every byte is tried.
fn record_begins_after(log: &[u8], end: usize) -> bool {
    (end.saturating_add(1)..log.len()).any(|at| {
        // The cheap tests first: the checksum is over up to a block.
        let begins = |kind: u8, length: usize| {
            kind == FULL || (kind == FIRST && at % BLOCK + HEADER + length == BLOCK)
        };
        header(log, at).is_some_and(|(_, length, kind)| begins(kind, length))
            && fragment(log, at).is_some()
    })
}

/// Checksum, length and type of the fragment that begins at `at`, if it lies within its block and the log.
fn header(log: &[u8], at: usize) -> Option<(u32, usize, u8)> {
    let [a, b, c, d, low, high, kind] = *log.get(at..)?.first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_le_bytes([low, high]));
    let fits = at % BLOCK + HEADER + length <= BLOCK && at + HEADER + length <= log.len();
    fits.then_some((u32::from_le_bytes([a, b, c, d]), length, kind))
}

/// Type and length of the fragment that begins at `at`, if it checks.
fn fragment(log: &[u8], at: usize) -> Option<(u8, usize)> {
    let (checksum, length, kind) = header(log, at)?;
    let covered = log.get(at + HEADER - 1..at + HEADER + length)?;
    (kind != 0 && checksum == masked(crc32c(covered))).then_some((kind, length))
}

/// RocksDB stores checksums so that data which contain checksums do not check by themselves.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C, a bit at a time: it runs once, over one log, after a power cut.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &[u8]) -> Vec<u8> {
        let covered = [&[FULL], payload].concat();
        let length = u16::try_from(payload.len()).unwrap();
        [
            masked(crc32c(&covered)).to_le_bytes().as_slice(),
            &length.to_le_bytes(),
            &covered,
        ]
        .concat()
    }

    fn torn(logs: &[&[u8]]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        for (number, log) in logs.iter().enumerate() {
            // Ten sorts before nine by name.
            std::fs::write(folder.path().join(format!("{}.log", number + 9)), log).unwrap();
        }
        is_torn(folder.path()).unwrap()
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn a_last_record_that_is_damaged_anywhere_is_a_torn_tail() {
        let (kept, last) = (record(&[7; 90]), record(&(0..200).collect::<Vec<u8>>()));
        let whole = [kept.as_slice(), &last].concat();
        assert!(!torn(&[&whole]), "nothing is wrong with it");
        for at in kept.len()..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x55;
            assert!(torn(&[&flipped]), "byte {at} flipped");
            let mut zeroed = whole.clone();
            zeroed[at..].fill(0);
            // Where the last bytes of the record are zeros anyway nothing is lost.
            assert_eq!(torn(&[&zeroed]), zeroed != whole, "zeros from {at}");
            if at > kept.len() {
                assert!(torn(&[&whole[..at]]), "cut at {at}");
            }
        }
    }

    #[test]
    fn a_damaged_record_with_a_whole_one_after_it_is_not() {
        let (first, last) = (record(&[7; 90]), record(&[8; 200]));
        for at in 0..first.len() {
            let mut damaged = first.clone();
            damaged[at] ^= 0x55;
            assert!(!torn(&[&[damaged.as_slice(), &last].concat()]), "byte {at}");
            assert!(!torn(&[&damaged, &last]), "in the next log, byte {at}");
            assert!(
                torn(&[&last, &damaged]),
                "the last log is the last, byte {at}"
            );
        }
    }

    #[test]
    fn fragments_that_only_go_on_with_a_torn_record_are_no_whole_one() {
        // A record over two blocks: its first fragment fills the block, its last one follows.
        let fragment = |kind: u8, payload: &[u8]| {
            let mut record = record(payload);
            record[HEADER - 1] = kind;
            let crc = masked(crc32c(&record[HEADER - 1..]));
            record[..4].copy_from_slice(&crc.to_le_bytes());
            record
        };
        let (first, last) = (
            fragment(FIRST, &vec![1; BLOCK - HEADER]),
            fragment(4, &[2; 90]),
        );
        let mut log = [first.as_slice(), &last].concat();
        assert!(!torn(&[&log]));
        log[100] ^= 1;
        assert!(torn(&[&log]), "the end of the same record");
        let after = [log.as_slice(), &first[..0], &record(&[3; 9])].concat();
        assert!(!torn(&[&after]), "another one");
    }
}
