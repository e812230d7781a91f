// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SentItem} from "./Types.sol";

/// @title Messages
/// @notice EIP-712 struct hashes of what attesters sign. The domain is added by the gate.
library Messages {
    bytes32 internal constant MINT_ITEM =
        keccak256("MintItem(bytes32 transferId,uint256 assetClass,address recipient,uint256 quantity)");
    bytes32 internal constant MINT_BATCH = keccak256(
        "MintBatch(MintItem[] items,uint64 logSize,bytes32 logRoot,uint32 epoch,uint64 deadline)MintItem(bytes32 transferId,uint256 assetClass,address recipient,uint256 quantity)"
    );
    bytes32 internal constant VOID = keccak256("Void(bytes32 transferId,uint32 epoch)");
    bytes32 internal constant ROTATE_SIGNERS =
        keccak256("RotateSigners(address[] signers,uint8 threshold,uint32 epoch)");

    /// @notice An item names a class that the batch does not list.
    error NoSuchClass(uint256 item);

    /// @notice Hash of a batch: its items, the log checkpoint under which they are logged, and how long it counts.
    /// @param itemsHash What `hashItems` made of its items.
    function mintBatch(bytes32 itemsHash, uint64 logSize, bytes32 logRoot, uint32 epoch, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(MINT_BATCH, itemsHash, logSize, logRoot, epoch, deadline));
    }

    /// @notice Hash of the promise that a transfer is never minted.
    function voidTransfer(bytes32 transferId, uint32 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOID, transferId, epoch));
    }

    /// @notice Hash of the signer set that `epoch` begins with.
    function rotateSigners(address[] calldata signers, uint8 threshold, uint32 epoch) internal pure returns (bytes32) {
        // encodePacked pads array elements to 32 bytes, which is what EIP-712 hashes.
        return keccak256(abi.encode(ROTATE_SIGNERS, keccak256(abi.encodePacked(signers)), threshold, epoch));
    }

    /// @notice Hash of the items of a batch, each unfolded to the `MintItem` that was signed.
    /// @dev In Solidity this would cost as much as all else that a mint costs above its storage and events.
    function hashItems(uint256[] calldata classes, SentItem[] calldata items) internal pure returns (bytes32 hash) {
        bytes32 typeHash = MINT_ITEM;
        bytes4 noSuchClass = NoSuchClass.selector;
        assembly ("memory-safe") {
            let hashes := mload(0x40)
            let end := add(hashes, shl(5, items.length))
            // `end` is also where each item is laid out for hashing; nothing here is kept, so nothing is allocated.
            mstore(end, typeHash)
            let transferAt := add(end, 0x20)
            let classAt := add(end, 0x40)
            let source := items.offset
            for { let target := hashes } lt(target, end) { target := add(target, 0x20) } {
                mstore(transferAt, calldataload(source))
                let content := calldataload(add(source, 0x20))
                let place := byte(20, content)
                if iszero(lt(place, classes.length)) {
                    mstore(0, noSuchClass)
                    mstore(4, shr(5, sub(target, hashes)))
                    revert(0, 0x24)
                }
                mstore(classAt, calldataload(add(classes.offset, shl(5, place))))
                mstore(add(end, 0x60), shr(96, content))
                mstore(add(end, 0x80), and(content, 0xffffffffffffffffffffff))
                mstore(target, keccak256(end, 0xa0))
                source := add(source, 0x40)
            }
            hash := keccak256(hashes, sub(end, hashes))
        }
    }
}
