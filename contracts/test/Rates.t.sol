// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Classes} from "../src/Classes.sol";
import {Gate} from "../src/Gate.sol";
import {Limits} from "../src/Limits.sol";
import {MintItem, Outcome, SkipReason} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";
import {Refusing, Willing} from "./Recipients.sol";

/// @dev How fast a class may be minted: the bucket, and the wait of big transfers.
contract RatesTest is GateFixture {
    uint32 private constant WINDOW = 1000;

    function test_a_limit_is_spent_and_refills_with_time() public {
        setLimit(10 * STEP);
        mint(list(item(1, HOLDER, 4 * STEP), item(2, HOLDER, 6 * STEP)));
        // A tonne refills in a hundredth of the window's thousand seconds times ten.
        expectSkipped(3, SkipReason.LimitReached, block.timestamp + 100);
        mint(list(item(3)));
        vm.warp(block.timestamp + 99);
        expectSkipped(3, SkipReason.LimitReached, block.timestamp + 1);
        mint(list(item(3)));
        vm.warp(block.timestamp + 1);
        expectMinted(item(3));
        mint(list(item(3)));
        vm.warp(block.timestamp + 100 * uint256(WINDOW));
        mint(list(item(4, HOLDER, 10 * STEP)));
        expectSkipped(5, SkipReason.LimitReached, block.timestamp + 1);
        mint(list(item(5, HOLDER, 1)));
        eq(units.totalSupply(class), 21 * STEP, "supply");
    }

    function test_what_finds_too_little_harms_no_neighbour() public {
        setLimit(3 * STEP);
        MintItem memory large = item(2, HOLDER, 3 * STEP);
        expectMinted(item(1));
        expectSkipped(2, SkipReason.LimitReached, block.timestamp + 334);
        expectMinted(item(3));
        mint(list(item(1), large, item(3)));
        expectOutcome(2, Outcome.None, "stays unspent");
    }

    function test_more_than_a_full_bucket_has_no_time_at_which_it_passes() public {
        setLimit(STEP);
        expectSkipped(1, SkipReason.LimitReached, 0);
        mint(list(item(1, HOLDER, STEP + 1)));
    }

    function test_a_contract_spends_too_and_a_refusal_spends_nothing() public {
        setLimit(3 * STEP);
        mint(list(item(1, address(new Willing()), STEP), item(2, address(new Refusing()), STEP), item(3)));
        eq(units.totalSupply(class), 2 * STEP, "supply");
        expectSkipped(4, SkipReason.LimitReached, block.timestamp + 334);
        mint(list(item(4, HOLDER, 2 * STEP)));
        expectMinted(item(5));
        mint(list(item(5)));
    }

    function test_another_limit_forgives_nothing_and_none_is_none() public {
        setLimit(10 * STEP);
        mint(list(item(1, HOLDER, 10 * STEP)));
        setLimit(20 * STEP);
        expectSkipped(2, SkipReason.LimitReached, block.timestamp + 50);
        mint(list(item(2)));
        vm.prank(ADMIN);
        gate.setLimit(class, 0, 0);
        expectMinted(item(2));
        mint(list(item(2)));
    }

    /// @dev Whatever is asked for and when: never more than the bucket and what refilled.
    function testFuzz_no_more_is_minted_than_the_bucket_and_its_refill(uint256 seed) public {
        uint256 most = within(seed, 1, 20 * STEP);
        setLimit(most);
        uint256 begin = block.timestamp;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            address recipient = random >> 200 & 3 == 0 ? address(new Willing()) : HOLDER;
            mint(list(item(2 * i + 1, recipient, within(random, 1, most)), item(2 * i + 2, HOLDER, STEP)));
            yes(units.totalSupply(class) <= most + most * (block.timestamp - begin) / WINDOW, "supply");
            vm.warp(block.timestamp + (random >> 100) % WINDOW);
        }
    }

    function test_a_big_transfer_waits_once_and_is_minted_after() public {
        setBig(5 * STEP);
        MintItem memory big = item(1, HOLDER, 5 * STEP);
        uint256 from = block.timestamp + 1 days;
        expectSkipped(1, SkipReason.BigTransferWaits, from);
        expectMinted(item(2));
        mint(list(big, item(2)));
        expectOutcome(1, Outcome.None, "waiting is no outcome");
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = bytes32(uint256(1));
        eq(gate.outcomes(ids)[0].height, 0, "and has no block");
        vm.warp(from - 1);
        expectSkipped(1, SkipReason.BigTransferWaits, from);
        mint(list(big));
        vm.warp(from);
        expectMinted(big);
        mint(list(big));
        expectOutcome(1, Outcome.Minted, "outcome");
        expectSkipped(1, SkipReason.AlreadyMinted);
        mint(list(big));
    }

    function test_a_little_less_is_not_big() public {
        setBig(5 * STEP);
        expectMinted(item(1, HOLDER, 5 * STEP - 1));
        // Together they are more, and each by itself is not.
        expectMinted(item(2, HOLDER, 4 * STEP));
        mint(list(item(1, HOLDER, 5 * STEP - 1), item(2, HOLDER, 4 * STEP)));
    }

    function test_another_content_under_the_same_id_waits_from_the_start() public {
        setBig(STEP);
        mint(list(item(1)));
        vm.warp(block.timestamp + 1 days);
        MintItem memory other = item(1, address(0x77), STEP);
        expectSkipped(1, SkipReason.BigTransferWaits, block.timestamp + 1 days);
        mint(list(other));
        MintItem memory more = item(1, address(0x77), 2 * STEP);
        expectSkipped(1, SkipReason.BigTransferWaits, block.timestamp + 1 days);
        mint(list(more));
    }

    function test_a_place_in_another_list_of_classes_is_the_same_content() public {
        uint256 second = gate.registerClass("second class");
        setBig(STEP);
        mint(list(item(1)));
        vm.warp(block.timestamp + 1 days);
        expectMinted(item(1));
        mint(list(MintItem(bytes32(uint256(9)), second, HOLDER, 1), item(1)));
    }

    function test_what_waits_can_be_voided() public {
        setBig(STEP);
        mint(list(item(1)));
        voidTransfer(1);
        vm.warp(block.timestamp + 1 days);
        expectSkipped(1, SkipReason.AlreadyVoided);
        mint(list(item(1)));
    }

    function test_nothing_waits_while_paused_or_in_a_class_without_the_rule() public {
        setBig(STEP);
        vm.prank(GUARDIAN);
        gate.pause();
        expectSkipped(1, SkipReason.Paused);
        mint(list(item(1)));
        vm.prank(ADMIN);
        gate.unpause();
        // The pause showed it to nobody.
        expectSkipped(1, SkipReason.BigTransferWaits, block.timestamp + 1 days);
        mint(list(item(1)));
        vm.prank(ADMIN);
        gate.setBigTransfer(class, 0, 0);
        expectMinted(item(1));
        mint(list(item(1)));
    }

    function test_a_big_transfer_needs_the_limit_as_well() public {
        setBig(STEP);
        setLimit(STEP);
        mint(list(item(1), item(2)));
        vm.warp(block.timestamp + 1 days);
        expectMinted(item(1));
        expectSkipped(2, SkipReason.LimitReached, block.timestamp + WINDOW);
        mint(list(item(1), item(2)));
    }

    function test_only_the_admin_sets_limits_and_whole_ones() public {
        bytes memory unauthorised =
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, GUARDIAN, bytes32(0));
        vm.expectRevert(unauthorised);
        vm.prank(GUARDIAN);
        gate.setLimit(class, 1, 1);
        vm.expectRevert(unauthorised);
        vm.prank(GUARDIAN);
        gate.setBigTransfer(class, 1, 1);
        halfRefused(abi.encodeCall(gate.setLimit, (class, 1, 0)));
        halfRefused(abi.encodeCall(gate.setLimit, (class, 0, 1)));
        halfRefused(abi.encodeCall(gate.setBigTransfer, (class, 1, 0)));
        halfRefused(abi.encodeCall(gate.setBigTransfer, (class, 0, 1)));
    }

    function setLimit(uint256 most) private {
        vm.expectEmit(true, true, true, true);
        emit Classes.LimitSet(class, most, WINDOW);
        vm.prank(ADMIN);
        gate.setLimit(class, uint88(most), WINDOW);
    }

    function setBig(uint256 from) private {
        vm.expectEmit(true, true, true, true);
        emit Classes.BigTransferSet(class, from, 1 days);
        vm.prank(ADMIN);
        gate.setBigTransfer(class, uint88(from), 1 days);
    }

    function halfRefused(bytes memory call) private {
        vm.prank(ADMIN);
        (bool success, bytes memory data) = address(gate).call(call);
        yes(!success, "refused");
        eq(bytes32(bytes4(data)), bytes32(Limits.HalfALimit.selector), "error");
    }
}
