//! The figures of a run: name → value, each with the aim that it is held against.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a figure shall be.
#[derive(Clone, Copy, Debug)]
enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

/// Aims, in the order of the table; a figure without one is only reported.
const AIMS: [(&str, Aim); 14] = [
    ("lock_to_mint_per_s", Aim::AtLeast(500.0)),
    ("ratio", Aim::AtLeast(0.8)),
    ("syncs_per_transfer", Aim::AtMost(0.15)),
    ("gas_per_mint_batch_100", Aim::AtMost(52_000.0)),
    ("rss_mb_100k_pending", Aim::AtMost(256.0)),
    ("restart_to_first_operation_ms", Aim::AtMost(1000.0)),
    ("catch_up_10k_s", Aim::AtMost(30.0)),
    ("live_p99_ratio_during_catch_up", Aim::AtMost(2.0)),
    ("custody_overlap_ns_1000000", Aim::AtMost(5000.0)),
    ("custody_overlap_ns_100000", Aim::AtMost(5000.0)),
    ("custody_overlap_ns_10000", Aim::AtMost(5000.0)),
    ("custody_overlap_ns_1000", Aim::AtMost(5000.0)),
    ("log_append_per_s", Aim::AtLeast(20_000.0)),
    ("inclusion_verify_us", Aim::AtMost(50.0)),
];

/// Figures by name.
#[derive(Debug, Default)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Notes one.
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    /// One that was noted.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Flat JSON: name → value, rounded to what was measured.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let rounded: BTreeMap<&String, f64> =
            self.0.iter().map(|(name, v)| (name, rounded(*v))).collect();
        Ok(serde_json::to_string_pretty(&rounded)? + "\n")
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for (name, value) in &self.0 {
            let aim = AIMS.iter().find(|(aimed, _)| aimed == name);
            let verdict = aim.map_or_else(String::new, |(_, aim)| match aim {
                Aim::AtLeast(least) => verdict(*value >= *least, "≥", *least),
                Aim::AtMost(most) => verdict(*value <= *most, "≤", *most),
            });
            let value = rounded(*value);
            // Writing to a string does not fail.
            let _written = writeln!(table, "  {name:<34} {value:>12}  {verdict}");
        }
        table
    }
}

fn verdict(met: bool, sign: &str, aim: f64) -> String {
    let word = if met { "met" } else { "MISSED" };
    format!("{word} (aim {sign} {aim})")
}

fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 {
        value.round()
    } else {
        (value * 1000.0).round() / 1000.0
    }
}

/// The value below which a share of all lies.
pub(crate) fn percentile(values: &mut [u64], share: f64) -> anyhow::Result<f64> {
    values.sort_unstable();
    let last = f64::from(u32::try_from(values.len().saturating_sub(1))?);
    let wanted = (last * share).round();
    let position = values
        .iter()
        .enumerate()
        .find(|(index, _)| u32::try_from(*index).is_ok_and(|index| f64::from(index) >= wanted));
    let (_, value) = position.ok_or_else(|| anyhow::anyhow!("nothing was measured"))?;
    Ok(f64::from(u32::try_from(*value)?))
}
