//! What the registries say about the accounts and units of a call's orders: asked once per account and once for all units.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use isthmus_core::asset_class::{AssetClass, MAX_PROFILE};
use isthmus_core::id::{AccountId, LedgerId};
use isthmus_core::mandate::HolderKey;
use isthmus_core::receipt::Refusal;
use isthmus_core::serial_block::SerialBlock;
use isthmus_core::terms::{MAX_UNITS, OutboundTerms};

use crate::engine::admission::{Admission, Order, later, never};
use crate::engine::ports::{
    AccountStatus, Registry, RegistryAccount, Standing, StoredBlock, SurveyError,
};
use crate::error_chain::chain;

/// Most characters of all serials of one transfer: a `LOCKED` leaf of at most 16 KiB holds them twice.
const MAX_SERIALS: usize = 6_000;

/// Answers by registry.
#[derive(Debug, Default)]
pub(super) struct Survey(BTreeMap<LedgerId, RegistrySurvey>);

#[derive(Debug)]
struct RegistrySurvey {
    accounts: BTreeMap<AccountId, Result<RegistryAccount, Refusal>>,
    /// By serial as the order names it.
    parsed: HashMap<String, Result<SerialBlock, Refusal>>,
    /// Blocks that share a unit with any order's, parsed; or why there is no answer.
    stored: Result<Vec<(SerialBlock, StoredBlock)>, Refusal>,
}

/// What the registry says about one order.
#[derive(Debug)]
pub(super) struct OrderFacts<'a> {
    /// The units, as the order names them.
    pub(super) units: Vec<SerialBlock>,
    /// Their one class.
    pub(super) class: AssetClass,
    /// The key that speaks for the account.
    pub(super) holder_key: HolderKey,
    /// The stored blocks that hold them, one per unit.
    holding: Vec<&'a StoredBlock>,
}

impl Admission {
    /// Asks about all orders. What cannot be answered refuses the orders concerned, not the call.
    pub(super) async fn survey(&self, orders: &[Order]) -> Survey {
        let mut by_origin: BTreeMap<&LedgerId, Vec<&OutboundTerms>> = BTreeMap::new();
        for order in orders {
            let terms = &order.terms;
            by_origin.entry(&terms.origin).or_default().push(terms);
        }
        let mut survey = Survey::default();
        for (origin, terms) in by_origin {
            if let Some(registry) = self.registries.get(origin) {
                let answers = RegistrySurvey::ask(registry.as_ref(), &terms).await;
                survey.0.insert(origin.clone(), answers);
            }
        }
        survey
    }
}

impl RegistrySurvey {
    async fn ask(registry: &dyn Registry, orders: &[&OutboundTerms]) -> Self {
        let mut accounts = BTreeMap::new();
        for account in orders
            .iter()
            .map(|terms| &terms.account)
            .collect::<BTreeSet<_>>()
        {
            let found = registry.account(account).await;
            accounts.insert(account.clone(), found.map_err(refusal));
        }
        let mut parsed = HashMap::new();
        // An order that names too many is refused by policy: its units are not worth asking about.
        let bounded = |terms: &&&OutboundTerms| terms.units.len() <= MAX_UNITS;
        for serial in orders.iter().filter(bounded).flat_map(|terms| &terms.units) {
            let block = registry.parse_serial(serial).map_err(|error| {
                let message = chain(error.as_ref());
                never("malformed_serial", "units", serial.clone(), message)
            });
            parsed.insert(serial.clone(), block);
        }
        let units: Vec<SerialBlock> = parsed.values().flatten().cloned().collect();
        let stored = match registry.stored(&units).await {
            Ok(blocks) => blocks
                .into_iter()
                .map(|stored| {
                    let block = registry.parse_serial(&stored.serial).map_err(|error| {
                        let message = chain(error.as_ref());
                        later("unreadable_block", "units", stored.serial.clone(), message)
                    })?;
                    Ok((block, stored))
                })
                .collect(),
            Err(error) => Err(refusal(error)),
        };
        Self {
            accounts,
            parsed,
            stored,
        }
    }

