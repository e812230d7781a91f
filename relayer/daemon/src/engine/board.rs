//! The board: what attesters are asked, and what they answered. In memory only: whoever posted asks again after a restart, and
//! attesters remember what they promised.

mod hands;
mod pick;
mod task;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isthmus_core::id::{Address, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::jcs;
use isthmus_core::operation::Operation;
use isthmus_core::receipt::Lasting;
use isthmus_core::time::{Clock, Timestamp};
use tokio::sync::{Notify, mpsc};

use hands::{Hands, Usual};
pub use task::{Answer, DeclinedItem, Share, Task, TaskWork};

/// Most tasks on the board. Who posts above it posts again later.
const MOST_TASKS: usize = 20_000;
/// Longest sleep of a pull between looks: a task that was declined for now comes up again without a notice.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Most characters of what an attester said that are kept.
const MOST_SAID: usize = 300;
/// How soon an approval that was declined for now is asked for again.
const AGAIN_MS: u64 = 1_000;
/// How soon an approval that was declined for good is asked for again: the attester's operator may have mended something.
const MUCH_LATER_MS: u64 = 30_000;
/// An approval that nobody has posted again for so long is not wanted any more.
const FORGOTTEN_MS: u64 = 120_000;

/// Tasks and answers.
#[derive(Debug)]
pub struct Board {
    clock: Arc<dyn Clock>,
    posted: Mutex<Posted>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Posted {
    /// By running number: oldest first.
    entries: BTreeMap<u64, Entry>,
    /// Task id or approval's reference → running number.
    names: HashMap<String, u64>,
    next: u64,
    seen: BTreeMap<String, Timestamp>,
    /// The addresses that each attester signs with, as configured.
    signers: BTreeMap<String, Vec<Address>>,
    usual: Usual,
}

#[derive(Debug)]
struct Entry {
    task: Task,
    posted: Timestamp,
    /// When each attester that answered is to be asked again; never if `None`.
    answered: HashMap<String, Option<Timestamp>>,
    /// Why attesters said no, by name.
    declined: BTreeMap<String, String>,
    share: Share,
    hands: Hands,
    /// Where signatures go; approvals go to the registry.
    reply: Option<mpsc::UnboundedSender<(String, Answer)>>,
}

/// A posted request for signatures. Dropping it takes the task off the board.
#[derive(Debug)]
pub struct Collecting<'a> {
    board: &'a Board,
    name: String,
    /// Answers as they come, with the attester's name.
    pub answers: mpsc::UnboundedReceiver<(String, Answer)>,
}

impl Collecting<'_> {
    /// An answer brought no signature that counts: somebody else is to be asked as well.
    pub fn ask_another(&self) {
        let mut posted = self.board.lock();
        if let Some(entry) = posted.entry(&self.name) {
            entry.hands.ask_another();
        }
        drop(posted);
        self.board.news.notify_waiters();
    }
}

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        self.board.remove(&self.name);
    }
}

