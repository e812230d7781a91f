//! `inspect`: what a serial says, or which segment of it is wrong. Needs no relayer.

use std::io::{BufRead, Write};

use clap::Args;
use isthmus_vcs::serial::{Era, Serial};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, clean};

/// Far longer than a serial; what is longer is not kept in memory.
const MAX_LINE: u64 = 4096;

/// Serials to read.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Serials; without any, one a line from standard input.
    #[arg(value_name = "SERIAL")]
    serials: Vec<String>,
}

/// A valid serial. The field order is that of the output.
#[derive(Serialize)]
struct Valid<'a> {
    input: &'a str,
    serial: String,
    space: &'static str,
    era: u8,
    batch: &'a str,
    first: u64,
    last: u64,
    quantity_t: u64,
    registry: &'a str,
    verifier: &'a str,
    country: &'a str,
    scope: &'a str,
    project: &'a str,
    vintage_start: String,
    vintage_end: String,
    additional_certifications: bool,
}

#[derive(Serialize)]
struct Malformed<'a> {
    input: &'a str,
    error: String,
}

/// What was read so far.
#[derive(Default)]
struct Tally {
    valid: u64,
    malformed: u64,
    quantity_t: u128,
}

impl Inspect {
    /// Reads everything, then fails if any serial was malformed.
    pub(crate) fn run(&self, input: &mut dyn BufRead, out: &mut Output<'_>) -> Result<(), Failure> {
        let mut tally = Tally::default();
        if self.serials.is_empty() {
            stream(input, |text| tally.add(text, out))?;
        } else {
            for text in &self.serials {
                tally.add(text, out)?;
            }
        }
        tally.end(out)
    }
}

/// Hands over line by line. Only the line's end is taken off: proofs hash the text, so nothing else is.
fn stream(
    input: &mut dyn BufRead,
    mut each: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let unreadable =
        |error| Failure::Usage(format!("standard input cannot be read: {error}: try again"));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut *input, MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(unreadable)? == 0 {
            return Ok(());
        }
        if line.ends_with(b"\n") {
            line.pop();
        } else {
            // Over the bound, or the last line.
            input.skip_until(b'\n').map_err(unreadable)?;
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        each(&String::from_utf8_lossy(&line))?;
    }
}

impl Tally {
    fn add(&mut self, text: &str, out: &mut Output<'_>) -> Result<(), Failure> {
        let json = out.is_json();
        match text.parse::<Serial>() {
            Ok(serial) => {
                self.valid += 1;
                self.quantity_t += u128::from(serial.quantity_t());
                let valid = Valid::new(text, &serial);
                if json {
                    write_json(out.writer(), &valid)?;
                } else {
                    valid.write(out.writer())?;
                }
            }
            Err(error) => {
                self.malformed += 1;
                let error = clean(&error.to_string());
                if json {
                    write_json(out.writer(), &Malformed { input: text, error })?;
                } else {
                    writeln!(
                        out.writer(),
                        "malformed  {}\n           {error}",
                        clean(text)
                    )?;
                }
            }
        }
        Ok(())
    }

    fn end(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        let Self {
            valid,
            malformed,
            quantity_t,
        } = self;
        if !out.is_json() && valid + malformed > 1 {
            writeln!(
                out.writer(),
                "{valid} valid, {quantity_t} t; {malformed} malformed"
            )?;
        }
        if *malformed == 0 {
            return Ok(());
        }
        let total = valid + malformed;
        Err(Failure::Check(format!(
            "{malformed} of {total} serial(s) malformed: correct them as the output says"
        )))
    }
}

fn write_json(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

impl<'a> Valid<'a> {
    fn new(input: &'a str, serial: &'a Serial) -> Self {
        Self {
            input,
            serial: serial.to_string(),
            space: serial.space(),
            era: match serial.era() {
                Era::Twelve => 12,
                Era::Thirteen => 13,
            },
            batch: serial.batch(),
            first: serial.first(),
            last: serial.last(),
            quantity_t: serial.quantity_t(),
            registry: serial.registry(),
            verifier: serial.verifier(),
            country: serial.country(),
            scope: serial.scope(),
            project: serial.project(),
            vintage_start: serial.vintage_start().to_string(),
            vintage_end: serial.vintage_end().to_string(),
            additional_certifications: serial.has_additional_certifications(),
        }
    }

    /// Two lines, written as they are read: a table would have to know them all.
    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let certified = if self.additional_certifications {
            ", additional certifications"
        } else {
            ""
        };
        writeln!(
            out,
            "valid      {}\n           {} t, units {}..={} of {}, batch {}, project {} in {} (scope {}), verifier {}, registry {}, vintage {} to {}{certified}",
            self.serial,
            self.quantity_t,
            self.first,
            self.last,
            self.space,
            self.batch,
            self.project,
            self.country,
            self.scope,
            self.verifier,
            self.registry,
            self.vintage_start,
            self.vintage_end,
        )
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
