//! What no Rust source may hold: work left undone, tests switched off, and Protobuf types outside the edge.

use crate::{assert_tidy, repository};

const UNDONE: [&str; 5] = ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX"];

/// Protobuf types stop where messages and records are turned into our own types.
const MAY_NAME_PROTOBUF: [&str; 6] = [
    "proto/",
    "relayer/store/",
    "relayer/daemon/src/control/",
    "relayer/daemon/src/cli/",
    "relayer/daemon/src/attester/relayer",
    "e2e/",
];

fn undone(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in UNDONE.iter().filter(|word| line.contains(**word)) {
            complaints.push(format!(
                "{path}:{}: {word}: finish it or take it out",
                number + 1
            ));
        }
    }
    complaints
}

fn names_protobuf(path: &str, text: &str) -> Vec<String> {
    if MAY_NAME_PROTOBUF
        .iter()
        .any(|allowed| path.starts_with(allowed))
    {
        return Vec::new();
    }
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("isthmus_proto"));
    lines
        .map(|(number, _)| format!("{path}:{}: Protobuf types stop at the edge", number + 1))
        .collect()
}

#[test]
fn repository_has_no_work_left_undone() {
    let complaints: Vec<String> = repository::rust()
        .iter()
        .flat_map(|file| undone(&file.path, &file.text))
        .collect();
    assert_tidy(&complaints);
}

#[test]
fn repository_protobuf_stops_at_the_edge() {
    let complaints: Vec<String> = repository::rust()
        .iter()
        .flat_map(|file| names_protobuf(&file.path, &file.text))
        .collect();
    assert_tidy(&complaints);
}

#[test]
fn undone_work_is_named() {
    assert_eq!(
        undone(
            "a.rs",
            "fn f() { todo!() }\n#[ignore = \"slow\"]\nfn g() {}"
        )
        .len(),
        2
    );
    assert!(undone("a.rs", "// ignored on purpose").is_empty());
}

#[test]
fn protobuf_in_the_engine_is_named() {
    let text = "use isthmus_proto::v1::Transfer;";
    assert_eq!(
        names_protobuf("relayer/daemon/src/engine/lane.rs", text).len(),
        1
    );
    assert!(names_protobuf("relayer/daemon/src/control/transfer.rs", text).is_empty());
}
