//! What was acknowledged is there after `kill -9` and after a torn last record.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use isthmus_core::ports::{Append, Journal};
use isthmus_core::testing::sample;
use isthmus_prooflog::tree::{self, MemoryTree};
use isthmus_store::Store;

use crate::world::{START, admission, attest, lane, open};

/// Set for the child that is to be killed: the folder that it appends in.
const CHILD: &str = "ISTHMUS_STORE_CHILD";

pub(crate) fn outbound(number: u64) -> isthmus_core::terms::Outbound {
    sample::outbound(number, &[sample::block(number * 10, number * 10 + 9)])
}

fn leaf(number: u64) -> Vec<u8> {
    format!("leaf {number}").into_bytes()
}

pub(crate) fn entry(number: u64) -> Append {
    Append {
        leaves: vec![leaf(number)],
        request: Some((format!("key-{number}"), outbound(number).terms.id())),
        ..admission(&outbound(number))
    }
}

/// Not a test but the child's main function; without the variable it has nothing to do.
#[test]
fn child_appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let (store, _) = open(Path::new(&path));
    let mut out = std::io::stdout();
    for number in store.log().size().unwrap() + 1.. {
        store.append(vec![entry(number)]).pop().unwrap().unwrap();
        store
            .defer(&[(outbound(number).terms.id(), START.plus_ms(number))])
            .unwrap();
        writeln!(out, "\nacknowledged {number}").unwrap();
    }
}

/// Everything that an acknowledged append wrote, up to `number`; returns how many there are.
pub(crate) fn check(store: &Store, acknowledged: u64) -> u64 {
    let size = store.log().size().unwrap();
    assert!(
        size >= acknowledged,
        "{acknowledged} acknowledged, {size} there"
    );
    let mut memory = MemoryTree::default();
    for number in 1..=size {
        let id = outbound(number).terms.id();
        assert_eq!(store.transfer(id).unwrap().unwrap().length(), 1);
        assert_eq!(store.request(&format!("key-{number}")).unwrap(), Some(id));
        assert_eq!(store.log().leaf(number - 1).unwrap(), Some(leaf(number)));
        assert_eq!(store.log().leaves_of(id).unwrap(), [number - 1]);
        let held = store.custody_overlap(&outbound(number).units).unwrap();
        assert_eq!(held.map(|(_, holder)| holder), Some(id));
        memory.push(&leaf(number)).unwrap();
    }
    let root = tree::root(&memory, size).unwrap();
    assert_eq!(tree::root(&store.log(), size).unwrap(), root);
    assert_eq!(
        store.checkpoint_intent().unwrap(),
        (size > 0).then_some((size, root))
    );
    assert_eq!(
        store.custody_overlap(&outbound(size + 1).units).unwrap(),
        None,
        "nothing by halves"
    );
    let lock = lane(isthmus_core::operation::OperationKind::Lock);
    assert_eq!(store.lane_backlog(&lock).unwrap().due, size);
    assert_eq!(store.lane_backlog(&attest()).unwrap().due, 0);
    size
}

#[test]
fn every_acknowledged_append_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for kill_after in [1, 40, 7] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crashing::child_appends_until_it_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        let mut heard = 0;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                acknowledged = number.parse().unwrap();
                heard += 1;
                if heard == kill_after {
                    child.kill().unwrap(); // SIGKILL; what is still in the pipe is read and counts.
                }
            }
        }
        child.wait().unwrap();
        assert!(
            heard >= kill_after,
            "the child died by itself after {heard}"
        );
        let (store, _) = open(folder.path());
        let there = check(&store, acknowledged);
        assert!(there > seen);
        seen = there;
    }
}

/// The write-ahead log that the last appends are in.
fn write_ahead_log(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path());
    let mut logs: Vec<_> = files
        .filter(|p| p.extension().is_some_and(|e| e == "log"))
        .collect();
    logs.sort();
    logs.into_iter()
        .rfind(|p| p.metadata().unwrap().len() > 0)
        .expect("a write-ahead log")
}

/// A store with ten appends, each in the write-ahead log; returns the log's length before and after the tenth.
fn ten_appends(folder: &Path) -> (u64, u64) {
    let (store, _) = open(folder);
    let length = || write_ahead_log(folder).metadata().unwrap().len();
    for number in 1..=9 {
        store.append(vec![entry(number)]).pop().unwrap().unwrap();
    }
    let before = length();
    store.append(vec![entry(10)]).pop().unwrap().unwrap();
    let after = length();
    assert!(after > before);
    (before, after)
}

/// A copy of a store that nobody has open.
fn copied(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

/// What a power cut may leave of the last record, from byte `at` on: nothing, zeros, what the disk held before.
fn spoil(log: &mut Vec<u8>, at: usize, how: &str) {
    match how {
        "cut" => log.truncate(at),
        "zeros" => log[at..].fill(0),
        _ => {
            for byte in &mut log[at..] {
                *byte ^= 0xa5;
            }
        }
    }
}

/// The last append was not acknowledged when the power went: it may be gone, but not half of it, and nothing before it.
/// `tail.rs` tries every byte; here RocksDB is asked about some.
#[test]
fn a_torn_last_record_is_dropped_and_everything_before_it_kept() {
    let whole = tempfile::tempdir().unwrap();
    let (before, after) = ten_appends(whole.path());
    let (before, after) = (
        usize::try_from(before).unwrap(),
        usize::try_from(after).unwrap(),
    );
    let between = (before..after).step_by((after - before) / 4);
    for at in between.chain([before + 1, before + 6, before + 7, after - 1]) {
        for how in ["cut", "zeros", "garbage"] {
            let folder = copied(whole.path());
            let path = write_ahead_log(folder.path());
            let mut log = std::fs::read(&path).unwrap();
            spoil(&mut log, at, how);
            std::fs::write(&path, log).unwrap();
            let (store, _) = open(folder.path());
            assert_eq!(check(&store, 9), 9, "{how} from {at}");
            store.append(vec![entry(10)]).pop().unwrap().unwrap();
            drop(store);
            let (store, _) = open(folder.path());
            assert_eq!(check(&store, 10), 10, "and it goes on");
        }
    }
}

/// A record in the middle that does not check is no torn tail: what came after it was acknowledged, so nothing may be passed
/// over in silence.
#[test]
fn a_damaged_record_in_the_middle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (before, _) = ten_appends(folder.path());
    let path = write_ahead_log(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = usize::try_from(before / 2).unwrap();
    bytes[middle] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    let (clock, _folder) = {
        let other = tempfile::tempdir().unwrap();
        (open(other.path()).1, other)
    };
    let refused = Store::open(folder.path(), "devnet", clock);
    assert!(
        matches!(refused, Err(isthmus_store::OpenError::Unavailable { .. })),
        "{refused:?}"
    );
}
