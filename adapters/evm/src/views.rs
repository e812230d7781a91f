//! Questions that attesters and the daemon ask the gate, all answered at a final block.

use std::collections::{BTreeSet, HashMap};

use alloy::primitives::U256;
use alloy::sol_types::SolEvent;
use isthmus_core::id::{Address, AssetClassId, Hash32, TransferId};
use isthmus_core::ports::FindError;
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Receipt;
use isthmus_core::terms::Burn;
use isthmus_core::time::Timestamp;

use alloy::primitives::B256;

use crate::block_evidence::Prover;
use crate::chain::Chain;
use crate::contract::{CarbonUnits, Gate, class_word, core_address, core_quantity, transfer_word};
use crate::ledger::EvmLedger;
use crate::locate::{Place, burn_key, in_logs};
use crate::receipt;

/// Most ids in one `outcomes` call: keeps the request below the gas that nodes give a call.
const OUTCOMES_PER_CALL: usize = 500;

/// Most burns in one question about logs: nodes bound the topics that a filter may name.
const BURNS_PER_CALL: usize = 100;

/// What the gate remembers about a transfer, for ever once it is not `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    None,
    /// Minted.
    Minted,
    /// Can never be minted.
    Voided,
}

/// An outcome and the height of the block that holds its event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) height: u64,
}

/// Who may sign for the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSet {
    /// Number of the set, part of everything signed.
    pub epoch: u32,
    /// How many must sign.
    pub threshold: u8,
    /// Who may, ascending.
    pub signers: Vec<Address>,
}

/// Burns at final blocks.
#[derive(Debug)]
pub struct FinalBurns {
    /// Those that were asked about, in order; `None` for one that is not final, or never happened. What cannot be read for one says
    /// nothing about the others.
    pub asked: Vec<Result<Option<Burn>, FindError>>,
    /// All that are in the same blocks: they need not be asked about.
    pub beside: Vec<Burn>,
}

/// The newest final block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalHead {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: Hash32,
    /// The chain's own time.
    pub timestamp: Timestamp,
}

impl EvmLedger {
    /// The newest final block.
    pub async fn final_head(&self) -> Result<FinalHead, FindError> {
        let block = self.chain().heads().await?.last_final;
        Ok(FinalHead {
            number: block.number,
            hash: Hash32::new(block.hash.0),
            timestamp: Timestamp::from_s(block.timestamp),
        })
    }

    /// Burns are whole multiples of it, in grams.
    pub async fn redemption_step(&self) -> Result<Quantity, FindError> {
        let chain = self.chain();
        let at = chain.heads().await?.last_final.hash;
        let call = Gate::redemptionStepCall {};
        let step = chain.view(chain.gate, &call, at).await?;
        core_quantity(step)
            .ok_or_else(|| chain.contradiction(format!("redemption step {step} g cannot be")))
    }

    /// The signer set in force at the newest final block: who has to sign now. After a rotation what it signs still counts for
    /// the gate's grace, which is longer than blocks take to be final.
    pub async fn signer_set(&self) -> Result<SignerSet, FindError> {
        let chain = self.chain();
        let at = chain.heads().await?.last_final.hash;
        let signers = chain.view(chain.gate, &Gate::signersCall {}, at).await?;
        Ok(SignerSet {
            epoch: chain.view(chain.gate, &Gate::epochCall {}, at).await?,
            threshold: chain.view(chain.gate, &Gate::thresholdCall {}, at).await?,
            signers: signers.into_iter().map(core_address).collect(),
        })
    }

    /// The signer set that is appointed and not yet in force, and from when it is; `None` if there is none.
    pub async fn scheduled_set(&self) -> Result<Option<(SignerSet, Timestamp)>, FindError> {
        let chain = self.chain();
        let at = chain.heads().await?.last_final.hash;
        let next = chain.view(chain.gate, &Gate::scheduledCall {}, at).await?;
        if next.epoch == 0 {
            return Ok(None);
        }
        let starts_s = u64::try_from(next.startsAt).map_err(|_| {
            chain.contradiction(format!(
                "epoch {} starts at {} s",
                next.epoch, next.startsAt
            ))
        })?;
        let set = SignerSet {
            epoch: next.epoch,
            threshold: next.threshold,
            signers: next.signers.into_iter().map(core_address).collect(),
        };
        Ok(Some((set, Timestamp::from_s(starts_s))))
    }

    /// What circulates of a class, in grams, at a block. The caller chooses a final one.
    pub async fn supply_at(&self, class: AssetClassId, block: u64) -> Result<Quantity, FindError> {
        let block = self.chain().block_at(block).await?;
        self.supply(class, block.hash).await
    }

    pub(crate) async fn supply(
        &self,
        class: AssetClassId,
        at: B256,
    ) -> Result<Quantity, FindError> {
        let call = CarbonUnits::totalSupplyCall {
            id: class_word(class),
        };
        let supply = self.chain().view(self.units(), &call, at).await?;
        core_quantity(supply).ok_or_else(|| {
            self.chain().contradiction(format!(
                "the supply of class {class} is {supply} g, more than can be"
            ))
        })
    }

