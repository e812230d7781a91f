//! The chain as a node shows it: the `Ledger` and `Gate` ports over the truth, through the network.

use std::sync::Arc;

use async_trait::async_trait;
use isthmus_core::id::{DraftId, Hash32, TransferId};
use isthmus_core::jcs;
use isthmus_core::operation::{Operation, OperationKind, Work};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Contradiction, Costs, Cursor, Custody, Draft, Fact, Finality,
    FindError, Found, Ledger, LedgerKind, LedgerProfile, Observations, Observed, Page,
    PrepareError, Reserves, SendError, Taking,
};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::{Evidence, EvidenceKind, Lasting, Position, Receipt};
use isthmus_core::time::Timestamp;

use super::flaws;
use super::network::{Passage, Question};
use super::registry::named;
use crate::bug::Bug;
use crate::ledger::books::no;
use crate::ledger::chain::{Chain, Effect, Outcome, Transaction};
use crate::ledger::gate::Call;
use crate::names;
use crate::trouble::{Step, Trouble};
use crate::world::{DEPTH, Message, SETTLE_MS, Shared};

/// A call that is made all the time.
const OBSERVE: &str = "chain observe";
/// As how many each waiting transaction counts: blocks are small here, and a few are to hold a backlog back.
const CROWDED: u64 = 8;
/// How soon to ask again.
const RECHECK_MS: u64 = 2_000;

/// What a node says is newest, and what final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Newest block.
    pub latest: u64,
    /// Newest final block.
    pub last_final: u64,
}

/// A connection of one process.
pub struct ChainPort {
    pub(super) shared: Shared,
    profile: LedgerProfile,
    /// Whether it is the relayer's.
    relayer: bool,
}

impl std::fmt::Debug for ChainPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainPort")
    }
}

impl ChainPort {
    /// The relayer's connection, or one that only reads.
    pub fn new(shared: Shared, relayer: bool) -> Self {
        let depth = std::num::NonZeroU64::new(DEPTH).unwrap();
        let profile = LedgerProfile {
            id: names::chain(),
            kind: LedgerKind::Chain,
            operations: vec![OperationKind::Mint, OperationKind::Void],
            taking: Taking::Observed,
            authority: Authority::Signatures,
            custody: Custody::Omnibus,
            finality: Finality::Depth(depth),
            granularity: Quantity::from_grams(1).unwrap(),
            max_batch: 8,
        };
        Self {
            shared,
            profile,
            relayer,
        }
    }

    async fn travel(&self, port: &str) {
        // Idle observation is most of all calls, and dying in it is dying at no point in particular.
        if self.relayer && port != OBSERVE {
            self.shared.reach(port).await;
        }
        self.shared.travel().await;
    }

    /// What is planned to go wrong with an observation that has burns to show.
    fn relayer_plans(&self, from: &Cursor) -> Option<Trouble> {
        let mut world = self.shared.world();
        let last = world.chain.final_height();
        let news = world.chain.burns(last).any(|(at, ..)| at > from.height);
        if news && self.relayer {
            world.planned(Step::Observe)
        } else {
            None
        }
    }

    /// Which bug is planted, if this is the relayer's connection.
    fn bug(&self) -> Option<Bug> {
        let bug = self.shared.world().bug;
        bug.filter(|_| self.relayer)
    }

    /// The chain as a node shows it; one that lags shows older heads and an empty mempool.
    pub(super) async fn ask(&self, port: &str) -> Result<(Arc<Chain>, Heads), FindError> {
        self.travel(port).await;
        let mut world = self.shared.world();
        let mut chain = Arc::clone(&world.chain);
        let lag = match world.question() {
            Question::Unanswered => {
                return Err(FindError::Unavailable("the node timed out".into()));
            }
            Question::Stale => {
                Arc::make_mut(&mut chain).mempool.clear();
                world.dice.within(1, 4)
            }
            Question::Answered => 0,
        };
        let latest = chain.head().saturating_sub(lag);
        let last_final = latest.saturating_sub(DEPTH);
        Ok((chain, Heads { latest, last_final }))
    }

