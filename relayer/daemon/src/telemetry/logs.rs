//! Log lines on stderr.

use std::io::IsTerminal as _;

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
}

/// Sends log lines to stderr from now on; once per process.
pub fn init(config: &TelemetryConfig) -> Result<(), InitError> {
    subscriber(config, std::io::stderr, std::io::stderr().is_terminal())?
        .try_init()
        .map_err(InitError::Again)
}

fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Subscriber + Send + Sync>, InitError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|source| InitError::Filter {
            filter: config.filter.clone(),
            source,
        })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match config.format {
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .finish(),
        ),
        LogFormat::Text => Box::new(builder.with_ansi(colours).finish()),
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
        let subscriber = subscriber(&config, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("transfer", transfer.id = "0xab");
            let _entered = span.enter();
            tracing::info!(state = "taken", "state changed");
            tracing::debug!("a detail");
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
