//! The gate's interface (`docs/protocol.md` §7) and the way between its types and ours.

use alloy::primitives::{Address as EvmAddress, B256, U256};
use alloy::sol;
use alloy::sol_types::SolInterface;
use isthmus_core::id::{Address, AssetClassId, TransferId};
use isthmus_core::quantity::Quantity;

sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]

    /// One mint, as signed; never sent in this form.
    struct MintItem {
        bytes32 transferId;
        uint256 assetClass;
        address recipient;
        uint256 quantity;
    }

    /// The same as it is sent and recorded (`sent`).
    struct SentItem {
        bytes32 transferId;
        uint256 content;
    }

    /// What became of a transfer, and in which block.
    struct Settlement {
        uint8 outcome;
        uint64 height;
    }

    /// Mints signed together; only hashed, never sent in this form.
    struct MintBatch {
        MintItem[] items;
        uint64 logSize;
        bytes32 logRoot;
        uint32 epoch;
        uint64 deadline;
    }

    /// The set that an epoch begins with.
    struct RotateSigners {
        address[] signers;
        uint8 threshold;
        uint32 epoch;
    }

    /// Never to be minted.
    struct Void {
        bytes32 transferId;
        uint32 epoch;
    }

    /// The gate.
    interface Gate {
        error AlreadySettled(bytes32 transferId, uint8 outcome);
        error WrongEpoch(uint32 signed, uint32 current);
        error DeadlinePassed(uint64 deadline, uint256 timestamp);
        error TooManyItems(uint256 items, uint256 max);
        error NoSuchClass(uint256 item);
        error TooLittleGas(uint256 item, uint256 gasLeft, uint256 needed);
        error TooFewSignatures(uint256 given, uint8 threshold);
        error UnknownSigner(address signer);
        error SignersNotAscending(address previous, address next);
        error BadSignerSet(uint256 signers, uint8 threshold);
        error BadRotationTimes(uint32 delay, uint32 grace);
        error RotationUnderWay(uint32 epoch, uint256 until);
        error NoRotationScheduled();
        error ZeroRedemptionStep();
        error OneRoleOnly(address account);

        event BatchMinted(uint256 minted, uint256[] classes, SentItem[] items);
        event MintedUnder(uint64 logSize, bytes32 logRoot);
        event Skipped(bytes32 indexed transferId, uint8 reason, uint64 notBefore);
        event Voided(bytes32 indexed transferId);
        event Burned(uint256 indexed number, bytes32 indexed burnId, uint256 indexed assetClass, address holder, uint256 quantity, uint8 purpose, bytes32 commitment);

        function registerClass(bytes calldata profile) external returns (uint256 assetClass);
        function mintBatch(uint256[] calldata classes, SentItem[] calldata items, uint64 logSize, bytes32 logRoot, uint32 epoch, uint64 deadline, bytes[] calldata signatures) external;
        function voidTransfer(bytes32 transferId, uint32 epoch, bytes[] calldata signatures) external;
        function burn(uint256 assetClass, uint256 quantity, uint8 purpose, bytes32 commitment) external returns (uint256 number);
        function rotateSigners(address[] calldata signers, uint8 threshold, bytes[] calldata signatures) external;
        function cancelRotation() external;
        function scheduled() external view returns (uint32 epoch, address[] memory signers, uint8 threshold, uint256 startsAt);
        function lastEpoch() external view returns (uint32);
        function outcomes(bytes32[] calldata transferIds) external view returns (Settlement[] memory);
        function epoch() external view returns (uint32);
        function threshold() external view returns (uint8);
        function signers() external view returns (address[] memory);
        function burnCount() external view returns (uint256);
        function redemptionStep() external view returns (uint256);
        function units() external view returns (address);
        function classRegistered(uint256 assetClass) external view returns (bool);
    }

    /// What we read of the carbon units.
    interface CarbonUnits {
        function totalSupply(uint256 id) external view returns (uint256);
    }
}

/// As the core writes it.
pub fn core_address(address: EvmAddress) -> Address {
    Address::new(address.into_array())
}

/// As alloy writes it.
pub fn evm_address(address: Address) -> EvmAddress {
    EvmAddress::from(*address.as_bytes())
}

/// A class id as the number that it is on chain.
pub fn class_word(class: AssetClassId) -> U256 {
    U256::from_be_bytes(*class.as_bytes())
}

/// A class id from the number that it is on chain.
pub fn core_class(word: U256) -> AssetClassId {
    AssetClassId::new(word.to_be_bytes())
}

/// A TransferId as 32 bytes on chain.
pub fn transfer_word(transfer: TransferId) -> B256 {
    B256::from(*transfer.as_bytes())
}

/// Base units of a token are grams; `None` above what the core can represent.
pub fn core_quantity(grams: U256) -> Option<Quantity> {
    u64::try_from(grams)
        .ok()
        .and_then(|grams| Quantity::from_grams(grams).ok())
}

impl From<&isthmus_core::operation::MintItem> for MintItem {
    fn from(item: &isthmus_core::operation::MintItem) -> Self {
        Self {
            transferId: transfer_word(item.transfer),
            assetClass: class_word(item.asset_class),
            recipient: evm_address(item.recipient),
            quantity: U256::from(item.quantity.grams()),
        }
    }
}

/// The gate's error that revert data carry, with its fields; in hex if it is none of the gate's.
pub(crate) fn error_text(data: &[u8]) -> String {
    match Gate::GateErrors::abi_decode(data) {
        Ok(error) => format!("{error:?}"),
        Err(_) => format!("error 0x{}", hex::encode(data)),
    }
}
