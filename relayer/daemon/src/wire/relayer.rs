//! A relayer process, put together from its configuration: store, ledgers, engine, control plane, metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use isthmus_core::id::LedgerId;
use isthmus_core::operation::{Lane, OperationKind, Step};
use isthmus_core::ports::{Journal, Ledger, LedgerKind};
use isthmus_core::time::Clock;
use isthmus_evm::{EvmLedger, Sender, Senders};
use isthmus_store::Store;
use isthmus_vcs::{Duty, VcsLedger};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::config::{LedgerConfig, RelayerConfig};
use crate::control::{self, Access, LedgerHandle, Reloader, Services};
use crate::crash_point;
use crate::engine::admission::Admission;
use crate::engine::attest::Collector;
use crate::engine::board::Board;
use crate::engine::classes::Classes;
use crate::engine::lane::{Gatekeeper, LaneWorker};
use crate::engine::mending::Mender;
use crate::engine::observe::Observer;
use crate::engine::pace::Pace;
use crate::engine::pause::Pauses;
use crate::engine::ports::{Gate, Registry};
use crate::engine::returning::Returner;
use crate::engine::watch::LedgerWatch;
use crate::engine::{Fatal, Recorder};
use crate::error_code::ErrorCode;
use crate::proof::Checkpoints;
use crate::telemetry::{self, LogFilter, Metrics};
use crate::wire::Ended;
use crate::wire::clock::SystemClock;
use crate::wire::connect::patiently;
use crate::wire::disk;
use crate::wire::gate::EvmGate;
use crate::wire::registry::VcsRegistry;
use crate::wire::sample::StoreSource;
use crate::wire::shutdown;

type Tasks = JoinSet<anyhow::Result<()>>;

/// What is connected, by kind of port.
#[derive(Default)]
pub(super) struct Ledgers {
    pub(super) handles: Vec<LedgerHandle>,
    pub(super) registries: BTreeMap<LedgerId, Arc<dyn Registry>>,
    gates: BTreeMap<LedgerId, Arc<dyn Gate>>,
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

/// Runs the relayer of a configuration file until it is told to stop, or its journal fails.
pub async fn run(file: &Path, config: RelayerConfig) -> Result<(), Ended> {
    let filter = telemetry::init(&config.telemetry).map_err(Ended::misconfigured)?;
    crash_point::arm().map_err(Ended::misconfigured)?;
    disk::survive_size_limits().map_err(Ended::stopped)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&config.data_dir, &config.network, Arc::clone(&clock))?;
    let store = Arc::new(store);
    let listener = listen(config.control.listen).await?;
    let (access, reloader) = reloadable(file, &config, filter, &store);
    let Ledgers {
        handles,
        registries,
        gates,
    } = connect(config.ledgers, &store, &clock).await?;
    let journal: Arc<dyn Journal> = Arc::<Store>::clone(&store);
    let engine = Engine {
        recorder: Recorder::new(journal, Arc::clone(&clock)),
        board: Arc::new(Board::new(Arc::clone(&clock))),
        pauses: Arc::new(Pauses::new(Arc::clone(&store), Arc::clone(&clock))),
        checkpoints: Arc::new(
            Checkpoints::open(Arc::clone(&store), config.log.origin, config.log.seed)
                .map_err(Ended::stopped)?,
        ),
        classes: Arc::new(Classes::new(registries.clone())),
        metrics: Metrics::new(),
        clock: Arc::clone(&clock),
        store,
    };
    let pace: Arc<Pace> = Arc::default();
    let services = Services {
        store: Arc::clone(&engine.store),
        recorder: engine.recorder.clone(),
        admission: Arc::new(Admission::new(
            engine.recorder.clone(),
            Arc::clone(&engine.store),
            Arc::clone(&engine.pauses),
            registries,
            Arc::clone(&engine.classes),
        )),
        board: Arc::clone(&engine.board),
        pauses: Arc::clone(&engine.pauses),
        checkpoints: Arc::clone(&engine.checkpoints),
        access,
        pace: Arc::clone(&pace),
        reloader: Some(Arc::clone(&reloader)),
        ledgers: handles.clone(),
        gates: gates.clone(),
        classes: Arc::clone(&engine.classes),
        started: clock.now(),
    };
    let mut tasks = Tasks::new();
    if let Some(listen) = config.metrics {
        let source = engine.source(&handles);
        let served = telemetry::serve(listen, engine.metrics.clone(), Arc::new(source));
        tasks.spawn(async move { Ok(served.await?) });
    }
    let mut work = Tasks::new();
    engine.spawn(&handles, &gates, &mut work);
    work.spawn(hang_ups(reloader));
    tasks.spawn(async move { Ok(control::serve(listener, services, shutdown()).await?) });
    let store = Arc::clone(&engine.store);
    tasks.spawn(async move { Ok(pace.run(&store, clock.as_ref()).await?) });
    tracing::info!(network = %config.network, "relayer started");
    keep_running(&engine.store, &config.data_dir, work, tasks).await
}

