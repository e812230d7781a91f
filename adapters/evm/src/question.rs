//! What a JSON-RPC request asks, and what of an answer must be the same at every endpoint.

use alloy::rpc::json_rpc::SerializedRequest;
use alloy::rpc::types::Block;
use serde::Deserialize as _;
use serde_json::Value;

use crate::node::flaw;

/// Fields that identify a log and say what it says; the rest is each node's own.
const LOG: [&str; 7] = [
    "address",
    "topics",
    "data",
    "blockNumber",
    "blockHash",
    "transactionHash",
    "logIndex",
];
/// What a receipt says that its block commits to.
const RECEIPT: [&str; 5] = [
    "transactionHash",
    "blockHash",
    "blockNumber",
    "status",
    "cumulativeGasUsed",
];

/// A request, by what its answers may be compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) method: String,
    params: Vec<Value>,
}

/// When two endpoints must give the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A named block or a final range of blocks: always, once an endpoint has them. The height that it must have, if known.
    Fixed(Option<u64>),
    /// A transaction's place, which endpoints learn one after the other: different answers wait.
    Settling,
    /// The newest state, which is each endpoint's own.
    Newest,
}

impl Question {
    pub(crate) fn of(request: &SerializedRequest) -> Self {
        let params = request.params().map(|raw| serde_json::from_str(raw.get()));
        Self {
            method: request.method().to_owned(),
            params: params.and_then(Result::ok).unwrap_or_default(),
        }
    }

    pub(crate) fn about(&self) -> About {
        match self.method.as_str() {
            "eth_getBlockByHash" => About::Fixed(None),
            "eth_getBlockByNumber" | "eth_getBlockReceipts" => self.block(0),
            "eth_call" | "eth_getTransactionCount" | "eth_getCode" => self.block(1),
            "eth_getLogs" => match self.params.first().and_then(|filter| filter.get("toBlock")) {
                Some(to) => height(to).map_or(About::Newest, |to| About::Fixed(Some(to))),
                None => About::Newest,
            },
            "eth_getTransactionReceipt" => About::Settling,
            _ => About::Newest,
        }
    }

    /// Whether the parameter names one block and not, say, the latest one.
    fn block(&self, index: usize) -> About {
        let Some(block) = self.params.get(index) else {
            return About::Newest;
        };
        let is_hash = block.as_str().is_some_and(|text| text.len() == 66);
        if is_hash || block.get("blockHash").is_some() {
            return About::Fixed(None);
        }
        height(block).map_or(About::Newest, |height| About::Fixed(Some(height)))
    }

    /// What must be the same everywhere; `None` for "there is none".
    pub(crate) fn essence(&self, answer: &Value) -> Option<Value> {
        if answer.is_null() {
            return None;
        }
        Some(match self.method.as_str() {
            "eth_getBlockByHash" | "eth_getBlockByNumber" => self.block_essence(answer),
            "eth_getLogs" => each(answer, |log| pick(log, &LOG)),
            "eth_getBlockReceipts" => each(answer, receipt),
            "eth_getTransactionReceipt" => receipt(answer),
            _ => lower(answer),
        })
    }
}

impl Question {
    /// The hash commits to everything else, if everything else hashes to it. If not, that is not what others say.
    fn block_essence(&self, answer: &Value) -> Value {
        let hash = lower(&answer["hash"]);
        let asked = self.params.first().and_then(height);
        let asked = asked.filter(|_| self.method == "eth_getBlockByNumber");
        let flaw = match Block::deserialize(answer) {
            Ok(block) => flaw(&block, asked),
            Err(_) => Some("its block cannot be read".into()),
        };
        match flaw {
            Some(flaw) => serde_json::json!([hash, flaw]),
            None => hash,
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let params: Vec<_> = self.params.iter().map(ToString::to_string).collect();
        let params: String = params.join(", ").chars().take(200).collect();
        write!(f, "{} {params}", self.method)
    }
}

fn receipt(receipt: &Value) -> Value {
    let logs = each(&receipt["logs"], |log| pick(log, &LOG[..3]));
    serde_json::json!([pick(receipt, &RECEIPT), logs])
}

fn each(list: &Value, essence: impl Fn(&Value) -> Value) -> Value {
    match list.as_array() {
        Some(entries) => entries.iter().map(essence).collect(),
        None => lower(list),
    }
}

fn pick(object: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| lower(&object[*field])).collect()
}

