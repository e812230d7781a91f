// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev One mint, as attesters sign it. Nothing in it says which batch carries it, so the same item may be signed for
/// any number of batches; the gate's outcome per TransferId makes it count once.
/// @param transferId SHA-256 of the transfer's terms: its identity on both ledgers.
/// @param assetClass SHA-256 of the asset class profile; the id of the units.
/// @param recipient Who gets the units. The holder's decision, so it is part of what is signed.
/// @param quantity Grams CO2e; one tonne is 1 000 000.
struct MintItem {
    bytes32 transferId;
    uint256 assetClass;
    address recipient;
    uint256 quantity;
}

/// @dev The same item as it is sent and recorded: in two words, its class by its place in the batch's list of classes.
/// @param content recipient << 96 | place of the class << 88 | quantity.
struct SentItem {
    bytes32 transferId;
    uint256 content;
}

/// @dev The one outcome that a transfer ever has at the gate. It leaves `None` once and never changes again.
enum Outcome {
    None,
    Minted,
    Voided
}

/// @dev An outcome and the number of the block that holds its event; zero as long as there is none.
struct Settlement {
    Outcome outcome;
    uint64 height;
}

/// @dev Why an item of a batch was not minted. `Paused`, `UnknownClass`, `CapExceeded`, `LimitReached` and `BigTransferWaits` may pass later;
/// `RecipientRefused` and `ZeroQuantity` never; `AlreadyMinted` and `AlreadyVoided` are answers, not failures.
enum SkipReason {
    None,
    AlreadyMinted,
    AlreadyVoided,
    Paused,
    UnknownClass,
    CapExceeded,
    RecipientRefused,
    ZeroQuantity,
    LimitReached,
    BigTransferWaits
}
