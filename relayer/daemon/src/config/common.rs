//! What the files of relayers and attesters have in common.

use std::net::SocketAddr;

use isthmus_core::id::Hash32;
use toml::Value;
use tracing_subscriber::EnvFilter;

use super::model::{LogFormat, RouteAdmin, TelemetryConfig};
use super::problem::Field;
use super::section::{Section, all, nonempty, parsed};
use super::value::{ED25519, NAME, ed25519, name};

/// `[telemetry]`; without it, JSON at level `info`.
pub(super) fn telemetry(root: &mut Section<'_>) -> Field<TelemetryConfig> {
    let default = TelemetryConfig {
        format: LogFormat::Json,
        filter: "info".into(),
    };
    let Some(mut section) = root.section("telemetry")? else {
        return Ok(default);
    };
    let format = section.optional("format", "\"json\" or \"text\"", |value| {
        match value.as_str()? {
            "json" => Some(LogFormat::Json),
            "text" => Some(LogFormat::Text),
            _ => None,
        }
    });
    let expected = "tracing directives, like \"info\" or \"isthmus=debug,warn\"";
    let filter = section.optional("filter", expected, directives);
    section.finish();
    let (format, filter) = (format?, filter?);
    Ok(TelemetryConfig {
        format: format.unwrap_or(default.format),
        filter: filter.unwrap_or(default.filter),
    })
}

fn directives(value: &Value) -> Option<String> {
    nonempty(value).filter(|text| EnvFilter::builder().parse(text).is_ok())
}

/// `[metrics]`; without it, nothing is served.
pub(super) fn metrics(root: &mut Section<'_>) -> Field<Option<SocketAddr>> {
    let Some(mut section) = root.section("metrics")? else {
        return Ok(None);
    };
    let listen = section.required(
        "listen",
        "an IP address and a port, like 127.0.0.1:9400",
        parsed,
    );
    section.finish();
    listen.map(Some)
}

/// `[[route_admin]]`: at least two, as a route counts only with signatures of two.
pub(super) fn route_admins(root: &mut Section<'_>) -> Field<Vec<RouteAdmin>> {
    let sections = root.sections("route_admin")?;
    if sections.len() < 2 {
        let remedy = "a route counts only with signatures of two different admins: write at least two [[route_admin]], each with name and key";
        root.refuse("route_admin", format!("{} of them", sections.len()), remedy);
    }
    let names = distinct(
        root,
        "route_admin",
        "name",
        &sections,
        "give every admin a name of its own",
    );
    let remedy = "two admins must not share a key: one person could then activate a route alone";
    let keys = distinct(root, "route_admin", "key", &sections, remedy);
    let admins = all(sections.into_iter().map(route_admin).collect());
    names.and(keys).and(admins)
}

fn route_admin(mut section: Section<'_>) -> Field<RouteAdmin> {
    let name = section.required("name", NAME, name);
    let key = section.required("key", ED25519, ed25519);
    section.finish();
    Ok(RouteAdmin {
        name: name?,
        key: Hash32::new(key?),
    })
}

/// Reports every entry of `list` whose text `field` an earlier entry has already. Looks at the text as it stands, so that no
/// other mistake in an entry hides this one.
pub(super) fn distinct(
    root: &Section<'_>,
    list: &str,
    field: &str,
    entries: &[Section<'_>],
    remedy: &str,
) -> Field<()> {
    let values: Vec<Option<String>> = entries.iter().map(|entry| entry.peek(field)).collect();
    let mut outcome = Ok(());
    for (index, value) in values.iter().enumerate() {
        let first = values
            .iter()
            .take(index)
            .position(|earlier| earlier == value);
        if let (Some(first), Some(value)) = (first, value) {
            let path = format!("{list}[{index}].{field}");
            let found = format!("{value:?}, the same as {list}[{first}].{field}");
            outcome = Err(root.refuse(&path, found, remedy));
        }
    }
    outcome
}