    /// The rule of the relayer's sends: intended, journalled, asked about.
    fn watch_send(&self, draft: &Draft, call: &Call) {
        if !self.relayer {
            return;
        }
        let transfers: Vec<TransferId> = match call {
            Call::Mint { batch } => batch.items.iter().map(|item| item.transfer).collect(),
            Call::Void { transfer, .. } => vec![*transfer],
            Call::Burn { .. } => Vec::new(),
        };
        let mut world = self.shared.world();
        let pending = |id: &TransferId| match world.oracle.transfers.get(id)?.pending()? {
            Work::Ledger(operation) if sends(operation, call) => Some(named(operation)),
            Work::Ledger(_) | Work::Attest { .. } => None,
        };
        let operations: Vec<_> = transfers.iter().filter_map(pending).collect();
        world.oracle.sends(draft.id, &operations);
    }

    fn conclude(&self, chain: &Chain, heads: Heads, attempt: &Attempt) -> Found {
        let now = self.shared.now();
        let transfer = attempt.operation.transfer();
        let unsettled = Found::Unsettled {
            recheck_at: now.plus_ms(RECHECK_MS),
        };
        match chain.outcome(transfer, heads.last_final) {
            (Outcome::Open, ..) => {}
            (outcome, height, transaction) => {
                return Found::Final(settlement(chain, transfer, outcome, height, transaction));
            }
        }
        if chain.outcome(transfer, heads.latest).0 != Outcome::Open {
            return unsettled;
        }
        let deadline = deadline(attempt);
        let final_time = chain
            .block(heads.last_final)
            .map_or(0, |block| block.at.s());
        let lapsed = deadline.is_some_and(|at| at.s() < final_time);
        let mut newest = None;
        for draft in attempt.drafts.iter().rev() {
            let id = Hash32::new(*draft.id.as_bytes());
            let waits = chain.mempool.iter().any(|t| t.id == id);
            let place = chain.place(id, heads.latest);
            let under_way = waits || place.is_some_and(|(at, _)| at > heads.last_final);
            if under_way && !lapsed {
                return unsettled;
            }
            newest.get_or_insert(place.map(|(_, effects)| effects));
        }
        match (newest.flatten(), deadline) {
            (Some(effects), _) => {
                let why = effects.iter().find_map(|effect| match effect {
                    Effect::Nothing(why) => Some(*why),
                    Effect::Minted(_) | Effect::Voided(_) | Effect::Burned(_) => None,
                });
                Found::Dead(no(why.unwrap_or("skipped"), "", Lasting::Later))
            }
            (None, Some(_)) if lapsed => Found::Dead(no("expired", "", Lasting::Later)),
            (None, Some(at)) if now >= at => unsettled,
            (None, _) => Found::Absent,
        }
    }
}

/// What a draft is a request for.
fn step_of(draft: &Draft) -> Option<Step> {
    match serde_json::from_slice(&draft.bytes).ok()? {
        Call::Mint { .. } => Some(Step::Mint),
        Call::Void { .. } => Some(Step::Void),
        Call::Burn { .. } => None,
    }
}

/// The transaction of an operation.
fn call(operation: &Operation) -> Option<Call> {
    match operation {
        Operation::Mint { batch, .. } => Some(Call::Mint {
            batch: batch.as_ref().clone(),
        }),
        Operation::Void {
            transfer,
            authorisation,
            ..
        } => Some(Call::Void {
            transfer: *transfer,
            epoch: authorisation.epoch,
            signatures: authorisation.signatures.clone(),
        }),
        _ => None,
    }
}

/// The id of the draft of an operation at the gate.
pub fn draft_id(operation: &Operation) -> Option<DraftId> {
    let call = call(operation)?;
    Some(DraftId::new(jcs::digest(&call)))
}

