//! `transfer`: what holders and exchanges do.

mod follow;
pub(super) mod instruct;
mod prepare;
mod redirect;
mod submit;
mod view;

use clap::Subcommand;

use super::client::Control;
use super::failure::Failure;
use super::output::Output;

/// Prepares, submits and follows transfers.
#[derive(Debug, Subcommand)]
pub(crate) enum Transfer {
    /// Computes terms and TransferId from serials: the holder's part, which no relayer can do for him.
    Prepare(prepare::Prepare),
    /// Submits terms under the holder's mandate. Repeating it has no further effect.
    Submit(submit::Submit),
    /// Shows a transfer and its history.
    Get(follow::Get),
    /// Lists transfers, newest first.
    List(follow::List),
    /// Follows a transfer until it has ended, or until a state.
    Watch(follow::Watch),
    /// Undoes a transfer that is not minted yet.
    Withdraw(submit::Withdraw),
    /// Writes the instruction that a burn commits to.
    #[command(subcommand)]
    Instruction(instruct::New),
    /// Discloses a burn's instruction to the relayer.
    Instruct(instruct::Instruct),
    /// Gives a burn a new instruction, signed with the burning key.
    Redirect(redirect::Redirect),
}

impl Transfer {
    pub(crate) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::Prepare(command) => command.run(control, out).await,
            Self::Submit(command) => command.run(control, out).await,
            Self::Get(command) => command.run(control, out).await,
            Self::List(command) => command.run(control, out).await,
            Self::Watch(command) => command.run(control, out).await,
            Self::Withdraw(command) => command.run(control, out).await,
            Self::Instruction(command) => command.run(out),
            Self::Instruct(command) => command.run(control, out).await,
            Self::Redirect(command) => command.run(control, out).await,
        }
    }
}
