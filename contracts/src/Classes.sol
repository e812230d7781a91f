// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {CarbonUnits} from "./CarbonUnits.sol";
import {Limits} from "./Limits.sol";

/// @title Classes
/// @notice The asset classes that the gate knows, and what bounds each: a cap on what circulates, a limit on how fast it is
/// minted, a wait for big transfers.
abstract contract Classes is AccessControl {
    using SafeCast for uint256;
    using Limits for Limits.Limit;

    /// @dev What the gate knows of a class, in one slot because every mint reads it.
    struct Class {
        bool registered;
        bool capped;
        bool limited;
        uint232 cap;
    }

    /// @notice Longest profile that registers a class, in bytes.
    uint256 public constant MAX_PROFILE_LENGTH = 1024;

    /// @notice The units that this gate mints and burns.
    CarbonUnits public immutable units;
    /// @notice Most grams that may circulate of a class without a cap of its own.
    uint256 public immutable defaultCap;

    mapping(uint256 assetClass => Class) internal _classes;
    /// @dev Read only of a class that is `limited`.
    mapping(uint256 assetClass => Limits.Limit) internal _limits;

    event ClassRegistered(uint256 indexed assetClass, bytes profile);
    event CapSet(uint256 indexed assetClass, uint256 cap);
    event LimitSet(uint256 indexed assetClass, uint256 most, uint256 window);
    event BigTransferSet(uint256 indexed assetClass, uint256 from, uint256 delay);

    /// @notice A profile has 1 to `MAX_PROFILE_LENGTH` bytes.
    error BadProfileLength(uint256 length, uint256 max);

    constructor(uint256 defaultCap_) {
        defaultCap = defaultCap_;
        units = new CarbonUnits();
    }

    /// @notice Makes a class known by its profile. Anyone may, any number of times: the id is the profile's hash, so
    /// there is nothing to decide.
    /// @return assetClass SHA-256 of the profile.
    function registerClass(bytes calldata profile) external returns (uint256 assetClass) {
        if (profile.length == 0 || profile.length > MAX_PROFILE_LENGTH) {
            revert BadProfileLength(profile.length, MAX_PROFILE_LENGTH);
        }
        assetClass = uint256(sha256(profile));
        if (_classes[assetClass].registered) return assetClass;
        _classes[assetClass].registered = true;
        emit ClassRegistered(assetClass, profile);
    }

    /// @notice Sets how many grams may circulate of a class. Below what circulates it stops minting and takes nothing away.
    function setCap(uint256 assetClass, uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Class storage class = _classes[assetClass];
        class.capped = true;
        class.cap = cap.toUint232();
        emit CapSet(assetClass, cap);
    }

    /// @notice Sets how many grams of a class may be minted within a window of seconds. Zero for both ends the limit.
    function setLimit(uint256 assetClass, uint88 most, uint32 window) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Limits.Limit storage limit = _limits[assetClass];
        limit.setBucket(most, window);
        _classes[assetClass].limited = limit.isSet();
        emit LimitSet(assetClass, most, window);
    }

    /// @notice Sets from how many grams on an item of a class waits, and for how many seconds. Zero for both ends the wait.
    function setBigTransfer(uint256 assetClass, uint88 from, uint32 delay) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Limits.Limit storage limit = _limits[assetClass];
        limit.setBig(from, delay);
        _classes[assetClass].limited = limit.isSet();
        emit BigTransferSet(assetClass, from, delay);
    }

    /// @notice Whether the class's profile is known.
    function classRegistered(uint256 assetClass) external view returns (bool) {
        return _classes[assetClass].registered;
    }

    /// @notice Most grams that may circulate of a class.
    function capOf(uint256 assetClass) external view returns (uint256) {
        return _capOf(_classes[assetClass]);
    }

    /// @dev How many grams of a class a run may mint now. An item that waits is never part of a run: there is no room for one.
    function _room(uint256 assetClass) internal view returns (uint256 room, bool limited) {
        Class memory class = _classes[assetClass];
        if (!class.registered) return (0, false);
        room = _capRoom(class, assetClass);
        if (class.limited) {
            Limits.Limit storage limit = _limits[assetClass];
            room = _least(room, limit.available());
            if (limit.bigFrom != 0) return (_least(room, limit.bigFrom - 1), true);
        }
        return (room, class.limited);
    }

    function _capRoom(uint256 assetClass) internal view returns (uint256) {
        return _capRoom(_classes[assetClass], assetClass);
    }

    /// @dev How many grams the cap leaves.
    function _capRoom(Class memory class, uint256 assetClass) private view returns (uint256) {
        (uint256 cap, uint256 supply) = (_capOf(class), units.totalSupply(assetClass));
        return cap > supply ? cap - supply : 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _capOf(Class memory class) private view returns (uint256) {
        return class.capped ? class.cap : defaultCap;
    }
}
