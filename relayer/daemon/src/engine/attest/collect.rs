//! One question to attesters, to k of them and to one more for each answer that does not bring a signature: until there are k
//! signatures, or until there cannot be.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::receipt::Lasting;

use crate::attester::decline::Ground;
use crate::engine::attest::Collector;
use crate::engine::board::{Answer, DeclinedItem, Share, TaskWork};
use crate::engine::ports::SignerSet;

/// How long attesters may take. Who is slower is asked again in the next round.
const PATIENCE: Duration = Duration::from_secs(10);
/// What an attester answers whose key is not in the signer set.
const NOT_MEMBER: &str = Ground::NotMember.code();

/// What an attester answers when the gate has its answer.
const SETTLED: [&str; 2] = [Ground::Minted.code(), Ground::Voided.code()];

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

    /// Whether so many declined this transfer that the others make no quorum.
    pub(super) fn blocks(&self, transfer: TransferId) -> bool {
        let Some(signers) = &self.signers else {
            return false;
        };
        let names = |items: &&Vec<DeclinedItem>| items.iter().any(|i| i.transfer == transfer);
        let against = self.declined.values().filter(names).count();
        signers.signers.len() < signers.threshold + against
    }

    /// Whether everybody who declined would sign nothing of the batch.
    pub(super) fn is_whole(&self, batch: usize) -> bool {
        self.declined.values().all(|items| items.len() >= batch)
    }

    /// Whether anybody declined this transfer who would have signed others of the batch: it would sign them without this one.
    pub(super) fn spoils(&self, transfer: TransferId, batch: usize) -> bool {
        let mut partly = self.declined.values().filter(|items| items.len() < batch);
        partly.any(|items| items.iter().any(|item| item.transfer == transfer))
    }

    /// Whether somebody has seen the gate's answer: others may submit what was signed, and our own node may be behind.
    pub(super) fn says_settled(&self) -> bool {
        let mut items = self.declined.values().flatten();
        items.any(|item| SETTLED.contains(&item.code.as_str()))
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
    /// Takes the first k. A signature counts if it is one of the set's over exactly this digest, whoever sent it.
    pub(super) async fn collect(
        &self,
        (work, share): (TaskWork, Share),
        digest: Hash32,
        signers: &SignerSet,
    ) -> Result<Collected, Refused> {
        let mut collecting = self.board.collect(work, share, signers.threshold);
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
            let before = signatures.len();
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
                // Nor has a caller whose configured signers are not.
                Answer::Declined(_) if !self.board.speaks_for(&attester, &signers.signers) => {
                    tracing::warn!(%attester, "declined, and signs for nobody in the signer set");
                }
                Answer::Declined(items) => {
                    declined.insert(attester, items);
                }
            }
            if signatures.len() == before {
                collecting.ask_another();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> TransferId {
        TransferId::new([byte; 32])
    }

    /// Two of three must sign; each declined these.
    fn refused(declined: &[&[u8]]) -> Refused {
        let item = |byte: &u8| DeclinedItem {
            transfer: id(*byte),
            code: "stubborn".into(),
            reason: String::new(),
            lasting: Lasting::Later,
        };
        let by = declined.iter().enumerate();
        Refused {
            signed: 0,
            signers: Some(SignerSet {
                epoch: 1,
                threshold: 2,
                signers: [1, 2, 3].map(|byte| Address::new([byte; 20])).to_vec(),
            }),
            declined: by
                .map(|(name, items)| (name.to_string(), items.iter().map(item).collect()))
                .collect(),
            reason: None,
        }
    }

    #[test]
    fn what_too_many_decline_blocks_and_what_one_declines_in_part_spoils() {
        let stubborn = refused(&[&[1], &[1, 2, 3]]);
        assert!(stubborn.blocks(id(1)));
        assert!(!stubborn.blocks(id(2)), "two are left who may sign it");
        let crossed = refused(&[&[1], &[2]]);
        assert!(!crossed.blocks(id(1)) && !crossed.blocks(id(2)));
        assert!(crossed.spoils(id(1), 3) && crossed.spoils(id(2), 3));
        assert!(!crossed.spoils(id(3), 3));
        let silent = refused(&[&[1, 2, 3]]);
        assert!(!silent.spoils(id(1), 3), "it would sign none of them");
        assert!(silent.is_whole(3) && !crossed.is_whole(3));
    }
}