fn sends(operation: &Operation, call: &Call) -> bool {
    match (operation, call) {
        (Operation::Mint { item, .. }, Call::Mint { batch }) => batch.items.contains(item),
        (Operation::Void { transfer, .. }, Call::Void { transfer: sent, .. }) => transfer == sent,
        _ => false,
    }
}

fn deadline(attempt: &Attempt) -> Option<Timestamp> {
    let Operation::Mint { batch, .. } = &attempt.operation else {
        return None;
    };
    let drafts = attempt.drafts.iter().filter_map(|draft| draft.expires);
    drafts.chain([batch.deadline]).max()
}

fn receipt(
    operation: OperationKind,
    quantity: Quantity,
    chain: &Chain,
    height: u64,
    transaction: Hash32,
) -> Receipt {
    let block = chain.block(height);
    Receipt {
        operation,
        quantity,
        units: Vec::new(),
        at: block.map_or(Timestamp::from_ms(0), |block| block.at),
        position: Position::Chain {
            height,
            block: block.map_or(transaction, |block| block.hash),
            transaction,
        },
        certificate: None,
        evidence: Evidence::new(
            EvidenceKind::EvmReceipt,
            format!("{operation} in {transaction} of block {height}").into_bytes(),
        ),
    }
}

fn settlement(
    chain: &Chain,
    transfer: TransferId,
    outcome: Outcome,
    height: u64,
    transaction: Hash32,
) -> Receipt {
    let minted = chain
        .effects(height)
        .find_map(|(_, _, effect)| match effect {
            Effect::Minted(item) if item.transfer == transfer => Some(item.quantity),
            _ => None,
        });
    match (outcome, minted) {
        (Outcome::Minted, Some(quantity)) => {
            receipt(OperationKind::Mint, quantity, chain, height, transaction)
        }
        (Outcome::Minted | Outcome::Voided | Outcome::Open, _) => receipt(
            OperationKind::Void,
            Quantity::ZERO,
            chain,
            height,
            transaction,
        ),
    }
}

fn is_where_it_was(
    chain: &Chain,
    heads: Heads,
    height: u64,
    block: Hash32,
) -> Result<(), FindError> {
    if height > heads.last_final {
        return Err(FindError::Unavailable("the node is behind".into()));
    }
    if chain.block(height).map(|block| block.hash) == Some(block) {
        return Ok(());
    }
    Err(FindError::Contradiction(Contradiction {
        ledger: names::chain(),
        detail: format!("block {height} has another hash than before"),
    }))
}

#[async_trait]
impl Blocks for ChainPort {
    async fn stands(&self, height: u64, block: Hash32) -> Result<(), FindError> {
        let (chain, heads) = self.ask(OBSERVE).await?;
        is_where_it_was(&chain, heads, height, block)
    }

    async fn queued(&self) -> Result<u64, FindError> {
        let waiting = self.shared.world().chain.mempool.len();
        Ok(u64::try_from(waiting).unwrap_or(u64::MAX) * CROWDED)
    }
}

impl Costs for ChainPort {}