    /// The outcomes of transfers at the newest final block, in order, and that block's number.
    pub async fn outcomes_at_final(
        &self,
        transfers: &[TransferId],
    ) -> Result<(u64, Vec<Outcome>), FindError> {
        let block = self.chain().heads().await?.last_final;
        let answers = outcomes(self.chain(), transfers, block.hash).await?;
        let outcomes = answers.into_iter().map(|answer| answer.outcome);
        Ok((block.number, outcomes.collect()))
    }

    /// A burn by the gate's number, with its proof; `None` if it is not final, or never happened.
    pub async fn burn_at_final(&self, number: u64) -> Result<Option<(Burn, Receipt)>, FindError> {
        let chain = self.chain();
        let (_, mut places) = self.places_of(&[number]).await?;
        let Some(place) = places.pop().flatten().transpose()? else {
            return Ok(None);
        };
        let proven = Prover::new(chain)
            .prove(place.block, place.transaction, place.key)
            .await?;
        receipt::burn(chain, &proven).map(Some)
    }

    /// Burns by the gate's numbers, each read out of a final block that commits to it. Each block is read once.
    pub async fn burns_at_final(&self, numbers: &[u64]) -> Result<FinalBurns, FindError> {
        let mut prover = Prover::new(self.chain());
        let (head, places) = self.places_of(numbers).await?;
        let mut asked = Vec::with_capacity(numbers.len());
        let mut blocks = BTreeSet::new();
        let mut unread: HashMap<B256, String> = HashMap::new();
        for place in places {
            let Some(place) = place else {
                asked.push(Ok(None));
                continue;
            };
            let place = match place {
                Ok(place) => place,
                Err(error) => {
                    asked.push(Err(error));
                    continue;
                }
            };
            // A block that is not to be had is asked for once for all its burns.
            let read = match unread.get(&place.block) {
                Some(why) => Err(FindError::Unavailable(why.clone().into())),
                None => self.read_burn(&mut prover, place, head).await,
            };
            match &read {
                Ok(_) => {
                    blocks.insert(place.block);
                }
                Err(error) => {
                    unread.insert(place.block, error.to_string());
                }
            }
            asked.push(read.map(Some));
        }
        let events = blocks
            .into_iter()
            .flat_map(|block| prover.events_in(block, Gate::Burned::SIGNATURE_HASH));
        let beside = events.filter_map(|event| receipt::burned(self.chain(), &event).ok());
        Ok(FinalBurns {
            asked,
            beside: beside.collect(),
        })
    }

    async fn read_burn(
        &self,
        prover: &mut Prover<'_>,
        place: Place,
        head: u64,
    ) -> Result<Burn, FindError> {
        let found = prover.event(place.block, place.transaction, place.key);
        let (event, height) = found.await?;
        if height > head {
            let asked = format!("asked up to block {head}, it sent a log of block {height}");
            return Err(self.chain().incomplete(asked));
        }
        receipt::burned(self.chain(), &event)
    }

    /// The newest final height, and where burns are, by their numbers; `None` for one that the gate has not counted there.
    async fn places_of(
        &self,
        numbers: &[u64],
    ) -> Result<(u64, Vec<Option<Result<Place, FindError>>>), FindError> {
        let chain = self.chain();
        let block = chain.heads().await?.last_final;
        let count = burn_count(chain, block.hash).await?;
        let is_final = |number: &u64| *number > 0 && U256::from(*number) <= count;
        let wanted: BTreeSet<u64> = numbers.iter().copied().filter(is_final).collect();
        let keys: Vec<_> = wanted.into_iter().map(burn_key).collect();
        let mut places = HashMap::new();
        for part in keys.chunks(BURNS_PER_CALL) {
            let found = in_logs(chain, part, block.number).await?;
            places.extend(found.into_iter().map(|place| (place.key.subject, place)));
        }
        let place = |number: &u64| {
            let found = places.get(&burn_key(*number).subject).copied();
            is_final(number).then(|| {
                found.ok_or_else(|| {
                    chain.incomplete(format!(
                        "it has no log of burn {number}, though the gate counted {count}"
                    ))
                })
            })
        };
        Ok((block.number, numbers.iter().map(place).collect()))
    }
}

/// How many burns the gate has counted at a block.
pub(crate) async fn burn_count(chain: &Chain, at: B256) -> Result<U256, FindError> {
    chain.view(chain.gate, &Gate::burnCountCall {}, at).await
}

/// The outcomes of transfers at a block, in order.
pub(crate) async fn outcomes(
    chain: &Chain,
    transfers: &[TransferId],
    at: B256,
) -> Result<Vec<Answer>, FindError> {
    let mut outcomes = Vec::with_capacity(transfers.len());
    for part in transfers.chunks(OUTCOMES_PER_CALL) {
        let call = Gate::outcomesCall {
            transferIds: part.iter().copied().map(transfer_word).collect(),
        };
        let answer = chain.view(chain.gate, &call, at).await?;
        if answer.len() != part.len() {
            return Err(chain.incomplete(format!(
                "outcomes of {} transfers has {} entries",
                part.len(),
                answer.len()
            )));
        }
        for settlement in answer {
            let outcome = match settlement.outcome {
                0 => Outcome::None,
                1 => Outcome::Minted,
                2 => Outcome::Voided,
                other => {
                    return Err(chain.contradiction(format!(
                        "outcome {other}, but a gate knows 0, 1 and 2 only"
                    )));
                }
            };
            outcomes.push(Answer {
                outcome,
                height: settlement.height,
            });
        }
    }
    Ok(outcomes)
}
