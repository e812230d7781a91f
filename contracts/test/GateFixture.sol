// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {CarbonUnits} from "../src/CarbonUnits.sol";
import {Gate} from "../src/Gate.sol";
import {Minting} from "../src/Minting.sol";
import {MintItem, Outcome, SentItem, SkipReason} from "../src/Types.sol";
import {Test, Vm} from "./Vm.sol";

/// @dev A gate with 2 of 3 signers and one registered class, and what attesters do: sign. Digests are written out here
/// once more from docs/protocol.md §7 and share no code with the gate.
abstract contract GateFixture is Test {
    address internal constant ADMIN = address(0xAD);
    address internal constant GUARDIAN = address(0x6A);
    address internal constant HOLDER = address(0x1001);
    uint256 internal constant STEP = 1_000_000;
    uint32 internal constant DELAY = 2 days;
    uint32 internal constant GRACE = 6 hours;
    uint256 internal constant CAP = 1_000_000 * STEP;
    bytes internal constant PROFILE = '{"registry":"vcs:sandbox","v":1}';

    Gate internal gate;
    CarbonUnits internal units;
    uint256 internal class;
    /// @dev Keys of the signers, ascending by address.
    uint256[] internal keys;

    function setUp() public virtual {
        vm.warp(1_780_000_000);
        keys = signerKeys(3, 0);
        gate = new Gate(ADMIN, GUARDIAN, addresses(keys), 2, STEP, CAP, DELAY, GRACE);
        units = gate.units();
        class = gate.registerClass(PROFILE);
    }

    // Items and batches

    function item(uint256 id, address recipient, uint256 quantity) internal view returns (MintItem memory) {
        return MintItem(bytes32(id), class, recipient, quantity);
    }

    function item(uint256 id) internal view returns (MintItem memory) {
        return item(id, HOLDER, STEP);
    }

    function list(MintItem memory a) internal pure returns (MintItem[] memory items) {
        items = new MintItem[](1);
        items[0] = a;
    }

    function list(MintItem memory a, MintItem memory b) internal pure returns (MintItem[] memory items) {
        items = new MintItem[](2);
        (items[0], items[1]) = (a, b);
    }

    function list(MintItem memory a, MintItem memory b, MintItem memory c)
        internal
        pure
        returns (MintItem[] memory items)
    {
        items = new MintItem[](3);
        (items[0], items[1], items[2]) = (a, b, c);
    }

    /// @dev Mints as a relayer with a valid batch would.
    function mint(MintItem[] memory items) internal {
        uint64 deadline = soon();
        uint32 epoch = gate.epoch();
        send(items, epoch, deadline, quorum(batchDigest(items, epoch, deadline)));
    }

    function send(MintItem[] memory items, uint32 epoch, uint64 deadline, bytes[] memory signatures) internal {
        (uint256[] memory classes, SentItem[] memory sent) = pack(items);
        gate.mintBatch(classes, sent, LOG_SIZE, LOG_ROOT, epoch, deadline, signatures);
    }

    /// @dev The same call as bytes.
    function batchCall(MintItem[] memory items, uint32 epoch, uint64 deadline, bytes[] memory signatures)
        internal
        view
        returns (bytes memory)
    {
        (uint256[] memory classes, SentItem[] memory sent) = pack(items);
        return abi.encodeCall(gate.mintBatch, (classes, sent, LOG_SIZE, LOG_ROOT, epoch, deadline, signatures));
    }

    /// @dev Items as they are sent: classes listed once, in the order in which they come.
    function pack(MintItem[] memory items) internal pure returns (uint256[] memory classes, SentItem[] memory sent) {
        uint256[] memory found = new uint256[](items.length);
        sent = new SentItem[](items.length);
        uint256 count = 0;
        for (uint256 i = 0; i < items.length; ++i) {
            uint256 place = 0;
            while (place < count && found[place] != items[i].assetClass) ++place;
            if (place == count) found[count++] = items[i].assetClass;
            uint256 head = uint256(uint160(items[i].recipient)) << 96 | place << 88;
            sent[i] = SentItem(items[i].transferId, head | uint88(items[i].quantity));
        }
        classes = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            classes[i] = found[i];
        }
    }

    function voidTransfer(uint256 id) internal {
        uint32 epoch = gate.epoch();
        gate.voidTransfer(bytes32(id), epoch, quorum(voidDigest(bytes32(id), epoch)));
    }

    function soon() internal view returns (uint64) {
        return uint64(block.timestamp + 60);
    }

    // What is asserted

    function outcome(uint256 id) internal view returns (Outcome) {
        bytes32[] memory ids = new bytes32[](1);
        ids[0] = bytes32(id);
        return gate.outcomes(ids)[0].outcome;
    }

    function expectOutcome(uint256 id, Outcome expected, string memory what) internal view {
        eq(uint256(outcome(id)), uint256(expected), what);
    }

    function expectSkipped(uint256 id, SkipReason reason) internal {
        expectSkipped(id, reason, 0);
    }

    function expectSkipped(uint256 id, SkipReason reason, uint256 notBefore) internal {
        vm.expectEmit(true, true, true, true);
        emit Minting.Skipped(bytes32(id), uint8(reason), uint64(notBefore));
    }

    function expectMinted(MintItem memory minted) internal {
        vm.expectEmit(true, true, true, true);
        emit IERC1155.TransferSingle(address(gate), address(0), minted.recipient, minted.assetClass, minted.quantity);
    }

    /// @dev The event that says what became of a batch.
    function expectBatch(MintItem[] memory items, uint256 minted) internal {
        (uint256[] memory classes, SentItem[] memory sent) = pack(items);
        vm.expectEmit(true, true, true, true);
        emit Minting.BatchMinted(minted, classes, sent);
    }

    /// @dev The event that says which log it was signed under.
    function expectUnder(uint64 logSize, bytes32 logRoot) internal {
        vm.expectEmit(true, true, true, true);
        emit Gate.MintedUnder(logSize, logRoot);
    }

    // Signing

    uint64 internal constant LOG_SIZE = 7;
    bytes32 internal constant LOG_ROOT = keccak256("log root");

    function quorum(bytes32 digest) internal view returns (bytes[] memory signatures) {
        return sign(keys, 2, digest);
    }

    function sign(uint256[] memory by, uint256 count, bytes32 digest)
        internal
        pure
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = sign(by[i], digest);
        }
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function batchDigest(MintItem[] memory items, uint32 epoch, uint64 deadline) internal view returns (bytes32) {
        string memory itemType = "MintItem(bytes32 transferId,uint256 assetClass,address recipient,uint256 quantity)";
        bytes memory hashes;
        for (uint256 i = 0; i < items.length; ++i) {
            hashes = abi.encodePacked(hashes, keccak256(abi.encode(keccak256(bytes(itemType)), items[i])));
        }
        bytes32 batchType = keccak256(
            abi.encodePacked(
                "MintBatch(MintItem[] items,uint64 logSize,bytes32 logRoot,uint32 epoch,uint64 deadline)", itemType
            )
        );
        return digestOf(keccak256(abi.encode(batchType, keccak256(hashes), LOG_SIZE, LOG_ROOT, epoch, deadline)));
    }

    function voidDigest(bytes32 transferId, uint32 epoch) internal view returns (bytes32) {
        return digestOf(keccak256(abi.encode(keccak256("Void(bytes32 transferId,uint32 epoch)"), transferId, epoch)));
    }

    function rotationDigest(address[] memory signers, uint8 threshold, uint32 epoch) internal view returns (bytes32) {
        bytes32 rotationType = keccak256("RotateSigners(address[] signers,uint8 threshold,uint32 epoch)");
        bytes memory padded;
        for (uint256 i = 0; i < signers.length; ++i) {
            padded = abi.encodePacked(padded, uint256(uint160(signers[i])));
        }
        return digestOf(keccak256(abi.encode(rotationType, keccak256(padded), threshold, epoch)));
    }

    function digestOf(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", domain(block.chainid, address(gate)), structHash));
    }

    function domain(uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Isthmus Gate"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
    }

    /// @dev `count` keys, ascending by address; another `seed` gives others.
    function signerKeys(uint256 count, uint256 seed) internal pure returns (uint256[] memory made) {
        made = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode("signer", seed, i))) >> 1;
            uint256 place = i;
            for (; place > 0 && vm.addr(made[place - 1]) > vm.addr(key); --place) {
                made[place] = made[place - 1];
            }
            made[place] = key;
        }
    }

    function addresses(uint256[] memory of_) internal pure returns (address[] memory made) {
        made = new address[](of_.length);
        for (uint256 i = 0; i < of_.length; ++i) {
            made[i] = vm.addr(of_[i]);
        }
    }
}
