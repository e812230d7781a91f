//! The relayer, as an attester sees it: somebody who has tasks and a log. Protobuf ends here.

use isthmus_core::id::{InvalidId, LedgerId, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::quantity::Quantity;
use isthmus_core::receipt::Lasting;
use isthmus_proto::v1 as pb;
use isthmus_proto::v1::attester_service_client::AttesterServiceClient;
use isthmus_proto::v1::proof_service_client::ProofServiceClient;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::attester::decline::{Decline, Ground};
use crate::attester::verify_mint::MintBatch;
use crate::attester::verify_void::Void;

/// How long the relayer may hold a pull open until there is a task.
const PULL_WAIT_MS: u32 = 20_000;
/// Most tasks at a time.
const PULL_LIMIT: u32 = 64;
/// Longest call: a pull and some.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The relayer's address or token cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("relayer.{field} is not valid: {detail}")]
pub struct InvalidRelayer {
    /// `url` or `token`.
    pub field: &'static str,
    /// What is wrong with it, without repeating a secret.
    pub detail: String,
}

/// Puts the token on every call.
#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let _ = request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A channel to the relayer that carries this attester's identity.
#[derive(Clone)]
pub struct Relayer {
    channel: Channel,
    bearer: Bearer,
}

impl std::fmt::Debug for Relayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relayer").finish_non_exhaustive()
    }
}

type Authorised = InterceptedService<Channel, Bearer>;

/// A task, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The relayer's name for it.
    pub id: String,
    /// What is asked.
    pub work: Asked,
}

/// What a task asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Sign mints.
    Mint(MintBatch),
    /// Sign a void.
    Void(Void),
    /// Approve at a registry.
    Approval(Approval),
    /// Something that cannot be read; to be declined as it is.
    Unreadable(Vec<Declined>),
}

/// A movement that the relayer has proposed at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The registry.
    pub ledger: LedgerId,
    /// The transfer.
    pub transfer: TransferId,
    /// The registry's reference.
    pub reference: String,
    /// JCS of the burner's instruction; empty for an unlock.
    pub instruction: Vec<u8>,
}

/// A no to one transfer of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The transfer, as the task names it.
    pub transfer: String,
    /// Why.
    pub decline: Decline,
}

/// The attester's answer to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature over the digest.
    Signed(Vec<u8>),
    /// Approved at the registry.
    Approved,
    /// What is not signed; the rest of a batch would be.
    Declined(Vec<Declined>),
}

impl Verdict {
    /// A no to one transfer.
    pub fn declined(transfer: TransferId, decline: Decline) -> Self {
        Self::Declined(vec![Declined {
            transfer: transfer.to_string(),
            decline,
        }])
    }
}

impl Relayer {
    /// A channel that connects when it is first used and again whenever it must.
    pub fn new(url: &str, token: &SecretString) -> Result<Self, InvalidRelayer> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| InvalidRelayer {
                field: "url",
                detail: error.to_string(),
            })?
            .timeout(CALL_TIMEOUT)
            .connect_timeout(Duration::from_secs(5));
        let bearer = format!("Bearer {}", token.expose_secret().trim())
            .parse()
            .map_err(|_| InvalidRelayer {
                field: "token",
                detail: "it has characters that no header can carry".into(),
            })?;
        Ok(Self {
            channel: endpoint.connect_lazy(),
            bearer: Bearer(bearer),
        })
    }

    /// The log's newest signed checkpoint, a note.
    pub async fn checkpoint(&self) -> Result<String, Status> {
        let answer = self.log().checkpoint(pb::CheckpointRequest {}).await?;
        Ok(answer.into_inner().note)
    }

    /// Up to `limit` leaves from `start` on.
    pub async fn leaves(&self, start: u64, limit: u32) -> Result<Vec<Vec<u8>>, Status> {
        let request = pb::LeavesRequest { start, limit };
        let leaves = self.log().leaves(request).await?.into_inner().leaves;
        Ok(leaves.into_iter().map(Vec::from).collect())
    }

    /// Hashes that shall prove one size of the log a prefix of another.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Status> {
        let request = pb::ConsistencyRequest { from, to };
        let hashes = self.log().consistency(request).await?.into_inner().hashes;
        Ok(hashes.into_iter().map(Vec::from).collect())
    }

    fn log(&self) -> ProofServiceClient<Authorised> {
        ProofServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    fn tasks(&self) -> AttesterServiceClient<Authorised> {
        AttesterServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// Tasks that wait for this attester's answer; waits for one.
    pub async fn pull(&self, checkpoint: String) -> Result<Vec<Task>, Status> {
        let request = pb::PullRequest {
            wait_ms: PULL_WAIT_MS,
            limit: PULL_LIMIT,
            checkpoint,
        };
        let tasks = self.tasks().pull(request).await?.into_inner().tasks;
        Ok(tasks.into_iter().map(Task::from).collect())
    }

    /// Hands an answer in. Handing it in again does no harm.
    pub async fn answer(&self, task: &str, verdict: Verdict) -> Result<(), Status> {
        let request = pb::AnswerRequest {
            task: task.to_owned(),
            answer: Some(verdict.into()),
        };
        self.tasks().answer(request).await.map(drop)
    }
}

impl From<Verdict> for pb::answer_request::Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Signed(signature) => Self::Signed(pb::Signed {
                signature: signature.into(),
            }),
            Verdict::Approved => Self::Approved(pb::Approved {}),
            Verdict::Declined(items) => Self::Declined(pb::Declined {
                items: items.into_iter().map(pb::DeclinedItem::from).collect(),
            }),
        }
    }
}

