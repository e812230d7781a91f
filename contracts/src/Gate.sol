// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CarbonUnits} from "./CarbonUnits.sol";
import {Limits} from "./Limits.sol";
import {Messages} from "./Messages.sol";
import {SignerSet} from "./SignerSet.sol";
import {Outcome, SentItem, Settlement, SkipReason} from "./Types.sol";

/// @title Gate
/// @notice The door through which carbon units enter and leave this chain. It mints what k of n attesters signed, each
/// transfer at most once; voids what must never be minted; and burns for whoever holds units. Whoever submits a
/// message is irrelevant: a stolen relayer can mint nothing.
contract Gate is SignerSet, Pausable, AccessControl {
    using SafeCast for uint256;
    using Limits for Limits.Limit;

    /// @dev What the gate knows of a transfer, in one word, since a struct of both would cost another load: outcome | height << 8.
    /// Of a big transfer that waits: 0 | time of its first showing << 8 | what was shown << 72.
    struct Record {
        uint256 word;
    }

    /// @dev What the gate knows of a class, in one slot because every mint reads it.
    struct Class {
        bool registered;
        bool capped;
        bool limited;
        uint232 cap;
    }

    /// @notice May pause minting. Never the admin: who stops the gate and who starts it again are two people.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice Longest profile that registers a class, in bytes.
    uint256 public constant MAX_PROFILE_LENGTH = 1024;
    /// @notice Most items in a batch: as many as `BatchMinted` has bits.
    uint256 public constant MAX_ITEMS = 256;
    /// @notice Gas that a mint to a contract may use, the contract's hook included. The mint itself takes at most 55 000, so a
    /// hook has at least 90 000. Every such item gets all of it or the batch reverts.
    uint256 public constant ITEM_GAS = 150_000;
    /// @notice Purpose of a burn: the originals go to the account named in the instruction.
    uint8 public constant PURPOSE_RELEASE = 1;
    /// @notice Purpose of a burn: the originals are retired.
    uint8 public constant PURPOSE_RETIRE = 2;

    /// @dev A call can pass on 63/64 of the gas at hand, and some is spent between the check and the call.
    uint256 private constant GAS_BEFORE_ITEM = ITEM_GAS * 64 / 63 + 5_000;

    /// @notice The units that this gate mints and burns.
    CarbonUnits public immutable units;
    /// @notice Burns are whole multiples of it, in grams: the origin moves no less.
    uint256 public immutable redemptionStep;
    /// @notice Most grams that may circulate of a class without a cap of its own.
    uint256 public immutable defaultCap;

    /// @notice How many burns there were; the number of the latest one.
    uint256 public burnCount;
    mapping(bytes32 transferId => Record) private _records;
    mapping(uint256 assetClass => Class) private _classes;
    /// @dev Read only of a class that is `limited`.
    mapping(uint256 assetClass => Limits.Limit) private _limits;

    /// @notice What a batch did: item i was minted if bit i of `minted` is set, else skipped.
    event BatchMinted(uint256 minted, uint256[] classes, SentItem[] items);
    /// @param notBefore From when on it may pass, in seconds; zero if nobody knows.
    event Skipped(bytes32 indexed transferId, uint8 reason, uint64 notBefore);
    event Voided(bytes32 indexed transferId);
    event Burned(
        uint256 indexed number,
        bytes32 indexed burnId,
        uint256 indexed assetClass,
        address holder,
        uint256 quantity,
        uint8 purpose,
        bytes32 commitment
    );
    event ClassRegistered(uint256 indexed assetClass, bytes profile);
    event CapSet(uint256 indexed assetClass, uint256 cap);
    event LimitSet(uint256 indexed assetClass, uint256 most, uint256 window);
    event BigTransferSet(uint256 indexed assetClass, uint256 from, uint256 delay);

    /// @notice The batch counted until `deadline`, and it is later.
    error DeadlinePassed(uint64 deadline, uint256 timestamp);
    /// @notice More items than a batch may have.
    error TooManyItems(uint256 items, uint256 max);
    /// @notice Too little gas to give this item what it may use. Send the batch again with more.
    error TooLittleGas(uint256 item, uint256 gasLeft, uint256 needed);
    /// @notice The transfer has its outcome already.
    error AlreadySettled(bytes32 transferId, Outcome outcome);
    /// @notice Neither release nor retire.
    error UnknownPurpose(uint8 purpose);
    /// @notice The origin cannot give this quantity back: zero, or no multiple of the step.
    error NotRedeemable(uint256 quantity, uint256 redemptionStep);
    /// @notice A burn without an instruction could never be completed.
    error MissingCommitment(uint256 assetClass, uint256 quantity);
    /// @notice A profile has 1 to `MAX_PROFILE_LENGTH` bytes.
    error BadProfileLength(uint256 length, uint256 max);
    /// @notice Burns need a step of at least one gram.
    error ZeroRedemptionStep();
    /// @notice Admin and guardian must differ.
    error OneRoleOnly(address account);

    constructor(
        address admin,
        address guardian,
        address[] memory signers_,
        uint8 threshold_,
        uint256 redemptionStep_,
        uint256 defaultCap_,
        uint32 rotationDelay_,
        uint32 rotationGrace_
    ) EIP712("Isthmus Gate", "1") SignerSet(signers_, threshold_, rotationDelay_, rotationGrace_) {
        if (redemptionStep_ == 0) revert ZeroRedemptionStep();
        redemptionStep = redemptionStep_;
        defaultCap = defaultCap_;
        units = new CarbonUnits();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    /// @notice Makes a class known by its profile. Anyone may, any number of times: the id is the profile's hash, so
    /// there is nothing to decide.
    /// @return assetClass SHA-256 of the profile.
    function registerClass(bytes calldata profile) external returns (uint256 assetClass) {
        if (profile.length == 0 || profile.length > MAX_PROFILE_LENGTH) {
            revert BadProfileLength(profile.length, MAX_PROFILE_LENGTH);
        }
        assetClass = uint256(sha256(profile));
        if (_classes[assetClass].registered) return assetClass;
        _classes[assetClass].registered = true;
        emit ClassRegistered(assetClass, profile);
    }

    /// @notice Mints what the quorum signed. An item that cannot be minted is skipped and stays unspent; it harms no other.
    /// @param classes The asset classes that the items name by their place here.
    /// @param items What to mint.
    /// @param logSize Size of the proof log under whose checkpoint the locks are logged; kept by whoever keeps the calldata.
    /// @param logRoot Root of that log.
    /// @param epoch_ Epoch of the signatures.
    /// @param deadline Last block timestamp at which the batch counts, in seconds.
    /// @param signatures r ‖ s ‖ v each, strictly ascending by signer.
    function mintBatch(
        uint256[] calldata classes,
        SentItem[] calldata items,
        uint64 logSize,
        bytes32 logRoot,
        uint32 epoch_,
        uint64 deadline,
        bytes[] calldata signatures
    ) external {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        if (items.length > MAX_ITEMS) revert TooManyItems(items.length, MAX_ITEMS);
        bytes32 itemsHash = Messages.hashItems(classes, items);
        _authorise(Messages.mintBatch(itemsHash, logSize, logRoot, epoch_, deadline), signatures, epoch_);
        _emitBatch(_mintAll(classes, items), classes, items);
    }

    /// @notice Settles that a transfer is never minted, so that its units can be unlocked at the origin. Works while paused:
    /// whoever waits for units must not wait for the admin too.
    function voidTransfer(bytes32 transferId, uint32 epoch_, bytes[] calldata signatures) external {
        Record storage record = _records[transferId];
        Outcome outcome = _outcome(record.word);
        if (outcome != Outcome.None) revert AlreadySettled(transferId, outcome);
        _authorise(Messages.voidTransfer(transferId, epoch_), signatures, epoch_);
        record.word = _settled(Outcome.Voided);
        emit Voided(transferId);
    }

    /// @notice Burns the caller's units against their originals. Works while paused: a pause stops what could create units
    /// without backing, and a burn only takes units away. The way out stays open.
    /// @param purpose `PURPOSE_RELEASE` or `PURPOSE_RETIRE`.
    /// @param commitment SHA-256 of the instruction, which stays off chain because it names people.
    /// @return number The burn's number, from 1.
    function burn(uint256 assetClass, uint256 quantity, uint8 purpose, bytes32 commitment)
        external
        returns (uint256 number)
    {
        if (purpose != PURPOSE_RELEASE && purpose != PURPOSE_RETIRE) revert UnknownPurpose(purpose);
        if (quantity == 0 || quantity % redemptionStep != 0) revert NotRedeemable(quantity, redemptionStep);
        if (commitment == 0) revert MissingCommitment(assetClass, quantity);
        number = ++burnCount;
        units.burn(msg.sender, assetClass, quantity);
        // The return's TransferId: unique over chains and gates.
        bytes32 burnId = sha256(abi.encode(block.chainid, address(this), number));
        emit Burned(number, burnId, assetClass, msg.sender, quantity, purpose, commitment);
    }

    /// @notice Sets how many grams may circulate of a class. Below what circulates it stops minting and takes nothing away.
    function setCap(uint256 assetClass, uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Class storage class = _classes[assetClass];
        class.capped = true;
        class.cap = cap.toUint232();
        emit CapSet(assetClass, cap);
    }

    /// @notice Sets how many grams of a class may be minted within a window of seconds. Zero for both ends the limit.
    function setLimit(uint256 assetClass, uint88 most, uint32 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Limits.Limit storage limit = _limits[assetClass];
        limit.setBucket(most, window);
        _classes[assetClass].limited = limit.isSet();
        emit LimitSet(assetClass, most, window);
    }

    /// @notice Sets from how many grams on an item of a class waits, and for how many seconds. Zero for both ends the wait.
    function setBigTransfer(uint256 assetClass, uint88 from, uint32 delay) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Limits.Limit storage limit = _limits[assetClass];
        limit.setBig(from, delay);
        _classes[assetClass].limited = limit.isSet();
        emit BigTransferSet(assetClass, from, delay);
    }

    /// @notice Stops a rotation before it takes effect: the guardian's answer to a stolen quorum. Appoints nobody.
    function cancelRotation() external onlyRole(GUARDIAN_ROLE) {
        _cancelRotation();
    }

    /// @notice Stops minting: items are skipped, not refused, so that nothing needs signing again.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    /// @notice Starts minting again.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @notice The outcome of each transfer, and the block that holds its event.
    function outcomes(bytes32[] calldata transferIds) external view returns (Settlement[] memory answers) {
        answers = new Settlement[](transferIds.length);
        for (uint256 i = 0; i < transferIds.length; ++i) {
            uint256 word = _records[transferIds[i]].word;
            Outcome outcome = _outcome(word);
            answers[i] = Settlement(outcome, outcome == Outcome.None ? 0 : uint64(word >> 8));
        }
    }

    /// @notice Whether the class's profile is known.
    function classRegistered(uint256 assetClass) external view returns (bool) {
        return _classes[assetClass].registered;
    }

    /// @notice Most grams that may circulate of a class.
    function capOf(uint256 assetClass) external view returns (uint256) {
        return _capOf(_classes[assetClass]);
    }

    /// @dev Neighbours of one class that nothing stands against make up a run, which the units mint in one call: no foreign code
    /// runs meanwhile, so the cap is compared with a supply that is read once. All other items go alone, after the run before
    /// them is carried out, so that a recipient that is called sees units, supply and outcomes as they are.
    /// @return minted Bit i is set if item i was minted.
    function _mintAll(uint256[] calldata classes, SentItem[] calldata items) private returns (uint256 minted) {
        for (uint256 i = 0; i < items.length;) {
            uint256 assetClass = classes[uint8(items[i].content >> 88)];
            (uint256 room, bool limited) = _room(assetClass);
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

    function _emitBatch(uint256 minted, uint256[] calldata classes, SentItem[] calldata items) private {
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

    /// @dev How many grams of a class a run may mint now. An item that waits is never part of a run: there is no room for one.
    function _room(uint256 assetClass) private view returns (uint256 room, bool limited) {
        Class memory class = _classes[assetClass];
        if (!class.registered || paused()) return (0, false);
        room = _capRoom(class, assetClass);
        if (class.limited) {
            Limits.Limit storage limit = _limits[assetClass];
            room = _least(room, limit.available());
            if (limit.bigFrom != 0) return (_least(room, limit.bigFrom - 1), true);
        }
        return (room, class.limited);
    }

    function _capRoom(uint256 assetClass) private view returns (uint256) {
        return _capRoom(_classes[assetClass], assetClass);
    }

    /// @dev How many grams the cap leaves.
    function _capRoom(Class memory class, uint256 assetClass) private view returns (uint256) {
        (uint256 cap, uint256 supply) = (_capOf(class), units.totalSupply(assetClass));
        return cap > supply ? cap - supply : 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _outcome(uint256 word) private pure returns (Outcome) {
        return Outcome(uint8(word));
    }

    function _settled(Outcome outcome) private view returns (uint256) {
        return uint256(outcome) | block.number << 8;
    }

    function _capOf(Class memory class) private view returns (uint256) {
        return class.capped ? class.cap : defaultCap;
    }

    /// @dev Keeps admin and guardian apart whenever a role is granted.
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        bytes32 other = role == DEFAULT_ADMIN_ROLE ? GUARDIAN_ROLE : DEFAULT_ADMIN_ROLE;
        if (hasRole(other, account)) revert OneRoleOnly(account);
        return super._grantRole(role, account);
    }
}
