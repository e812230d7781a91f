// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC7943MultiToken} from "./IERC7943MultiToken.sol";

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

    /// @notice Mints unless more than `cap` would then circulate of the class.
    /// @dev The cap is checked here, beside the supply, and answered rather than reverted: a reverting recipient could
    /// imitate a revert.
    /// @return minted Whether the units were minted. Reverts if the recipient refuses them.
    function mint(address to, uint256 id, uint256 quantity, uint256 cap) external onlyGate returns (bool minted) {
        uint256 supply = totalSupply[id];
        if (supply > cap || quantity > cap - supply) return false;
        // Before the recipient is called: whatever it does there sees units and supply as they will be.
        totalSupply[id] = supply + quantity;
        _mint(to, id, quantity, "");
        return true;
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
