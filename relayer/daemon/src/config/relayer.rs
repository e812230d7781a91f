//! The file of a relayer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use isthmus_core::id::Address;
use isthmus_evm::{EvmConfig, SigningKey};
use isthmus_vcs::VcsConfig;
use secrecy::{ExposeSecret, SecretString};
use toml::Value;

use super::common::{distinct, metrics, route_admins, telemetry};
use super::ledger::{Credentials, api_key, ledgers};
use super::model::{ControlConfig, Identity, LedgerConfig, LogConfig, RelayerConfig, Role};
use super::problem::Field;
use super::section::{Section, all, parsed};
use super::value::{NAME, SECP256K1, SEED, name, origin, seed};

/// Shortest bearer token: guessing one must be hopeless.
pub(super) const SHORTEST_TOKEN: usize = 16;

/// Reads the whole file.
pub(super) fn relayer(mut root: Section<'_>) -> Field<RelayerConfig> {
    let network = root.required("network", NAME, name);
    let data_dir = root.path("data_dir", "the folder of the store");
    let log = root
        .required_section("log", "origin and key_file")
        .and_then(log);
    let control = root
        .required_section("control", "listen and at least one [[control.identity]]")
        .and_then(control);
    let metrics = metrics(&mut root);
    if let (Ok(control), Ok(Some(metrics))) = (&control, &metrics)
        && control.listen == *metrics
        && metrics.port() != 0
    {
        let remedy = "the API listens there: choose another port";
        root.refuse("metrics.listen", metrics.to_string(), remedy);
    }
    let telemetry = telemetry(&mut root);
    let route_admins = route_admins(&mut root);
    let ledgers = ledgers::<Relayer>(&mut root);
    root.finish();
    Ok(RelayerConfig {
        network: network?,
        data_dir: data_dir?,
        log: log?,
        control: control?,
        metrics: metrics?,
        telemetry: telemetry?,
        route_admins: route_admins?,
        ledgers: ledgers?,
    })
}

fn log(mut section: Section<'_>) -> Field<LogConfig> {
    let expected = "the log's name, printable ASCII without blanks and +, like isthmus.example/log";
    let origin = section.required("origin", expected, origin);
    let seed = section.secret("key_file", SEED, seed);
    section.finish();
    Ok(LogConfig {
        origin: origin?,
        seed: seed?,
    })
}

fn control(mut section: Section<'_>) -> Field<ControlConfig> {
    let listen = listen(&mut section);
    let identities = identities(&mut section);
    section.finish();
    Ok(ControlConfig {
        listen: listen?,
        identities: identities?,
    })
}

fn listen(section: &mut Section<'_>) -> Field<SocketAddr> {
    let expected = "a loopback address and a port, like 127.0.0.1:7400";
    let listen: SocketAddr = section.required("listen", expected, parsed)?;
    if listen.ip().is_loopback() {
        return Ok(listen);
    }
    let remedy = "the API is not encrypted and takes bearer tokens: listen on loopback (127.0.0.1 or [::1]), and put a TLS proxy in front for other machines";
    Err(section.refuse("listen", listen.to_string(), remedy))
}

fn identities(section: &mut Section<'_>) -> Field<Vec<Identity>> {
    let sections = section.sections("identity")?;
    if sections.is_empty() {
        let remedy = "nobody could call the API: write at least one [[control.identity]] with name, roles and token_file";
        return Err(section.refuse("identity", "missing", remedy));
    }
    let unique = distinct(
        section,
        "identity",
        "name",
        &sections,
        "give every caller a name of its own",
    );
    let drafts: Vec<Draft> = sections.into_iter().map(draft).collect();
    let tokens = same_token(section, &drafts);
    let signers = same_signer(section, &drafts);
    let identities = all(drafts.into_iter().map(Draft::finish).collect());
    unique.and(tokens).and(signers).and(identities)
}

