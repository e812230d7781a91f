//! `transfer submit` and `withdraw`: what the holder signs. The secret key does not leave this process.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ed25519_dalek::{Signer as _, SigningKey};
use isthmus_core::id::TransferId;
use isthmus_core::mandate::{Mandate, Wish};
use isthmus_core::terms::OutboundTerms;
use isthmus_proto::v1::submit_result::Outcome;
use isthmus_proto::v1::{self, Order, SubmitRequest, WithdrawRequest};

use super::view;
use crate::cli::client::{Control, required};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::secret;

/// Terms and the holder's yes to them.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// Terms, as `transfer prepare --out` wrote them.
    #[arg(value_name = "TERMS")]
    terms: PathBuf,
    /// The holder's secret Ed25519 key, to sign the mandate here.
    #[arg(
        long,
        value_name = "SEEDFILE",
        required_unless_present = "mandate",
        conflicts_with = "mandate"
    )]
    key: Option<PathBuf>,
    /// The mandate, signed elsewhere: base64 of 64 bytes.
    #[arg(long, value_name = "BASE64")]
    mandate: Option<String>,
    /// Names the order for repetition; without it, the TransferId does.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// The holder's or operator's wish to undo.
#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// The transfer.
    id: TransferId,
    /// The holder's secret Ed25519 key; operators may leave it out.
    #[arg(long, value_name = "SEEDFILE")]
    key: Option<PathBuf>,
}

impl Submit {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let order = self.order()?;
        let key = order.idempotency_key.clone();
        let request = SubmitRequest {
            orders: vec![order],
        };
        let mut transfers = control.connect().await?.transfers();
        let answer = transfers.submit(request).await?.into_inner();
        let result = required(answer.results.into_iter().next(), "the order's result")?;
        match required(result.outcome, "the order's outcome")? {
            Outcome::Transfer(transfer) if self.idempotency_key.is_none() && transfer.id != key => {
                Err(Failure::Bug(format!(
                    "the relayer calls transfer {key} {}",
                    transfer.id
                )))
            }
            Outcome::Transfer(transfer) => view::show(&transfer, &[], out),
            Outcome::Refusal(refusal) => Err(Failure::Refused(view::refusal(&refusal))),
        }
    }

    fn order(&self) -> Result<Order, Failure> {
        let terms = read_terms(&self.terms)?;
        let id = terms.id();
        let mandate = match (&self.key, &self.mandate) {
            (Some(path), _) => sign(Wish::Transfer, id, &secret::read_ed25519(path)?),
            (None, Some(text)) => given(text)?,
            (None, None) => return Err(Failure::Usage("--key or --mandate: give one".into())),
        };
        Ok(Order {
            idempotency_key: self
                .idempotency_key
                .clone()
                .unwrap_or_else(|| id.to_string()),
            terms: Some(to_proto(terms)),
            mandate: mandate.to_vec().into(),
        })
    }
}

impl Withdraw {
    pub(super) async fn run(&self, control: &Control, out: &mut Output<'_>) -> Result<(), Failure> {
        let mandate = match &self.key {
            Some(path) => sign(Wish::Withdraw, self.id, &secret::read_ed25519(path)?).to_vec(),
            None => Vec::new(),
        };
        let request = WithdrawRequest {
            id: self.id.to_string(),
            mandate: mandate.into(),
        };
        let mut transfers = control.connect().await?.transfers();
        let answer = transfers.withdraw(request).await?.into_inner();
        view::show(&required(answer.transfer, "the transfer")?, &[], out)
    }
}

fn sign(wish: Wish, id: TransferId, key: &SigningKey) -> [u8; 64] {
    key.sign(&wish.message(id)).to_bytes()
}

fn given(text: &str) -> Result<[u8; 64], Failure> {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    Mandate::from_bytes(&bytes)
        .map(|mandate| *mandate.as_bytes())
        .map_err(|_| {
            Failure::Usage(format!(
                "--mandate {text:?}: it is not base64 of the 64 bytes of an Ed25519 signature over the TransferId"
            ))
        })
}

