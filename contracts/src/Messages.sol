// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintItem} from "./Types.sol";

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

    /// @notice Hash of a batch: its items, the log checkpoint under which they are logged, and how long it counts.
    function mintBatch(MintItem[] calldata items, uint64 logSize, bytes32 logRoot, uint32 epoch, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(MINT_BATCH, _hashAll(items), logSize, logRoot, epoch, deadline));
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

    /// @dev An item in calldata is its four words in the order of its type, so it is hashed as it lies there: in
    /// Solidity this would be a fifth of all that a mint costs above its storage. Stray high bits of a recipient
    /// would be hashed too; nobody signs such an item, so no such batch gets past its signatures.
    function _hashAll(MintItem[] calldata items) private pure returns (bytes32 hash) {
        bytes32 typeHash = MINT_ITEM;
        assembly ("memory-safe") {
            let hashes := mload(0x40)
            let end := add(hashes, shl(5, items.length))
            let source := items.offset
            // `end` is also where each item is laid out for hashing; nothing here is kept, so nothing is allocated.
            mstore(end, typeHash)
            for { let target := hashes } lt(target, end) { target := add(target, 0x20) } {
                calldatacopy(add(end, 0x20), source, 0x80)
                mstore(target, keccak256(end, 0xa0))
                source := add(source, 0x80)
            }
            hash := keccak256(hashes, sub(end, hashes))
        }
    }
}
