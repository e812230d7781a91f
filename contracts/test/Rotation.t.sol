// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Gate} from "../src/Gate.sol";
import {SignerSet} from "../src/SignerSet.sol";
import {MintItem, Outcome} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";

/// @dev From one set of signers to the next: when each counts.
contract RotationTest is GateFixture {
    uint256[] private nextKeys;
    address[] private next;
    uint256 private startsAt;

    function setUp() public override {
        super.setUp();
        nextKeys = signerKeys(2, 9);
        next = addresses(nextKeys);
        startsAt = block.timestamp + DELAY;
    }

    function test_a_rotation_takes_effect_after_the_delay() public {
        vm.expectEmit(true, true, true, true);
        emit SignerSet.SignersRotated(2, next, 1, startsAt);
        rotate();
        inForce(1, 2, 3);
        (uint32 epoch, address[] memory signers, uint8 threshold, uint256 at) = gate.scheduled();
        eq(epoch, 2, "scheduled epoch");
        eq(signers.length, 2, "scheduled signers");
        eq(signers[1], next[1], "second scheduled signer");
        eq(threshold, 1, "scheduled threshold");
        eq(at, startsAt, "starts at");
        vm.warp(startsAt - 1);
        inForce(1, 2, 3);
        mints(1, 1);
        refuses(2, 2, 1);
        vm.warp(startsAt);
        inForce(2, 1, 2);
        eq(gate.signers()[1], next[1], "second signer");
        (epoch,,,) = gate.scheduled();
        eq(epoch, 0, "nothing is scheduled any more");
        mints(3, 2);
    }

    function test_the_old_epoch_counts_until_the_grace_is_over() public {
        rotate();
        vm.warp(startsAt + GRACE - 1);
        mints(1, 1);
        gate.voidTransfer(bytes32(uint256(2)), 1, quorum(voidDigest(bytes32(uint256(2)), 1)));
        expectOutcome(2, Outcome.Voided, "a void counts too");
        vm.warp(startsAt + GRACE);
        refuses(3, 1, 2);
        bytes[] memory late = quorum(voidDigest(bytes32(uint256(4)), 1));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.WrongEpoch.selector, 1, 2));
        gate.voidTransfer(bytes32(uint256(4)), 1, late);
        mints(5, 2);
    }

    function test_each_set_signs_for_its_own_epoch_only() public {
        rotate();
        vm.warp(startsAt);
        MintItem[] memory items = list(item(1));
        bytes[] memory old = sign(keys, 2, batchDigest(items, 2, soon()));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.UnknownSigner.selector, vm.addr(keys[0])));
        send(items, 2, soon(), old);
        bytes[] memory fresh = sign(nextKeys, 2, batchDigest(items, 1, soon()));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.UnknownSigner.selector, next[0]));
        send(items, 1, soon(), fresh);
        // One signature is enough in the new epoch, and not in the old one, though it still counts.
        bytes[] memory one = sign(keys, 1, batchDigest(items, 1, soon()));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.TooFewSignatures.selector, 1, 2));
        send(items, 1, soon(), one);
        expectOutcome(1, Outcome.None, "outcome");
    }

    function test_the_guardian_cancels_before_it_takes_effect_and_the_number_stays_used() public {
        bytes[] memory signatures = quorum(rotationDigest(next, 1, 2));
        gate.rotateSigners(next, 1, signatures);
        vm.warp(startsAt - 1);
        vm.expectEmit(true, true, true, true);
        emit SignerSet.RotationCancelled(2);
        vm.prank(GUARDIAN);
        gate.cancelRotation();
        vm.warp(startsAt);
        inForce(1, 2, 3);
        (uint32 epoch,,,) = gate.scheduled();
        eq(epoch, 0, "nothing is scheduled");
        (bool success,) = address(gate).call(abi.encodeCall(gate.rotateSigners, (next, 1, signatures)));
        yes(!success, "the same message does not bring it back");
        refuses(1, 2, 1);
        vm.warp(startsAt + 100 days);
        mints(2, 1);
        signatures = quorum(rotationDigest(next, 1, 3));
        gate.rotateSigners(next, 1, signatures);
        vm.warp(block.timestamp + DELAY);
        inForce(3, 1, 2);
        mints(3, 3);
        refuses(4, 2, 3);
    }

    function test_only_the_guardian_cancels_and_only_what_is_scheduled() public {
        rotate();
        bytes32 role = gate.GUARDIAN_ROLE();
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, ADMIN, role));
        vm.prank(ADMIN);
        gate.cancelRotation();
        vm.warp(startsAt);
        vm.expectRevert(abi.encodeWithSelector(SignerSet.NoRotationScheduled.selector));
        vm.prank(GUARDIAN);
        gate.cancelRotation();
        inForce(2, 1, 2);
    }

    function test_one_rotation_at_a_time() public {
        rotate();
        bytes[] memory signatures = quorum(rotationDigest(next, 1, 3));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.RotationUnderWay.selector, 2, startsAt));
        gate.rotateSigners(next, 1, signatures);
        vm.warp(startsAt + GRACE - 1);
        signatures = sign(nextKeys, 1, rotationDigest(addresses(keys), 2, 3));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.RotationUnderWay.selector, 2, startsAt + GRACE));
        gate.rotateSigners(addresses(keys), 2, signatures);
        vm.warp(startsAt + GRACE);
        gate.rotateSigners(addresses(keys), 2, signatures);
        inForce(2, 1, 2);
        mints(1, 2);
        refuses(2, 1, 2);
        vm.warp(block.timestamp + DELAY);
        inForce(3, 2, 3);
        mints(3, 2);
        mints(4, 3);
        refuses(5, 1, 3);
    }

    function test_the_old_set_cannot_rotate_in_its_grace() public {
        rotate();
        vm.warp(startsAt + GRACE);
        bytes[] memory old = quorum(rotationDigest(next, 1, 3));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.UnknownSigner.selector, vm.addr(keys[0])));
        gate.rotateSigners(next, 1, old);
    }

    function test_a_rotation_counts_once() public {
        address[] memory signers = addresses(keys);
        bytes[] memory signatures = quorum(rotationDigest(signers, 2, 2));
        gate.rotateSigners(signers, 2, signatures);
        vm.warp(startsAt + GRACE);
        (bool success,) = address(gate).call(abi.encodeCall(gate.rotateSigners, (signers, 2, signatures)));
        yes(!success, "the same set signed it, for an epoch that is over");
        eq(gate.epoch(), 2, "epoch");
    }

    function test_a_rotation_needs_the_threshold() public {
        bytes[] memory signatures = sign(keys, 1, rotationDigest(next, 1, 2));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.TooFewSignatures.selector, 1, 2));
        gate.rotateSigners(next, 1, signatures);
    }

    function test_delay_and_grace_are_bounded() public {
        timesRefused(30 days + 1, 0);
        timesRefused(0, 24 hours + 1);
        gate = new Gate(ADMIN, GUARDIAN, addresses(keys), 2, STEP, CAP, 30 days, 24 hours);
    }

    function test_without_delay_and_grace_a_rotation_is_immediate() public {
        gate = new Gate(ADMIN, GUARDIAN, addresses(keys), 2, STEP, CAP, 0, 0);
        units = gate.units();
        gate.registerClass(PROFILE);
        rotate();
        inForce(2, 1, 2);
        refuses(1, 1, 2);
        mints(2, 2);
    }

    /// @dev At any time exactly those epochs count that should.
    function testFuzz_which_epochs_count(uint256 elapsed, uint256 cancelledAt) public {
        uint256 begin = block.timestamp;
        elapsed = within(elapsed, 0, DELAY + GRACE + 1 days);
        cancelledAt = within(cancelledAt, 0, 2 * uint256(DELAY));
        rotate();
        bool cancelled = cancelledAt < DELAY && cancelledAt <= elapsed;
        if (cancelled) {
            vm.warp(begin + cancelledAt);
            vm.prank(GUARDIAN);
            gate.cancelRotation();
        }
        vm.warp(begin + elapsed);
        bool begun = !cancelled && elapsed >= DELAY;
        eq(gate.epoch(), begun ? 2 : 1, "in force");
        yes(counts(1, 1) == (!begun || elapsed < uint256(DELAY) + GRACE), "the first");
        yes(counts(2, 2) == begun, "the second");
        yes(!counts(3, 3) && !counts(4, 0), "no other");
    }

    function test_no_set_is_empty_unordered_unreachable_or_endless() public {
        address[] memory signers = addresses(keys);
        rotationRefused(new address[](0), 0, abi.encodeWithSelector(SignerSet.BadSignerSet.selector, 0, 0));
        rotationRefused(signers, 0, abi.encodeWithSelector(SignerSet.BadSignerSet.selector, 3, 0));
        rotationRefused(signers, 4, abi.encodeWithSelector(SignerSet.BadSignerSet.selector, 3, 4));
        address[] memory many = addresses(signerKeys(33, 1));
        rotationRefused(many, 1, abi.encodeWithSelector(SignerSet.BadSignerSet.selector, 33, 1));
        address second = signers[1];
        signers[1] = signers[0];
        rotationRefused(
            signers, 2, abi.encodeWithSelector(SignerSet.SignersNotAscending.selector, signers[0], signers[0])
        );
        (signers[0], signers[1]) = (address(0), second);
        rotationRefused(
            signers, 2, abi.encodeWithSelector(SignerSet.SignersNotAscending.selector, address(0), address(0))
        );
        vm.expectRevert(abi.encodeWithSelector(SignerSet.BadSignerSet.selector, 3, 4));
        new Gate(ADMIN, GUARDIAN, addresses(keys), 4, STEP, CAP, DELAY, GRACE);
    }

    function test_32_signers_are_a_set() public {
        uint256[] memory many = signerKeys(32, 1);
        bytes[] memory signatures = quorum(rotationDigest(addresses(many), 32, 2));
        gate.rotateSigners(addresses(many), 32, signatures);
        vm.warp(block.timestamp + DELAY);
        signatures = sign(many, 32, batchDigest(list(item(1)), 2, soon()));
        send(list(item(1)), 2, soon(), signatures);
        expectOutcome(1, Outcome.Minted, "outcome");
    }

    function rotationRefused(address[] memory signers, uint8 threshold, bytes memory expected) private {
        bytes[] memory signatures = quorum(rotationDigest(signers, threshold, 2));
        vm.expectRevert(expected);
        gate.rotateSigners(signers, threshold, signatures);
    }

    function rotate() private {
        gate.rotateSigners(next, 1, quorum(rotationDigest(next, 1, 2)));
    }

    function inForce(uint256 epoch, uint256 threshold, uint256 count) private view {
        eq(gate.epoch(), epoch, "epoch");
        eq(gate.threshold(), threshold, "threshold");
        eq(gate.signers().length, count, "signers");
    }

    function keysOf(uint32 epoch) private view returns (uint256[] memory) {
        return epoch == 1 ? keys : epoch == 2 || gate.threshold() == 1 ? nextKeys : keys;
    }

    function mints(uint256 id, uint32 epoch) private {
        MintItem[] memory items = list(item(id));
        send(items, epoch, soon(), sign(keysOf(epoch), 2, batchDigest(items, epoch, soon())));
        expectOutcome(id, Outcome.Minted, "minted");
    }

    function refuses(uint256 id, uint32 epoch, uint32 current) private {
        MintItem[] memory items = list(item(id));
        bytes[] memory signatures = sign(keysOf(epoch), 2, batchDigest(items, epoch, soon()));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.WrongEpoch.selector, epoch, current));
        send(items, epoch, soon(), signatures);
    }

    function counts(uint256 id, uint32 epoch) private returns (bool success) {
        MintItem[] memory items = list(item(id));
        bytes[] memory signatures = sign(epoch == 1 ? keys : nextKeys, 2, batchDigest(items, epoch, soon()));
        (success,) = address(gate).call(batchCall(items, epoch, soon(), signatures));
    }

    function timesRefused(uint32 delay, uint32 grace) private {
        vm.expectRevert(abi.encodeWithSelector(SignerSet.BadRotationTimes.selector, delay, grace));
        new Gate(ADMIN, GUARDIAN, addresses(keys), 2, STEP, CAP, delay, grace);
    }
}