/// Runs until told to stop, or until a part fails: none ends by itself except by failing. A write that failed ends the work
/// only; whoever reads is served until the disk is well again and the process can start again from it.
async fn keep_running(
    store: &Store,
    folder: &Path,
    mut work: Tasks,
    mut reading: Tasks,
) -> Result<(), Ended> {
    let ended = tokio::select! {
        () = shutdown() => return Ok(()),
        () = disk::failed(store) => Ok(()),
        ended = first(&mut work) => ended,
        ended = first(&mut reading) => ended,
    };
    work.shutdown().await;
    let Some(failure) = store.failure() else {
        return ended;
    };
    tracing::error!(%failure, "the journal failed: nothing is done any more, reading goes on");
    tokio::select! {
        () = shutdown() => Ok(()),
        ended = first(&mut reading) => ended,
        () = disk::well_again(folder) => {
            let why = format!("the journal failed ({failure}), and the disk takes writes again: start again");
            Err(Ended::Stopped(anyhow::Error::msg(why)))
        }
    }
}

async fn first(tasks: &mut Tasks) -> Result<(), Ended> {
    match tasks.join_next().await {
        Some(ended) => ended
            .map_err(anyhow::Error::from)
            .and_then(|ended| ended)
            .map_err(Ended::Stopped),
        None => std::future::pending().await,
    }
}

/// What a reload replaces, and who carries it out.
fn reloadable(
    file: &Path,
    config: &RelayerConfig,
    filter: LogFilter,
    store: &Arc<Store>,
) -> (Arc<Access>, Arc<Reloader>) {
    let access = Arc::new(Access::new(
        config.control.identities.clone(),
        config.route_admins.clone(),
    ));
    let reloader = Reloader::new(
        file.to_owned(),
        config.clone(),
        Arc::clone(&access),
        filter,
        Arc::clone(store),
    );
    (access, Arc::new(reloader))
}

