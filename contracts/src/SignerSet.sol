// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Messages} from "./Messages.sol";

/// @title SignerSet
/// @notice The attesters whose signatures count, k of n, in numbered epochs. Only the current set can appoint the next
/// one: no admin can, or an admin's key would be worth as much as k attesters.
abstract contract SignerSet is EIP712 {
    /// @notice Most signers in a set: bounds what a rotation and a verification can cost.
    uint256 public constant MAX_SIGNERS = 32;

    address[] private _signers;
    /// @dev The last epoch an address was appointed for. Members of older epochs need no deleting.
    mapping(address signer => uint32) private _appointedFor;
    /// @notice The current epoch, from 1. A signature counts in the epoch it names and in no other.
    /// @dev Last, so that it shares a slot with what comes next in `Gate`: whether minting is paused.
    uint32 public epoch;
    /// @notice How many signers must sign.
    uint8 public threshold;

    event SignersRotated(uint32 indexed epoch, address[] signers, uint8 threshold);

    /// @notice Signed for another epoch than the current one.
    error WrongEpoch(uint32 signed, uint32 current);
    /// @notice Fewer signatures than the threshold.
    error TooFewSignatures(uint256 given, uint8 threshold);
    /// @notice A signature by nobody in the current set.
    error UnknownSigner(address signer);
    /// @notice Signers, in a set or over a message, must ascend strictly: this shuts out zero and repetition.
    error SignersNotAscending(address previous, address next);
    /// @notice A set needs 1 to `MAX_SIGNERS` signers and a threshold from 1 to their number.
    error BadSignerSet(uint256 signers, uint8 threshold);

    constructor(address[] memory signers_, uint8 threshold_) {
        _appoint(signers_, threshold_, 1);
    }

    /// @notice Replaces the signer set and begins the next epoch. What was signed before no longer counts.
    /// @param signers_ The new set, strictly ascending.
    /// @param threshold_ How many of them must sign from now on.
    /// @param signatures By the current set, over the epoch that this creates.
    function rotateSigners(address[] calldata signers_, uint8 threshold_, bytes[] calldata signatures) external {
        uint32 next = epoch + 1;
        _verify(Messages.rotateSigners(signers_, threshold_, next), signatures);
        _appoint(signers_, threshold_, next);
    }

    /// @notice The current set, strictly ascending.
    function signers() external view returns (address[] memory) {
        return _signers;
    }

    /// @dev Reverts unless the message names the current epoch. Apart from `_verify`, because a rotation names the next.
    function _requireCurrent(uint32 signed) internal view {
        if (signed != epoch) revert WrongEpoch(signed, epoch);
    }

    /// @dev Reverts unless at least `threshold` members of the current set signed the message. One signature that does
    /// not count refuses the call, however many others do: a caller has no reason to send it.
    function _verify(bytes32 structHash, bytes[] calldata signatures) internal view {
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        bytes32 digest = _hashTypedDataV4(structHash);
        uint32 current = epoch;
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            // Refuses a length other than 65, the upper half of s, and v other than 27 and 28.
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            if (_appointedFor[signer] != current) revert UnknownSigner(signer);
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
            _appointedFor[signer] = forEpoch;
            previous = signer;
        }
        _signers = signers_;
        threshold = threshold_;
        epoch = forEpoch;
        emit SignersRotated(forEpoch, signers_, threshold_);
    }
}
