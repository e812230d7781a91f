//! The sandbox registry over real HTTP, as its own process where it is killed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy only knows the test functions themselves"
)]

mod authority;
mod durability;
mod faults;
mod locks;
mod reads;
mod redemptions;
mod rejections;
mod starting;
mod world;
