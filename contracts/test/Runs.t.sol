// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CarbonUnits} from "../src/CarbonUnits.sol";
import {Gate} from "../src/Gate.sol";
import {Messages} from "../src/Messages.sol";
import {MintItem, Outcome, SentItem, Settlement, SkipReason} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";
import {GasBurner, Reentrant, Refusing, Willing} from "./Recipients.sol";

/// @dev Items are minted in runs; nobody must be able to tell, but by the gas.
contract RunsTest is GateFixture {
    uint256 private second;
    address[] private recipients;

    function setUp() public override {
        super.setUp();
        second = gate.registerClass("second class");
        Reentrant burner = new Reentrant();
        burner.plan(abi.encodeCall(gate.burn, (class, STEP, 1, bytes32("instruction"))), false);
        recipients = [
            HOLDER,
            address(0x2002),
            address(0x2003),
            address(new Willing()),
            address(burner),
            address(new Refusing()),
            address(new GasBurner()),
            address(0)
        ];
    }

    /// @dev A batch and the same items one by one end alike: outcomes, balances, supply, what was announced.
    function testFuzz_a_batch_does_what_its_items_do_one_by_one(uint256 seed, uint256 caps) public {
        MintItem[] memory items = randomItems(seed, within(seed, 1, 24));
        vm.prank(ADMIN);
        gate.setCap(class, within(caps, 0, 40) * STEP);
        vm.prank(ADMIN);
        gate.setCap(second, within(caps >> 128, 0, 40) * STEP);
        uint256 before = vm.snapshotState();
        mint(items);
        bytes32 together = state(items);
        vm.revertToState(before);
        for (uint256 i = 0; i < items.length; ++i) {
            mint(list(items[i]));
        }
        eq(state(items), together, "state");
    }

    function testFuzz_the_bits_say_which_items_were_minted(uint256 seed) public {
        MintItem[] memory items = randomItems(seed, within(seed, 1, 24));
        uint256 before = vm.snapshotState();
        uint256 minted = 0;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 supply = units.totalSupply(items[i].assetClass) + burned();
            mint(list(items[i]));
            if (units.totalSupply(items[i].assetClass) + burned() != supply) minted |= 1 << i;
        }
        vm.revertToState(before);
        expectBatch(items, minted);
        mint(items);
    }

    function test_a_run_may_be_as_long_as_a_batch_may_be() public {
        MintItem[] memory items = new MintItem[](256);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = item(i + 1, address(uint160(0x10000 + i)), STEP);
        }
        expectBatch(items, type(uint256).max);
        mint(items);
        eq(units.totalSupply(class), 256 * STEP, "supply");
        eq(units.balanceOf(address(0x10000 + 255), class), STEP, "the last one");
    }

    function test_no_batch_has_more_items_than_bits() public {
        MintItem[] memory items = new MintItem[](257);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = item(i + 1);
        }
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        (bool success, bytes memory data) = address(gate).call(batchCall(items, 1, soon(), signatures));
        yes(!success, "refused");
        eq(keccak256(data), keccak256(abi.encodeWithSelector(Gate.TooManyItems.selector, 257, 256)), "error");
    }

    function test_an_item_of_a_class_that_is_not_listed_is_refused() public {
        (uint256[] memory classes, SentItem[] memory sent) = pack(list(item(1), item(2)));
        sent[1].content += 1 << 88;
        bytes[] memory signatures = quorum(batchDigest(list(item(1), item(2)), 1, soon()));
        vm.expectRevert(abi.encodeWithSelector(Messages.NoSuchClass.selector, 1));
        gate.mintBatch(classes, sent, LOG_SIZE, LOG_ROOT, 1, soon(), signatures);
    }

    /// @dev Which class, and not which place in which list, is signed: a list in another order says the same.
    function test_the_same_items_count_with_their_classes_in_any_order() public {
        MintItem[] memory items = list(item(1), MintItem(bytes32(uint256(2)), second, HOLDER, STEP));
        (uint256[] memory classes, SentItem[] memory sent) = pack(items);
        (classes[0], classes[1]) = (classes[1], classes[0]);
        (sent[0].content, sent[1].content) = (sent[0].content | 1 << 88, sent[1].content & ~uint256(1 << 88));
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        gate.mintBatch(classes, sent, LOG_SIZE, LOG_ROOT, 1, soon(), signatures);
        eq(units.balanceOf(HOLDER, class), STEP, "first class");
        eq(units.balanceOf(HOLDER, second), STEP, "second class");
    }

    function test_swapped_classes_are_refused() public {
        MintItem[] memory items = list(item(1), MintItem(bytes32(uint256(2)), second, HOLDER, STEP));
        (uint256[] memory classes, SentItem[] memory sent) = pack(items);
        (classes[0], classes[1]) = (classes[1], classes[0]);
        bytes[] memory signatures = quorum(batchDigest(items, 1, soon()));
        bytes memory data = abi.encodeCall(gate.mintBatch, (classes, sent, LOG_SIZE, LOG_ROOT, 1, soon(), signatures));
        (bool success,) = address(gate).call(data);
        yes(!success, "refused");
    }

    function test_a_contract_in_the_middle_sees_what_was_minted_before_it_and_nothing_after() public {
        Reentrant looker = new Reentrant();
        mint(list(item(1), item(2, address(looker), STEP), item(3)));
        yes(looker.called(), "called");
        eq(looker.seenSupply(), 2 * STEP, "supply");
        eq(units.totalSupply(class), 3 * STEP, "supply in the end");
    }

    /// @dev What a contract burns in its hook makes room for what comes after it, exactly.
    function test_room_that_a_hook_makes_is_used_and_not_exceeded() public {
        vm.prank(ADMIN);
        gate.setCap(class, 2 * STEP);
        expectSkipped(4, SkipReason.CapExceeded);
        MintItem[] memory items = new MintItem[](4);
        (items[0], items[1], items[2]) = (item(1), item(2, recipients[4], STEP), item(3));
        items[3] = item(4);
        mint(items);
        expectOutcome(3, Outcome.Minted, "in the room that the burn made");
        eq(units.totalSupply(class), 2 * STEP, "supply");
        eq(gate.burnCount(), 1, "burns");
    }

    function test_an_outcome_names_its_block() public {
        vm.roll(77);
        mint(list(item(1), item(2, recipients[3], STEP), item(3, recipients[5], STEP)));
        vm.roll(78);
        voidTransfer(4);
        bytes32[] memory ids = new bytes32[](4);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = bytes32(i + 1);
        }
        Settlement[] memory answers = gate.outcomes(ids);
        eq(answers[0].height, 77, "minted to an account");
        eq(answers[1].height, 77, "minted to a contract");
        eq(answers[2].height, 0, "refused");
        eq(answers[3].height, 78, "voided");
        yes(answers[2].outcome == Outcome.None && answers[3].outcome == Outcome.Voided, "outcomes");
    }

    function test_the_balances_lie_where_the_units_write_them() public {
        mint(list(item(1)));
        bytes32 balances = keccak256(abi.encode(class, uint256(0)));
        bytes32 slot = keccak256(abi.encode(HOLDER, balances));
        eq(uint256(vm.load(address(units), slot)), STEP, "OpenZeppelin's balances are in slot 0");
    }

    function burned() private view returns (uint256) {
        return gate.burnCount() * STEP;
    }

    function randomItems(uint256 seed, uint256 count) private view returns (MintItem[] memory items) {
        items = new MintItem[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            // Mostly accounts without code: the others end a run.
            uint256 which = random >> 240 < 45_000 ? (random >> 16) % 3 : (random >> 16) % recipients.length;
            uint256 assetClass = random >> 64 & 15 == 0 ? 404 : random >> 72 & 7 == 0 ? second : class;
            items[i] = MintItem({
                transferId: bytes32(within(random, 1, 40)),
                assetClass: assetClass,
                recipient: recipients[which],
                quantity: ((random >> 32) % 4) * STEP
            });
        }
    }

    function state(MintItem[] memory items) private view returns (bytes32) {
        bytes memory all = abi.encode(units.totalSupply(class), units.totalSupply(second), gate.burnCount());
        for (uint256 i = 0; i < recipients.length; ++i) {
            if (recipients[i] == address(0)) continue;
            all = abi.encode(all, units.balanceOf(recipients[i], class), units.balanceOf(recipients[i], second));
        }
        for (uint256 i = 0; i < items.length; ++i) {
            all = abi.encode(all, outcome(uint256(items[i].transferId)));
        }
        return keccak256(all);
    }
}
