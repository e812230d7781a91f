//! The truth on both sides, without any network in between: a registry's books and a chain with its gate.

pub mod blocks;
pub mod books;
pub mod chain;
pub mod entries;
pub mod gate;
mod receipts;

pub use books::Books;
pub use chain::Chain;
