//! Files that are right.

use std::num::NonZeroU64;

use isthmus_evm::ChainFinality;
use secrecy::ExposeSecret as _;

use super::*;

#[test]
fn a_relayers_file_is_read_with_its_secrets_and_defaults() {
    let folder = Folder::new();
    let config = load_relayer(&folder.write("relayer.toml", &relayer_text())).unwrap();
    assert_eq!(config.network, "test");
    assert_eq!(config.data_dir, folder.path("data/relayer"));
    assert_eq!(
        (config.log.origin.as_str(), config.log.seed),
        ("isthmus.test/log", [1; 32])
    );
    assert_eq!(config.control.listen.to_string(), "127.0.0.1:7400");
    let exchange = &config.control.identities[0];
    assert_eq!(
        (exchange.name.as_str(), exchange.roles.as_slice()),
        ("exchange-a", [Role::Exchange, Role::Auditor].as_slice())
    );
    assert_eq!(exchange.token.expose_secret(), "exchange-a-0123456789");
    assert_eq!(config.metrics.unwrap().port(), 9400);
    assert_eq!(config.telemetry.format, LogFormat::Text);
    assert_eq!(config.route_admins[1].name, "admin-b");
    let [
        LedgerConfig::Vcs {
            config: vcs,
            api_key,
        },
        LedgerConfig::Evm {
            config: evm,
            mint_key,
            void_key,
        },
    ] = config.ledgers.as_slice()
    else {
        panic!("{:?}", config.ledgers)
    };
    assert_eq!(
        (vcs.request_timeout_ms, vcs.settle_ms, vcs.recheck_ms),
        (5000, 3000, 500)
    );
    assert_eq!(api_key.0.expose_secret(), "registry-key");
    assert_eq!(evm.chain_id(), Ok(31337));
    assert_eq!(
        evm.finality,
        ChainFinality::Depth(NonZeroU64::new(2).unwrap())
    );
    assert_eq!((evm.gate_height, evm.log_range_limit.get()), (7, 1000));
    assert_ne!(mint_key.address(), void_key.address());
}

#[test]
fn an_attesters_file_is_read_and_an_absolute_path_stays() {
    let folder = Folder::new();
    let config = load_attester_text(&folder, &attester_text()).unwrap();
    assert_eq!(config.name, "attester-1");
    assert_eq!(config.data_dir, Path::new("/var/lib/isthmus/attester"));
    assert_eq!(config.log_vkey.to_string(), log_vkey());
    assert_eq!(
        config.relayer_token.expose_secret(),
        "attester-1-0123456789"
    );
    assert_eq!(
        (config.telemetry.format, config.telemetry.filter.as_str()),
        (LogFormat::Json, "info")
    );
    let [
        AttesterLedgerConfig::Vcs { approver, .. },
        AttesterLedgerConfig::Evm { config: evm },
    ] = config.ledgers.as_slice()
    else {
        panic!("{:?}", config.ledgers)
    };
    assert_eq!(approver, "attester-1");
    assert_eq!(evm.finality, ChainFinality::FinalizedTag);
    assert_eq!(evm.rpc_urls.len(), 2);
}

#[test]
fn a_file_of_either_kind_is_told_by_its_tables() {
    let folder = Folder::new();
    let relayer = folder.write("one.toml", &relayer_text());
    let attester = folder.write("two.toml", &attester_text());
    assert!(matches!(load_any(&relayer), Ok(AnyConfig::Relayer(_))));
    assert!(matches!(load_any(&attester), Ok(AnyConfig::Attester(_))));
    let wrong = load_relayer(&attester).unwrap_err().to_string();
    assert!(wrong.contains("isthmus attester --config"), "{wrong}");
    let wrong = load_attester(&relayer).unwrap_err().to_string();
    assert!(wrong.contains("isthmus run --config"), "{wrong}");
}

#[test]
fn nothing_secret_is_in_the_debug_form() {
    let folder = Folder::new();
    let relayer = format!(
        "{:?}",
        load_relayer(&folder.write("one.toml", &relayer_text())).unwrap()
    );
    let attester = format!(
        "{:?}",
        load_attester_text(&folder, &attester_text()).unwrap()
    );
    for (name, secret) in SECRETS.iter().filter(|(name, _)| *name != "empty.key") {
        let secret = secret.trim().trim_start_matches("0x");
        assert!(
            !relayer.contains(secret) && !attester.contains(secret),
            "{name} is shown"
        );
    }
    assert!(!relayer.contains("[1, 1, 1"), "the seed is shown");
}
