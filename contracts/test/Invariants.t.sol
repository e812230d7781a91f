// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CarbonUnits} from "../src/CarbonUnits.sol";
import {Gate} from "../src/Gate.sol";
import {Settlement} from "../src/Types.sol";
import {Anyone} from "./Anyone.sol";
import {Test} from "./Vm.sol";

/// @dev What holds after anything that anyone may do, in any order.
contract InvariantsTest is Test {
    Anyone private anyone;
    Gate private gate;
    CarbonUnits private units;

    function setUp() public {
        anyone = new Anyone();
        (gate, units) = anyone.world();
        target(address(anyone));
    }

    /// @dev R1, as far as the gate can see it.
    function invariant_what_circulates_is_what_was_minted_less_what_was_burned() public view {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 class = anyone.classes(i);
            eq(anyone.minted(class) - anyone.burned(class), units.totalSupply(class), "supply");
            uint256 sum = 0;
            for (uint256 holder = 0; holder < 6; ++holder) {
                sum += units.balanceOf(anyone.holders(holder), class);
            }
            eq(sum, units.totalSupply(class), "sum of balances");
        }
    }

    function invariant_no_mint_exceeds_the_cap() public view {
        yes(!anyone.capExceeded(), "supply <= cap after every mint");
    }

    /// @dev R10.
    function invariant_a_transfer_has_at_most_one_outcome_for_ever() public view {
        yes(!anyone.settledTwice(), "one event");
        bytes32[] memory ids = new bytes32[](anyone.TRANSFERS());
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = bytes32(i + 1);
        }
        Settlement[] memory outcomes = gate.outcomes(ids);
        for (uint256 i = 0; i < ids.length; ++i) {
            eq(uint256(outcomes[i].outcome), uint256(anyone.settled(i + 1)), "the gate remembers what it said");
        }
    }

    function invariant_burns_are_numbered_without_a_gap() public view {
        eq(gate.burnCount(), anyone.burns(), "burns");
    }
}
