// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC1155Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {CarbonUnits} from "../src/CarbonUnits.sol";
import {IERC7943MultiToken} from "../src/IERC7943MultiToken.sol";
import {SentItem} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";

/// @dev The carbon units: only the gate makes and unmakes them, only holders move them.
contract UnitsTest is GateFixture {
    address private constant OTHER = address(0x2002);

    function setUp() public override {
        super.setUp();
        mint(list(item(1)));
    }

    function test_only_the_gate_mints_and_burns() public {
        address[3] memory others = [ADMIN, HOLDER, address(this)];
        (, SentItem[] memory sent) = pack(list(item(2)));
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(CarbonUnits.NotGate.selector, others[i]));
            vm.prank(others[i]);
            units.mintToAccounts(class, sent);
            vm.expectRevert(abi.encodeWithSelector(CarbonUnits.NotGate.selector, others[i]));
            vm.prank(others[i]);
            units.mintAsking(HOLDER, class, 1);
            vm.expectRevert(abi.encodeWithSelector(CarbonUnits.NotGate.selector, others[i]));
            vm.prank(others[i]);
            units.burn(HOLDER, class, 1);
        }
        eq(units.gate(), address(gate), "gate");
    }

    function testFuzz_any_fraction_moves_down_to_a_gram(uint256 quantity) public {
        quantity = within(quantity, 0, STEP);
        yes(units.canTransfer(HOLDER, OTHER, class, quantity), "allowed");
        vm.prank(HOLDER);
        units.safeTransferFrom(HOLDER, OTHER, class, quantity, "");
        eq(units.balanceOf(OTHER, class), quantity, "other");
        eq(units.balanceOf(HOLDER, class), STEP - quantity, "holder");
        eq(units.totalSupply(class), STEP, "supply");
    }

    function test_nobody_else_moves_or_freezes_units() public {
        address[3] memory others = [ADMIN, GUARDIAN, address(gate)];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IERC1155Errors.ERC1155MissingApprovalForAll.selector, others[i], HOLDER)
            );
            vm.prank(others[i]);
            units.safeTransferFrom(HOLDER, OTHER, class, 1, "");
            vm.expectRevert(abi.encodeWithSelector(CarbonUnits.HolderDecides.selector, HOLDER));
            vm.prank(others[i]);
            units.forcedTransfer(HOLDER, OTHER, class, 1);
            vm.expectRevert(abi.encodeWithSelector(CarbonUnits.HolderDecides.selector, HOLDER));
            vm.prank(others[i]);
            units.setFrozenTokens(HOLDER, class, 1);
        }
        eq(units.balanceOf(HOLDER, class), STEP, "balance");
    }

    function test_what_erc_7943_answers() public view {
        yes(units.canSend(HOLDER) && units.canReceive(OTHER), "anyone may");
        eq(units.getFrozenTokens(HOLDER, class), 0, "frozen");
        yes(!units.canTransfer(HOLDER, OTHER, class, STEP + 1), "not more than there is");
        yes(!units.canTransfer(HOLDER, address(0), class, 1), "not to nobody");
        eq(bytes32(type(IERC7943MultiToken).interfaceId), bytes32(bytes4(0x41c4fbad)), "the standard's id");
        yes(units.supportsInterface(type(IERC7943MultiToken).interfaceId), "ERC-7943");
        yes(units.supportsInterface(type(IERC1155).interfaceId), "ERC-1155");
        yes(!units.supportsInterface(0xffffffff), "not everything");
    }

    function test_units_read_in_tonnes() public view {
        eq(units.decimals(), 6, "decimals");
        eq(units.balanceOf(HOLDER, class), 10 ** units.decimals(), "one tonne");
    }
}
