//! Every rule of policy, one broken at a time and all broken at once.

use crate::asset_class::AssetClass;
use crate::id::{Address, AssetClassId};
use crate::policy::{Decision, RouteStatus, Situation, decide};
use crate::quantity::Quantity;
use crate::receipt::Lasting;
use crate::route::RouteDocument;
use crate::serial_block::SerialBlock;
use crate::terms::{MAX_UNITS, OutboundTerms};
use crate::testing::sample;
use crate::time::Timestamp;

struct Case {
    route: RouteDocument,
    terms: OutboundTerms,
    class: AssetClass,
    units: Vec<SerialBlock>,
    outstanding: Quantity,
    status: RouteStatus,
}

impl Case {
    /// 10 t on an open route: allowed.
    fn allowed() -> Self {
        let units = vec![sample::block(1, 10)];
        Self {
            route: sample::route(),
            terms: sample::outbound(1, &units).terms,
            class: sample::class(),
            units,
            outstanding: tonnes(990),
            status: RouteStatus::Active,
        }
    }

    fn decide(&self) -> Decision {
        let situation = Situation {
            class: &self.class,
            units: &self.units,
            outstanding: self.outstanding,
            status: self.status.clone(),
        };
        decide(&self.route, &self.terms, &situation, Timestamp::from_ms(0))
    }
}

fn tonnes(t: u64) -> Quantity {
    Quantity::from_tonnes(t).unwrap()
}

/// Code and field of the refusal, for how long it stands, and what breaks the rule.
type Rule = (&'static str, &'static str, Lasting, fn(&mut Case));

/// In the order in which they answer.
const RULES: [Rule; 19] = [
    ("wrong_route", "route", Lasting::Never, |c| {
        c.terms.route = "other".parse().unwrap();
    }),
    ("wrong_route", "origin", Lasting::Never, |c| {
        c.terms.origin = "vcs:other".parse().unwrap();
    }),
    ("wrong_route", "destination", Lasting::Never, |c| {
        c.terms.destination = "eip155:1".parse().unwrap();
    }),
    ("wrong_route", "gate", Lasting::Never, |c| {
        c.terms.gate = Address::new([9; 20]);
    }),
    ("not_allowed", "account", Lasting::Never, |c| {
        c.route.allow_accounts = vec!["1002".parse().unwrap()];
    }),
    ("wrong_units", "units", Lasting::Never, |c| c.units = vec![]),
    ("overlaps", "units", Lasting::Never, |c| {
        c.units = vec![sample::block(1, 6), sample::block(6, 9)];
    }),
    ("wrong_quantity", "quantity_g", Lasting::Never, |c| {
        c.terms.quantity_g = tonnes(11);
    }),
    ("wrong_class", "asset_class", Lasting::Never, |c| {
        c.terms.asset_class = AssetClassId::new([9; 32]);
    }),
    ("not_eligible", "country", Lasting::Never, |c| {
        c.route.eligible.countries = vec!["KE".into()];
    }),
    ("not_eligible", "programme", Lasting::Never, |c| {
        c.route.eligible.programmes = vec!["GS".into()];
    }),
    ("not_eligible", "project", Lasting::Never, |c| {
        c.route.eligible.projects = vec!["1".into()];
    }),
    ("not_eligible", "unit_type", Lasting::Never, |c| {
        c.route.eligible.unit_types = vec!["VER".into()];
    }),
    ("not_eligible", "vintage", Lasting::Never, |c| {
        c.route.eligible.vintage_from = "2020-01-02".into();
    }),
    ("wrong_step", "quantity_g", Lasting::Never, |c| {
        c.route.step_g = tonnes(3);
    }),
    ("out_of_bounds", "quantity_g", Lasting::Never, |c| {
        c.route.min_per_transfer_g = tonnes(11);
    }),
    ("out_of_bounds", "quantity_g", Lasting::Never, |c| {
        c.route.max_per_transfer_g = tonnes(9);
    }),
    ("over_cap", "quantity_g", Lasting::Later, |c| {
        c.outstanding = tonnes(991);
    }),
    ("paused", "route", Lasting::Later, |c| {
        c.status = RouteStatus::Paused;
    }),
];

fn assert_refused(case: &Case, (code, field, lasting, _): Rule) {
    let Decision::Refused(refusal) = case.decide() else {
        panic!("{code}/{field} is not refused");
    };
    assert_eq!(
        (
            refusal.code.as_str(),
            refusal.field.as_str(),
            refusal.lasting
        ),
        (code, field, lasting)
    );
    assert!(
        !refusal.message.is_empty(),
        "{code}: it says how to mend it"
    );
}

#[test]
fn what_keeps_every_rule_is_allowed() {
    assert_eq!(Case::allowed().decide(), Decision::Allowed);
}

#[test]
fn each_rule_refuses_by_itself() {
    for rule in RULES {
        let mut case = Case::allowed();
        rule.3(&mut case);
        assert_refused(&case, rule);
    }
}

#[test]
fn the_first_broken_rule_answers() {
    for first in 0..RULES.len() {
        let mut case = Case::allowed();
        // The later ones first, so that each overrules what the ones after it changed.
        for rule in RULES[first..].iter().rev() {
            rule.3(&mut case);
        }
        assert_refused(&case, RULES[first]);
    }
}

#[test]
fn bounds_are_included_and_lists_may_be_empty() {
    let mut case = Case::allowed();
    case.route.min_per_transfer_g = tonnes(10);
    case.route.max_per_transfer_g = tonnes(10);
    case.route.outstanding_cap_g = tonnes(1000);
    case.route
        .eligible
        .vintage_from
        .clone_from(&case.class.vintage_start);
    case.route
        .eligible
        .vintage_until
        .clone_from(&case.class.vintage_end);
    case.route.allow_accounts = vec![sample::account()];
    assert_eq!(case.decide(), Decision::Allowed);
    case.route.eligible.vintage_until = "2020-12-30".into();
    assert_refused(&case, ("not_eligible", "vintage", Lasting::Never, |_| ()));
}

#[test]
fn a_transfer_names_at_most_64_blocks_and_huge_sums_only_refuse() {
    let mut case = Case::allowed();
    case.units = (0..=u64::try_from(MAX_UNITS).unwrap())
        .map(|n| sample::block(2 * n + 1, 2 * n + 1))
        .collect();
    assert_refused(&case, ("wrong_units", "units", Lasting::Never, |_| ()));
    let mut case = Case::allowed();
    case.outstanding = Quantity::MAX;
    assert_refused(&case, ("over_cap", "quantity_g", Lasting::Later, |_| ()));
}