/// Hex digits may be written in either case.
fn lower(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.to_ascii_lowercase()),
        Value::Array(entries) => entries.iter().map(lower).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.clone(),
    }
}

fn height(block: &Value) -> Option<u64> {
    let digits = block.as_str()?.strip_prefix("0x")?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(method: &str, params: &Value) -> Question {
        Question {
            method: method.into(),
            params: params.as_array().unwrap().clone(),
        }
    }

    #[test]
    fn what_names_its_blocks_is_fixed_and_the_rest_is_not() {
        let hash = format!("0x{}", "ab".repeat(32));
        for (method, params, about) in [
            (
                "eth_getBlockByNumber",
                json!(["0x10", false]),
                About::Fixed(Some(16)),
            ),
            (
                "eth_getBlockByNumber",
                json!(["latest", false]),
                About::Newest,
            ),
            (
                "eth_getBlockByHash",
                json!([hash, true]),
                About::Fixed(None),
            ),
            ("eth_getBlockReceipts", json!([hash]), About::Fixed(None)),
            (
                "eth_call",
                json!([{}, {"blockHash": hash}]),
                About::Fixed(None),
            ),
            ("eth_call", json!([{}, "0x7"]), About::Fixed(Some(7))),
            ("eth_call", json!([{}, "latest"]), About::Newest),
            ("eth_call", json!([{}]), About::Newest),
            (
                "eth_getTransactionCount",
                json!(["0x1", "pending"]),
                About::Newest,
            ),
            (
                "eth_getLogs",
                json!([{"fromBlock": "0x0", "toBlock": "0x9"}]),
                About::Fixed(Some(9)),
            ),
            ("eth_getLogs", json!([{"fromBlock": "0x0"}]), About::Newest),
            ("eth_getTransactionReceipt", json!([hash]), About::Settling),
            ("eth_estimateGas", json!([{}]), About::Newest),
        ] {
            assert_eq!(
                question(method, &params).about(),
                about,
                "{method} {params}"
            );
        }
    }

    #[test]
    fn a_nodes_own_additions_do_not_matter_and_what_a_log_says_does() {
        let logs = question("eth_getLogs", &json!([{}]));
        let log = |data: &str, extra: &str| {
            json!([{"address": "0xAB", "topics": ["0x1"], "data": data, "blockNumber": "0x1",
                "blockHash": "0x2", "transactionHash": "0x3", "logIndex": "0x0", "own": extra}])
        };
        let one = logs.essence(&log("0x01", "x"));
        assert_eq!(one, logs.essence(&log("0x01", "y")));
        assert_ne!(one, logs.essence(&log("0x02", "x")));
        assert_ne!(one, logs.essence(&json!([])));
        assert_eq!(logs.essence(&Value::Null), None);
        let block = question("eth_getBlockByNumber", &json!(["0x1", false]));
        let named = |hash: &str, size: u8| block.essence(&json!({"hash": hash, "size": size}));
        assert_eq!(named("0xA", 1), named("0xa", 2));
        assert_ne!(named("0xa", 1), named("0xb", 1));
        let receipts = question("eth_getBlockReceipts", &json!(["0x1"]));
        let receipt = |data: &str| {
            receipts.essence(&json!([{"transactionHash": "0x1", "status": "0x1",
                "logs": [{"address": "0x1", "topics": [], "data": data}]}]))
        };
        assert_ne!(receipt("0x1"), receipt("0x2"));
    }
}
