//! Stands between the adapter and its node and fails on demand.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Proxy {
    pub(crate) url: String,
    fault: Arc<Mutex<Fault>>,
    transactions: Arc<Mutex<Vec<String>>>,
    lie: Arc<Mutex<Option<Lie>>>,
}

/// Rewrites an answer; is given the request.
type Lie = Box<dyn Fn(&Value, &mut Value) + Send>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Requests arrive and answers do not.
    EveryAnswer,
    /// Requests arrive nowhere, and the caller is left waiting.
    Stall,
    /// The next transaction is sent, and nobody hears of it.
    NextSentAnswer,
    /// The next transaction is lost on its way.
    NextSent,
}

impl Proxy {
    pub(crate) fn before(node_url: &str) -> Self {
        let node = node_url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fault = Arc::new(Mutex::new(Fault::None));
        let transactions = Arc::new(Mutex::new(Vec::new()));
        let lie = Arc::<Mutex<Option<Lie>>>::default();
        let shared = (
            Arc::clone(&fault),
            Arc::clone(&transactions),
            Arc::clone(&lie),
        );
        // Ends with the test process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (node, (fault, sent, lie)) = (node.clone(), shared.clone());
                std::thread::spawn(move || serve(client, &node, &fault, &sent, &lie));
            }
        });
        Self {
            url,
            fault,
            transactions,
            lie,
        }
    }

    /// From now on answers are what this makes of them.
    pub(crate) fn lie(&self, lie: impl Fn(&Value, &mut Value) + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }

    pub(crate) fn stop_lying(&self) {
        *self.lie.lock().unwrap() = None;
    }

    pub(crate) fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The requests that sent transactions, in order, whatever became of them.
    pub(crate) fn transactions(&self) -> Vec<String> {
        self.transactions.lock().unwrap().clone()
    }

    pub(crate) fn heal(&self) {
        self.fail(Fault::None);
    }
}

fn serve(
    mut client: TcpStream,
    node: &str,
    fault: &Mutex<Fault>,
    sent: &Mutex<Vec<String>>,
    lie: &Mutex<Option<Lie>>,
) {
    while let Some(request) = message(&mut client) {
        let text = String::from_utf8_lossy(&request);
        let sends = text.contains("eth_sendRawTransaction");
        if sends {
            sent.lock().unwrap().push(text.into_owned());
        }
        let fault = current(fault, sends);
        match fault {
            Fault::Stall => return std::thread::sleep(Duration::from_secs(5)),
            Fault::NextSent => return,
            Fault::None | Fault::EveryAnswer | Fault::NextSentAnswer => {}
        }
        let mut upstream = TcpStream::connect(node).unwrap();
        upstream.write_all(&request).unwrap();
        let Some(mut answer) = message(&mut upstream) else {
            return;
        };
        if let Some(lie) = lie.lock().unwrap().as_ref() {
            answer = rewritten(&request, &answer, lie);
        }
        if fault != Fault::None || client.write_all(&answer).is_err() {
            return;
        }
    }
}

/// What happens to this request; a fault of the next transaction is used up by it.
fn current(fault: &Mutex<Fault>, sends: bool) -> Fault {
    let mut fault = fault.lock().unwrap();
    let now = *fault;
    match now {
        Fault::None | Fault::EveryAnswer | Fault::Stall => now,
        Fault::NextSentAnswer | Fault::NextSent => {
            if sends {
                *fault = Fault::None;
                now
            } else {
                Fault::None
            }
        }
    }
}

fn rewritten(request: &[u8], answer: &[u8], lie: &Lie) -> Vec<u8> {
    let body = |message: &[u8]| {
        let text = String::from_utf8_lossy(message).into_owned();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap()
    };
    let mut told = body(answer);
    lie(&body(request), &mut told);
    let told = told.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    format!("{head} {}\r\n\r\n{told}", told.len()).into_bytes()
}

/// One HTTP/1.1 message with a Content-Length.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(bytes)
}
