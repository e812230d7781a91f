//! One process of a devnet: started, killed with -9, started again with the same arguments.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// Ports are taken from below those that the kernel gives to outgoing connections, so that a process that is started again finds
/// its port free.
const FIRST_PORT: u16 = 15_000;
const PORTS: u16 = 17_000;

/// A program with its arguments, and the process that runs it if any. Killed when dropped.
#[derive(Debug)]
pub struct Service {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
    process: Mutex<Option<Child>>,
}

impl Service {
    /// Not started yet. What it prints is added to `log`.
    pub fn new<A: Into<OsString>>(
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        log: &Path,
    ) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            log: log.to_owned(),
            process: Mutex::default(),
        }
    }

    /// Starts it. It may not be ready when this returns.
    pub fn start(&self) -> anyhow::Result<()> {
        self.start_with(&[])
    }

    /// Starts it so that it is killed with -9 when it is at a named place for the given time (`isthmus::crash_point`).
    pub fn start_to_die_at(&self, place: &str, visit: u64) -> anyhow::Result<()> {
        self.start_with(&[("ISTHMUS_CRASH_AT", &format!("{place}:{visit}"))])
    }

    fn start_with(&self, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut running = self.running();
        ensure!(running.is_none(), "{} runs already", self.name);
        let log = self.open_log()?;
        let errors = log.try_clone()?;
        let process = Command::new(&self.program)
            .args(&self.arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        *running = Some(process);
        Ok(())
    }

    /// Kills it as a power cut would. Nothing happens if it does not run.
    pub fn kill9(&self) -> anyhow::Result<()> {
        let Some(mut process) = self.running().take() else {
            return Ok(());
        };
        let killed = process.kill();
        process
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))?;
        killed.with_context(|| format!("cannot kill {}", self.name))
    }

    /// Asks it to end, as a service manager would (SIGTERM). It may not have ended when this returns.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let pid = self.running().as_ref().map(Child::id);
        let pid = pid.with_context(|| format!("{} is not started", self.name))?;
        let sent = Command::new("kill").arg(pid.to_string()).status();
        ensure!(sent.context("cannot run kill")?.success(), "kill failed");
        Ok(())
    }

    /// Kills it with -9 and starts it again.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.kill9()?;
        self.start()
    }

    /// Fails, with the last lines of its log, if it was started and has ended by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        if let Some(status) = self.status()? {
            bail!("{} ended ({status}):\n{}", self.name, self.last_lines(20));
        }
        Ok(())
    }

    /// How it ended by itself, if it did.
    fn status(&self) -> anyhow::Result<Option<ExitStatus>> {
        match self.running().as_mut() {
            Some(process) => Ok(process.try_wait()?),
            None => Ok(None),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has ended: its exit code, `None` after a signal.
    pub async fn ended(&self, within: Duration) -> anyhow::Result<Option<i32>> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.status()? {
                *self.running() = None;
                return Ok(status.code());
            }
            ensure!(
                Instant::now() < deadline,
                "{} did not end within {within:?}",
                self.name
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running().as_ref().map(Child::id)
    }

    /// Lets no file that it writes grow beyond `bytes` from now on, which is a full disk to it; `None` makes room again.
    pub fn limit_files(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        let pid = self
            .pid()
            .with_context(|| format!("{} is not started", self.name))?;
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let mut command = Command::new("prlimit");
        command.arg(format!("--pid={pid}"));
        // Only the soft limit is set: that is taken back without privileges.
        let set = command.arg(format!("--fsize={limit}:")).status();
        ensure!(
            set.context("cannot run prlimit")?.success(),
            "prlimit failed"
        );
        Ok(())
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that it printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of what it printed.
    pub fn last_lines(&self, count: usize) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    fn open_log(&self) -> anyhow::Result<File> {
        let mut options = OpenOptions::new();
        let opened = options.create(true).append(true).open(&self.log);
        opened.with_context(|| format!("cannot write {}", self.log.display()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut process) = self.running().take() {
            // It may have ended by itself, and there is nobody to tell.
            let _ended = process.kill();
            let _reaped = process.wait();
        }
    }
}

/// A port on which nobody listens now.
pub fn free_port() -> anyhow::Result<u16> {
    for _ in 0..200 {
        let port = FIRST_PORT.saturating_add(rand::random::<u16>() % PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port found from {FIRST_PORT} on");
}
