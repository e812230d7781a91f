// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The part of forge's cheat codes that these tests use. The forge-std on npm is a stranger's upload, so: our own.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender) external;
    function warp(uint256 timestamp) external;
    function roll(uint256 height) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool success);
    function chainId(uint256 id) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function expectRevert(bytes calldata data) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256 gasUsed);
}

/// @dev What every test contract here starts from.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev forge recognises test contracts by it.
    bool public constant IS_TEST = true;

    error NotEqual(string what, uint256 got, uint256 expected);
    error NotTrue(string what);

    function eq(uint256 got, uint256 expected, string memory what) internal pure {
        if (got != expected) revert NotEqual(what, got, expected);
    }

    function eq(address got, address expected, string memory what) internal pure {
        eq(uint160(got), uint160(expected), what);
    }

    function eq(bytes32 got, bytes32 expected, string memory what) internal pure {
        eq(uint256(got), uint256(expected), what);
    }

    function yes(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    address[] private targets;

    /// @dev Names a contract whose functions the invariant runner calls.
    function target(address contract_) internal {
        targets.push(contract_);
    }

    /// @dev What the invariant runner asks for.
    function targetContracts() external view returns (address[] memory) {
        return targets;
    }

    /// @dev Folds a fuzzed number into low..=high.
    function within(uint256 number, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + number % (high - low + 1);
    }
}
