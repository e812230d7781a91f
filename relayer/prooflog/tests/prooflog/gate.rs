//! EIP-712 digests against an encoding by hand, and the gate's rules of a quorum.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use isthmus_prooflog::gate::{
    MintAuthorisation, QuorumError, VoidAuthorisation, burn_id, check_quorum, signer_of,
};
use k256::elliptic_curve::PrimeField;

use crate::evm::number;
use crate::stories::{mint_of, outbound_terms};
use crate::world::{CHAIN_ID, GATE, World, sign_digest};

fn digest(words: &[B256]) -> B256 {
    keccak256(words.iter().flat_map(|word| word.0).collect::<Vec<u8>>())
}

/// `keccak256(0x1901 ‖ domain separator ‖ struct hash)`.
fn signing_hash(struct_hash: B256, chain_id: u64, gate: Address) -> B256 {
    let domain = digest(&[
        keccak256(
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
        ),
        keccak256("Isthmus Gate"),
        keccak256("1"),
        number(chain_id),
        gate.into_word(),
    ]);
    keccak256([&[0x19, 0x01], domain.as_slice(), struct_hash.as_slice()].concat())
}

const ITEM: &str =
    "MintItem(bytes32 transferId,uint256 assetClass,address recipient,uint256 quantity)";

fn mint_digest(auth: &MintAuthorisation) -> B256 {
    let items: Vec<B256> = auth
        .items
        .iter()
        .map(|item| {
            digest(&[
                keccak256(ITEM),
                item.transfer,
                item.asset_class,
                item.recipient.into_word(),
                number(item.quantity_g.0),
            ])
        })
        .collect();
    let batch =
        "MintBatch(MintItem[] items,uint64 logSize,bytes32 logRoot,uint32 epoch,uint64 deadline)";
    let struct_hash = digest(&[
        keccak256(format!("{batch}{ITEM}")),
        digest(&items),
        number(auth.batch.log_size),
        auth.batch.log_root,
        number(auth.batch.epoch.into()),
        number(auth.batch.deadline),
    ]);
    signing_hash(struct_hash, auth.chain_id, auth.gate)
}

fn mint() -> MintAuthorisation {
    mint_of(&outbound_terms())
}

fn void() -> VoidAuthorisation {
    VoidAuthorisation {
        chain_id: CHAIN_ID,
        epoch: 7,
        gate: GATE,
        signatures: vec![],
        transfer: B256::repeat_byte(0x11),
        v: 1,
    }
}

#[test]
fn mint_digests_are_those_of_eip_712() {
    let mut auth = mint();
    assert_eq!(auth.digest(), mint_digest(&auth));
    auth.items.clear();
    assert_eq!(auth.digest(), mint_digest(&auth), "no items");
}

#[test]
fn every_field_of_a_mint_is_signed() {
    let base = mint().digest();
    let changes: [fn(&mut MintAuthorisation); 11] = [
        |a| a.batch.deadline += 1,
        |a| a.batch.epoch += 1,
        |a| a.batch.log_root = B256::repeat_byte(1),
        |a| a.batch.log_size += 1,
        |a| a.chain_id += 1,
        |a| a.gate = Address::ZERO,
        |a| a.items[0].asset_class = B256::ZERO,
        |a| a.items[0].quantity_g.0 += 1,
        |a| a.items[0].recipient = Address::ZERO,
        |a| a.items[0].transfer = B256::ZERO,
        |a| a.items.swap(0, 1),
    ];
    for change in changes {
        let mut auth = mint();
        change(&mut auth);
        assert_ne!(auth.digest(), base);
        assert_eq!(auth.digest(), mint_digest(&auth));
    }
}

#[test]
fn void_digests_are_those_of_eip_712() {
    let auth = void();
    let struct_hash = digest(&[
        keccak256("Void(bytes32 transferId,uint32 epoch)"),
        auth.transfer,
        number(7),
    ]);
    assert_eq!(auth.digest(), signing_hash(struct_hash, CHAIN_ID, GATE));
}

