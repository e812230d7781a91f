//! What the demo says, and how it runs a command: shown as typed, its output indented.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use isthmus_e2e::devnet::{CUSTODY, Devnet};
use tokio::process::Command;

/// Longest line of output that is shown whole.
const WIDTH: usize = 150;

/// Tells the story.
pub(crate) struct Narrator {
    out: Box<dyn Write>,
    folder: PathBuf,
    scene: u32,
    began: Instant,
}

/// Arguments of a command as one would type them.
pub(crate) struct Line {
    words: Vec<String>,
}

impl Line {
    /// A command of `isthmus`; words are split at spaces.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            words: text.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// As somebody with a token at the relayer.
    pub(crate) fn by(mut self, identity: &str) -> Self {
        let token = format!("people/{identity}.token");
        self.words.splice(0..0, ["--token-file".to_owned(), token]);
        self
    }

    /// More words, split at spaces.
    pub(crate) fn and(mut self, text: &(impl ToString + ?Sized)) -> Self {
        let text = text.to_string();
        self.words
            .extend(text.split_whitespace().map(str::to_owned));
        self
    }

    /// One more word, spaces and all.
    pub(crate) fn word(mut self, word: &(impl ToString + ?Sized)) -> Self {
        self.words.push(word.to_string());
        self
    }

    fn shown(&self) -> String {
        let quoted = |word: &String| {
            if word.contains(' ') {
                format!("\"{word}\"")
            } else {
                word.clone()
            }
        };
        let words: Vec<_> = self.words.iter().map(quoted).collect();
        format!("isthmus {}", words.join(" "))
    }
}

impl Narrator {
    pub(crate) fn new(out: Box<dyn Write>, folder: PathBuf) -> Self {
        Self {
            out,
            folder,
            scene: 0,
            began: Instant::now(),
        }
    }

    pub(crate) fn plan(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.display();
        writeln!(
            self.out,
            "Isthmus moves carbon units between registries and chains so that one tonne is never usable in two places.\n\
             This demo takes less than a minute. It will:\n\
             \x20 1. start a sandbox registry with real Verra serials, a chain with a gate, three attesters and a relayer\n\
             \x20 2. agree on a route: one exchange proposes, another approves\n\
             \x20 3. lock a real serial block at the registry and mint its equivalent on the chain\n\
             \x20 4. pay a fraction of a tonne to somebody else\n\
             \x20 5. burn a part to retire originals for a named beneficiary\n\
             \x20 6. burn a part to release originals into another account\n\
             \x20 7. withdraw a transfer after it was authorised: void it at the gate, then unlock it\n\
             \x20 8. verify the proof bundles of all four transfers offline, and close the books\n\
             Files go to {folder}. Commands are shown as you would type them there."
        )?;
        Ok(())
    }

    /// A new scene begins.
    pub(crate) fn scene(&mut self, title: &str) -> anyhow::Result<()> {
        self.scene = self.scene.saturating_add(1);
        let seconds = self.began.elapsed().as_secs();
        writeln!(self.out, "\n[{seconds:>3} s] {}. {title}", self.scene)?;
        Ok(self.out.flush()?)
    }

    /// A sentence.
    pub(crate) fn say(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.out, "        {text}")?;
        Ok(self.out.flush()?)
    }

    pub(crate) fn introduce(&mut self, devnet: &Devnet) -> anyhow::Result<()> {
        self.say(&format!(
            "registry {} with custody account {CUSTODY}",
            devnet.registry.url
        ))?;
        self.say(&format!(
            "chain {} with gate {}; 2 of 3 attesters must sign",
            devnet.chain.url, devnet.gate
        ))?;
        self.say(&format!(
            "$ export ISTHMUS_CONTROL={}",
            devnet.control_url()
        ))
    }

    /// Runs a command that must succeed, and shows its output.
    pub(crate) async fn run(&mut self, devnet: &Devnet, line: Line) -> anyhow::Result<()> {
        self.run_showing(devnet, line, |_| true).await
    }

    /// Runs a command that must succeed, and shows some lines of its output.
    pub(crate) async fn run_showing(
        &mut self,
        devnet: &Devnet,
        line: Line,
        matters: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        self.say(&format!("$ {}", line.shown()))?;
        let mut command = Command::new(&devnet.programs().isthmus);
        command
            .args(&line.words)
            .current_dir(&self.folder)
            .env("ISTHMUS_CONTROL", devnet.control_url())
            .env_remove("ISTHMUS_TOKEN_FILE")
            .kill_on_drop(true);
        let output = command.output().await.context("cannot run isthmus")?;
        let text = [output.stdout, output.stderr].concat();
        let succeeded = output.status.success();
        for shown in String::from_utf8_lossy(&text).lines() {
            if matters(shown) || !succeeded {
                self.show(shown)?;
            }
        }
        ensure!(
            succeeded,
            "`{}` failed ({}); logs are in {}",
            line.shown(),
            output.status,
            self.folder.join("logs").display()
        );
        Ok(())
    }

    fn show(&mut self, line: &str) -> anyhow::Result<()> {
        let cut: String = line.chars().take(WIDTH).collect();
        let dots = if cut.len() < line.len() { "…" } else { "" };
        writeln!(self.out, "        | {cut}{dots}")?;
        Ok(())
    }

    /// A file of the demo.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file that a command will read.
    pub(crate) fn write(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    pub(crate) fn end(&mut self, seconds: u64) -> anyhow::Result<()> {
        let folder = shortened(&self.folder);
        writeln!(
            self.out,
            "\nDone in {seconds} s. The bundles are in {folder}/bundles; {folder}/policy.toml verifies them, on any machine, with\n\
             `isthmus audit verify BUNDLE --policy policy.toml`. The rest of the folder are logs and files of the devnet."
        )?;
        Ok(())
    }

    pub(crate) fn keep(&mut self, devnet: &Devnet) -> anyhow::Result<()> {
        writeln!(
            self.out,
            "\nEverything keeps running until Ctrl-C. Go on in another terminal:\n\
             \x20 cd {}\n\
             \x20 export ISTHMUS_CONTROL={} ISTHMUS_TOKEN_FILE=people/operator-1.token\n\
             \x20 {} status",
            self.folder.display(),
            devnet.control_url(),
            devnet.programs().isthmus.display()
        )?;
        Ok(self.out.flush()?)
    }
}

/// Relative to where the demo was started, if it lies below.
fn shortened(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(below) => format!("./{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}
