// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CarbonUnits} from "../src/CarbonUnits.sol";
import {Gate} from "../src/Gate.sol";
import {Minting} from "../src/Minting.sol";
import {MintItem, Outcome, SentItem} from "../src/Types.sol";
import {GateFixture} from "./GateFixture.sol";
import {GasBurner, Reentrant, Refusing, Willing} from "./Recipients.sol";
import {Vm} from "./Vm.sol";

/// @dev Does at random what quorum, admin, guardian and holders may do, in small worlds (few transfers, few holders, two
/// classes, tight caps) so that they meet often, and keeps the books that the invariants compare the gate with.
contract Anyone is GateFixture {
    uint256 public constant TRANSFERS = 24;

    address[] public holders;
    uint256[] public classes;

    // The books, from the gate's events: neither supply nor balances nor outcomes, which are what is checked.
    mapping(uint256 class => uint256) public minted;
    mapping(uint256 class => uint256) public burned;
    mapping(uint256 id => Outcome) public settled;
    mapping(uint256 class => uint256) private mintedNow;
    uint256 public burns;
    bool public settledTwice;
    bool public capExceeded;

    uint32 private constant WINDOW = 1 days;
    uint256[] private nextKeys;
    uint256 private startsAt;
    uint256 private rotatesFrom;

    constructor() {
        setUp();
        classes = [class, gate.registerClass("second class")];
        Reentrant burner = new Reentrant();
        burner.plan(abi.encodeCall(gate.burn, (class, STEP, 1, bytes32("instruction"))), false);
        holders = [
            HOLDER,
            address(0x2002),
            address(new Willing()),
            address(burner),
            address(new Refusing()),
            address(new GasBurner()),
            address(0)
        ];
    }

    /// @dev The invariant runner calls this too: one world is enough.
    function setUp() public override {
        if (address(gate) == address(0)) super.setUp();
    }

    function world() external view returns (Gate, CarbonUnits) {
        return (gate, units);
    }

    function mintSome(uint256 seed, uint256 count) external {
        MintItem[] memory items = new MintItem[](within(count, 1, 6));
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            items[i] = MintItem({
                transferId: bytes32(within(random, 1, TRANSFERS)),
                assetClass: random >> 250 == 0 ? 404 : classes[(random >> 8) % 2],
                recipient: holders[(random >> 16) % holders.length],
                quantity: ((random >> 32) % 4) * STEP
            });
        }
        vm.recordLogs();
        mint(items);
        readBooks();
        for (uint256 i = 0; i < classes.length; ++i) {
            // A cap lowered below the supply is no fault; a mint beyond the cap is.
            uint256 cap = gate.capOf(classes[i]);
            if (mintedNow[classes[i]] > 0 && units.totalSupply(classes[i]) > cap) capExceeded = true;
            mintedNow[classes[i]] = 0;
        }
    }

    function voidOne(uint256 id) external {
        id = within(id, 1, TRANSFERS);
        if (outcome(id) != Outcome.None) return;
        vm.recordLogs();
        voidTransfer(id);
        readBooks();
    }

    function burnSome(uint256 who, uint256 which, uint256 steps) external {
        address holder = holders[who % holders.length];
        uint256 id = classes[which % 2];
        uint256 most = units.balanceOf(holder, id) / STEP;
        if (holder == address(0) || most == 0) return;
        uint256 quantity = within(steps, 1, most) * STEP;
        vm.recordLogs();
        vm.prank(holder);
        gate.burn(id, quantity, 1 + uint8(which % 2), bytes32("instruction"));
        readBooks();
    }

    function moveSome(uint256 from, uint256 to, uint256 which, uint256 quantity) external {
        (address a, address b) = (holders[from % 4], holders[to % 3]);
        uint256 id = classes[which % 2];
        quantity = within(quantity, 0, units.balanceOf(a, id) / STEP) * STEP;
        vm.prank(a);
        units.safeTransferFrom(a, b, id, quantity, "");
    }

    function setCap(uint256 which, uint256 steps) external {
        uint256 id = classes[which % 2];
        vm.prank(ADMIN);
        gate.setCap(id, within(steps, 0, 12) * STEP);
    }

    function pauseOrUnpause(uint256 dice) external {
        // Mostly open, or little would happen.
        if (gate.paused()) {
            vm.prank(ADMIN);
            gate.unpause();
        } else if (dice % 4 == 0) {
            vm.prank(GUARDIAN);
            gate.pause();
        }
    }

    function rotate(uint256 seed) external {
        if (block.timestamp < rotatesFrom) return;
        uint256[] memory next = signerKeys(3, seed % 5);
        uint32 appointed = gate.lastEpoch() + 1;
        gate.rotateSigners(addresses(next), 2, quorum(rotationDigest(addresses(next), 2, appointed)));
        (nextKeys, startsAt) = (next, block.timestamp + DELAY);
        rotatesFrom = startsAt + GRACE;
    }

    function cancelRotation() external {
        if (nextKeys.length == 0) return;
        vm.prank(GUARDIAN);
        gate.cancelRotation();
        delete nextKeys;
        rotatesFrom = 0;
    }

    /// @dev The set in force may change, buckets refill, what waits comes closer.
    function pass(uint256 time) external {
        vm.warp(block.timestamp + within(time, 1, DELAY));
        if (nextKeys.length != 0 && block.timestamp >= startsAt) {
            keys = nextKeys;
            delete nextKeys;
        }
    }

    function setLimit(uint256 which, uint256 steps) external {
        uint256 most = within(steps, 0, 6) * STEP;
        vm.prank(ADMIN);
        gate.setLimit(classes[which % 2], uint88(most), most == 0 ? 0 : WINDOW);
    }

    function setBigTransfer(uint256 which, uint256 steps) external {
        uint256 from = within(steps, 0, 4) * STEP;
        vm.prank(ADMIN);
        gate.setBigTransfer(classes[which % 2], uint88(from), from == 0 ? 0 : 1 hours);
    }

    function readBooks() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(gate)) continue;
            bytes32[] memory topics = logs[i].topics;
            if (topics[0] == Minting.BatchMinted.selector) {
                readBatch(logs[i].data);
            } else if (topics[0] == Gate.Voided.selector) {
                settle(uint256(topics[1]), Outcome.Voided);
            } else if (topics[0] == Gate.Burned.selector) {
                (, uint256 quantity,,) = abi.decode(logs[i].data, (address, uint256, uint8, bytes32));
                burned[uint256(topics[3])] += quantity;
                ++burns;
            }
        }
    }

    function readBatch(bytes memory data) private {
        (uint256 done, uint256[] memory listed, SentItem[] memory items) =
            abi.decode(data, (uint256, uint256[], SentItem[]));
        for (uint256 i = 0; i < items.length; ++i) {
            if (done >> i & 1 == 0) continue;
            uint256 id = listed[uint8(items[i].content >> 88)];
            minted[id] += uint88(items[i].content);
            mintedNow[id] += uint88(items[i].content);
            settle(uint256(items[i].transferId), Outcome.Minted);
        }
    }

    function settle(uint256 id, Outcome outcome_) private {
        if (settled[id] != Outcome.None) settledTwice = true;
        settled[id] = outcome_;
    }
}
