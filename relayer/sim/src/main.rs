//! The simulation's command line.

fn main() {}
