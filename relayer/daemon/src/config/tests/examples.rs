//! Every file in `config/` is right once its secrets exist.

use isthmus_core::route::RouteDocument;
use toml::Value;

use super::*;

/// All files of `config/`, by name.
fn examples() -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(repository().join("config"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

/// Makes each file that a `…_file` field names, with a key that is no other's.
fn make_secrets(folder: &Folder, value: &Value, made: &mut u8) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                match value.as_str().filter(|_| key.ends_with("_file")) {
                    Some(name) => {
                        *made += 1;
                        let path = folder.path(name);
                        fs::create_dir_all(path.parent().unwrap()).unwrap();
                        fs::write(path, hex::encode([*made; 32])).unwrap();
                    }
                    None => make_secrets(folder, value, made),
                }
            }
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| make_secrets(folder, value, made)),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {}
    }
}

fn load_example(name: &str, text: &str) -> AnyConfig {
    let folder = Folder::new();
    let file = folder.write(name, text);
    let mut made = 0;
    make_secrets(&folder, &Value::Table(text.parse().unwrap()), &mut made);
    assert!(made > 0, "{name} names no secrets");
    load_any(&file).unwrap_or_else(|error| panic!("{error}"))
}

fn route() -> RouteDocument {
    let text = fs::read_to_string(repository().join("config/route.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_file_is_right() {
    let mut seen = Vec::new();
    for (name, text) in examples() {
        match Path::new(&name).extension().and_then(|e| e.to_str()) {
            Some("toml") => match load_example(&name, &text) {
                AnyConfig::Relayer(_) => assert_eq!(name, "relayer.toml"),
                AnyConfig::Attester(_) => assert_eq!(name, "attester.toml"),
            },
            Some("json") => assert_eq!(route().problems(), []),
            other => panic!("config/{name}: no test knows how to read {other:?}"),
        }
        seen.push(name);
    }
    assert_eq!(seen, ["attester.toml", "relayer.toml", "route.json"]);
}

#[test]
fn the_examples_belong_together() {
    let mut relayer = None;
    let mut attester = None;
    for (name, text) in examples()
        .into_iter()
        .filter(|(name, _)| name.contains("toml"))
    {
        match load_example(&name, &text) {
            AnyConfig::Relayer(config) => relayer = Some(config),
            AnyConfig::Attester(config) => attester = Some(config),
        }
    }
    let (relayer, attester) = (relayer.unwrap(), attester.unwrap());
    assert_eq!(relayer.network, attester.network);
    assert_eq!(relayer.log.origin, attester.log_vkey.name());
    assert_eq!(relayer.route_admins, attester.route_admins);
    let ids: Vec<_> = relayer.ledgers.iter().map(LedgerConfig::id).collect();
    assert_eq!(
        ids,
        attester
            .ledgers
            .iter()
            .map(AttesterLedgerConfig::id)
            .collect::<Vec<_>>()
    );
    let route = route();
    assert_eq!(ids, [&route.origin, &route.destination]);
    let gates: Vec<_> = relayer.ledgers.iter().filter_map(gate).collect();
    assert_eq!(gates, [route.gate]);
    let caller = relayer
        .control
        .identities
        .iter()
        .find(|identity| identity.name == attester.name);
    assert_eq!(
        caller.map(|identity| identity.roles.as_slice()),
        Some([Role::Attester].as_slice())
    );
    assert_eq!(
        attester.relayer_url,
        format!("http://{}", relayer.control.listen)
    );
}

/// An operator who reads an example finds every field of its kind there, commented out if it is optional.
#[test]
fn the_examples_mention_every_field() {
    for (name, text) in examples()
        .into_iter()
        .filter(|(name, _)| name.contains("toml"))
    {
        let lines = text
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line));
        let uncommented = lines.collect::<Vec<_>>().join("\n");
        let mut fields = vec!["[telemetry]", "format =", "filter =", "[[route_admin]]"];
        fields.extend([
            "request_timeout_ms =",
            "settle_ms =",
            "recheck_ms =",
            "log_range_limit =",
            "gate_height =",
        ]);
        fields.extend([
            "max_fee_per_gas_wei =",
            "priority_fee_per_gas_wei =",
            "tag = \"finalized\"",
        ]);
        if name == "relayer.toml" {
            fields.push("[metrics]");
        }
        for field in fields {
            assert!(
                uncommented.contains(field),
                "config/{name} does not mention {field}"
            );
        }
    }
}

fn gate(ledger: &LedgerConfig) -> Option<isthmus_core::id::Address> {
    match ledger {
        LedgerConfig::Vcs { .. } => None,
        LedgerConfig::Evm { config, .. } => Some(config.gate),
    }
}
