//! Several endpoints that answer as one: what names its blocks counts only if enough of them say the same, and nobody says
//! otherwise. It is a transport, so that whoever asks the chain anything cannot forget to ask them all.

use std::sync::Arc;
use std::task::{Context, Poll};

use alloy::rpc::json_rpc::{RequestPacket, Response, ResponsePacket, ResponsePayload};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use futures::future::join_all;
use serde_json::Value;
use serde_json::value::RawValue;
use tower::Service;

use crate::node::Node;
use crate::question::{About, Question};

/// How much of an answer is shown, in characters.
const SHOWN: usize = 160;

/// The endpoints of one chain.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    nodes: Arc<[Node]>,
    /// How many must say the same.
    quorum: usize,
}

/// Endpoints that say different things about what cannot change. One of them is wrong, and nothing shows which.
#[derive(Debug, thiserror::Error)]
#[error("the endpoints disagree about {question}: {}", list(.answers))]
pub(crate) struct Disagreement {
    question: String,
    /// By endpoint.
    answers: Vec<(String, String)>,
}

/// Too few endpoints that say the same for now.
#[derive(Debug, thiserror::Error)]
#[error("{agreed} of the {quorum} endpoints needed agree about {question}: {}", list(.answers))]
pub(crate) struct TooFew {
    agreed: usize,
    quorum: usize,
    question: String,
    answers: Vec<(String, String)>,
}

fn list(answers: &[(String, String)]) -> String {
    let said = |(url, answer): &(String, String)| format!("{url} says {answer}");
    let said: Vec<_> = answers.iter().map(said).collect();
    said.join("; ")
}

/// What one endpoint said.
struct Said<'a> {
    node: &'a Node,
    answer: Result<ResponsePacket, TransportError>,
    what: What,
}

/// What of an answer can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// The essence of a value.
    Value(Value),
    /// There is none.
    Nothing,
    /// The endpoint answered with an error, say because the contract reverts.
    Error(String),
    /// No answer.
    Silence(String),
}

impl Agreement {
    pub(crate) fn new(nodes: Arc<[Node]>, quorum: usize) -> Self {
        Self { nodes, quorum }
    }

    async fn answer(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let question = match (request.as_single(), self.nodes.as_ref()) {
            (Some(single), [_, _, ..]) => Question::of(single),
            // With one endpoint there is nobody to agree with.
            (Some(_) | None, _) => return self.first(request).await,
        };
        match question.about() {
            About::Newest => self.first(request).await,
            About::Fixed(height) => {
                let able = |node: &&Node| height.is_none_or(|height| node.has(height));
                self.all(&question, request, able).await.fixed()
            }
            About::Settling => self.all(&question, request, |_| true).await.settling(),
        }
    }

    /// The answer of the endpoint that is ahead; another one's if it fails.
    async fn first(&self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|node| (node.is_suspect(), std::cmp::Reverse(node.newest())));
        let mut failed = None;
        for node in nodes {
            match node.http.clone().call(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    node.doubt();
                    failed = Some(error);
                }
            }
        }
        Err(failed.unwrap_or_else(TransportErrorKind::backend_gone))
    }

    async fn all<'a>(
        &'a self,
        question: &Question,
        request: RequestPacket,
        able: impl Fn(&&Node) -> bool,
    ) -> Answers<'a> {
        let asked = self.nodes.iter().map(|node| {
            let request = request.clone();
            let able = able(&node);
            async move {
                if node.is_suspect() || !able {
                    let why = if able {
                        "nothing, it failed before"
                    } else {
                        "nothing, it is behind"
                    };
                    return Said {
                        node,
                        answer: Err(TransportErrorKind::backend_gone()),
                        what: What::Silence(why.into()),
                    };
                }
                let answer = node.http.clone().call(request).await;
                if answer.is_err() {
                    node.doubt();
                }
                let what = what(question, &answer);
                Said { node, answer, what }
            }
        });
        Answers {
            question: question.to_string(),
            quorum: self.quorum,
            said: join_all(asked).await,
        }
    }
}

/// All answers to one question.
struct Answers<'a> {
    question: String,
    quorum: usize,
    said: Vec<Said<'a>>,
}