/// SIGHUP means what `isthmus reload` means; what came of it is in the log.
async fn hang_ups(reloader: Arc<Reloader>) -> anyhow::Result<()> {
    let mut signals = signal(SignalKind::hangup())?;
    while signals.recv().await.is_some() {
        let reloader = Arc::clone(&reloader);
        tokio::task::spawn_blocking(move || reloader.reload("SIGHUP")).await??;
    }
    // No signal comes any more; what this is for can still be asked of the API.
    std::future::pending().await
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Ended> {
    let bound = TcpListener::bind(address).await;
    let remedy = "stop the process that has it, or choose another port";
    let context = || {
        let code = ErrorCode::AddressInUse;
        format!("{code}: control.listen {address} cannot be used: {remedy}")
    };
    bound.with_context(context).map_err(Ended::Misconfigured)
}

pub(super) async fn connect(
    configs: Vec<LedgerConfig>,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> Result<Ledgers, Ended> {
    let mut ledgers = Ledgers::default();
    for config in configs {
        match config {
            LedgerConfig::Vcs { config, api_key } => {
                let connect = || {
                    VcsLedger::connect(&config, api_key.clone(), Duty::Relayer, Arc::clone(clock))
                };
                let registry = Arc::new(patiently(&config.ledger, connect).await?);
                let books = Arc::new(VcsRegistry(Arc::clone(&registry)));
                ledgers.registries.insert(config.ledger, books);
                ledgers.handles.push(handle(registry));
            }
            LedgerConfig::Evm {
                config,
                mint_key,
                void_key,
            } => {
                let nonce = |kind| {
                    store.next_nonce(&Lane {
                        ledger: config.ledger.clone(),
                        step: Step::Operation(kind),
                    })
                };
                let nonces = (
                    nonce(OperationKind::Mint).map_err(Ended::stopped)?,
                    nonce(OperationKind::Void).map_err(Ended::stopped)?,
                );
                let connect = || {
                    let senders = Senders {
                        mint: Sender {
                            key: mint_key.clone(),
                            next_nonce: nonces.0,
                        },
                        void: Sender {
                            key: void_key.clone(),
                            next_nonce: nonces.1,
                        },
                    };
                    EvmLedger::connect(&config, senders, Arc::clone(clock))
                };
                let chain = Arc::new(patiently(&config.ledger, connect).await?);
                redeems_whole_tonnes(&chain).await?;
                let gate = Arc::new(EvmGate::new(Arc::clone(&chain)));
                ledgers.gates.insert(config.ledger.clone(), gate);
                ledgers.handles.push(handle(chain));
            }
        }
    }
    Ok(ledgers)
}

/// Registries move whole tonnes. A burn of a fraction could never be given anything, and would hold up those after it.
async fn redeems_whole_tonnes(chain: &EvmLedger) -> Result<(), Ended> {
    let step = chain.redemption_step().await.map_err(Ended::stopped)?;
    if step.tonnes().is_some_and(|tonnes| tonnes > 0) {
        return Ok(());
    }
    Err(Ended::Misconfigured(anyhow::anyhow!(
        "gate {}: its redemption step is {step}, registries move whole tonnes: deploy a gate with a step of 1000000 g",
        chain.gate()
    )))
}

fn handle(ledger: Arc<dyn Ledger>) -> LedgerHandle {
    LedgerHandle {
        ledger: crash_point::watched(ledger),
        status: Arc::new(LedgerWatch::default()),
    }
}

impl Engine {
    fn source(&self, ledgers: &[LedgerHandle]) -> StoreSource {
        StoreSource {
            store: Arc::clone(&self.store),
            board: Arc::clone(&self.board),
            ledgers: ledgers.to_vec(),
            clock: Arc::clone(&self.clock),
            checkpoints: Arc::clone(&self.checkpoints),
            started: self.clock.now(),
        }
    }

    /// One task per lane, per gate and per ledger observed.
    fn spawn(
        &self,
        handles: &[LedgerHandle],
        gates: &BTreeMap<LedgerId, Arc<dyn Gate>>,
        tasks: &mut Tasks,
    ) {
        for handle in handles {
            let profile = handle.ledger.profile();
            if profile.kind == LedgerKind::Chain {
                self.pauses.compare_first(profile.id.clone());
            }
        }
        let mender = Mender {
            recorder: self.recorder.clone(),
            store: Arc::clone(&self.store),
        };
        self.begin(tasks, mender.run());
        for handle in handles {
            let profile = handle.ledger.profile();
            for kind in &profile.operations {
                let worker = LaneWorker {
                    lane: Lane {
                        ledger: profile.id.clone(),
                        step: Step::Operation(*kind),
                    },
                    ledger: Arc::clone(&handle.ledger),
                    recorder: self.recorder.clone(),
                    board: Arc::clone(&self.board),
                    metrics: self.metrics.clone(),
                    gatekeeper: self.gatekeeper(),
                    watch: Arc::clone(&handle.status),
                };
                self.begin(tasks, worker.run());
            }
            if let (LedgerKind::Chain, Some(gate)) = (profile.kind, gates.get(&profile.id)) {
                let collector = self.collector(&handle.ledger, gate);
                self.begin(tasks, collector.run());
            }
            if profile.operations.contains(&OperationKind::ReturnDeposit) {
                let returner = Returner {
                    ledger: Arc::clone(&handle.ledger),
                    store: Arc::clone(&self.store),
                    board: Arc::clone(&self.board),
                    clock: Arc::clone(&self.clock),
                    watch: Arc::clone(&handle.status),
                    pauses: self.pauses.as_ref().clone(),
                };
                self.begin(tasks, returner.run());
            }
            let observer = Observer {
                ledger: Arc::clone(&handle.ledger),
                recorder: self.recorder.clone(),
                store: Arc::clone(&self.store),
                pauses: self.pauses.as_ref().clone(),
                watch: Arc::clone(&handle.status),
            };
            tasks.spawn(async move { Ok(observer.run().await?) });
        }
    }

    /// Work begins when the store is known to be up to date and chains were compared with it.
    fn begin(
        &self,
        tasks: &mut Tasks,
        work: impl Future<Output = Result<(), Fatal>> + Send + 'static,
    ) {
        let pauses = Arc::clone(&self.pauses);
        tasks.spawn(async move {
            pauses.begun().await?;
            Ok(work.await?)
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
