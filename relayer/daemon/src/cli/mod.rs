//! The command line: two processes to run, a client of the control plane, and checks that need neither.

mod audit;
mod client;
mod cost;
mod deposit;
mod failure;
mod impairment;
mod inspect;
mod keys;
mod operator;
mod output;
mod proof;
mod restore;
mod retry;
mod route;
mod secret;
mod serve;
mod status;
mod transfer;
mod upkeep;

use std::future::Future;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Builder;

use client::Control;
use failure::{EXIT_CODES, Failure};
use output::Output;

/// Moves carbon units between registries and chains so that one tonne is never usable in two places.
#[derive(Debug, Parser)]
#[command(name = "isthmus", version)]
struct Cli {
    #[command(flatten)]
    control: Control,
    /// Print JSON, for programs: one document, or one object a line where there are many. Errors too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a relayer.
    Run {
        /// Its configuration, TOML.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Runs an attester.
    Attester {
        /// Its configuration, TOML.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Checks configuration files.
    #[command(subcommand)]
    Config(serve::Config),
    /// Reads serials of VCUs; exit code 1 if one is malformed.
    Inspect(inspect::Inspect),
    /// Makes and shows keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Who may move what.
    #[command(subcommand)]
    Route(route::Route),
    /// Prepares, submits and follows transfers.
    #[command(subcommand)]
    Transfer(transfer::Transfer),
    /// Takes proofs from the relayer, to be checked with `audit`.
    #[command(subcommand)]
    Proof(proof::Proof),
    /// Checks proofs offline.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shows whether the relayer works, how far behind it is and what is stuck.
    Status,
    /// Stops new work; what is in flight still counts.
    Pause {
        /// `all`, `route:<id>` or `ledger:<id>`.
        scope: String,
    },
    /// Lets new work in again.
    Resume {
        /// `all`, `route:<id>` or `ledger:<id>`.
        scope: String,
        /// Goes on although something recorded as final is not on the ledger any more; both operators must say so.
        #[arg(long)]
        accept_losses: bool,
    },
    /// Puts a backup in the place of a store that was lost.
    Restore(restore::Restore),
    /// Brings a restored store up to a copy of the log.
    Recover(restore::Recover),
    /// Saves the log as an attester has followed it.
    AttesterLog(restore::AttesterLog),
    /// Has the relayer read its configuration again; says what changed and what is refused.
    Reload,
    /// Copies the running relayer's store into a new folder on its machine.
    Backup {
        /// The folder; it must not exist yet.
        folder: PathBuf,
    },
    /// Tries now what was put off, by filter; says how many that are.
    Retry(retry::Retry),
    /// Pools that have less in custody than they should.
    #[command(subcommand)]
    Impairment(impairment::Impairment),
    /// Units that came into custody without a lock.
    #[command(subcommand)]
    Deposit(deposit::Deposit),
    /// Transfers that need a person.
    #[command(subcommand)]
    Quarantine(operator::Quarantine),
}

/// Carries out the command line of this process.
pub fn run() -> ExitCode {
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let shown = error.print();
            let code = if shown.is_ok() { error.exit_code() } else { 5 };
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    let mut stdout = BufWriter::new(io::stdout());
    let executed = cli.execute(&mut stdout);
    // What was printed before a failure is part of the answer.
    let flushed = stdout.flush().map_err(Failure::from);
    let outcome = executed.and(flushed);
    let Err(failure) = outcome else {
        return ExitCode::SUCCESS;
    };
    // If stderr is closed as well, the exit code has to do.
    drop(failure.report(&mut io::stderr(), cli.json));
    ExitCode::from(failure.exit_code())
}

/// The command line with the exit codes in the help of every command.
fn command() -> clap::Command {
    fn with_exit_codes(command: clap::Command) -> clap::Command {
        command
            .after_help(EXIT_CODES)
            .mut_subcommands(with_exit_codes)
    }
    with_exit_codes(Cli::command())
}

impl Cli {
    fn execute(&self, writer: &mut dyn Write) -> Result<(), Failure> {
        let out = &mut Output::new(writer, self.json);
        let control = &self.control;
        match &self.command {
            Command::Run { config } => process(serve::run(config)),
            Command::Attester { config } => process(serve::attester(config)),
            Command::Config(command) => command.run(out),
            Command::Inspect(command) => command.run(&mut io::stdin().lock(), out),
            Command::Keys(command) => command.run(out),
            Command::Route(command) => call(command.run(control, out)),
            Command::Transfer(command) => call(command.run(control, out)),
            Command::Proof(command) => call(command.run(control, out)),
            Command::Audit(command) => command.run(out),
            Command::Status => call(operator::show_status(control, out)),
            Command::Pause { scope } => call(operator::pause(control, scope, out)),
            Command::Resume {
                scope,
                accept_losses,
            } => call(operator::resume(control, scope, *accept_losses, out)),
            Command::Restore(command) => command.run(out),
            Command::Recover(command) => process(command.run(out)),
            Command::AttesterLog(command) => command.run(out),
            Command::Reload => call(upkeep::reload(control, out)),
            Command::Backup { folder } => call(upkeep::backup(control, folder, out)),
            Command::Retry(command) => call(command.run(control, out)),
            Command::Impairment(command) => call(command.run(control, out)),
            Command::Deposit(command) => call(command.run(control, out)),
            Command::Quarantine(command) => call(command.run(control, out)),
        }
    }
}

/// Drives a process that serves: all cores.
fn process(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    drive(&mut Builder::new_multi_thread(), future)
}

/// Drives a client: this thread is enough.
fn call(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    drive(&mut Builder::new_current_thread(), future)
}

fn drive(
    builder: &mut Builder,
    future: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let runtime = builder.enable_all().build().map_err(|error| {
        Failure::Unavailable(format!(
            "the operating system gives no runtime: {error}: check its limits"
        ))
    })?;
    runtime.block_on(future)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
