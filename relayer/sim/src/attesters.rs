//! Attesters: the real examination over their own views of both ledgers and their own memory; only the gRPC in between is
//! replaced by calls of the board.

use std::sync::Arc;
use std::time::Duration;

use isthmus::attester::doubt::Doubts;
use isthmus::attester::examine::{ExamineError, Examiner};
use isthmus::attester::follow::Follower;
use isthmus::attester::memory::Memory;
use isthmus::attester::relayer::{Approval, Asked, Verdict};
use isthmus::attester::verify_mint::MintBatch;
use isthmus::attester::verify_void::Void;
use isthmus::attester::{Own, OwnGate, OwnRegistry};
use isthmus::engine::Fatal;
use isthmus::engine::board::{Answer, Board, DeclinedItem, Task, TaskWork};
use isthmus::proof::Checkpoints;
use isthmus_core::id::Hash32;
use isthmus_prooflog::note::VerifierKey;
use isthmus_store::{AttesterStore, Store};
use tokio::sync::Mutex;

use crate::names;
use crate::port::{ChainPort, RegistryPort};
use crate::relayer::Relayer;
use crate::trouble::{Step, Trouble};
use crate::world::Shared;

/// How long a pull may wait for a task.
const PULL: Duration = Duration::from_secs(20);
/// Most tasks at a time.
const MOST: usize = 16;
/// Pause after something failed.
const PAUSE_MS: u64 = 1_000;

/// One attester, which outlives relayers.
#[derive(Clone, Debug)]
pub struct Attester {
    name: String,
    shared: Shared,
    own: Arc<Own>,
    store: Arc<AttesterStore>,
    follower: Arc<Mutex<Follower>>,
    doubts: Arc<Doubts>,
    log_key: VerifierKey,
    /// Deleted with the last one who has it.
    _folder: Arc<tempfile::TempDir>,
}

/// The relayer as an attester reaches it.
struct Reached {
    board: Arc<Board>,
    store: Arc<Store>,
    checkpoints: Arc<Checkpoints>,
}

impl Attester {
    /// A new one, with an empty memory.
    pub fn new(number: u8, shared: &Shared, checkpoints: &Checkpoints) -> Self {
        let name = names::attester(number);
        let folder = crate::disk::Disk::new().into_folder();
        let store = Arc::new(AttesterStore::open(folder.path(), names::NETWORK).unwrap());
        let follower = Follower::open(Arc::clone(&store), checkpoints.verifier()).unwrap();
        let registry = Arc::new(RegistryPort::attester(shared.clone(), name.clone()));
        let own = Own {
            key: names::attester_key(number),
            route_admins: names::admins().iter().map(names::public).collect(),
            gates: vec![OwnGate {
                ledger: names::chain(),
                chain_id: names::CHAIN_ID,
                address: names::GATE,
                view: Arc::new(ChainPort::new(shared.clone(), false)),
            }],
            registries: vec![OwnRegistry {
                id: names::registry(),
                receipt_key: names::receipt_key().verifying_key().to_bytes(),
                view: Arc::<RegistryPort>::clone(&registry),
                ledger: registry,
            }],
        };
        Self {
            name,
            shared: shared.clone(),
            own: Arc::new(own),
            store,
            follower: Arc::new(Mutex::new(follower)),
            doubts: Arc::default(),
            log_key: checkpoints.verifier(),
            _folder: Arc::new(folder),
        }
    }

    /// Serves a relayer until one of the two dies.
    pub async fn serve(
        self,
        board: Arc<Board>,
        store: Arc<Store>,
        checkpoints: Arc<Checkpoints>,
    ) -> Result<(), Fatal> {
        let reached = Reached {
            board,
            store,
            checkpoints,
        };
        loop {
            if self.gone().await {
                continue;
            }
            let tasks = reached.board.pull(&self.name, PULL, MOST).await;
            let mut follower = self.follower.lock().await;
            self.follow(&mut follower, &reached);
            let mut quiet = true;
            let (approvals, others): (Vec<_>, Vec<_>) = tasks
                .iter()
                .partition(|task| matches!(task.work, TaskWork::Approval { .. }));
            for task in others {
                quiet &= self.one(task, &follower, &reached).await;
            }
            quiet &= self.approvals(&approvals, &follower, &reached).await;
            drop(follower);
            if !quiet {
                self.shared.pause(PAUSE_MS).await;
            }
        }
    }

