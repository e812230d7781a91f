//! Log lines on stderr.

use std::io::IsTerminal as _;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, TelemetryConfig};

/// Why nothing would be logged.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Not a filter.
    #[error(
        "telemetry.filter {filter:?} is not valid: write tracing directives, like \"info\" or \"isthmus=debug,warn\""
    )]
    Filter {
        /// The text.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// It was called before.
    #[error("logging is set up already")]
    Again(#[source] tracing_subscriber::util::TryInitError),
    /// The subscriber is gone.
    #[error("logging has ended")]
    Gone(#[source] tracing_subscriber::reload::Error),
}

/// Changes which lines are written while the process runs.
#[derive(Clone)]
pub struct LogFilter(Arc<Set>);

type Set = dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync;

impl std::fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogFilter")
    }
}

impl LogFilter {
    /// From now on these directives; wrong ones change nothing.
    pub fn set(&self, directives: &str) -> Result<(), InitError> {
        (self.0)(filter(directives)?).map_err(InitError::Gone)
    }
}

/// Sends log lines to stderr from now on; once per process.
pub fn init(config: &TelemetryConfig) -> Result<LogFilter, InitError> {
    let (subscriber, filter) =
        subscriber(config, std::io::stderr, std::io::stderr().is_terminal())?;
    subscriber.try_init().map_err(InitError::Again)?;
    Ok(filter)
}

fn filter(directives: &str) -> Result<EnvFilter, InitError> {
    let parsed = EnvFilter::builder().parse(directives);
    parsed.map_err(|source| InitError::Filter {
        filter: directives.to_owned(),
        source,
    })
}

fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    colours: bool,
) -> Result<(Box<dyn Subscriber + Send + Sync>, LogFilter), InitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.filter)?)
        // It would be said on stderr too, where a line that cannot be written ends the task that logs: on a full disk, every request.
        .log_internal_errors(false)
        .with_writer(writer);
    Ok(match config.format {
        LogFormat::Json => {
            let builder = builder
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .with_filter_reloading();
            let handle = builder.reload_handle();
            let set = move |filter| handle.reload(filter);
            (Box::new(builder.finish()), LogFilter(Arc::new(set)))
        }
        LogFormat::Text => {
            let builder = builder.with_ansi(colours).with_filter_reloading();
            let handle = builder.reload_handle();
            let set = move |filter| handle.reload(filter);
            (Box::new(builder.finish()), LogFilter(Arc::new(set)))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = TelemetryConfig {
            format,
            filter: filter.into(),
        };
        let (subscriber, filters) = subscriber(&config, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("transfer", transfer.id = "0xab");
            let entered = span.enter();
            tracing::info!(state = "taken", "state changed");
            tracing::debug!("a detail");
            drop(entered);
            assert!(filters.set("isthmus=loud").is_err());
            filters.set("off").unwrap();
            tracing::error!("nobody wants to know");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_with_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "state changed");
        assert_eq!(line["state"], "taken");
        assert_eq!(line["span"]["transfer.id"], "0xab");
    }

    #[test]
    fn text_is_for_people_and_the_filter_counts() {
        let text = logged(LogFormat::Text, "debug");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("state changed state=\"taken\""), "{text}");
        assert!(
            !text.contains('\u{1b}'),
            "colours only on a terminal: {text:?}"
        );
    }

    #[test]
    fn a_wrong_filter_is_refused_with_its_text() {
        let config = TelemetryConfig {
            format: LogFormat::Text,
            filter: "isthmus=loud".into(),
        };
        let error = init(&config).unwrap_err().to_string();
        assert!(
            error.contains("telemetry.filter \"isthmus=loud\""),
            "{error}"
        );
    }
}
