// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Classes} from "../src/Classes.sol";
import {Gate} from "../src/Gate.sol";
import {MintItem, Outcome, SkipReason} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";
import {Vm} from "./Vm.sol";

/// @dev Classes, caps, roles and the pause: what bounds a mint besides signatures.
contract LimitsTest is GateFixture {
    function testFuzz_a_class_is_known_by_the_sha256_of_its_profile(bytes memory profile) public {
        vm.assume(profile.length > 0 && profile.length <= 1024 && keccak256(profile) != keccak256(PROFILE));
        yes(!gate.classRegistered(uint256(sha256(profile))), "unknown before");
        vm.expectEmit(true, true, true, true);
        emit Classes.ClassRegistered(uint256(sha256(profile)), profile);
        uint256 id = gate.registerClass(profile);
        eq(id, uint256(sha256(profile)), "id");
        yes(gate.classRegistered(id), "known after");
    }

    function test_registering_again_says_nothing_and_changes_nothing() public {
        vm.recordLogs();
        vm.prank(HOLDER);
        eq(gate.registerClass(PROFILE), class, "id");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 0, "events");
    }

    function test_profiles_are_bounded() public {
        vm.expectRevert(abi.encodeWithSelector(Classes.BadProfileLength.selector, 0, 1024));
        gate.registerClass("");
        vm.expectRevert(abi.encodeWithSelector(Classes.BadProfileLength.selector, 1025, 1024));
        gate.registerClass(new bytes(1025));
        gate.registerClass(new bytes(1024));
    }

    function test_a_mint_fills_the_cap_and_not_a_gram_more() public {
        setCap(2 * STEP);
        MintItem memory over = item(2, HOLDER, STEP + 1);
        expectMinted(item(1));
        expectSkipped(2, SkipReason.CapExceeded);
        expectMinted(item(3));
        mint(list(item(1), over, item(3)));
        expectSkipped(4, SkipReason.CapExceeded);
        mint(list(item(4, HOLDER, 1)));
        expectOutcome(2, Outcome.None, "stays unspent");
        eq(units.totalSupply(class), 2 * STEP, "supply");
    }

    function test_a_burn_makes_room_under_the_cap() public {
        setCap(STEP);
        mint(list(item(1)));
        vm.prank(HOLDER);
        gate.burn(class, STEP, 1, bytes32("instruction"));
        expectMinted(item(2));
        mint(list(item(2)));
    }

    function test_a_cap_below_the_supply_stops_mints_and_takes_nothing() public {
        mint(list(item(1)));
        setCap(STEP - 1);
        expectSkipped(2, SkipReason.CapExceeded);
        mint(list(item(2, HOLDER, 1)));
        eq(units.balanceOf(HOLDER, class), STEP, "balance");
    }

    function test_a_quantity_near_the_largest_number_exceeds_the_cap() public {
        mint(list(item(1)));
        expectSkipped(2, SkipReason.CapExceeded);
        mint(list(item(2, HOLDER, type(uint88).max)));
    }

    function test_a_class_has_the_default_cap_until_it_has_its_own() public {
        eq(gate.capOf(class), CAP, "default");
        expectSkipped(1, SkipReason.CapExceeded);
        mint(list(item(1, HOLDER, CAP + 1)));
        setCap(0);
        eq(gate.capOf(class), 0, "zero is a cap");
        expectSkipped(1, SkipReason.CapExceeded);
        mint(list(item(1)));
        yes(gate.classRegistered(class), "still registered");
    }

    function test_a_paused_gate_skips_every_item_and_mints_it_later() public {
        vm.prank(GUARDIAN);
        gate.pause();
        expectSkipped(1, SkipReason.Paused);
        expectSkipped(2, SkipReason.Paused);
        mint(list(item(1), item(2)));
        vm.prank(ADMIN);
        gate.unpause();
        expectMinted(item(1));
        mint(list(item(1), item(2)));
    }

    function test_a_paused_gate_still_voids() public {
        vm.prank(GUARDIAN);
        gate.pause();
        voidTransfer(1);
        expectOutcome(1, Outcome.Voided, "outcome");
        expectSkipped(1, SkipReason.AlreadyVoided);
        mint(list(item(1)));
    }

    function test_only_the_guardian_pauses_and_only_the_admin_unpauses_and_caps() public {
        bytes32 guardianRole = gate.GUARDIAN_ROLE();
        bytes4 unauthorised = IAccessControl.AccessControlUnauthorizedAccount.selector;
        vm.expectRevert(abi.encodeWithSelector(unauthorised, ADMIN, guardianRole));
        vm.prank(ADMIN);
        gate.pause();
        vm.prank(GUARDIAN);
        gate.pause();
        vm.expectRevert(abi.encodeWithSelector(unauthorised, GUARDIAN, bytes32(0)));
        vm.prank(GUARDIAN);
        gate.unpause();
        vm.expectRevert(abi.encodeWithSelector(unauthorised, GUARDIAN, bytes32(0)));
        vm.prank(GUARDIAN);
        gate.setCap(class, 1);
    }

    function test_the_admin_replaces_both_roles() public {
        (address admin, address guardian) = (address(0xAD2), address(0x6A2));
        bytes32 guardianRole = gate.GUARDIAN_ROLE();
        vm.prank(ADMIN);
        gate.grantRole(guardianRole, guardian);
        vm.prank(ADMIN);
        gate.revokeRole(guardianRole, GUARDIAN);
        vm.prank(ADMIN);
        gate.grantRole(bytes32(0), admin);
        vm.prank(admin);
        gate.revokeRole(bytes32(0), ADMIN);
        vm.prank(guardian);
        gate.pause();
        vm.prank(admin);
        gate.unpause();
        yes(!gate.hasRole(bytes32(0), ADMIN) && !gate.hasRole(guardianRole, GUARDIAN), "the old ones are out");
    }

    function test_nobody_is_admin_and_guardian() public {
        bytes32 guardianRole = gate.GUARDIAN_ROLE();
        vm.expectRevert(abi.encodeWithSelector(Gate.OneRoleOnly.selector, ADMIN));
        vm.prank(ADMIN);
        gate.grantRole(guardianRole, ADMIN);
        vm.expectRevert(abi.encodeWithSelector(Gate.OneRoleOnly.selector, GUARDIAN));
        vm.prank(ADMIN);
        gate.grantRole(bytes32(0), GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(Gate.OneRoleOnly.selector, ADMIN));
        new Gate(ADMIN, ADMIN, addresses(keys), 2, STEP, CAP, DELAY, GRACE);
    }

    function test_a_gate_without_a_redemption_step_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Gate.ZeroRedemptionStep.selector));
        new Gate(ADMIN, GUARDIAN, addresses(keys), 2, 0, CAP, DELAY, GRACE);
    }

    function test_the_gate_fits_the_limits_of_a_chain() public view {
        yes(address(gate).code.length < 24_576, "EIP-170");
        yes(address(units).code.length < 24_576, "EIP-170, units");
        yes(type(Gate).creationCode.length + 32 * (7 + 32) < 49_152, "EIP-3860, with 32 signers");
    }

    function setCap(uint256 cap) private {
        vm.expectEmit(true, true, true, true);
        emit Classes.CapSet(class, cap);
        vm.prank(ADMIN);
        gate.setCap(class, cap);
        eq(gate.capOf(class), cap, "cap");
    }
}
