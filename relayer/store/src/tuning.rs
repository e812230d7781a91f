//! How RocksDB is told to use memory and files: bounded over all column families together, whatever the work, and so that
//! opening does not depend on how much has ever been stored.

use rocksdb::{
    BlockBasedOptions, BlockBasedTablePinningTier, Cache, ColumnFamilyDescriptor,
    DBCompressionType, DBRecoveryMode, Options,
};

use crate::columns::Column;
use crate::open::Owner;

const MIB: usize = 1 << 20;
/// Most files held open; RocksDB opens others when they are read.
const OPEN_FILES: i32 = 512;
/// Bits of a bloom filter per key: one in a hundred keys that are not there is looked for.
const BLOOM_BITS: f64 = 10.0;

/// Memory for one process.
struct Budget {
    /// Blocks, indexes and filters of all column families.
    cache: usize,
    /// Memtables of all column families; the largest is written out when they reach it.
    memtables: usize,
    /// Write-ahead log; what a restart after a kill reads again.
    log: u64,
}

impl Budget {
    fn of(owner: Owner) -> Self {
        match owner {
            Owner::Relayer => Self {
                cache: 64 * MIB,
                memtables: 48 * MIB,
                log: 48 << 20,
            },
            Owner::Attester => Self {
                cache: 16 * MIB,
                memtables: 16 * MIB,
                log: 16 << 20,
            },
        }
    }
}

/// Options of the database.
pub(crate) fn database(owner: Owner, recovery: DBRecoveryMode) -> Options {
    let budget = Budget::of(owner);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_wal_recovery_mode(recovery);
    options.set_db_write_buffer_size(budget.memtables);
    options.set_max_total_wal_size(budget.log);
    options.set_max_open_files(OPEN_FILES);
    // Reads the properties of every file; costs seconds with many and nothing here needs them.
    options.set_skip_stats_update_on_db_open(true);
    options.set_bytes_per_sync(1 << 20);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 * MIB);
    options
}

/// The column families with their options; they share one cache.
pub(crate) fn families(owner: Owner, columns: &[Column]) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_hyper_clock_cache(Budget::of(owner).cache, 0);
    let family =
        |column: &Column| ColumnFamilyDescriptor::new(column.name(), family(*column, &cache));
    columns.iter().map(family).collect()
}

fn family(column: Column, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_unpartitioned_pinning_tier(BlockBasedTablePinningTier::FlushAndSimilar);
    table.set_bloom_filter(BLOOM_BITS, false);
    table.set_optimize_filters_for_memory(true);
    table.set_format_version(6);
    let mut options = Options::default();
    match Shape::of(column) {
        Shape::Bulk => {
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_write_buffer_size(16 * MIB);
        }
        Shape::Index => {
            options.set_compression_type(DBCompressionType::None);
            options.set_write_buffer_size(8 * MIB);
        }
        Shape::Ordered => {
            options.set_compression_type(DBCompressionType::None);
            // Who looks for a key looks in each memtable and each new file: few and small ones.
            options.set_write_buffer_size(2 * MIB);
            options.set_level_zero_file_num_compaction_trigger(2);
        }
    }
    // Column families that hardly anything is written to take hardly anything of the memtables' budget.
    options.set_arena_block_size(128 << 10);
    match Shape::of(column) {
        Shape::Bulk => {}
        // What was deleted is in the way of whoever looks for the first entry, or for the one before a key.
        Shape::Index | Shape::Ordered => {
            options.add_compact_on_deletion_collector_factory(1024, 512, 0.5);
        }
    }
    options.set_block_based_table_factory(&table);
    options
}

/// What a column family is like.
#[derive(Clone, Copy)]
enum Shape {
    /// Larger records, written once or seldom.
    Bulk,
    /// Small records that are looked up at random.
    Index,
    /// Small records that are sought by their order, not by their key.
    Ordered,
}

impl Shape {
    fn of(column: Column) -> Self {
        match column {
            Column::Transfers
            | Column::Journal
            | Column::Drafts
            | Column::Batches
            | Column::Evidence
            | Column::Leaves
            | Column::Checkpoints
            | Column::Inbox
            | Column::Routes => Self::Bulk,
            Column::Custody
            | Column::Holdings
            | Column::Offers
            | Column::LeavesOf
            | Column::Hashes
            | Column::Cursors
            | Column::Requests
            | Column::Nonces
            | Column::Admitted
            | Column::Snapshots
            | Column::Meta => Self::Index,
            Column::Due | Column::Spans => Self::Ordered,
        }
    }
}
