//! What the processes of a devnet have used: processor time, memory, synced writes, calls to the ledgers.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;
use isthmus_e2e::devnet::service::Service;

use crate::load::Load;

/// Kernel ticks a second; Linux reports processor time in these everywhere.
const TICKS_PER_S: f64 = 100.0;

/// Counters at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of processor time by process.
    pub(crate) cpu_s: BTreeMap<String, f64>,
    /// Of the relayer and the registry; attesters say theirs when they end.
    pub(crate) syncs: BTreeMap<String, f64>,
    /// Calls by ledger and kind.
    pub(crate) calls: BTreeMap<String, f64>,
}

impl Usage {
    /// Reads everything now.
    pub(crate) async fn of(load: &Load) -> anyhow::Result<Self> {
        let mut usage = Self::default();
        for service in load.devnet.services() {
            let cpu_s = cpu_s(service)?;
            usage.cpu_s.insert(service.name().to_owned(), cpu_s);
        }
        let status = load.status().await?;
        let relayer = to_f64(status.synced_writes)?;
        usage.syncs.insert("relayer".into(), relayer);
        let counted = load.devnet.registry.stats().await?;
        let registry = counted["syncs"].as_f64().context("syncs is a number")?;
        usage.syncs.insert("registry".into(), registry);
        for (call, count) in counted["requests"].as_object().into_iter().flatten() {
            let count = count.as_f64().unwrap_or_default();
            usage.calls.insert(format!("registry {call}"), count);
        }
        for line in load.devnet.anvil.output().lines() {
            if line.starts_with("eth_") {
                *usage.calls.entry(format!("chain {line}")).or_default() += 1.0;
            }
        }
        Ok(usage)
    }

    /// What was used between `earlier` and this.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let less = |now: &BTreeMap<String, f64>, before: &BTreeMap<String, f64>| {
            let difference = |(name, value): (&String, &f64)| {
                let earlier = before.get(name).copied().unwrap_or_default();
                (name.clone(), value - earlier)
            };
            now.iter().map(difference).collect()
        };
        Self {
            cpu_s: less(&self.cpu_s, &earlier.cpu_s),
            syncs: less(&self.syncs, &earlier.syncs),
            calls: less(&self.calls, &earlier.calls),
        }
    }

    /// Calls to registry and chain.
    pub(crate) fn all_calls(&self) -> f64 {
        self.calls.values().sum()
    }
}

/// Processor time of a process so far.
fn cpu_s(service: &Service) -> anyhow::Result<f64> {
    let pid = service.pid().context("it does not run")?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may contain anything, spaces too; the fields after it are fixed.
    let (_, fields) = stat.rsplit_once(')').context("/proc/*/stat has a name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<f64> {
        Ok(fields
            .get(index)
            .context("/proc/*/stat is short")?
            .parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

/// Memory in use by a process now, in MB of 10^6 bytes.
pub(crate) fn rss_mb(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("/proc/*/status has VmRSS")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// A count as a figure.
pub(crate) fn to_f64(count: u64) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(count)?))
}

/// The number that a process said about itself when it ended, as `name=<number>`.
pub(crate) fn said(service: &Service, name: &str) -> Option<f64> {
    let output = service.output();
    let mark = format!("{name}=");
    let (_, rest) = output.rsplit_once(&mark)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