    /// Whether it was away for a while; it may have died meanwhile and read its memory anew.
    async fn gone(&self) -> bool {
        let ms = {
            let mut world = self.shared.world();
            let odds = world.odds.attester_gone;
            world
                .dice
                .chance(odds)
                .then(|| world.dice.within(1_000, 20_000))
        };
        let Some(ms) = ms else { return false };
        self.shared
            .say(&format!("{} is gone for {ms} ms", self.name));
        self.shared.pause(ms).await;
        // It has died meanwhile: what it promised and followed is on its disk.
        let reopened = Follower::open(Arc::clone(&self.store), self.log_key.clone());
        *self.follower.lock().await = reopened.unwrap();
        true
    }

    /// Takes over the log up to what is signed, and checks that it is what was signed.
    fn follow(&self, follower: &mut Follower, reached: &Reached) {
        let head = reached.checkpoints.newest().unwrap();
        while follower.replica().size() < head.size {
            let start = follower.replica().size();
            let missing = usize::try_from(head.size - start).unwrap();
            let leaves = reached.store.log().leaves(start, missing).unwrap();
            if let Err(error) = follower.keep(&leaves) {
                let finding = format!("{} cannot follow the log: {error}", self.name);
                return self.shared.world().oracle.found(finding);
            }
        }
        let own = follower.root(head.size).unwrap();
        if head.size > 0 && own != Some(Hash32::new(head.root)) {
            let finding = format!("{} was shown two logs of size {}", self.name, head.size);
            self.shared.world().oracle.found(finding);
        }
    }

    /// Whether a task was answered.
    async fn one(&self, task: &Task, follower: &Follower, reached: &Reached) -> bool {
        let planned = self.planned(task);
        match planned {
            Some(Trouble::Refused) => {
                let declined = refused_for_now(&task.work);
                reached.board.answer(&self.name, &task.id, declined);
                return true;
            }
            Some(Trouble::Unreached | Trouble::Partial) => return false,
            Some(_) | None => {}
        }
        let memory = Memory::new(Arc::clone(&self.store));
        let examiner = self.examiner(follower, &memory);
        match examiner.verdict(&asked(&task.work)).await {
            Ok(verdict) => self.hand_in(task, verdict, planned, reached).await,
            Err(error) => self.leaves_open(task, Some(&error)),
        }
    }

    /// Whether all of these were answered; they are examined together, as those of one pull are.
    async fn approvals(&self, tasks: &[&Task], follower: &Follower, reached: &Reached) -> bool {
        if tasks.is_empty() {
            return true;
        }
        let memory = Memory::new(Arc::clone(&self.store));
        let examiner = self.examiner(follower, &memory);
        let wanted: Vec<_> = tasks.iter().filter_map(|task| approval(task)).collect();
        let wanted: Vec<_> = wanted.iter().collect();
        let answers = match examiner.approvals(&names::registry(), &wanted).await {
            Ok(answers) => answers,
            Err(error) => {
                for task in tasks {
                    self.leaves_open(task, Some(&error));
                }
                return false;
            }
        };
        let mut all = true;
        for (task, answer) in tasks.iter().zip(answers) {
            all &= match answer {
                Ok(verdict) => self.hand_in(task, verdict, None, reached).await,
                Err(_) => self.leaves_open(task, None),
            };
        }
        all
    }

