//! The registry as a client sees it: the `Ledger` port over the books, through the network.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use isthmus_core::id::DraftId;
use isthmus_core::jcs;
use isthmus_core::operation::{Operation, OperationKind};
use isthmus_core::pool::Pool;
use isthmus_core::ports::{
    Attempt, Authority, Blocks, Costs, Cursor, Custody, Draft, Fact, Finality, FindError, Found,
    Ledger, LedgerKind, LedgerProfile, Observations, Observed, Page, PrepareError, Reserves,
    SendError, Taking,
};
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::time::Timestamp;

use super::doubts::Doubts;
use super::flaws;
use super::network::{Passage, Question};
use crate::bug::Bug;
use crate::ledger::books::{self, Books, RELAYER, Record};
use crate::ledger::entries::{self, Entry};
use crate::names;
use crate::trouble::Step;
use crate::world::{Message, SETTLE_MS, Shared};

/// A call that is made all the time.
const OBSERVE: &str = "registry observe";
/// How soon to ask again.
const RECHECK_MS: u64 = 1_000;

/// A connection of one process.
pub struct RegistryPort {
    pub(super) shared: Shared,
    profile: LedgerProfile,
    /// Whose credentials.
    pub(super) by: String,
    doubts: Mutex<Doubts>,
    /// Whether it is the relayer's.
    relayer: bool,
    /// The books as they were a while ago, for answers from the past.
    past: Mutex<(Timestamp, Arc<Books>)>,
}

impl std::fmt::Debug for RegistryPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegistryPort({})", self.by)
    }
}

impl RegistryPort {
    /// The relayer's connection.
    pub fn relayer(shared: Shared) -> Self {
        use OperationKind::{Lock, Release, Retire, Unlock};
        let operations = vec![Lock, Unlock, Release, Retire];
        Self::new(shared, RELAYER.into(), operations, true)
    }

    /// An attester's connection.
    pub fn attester(shared: Shared, name: String) -> Self {
        Self::new(shared, name, vec![OperationKind::Approve], false)
    }

    fn new(shared: Shared, by: String, operations: Vec<OperationKind>, relayer: bool) -> Self {
        let profile = LedgerProfile {
            id: names::registry(),
            kind: LedgerKind::Registry,
            operations,
            taking: Taking::Submitted,
            authority: Authority::Approvals,
            custody: Custody::Omnibus,
            finality: Finality::Immediate,
            granularity: names::tonnes(1),
            max_batch: 8,
        };
        let forgets = shared.world().bug == Some(Bug::DoubtForgotten);
        let since = if forgets {
            Timestamp::from_ms(0)
        } else {
            shared.now()
        };
        let doubts = Mutex::new(Doubts::new(since));
        let past = Mutex::new((shared.now(), Arc::clone(&shared.world().books)));
        Self {
            shared,
            profile,
            by,
            doubts,
            relayer,
            past,
        }
    }

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which bug is planted, if this is the relayer's connection.
    fn bug(&self) -> Option<Bug> {
        let bug = self.shared.world().bug;
        bug.filter(|_| self.relayer)
    }

    async fn travel(&self, port: &str) {
        // Idle observation is most of all calls, and dying in it is dying at no point in particular.
        if self.relayer && port != OBSERVE {
            self.shared.reach(port).await;
        }
        self.shared.travel().await;
    }

    /// The books as this question sees them.
    pub(super) async fn ask(&self, port: &str) -> Result<Arc<Books>, FindError> {
        self.travel(port).await;
        let (question, now) = {
            let mut world = self.shared.world();
            (world.question(), Arc::clone(&world.books))
        };
        let at = self.shared.now();
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        match question {
            Question::Unanswered => Err(FindError::Unavailable("the registry timed out".into())),
            // No answer is older than a request may be under way.
            Question::Stale if at.ms() < past.0.plus_ms(SETTLE_MS / 2).ms() => {
                Ok(Arc::clone(&past.1))
            }
            Question::Stale | Question::Answered => {
                *past = (at, Arc::clone(&now));
                Ok(now)
            }
        }
    }

