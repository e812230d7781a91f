//! The relayer is stolen, with its keys, credentials, store and log key, and k − 1 of the n attesters are bought. The thief is this
//! code: it speaks the real protocols to real attester processes, the real registry and the real gate.
//!
//! | attack | test |
//! |---|---|
//! | two leaves for one lock | [`log::two_leaves_for_one_lock_mint_once`] |
//! | two forks of the log shown to two attesters | [`forks::of_two_forks_only_one_is_minted_under`], [`forks::forks_signed_at_once_mint_nothing_twice_and_nothing_after`] |
//! | a fork that repeats the mints of the other one | [`forks::a_fork_that_repeats_the_others_mints_is_found_at_the_gate`] |
//! | "nobody signed" to win an unlock | [`log::nobody_signed_does_not_win_an_unlock`] |
//! | two proposals for one burn | [`registry::two_proposals_for_one_burn_give_once_and_to_the_burner`] |
//! | a deliberately wrong release followed by a repayment | [`registry::a_wrong_release_is_not_made_and_not_repaid`] |
//! | a forged route | [`log::a_forged_route_mints_nothing`] |
//! | another recipient than the mandate's | [`log::nobodys_recipient_changes`], `stolen_relayer::attesters_sign_nothing_that_is_not_true` |
//! | reserves 1 t short | [`registry::a_tonne_short_nothing_is_minted`] |
//! | an attester restarted with an empty store | [`forks::an_emptied_attester_is_not_taken_in_by_an_old_log`], `stolen_relayer::an_attester_with_an_empty_store_signs_only_what_it_has_followed` |
//! | a batch re-formed after a partial refusal | [`stubborn::attesters_that_decline_for_ever_stop_only_what_they_decline`] |
//! | old epoch after rotation | [`rotation::what_the_old_set_has_signed_ends_with_its_grace`], [`rotation::signers_change_under_load_and_transfers_go_on`] |
//! | every relayer credential stolen | [`everything::with_every_credential_nothing_is_minted_and_nothing_leaves_custody`], `stolen_relayer::the_relayer_holds_no_secret_of_an_attester` |
//! | garbage proposals that hold references | [`registry::garbage_proposals_are_closed_by_the_attesters`] |
//! | a lock into an account that no route names | [`registry::a_stolen_credential_locks_into_its_own_custody_only`] |
//! | one attester's identity answers as another's | [`stubborn::nobody_declines_in_anothers_name`] |

pub(crate) mod forged_log;
pub(crate) mod thief;

mod everything;
mod forks;
mod log;
mod registry;
mod rotation;
mod stubborn;
