// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Gate} from "../src/Gate.sol";
import {SignerSet} from "../src/SignerSet.sol";
import {MintItem, Outcome, SentItem} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";

/// @dev Which signatures count, and where and until when.
contract SignaturesTest is GateFixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function test_more_signatures_than_the_threshold_count_too() public {
        bytes[] memory signatures = sign(keys, 3, digest());
        send(items(), 1, soon(), signatures);
        expectOutcome(1, Outcome.Minted, "outcome");
    }

    function test_any_two_of_the_three_suffice() public {
        send(pair(sign(keys[0], digest()), sign(keys[2], digest())), "");
        expectOutcome(1, Outcome.Minted, "outcome");
    }

    function test_one_less_than_the_threshold_is_refused() public {
        send(sign(keys, 1, digest()), abi.encodeWithSelector(SignerSet.TooFewSignatures.selector, 1, 2));
        send(new bytes[](0), abi.encodeWithSelector(SignerSet.TooFewSignatures.selector, 0, 2));
    }

    function test_a_signature_given_twice_is_refused() public {
        bytes memory one = sign(keys[0], digest());
        address signer = vm.addr(keys[0]);
        send(pair(one, one), abi.encodeWithSelector(SignerSet.SignersNotAscending.selector, signer, signer));
    }

    function test_unsorted_signatures_are_refused() public {
        bytes[] memory signatures = pair(sign(keys[1], digest()), sign(keys[0], digest()));
        bytes memory expected =
            abi.encodeWithSelector(SignerSet.SignersNotAscending.selector, vm.addr(keys[1]), vm.addr(keys[0]));
        send(signatures, expected);
    }

    function test_a_stranger_is_refused_even_beside_a_quorum() public {
        uint256[] memory all = signerKeys(4, 0);
        uint256 stranger;
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] != keys[0] && all[i] != keys[1] && all[i] != keys[2]) stranger = all[i];
        }
        bytes[] memory signatures = sign(all, 4, digest());
        send(signatures, abi.encodeWithSelector(SignerSet.UnknownSigner.selector, vm.addr(stranger)));
    }

    function test_a_signature_over_something_else_is_refused() public {
        bytes32 other = batchDigest(list(item(2)), 1, soon());
        (bool success,) = call(sign(keys, 2, other));
        yes(!success, "refused");
    }

    function test_the_other_signature_with_a_high_s_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest());
        bytes32 high = bytes32(ORDER - uint256(s));
        bytes memory twin = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        send(pair(twin, sign(keys[1], digest())), abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
    }

    function test_v_other_than_27_and_28_is_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest());
        bytes memory zeroBased = abi.encodePacked(r, s, v - 27);
        send(pair(zeroBased, sign(keys[1], digest())), abi.encodeWithSelector(ECDSA.ECDSAInvalidSignature.selector));
    }

    function test_lengths_other_than_65_are_refused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest());
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        bytes[3] memory wrong = [abi.encodePacked(r, vs), abi.encodePacked(r, s, v, v), bytes("")];
        for (uint256 i = 0; i < wrong.length; ++i) {
            send(
                pair(wrong[i], sign(keys[1], digest())),
                abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, wrong[i].length)
            );
        }
    }

    function test_a_batch_does_not_count_on_another_chain() public {
        bytes[] memory signatures = sign(keys, 2, digest());
        vm.chainId(block.chainid + 1);
        (bool success,) = call(signatures);
        yes(!success, "refused there");
    }

    function test_a_batch_does_not_count_at_another_gate() public {
        Gate other = new Gate(ADMIN, GUARDIAN, addresses(keys), 2, STEP, CAP, DELAY, GRACE);
        other.registerClass(PROFILE);
        bytes[] memory signatures = sign(keys, 2, digest());
        bytes memory data = batchCall(items(), 1, soon(), signatures);
        (bool success,) = address(other).call(data);
        yes(!success, "refused there");
        (success,) = address(gate).call(data);
        yes(success, "and fine here");
    }

    function test_a_batch_counts_in_the_second_of_its_deadline_and_not_after() public {
        uint64 deadline = soon();
        bytes[] memory signatures = sign(keys, 2, digest());
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(Gate.DeadlinePassed.selector, deadline, deadline + 1));
        send(items(), 1, deadline, signatures);
        vm.warp(deadline);
        send(items(), 1, deadline, signatures);
    }

    /// @dev Every word of the call but the position and length fields is signed.
    function testFuzz_no_changed_field_passes(uint256 field, uint256 change) public {
        change = within(change, 1, type(uint32).max);
        MintItem[] memory changed = items();
        uint64 logSize = LOG_SIZE;
        uint256 logRoot = uint256(LOG_ROOT);
        uint64 deadline = soon();
        bytes[] memory signatures = sign(keys, 2, digest());
        field = field % 7;
        unchecked {
            if (field == 0) changed[0].transferId = bytes32(uint256(changed[0].transferId) + change);
            if (field == 1) changed[0].assetClass += change;
            if (field == 2) changed[0].recipient = address(uint160(HOLDER) + uint160(change));
            if (field == 3) changed[0].quantity += change;
            if (field == 4) logSize += uint64(change);
            if (field == 5) logRoot += change;
            if (field == 6) deadline += uint64(change);
        }
        (uint256[] memory classes, SentItem[] memory sent) = pack(changed);
        (bool success,) = address(gate)
            .call(abi.encodeCall(gate.mintBatch, (classes, sent, logSize, bytes32(logRoot), 1, deadline, signatures)));
        yes(!success, "refused");
        eq(units.totalSupply(class), 0, "supply");
    }

    function test_a_void_needs_the_threshold_and_the_epoch() public {
        bytes32 id = bytes32(uint256(1));
        bytes[] memory one = sign(keys, 1, voidDigest(id, 1));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.TooFewSignatures.selector, 1, 2));
        gate.voidTransfer(id, 1, one);
        bytes[] memory early = quorum(voidDigest(id, 2));
        vm.expectRevert(abi.encodeWithSelector(SignerSet.WrongEpoch.selector, 2, 1));
        gate.voidTransfer(id, 2, early);
        expectOutcome(1, Outcome.None, "outcome");
    }

    function items() private view returns (MintItem[] memory) {
        return list(item(1));
    }

    function digest() private view returns (bytes32) {
        return batchDigest(items(), 1, soon());
    }

    function pair(bytes memory a, bytes memory b) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](2);
        (signatures[0], signatures[1]) = (a, b);
    }

    function call(bytes[] memory signatures) private returns (bool success, bytes memory data) {
        return address(gate).call(batchCall(items(), 1, soon(), signatures));
    }

    /// @dev Sends the batch and compares what it reverts with, nothing if it does not.
    function send(bytes[] memory signatures, bytes memory expected) private {
        (bool success, bytes memory data) = call(signatures);
        yes(success == (expected.length == 0), "success");
        eq(keccak256(data), keccak256(expected), "error");
    }
}
