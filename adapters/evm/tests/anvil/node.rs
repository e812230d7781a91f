//! One anvil process on a free port, killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use alloy::primitives::TxHash;
use alloy::providers::ext::AnvilApi;
use alloy::providers::{Provider, ProviderBuilder, RootProvider};

pub(crate) struct Node {
    process: Child,
    pub(crate) url: String,
    pub(crate) rpc: RootProvider,
}

fn program() -> PathBuf {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules");
    let program = modules.join("@foundry-rs/anvil-linux-amd64/bin/anvil");
    assert!(
        program.exists(),
        "{} is missing: run make setup",
        program.display()
    );
    program
}

impl Node {
    /// Starts a node that mines only when told to.
    pub(crate) fn start(chain_id: u64) -> Self {
        Self::start_with(chain_id, &[])
    }

    /// With a first block of this time: nothing else tells the histories of two nodes apart.
    pub(crate) fn start_at(chain_id: u64, genesis_s: u64) -> Self {
        Self::start_with(chain_id, &["--timestamp".into(), genesis_s.to_string()])
    }

    fn start_with(chain_id: u64, arguments: &[String]) -> Self {
        let mut process = Command::new(program())
            .args(["--port", "0", "--no-mining", "--chain-id"])
            .arg(chain_id.to_string())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let (found, address) = mpsc::channel();
        // The pipe is read to its end, or the node would block on a full one.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    found.send(address.to_owned()).unwrap();
                }
            }
        });
        let address = address
            .recv_timeout(Duration::from_secs(20))
            .expect("anvil did not start");
        let url = format!("http://{address}");
        let rpc = ProviderBuilder::default().connect_http(url.parse().unwrap());
        Self { process, url, rpc }
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.rpc.anvil_mine(Some(blocks), None).await.unwrap();
    }

    pub(crate) async fn height(&self) -> u64 {
        self.rpc.get_block_number().await.unwrap()
    }

    /// A block as the node sends it.
    pub(crate) async fn block(&self, number: u64) -> serde_json::Value {
        let params = (format!("{number:#x}"), false);
        let block = self.rpc.raw_request("eth_getBlockByNumber".into(), params);
        block.await.unwrap()
    }

    /// The node's time in milliseconds.
    pub(crate) async fn time_ms(&self) -> u64 {
        let block = self.rpc.get_block(alloy::eips::BlockId::latest()).await;
        block.unwrap().unwrap().header.timestamp * 1000
    }

    pub(crate) async fn drop_transaction(&self, hash: &[u8; 32]) {
        let dropped = self.rpc.anvil_drop_transaction(TxHash::from(hash)).await;
        assert!(dropped.unwrap().is_some(), "it was not in the mempool");
    }

    /// The next block is at least this much later.
    pub(crate) async fn pass_time(&self, seconds: u64) {
        self.rpc.anvil_increase_time(seconds).await.unwrap();
    }

    /// How many transactions are in the mempool.
    pub(crate) async fn pending(&self) -> u64 {
        let status = self.rpc.raw_request("txpool_status".into(), ()).await;
        let status: std::collections::BTreeMap<String, alloy::primitives::U64> = status.unwrap();
        status.values().map(|count| count.to::<u64>()).sum()
    }

    pub(crate) async fn empty_mempool(&self) {
        self.rpc.anvil_drop_all_transactions().await.unwrap();
    }

    /// Replaces the newest `depth` blocks by empty ones.
    pub(crate) async fn reorg(&self, depth: u64) {
        let options = alloy::rpc::types::anvil::ReorgOptions {
            depth,
            tx_block_pairs: vec![],
        };
        self.rpc.anvil_reorg(options).await.unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