    fn send_one(&self, draft: &Draft, passage: Passage) -> Result<(), SendError> {
        let now = self.shared.now();
        let entry: Entry = serde_json::from_slice(&draft.bytes).unwrap();
        let message = || Message::Registry {
            entry: entry.clone(),
            by: self.by.clone(),
        };
        let unknown = |why: &str| {
            self.doubts().unanswered(draft.id, now);
            Err(SendError::Unknown(why.to_owned().into()))
        };
        match passage {
            Passage::Unreached => Err(SendError::Unreached("no route to host".into())),
            Passage::Lost | Passage::Partial => unknown("timed out"),
            Passage::Late(ms) => {
                self.shared.later(message(), ms);
                unknown("timed out")
            }
            Passage::AnswerLost => {
                let _nobody_hears = self.shared.deliver(message());
                unknown("connection reset")
            }
            Passage::RefusedForNow => {
                self.refused(draft.id, books::no("over_limit", "", Lasting::Later))
            }
            Passage::Arrives { again_ms } => {
                if let Some(ms) = again_ms {
                    self.shared.later(message(), ms);
                }
                match self.shared.deliver(message()) {
                    Ok(()) => {
                        // What it answers to questions may be older than this for a while.
                        self.doubts().unanswered(draft.id, now);
                        Ok(())
                    }
                    Err(refusal) if refusal.code == "reference_used" => {
                        Err(SendError::Unknown(refusal.to_string().into()))
                    }
                    Err(refusal) => self.refused(draft.id, refusal),
                }
            }
        }
    }

    /// A no, unless an earlier request may still land.
    fn refused(&self, draft: DraftId, refusal: Refusal) -> Result<(), SendError> {
        let now = self.shared.now();
        let mut doubts = self.doubts();
        let doubt = doubts.until([draft].into_iter(), now);
        doubts.ours(draft);
        match doubt {
            Some(_) => Err(SendError::Unknown("refused, in doubt".into())),
            None => Err(SendError::Refused(refusal)),
        }
    }

    /// The rule of the relayer's sends: intended, journalled, asked about.
    fn watch_send(&self, draft: &Draft) -> Option<String> {
        if !self.relayer {
            return None;
        }
        let entry: Entry = serde_json::from_slice(&draft.bytes).unwrap();
        let name = match &entry {
            Entry::Lock { reference, .. } => format!("lock {reference}"),
            Entry::Propose { proposal } => {
                let text = |field: &str| proposal[field].as_str().unwrap_or_default();
                format!("{} {}", text("movement"), text("reference"))
            }
            Entry::Approve { .. } | Entry::Reject { .. } => return None,
        };
        let mut world = self.shared.world();
        world.oracle.sends(draft.id, std::slice::from_ref(&name));
        Some(name)
    }

    fn conclude(&self, books: &Books, attempt: &Attempt) -> Result<Found, FindError> {
        let now = self.shared.now();
        let operation = &attempt.operation;
        let recheck = Found::Unsettled {
            recheck_at: now.plus_ms(RECHECK_MS),
        };
        let settled = |found| match self.doubts().until(attempt.draft_ids(), now) {
            Some(recheck_at) => Found::Unsettled { recheck_at },
            None => found,
        };
        let ours = match entries::entry(operation) {
            Some(Entry::Propose { proposal }) => Some(entries::digest(&proposal)),
            _ => None,
        };
        match books.records.get(&operation.reference()) {
            Some(Record::Executed { receipt, .. }) => Ok(Found::Final(receipt.as_ref().clone())),
            None => Ok(settled(Found::Absent)),
            Some(Record::Proposed { digest, .. }) if Some(*digest) == ours => Ok(recheck),
            Some(Record::Proposed { .. }) => Err(FindError::Unavailable(
                "another proposal is open under this reference".into(),
            )),
            Some(Record::Refused { digest, refusal }) => Ok(settled(if Some(*digest) == ours {
                Found::Refused(refusal.clone())
            } else {
                Found::Absent
            })),
        }
    }
}

/// What a draft is a request for.
fn step_of(draft: &Draft) -> Option<Step> {
    match serde_json::from_slice(&draft.bytes).ok()? {
        Entry::Lock { .. } => Some(Step::Lock),
        Entry::Propose { proposal } => match proposal["movement"].as_str() {
            Some("unlock") => Some(Step::Unlock),
            Some("release") => Some(Step::Release),
            Some("retire") => Some(Step::Retire),
            _ => None,
        },
        Entry::Approve { .. } | Entry::Reject { .. } => None,
    }
}

/// The id of the draft of an operation at a registry.
pub fn draft_id(operation: &Operation) -> Option<DraftId> {
    let entry = entries::entry(operation)?;
    Some(DraftId::new(jcs::digest(&entry)))
}

