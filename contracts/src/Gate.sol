// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CarbonUnits} from "./CarbonUnits.sol";
import {Messages} from "./Messages.sol";
import {SignerSet} from "./SignerSet.sol";
import {MintItem, Outcome, SkipReason} from "./Types.sol";

/// @title Gate
/// @notice The door through which carbon units enter and leave this chain. It mints what k of n attesters signed, each
/// transfer at most once; voids what must never be minted; and burns for whoever holds units. Whoever submits a
/// message is irrelevant: a stolen relayer can mint nothing.
contract Gate is SignerSet, AccessControl, Pausable {
    using SafeCast for uint256;

    /// @dev What the gate knows of a class, in one slot because every mint reads it.
    struct Class {
        bool registered;
        bool capped;
        uint240 cap;
    }

    /// @notice May pause minting. Never the admin: who stops the gate and who starts it again are two people.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice Longest profile that registers a class, in bytes.
    uint256 public constant MAX_PROFILE_LENGTH = 1024;
    /// @notice Gas that one mint may use, its recipient's hook included. The mint itself takes at most 55 000, so a hook
    /// has at least 90 000. Every item gets all of it or the batch reverts.
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
    mapping(bytes32 transferId => Outcome) private _outcomes;
    mapping(uint256 assetClass => Class) private _classes;

    event Minted(bytes32 indexed transferId, uint256 indexed assetClass, address indexed recipient, uint256 quantity);
    event Skipped(bytes32 indexed transferId, uint8 reason);
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

    /// @notice The batch counted until `deadline`, and it is later.
    error DeadlinePassed(uint64 deadline, uint256 timestamp);
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
        uint256 defaultCap_
    ) EIP712("Isthmus Gate", "1") SignerSet(signers_, threshold_) {
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
    /// @param items What to mint.
    /// @param logSize Size of the proof log under whose checkpoint the locks are logged; kept by whoever keeps the calldata.
    /// @param logRoot Root of that log.
    /// @param epoch_ Epoch of the signatures.
    /// @param deadline Last block timestamp at which the batch counts, in seconds.
    /// @param signatures r ‖ s ‖ v each, strictly ascending by signer.
    function mintBatch(
        MintItem[] calldata items,
        uint64 logSize,
        bytes32 logRoot,
        uint32 epoch_,
        uint64 deadline,
        bytes[] calldata signatures
    ) external {
        _requireCurrent(epoch_);
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        _verify(Messages.mintBatch(items, logSize, logRoot, epoch_, deadline), signatures);
        bool pausedNow = paused();
        for (uint256 i = 0; i < items.length; ++i) {
            MintItem calldata item = items[i];
            SkipReason reason = _mint(item, i, pausedNow);
            if (reason == SkipReason.None) {
                emit Minted(item.transferId, item.assetClass, item.recipient, item.quantity);
            } else {
                emit Skipped(item.transferId, uint8(reason));
            }
        }
    }

    /// @notice Settles that a transfer is never minted, so that its units can be unlocked at the origin. Works while paused:
    /// whoever waits for units must not wait for the admin too.
    function voidTransfer(bytes32 transferId, uint32 epoch_, bytes[] calldata signatures) external {
        Outcome outcome = _outcomes[transferId];
        if (outcome != Outcome.None) revert AlreadySettled(transferId, outcome);
        _requireCurrent(epoch_);
        _verify(Messages.voidTransfer(transferId, epoch_), signatures);
        _outcomes[transferId] = Outcome.Voided;
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
        class.cap = cap.toUint240();
        emit CapSet(assetClass, cap);
    }

    /// @notice Stops minting: items are skipped, not refused, so that nothing needs signing again.
    function pause() external onlyRole(GUARDIAN_ROLE) {
        _pause();
    }

    /// @notice Starts minting again.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _unpause();
    }

    /// @notice The outcome of each transfer, as `Outcome`.
    function outcomes(bytes32[] calldata transferIds) external view returns (uint8[] memory answers) {
        answers = new uint8[](transferIds.length);
        for (uint256 i = 0; i < transferIds.length; ++i) {
            answers[i] = uint8(_outcomes[transferIds[i]]);
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

    /// @dev Mints one item, or says why not and leaves everything as it was. Never reverts but for gas.
    function _mint(MintItem calldata item, uint256 index, bool pausedNow) private returns (SkipReason) {
        Outcome outcome = _outcomes[item.transferId];
        if (outcome == Outcome.Minted) return SkipReason.AlreadyMinted;
        if (outcome == Outcome.Voided) return SkipReason.AlreadyVoided;
        if (pausedNow) return SkipReason.Paused;
        if (item.quantity == 0) return SkipReason.ZeroQuantity;
        Class memory class = _classes[item.assetClass];
        if (!class.registered) return SkipReason.UnknownClass;

        // Before the recipient is called, so that it finds its transfer settled if it comes back.
        _outcomes[item.transferId] = Outcome.Minted;
        // A relayer who sends too little gas must not be able to pass that off as the recipient's refusal.
        if (gasleft() < GAS_BEFORE_ITEM) revert TooLittleGas(index, gasleft(), GAS_BEFORE_ITEM);
        try units.mint{gas: ITEM_GAS}(item.recipient, item.assetClass, item.quantity, _capOf(class)) returns (
            bool minted
        ) {
            if (minted) return SkipReason.None;
            _outcomes[item.transferId] = Outcome.None;
            return SkipReason.CapExceeded;
        } catch {
            // Everything since the call is undone, the recipient's doings included; this undoes the rest.
            _outcomes[item.transferId] = Outcome.None;
            return SkipReason.RecipientRefused;
        }
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
