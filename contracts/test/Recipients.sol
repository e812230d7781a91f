// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {CarbonUnits} from "../src/CarbonUnits.sol";

/// @dev A contract that takes units and does no more.
contract Willing is ERC1155Holder {}

/// @dev A contract that knows nothing of ERC-1155.
contract Ignorant {}

/// @dev Reverts.
contract Refusing {
    error NoThanks();

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        revert NoThanks();
    }
}

/// @dev Answers something else than it should.
contract WrongAnswer {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        return 0xdeadbeef;
    }
}

/// @dev Uses all the gas there is.
contract GasBurner {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        while (true) {}
        return 0;
    }
}

/// @dev Reverts with more data than whoever copies them has gas for.
contract ReturnBomb {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        assembly {
            revert(0, 90000)
        }
    }
}

/// @dev Pretends that the cap is exceeded, as the units would say it: returns zero, reverts with zero.
contract Imitator {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        assembly {
            mstore(0, 0)
            revert(0, 0x20)
        }
    }
}

/// @dev Uses about as much gas as it is told to, then takes the units.
contract Spender is ERC1155Holder {
    uint256 private immutable spend;

    constructor(uint256 spend_) {
        spend = spend_;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes memory) public view override returns (bytes4) {
        uint256 start = gasleft();
        while (start - gasleft() < spend) {}
        return this.onERC1155Received.selector;
    }
}

/// @dev Takes units if it finds the gas that the gate promises, else refuses at once and leaves the rest to its caller: the
/// one that would tell want of gas apart from a refusal only by the gate's own check.
contract Demanding is ERC1155Holder {
    function onERC1155Received(address, address, uint256, uint256, bytes memory) public view override returns (bytes4) {
        require(gasleft() >= 90_000);
        return this.onERC1155Received.selector;
    }
}

/// @dev Calls something from its hook and remembers how that went. All of it has to fit into the gas of a hook, so the call
/// is kept as a contract's code and the memories share a slot.
contract Reentrant is ERC1155Holder {
    address private script;
    bool private passOnFailure;

    bool public called;
    bool public succeeded;
    uint64 public seenBalance;
    uint64 public seenSupply;

    function plan(bytes memory call, bool passOnFailure_) external {
        (script, passOnFailure) = (address(new Script(call)), passOnFailure_);
    }

    function onERC1155Received(address gate, address, uint256 id, uint256, bytes memory)
        public
        override
        returns (bytes4)
    {
        CarbonUnits units = CarbonUnits(msg.sender);
        (bool success, bytes memory data) = gate.call(script.code);
        if (!success && passOnFailure) {
            assembly {
                revert(add(data, 0x20), mload(data))
            }
        }
        seenBalance = uint64(units.balanceOf(address(this), id));
        seenSupply = uint64(units.totalSupply(id));
        called = true;
        succeeded = success;
        return this.onERC1155Received.selector;
    }
}

/// @dev Bytes, kept as code.
contract Script {
    constructor(bytes memory content) {
        assembly {
            return(add(content, 0x20), mload(content))
        }
    }
}

/// @dev Hands a call on, as anybody's contract may.
contract Passing {
    function pass(address to, bytes calldata call) external {
        (bool success,) = to.call(call);
        require(success);
    }
}
