// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Limits
/// @notice How fast a class may be minted: what a stolen quorum can do before people notice. A bucket that refills, and a wait
/// for big transfers. Neither is there until the gate's admin sets it.
library Limits {
    /// @dev `most` grams refill within `window` seconds; there were `left` at `since`. A window of zero is no limit.
    /// An item of `bigFrom` or more waits for `bigDelay` seconds; zero is no such item.
    struct Limit {
        uint88 most;
        uint32 window;
        uint88 left;
        uint40 since;
        uint88 bigFrom;
        uint32 bigDelay;
    }

    /// @notice A window without grams or grams without a window, or a threshold without a delay or the reverse.
    error HalfALimit();

    /// @dev Sets the bucket. What was spent of the last one stays spent.
    function setBucket(Limit storage limit, uint88 most, uint32 window) internal {
        if ((most == 0) != (window == 0)) revert HalfALimit();
        uint256 now_ = limit.window == 0 ? most : available(limit);
        (limit.most, limit.window) = (most, window);
        (limit.left, limit.since) = (uint88(now_ < most ? now_ : most), uint40(block.timestamp));
    }

    /// @dev Sets from which quantity on an item waits.
    function setBig(Limit storage limit, uint88 from, uint32 delay) internal {
        if ((from == 0) != (delay == 0)) revert HalfALimit();
        (limit.bigFrom, limit.bigDelay) = (from, delay);
    }

    /// @dev Whether anything is set.
    function isSet(Limit storage limit) internal view returns (bool) {
        return limit.window != 0 || limit.bigFrom != 0;
    }

    /// @dev Whether an item waits.
    function isBig(Limit storage limit, uint256 quantity) internal view returns (bool) {
        return limit.bigFrom != 0 && quantity >= limit.bigFrom;
    }

    /// @dev How many grams are in the bucket.
    function available(Limit storage limit) internal view returns (uint256) {
        if (limit.window == 0) return type(uint256).max;
        uint256 refilled = limit.left + uint256(limit.most) * (block.timestamp - limit.since) / limit.window;
        return refilled < limit.most ? refilled : limit.most;
    }

    /// @dev When the bucket will have this much, if nobody else takes it; zero if it never holds so much.
    function availableAt(Limit storage limit, uint256 quantity) internal view returns (uint64) {
        if (quantity > limit.most) return 0;
        uint256 missing = quantity - available(limit);
        // Rounded up: a second too early would be one skip more.
        return uint64(block.timestamp + (missing * limit.window + limit.most - 1) / limit.most);
    }

    /// @dev Takes grams out of the bucket, which has them.
    function spend(Limit storage limit, uint256 quantity) internal {
        if (limit.window == 0) return;
        (limit.left, limit.since) = (uint88(available(limit) - quantity), uint40(block.timestamp));
    }
}
