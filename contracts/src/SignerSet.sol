// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Messages} from "./Messages.sol";

/// @title SignerSet
/// @notice The attesters whose signatures count, k of n, in numbered epochs. Only the set in force can appoint the next
/// one: no admin can, or an admin's key would be worth as much as k attesters. The next set takes effect after a delay, in
/// which a stolen quorum is noticed; what the last one has signed counts for a while longer, so that a rotation stops nothing.
abstract contract SignerSet is EIP712 {
    /// @notice Most signers in a set: bounds what a rotation and a verification can cost.
    uint256 public constant MAX_SIGNERS = 32;
    /// @notice Longest delay of a rotation, in seconds.
    uint256 public constant MAX_ROTATION_DELAY = 30 days;
    /// @notice Longest time for which signatures of the last epoch still count, in seconds.
    uint256 public constant MAX_ROTATION_GRACE = 24 hours;

    /// @notice Seconds from the message that appoints a set until it is in force.
    uint32 public immutable rotationDelay;
    /// @notice Seconds for which signatures of the epoch before still count.
    uint32 public immutable rotationGrace;

    mapping(uint32 epoch => address[]) private _signersOf;
    /// @dev By epoch << 160 | signer.
    mapping(uint256 member => bool) private _isMember;

    // The rest shares a slot with what comes next in `Gate`: whether minting is paused.

    /// @notice The highest number that was ever given to an epoch. None is used twice, or a rotation that was cancelled could
    /// be sent again.
    uint32 public lastEpoch;
    /// @dev The epoch in force, or, once `_next` has begun, the one before.
    uint32 private _current;
    uint8 private _currentThreshold;
    /// @dev The epoch that was appointed last, zero if there was none since the deployment or if it was cancelled.
    uint32 private _next;
    uint8 private _nextThreshold;
    /// @dev When `_next` begins.
    uint48 private _startsAt;

    event SignersRotated(uint32 indexed epoch, address[] signers, uint8 threshold, uint256 startsAt);
    event RotationCancelled(uint32 indexed epoch);

    /// @notice Signed for an epoch that does not count now.
    error WrongEpoch(uint32 signed, uint32 current);
    /// @notice Fewer signatures than the threshold.
    error TooFewSignatures(uint256 given, uint8 threshold);
    /// @notice A signature by nobody in the set of the epoch.
    error UnknownSigner(address signer);
    /// @notice Signers, in a set or over a message, must ascend strictly: this shuts out zero and repetition.
    error SignersNotAscending(address previous, address next);
    /// @notice A set needs 1 to `MAX_SIGNERS` signers and a threshold from 1 to their number.
    error BadSignerSet(uint256 signers, uint8 threshold);
    /// @notice A delay or a grace beyond what is sensible.
    error BadRotationTimes(uint32 delay, uint32 grace);
    /// @notice The last rotation is not over until then.
    error RotationUnderWay(uint32 epoch, uint256 until);
    /// @notice Nothing is scheduled that could be cancelled.
    error NoRotationScheduled();

    constructor(address[] memory signers_, uint8 threshold_, uint32 delay, uint32 grace) {
        if (delay > MAX_ROTATION_DELAY || grace > MAX_ROTATION_GRACE) revert BadRotationTimes(delay, grace);
        rotationDelay = delay;
        rotationGrace = grace;
        _appoint(signers_, threshold_, 1);
        (lastEpoch, _current, _currentThreshold) = (1, 1, threshold_);
        emit SignersRotated(1, signers_, threshold_, block.timestamp);
    }

    /// @notice Appoints the set that is in force `rotationDelay` from now.
    /// @param signers_ The new set, strictly ascending.
    /// @param threshold_ How many of them must sign.
    /// @param signatures By the set in force, over the epoch that this creates, `lastEpoch() + 1`.
    function rotateSigners(address[] calldata signers_, uint8 threshold_, bytes[] calldata signatures) external {
        bool begun = _nextHasBegun();
        if (_next != 0) {
            uint256 until = begun ? uint256(_startsAt) + rotationGrace : _startsAt;
            if (!begun || block.timestamp < until) revert RotationUnderWay(_next, until);
        }
        uint32 appointed = lastEpoch + 1;
        bytes32 message = Messages.rotateSigners(signers_, threshold_, appointed);
        _verify(message, signatures, epoch(), threshold());
        if (begun) (_current, _currentThreshold) = (_next, _nextThreshold);
        _appoint(signers_, threshold_, appointed);
        uint256 startsAt = block.timestamp + rotationDelay;
        (lastEpoch, _next, _nextThreshold, _startsAt) = (appointed, appointed, threshold_, uint48(startsAt));
        emit SignersRotated(appointed, signers_, threshold_, startsAt);
    }

    /// @notice The epoch in force, from 1.
    function epoch() public view returns (uint32) {
        return _nextHasBegun() ? _next : _current;
    }

    /// @notice How many signers of the set in force must sign.
    function threshold() public view returns (uint8) {
        return _nextHasBegun() ? _nextThreshold : _currentThreshold;
    }

    /// @notice The set in force, strictly ascending.
    function signers() external view returns (address[] memory) {
        return _signersOf[epoch()];
    }

    /// @notice The set that is appointed and not yet in force; epoch 0 if there is none.
    function scheduled()
        external
        view
        returns (uint32 epoch_, address[] memory signers_, uint8 threshold_, uint256 startsAt)
    {
        if (_next != 0 && !_nextHasBegun()) return (_next, _signersOf[_next], _nextThreshold, _startsAt);
    }

    /// @dev Forgets a set before it is in force. Its number stays used.
    function _cancelRotation() internal {
        if (_next == 0 || _nextHasBegun()) revert NoRotationScheduled();
        emit RotationCancelled(_next);
        _next = 0;
    }

    /// @dev Reverts unless the epoch counts now and at least its threshold of its members signed the message.
    function _authorise(bytes32 structHash, bytes[] calldata signatures, uint32 signed) internal view {
        bool begun = _nextHasBegun();
        if (begun && signed == _next) {
            _verify(structHash, signatures, signed, _nextThreshold);
        } else if (signed == _current && (!begun || block.timestamp < uint256(_startsAt) + rotationGrace)) {
            _verify(structHash, signatures, signed, _currentThreshold);
        } else {
            revert WrongEpoch(signed, epoch());
        }
    }

    function _nextHasBegun() private view returns (bool) {
        return _next != 0 && block.timestamp >= _startsAt;
    }

    /// @dev One signature that does not count refuses the call, however many others do: a caller has no reason to send it.
    function _verify(bytes32 structHash, bytes[] calldata signatures, uint32 by, uint8 needed) private view {
        if (signatures.length < needed) revert TooFewSignatures(signatures.length, needed);
        bytes32 digest = _hashTypedDataV4(structHash);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            // Refuses a length other than 65, the upper half of s, and v other than 27 and 28.
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (!_isMember[_member(by, signer)]) revert UnknownSigner(signer);
            previous = signer;
        }
    }

    function _appoint(address[] memory signers_, uint8 threshold_, uint32 forEpoch) private {
        if (signers_.length > MAX_SIGNERS || threshold_ == 0 || threshold_ > signers_.length) {
            revert BadSignerSet(signers_.length, threshold_);
        }
        address previous = address(0);
        for (uint256 i = 0; i < signers_.length; ++i) {
            address signer = signers_[i];
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            _isMember[_member(forEpoch, signer)] = true;
            previous = signer;
        }
        _signersOf[forEpoch] = signers_;
    }

    function _member(uint32 of_, address signer) private pure returns (uint256) {
        return uint256(of_) << 160 | uint160(signer);
    }
}
