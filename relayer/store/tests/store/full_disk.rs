//! A disk that takes no more: appends answer an error, reads go on, and after a restart everything acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use isthmus_core::ports::{AppendError, Journal};
use isthmus_core::time::Timestamp;

use crate::crashing::{check, entry, outbound};
use crate::world::{lane, open};

/// Set for the child: the folder that it appends in until the disk is full.
const CHILD: &str = "ISTHMUS_STORE_FULL";

/// Not a test but the child's main function; without the variable it has nothing to do.
#[test]
fn child_appends_until_the_disk_is_full() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let (store, _) = open(Path::new(&path));
    let mut out = std::io::stdout();
    let mut acknowledged = store.log().size().unwrap();
    loop {
        match store.append(vec![entry(acknowledged + 1)]).pop().unwrap() {
            Ok(_) => acknowledged += 1,
            Err(AppendError::Store(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    // Nothing is appended on top of a guess, and what there is can be read.
    for number in [acknowledged + 1, acknowledged + 2] {
        let answer = store.append(vec![entry(number)]).pop().unwrap();
        assert!(matches!(answer, Err(AppendError::Store(_))));
    }
    let id = outbound(acknowledged).terms.id();
    assert_eq!(store.transfer(id).unwrap().unwrap().length(), 1);
    assert!(store.defer(&[(id, Timestamp::from_ms(1))]).is_err());
    let lock = lane(isthmus_core::operation::OperationKind::Lock);
    let due = store.due(&lock, Timestamp::from_ms(u64::MAX), 3).unwrap();
    assert_eq!(due.len(), 3);
    writeln!(out, "\nacknowledged {acknowledged}").unwrap();
}

/// The limit on the size of files stands for the disk: the write-ahead log cannot grow beyond it.
#[test]
fn a_full_disk_stops_appends_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    // In blocks of 512 bytes; the second time the disk is as full as before plus a little.
    for blocks in [400, 700] {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new("sh")
            .arg("-c")
            // Without the trap the first write beyond the limit would kill the process.
            .arg(format!(
                "trap '' XFSZ; ulimit -f {blocks}; exec {} full_disk::child_appends_until_the_disk_is_full --exact --nocapture",
                program.display()
            ))
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // To the end, so that the child is not stopped by a closed pipe.
        let lines: Vec<String> = lines.map_while(Result::ok).collect();
        let acknowledged = lines
            .iter()
            .find_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        assert!(child.wait().unwrap().success(), "{blocks} blocks");
        let acknowledged = acknowledged.unwrap();
        assert!(acknowledged > before + 5, "{acknowledged} after {before}");
        let (store, _) = open(folder.path());
        before = check(&store, acknowledged);
        store
            .append(vec![entry(before + 1)])
            .pop()
            .unwrap()
            .unwrap();
        before += 1;
    }
}