impl Answers<'_> {
    /// What cannot change: two different values are a contradiction, whoever else agrees.
    fn fixed(self) -> Result<ResponsePacket, TransportError> {
        if self.values().len() > 1 {
            return Err(TransportErrorKind::custom(self.disagreement()));
        }
        self.settling()
    }

    /// Enough of the same; different ones wait.
    fn settling(mut self) -> Result<ResponsePacket, TransportError> {
        let count = |what: &What| self.said.iter().filter(|said| said.what == *what).count();
        let sorted = self.values().len() <= 1;
        let position = self.said.iter().position(|said| {
            let countable = match said.what {
                What::Value(_) => sorted,
                What::Nothing => self.values().is_empty(),
                // Nodes word errors differently: they are counted below.
                What::Error(_) | What::Silence(_) => false,
            };
            countable && count(&said.what) >= self.quorum
        });
        let errors = |said: &&Said<'_>| matches!(said.what, What::Error(_));
        let refused = self.said.iter().filter(errors).count() >= self.quorum;
        let refusal = self
            .said
            .iter()
            .position(|said| matches!(said.what, What::Error(_)));
        match position.or(refusal.filter(|_| refused)) {
            Some(position) => self.said.swap_remove(position).answer,
            None => Err(TransportErrorKind::custom(self.too_few())),
        }
    }

    /// The different values.
    fn values(&self) -> Vec<&Value> {
        let mut values: Vec<&Value> = Vec::new();
        for said in &self.said {
            if let What::Value(value) = &said.what
                && !values.contains(&value)
            {
                values.push(value);
            }
        }
        values
    }

    fn disagreement(&self) -> Disagreement {
        Disagreement {
            question: self.question.clone(),
            answers: self.answers(),
        }
    }

    fn too_few(&self) -> TooFew {
        let count = |what: &What| self.said.iter().filter(|said| said.what == *what).count();
        let agreed = self.said.iter().map(|said| &said.what);
        let agreed = agreed.filter(|what| !matches!(what, What::Silence(_)));
        TooFew {
            agreed: agreed.map(count).max().unwrap_or(0),
            quorum: self.quorum,
            question: self.question.clone(),
            answers: self.answers(),
        }
    }

    /// By endpoint, shortened around the first place where they differ.
    fn answers(&self) -> Vec<(String, String)> {
        let texts: Vec<_> = self.said.iter().map(|said| said.what.to_string()).collect();
        let from = difference(&texts).saturating_sub(SHOWN / 4);
        let shown = |text: &String| {
            if text.chars().count() <= SHOWN {
                return text.clone();
            }
            let part: String = text.chars().skip(from).take(SHOWN).collect();
            format!("…{part}…")
        };
        let urls = self.said.iter().map(|said| said.node.url.clone());
        urls.zip(texts.iter().map(shown)).collect()
    }
}

/// Where the first two different texts begin to differ.
fn difference(texts: &[String]) -> usize {
    let Some((first, rest)) = texts.split_first() else {
        return 0;
    };
    let other = rest.iter().find(|text| *text != first);
    let same = |other: &String| {
        first
            .chars()
            .zip(other.chars())
            .take_while(|(a, b)| a == b)
            .count()
    };
    other.map_or(0, same)
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Nothing => f.write_str("there is none"),
            Self::Error(error) => write!(f, "error {error}"),
            Self::Silence(why) => f.write_str(why),
        }
    }
}

fn what(question: &Question, answer: &Result<ResponsePacket, TransportError>) -> What {
    let payload = match answer {
        Ok(ResponsePacket::Single(Response { payload, .. })) => payload,
        Ok(ResponsePacket::Batch(_)) => return What::Silence("a batch for one question".into()),
        Err(error) => return What::Silence(format!("nothing: {error}")),
    };
    let raw: &RawValue = match payload {
        ResponsePayload::Success(raw) => raw,
        ResponsePayload::Failure(error) => return What::Error(error.message.to_string()),
    };
    match serde_json::from_str::<Value>(raw.get()) {
        Ok(value) => question.essence(&value).map_or(What::Nothing, What::Value),
        Err(error) => What::Silence(format!("something unreadable: {error}")),
    }
}

impl Service<RequestPacket> for Agreement {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
