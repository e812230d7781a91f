//! A watch: the transfer now and after every change, until it has ended. It asks to be told of changes before it reads, and
//! reads again whenever it may have missed one, so it never misses the end.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use isthmus_core::id::TransferId;
use isthmus_core::transfer::Transfer;
use isthmus_proto::v1 as pb;
use tokio::sync::broadcast::{self, error::RecvError};
use tonic::Status;

use crate::control::error::ApiError;
use crate::control::render;
use crate::control::shared::Shared;

/// One watcher of one transfer.
pub(crate) struct Watching {
    shared: Arc<Shared>,
    id: TransferId,
    changes: broadcast::Receiver<TransferId>,
    /// Length of the transfer as last sent.
    sent: Option<u64>,
}

type Item = Result<pb::WatchTransferResponse, Status>;

impl Watching {
    /// Begins to watch a transfer that exists.
    pub(crate) fn begin(shared: &Arc<Shared>, id: TransferId) -> Result<Self, ApiError> {
        let watching = Self {
            shared: Arc::clone(shared),
            id,
            changes: shared.parts.recorder.watch(),
            sent: None,
        };
        watching.read().map(|_| watching)
    }

    fn read(&self) -> Result<Transfer, ApiError> {
        let transfer = self.shared.parts.recorder.journal().transfer(self.id)?;
        transfer.ok_or(ApiError::UnknownTransfer(self.id))
    }

    /// The answers; the last one shows the end.
    pub(crate) fn stream(self) -> BoxStream<'static, Item> {
        stream::unfold(Some(self), |watching| async move {
            let mut watching = watching?;
            match watching.next().await {
                Ok((answer, false)) => Some((Ok(answer), Some(watching))),
                Ok((answer, true)) => Some((Ok(answer), None)),
                Err(error) => Some((Err(error.into()), None)),
            }
        })
        .boxed()
    }

    /// The transfer as soon as it differs from what was sent, and whether it has ended.
    async fn next(&mut self) -> Result<(pb::WatchTransferResponse, bool), ApiError> {
        loop {
            let transfer = self.read()?;
            if self.sent != Some(transfer.length()) {
                self.sent = Some(transfer.length());
                let rendered = render::transfer(&self.shared, &transfer)?;
                let answer = pb::WatchTransferResponse {
                    transfer: Some(rendered),
                };
                return Ok((answer, transfer.state().is_final()));
            }
            self.changed().await?;
        }
    }

    /// Resolves when the transfer may have changed.
    async fn changed(&mut self) -> Result<(), ApiError> {
        let shared = Arc::clone(&self.shared);
        let closed = shared.closed();
        tokio::pin!(closed);
        loop {
            tokio::select! {
                () = &mut closed => return Err(ApiError::Closing),
                change = self.changes.recv() => match change {
                    Ok(id) if id == self.id => return Ok(()),
                    Ok(_) => {}
                    // What was missed may have been this transfer's.
                    Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => return Err(ApiError::Closing),
                },
            }
        }
    }
}
