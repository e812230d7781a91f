//! The adapter against a real node: anvil, mined block by block, final at depth 2.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions, but not the helpers that they share"
)]

mod agreement;
mod bidding;
mod connecting;
mod contract;
mod deceiving;
mod evidence;
mod finding;
mod gas;
mod node;
mod nonces;
mod observing;
mod paying;
mod preparing;
mod proxy;
mod refusals;
mod reorgs;
mod rotation;
mod setup;
mod under;
mod world;
