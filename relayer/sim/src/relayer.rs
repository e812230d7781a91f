//! One life of a relayer: the real engine over the real store, put together as `wire/relayer.rs` does it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use isthmus::engine::admission::Admission;
use isthmus::engine::attest::Collector;
use isthmus::engine::board::Board;
use isthmus::engine::classes::Classes;
use isthmus::engine::lane::{Gatekeeper, LaneWorker};
use isthmus::engine::mending::Mender;
use isthmus::engine::observe::Observer;
use isthmus::engine::pause::Pauses;
use isthmus::engine::ports::{Gate, Registry};
use isthmus::engine::returning::Returner;
use isthmus::engine::watch::LedgerWatch;
use isthmus::engine::{Fatal, Recorder};
use isthmus::proof::Checkpoints;
use isthmus::telemetry::Metrics;
use isthmus_core::id::LedgerId;
use isthmus_core::operation::{Lane, OperationKind, Step};
use isthmus_core::ports::{Journal, Ledger, LedgerKind};
use isthmus_core::time::Clock;
use isthmus_store::Store;
use tokio::task::JoinSet;

use crate::desk::{self, Door};
use crate::disk::Disk;
use crate::journal::Tap;
use crate::names;
use crate::port::{ChainPort, RegistryPort};
use crate::world::Shared;

/// A running relayer.
#[derive(Debug)]
pub struct Relayer {
    /// Everything that runs in it.
    pub tasks: JoinSet<Result<(), Fatal>>,
    /// The store.
    pub store: Arc<Store>,
    /// Where attesters are asked.
    pub board: Arc<Board>,
    /// The signed log.
    pub checkpoints: Arc<Checkpoints>,
    /// What stands between engine and store.
    pub tap: Arc<Tap>,
}

/// What every loop of the engine is given.
struct Engine {
    recorder: Recorder,
    store: Arc<Store>,
    board: Arc<Board>,
    pauses: Arc<Pauses>,
    checkpoints: Arc<Checkpoints>,
    classes: Arc<Classes>,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
}

impl Relayer {
    /// Starts from what is on the disk.
    pub fn start(shared: &Shared, disk: &Arc<Mutex<Disk>>, door: &Door) -> Self {
        let clock: Arc<dyn Clock> = Arc::<crate::clock::SimClock>::clone(&shared.clock);
        let path = disk.lock().unwrap().path().to_owned();
        let store = Store::open(&path, names::NETWORK, Arc::clone(&clock)).unwrap();
        let store = Arc::new(store);
        shared.world().oracle.reopened(store.as_ref());
        let tap = Tap::new(Arc::clone(&store), Arc::clone(disk), shared.clone());
        let tap = Arc::new(tap);
        let journal: Arc<dyn Journal> = Arc::<Tap>::clone(&tap);
        let registry = Arc::new(RegistryPort::relayer(shared.clone()));
        let chain = Arc::new(ChainPort::new(shared.clone(), true));
        let books: Arc<dyn Registry> = Arc::<RegistryPort>::clone(&registry);
        let registries = BTreeMap::from([(names::registry(), books)]);
        let seed = names::LOG_SEED;
        let checkpoints = Checkpoints::open(Arc::clone(&store), names::LOG_ORIGIN.into(), seed);
        let engine = Engine {
            recorder: Recorder::new(journal, Arc::clone(&clock)),
            board: Arc::new(Board::new(Arc::clone(&clock))),
            pauses: Arc::new(Pauses::new(Arc::clone(&store), Arc::clone(&clock))),
            checkpoints: Arc::new(checkpoints.unwrap()),
            classes: Arc::new(Classes::new(registries.clone())),
            metrics: Metrics::new(),
            clock: Arc::clone(&clock),
            store,
        };
        let mut tasks = JoinSet::new();
        let admission = Admission::new(
            engine.recorder.clone(),
            Arc::clone(&engine.store),
            Arc::clone(&engine.pauses),
            registries,
            Arc::clone(&engine.classes),
        );
        let calls = door.open();
        let serving = desk::serve(calls, Arc::new(admission), shared.clone());
        tasks.spawn(async move {
            serving.await;
            Ok(())
        });
        let gate: Arc<dyn Gate> = Arc::<ChainPort>::clone(&chain);
        let gates = BTreeMap::from([(names::chain(), gate)]);
        let ledgers: [Arc<dyn Ledger>; 2] = [registry, chain];
        engine.spawn(&ledgers, &gates, &mut tasks);
        Self {
            tasks,
            store: engine.store,
            board: engine.board,
            checkpoints: engine.checkpoints,
            tap,
        }
    }

