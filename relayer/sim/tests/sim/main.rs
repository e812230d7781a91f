//! The simulation as a test: fixed seeds, a crash at every call, one trouble at every step, and proof that it can fail.

mod bugs;
mod crashes;
mod matrix;
mod seeds;
