//! Renders every (state, event) pair into `docs/state-machine.md`.
