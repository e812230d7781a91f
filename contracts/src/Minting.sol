// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {CarbonUnits} from "./CarbonUnits.sol";
import {Classes} from "./Classes.sol";
import {Limits} from "./Limits.sol";
import {Outcome, SentItem, SkipReason} from "./Types.sol";

/// @title Minting
/// @notice Carries out batches whose signatures count: each transfer at most once, and no item at the expense of another.
abstract contract Minting is Pausable, Classes {
    using Limits for Limits.Limit;

    /// @dev What the gate knows of a transfer, in one word, since a struct of both would cost another load: outcome | height << 8.
    /// Of a big transfer that waits: 0 | time of its first showing << 8 | what was shown << 72.
    struct Record {
        uint256 word;
    }

    /// @notice Gas that a mint to a contract may use, the contract's hook included. The mint itself takes at most 55 000, so a
    /// hook has at least 90 000. Every such item gets all of it or the batch reverts.
    uint256 public constant ITEM_GAS = 150_000;

    /// @dev A call can pass on 63/64 of the gas at hand, and some is spent between the check and the call.
    uint256 private constant GAS_BEFORE_ITEM = ITEM_GAS * 64 / 63 + 5_000;

    mapping(bytes32 transferId => Record) internal _records;

    /// @notice What a batch did: item i was minted if bit i of `minted` is set, else skipped.
    event BatchMinted(uint256 minted, uint256[] classes, SentItem[] items);
    /// @param notBefore From when on it may pass, in seconds; zero if nobody knows.
    event Skipped(bytes32 indexed transferId, uint8 reason, uint64 notBefore);

    /// @notice Too little gas to give this item what it may use. Send the batch again with more.
    error TooLittleGas(uint256 item, uint256 gasLeft, uint256 needed);

    /// @dev Neighbours of one class that nothing stands against make up a run, which the units mint in one call: no foreign code
    /// runs meanwhile, so the cap is compared with a supply that is read once. All other items go alone, after the run before
    /// them is carried out, so that a recipient that is called sees units, supply and outcomes as they are.
    /// @return minted Bit i is set if item i was minted.
    function _mintAll(uint256[] calldata classes, SentItem[] calldata items) internal returns (uint256 minted) {
        for (uint256 i = 0; i < items.length;) {
            uint256 assetClass = classes[uint8(items[i].content >> 88)];
            (uint256 room, bool limited) = paused() ? (0, false) : _room(assetClass);
            (uint256 end, uint256 left) = _settleRun(items, i, room);
            unchecked {
                if (end > i) {
                    if (limited) _limits[assetClass].spend(room - left);
                    _mintRun(assetClass, items[i:end]);
                    // As many ones as the run is long; also 256.
                    minted |= ((1 << (end - i)) - 1) << i;
                    i = end;
                } else {
                    if (_mintAlone(assetClass, items[i].transferId, items[i].content, i)) minted |= 1 << i;
                    ++i;
                }
            }
        }
    }

    /// @dev Settles items as minted, from `start` to the first that is of another class, has an outcome or waits for one, is zero
    /// or more than `room` leaves, or is for nobody or for an account with code. Whoever calls this mints them.
    /// @return end Where the run ends.
    /// @return left What it leaves of the room.
    function _settleRun(SentItem[] calldata items, uint256 start, uint256 room)
        private
        returns (uint256 end, uint256 left)
    {
        uint256 settled = _settled(Outcome.Minted);
        assembly ("memory-safe") {
            let source := add(items.offset, shl(6, start))
            let last := add(items.offset, shl(6, items.length))
            let place := byte(20, calldataload(add(source, 0x20)))
            mstore(0x20, _records.slot)
            for {} lt(source, last) { source := add(source, 0x40) } {
                let content := calldataload(add(source, 0x20))
                let recipient := shr(96, content)
                let quantity := and(content, 0xffffffffffffffffffffff)
                // One comparison for 0 < quantity <= room: zero less one is more than any room.
                if or(
                    or(xor(byte(20, content), place), iszero(lt(sub(quantity, 1), room))),
                    or(iszero(recipient), extcodesize(recipient))
                ) { break }
                mstore(0x00, calldataload(source))
                let record := keccak256(0x00, 0x40)
                if sload(record) { break }
                sstore(record, settled)
                room := sub(room, quantity)
            }
            end := shr(6, sub(source, items.offset))
            left := room
        }
    }

    /// @dev Mints one item, or says why not and leaves everything as it was, but for the time at which a big one was shown.
    function _mintAlone(uint256 assetClass, bytes32 id, uint256 content, uint256 index) private returns (bool) {
        Record storage record = _records[id];
        (SkipReason reason, uint64 notBefore) = _whyNot(record, assetClass, content);
        if (reason == SkipReason.None) {
            Limits.Limit storage limit = _limits[assetClass];
            (uint256 word, uint88 left, uint40 since) = (record.word, limit.left, limit.since);
            // Before the contract is called, so that it finds its transfer settled if it comes back.
            record.word = _settled(Outcome.Minted);
            if (_classes[assetClass].limited) limit.spend(uint88(content));
            if (_mintAsking(assetClass, content, index)) return true;
            // What a refusing contract did is undone; this undoes the rest.
            record.word = word;
            if (_classes[assetClass].limited) (limit.left, limit.since) = (left, since);
            reason = SkipReason.RecipientRefused;
        }
        emit Skipped(id, uint8(reason), notBefore);
        return false;
    }

    /// @dev `units.mintToAccounts(assetClass, run)` and `emit BatchMinted(minted, classes, items)` below are written out because
    /// items lie in calldata as they are needed; Solidity would take each apart and put it together again.
    function _mintRun(uint256 assetClass, SentItem[] calldata run) private {
        address target = address(units);
        bytes4 selector = CarbonUnits.mintToAccounts.selector;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            let size := shl(6, run.length)
            mstore(call_, selector)
            mstore(add(call_, 0x04), assetClass)
            mstore(add(call_, 0x24), 0x40)
            mstore(add(call_, 0x44), run.length)
            calldatacopy(add(call_, 0x64), run.offset, size)
            if iszero(call(gas(), target, 0, call_, add(size, 0x64), 0, 0)) {
                // Only for want of gas; what was said about it goes on to the caller.
                returndatacopy(call_, 0, returndatasize())
                revert(call_, returndatasize())
            }
        }
    }

    function _emitBatch(uint256 minted, uint256[] calldata classes, SentItem[] calldata items) internal {
        bytes32 topic = BatchMinted.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, minted)
            mstore(add(data, 0x20), 0x60)
            let size := shl(5, classes.length)
            mstore(add(data, 0x40), add(size, 0x80))
            mstore(add(data, 0x60), classes.length)
            calldatacopy(add(data, 0x80), classes.offset, size)
            let end := add(add(data, 0x80), size)
            mstore(end, items.length)
            size := shl(6, items.length)
            calldatacopy(add(end, 0x20), items.offset, size)
            log1(data, sub(add(add(end, 0x20), size), data), topic)
        }
    }

    /// @dev Why an item cannot be minted, as far as this does not depend on the recipient's code. Answers go before reasons, what
    /// lasts before what passes.
    function _whyNot(Record storage record, uint256 assetClass, uint256 content)
        private
        returns (SkipReason reason, uint64 notBefore)
    {
        Outcome outcome = _outcome(record.word);
        if (outcome == Outcome.Minted) return (SkipReason.AlreadyMinted, 0);
        if (outcome == Outcome.Voided) return (SkipReason.AlreadyVoided, 0);
        if (paused()) return (SkipReason.Paused, 0);
        uint256 quantity = uint88(content);
        if (quantity == 0) return (SkipReason.ZeroQuantity, 0);
        if (!_classes[assetClass].registered) return (SkipReason.UnknownClass, 0);
        if (content >> 96 == 0) return (SkipReason.RecipientRefused, 0);
        if (_classes[assetClass].limited) {
            Limits.Limit storage limit = _limits[assetClass];
            if (limit.isBig(quantity)) {
                notBefore = _shown(record, assetClass, content) + limit.bigDelay;
                if (block.timestamp < notBefore) return (SkipReason.BigTransferWaits, notBefore);
                notBefore = 0;
            }
            if (quantity > limit.available()) return (SkipReason.LimitReached, limit.availableAt(quantity));
        }
        if (quantity > _capRoom(assetClass)) return (SkipReason.CapExceeded, 0);
    }

    /// @dev When an item with this content was shown first, which is now if it was not. Another content starts anew: what people
    /// could look at is what is minted.
    function _shown(Record storage record, uint256 assetClass, uint256 content) private returns (uint64) {
        // All but the place of the class in this batch's list.
        uint256 what = uint256(keccak256(abi.encode(assetClass, content >> 96, uint88(content)))) >> 72;
        uint256 word = record.word;
        if (word >> 72 == what) return uint64(word >> 8);
        record.word = block.timestamp << 8 | what << 72;
        return uint64(block.timestamp);
    }

    /// @dev Whether the recipient took the units. If not, everything since the call is undone, the recipient's doings included.
    function _mintAsking(uint256 class, uint256 content, uint256 index) private returns (bool) {
        // A relayer who sends too little gas must not be able to pass that off as the recipient's refusal.
        if (gasleft() < GAS_BEFORE_ITEM) revert TooLittleGas(index, gasleft(), GAS_BEFORE_ITEM);
        try units.mintAsking{gas: ITEM_GAS}(address(uint160(content >> 96)), class, uint88(content)) {
            return true;
        } catch {
            return false;
        }
    }

    function _outcome(uint256 word) internal pure returns (Outcome) {
        return Outcome(uint8(word));
    }

    function _settled(Outcome outcome) internal view returns (uint256) {
        return uint256(outcome) | block.number << 8;
    }
}