    /// The key that speaks for an order's account, if the account is open and has one.
    fn holder_key(&self, terms: &OutboundTerms) -> Result<HolderKey, Refusal> {
        let account = self.accounts.get(&terms.account);
        let account = account.ok_or_else(|| unasked("account", terms.account.to_string()))?;
        let account = account.as_ref().map_err(Clone::clone)?;
        if account.status != AccountStatus::Open {
            let message = "the account is closed: use an open one".to_owned();
            return Err(never(
                "account_closed",
                "account",
                terms.account.to_string(),
                message,
            ));
        }
        account.holder_key.ok_or_else(|| {
            let message = "the account has no registered key, so nobody can sign a mandate for it: register one at the registry".to_owned();
            never("no_holder_key", "account", terms.account.to_string(), message)
        })
    }
}

impl Survey {
    /// What is known about one order, or why it is refused.
    pub(super) fn facts(&self, terms: &OutboundTerms) -> Result<OrderFacts<'_>, Refusal> {
        let survey = self.0.get(&terms.origin).ok_or_else(|| {
            let message = "this registry is not configured here".to_owned();
            never(
                "unknown_ledger",
                "origin",
                terms.origin.to_string(),
                message,
            )
        })?;
        let holder_key = survey.holder_key(terms)?;
        let length: usize = terms.units.iter().map(String::len).sum();
        if length > MAX_SERIALS {
            let message = format!(
                "the serials have {length} characters together, at most {MAX_SERIALS} fit into a leaf of the log: submit several transfers"
            );
            return Err(never(
                "wrong_units",
                "units",
                terms.units.len().to_string(),
                message,
            ));
        }
        let stored = survey.stored.as_ref().map_err(Clone::clone)?;
        let (mut units, mut holding) = (Vec::new(), Vec::new());
        for serial in terms.units.iter().take(MAX_UNITS + 1) {
            let block = survey.parsed.get(serial);
            let block = block.ok_or_else(|| unasked("units", serial.clone()))?;
            let block = block.as_ref().map_err(Clone::clone)?;
            let held = stored.iter().find(|(held, _)| held.contains(block));
            let (_, held) = held.ok_or_else(|| {
                let message = "the registry holds no block that contains all of these units: name blocks that exist, in one series".to_owned();
                never("unknown_block", "units", serial.clone(), message)
            })?;
            units.push(block.clone());
            holding.push(held);
        }
        let class = holding.first().map(|held| held.class.clone());
        let class = class.ok_or_else(|| {
            let message = format!("name 1 to {MAX_UNITS} serial blocks");
            never("wrong_units", "units", String::new(), message)
        })?;
        if let Some(other) = holding.iter().find(|held| held.class != class) {
            let message =
                "the units of one transfer are of one class: submit one transfer for each"
                    .to_owned();
            return Err(never(
                "several_classes",
                "units",
                other.serial.clone(),
                message,
            ));
        }
        let profile = class.profile().len();
        if profile > MAX_PROFILE {
            let message =
                format!("its profile has {profile} bytes, a gate registers at most {MAX_PROFILE}");
            return Err(never(
                "class_too_long",
                "units",
                class.id().to_string(),
                message,
            ));
        }
        Ok(OrderFacts {
            units,
            class,
            holder_key,
            holding,
        })
    }
}

impl OrderFacts<'_> {
    /// Whether the units lie free in the account, as far as the registry showed.
    pub(super) fn in_account(&self, terms: &OutboundTerms) -> Result<(), Refusal> {
        for held in &self.holding {
            if held.account != terms.account {
                let message = format!(
                    "the units lie in account {}, not in {}",
                    held.account, terms.account
                );
                return Err(never("not_owner", "units", held.serial.clone(), message));
            }
            if held.standing == Standing::Locked {
                let message = "the units are locked already".to_owned();
                return Err(never("not_held", "units", held.serial.clone(), message));
            }
        }
        Ok(())
    }
}

fn refusal(error: SurveyError) -> Refusal {
    match error {
        SurveyError::Unknown {
            field,
            value,
            message,
        } => never("unknown_account", field, value, message),
        SurveyError::Unavailable(error) => later(
            "registry_unavailable",
            "origin",
            String::new(),
            format!(
                "the registry did not answer, ask again: {}",
                chain(error.as_ref())
            ),
        ),
    }
}

fn unasked(field: &str, value: String) -> Refusal {
    never("malformed", field, value, "it was not asked about".into())
}