    /// It dies: nothing of it runs on, and nobody has its store open.
    pub async fn kill(mut self, door: &Door) {
        door.close();
        self.tasks.shutdown().await;
    }
}

impl Engine {
    fn spawn(
        &self,
        ledgers: &[Arc<dyn Ledger>],
        gates: &BTreeMap<LedgerId, Arc<dyn Gate>>,
        tasks: &mut JoinSet<Result<(), Fatal>>,
    ) {
        let mender = Mender {
            recorder: self.recorder.clone(),
            store: Arc::clone(&self.store),
        };
        tasks.spawn(mender.run());
        self.pauses.compare_first(names::chain());
        for ledger in ledgers {
            let profile = ledger.profile();
            let watch = Arc::new(LedgerWatch::default());
            for kind in &profile.operations {
                let worker = LaneWorker {
                    lane: Lane {
                        ledger: profile.id.clone(),
                        step: Step::Operation(*kind),
                    },
                    ledger: Arc::clone(ledger),
                    recorder: self.recorder.clone(),
                    board: Arc::clone(&self.board),
                    metrics: self.metrics.clone(),
                    gatekeeper: self.gatekeeper(),
                    watch: Arc::clone(&watch),
                };
                self.begin(tasks, worker.run());
            }
            if let (LedgerKind::Chain, Some(gate)) = (profile.kind, gates.get(&profile.id)) {
                self.begin(tasks, self.collector(ledger, gate).run());
            }
            if profile.operations.contains(&OperationKind::ReturnDeposit) {
                let returner = Returner {
                    ledger: Arc::clone(ledger),
                    store: Arc::clone(&self.store),
                    board: Arc::clone(&self.board),
                    clock: Arc::clone(&self.clock),
                    watch: Arc::new(LedgerWatch::default()),
                    pauses: self.pauses.as_ref().clone(),
                };
                self.begin(tasks, returner.run());
            }
            let observer = Observer {
                ledger: Arc::clone(ledger),
                recorder: self.recorder.clone(),
                store: Arc::clone(&self.store),
                pauses: self.pauses.as_ref().clone(),
                watch,
            };
            tasks.spawn(observer.run());
        }
    }

    fn begin(
        &self,
        tasks: &mut JoinSet<Result<(), Fatal>>,
        work: impl Future<Output = Result<(), Fatal>> + Send + 'static,
    ) {
        let pauses = Arc::clone(&self.pauses);
        tasks.spawn(async move {
            pauses.begun().await?;
            work.await
        });
    }

    fn collector(&self, ledger: &Arc<dyn Ledger>, gate: &Arc<dyn Gate>) -> Collector {
        Collector {
            lane: Lane {
                ledger: ledger.profile().id.clone(),
                step: Step::Attest,
            },
            ledger: Arc::clone(ledger),
            gate: Arc::clone(gate),
            recorder: self.recorder.clone(),
            board: Arc::clone(&self.board),
            checkpoints: Arc::clone(&self.checkpoints),
            classes: Arc::clone(&self.classes),
            metrics: self.metrics.clone(),
            gatekeeper: self.gatekeeper(),
        }
    }

    fn gatekeeper(&self) -> Arc<dyn Gatekeeper> {
        Arc::<Pauses>::clone(&self.pauses)
    }
}
