// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC7943MultiToken} from "./IERC7943MultiToken.sol";
import {SentItem} from "./Types.sol";

/// @title CarbonUnits
/// @notice Equivalents of carbon units that are locked at their registry. Token id = asset class, one unit of a token = one
/// gram CO2e. Only the gate that created this contract mints and burns, and nobody, the gate and its admin included,
/// can freeze or move a holder's units: what a holder has is decided by the holder and the signers alone.
/// @dev These units are never locked for another route: a lock exists only where units were issued. Nothing here enforces
/// it, because nothing here can lock.
contract CarbonUnits is ERC1155, IERC7943MultiToken {
    /// @notice The gate, the only minter and burner.
    address public immutable gate;

    /// @notice Grams CO2e that circulate of a class.
    /// @dev OpenZeppelin's ERC1155Supply also sums over all ids, which says nothing here and costs every mint.
    mapping(uint256 id => uint256) public totalSupply;

    /// @dev Where OpenZeppelin's ERC1155 keeps its balances, class first, then account.
    uint256 private constant BALANCES = 0;

    /// @notice Only the gate may do this.
    error NotGate(address caller);
    /// @notice Nobody may do this: units are neither frozen nor taken.
    error HolderDecides(address account);

    constructor() ERC1155("") {
        gate = msg.sender;
    }

    modifier onlyGate() {
        if (msg.sender != gate) revert NotGate(msg.sender);
        _;
    }

    /// @notice Mints to accounts that have no code, which the gate has made sure of: nobody needs to be asked, so nobody is
    /// called. The gate keeps within the cap, so no sum overflows.
    /// @dev What OpenZeppelin's `_update` does to one balance after the other, without its lists of one entry: 600 gas a mint.
    function mintToAccounts(uint256 id, SentItem[] calldata items) external onlyGate {
        bytes32 topic = IERC1155.TransferSingle.selector;
        uint256 sum = 0;
        assembly ("memory-safe") {
            mstore(0x00, id)
            mstore(0x20, BALANCES)
            mstore(0x20, keccak256(0x00, 0x40))
            let data := mload(0x40)
            let quantityAt := add(data, 0x20)
            mstore(data, id)
            let end := add(items.offset, shl(6, items.length))
            for { let source := add(items.offset, 0x20) } lt(source, end) { source := add(source, 0x40) } {
                let content := calldataload(source)
                let to := shr(96, content)
                let quantity := and(content, 0xffffffffffffffffffffff)
                sum := add(sum, quantity)
                mstore(0x00, to)
                let balance_ := keccak256(0x00, 0x40)
                sstore(balance_, add(sload(balance_), quantity))
                mstore(quantityAt, quantity)
                log4(data, 0x40, topic, caller(), 0, to)
            }
        }
        totalSupply[id] += sum;
    }

    /// @notice Mints to anyone, asking a contract. Reverts if the recipient refuses.
    function mintAsking(address to, uint256 id, uint256 quantity) external onlyGate {
        // Before the recipient is called: whatever it does there sees units and supply as they will be.
        totalSupply[id] += quantity;
        _mint(to, id, quantity, "");
    }

    /// @notice Burns units of a holder, who asked the gate for it.
    function burn(address from, uint256 id, uint256 quantity) external onlyGate {
        _burn(from, id, quantity);
        totalSupply[id] -= quantity;
    }

    /// @notice Every token counts in grams and reads in tonnes.
    function decimals() external pure returns (uint8) {
        return 6;
    }

    /// @inheritdoc IERC7943MultiToken
    /// @dev Always reverts.
    function forcedTransfer(address from, address, uint256, uint256) external pure returns (bool) {
        revert HolderDecides(from);
    }

    /// @inheritdoc IERC7943MultiToken
    /// @dev Always reverts.
    function setFrozenTokens(address account, uint256, uint256) external pure returns (bool) {
        revert HolderDecides(account);
    }

    /// @inheritdoc IERC7943MultiToken
    function canSend(address) external pure returns (bool) {
        return true;
    }

    /// @inheritdoc IERC7943MultiToken
    function canReceive(address) external pure returns (bool) {
        return true;
    }

    /// @inheritdoc IERC7943MultiToken
    function getFrozenTokens(address, uint256) external pure returns (uint256) {
        return 0;
    }

    /// @inheritdoc IERC7943MultiToken
    /// @dev Says nothing about a receiving contract's own consent.
    function canTransfer(address from, address to, uint256 tokenId, uint256 amount) external view returns (bool) {
        return to != address(0) && balanceOf(from, tokenId) >= amount;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, IERC165) returns (bool) {
        return interfaceId == type(IERC7943MultiToken).interfaceId || super.supportsInterface(interfaceId);
    }
}