#[test]
fn a_burn_id_is_the_sha_256_of_the_abi_encoding() {
    let encoded = [number(CHAIN_ID), GATE.into_word(), number(8)];
    let bytes: Vec<u8> = encoded.iter().flat_map(|word| word.0).collect();
    assert_eq!(
        burn_id(CHAIN_ID, GATE, 8),
        isthmus_prooflog::bundle::sha256(&bytes)
    );
}

fn signatures(who: &[usize]) -> Vec<Bytes> {
    let keys = World::new(0).attesters();
    let digest = void().digest();
    who.iter().map(|i| sign_digest(&keys[*i], digest)).collect()
}

fn quorum(signatures: &[Bytes]) -> Result<(), QuorumError> {
    check_quorum(
        void().digest(),
        signatures,
        &World::new(0).attester_addresses(),
        2,
    )
}

#[test]
fn k_ascending_members_are_a_quorum() {
    for who in [&[0, 1][..], &[0, 2], &[1, 2], &[0, 1, 2]] {
        assert_eq!(quorum(&signatures(who)), Ok(()));
    }
}

#[test]
fn anything_else_is_not() {
    let few = |found| {
        Err(QuorumError::TooFew {
            found,
            threshold: 2,
        })
    };
    assert_eq!(quorum(&[]), few(0));
    assert_eq!(quorum(&signatures(&[1])), few(1), "k − 1");
    assert_eq!(
        quorum(&signatures(&[1, 1])),
        Err(QuorumError::NotAscending(1)),
        "twice"
    );
    assert_eq!(
        quorum(&signatures(&[1, 0])),
        Err(QuorumError::NotAscending(1)),
        "unsorted"
    );
    let members = World::new(0).attester_addresses();
    for threshold in [0, 4] {
        let result = check_quorum(
            void().digest(),
            &signatures(&[0, 1, 2]),
            &members,
            threshold,
        );
        assert_eq!(
            result,
            Err(QuorumError::TooFew {
                found: 3,
                threshold
            })
        );
    }
    let stranger = World::new(1).attesters().remove(0);
    let foreign = sign_digest(&stranger, void().digest());
    assert_eq!(
        quorum(std::slice::from_ref(&foreign)),
        Err(QuorumError::Stranger(Address::from_private_key(&stranger)))
    );
    let other = sign_digest(&World::new(0).attesters()[0], mint().digest());
    assert!(
        matches!(quorum(&[other]), Err(QuorumError::Stranger(_))),
        "of something else"
    );
    // Enough members and one stranger too many: the gate refuses the call, so do we.
    let mut all = [signatures(&[0, 1, 2]), vec![foreign]].concat();
    all.sort_by_key(|s| signer_of(void().digest(), s));
    assert!(matches!(quorum(&all), Err(QuorumError::Stranger(_))));
}

#[test]
fn a_signature_has_one_spelling() {
    let digest = void().digest();
    let good = signatures(&[0]).remove(0);
    assert_eq!(
        signer_of(digest, &good),
        Some(World::new(0).attester_addresses()[0])
    );
    let v = good[64];
    assert!([27, 28].contains(&v));
    for other in [0, 1, v - 27, 26, 29, 35, 36, 37, 255] {
        let mut bytes = good.to_vec();
        bytes[64] = other;
        assert_eq!(signer_of(digest, &bytes), None, "v = {other}");
    }
    let order = U256::from_be_slice(&(-k256::Scalar::ONE).to_repr()) + U256::from(1);
    let high = order - U256::from_be_slice(&good[32..64]);
    let mut bytes = good.to_vec();
    bytes[32..64].copy_from_slice(&high.to_be_bytes::<32>());
    bytes[64] = 55 - v;
    assert_eq!(signer_of(digest, &bytes), None, "high s");
    assert_eq!(signer_of(digest, &good[..64]), None);
    assert_eq!(signer_of(digest, &[good.to_vec(), vec![27]].concat()), None);
    let mut zero = good.to_vec();
    zero[..64].fill(0);
    assert_eq!(signer_of(digest, &zero), None);
    assert_eq!(quorum(&[Bytes::new()]), Err(QuorumError::Malformed(0)));
}
