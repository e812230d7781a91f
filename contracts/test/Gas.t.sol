// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintItem} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";

/// @dev What transactions cost: each call is a transaction of its own here, so the 21 000 and the calldata are in it, and
/// every slot and account is cold. Figures are kept in gas-snapshot/ and a test fails when one changes.
/// forge-config: default.isolate = true
contract GasTest is GateFixture {
    /// @dev Per mint to a new holder at batch 100. What no code can save is 50 627 of it: two new slots (44 200), looking whether
    /// the recipient is a contract (2 600), the transfer's event (2 387), the item in the calldata (928) and in the batch's
    /// event (512). A hundredth of what the batch costs by itself is 600, what is left is for hashing and minting: 720.
    uint256 private constant MOST_PER_MINT = 52_000;

    function setUp() public override {
        super.setUp();
        // The class circulates already, as it does in all batches but its first.
        mint(list(item(1_000_000)));
    }

    function test_a_mint_to_a_new_holder() public {
        batch(1);
    }

    function test_10_mints_to_new_holders() public {
        batch(10);
    }

    function test_64_mints_to_new_holders() public {
        batch(64);
    }

    function test_100_mints_to_new_holders() public {
        uint256 perMint = batch(100) / 100;
        yes(perMint <= MOST_PER_MINT, "gas per mint");
    }

    function test_a_void() public {
        voidTransfer(1);
        vm.snapshotGasLastCall("gate", "voidTransfer");
    }

    function test_a_burn() public {
        vm.prank(HOLDER);
        gate.burn(class, STEP, 1, keccak256("instruction"));
        vm.snapshotGasLastCall("gate", "burn");
    }

    function batch(uint256 count) private returns (uint256 gasUsed) {
        MintItem[] memory items = new MintItem[](count);
        for (uint256 i = 0; i < count; ++i) {
            // Hashes, like real ids and addresses: their bytes are not zero.
            items[i] = item(
                uint256(keccak256(abi.encode("transfer", i))),
                address(bytes20(keccak256(abi.encode("holder", i)))),
                425 * STEP
            );
        }
        mint(items);
        gasUsed = vm.snapshotGasLastCall("gate", string.concat("mintBatch ", name(count)));
        eq(units.totalSupply(class), STEP + count * 425 * STEP, "all of them minted");
    }

    function name(uint256 count) private pure returns (string memory) {
        return count == 1 ? "001" : count == 10 ? "010" : count == 64 ? "064" : "100";
    }
}