fn read_terms(path: &Path) -> Result<OutboundTerms, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let unusable = |problem: String| {
        Failure::Usage(format!(
            "terms {}: {problem}: write them with `isthmus transfer prepare --out`",
            path.display()
        ))
    };
    let terms: OutboundTerms =
        serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    if terms.v != 1 {
        return Err(unusable(format!("v is {}, but this form is 1", terms.v)));
    }
    Ok(terms)
}

fn to_proto(terms: OutboundTerms) -> v1::OutboundTerms {
    v1::OutboundTerms {
        account: terms.account.to_string(),
        asset_class: terms.asset_class.to_string(),
        destination: terms.destination.to_string(),
        gate: terms.gate.to_string(),
        nonce: terms.nonce.to_string(),
        origin: terms.origin.to_string(),
        quantity_g: terms.quantity_g.grams(),
        recipient: terms.recipient.to_string(),
        route: terms.route.to_string(),
        units: terms.units,
    }
}

#[cfg(test)]
mod tests {
    use isthmus_core::mandate::HolderKey;

    use super::*;

    const TERMS: &str = r#"{"account":"1001","asset_class":"0x1111111111111111111111111111111111111111111111111111111111111111","destination":"eip155:31337",
      "gate":"0x3333333333333333333333333333333333333333","kind":"outbound","nonce":"0x2222222222222222222222222222222222222222222222222222222222222222",
      "origin":"vcs:sandbox","quantity_g":"425000000","recipient":"0x4444444444444444444444444444444444444444","route":"verra-evm","units":["x"],"v":1}"#;

    fn submit(folder: &Path, terms: &str) -> Submit {
        let (path, key) = (folder.join("terms.json"), folder.join("seed"));
        std::fs::write(&path, terms).unwrap();
        std::fs::write(&key, "01".repeat(32)).unwrap();
        Submit {
            terms: path,
            key: Some(key),
            mandate: None,
            idempotency_key: None,
        }
    }

    #[test]
    fn the_mandate_signed_here_holds_under_the_rule_of_core() {
        let folder = tempfile::tempdir().unwrap();
        let order = submit(folder.path(), TERMS).order().unwrap();
        let id = serde_json::from_str::<OutboundTerms>(TERMS).unwrap().id();
        let holder = HolderKey(SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes());
        let mandate = Mandate::from_bytes(&order.mandate).unwrap();
        mandate.verify(Wish::Transfer, id, holder).unwrap();
        assert!(mandate.verify(Wish::Withdraw, id, holder).is_err());
        assert_eq!(order.idempotency_key, id.to_string());
        let sent = order.terms.unwrap();
        assert_eq!(sent.quantity_g, 425_000_000);
        assert_eq!(sent.recipient, format!("0x{}", "4".repeat(40)));
        let key = SigningKey::from_bytes(&[1; 32]);
        let withdraw = Mandate::from_bytes(&sign(Wish::Withdraw, id, &key)).unwrap();
        withdraw.verify(Wish::Withdraw, id, holder).unwrap();
    }

    #[test]
    fn a_mandate_signed_elsewhere_is_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = submit(folder.path(), TERMS);
        command.key = None;
        command.mandate = Some(STANDARD.encode([9; 64]));
        command.idempotency_key = Some("order-1".into());
        let order = command.order().unwrap();
        assert_eq!(order.mandate.as_ref(), [9; 64]);
        assert_eq!(order.idempotency_key, "order-1");
        command.mandate = Some(STANDARD.encode([9; 63]));
        assert_eq!(command.order().unwrap_err().exit_code(), 2);
    }

    #[test]
    fn changed_terms_are_refused_before_anything_is_signed() {
        let folder = tempfile::tempdir().unwrap();
        let extra = TERMS.replace("\"v\":1", "\"v\":1,\"fee\":\"1\"");
        let failure = submit(folder.path(), &extra).order().unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("fee"), "{failure}");
        let later = TERMS.replace("\"v\":1", "\"v\":2");
        assert!(submit(folder.path(), &later).order().is_err());
        let upper = TERMS.replace("0x4444", "0xABCD");
        let failure = submit(folder.path(), &upper).order().unwrap_err();
        assert!(failure.to_string().contains("lower-case"), "{failure}");
    }
}
