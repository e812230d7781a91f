// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Gate} from "../src/Gate.sol";
import {Minting} from "../src/Minting.sol";
import {MintItem, Outcome, SkipReason} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";
import {
    Demanding,
    GasBurner,
    Ignorant,
    Imitator,
    Passing,
    Reentrant,
    Refusing,
    ReturnBomb,
    Spender,
    Willing,
    WrongAnswer
} from "./Recipients.sol";

/// @dev What happens to items, and that none of it happens to their neighbours.
contract MintTest is GateFixture {
    function test_a_mint_gives_the_recipient_the_units_and_settles_the_transfer() public {
        expectMinted(item(1));
        mint(list(item(1)));
        eq(units.balanceOf(HOLDER, class), STEP, "balance");
        eq(units.totalSupply(class), STEP, "supply");
        expectOutcome(1, Outcome.Minted, "outcome");
    }

    function test_a_batch_says_under_which_log_it_was_signed_whoever_sends_it() public {
        (uint64 deadline, uint32 epoch) = (soon(), gate.epoch());
        bytes[] memory signatures = quorum(batchDigest(list(item(1)), epoch, deadline));
        bytes memory call = batchCall(list(item(1)), epoch, deadline, signatures);
        Passing passing = new Passing();
        expectUnder(LOG_SIZE, LOG_ROOT);
        passing.pass(address(gate), call);
        expectOutcome(1, Outcome.Minted, "outcome");
    }

    function test_an_empty_batch_does_nothing() public {
        mint(new MintItem[](0));
        eq(units.totalSupply(class), 0, "supply");
    }

    function test_an_item_mints_once_whether_repeated_in_a_batch_or_later() public {
        expectMinted(item(1));
        expectSkipped(1, SkipReason.AlreadyMinted);
        expectMinted(item(2));
        mint(list(item(1), item(1), item(2)));
        expectSkipped(1, SkipReason.AlreadyMinted);
        mint(list(item(1)));
        eq(units.totalSupply(class), 2 * STEP, "supply");
    }

    function test_the_same_transfer_mints_once_even_with_other_content() public {
        mint(list(item(1)));
        expectSkipped(1, SkipReason.AlreadyMinted);
        mint(list(item(1, address(0x77), 5)));
        eq(units.balanceOf(address(0x77), class), 0, "other recipient");
    }

    function test_a_voided_transfer_is_never_minted() public {
        voidTransfer(1);
        expectSkipped(1, SkipReason.AlreadyVoided);
        expectMinted(item(2));
        mint(list(item(1), item(2)));
        expectOutcome(1, Outcome.Voided, "outcome");
        eq(units.totalSupply(class), STEP, "supply");
    }

    function test_a_minted_transfer_is_never_voided() public {
        mint(list(item(1)));
        bytes[] memory signatures = quorum(voidDigest(bytes32(uint256(1)), 1));
        vm.expectRevert(abi.encodeWithSelector(Gate.AlreadySettled.selector, bytes32(uint256(1)), Outcome.Minted));
        gate.voidTransfer(bytes32(uint256(1)), 1, signatures);
    }

    function test_a_voided_transfer_is_not_voided_again() public {
        vm.expectEmit(true, true, true, true);
        emit Gate.Voided(bytes32(uint256(1)));
        voidTransfer(1);
        bytes[] memory signatures = quorum(voidDigest(bytes32(uint256(1)), 1));
        vm.expectRevert(abi.encodeWithSelector(Gate.AlreadySettled.selector, bytes32(uint256(1)), Outcome.Voided));
        gate.voidTransfer(bytes32(uint256(1)), 1, signatures);
    }

    function test_a_zero_quantity_is_skipped_and_stays_unspent() public {
        refusedBetweenNeighbours(item(2, HOLDER, 0), SkipReason.ZeroQuantity);
    }

    function test_an_unknown_class_is_skipped_until_it_is_registered() public {
        bytes memory profile = "another";
        MintItem memory unknown = MintItem(bytes32(uint256(2)), uint256(sha256(profile)), HOLDER, STEP);
        refusedBetweenNeighbours(unknown, SkipReason.UnknownClass);
        gate.registerClass(profile);
        expectMinted(unknown);
        mint(list(unknown));
    }

    function test_no_refusing_recipient_harms_its_neighbours() public {
        address[8] memory refusing = [
            address(0),
            address(new Ignorant()),
            address(new Refusing()),
            address(new WrongAnswer()),
            address(new GasBurner()),
            address(new ReturnBomb()),
            address(new Imitator()),
            address(gate)
        ];
        for (uint256 i = 0; i < refusing.length; ++i) {
            setUp();
            refusedBetweenNeighbours(item(2, refusing[i], STEP), SkipReason.RecipientRefused);
        }
    }

    function test_a_batch_of_nothing_but_gas_burners_ends_within_what_the_relayer_sends() public {
        MintItem[] memory items = new MintItem[](64);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = item(i + 1, address(new GasBurner()), STEP);
        }
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        // adapters/evm/src/draft.rs: 120 000, 190 000 an item and 12 000 a signature, less the calldata, 2 000 an item.
        uint256 gas = 120_000 - 21_000 + 64 * (190_000 - 2_000);
        (bool success,) = address(gate).call{gas: gas}(batchCall(items, 1, soon(), signatures));
        yes(success, "success");
        eq(units.totalSupply(class), 0, "supply");
    }

    function test_a_hook_may_use_90_000_gas() public {
        mint(list(item(1, address(new Spender(90_000)), STEP), item(2, address(new Spender(90_000)), STEP)));
        expectOutcome(1, Outcome.Minted, "first, all slots cold");
        expectOutcome(2, Outcome.Minted, "second");
    }

    /// @dev The relayer chooses the gas; whatever it chooses, want of gas is never taken for the recipient's refusal.
    function testFuzz_too_little_gas_reverts_and_never_skips(uint256 gas) public {
        gas = within(gas, 100_000, 260_000);
        address demanding = address(new Demanding());
        // One item: after it, another would find too little gas too and hide what became of the first.
        MintItem[] memory items = list(item(1, demanding, STEP));
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        (bool success, bytes memory reason) = address(gate).call{gas: gas}(batchCall(items, 1, soon(), signatures));
        if (success) {
            expectOutcome(1, Outcome.Minted, "outcome");
        } else {
            yes(reason.length == 0 || bytes4(reason) == Minting.TooLittleGas.selector, "another error");
            expectOutcome(1, Outcome.None, "outcome after a revert");
            eq(units.totalSupply(class), 0, "supply after a revert");
        }
    }

    function test_too_little_gas_says_so() public {
        MintItem[] memory items = list(item(1, address(new Demanding()), STEP));
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        (bool success, bytes memory reason) = address(gate).call{gas: 150_000}(batchCall(items, 1, soon(), signatures));
        yes(!success, "minted");
        eq(bytes32(bytes4(reason)), bytes32(Minting.TooLittleGas.selector), "error");
    }

    function test_a_recipient_that_sends_its_own_item_again_gets_nothing_twice() public {
        (Reentrant again, bytes memory call) = sendsAgain(1);
        (bool success,) = address(gate).call(call);
        yes(success && again.succeeded(), "both batches went through");
        eq(units.balanceOf(address(again), class), STEP, "once");
        eq(units.totalSupply(class), STEP, "supply");
    }

    /// @dev The inner batch mints the neighbour, since it may; the outer one finds that done.
    function test_a_recipient_that_mints_its_neighbour_first_does_not_mint_it_twice() public {
        Reentrant again = new Reentrant();
        bytes[] memory signatures = quorum(batchDigest(list(item(2)), 1, soon()));
        again.plan(batchCall(list(item(2)), 1, soon(), signatures), false);
        expectMinted(item(2));
        expectSkipped(2, SkipReason.AlreadyMinted);
        mint(list(item(1, address(again), STEP), item(2)));
        yes(again.called() && again.succeeded(), "both batches went through");
        eq(units.balanceOf(address(again), class), STEP, "once");
        eq(units.balanceOf(HOLDER, class), STEP, "and its neighbour once");
        eq(units.totalSupply(class), 2 * STEP, "supply");
    }

    function test_a_recipient_that_comes_back_finds_its_transfer_settled() public {
        Reentrant voider = new Reentrant();
        bytes[] memory signatures = quorum(voidDigest(bytes32(uint256(1)), 1));
        voider.plan(abi.encodeCall(gate.voidTransfer, (bytes32(uint256(1)), 1, signatures)), false);
        mint(list(item(1, address(voider), STEP), item(2)));
        yes(voider.called() && !voider.succeeded(), "void inside the hook was refused");
        eq(voider.seenBalance(), STEP, "the balance that the hook sees");
        eq(voider.seenSupply(), STEP, "the supply that the hook sees");
        expectOutcome(1, Outcome.Minted, "outcome");
        expectOutcome(2, Outcome.Minted, "neighbour");
    }

    function test_a_recipient_that_fails_inside_its_hook_can_still_be_voided() public {
        Reentrant voider = new Reentrant();
        bytes[] memory signatures = quorum(voidDigest(bytes32(uint256(1)), 1));
        voider.plan(abi.encodeCall(gate.voidTransfer, (bytes32(uint256(1)), 1, signatures)), true);
        refusedBetweenNeighbours(item(1, address(voider), STEP), SkipReason.RecipientRefused, 11, 12);
        voidTransfer(1);
        expectOutcome(1, Outcome.Voided, "outcome");
    }

    function test_a_recipient_may_burn_what_it_gets() public {
        Reentrant burner = new Reentrant();
        burner.plan(abi.encodeCall(gate.burn, (class, STEP, 1, bytes32("instruction"))), true);
        mint(list(item(1, address(burner), STEP), item(2)));
        yes(burner.succeeded(), "burned inside the hook");
        eq(gate.burnCount(), 1, "burns");
        eq(units.totalSupply(class), STEP, "only the neighbour's circulates");
    }

    function test_a_contract_that_takes_units_gets_them() public {
        address willing = address(new Willing());
        mint(list(item(1, willing, 5)));
        eq(units.balanceOf(willing, class), 5, "balance");
    }

    /// @dev A recipient that sends the batch of which it is the first item again, and that batch.
    function sendsAgain(uint256 count) private returns (Reentrant again, bytes memory call) {
        again = new Reentrant();
        MintItem memory own = item(1, address(again), STEP);
        MintItem[] memory items = count == 1 ? list(own) : list(own, item(2));
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        call = batchCall(items, 1, soon(), signatures);
        again.plan(call, false);
    }

    function refusedBetweenNeighbours(MintItem memory refused, SkipReason reason) private {
        refusedBetweenNeighbours(refused, reason, 1, 3);
    }

    function refusedBetweenNeighbours(MintItem memory refused, SkipReason reason, uint256 before, uint256 after_)
        private
    {
        expectMinted(item(before));
        expectSkipped(uint256(refused.transferId), reason);
        expectMinted(item(after_));
        mint(list(item(before), refused, item(after_)));
        expectOutcome(uint256(refused.transferId), Outcome.None, "stays unspent");
        eq(units.totalSupply(class), 2 * STEP, "supply");
        eq(units.balanceOf(HOLDER, class), 2 * STEP, "neighbours");
    }
}