impl From<Declined> for pb::DeclinedItem {
    fn from(declined: Declined) -> Self {
        let ground = declined.decline.ground;
        Self {
            transfer: declined.transfer,
            code: ground.code().into(),
            reason: declined.decline.reason,
            later: ground.lasting() == Lasting::Later,
        }
    }
}

impl From<pb::Task> for Task {
    fn from(task: pb::Task) -> Self {
        use pb::task::Work;
        let (transfers, parsed) = match task.work {
            Some(Work::MintBatch(batch)) => {
                let transfers = batch.items.iter().map(|i| i.transfer.clone()).collect();
                (transfers, mint(&batch).map(Asked::Mint))
            }
            Some(Work::Void(void)) => (vec![void.transfer.clone()], self::void(&void)),
            Some(Work::Approval(approval)) => {
                (vec![approval.transfer.clone()], self::approval(approval))
            }
            None => (
                Vec::new(),
                Err("a task of a kind that is not known here".into()),
            ),
        };
        let work = parsed.unwrap_or_else(|reason| {
            let decline = Decline::new(Ground::Malformed, reason);
            let declined = transfers.into_iter().map(|transfer| Declined {
                transfer,
                decline: decline.clone(),
            });
            Asked::Unreadable(declined.collect())
        });
        Self { id: task.id, work }
    }
}

fn mint(batch: &pb::MintBatchTask) -> Result<MintBatch, String> {
    if batch.items.is_empty() {
        return Err("a batch without items".into());
    }
    let root = <[u8; 32]>::try_from(batch.log_root.as_ref())
        .map_err(|_| format!("log_root has {} bytes, not 32", batch.log_root.len()))?;
    let items = batch.items.iter().map(item).collect::<Result<_, _>>()?;
    Ok(MintBatch {
        ledger: id(&batch.ledger)?,
        gate: id(&batch.gate)?,
        items,
        log: LogHead {
            size: batch.log_size,
            root: isthmus_core::id::Hash32::new(root),
        },
        epoch: batch.epoch,
        deadline_s: batch.deadline_s,
    })
}

fn item(item: &pb::MintItem) -> Result<MintItem, String> {
    Ok(MintItem {
        transfer: id(&item.transfer)?,
        asset_class: id(&item.asset_class)?,
        recipient: id(&item.recipient)?,
        quantity: Quantity::from_grams(item.quantity_g).map_err(|error| error.to_string())?,
    })
}

fn void(void: &pb::VoidTask) -> Result<Asked, String> {
    Ok(Asked::Void(Void {
        ledger: id(&void.ledger)?,
        gate: id(&void.gate)?,
        transfer: id(&void.transfer)?,
        epoch: void.epoch,
    }))
}

fn approval(approval: pb::ApprovalTask) -> Result<Asked, String> {
    Ok(Asked::Approval(Approval {
        ledger: id(&approval.ledger)?,
        transfer: id(&approval.transfer)?,
        reference: approval.reference,
        instruction: approval.instruction.to_vec(),
    }))
}

fn id<T: std::str::FromStr<Err = InvalidId>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: InvalidId| error.to_string())
}