/// An operation's name in the oracle's book of questions.
pub(super) fn named(operation: &Operation) -> String {
    format!("{} {}", operation.kind(), operation.reference())
}

impl Blocks for RegistryPort {}

impl Costs for RegistryPort {}

#[async_trait]
impl Ledger for RegistryPort {
    fn profile(&self) -> &LedgerProfile {
        &self.profile
    }

    async fn prepare(&self, operations: &[Operation]) -> Vec<Result<Draft, PrepareError>> {
        if self.relayer {
            self.shared.reach("registry prepare").await;
        }
        let one = |operation: &Operation| {
            let entry = entries::entry(operation)
                .ok_or_else(|| PrepareError::Unsupported(operation.kind().to_string()))?;
            let draft = Draft {
                id: DraftId::new(jcs::digest(&entry)),
                bytes: jcs::bytes(&entry),
                nonce: None,
                expires: None,
            };
            self.doubts().ours(draft.id);
            Ok(draft)
        };
        let drafts: Vec<_> = operations.iter().map(one).collect();
        if self.bug() == Some(Bug::SentBeforeJournalled) {
            let ready: Vec<_> = drafts.iter().flatten().cloned().collect();
            let _early = self.send(&ready).await;
        }
        drafts
    }

    async fn send(&self, drafts: &[Draft]) -> Vec<Result<(), SendError>> {
        let watched: Vec<_> = drafts.iter().map(|draft| self.watch_send(draft)).collect();
        self.travel("registry send").await;
        let step = drafts.first().and_then(step_of);
        let passage = self.shared.world().passage(step);
        let mut answers = Vec::with_capacity(drafts.len());
        for (place, (draft, watched)) in drafts.iter().zip(watched).enumerate() {
            let here = match passage {
                Passage::Partial if place * 2 < drafts.len() => Passage::AnswerLost,
                passage => passage,
            };
            let answer = flaws::sent(self.bug(), self.send_one(draft, here));
            if let Some(again) = flaws::again(self.bug(), draft) {
                self.watch_send(&again);
                let _second = self.send_one(&again, here);
            }
            if let (Some(name), Err(SendError::Refused(_))) = (watched, &answer) {
                self.shared.world().oracle.answered(&name);
            }
            answers.push(answer);
        }
        self.travel("registry send answer").await;
        answers
    }

    async fn find(&self, attempts: &[Attempt]) -> Vec<Result<Found, FindError>> {
        if let Some(answers) = flaws::unasked(self.bug(), attempts) {
            return answers;
        }
        let books = self.ask("registry find").await;
        let mut answers = Vec::with_capacity(attempts.len());
        for attempt in attempts {
            let answer = match &books {
                Ok(books) => {
                    let found = self.conclude(books, attempt);
                    flaws::lock_found(self.bug(), attempt, found)
                }
                Err(error) => Err(FindError::Unavailable(error.to_string().into())),
            };
            if answer.is_ok() {
                let name = named(&attempt.operation);
                self.shared.world().oracle.answered(&name);
            }
            answers.push(answer);
        }
        self.travel("registry find answer").await;
        answers
    }

    async fn observe(&self, from: &Cursor, limit: usize) -> Result<Observations, FindError> {
        let books = self.ask(OBSERVE).await?;
        let head = u64::try_from(books.movements.len()).unwrap();
        if head < from.height {
            return Err(FindError::Unavailable("it answers from the past".into()));
        }
        let (mut facts, mut height) = (Vec::new(), from.height);
        let skip = usize::try_from(from.height).unwrap();
        for movement in books.movements.iter().skip(skip).take(limit) {
            height += 1;
            if let Some(moved) = &movement.by_itself {
                facts.push(Observed {
                    fact: Fact::Moved(moved.clone()),
                    receipt: movement.receipt.clone(),
                });
            }
        }
        let next = Cursor {
            height,
            block: None,
            last_number: height,
        };
        Ok(Observations { facts, next, head })
    }

    async fn reserves(&self, _pool: &Pool, _page: Page) -> Result<Reserves, FindError> {
        let books = self.ask("registry reserves").await?;
        Ok(Reserves {
            total: names::tonnes(books.locked_t()),
            units: Vec::new(),
            as_of: u64::try_from(books.movements.len()).unwrap(),
        })
    }
}
