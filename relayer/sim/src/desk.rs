//! The relayer's front desk: what clients ask for over the network. When the relayer dies, so does every answer.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use isthmus::engine::admission::{Admission, Order, RequestError, WithdrawnBy};
use isthmus_core::id::TransferId;
use isthmus_core::instruction::Instruction;
use isthmus_core::receipt::Refusal;
use isthmus_core::transfer::Transfer;
use tokio::sync::{mpsc, oneshot};

use crate::world::Shared;

/// What a client asks for.
#[derive(Debug)]
pub enum Asked {
    /// Take orders in.
    Submit(Vec<Order>),
    /// Undo a transfer.
    Withdraw(TransferId, WithdrawnBy),
    /// Hand in what a burn committed to.
    Instruct(TransferId, Instruction),
}

/// What the relayer says.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Said {
    /// One answer per order.
    Submitted(Vec<Result<Transfer, Refusal>>),
    /// The transfer as it is, or why not.
    Changed(Result<Transfer, RequestError>),
}

type Call = (Asked, oneshot::Sender<Said>);

/// Where clients ring; nobody answers while the relayer is down.
#[derive(Clone, Debug, Default)]
pub struct Door(Arc<Mutex<Option<mpsc::UnboundedSender<Call>>>>);

impl Door {
    /// Asks; `None` if the relayer was down or died meanwhile.
    pub async fn ask(&self, asked: Asked) -> Option<Said> {
        let (answer, answered) = oneshot::channel();
        let calls = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        calls?.send((asked, answer)).ok()?;
        answered.await.ok()
    }

    /// A relayer opens its desk.
    pub fn open(&self) -> mpsc::UnboundedReceiver<Call> {
        let (calls, desk) = mpsc::unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(calls);
        desk
    }

    /// The relayer is gone.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Serves clients until the journal fails; then it never ends, as others do that first.
pub async fn serve(
    mut calls: mpsc::UnboundedReceiver<Call>,
    admission: Arc<Admission>,
    shared: Shared,
) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = open.next(), if !open.is_empty() => {}
            call = calls.recv() => match call {
                Some(call) => open.push(one(call, &admission, &shared)),
                None => std::future::pending().await,
            }
        }
    }
}

async fn one((asked, answer): Call, admission: &Admission, shared: &Shared) {
    shared.reach("request").await;
    let said = match asked {
        Asked::Submit(orders) => admission.submit(orders).await.map(Said::Submitted),
        Asked::Withdraw(id, by) => match admission.withdraw(id, &by).await {
            Err(RequestError::Fatal(fatal)) => Err(fatal),
            said => Ok(Said::Changed(said)),
        },
        Asked::Instruct(id, instruction) => match admission.instruct(id, instruction).await {
            Err(RequestError::Fatal(fatal)) => Err(fatal),
            said => Ok(Said::Changed(said)),
        },
    };
    shared.reach("request answer").await;
    match said {
        Ok(said) => drop(answer.send(said)),
        Err(_died) => std::future::pending().await,
    }
}