impl Board {
    /// An empty board.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            posted: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Asks `needed` attesters to sign, whoever comes first, and others in place of those who take long.
    pub fn collect(&self, work: TaskWork, share: Share, needed: usize) -> Collecting<'_> {
        let (reply, answers) = mpsc::unbounded_channel();
        let mut posted = self.lock();
        let name = format!("sign-{}", posted.next);
        let hands = Hands::of(needed);
        let now = self.clock.now();
        posted.add(name.clone(), (work, share), hands, now, Some(reply));
        drop(posted);
        self.news.notify_waiters();
        Collecting {
            board: self,
            name,
            answers,
        }
    }

    /// Asks every attester to approve what is proposed. Asking again keeps the answers.
    pub fn post_approval(&self, operation: &Operation, instruction: Option<&Instruction>) {
        let reference = operation.reference();
        let now = self.clock.now();
        let mut posted = self.lock();
        if let Some(entry) = posted.entry(&reference) {
            entry.posted = now;
            return;
        }
        posted.forget_stale(now);
        if posted.entries.len() >= MOST_TASKS {
            return;
        }
        let work = TaskWork::Approval {
            ledger: operation.ledger().clone(),
            transfer: operation.transfer(),
            reference: reference.clone(),
            instruction: instruction.map(jcs::bytes).unwrap_or_default(),
        };
        let work = (work, Share::Backlog);
        posted.add(reference, work, Hands::of(usize::MAX), now, None);
        drop(posted);
        self.news.notify_waiters();
    }

    /// Takes a task off the board, by its id or its approval's reference.
    pub fn remove(&self, name: &str) {
        let mut posted = self.lock();
        if let Some(number) = posted.names.remove(name) {
            posted.entries.remove(&number);
        }
    }

    /// Tasks that this attester has not answered, in the order of `pick`; waits for one.
    pub async fn pull(&self, attester: &str, wait: Duration, limit: usize) -> Vec<Task> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            // Interest is registered before the look, so that what is posted in between is not missed.
            let news = self.news.notified();
            let tasks = self.open_for(attester, limit);
            let now = tokio::time::Instant::now();
            if !tasks.is_empty() || now >= until {
                return tasks;
            }
            let pause = LOOK_AGAIN.min(until - now);
            let _timed_out = tokio::time::timeout(pause, news).await;
        }
    }

    fn open_for(&self, attester: &str, limit: usize) -> Vec<Task> {
        let now = self.clock.now();
        let mut posted = self.lock();
        posted.seen.insert(attester.to_owned(), now);
        for entry in posted.entries.values_mut() {
            entry.hands.returned(attester);
        }
        let patience_ms = posted.usual.patience_ms();
        let open = |entry: &Entry| match entry.answered.get(attester) {
            None => entry.hands.are_open_to(attester, now, patience_ms),
            Some(again) => again.is_some_and(|at| at <= now),
        };
        let waiting = posted.entries.iter().filter(|(_, entry)| open(entry));
        let picked = pick::pick(attester, waiting, limit);
        picked
            .into_iter()
            .filter_map(|number| {
                let entry = posted.entries.get_mut(&number)?;
                entry.hands.take(attester, now);
                Some(entry.task.clone())
            })
            .collect()
    }

    /// The addresses that an attester signs with; as its configuration is now.
    pub fn bind(&self, attester: &str, signers: &[Address]) {
        let mut posted = self.lock();
        if posted.signers.get(attester).map(Vec::as_slice) != Some(signers) {
            posted.signers.insert(attester.to_owned(), signers.to_vec());
        }
    }

    /// Whether an attester's no is that of one of these signers. One that was never bound speaks for itself.
    pub fn speaks_for(&self, attester: &str, set: &[Address]) -> bool {
        let posted = self.lock();
        let own = posted.signers.get(attester);
        own.is_none_or(|own| own.iter().any(|signer| set.contains(signer)))
    }

    /// Takes an answer in. One to a task that is gone changes nothing.
    pub fn answer(&self, attester: &str, task: &str, answer: Answer) {
        let now = self.clock.now();
        let mut posted = self.lock();
        posted.seen.insert(attester.to_owned(), now);
        let Some(entry) = posted.entry(task) else {
            return;
        };
        let took_ms = entry.hands.answered(attester, now);
        let again = match &answer {
            Answer::Signed(_) | Answer::Approved => {
                entry.declined.remove(attester);
                None
            }
            Answer::Declined(items) => {
                entry.declined.insert(attester.to_owned(), said(items));
                let never = items.iter().any(|item| item.lasting == Lasting::Never);
                let pause = if never { MUCH_LATER_MS } else { AGAIN_MS };
                entry.reply.is_none().then(|| now.plus_ms(pause))
            }
        };
        entry.answered.insert(attester.to_owned(), again);
        if let Some(reply) = &entry.reply {
            // Whoever asked may have stopped listening.
            let _gone = reply.send((attester.to_owned(), answer));
            posted.usual.note(took_ms);
        }
    }

    /// When each attester was last heard of.
    pub fn last_seen(&self) -> Vec<(String, Timestamp)> {
        let posted = self.lock();
        posted.seen.iter().map(|(n, at)| (n.clone(), *at)).collect()
    }

    /// Approvals that attesters said no to, oldest first: which transfer's, and who said what.
    pub fn declined(&self, most: usize) -> Vec<(TransferId, String)> {
        let posted = self.lock();
        let declined = posted.entries.values().filter_map(|entry| {
            let said: Vec<_> = entry
                .declined
                .iter()
                .map(|(name, why)| format!("{name}: {why}"))
                .collect();
            match &entry.task.work {
                TaskWork::Approval { transfer, .. } if !said.is_empty() => {
                    Some((*transfer, said.join("; ")))
                }
                TaskWork::Approval { .. } | TaskWork::Mint { .. } | TaskWork::Void { .. } => None,
            }
        });
        declined.take(most).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Posted> {
        // Every change is complete before the guard is dropped, and nothing here outlives the process.
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Posted {
    fn add(
        &mut self,
        name: String,
        (work, share): (TaskWork, Share),
        hands: Hands,
        posted: Timestamp,
        reply: Option<mpsc::UnboundedSender<(String, Answer)>>,
    ) {
        let number = self.next;
        self.next += 1;
        self.names.insert(name.clone(), number);
        let entry = Entry {
            task: Task { id: name, work },
            posted,
            answered: HashMap::new(),
            declined: BTreeMap::new(),
            share,
            hands,
            reply,
        };
        self.entries.insert(number, entry);
    }

    fn entry(&mut self, name: &str) -> Option<&mut Entry> {
        let number = self.names.get(name)?;
        self.entries.get_mut(number)
    }

    fn forget_stale(&mut self, now: Timestamp) {
        let stale =
            |entry: &Entry| entry.reply.is_none() && entry.posted.plus_ms(FORGOTTEN_MS) < now;
        let Self { entries, names, .. } = self;
        entries.retain(|_, entry| {
            let keep = !stale(entry);
            if !keep {
                names.remove(&entry.task.id);
            }
            keep
        });
    }
}

fn said(items: &[DeclinedItem]) -> String {
    let first = items
        .first()
        .map(|item| format!("{}: {}", item.code, item.reason));
    let said = first.unwrap_or_else(|| "declined without a reason".into());
    said.chars().take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests;
