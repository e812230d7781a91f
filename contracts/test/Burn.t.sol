// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Gate} from "../src/Gate.sol";
import {GateFixture} from "./GateFixture.sol";

/// @dev The way back.
contract BurnTest is GateFixture {
    bytes32 private constant COMMITMENT = keccak256("instruction");

    function setUp() public override {
        super.setUp();
        mint(list(item(1, HOLDER, 10 * STEP)));
    }

    function test_burns_are_numbered_from_one_and_named_by_chain_gate_and_number() public {
        for (uint256 number = 1; number <= 3; ++number) {
            bytes32 burnId = sha256(abi.encodePacked(block.chainid, uint256(uint160(address(gate))), number));
            uint8 purpose = number == 2 ? 2 : 1;
            vm.expectEmit(true, true, true, true);
            emit Gate.Burned(number, burnId, class, HOLDER, number * STEP, purpose, COMMITMENT);
            vm.prank(HOLDER);
            eq(gate.burn(class, number * STEP, purpose, COMMITMENT), number, "number");
        }
        eq(gate.burnCount(), 3, "count");
        eq(units.balanceOf(HOLDER, class), 4 * STEP, "balance");
        eq(units.totalSupply(class), 4 * STEP, "supply");
    }

    function test_only_whole_steps_burn() public {
        uint256[3] memory wrong = [uint256(0), 1, STEP + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            refused(wrong[i], 1, COMMITMENT, abi.encodeWithSelector(Gate.NotRedeemable.selector, wrong[i], STEP));
        }
    }

    function test_only_release_and_retire_are_purposes() public {
        refused(STEP, 0, COMMITMENT, abi.encodeWithSelector(Gate.UnknownPurpose.selector, 0));
        refused(STEP, 3, COMMITMENT, abi.encodeWithSelector(Gate.UnknownPurpose.selector, 3));
    }

    function test_a_burn_without_an_instruction_is_refused() public {
        refused(STEP, 1, 0, abi.encodeWithSelector(Gate.MissingCommitment.selector, class, STEP));
    }

    function test_nobody_burns_what_they_do_not_have() public {
        bytes4 insufficient = IERC1155Errors.ERC1155InsufficientBalance.selector;
        uint256 over = 11 * STEP;
        refused(over, 1, COMMITMENT, abi.encodeWithSelector(insufficient, HOLDER, 10 * STEP, over, class));
        vm.expectRevert(abi.encodeWithSelector(insufficient, ADMIN, 0, STEP, class));
        vm.prank(ADMIN);
        gate.burn(class, STEP, 1, COMMITMENT);
    }

    function test_the_way_out_stays_open_while_paused() public {
        vm.prank(GUARDIAN);
        gate.pause();
        vm.prank(HOLDER);
        gate.burn(class, STEP, 1, COMMITMENT);
        eq(units.balanceOf(HOLDER, class), 9 * STEP, "balance");
    }

    function testFuzz_a_burn_takes_exactly_what_it_says(uint256 steps) public {
        steps = within(steps, 1, 10);
        vm.prank(HOLDER);
        gate.burn(class, steps * STEP, 2, COMMITMENT);
        eq(units.balanceOf(HOLDER, class), (10 - steps) * STEP, "balance");
        eq(units.totalSupply(class), (10 - steps) * STEP, "supply");
    }

    function refused(uint256 quantity, uint8 purpose, bytes32 commitment, bytes memory expected) private {
        vm.expectRevert(expected);
        vm.prank(HOLDER);
        gate.burn(class, quantity, purpose, commitment);
        eq(gate.burnCount(), 0, "count");
        eq(units.balanceOf(HOLDER, class), 10 * STEP, "balance");
    }
}
