//! The truth on both sides, without any network in between: a registry's books and a chain with its gate.

pub mod books;
pub mod chain;
pub mod gate;
mod receipts;

pub use books::Books;
pub use chain::Chain;