/// An identity of which some fields may be wrong: its token is compared all the same.
struct Draft {
    name: Field<String>,
    roles: Field<Vec<Role>>,
    token: Field<SecretString>,
    signers: Field<Vec<Address>>,
}

impl Draft {
    fn finish(self) -> Field<Identity> {
        Ok(Identity {
            name: self.name?,
            roles: self.roles?,
            token: self.token?,
            signers: self.signers?,
        })
    }

    fn token(&self) -> Option<&str> {
        self.token.as_ref().ok().map(ExposeSecret::expose_secret)
    }
}

fn draft(mut section: Section<'_>) -> Draft {
    let name = section.required("name", NAME, name);
    let roles = section.list("roles", &role_names(), role);
    let token = section.token("token_file", SHORTEST_TOKEN);
    let attests = roles
        .as_ref()
        .is_ok_and(|roles| roles.contains(&Role::Attester));
    let signers = if attests || section.has("signers") {
        let expected =
            "the addresses that this attester signs with, 0x and 40 lower-case hex digits each";
        section.list("signers", expected, parsed)
    } else {
        Ok(Vec::new())
    };
    section.finish();
    Draft {
        name,
        roles,
        token,
        signers,
    }
}

/// Two names for one signer would let one attester decline as two.
fn same_signer(section: &Section<'_>, drafts: &[Draft]) -> Field<()> {
    let mut outcome = Ok(());
    let mut known: BTreeMap<Address, usize> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        for signer in draft.signers.iter().flatten() {
            let Some(first) = known.insert(*signer, index) else {
                continue;
            };
            let path = format!("identity[{index}].signers");
            let found = format!("{signer}, as in identity[{first}]");
            let remedy = "name each signer at one attester: one must not count as two";
            outcome = Err(section.refuse(&path, found, remedy));
        }
    }
    outcome
}

/// Two names for one token would let one person decide as two.
fn same_token(section: &Section<'_>, drafts: &[Draft]) -> Field<()> {
    let mut outcome = Ok(());
    for (index, draft) in drafts.iter().enumerate() {
        let Some(token) = draft.token() else { continue };
        let earlier = drafts
            .iter()
            .take(index)
            .position(|other| other.token() == Some(token));
        if let Some(first) = earlier {
            let path = format!("identity[{index}].token_file");
            let found = format!("the same token as identity[{first}] (not shown)");
            let remedy = "give every caller a token of its own: one person must not count as two";
            outcome = Err(section.refuse(&path, found, remedy));
        }
    }
    outcome
}

fn role(value: &Value) -> Option<Role> {
    let text = value.as_str()?;
    Role::ALL.into_iter().find(|role| role.name() == text)
}

fn role_names() -> String {
    format!(
        "one of {}",
        Role::ALL.map(|role| format!("\"{role}\"")).join(", ")
    )
}

/// The relayer's credentials.
enum Relayer {}

impl Credentials for Relayer {
    type Ledger = LedgerConfig;

    fn vcs(section: &mut Section<'_>, config: Field<VcsConfig>) -> Field<LedgerConfig> {
        let api_key = api_key(section);
        Ok(LedgerConfig::Vcs {
            config: config?,
            api_key: api_key?,
        })
    }

    fn evm(section: &mut Section<'_>, config: Field<EvmConfig>) -> Field<LedgerConfig> {
        let mint_key = section.secret("mint_key_file", SECP256K1, signing_key);
        let void_key = section.secret("void_key_file", SECP256K1, signing_key);
        let (mint_key, void_key) = (mint_key?, void_key?);
        if mint_key.address() == void_key.address() {
            let found = format!("the account of mint_key_file, {}", mint_key.address());
            let remedy = "give each lane a key of its own, or a stuck mint blocks a void";
            return Err(section.refuse("void_key_file", found, remedy));
        }
        Ok(LedgerConfig::Evm {
            config: config?,
            mint_key,
            void_key,
        })
    }
}

fn signing_key(text: &str) -> Option<SigningKey> {
    SigningKey::from_bytes(&seed(text)?).ok()
}
