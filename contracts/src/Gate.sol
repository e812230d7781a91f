// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Classes} from "./Classes.sol";
import {Messages} from "./Messages.sol";
import {Minting} from "./Minting.sol";
import {SignerSet} from "./SignerSet.sol";
import {Outcome, SentItem, Settlement} from "./Types.sol";

/// @title Gate
/// @notice The door through which carbon units enter and leave this chain. It mints what k of n attesters signed, each
/// transfer at most once; voids what must never be minted; and burns for whoever holds units. Whoever submits a
/// message is irrelevant: a stolen relayer can mint nothing.
contract Gate is SignerSet, Minting {
    /// @notice May pause minting. Never the admin: who stops the gate and who starts it again are two people.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice Most items in a batch: as many as `BatchMinted` has bits.
    uint256 public constant MAX_ITEMS = 256;
    /// @notice Purpose of a burn: the originals go to the account named in the instruction.
    uint8 public constant PURPOSE_RELEASE = 1;
    /// @notice Purpose of a burn: the originals are retired.
    uint8 public constant PURPOSE_RETIRE = 2;

    /// @notice Burns are whole multiples of it, in grams: the origin moves no less.
    uint256 public immutable redemptionStep;

    /// @notice How many burns there were; the number of the latest one.
    uint256 public burnCount;

    /// @notice A batch was carried out that the quorum signed under this proof log. The event and not only the calldata says so,
    /// since the calldata of a batch that came through another contract shows nowhere: attesters compare it with the log that
    /// they follow.
    event MintedUnder(uint64 logSize, bytes32 logRoot);
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

    /// @notice The batch counted until `deadline`, and it is later.
    error DeadlinePassed(uint64 deadline, uint256 timestamp);
    /// @notice More items than a batch may have.
    error TooManyItems(uint256 items, uint256 max);
    /// @notice The transfer has its outcome already.
    error AlreadySettled(bytes32 transferId, Outcome outcome);
    /// @notice Neither release nor retire.
    error UnknownPurpose(uint8 purpose);
    /// @notice The origin cannot give this quantity back: zero, or no multiple of the step.
    error NotRedeemable(uint256 quantity, uint256 redemptionStep);
    /// @notice A burn without an instruction could never be completed.
    error MissingCommitment(uint256 assetClass, uint256 quantity);
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
    ) EIP712("Isthmus Gate", "1") SignerSet(signers_, threshold_, rotationDelay_, rotationGrace_) Classes(defaultCap_) {
        if (redemptionStep_ == 0) revert ZeroRedemptionStep();
        redemptionStep = redemptionStep_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(GUARDIAN_ROLE, guardian);
    }

    /// @notice Mints what the quorum signed. An item that cannot be minted is skipped and stays unspent; it harms no other.
    /// @param classes The asset classes that the items name by their place here.
    /// @param items What to mint.
    /// @param logSize Size of the proof log under whose checkpoint the locks are logged.
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
        emit MintedUnder(logSize, logRoot);
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

    /// @dev Keeps admin and guardian apart whenever a role is granted.
    function _grantRole(bytes32 role, address account) internal override returns (bool) {
        bytes32 other = role == DEFAULT_ADMIN_ROLE ? GUARDIAN_ROLE : DEFAULT_ADMIN_ROLE;
        if (hasRole(other, account)) revert OneRoleOnly(account);
        return super._grantRole(role, account);
    }
}
