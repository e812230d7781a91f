//! Protobuf messages and gRPC services, generated from `proto/isthmus`. The files there are the documentation.
#![allow(
    missing_docs,
    unreachable_pub,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    clippy::as_conversions,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated code"
)]

/// The control plane's API, `isthmus.v1`.
pub mod v1 {
    tonic::include_proto!("isthmus.v1");
}

/// Records on disk.
pub mod store {
    /// Records of format 1, `isthmus.store.v1`.
    pub mod v1 {
        tonic::include_proto!("isthmus.store.v1");
    }
}

/// The descriptors of every file, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
