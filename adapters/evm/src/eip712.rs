//! What attesters sign for the gate, as EIP-712 digests (`docs/protocol.md` §7), and who signed one.

use alloy::primitives::{B256, Signature};
use alloy::signers::SignerSync;
use alloy::sol_types::{Eip712Domain, SolStruct, eip712_domain};
use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::time::Timestamp;

use crate::contract::{self, core_address, evm_address, transfer_word};
use crate::key::SigningKey;

/// The length of r ‖ s ‖ v.
pub const SIGNATURE_LENGTH: usize = 65;

/// Why a signature names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not r ‖ s ‖ v.
    #[error("the signature is not {SIGNATURE_LENGTH} bytes r, s, v with v 27 or 28")]
    Malformed,
    /// The other of two signatures that say the same; the gate refuses it.
    #[error("the signature's s is in the upper half: normalise it to n - s")]
    HighS,
    /// No key made it.
    #[error("the signature belongs to no key")]
    NoKey,
}

/// Digest of a mint batch. `deadline` counts in whole seconds, rounded down, as on chain.
pub fn mint_batch_digest(
    chain_id: u64,
    gate: Address,
    items: &[MintItem],
    log: LogHead,
    epoch: u32,
    deadline: Timestamp,
) -> Hash32 {
    let batch = contract::MintBatch {
        items: items.iter().map(Into::into).collect(),
        logSize: log.size,
        logRoot: B256::from(*log.root.as_bytes()),
        epoch,
        deadline: deadline.s(),
    };
    digest(&batch, chain_id, gate)
}

/// Digest of a void.
pub fn void_digest(chain_id: u64, gate: Address, transfer: TransferId, epoch: u32) -> Hash32 {
    let void = contract::Void {
        transferId: transfer_word(transfer),
        epoch,
    };
    digest(&void, chain_id, gate)
}

fn digest<T: SolStruct>(message: &T, chain_id: u64, gate: Address) -> Hash32 {
    Hash32::new(message.eip712_signing_hash(&domain(chain_id, gate)).0)
}

fn domain(chain_id: u64, gate: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Isthmus Gate",
        version: "1",
        chain_id: chain_id,
        verifying_contract: evm_address(gate),
    }
}

/// Signs a digest: 65 bytes r ‖ s ‖ v, low s.
///
/// # Panics
/// Never: a key in memory signs any 32 bytes.
pub fn sign(digest: Hash32, key: &SigningKey) -> [u8; SIGNATURE_LENGTH] {
    key.signer()
        .sign_hash_sync(&B256::from(*digest.as_bytes()))
        .expect("a key in memory signs any 32 bytes")
        .as_bytes()
}

/// Who signed a digest.
pub fn recover(digest: Hash32, signature: &[u8]) -> Result<Address, SignatureError> {
    let bytes: &[u8; SIGNATURE_LENGTH] = signature
        .try_into()
        .map_err(|_| SignatureError::Malformed)?;
    // alloy also takes v 0 and 1; the gate does not.
    if !matches!(bytes.last(), Some(27 | 28)) {
        return Err(SignatureError::Malformed);
    }
    let signature = Signature::from_raw_array(bytes).map_err(|_| SignatureError::Malformed)?;
    if signature.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    signature
        .recover_address_from_prehash(&B256::from(*digest.as_bytes()))
        .map(core_address)
        .map_err(|_| SignatureError::NoKey)
}