#[async_trait]
impl Ledger for ChainPort {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        self.shared.reach("chain prepare").await;
        let one = |operation: &Operation| {
            let call = call(operation)
                .ok_or_else(|| PrepareError::Unsupported(operation.kind().to_string()))?;
            let expires = match &call {
                Call::Mint { batch } => Some(batch.deadline),
                Call::Void { .. } | Call::Burn { .. } => None,
            };
            Ok(Draft {
                id: DraftId::new(jcs::digest(&call)),
                bytes: jcs::bytes(&call),
                nonce: None,
                expires,
            })
        };
        operations.iter().map(one).collect()
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        self.travel("chain send").await;
        let step = drafts.first().and_then(step_of);
        let passage = self.shared.world().passage(step);
        let mut answers = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.iter().enumerate() {
            let call: Call = serde_json::from_slice(&draft.bytes).unwrap();
            self.watch_send(draft, &call);
            let id = Hash32::new(*draft.id.as_bytes());
            let message = Message::Chain(Transaction { id, call });
            let unknown = Err(SendError::Unknown("the node timed out".into()));
            answers.push(match passage {
                Passage::Unreached => Err(SendError::Unreached("no route to host".into())),
                Passage::Partial if place * 2 >= drafts.len() => unknown,
                Passage::Lost => unknown,
                Passage::Late(ms) => {
                    self.shared.later(message, ms);
                    unknown
                }
                Passage::AnswerLost | Passage::Partial => {
                    let _nobody_hears = self.shared.deliver(message);
                    unknown
                }
                // A node does not refuse: the gate does, when it is carried out.
                Passage::RefusedForNow => {
                    self.shared.world().refuse_next();
                    let _taken = self.shared.deliver(message);
                    Ok(())
                }
                Passage::Arrives { again_ms } => {
                    if let Some(ms) = again_ms {
                        self.shared.later(message.clone(), ms);
                    }
                    let _taken = self.shared.deliver(message);
                    Ok(())
                }
            });
        }
        self.travel("chain send answer").await;
        answers
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        let seen = self.ask("chain find").await;
        let mut answers = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            let answer = match &seen {
                Ok((chain, heads)) => {
                    let heads = flaws::heads(self.bug(), *heads);
                    let found = self.conclude(chain, heads, attempt);
                    Ok(flaws::void_found(self.bug(), attempt, found, || {
                        settlement(
                            chain,
                            attempt.operation.transfer(),
                            Outcome::Voided,
                            0,
                            chain.blocks[0].hash,
                        )
                    }))
                }
                Err(error) => Err(FindError::Unavailable(error.to_string().into())),
            };
            if answer.is_ok() {
                let name = named(&attempt.operation);
                self.shared.world().oracle.answered(&name);
            }
            answers.push(answer);
        }
        self.travel("chain find answer").await;
        answers
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        let planned = self.relayer_plans(from);
        let (chain, heads) = self.ask(OBSERVE).await?;
        let limit = match planned {
            Some(Trouble::Partial) => 1,
            Some(Trouble::Late) => {
                self.shared.pause(SETTLE_MS).await;
                limit
            }
            Some(Trouble::Refused | Trouble::Unreached | Trouble::UnknownNotApplied) => {
                return Err(FindError::Unavailable("the node refuses".into()));
            }
            Some(Trouble::UnknownApplied | Trouble::Repeated) | None => limit,
        };
        if from.height > heads.last_final {
            return Err(FindError::Unavailable("the node is behind".into()));
        }
        if let Some(block) = from.block {
            is_where_it_was(&chain, heads, from.height, block)?;
        }
        let blind = self.bug() == Some(Bug::CursorMovedEarly);
        let mut facts = Vec::new();
        let mut next = from.clone();
        for height in from.height + 1..=heads.last_final {
            if facts.len() >= limit {
                break;
            }
            for (at, transaction, burn) in chain.burns(height) {
                if at < height || blind {
                    continue;
                }
                let kind = OperationKind::Burn;
                facts.push(Observed {
                    receipt: receipt(kind, burn.quantity, &chain, height, transaction.id),
                    fact: Fact::Burned(burn.clone()),
                });
                next.last_number = burn.number;
            }
            next.height = height;
            next.block = chain.block(height).map(|block| block.hash);
        }
        if planned == Some(Trouble::Repeated) {
            // The page is not the last word: it comes again.
            next = from.clone();
        }
        if planned == Some(Trouble::UnknownApplied) {
            self.shared.world().die_at_next("journal appended");
        }
        Ok(Observations {
            facts,
            next,
            head: heads.last_final,
        })
    }

    async fn reserves(&self, _pool: &Pool, _page: Page) -> Result<Reserves, FindError> {
        let (chain, heads) = self.ask("chain reserves").await?;
        Ok(Reserves {
            total: Quantity::from_grams(chain.supply_g(heads.last_final)).unwrap(),
            units: Vec::new(),
            as_of: heads.last_final,
        })
    }
}
