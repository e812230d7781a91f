//! The file of an attester.

use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use isthmus_evm::EvmConfig;
use isthmus_prooflog::note::VerifierKey;
use isthmus_vcs::VcsConfig;
use secrecy::SecretString;

use super::common::{route_admins, telemetry};
use super::ledger::{Credentials, api_key, ledgers};
use super::model::{AttesterConfig, AttesterLedgerConfig};
use super::problem::Field;
use super::relayer::SHORTEST_TOKEN;
use super::section::Section;
use super::value::{NAME, SECP256K1, credential_url, name, seed};

/// Reads the whole file.
pub(super) fn attester(mut root: Section<'_>) -> Field<AttesterConfig> {
    let network = root.required("network", NAME, name);
    let data_dir = root.path("data_dir", "the folder of its store");
    let own = root
        .required_section(
            "attester",
            "name, key_file, relayer_url, relayer_token_file and log_vkey",
        )
        .and_then(own);
    let telemetry = telemetry(&mut root);
    let route_admins = route_admins(&mut root);
    let ledgers = ledgers::<Attester>(&mut root);
    root.finish();
    let own = own?;
    Ok(AttesterConfig {
        name: own.name,
        network: network?,
        data_dir: data_dir?,
        relayer_url: own.relayer_url,
        relayer_token: own.relayer_token,
        log_vkey: own.log_vkey,
        signing_key: own.signing_key,
        telemetry: telemetry?,
        route_admins: route_admins?,
        ledgers: ledgers?,
    })
}

/// `[attester]`.
struct Own {
    name: String,
    signing_key: PrivateKeySigner,
    relayer_url: String,
    relayer_token: SecretString,
    log_vkey: VerifierKey,
}

fn own(mut section: Section<'_>) -> Field<Own> {
    let name = section.required("name", NAME, name);
    let signing_key = section.secret("key_file", SECP256K1, signer);
    let relayer_url = credential_url(&mut section, "relayer_url");
    let relayer_token = section.token("relayer_token_file", SHORTEST_TOKEN);
    let expected = "the log's C2SP verifier key, <origin>+<8 hex digits>+<base64>, from the relayer's operator";
    let log_vkey = section.required("log_vkey", expected, |value| {
        VerifierKey::parse(value.as_str()?).ok()
    });
    section.finish();
    Ok(Own {
        name: name?,
        signing_key: signing_key?,
        relayer_url: relayer_url?,
        relayer_token: relayer_token?,
        log_vkey: log_vkey?,
    })
}

fn signer(text: &str) -> Option<PrivateKeySigner> {
    PrivateKeySigner::from_bytes(&B256::from(seed(text)?)).ok()
}

/// An attester's credentials: an account that approves at registries, none at chains.
enum Attester {}

impl Credentials for Attester {
    type Ledger = AttesterLedgerConfig;

    fn vcs(section: &mut Section<'_>, config: Field<VcsConfig>) -> Field<AttesterLedgerConfig> {
        let api_key = api_key(section);
        let approver = section.required(
            "approver",
            "the name under which the registry knows this attester",
            name,
        );
        Ok(AttesterLedgerConfig::Vcs {
            config: config?,
            api_key: api_key?,
            approver: approver?,
        })
    }

    fn evm(_: &mut Section<'_>, config: Field<EvmConfig>) -> Field<AttesterLedgerConfig> {
        config.map(|config| AttesterLedgerConfig::Evm { config })
    }
}