    fn examiner<'a>(&'a self, log: &'a Follower, memory: &'a Memory) -> Examiner<'a> {
        Examiner {
            own: &self.own,
            log,
            memory,
            doubts: &self.doubts,
            now: self.shared.now(),
        }
    }

    /// There is no verdict.
    fn leaves_open(&self, task: &Task, error: Option<&ExamineError>) -> bool {
        if let Some(ExamineError::Forked(why)) = error {
            let finding = format!("{} takes the log for forked: {why}", self.name);
            self.shared.world().oracle.found(finding);
        }
        self.shared
            .say(&format!("{} leaves {} open", self.name, task.id));
        false
    }

    /// Whether the answer arrived.
    async fn hand_in(
        &self,
        task: &Task,
        verdict: Verdict,
        planned: Option<Trouble>,
        reached: &Reached,
    ) -> bool {
        self.shared.say(&format!(
            "{} on {}: {}",
            self.name,
            task.id,
            brief(&verdict)
        ));
        let (lost, planned) = {
            let mut world = self.shared.world();
            let odds = world.odds.lost;
            let lost = world.dice.chance(odds);
            (lost, planned)
        };
        let answer = answer(verdict);
        match planned {
            Some(Trouble::UnknownApplied | Trouble::UnknownNotApplied) => return false,
            Some(Trouble::Late) => self.shared.pause(12_000).await,
            Some(Trouble::Repeated) => reached.board.answer(&self.name, &task.id, answer.clone()),
            Some(Trouble::Refused | Trouble::Unreached | Trouble::Partial) | None => {}
        }
        if lost {
            return false;
        }
        self.shared.travel().await;
        reached.board.answer(&self.name, &task.id, answer);
        true
    }

    /// What is planned to go wrong with this task, if it asks for a signature.
    fn planned(&self, task: &Task) -> Option<Trouble> {
        match task.work {
            TaskWork::Mint { .. } | TaskWork::Void { .. } => {
                self.shared.world().planned(Step::Attest)
            }
            TaskWork::Approval { .. } => None,
        }
    }
}

impl Relayer {
    /// Attesters reach this relayer.
    pub fn reached_by(&mut self, attesters: &[Attester]) {
        for attester in attesters {
            let (board, store) = (Arc::clone(&self.board), Arc::clone(&self.store));
            let checkpoints = Arc::clone(&self.checkpoints);
            let serving = attester.clone().serve(board, store, checkpoints);
            self.tasks.spawn(serving);
        }
    }
}

fn approval(task: &Task) -> Option<Approval> {
    match asked(&task.work) {
        Asked::Approval(approval) => Some(approval),
        Asked::Mint(_) | Asked::Void(_) | Asked::Unreadable(_) => None,
    }
}

fn asked(work: &TaskWork) -> Asked {
    match work.clone() {
        TaskWork::Mint {
            ledger,
            gate,
            items,
            log,
            epoch,
            deadline,
        } => Asked::Mint(MintBatch {
            ledger,
            gate,
            items,
            log,
            epoch,
            deadline_s: deadline.s(),
        }),
        TaskWork::Void {
            ledger,
            gate,
            transfer,
            epoch,
        } => Asked::Void(Void {
            ledger,
            gate,
            transfer,
            epoch,
        }),
        TaskWork::Approval {
            ledger,
            transfer,
            reference,
            instruction,
        } => Asked::Approval(Approval {
            ledger,
            transfer,
            reference,
            instruction,
        }),
    }
}

fn answer(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Signed(signature) => Answer::Signed(signature),
        Verdict::Approved => Answer::Approved,
        Verdict::Declined(items) => {
            let items = items.into_iter().filter_map(|item| {
                Some(DeclinedItem {
                    transfer: item.transfer.parse().ok()?,
                    code: item.decline.ground.code().to_owned(),
                    reason: item.decline.to_string(),
                    lasting: item.decline.ground.lasting(),
                })
            });
            Answer::Declined(items.collect())
        }
    }
}

fn refused_for_now(work: &TaskWork) -> Answer {
    let transfers: Vec<_> = match work {
        TaskWork::Mint { items, .. } => items.iter().map(|item| item.transfer).collect(),
        TaskWork::Void { transfer, .. } | TaskWork::Approval { transfer, .. } => vec![*transfer],
    };
    let declined = transfers.into_iter().map(|transfer| DeclinedItem {
        transfer,
        code: "policy".into(),
        reason: "not now".into(),
        lasting: isthmus_core::receipt::Lasting::Later,
    });
    Answer::Declined(declined.collect())
}

fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Signed(_) => "signed".into(),
        Verdict::Approved => "approved".into(),
        Verdict::Declined(items) => {
            let reasons: Vec<_> = items.iter().map(|item| item.decline.to_string()).collect();
            format!("declined: {}", reasons.join("; "))
        }
    }
}
