//! Opening a store: the right network, the right format, nobody else.

use std::path::Path;
use std::sync::Arc;

use isthmus_core::ports::StoreError;
use isthmus_core::time::{Clock, Timestamp};
use prost::Message;
use rocksdb::{DB, DBRecoveryMode, ErrorKind, WriteOptions};

use crate::columns::{Column, META};
use crate::disk::Disk;
use crate::overlay::{failed, handle, read};
use crate::upgrade::upgrade;
use crate::writer::Writer;
use crate::{tail, tuning};
use isthmus_proto::store::v1 as pb;

/// Format version of the records that this binary writes and reads.
pub const FORMAT: u32 = 3;

/// The relayer's store.
#[derive(Debug)]
pub struct Store {
    pub(crate) db: Arc<Disk>,
    pub(crate) writer: Writer,
    clock: Arc<dyn Clock>,
}

/// Whose data a folder holds: the layouts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Relayer,
    Attester,
}

impl Owner {
    fn name(self) -> &'static str {
        match self {
            Self::Relayer => "relayer",
            Self::Attester => "attester",
        }
    }
}

/// Why a store cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another network's data.
    #[error(
        "{path} holds data of network {found:?}, not of {expected:?}: point data_dir elsewhere or correct `network`"
    )]
    ForeignNetwork {
        /// The folder.
        path: String,
        /// Whose data it holds.
        found: String,
        /// Whose data were expected.
        expected: String,
    },
    /// An attester's folder was given to a relayer, or the other way round.
    #[error(
        "{path} holds data of a {found:?} process, not of a {expected:?} one: point data_dir elsewhere"
    )]
    ForeignOwner {
        /// The folder.
        path: String,
        /// Whose data it holds.
        found: String,
        /// Whose data were expected.
        expected: &'static str,
    },
    /// A newer binary wrote it.
    #[error(
        "{path} has format {found}, this binary knows up to {FORMAT}: run the newer isthmus that wrote it"
    )]
    NewerFormat {
        /// The folder.
        path: String,
        /// Its format.
        found: u32,
    },
    /// Another process has it, or the disk is at fault.
    #[error("{path} cannot be opened (is another isthmus running on it?): {detail}")]
    Unavailable {
        /// The folder.
        path: String,
        /// What RocksDB said.
        detail: String,
    },
}

/// Opens a database with everything in its write-ahead log up to the last write that was synced, at least.
pub(crate) fn recovered(
    path: &Path,
    owner: Owner,
    columns: &[Column],
) -> Result<DB, rocksdb::Error> {
    let open = |recovery| {
        let options = tuning::database(owner, recovery);
        DB::open_cf_descriptors(&options, path, tuning::families(owner, columns))
    };
    // A log that is cut short is what a crash leaves; anything else that is missing must not be passed over.
    match open(DBRecoveryMode::TolerateCorruptedTailRecords) {
        // Unless it is the last record, half of which a power cut may have left: nobody was told that it is durable.
        Err(error)
            if error.kind() == ErrorKind::Corruption
                && tail::is_torn(path).is_ok_and(|torn| torn) =>
        {
            open(DBRecoveryMode::PointInTime)
        }
        opened => opened,
    }
}

/// Opens or creates a database with the given column families and checks whose it is.
pub(crate) fn open_database(
    path: &Path,
    network: &str,
    owner: Owner,
    columns: &[Column],
) -> Result<DB, OpenError> {
    let shown = path.display().to_string();
    let unavailable = |detail: String| OpenError::Unavailable {
        path: shown.clone(),
        detail,
    };
    let db = recovered(path, owner, columns).map_err(|e| unavailable(e.into_string()))?;
    let store = |e: StoreError| unavailable(e.0);
    if let Some(bytes) = read(&db, Column::Meta, META).map_err(store)? {
        let meta = pb::Meta::decode(bytes.as_slice()).map_err(|e| unavailable(e.to_string()))?;
        check(shown, meta, network, owner)?;
    } else {
        let meta = pb::Meta {
            format: FORMAT,
            network: network.into(),
            owner: owner.name().into(),
        };
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let family = handle(&db, Column::Meta).map_err(store)?;
        db.put_cf_opt(family, META, meta.encode_to_vec(), &synced)
            .map_err(|e| store(failed(e)))?;
    }
    Ok(db)
}

fn check(path: String, meta: pb::Meta, network: &str, owner: Owner) -> Result<(), OpenError> {
    if meta.format > FORMAT {
        let found = meta.format;
        return Err(OpenError::NewerFormat { path, found });
    }
    if meta.network != network {
        return Err(OpenError::ForeignNetwork {
            path,
            found: meta.network,
            expected: network.into(),
        });
    }
    if meta.owner != owner.name() {
        return Err(OpenError::ForeignOwner {
            path,
            found: meta.owner,
            expected: owner.name(),
        });
    }
    Ok(())
}

impl Store {
    /// Opens the store in `path`, creating it if it is not there.
    pub fn open(path: &Path, network: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let db = open_database(path, network, Owner::Relayer, &Column::ALL)?;
        let db = Arc::new(Disk::new(db));
        upgrade(&db).map_err(|e| OpenError::Unavailable {
            path: path.display().to_string(),
            detail: e.0,
        })?;
        let writer = Writer::start(Arc::clone(&db), Arc::clone(&clock));
        Ok(Self { db, writer, clock })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
