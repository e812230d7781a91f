//! What auditors are handed.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use isthmus_core::id::LedgerId;
use isthmus_prooflog::bundle::Bundle;
use isthmus_prooflog::evm_evidence::EvmEvidence;
use isthmus_prooflog::leaf::Leaf;
use isthmus_prooflog::note::{self, LogSigner, VerifierKey};
use isthmus_prooflog::policy::Policy;
use isthmus_prooflog::proof_file::ProofFile;
use isthmus_prooflog::verify;
use isthmus_vcs::receipt::ReceiptVerifier;

/// The registry that signs whatever it is given: without a good signature no input gets past the first check.
struct Registry {
    key: SigningKey,
    verifier: ReceiptVerifier,
}

static REGISTRY: LazyLock<Option<Registry>> = LazyLock::new(|| {
    let key = SigningKey::from_bytes(&[5; 32]);
    let id: LedgerId = "vcs:sandbox".parse().ok()?;
    let verifier = ReceiptVerifier::new(&id, key.verifying_key().as_bytes())?;
    Some(Registry { key, verifier })
});

impl Registry {
    fn sign(&self, payload: &[u8]) -> String {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA","kid":"vcs:sandbox"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Relayer and auditor open receipts with code of their own: what the relayer accepts, the auditor must, and the same units.
/// The bytes are a receipt as it is sent, and the payload of one that is signed well.
pub(crate) fn receipt(bytes: &[u8]) {
    let Some(registry) = REGISTRY.as_ref() else {
        return;
    };
    let public = registry.key.verifying_key().to_bytes();
    if let Ok(jws) = std::str::from_utf8(bytes) {
        assert!(registry.verifier.open(jws).is_err(), "a forged receipt");
    }
    let jws = registry.sign(bytes);
    if let Ok(opened) = registry.verifier.open(&jws) {
        let audited = isthmus_prooflog::receipt::open(&jws, &public);
        assert!(
            audited.is_ok(),
            "the relayer believes {opened:?}, the auditor not"
        );
    }
}

/// A leaf has one spelling: its hash is its place in the log.
pub(crate) fn leaf(bytes: &[u8]) {
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert_eq!(leaf.to_bytes(), bytes, "a leaf has one spelling");
    }
}

/// No checkpoint passes that its log did not sign.
pub(crate) fn note(bytes: &[u8]) {
    static LOG: LazyLock<VerifierKey> =
        LazyLock::new(|| LogSigner::new("fuzz.example/log".into(), [9; 32], None).verifier());
    let _unverified = note::peek(bytes);
    assert!(note::open(bytes, &LOG).is_err(), "a forged checkpoint");
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _proof = ProofFile::parse(text);
    let _key = VerifierKey::parse(text);
    let _policy = Policy::parse(text);
}

/// Evidence of a chain is read or refused, and so is the event that it claims.
pub(crate) fn evm(bytes: &[u8]) {
    if let Ok(evidence) = EvmEvidence::parse(bytes) {
        let _events = evidence.events();
    }
}

/// No bundle passes under the policy of somebody who trusts none of its signers.
pub(crate) fn bundle(bytes: &[u8]) {
    static POLICY: LazyLock<Option<Policy>> = LazyLock::new(|| {
        let log = LogSigner::new("fuzz.example/log".into(), [9; 32], None).verifier();
        Policy::parse(&format!("[log]\nvkey = \"{log}\"\n")).ok()
    });
    let _parsed = Bundle::parse(bytes);
    if let Some(policy) = POLICY.as_ref() {
        let report = verify::verify(bytes, policy, None);
        assert!(!report.passed(), "a forged bundle");
    }
}
