//! Tests of the attester: the rules one by one over a world in which everything is right, its memory, and the whole process
//! over real gRPC with a real store.

mod approval;
mod approvals;
mod custody;
mod memory;
mod mint;
mod outside;
mod redemption;
mod replica;
mod void;
mod witness;
mod world;
