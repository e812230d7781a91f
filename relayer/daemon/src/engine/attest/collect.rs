//! One question to all attesters: signatures until there are k, or until there cannot be.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::receipt::Lasting;

use crate::attester::decline::Ground;
use crate::engine::attest::Collector;
use crate::engine::board::{Answer, DeclinedItem, TaskWork};
use crate::engine::ports::SignerSet;

/// How long attesters may take. Who is slower is asked again in the next round.
const PATIENCE: Duration = Duration::from_secs(10);
/// What an attester answers whose key is not in the signer set.
const NOT_MEMBER: &str = Ground::NotMember.code();

/// A quorum's signatures over one digest.
#[derive(Debug)]
pub(super) struct Collected {
    /// 65 bytes each, ascending by signer: as the gate wants them.
    pub(super) signatures: Vec<Vec<u8>>,
}

/// Why there is no quorum.
#[derive(Debug)]
pub(super) struct Refused {
    /// Who signed, of how many needed, of how many there are.
    signed: usize,
    signers: Option<SignerSet>,
    /// What was declined, by attester.
    declined: BTreeMap<String, Vec<DeclinedItem>>,
    /// Why nobody was asked, if so.
    reason: Option<String>,
}

impl Refused {
    /// Something failed before attesters were asked.
    pub(super) fn not_asked(reason: String) -> Self {
        Self {
            signed: 0,
            signers: None,
            declined: BTreeMap::new(),
            reason: Some(reason),
        }
    }

    /// Whether anybody declined this transfer.
    pub(super) fn names(&self, transfer: TransferId) -> bool {
        let mut items = self.declined.values().flatten();
        items.any(|item| item.transfer == transfer)
    }

    /// `Never` if so many say never that the rest makes no quorum.
    pub(super) fn lasting(&self) -> Lasting {
        let Some(signers) = &self.signers else {
            return Lasting::Later;
        };
        let never = |items: &&Vec<DeclinedItem>| items.iter().any(|i| i.lasting == Lasting::Never);
        let against = self.declined.values().filter(never).count();
        if signers.signers.len() < signers.threshold + against {
            Lasting::Never
        } else {
            Lasting::Later
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.reason {
            return write!(f, "attesters were not asked: {reason}");
        }
        let needed = self.signers.as_ref().map_or(0, |set| set.threshold);
        write!(f, "{} of {needed} attesters signed", self.signed)?;
        for (attester, items) in &self.declined {
            if let Some(item) = items.first() {
                write!(f, "; {attester}: {}: {}", item.code, item.reason)?;
            }
        }
        Ok(())
    }
}

impl Collector {
    /// Asks all, takes the first k. A signature counts if it is one of the set's over exactly this digest, whoever sent it.
    pub(super) async fn collect(
        &self,
        work: TaskWork,
        digest: Hash32,
        signers: &SignerSet,
    ) -> Result<Collected, Refused> {
        let mut collecting = self.board.collect(work);
        let mut signatures: BTreeMap<Address, Vec<u8>> = BTreeMap::new();
        let mut declined: HashMap<String, Vec<DeclinedItem>> = HashMap::new();
        let until = tokio::time::Instant::now() + PATIENCE;
        while signatures.len() < signers.threshold {
            let possible = signers.signers.len().saturating_sub(declined.len());
            if possible < signers.threshold {
                break;
            }
            let answer = tokio::time::timeout_at(until, collecting.answers.recv()).await;
            let Ok(Some((attester, answer))) = answer else {
                break;
            };
            match answer {
                Answer::Signed(signature) => match self.gate.signer_of(digest, &signature) {
                    Some(signer) if signers.signers.contains(&signer) => {
                        signatures.insert(signer, signature);
                    }
                    Some(_) | None => {
                        tracing::warn!(%attester, "its signature is none of the signer set's over this digest");
                    }
                },
                Answer::Approved => {
                    tracing::warn!(%attester, "approved where a signature was asked for");
                }
                // One that is not in the set has no say: it must not make a quorum look impossible.
                Answer::Declined(items) if items.iter().all(|i| i.code == NOT_MEMBER) => {}
                Answer::Declined(items) => {
                    declined.insert(attester, items);
                }
            }
        }
        if signatures.len() < signers.threshold {
            return Err(Refused {
                signed: signatures.len(),
                signers: Some(signers.clone()),
                declined: declined.into_iter().collect(),
                reason: None,
            });
        }
        // Exactly k, the gate needs no more.
        let signatures = signatures.into_values().take(signers.threshold).collect();
        Ok(Collected { signatures })
    }
}
