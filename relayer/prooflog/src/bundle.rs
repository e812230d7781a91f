//! Proof bundles: a tar of files in native formats and a JCS manifest (`docs/protocol.md` §10). Equal content gives equal bytes.

use std::collections::BTreeMap;
use std::io::Read;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::leaf::Grams;

/// Largest archive, in bytes.
pub const MAX_BUNDLE: usize = 64 * 1024 * 1024;
/// Most files.
pub const MAX_FILES: usize = 4096;
const MANIFEST: &str = "manifest.json";

/// What the bundle holds and about which transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Class of the units.
    pub asset_class: B256,
    /// Every other file, by path.
    pub files: Vec<FileEntry>,
    /// `outbound` or `return`.
    pub kind: BundleKind,
    /// Size of the checkpoint that all proofs are against.
    pub log_size: u64,
    /// How much moved.
    pub quantity_g: Grams,
    /// The transfer.
    pub transfer: B256,
    /// Version of this form: 1.
    pub v: u8,
}

/// Which way the transfer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    /// Lock, mint.
    Outbound,
    /// Burn, release or retire.
    Return,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where.
    pub path: String,
    /// What for.
    pub role: String,
    /// SHA-256 of its bytes.
    pub sha256: B256,
    /// Its length.
    pub size: u64,
}

/// A parsed bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The manifest.
    pub manifest: Manifest,
    /// All other files.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// An archive that is not a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Over a limit.
    #[error("the bundle is too large: {0}")]
    TooLarge(String),
    /// Not a tar of plain files with relative paths.
    #[error("the bundle is malformed: {0}")]
    Malformed(String),
}

/// Role of a file, by its folder.
pub(crate) fn role(path: &str) -> &'static str {
    match path.split('/').next() {
        Some("checkpoint") => "checkpoint",
        Some("leaves") => "leaf",
        Some("proofs") => "inclusion",
        Some("consistency") => "consistency",
        Some("origin") => "origin-evidence",
        Some("destination") => "destination-evidence",
        Some("auth") => "authorisation",
        _ => "other",
    }
}

impl Bundle {
    /// A bundle of these files.
    pub fn new(
        transfer: B256,
        kind: BundleKind,
        asset_class: B256,
        quantity_g: u64,
        log_size: u64,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        let entries = files
            .iter()
            .map(|(path, bytes)| FileEntry {
                path: path.clone(),
                role: role(path).to_owned(),
                sha256: sha256(bytes),
                size: bytes.len().try_into().unwrap_or(u64::MAX),
            })
            .collect();
        let manifest = Manifest {
            asset_class,
            files: entries,
            kind,
            log_size,
            quantity_g: Grams(quantity_g),
            transfer,
            v: 1,
        };
        Self { manifest, files }
    }

    /// The archive: entries sorted by path, all metadata zero.
    pub fn to_archive(&self) -> std::io::Result<Vec<u8>> {
        let manifest =
            serde_json_canonicalizer::to_vec(&self.manifest).map_err(std::io::Error::other)?;
        let mut archive = tar::Builder::new(Vec::new());
        let mut all: Vec<(&str, &[u8])> = self
            .files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .collect();
        all.push((MANIFEST, &manifest));
        all.sort_unstable();
        for (path, bytes) in all {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len().try_into().map_err(std::io::Error::other)?);
            header.set_mode(0o644);
            header.set_mtime(0);
            archive.append_data(&mut header, path, bytes)?;
        }
        archive.into_inner()
    }

    /// Parses an archive. Hashes are not checked here: that is the verifier's first step.
    pub fn parse(archive: &[u8]) -> Result<Self, BundleError> {
        if archive.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge(format!(
                "{} bytes, at most {MAX_BUNDLE}",
                archive.len()
            )));
        }
        let malformed = |e: std::io::Error| BundleError::Malformed(e.to_string());
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().map_err(malformed)? {
            let mut entry = entry.map_err(malformed)?;
            let path = entry.path().map_err(malformed)?.to_str().map(str::to_owned);
            let path = path.ok_or_else(|| BundleError::Malformed("a path is not UTF-8".into()))?;
            let plain = entry.header().entry_type().is_file();
            if !plain
                || path.starts_with('/')
                || path
                    .split('/')
                    .any(|part| part.is_empty() || part == "." || part == "..")
            {
                return Err(BundleError::Malformed(format!(
                    "{path:?} is not a plain file with a relative path"
                )));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(malformed)?;
            if files.insert(path.clone(), bytes).is_some() {
                return Err(BundleError::Malformed(format!("{path:?} is there twice")));
            }
            if files.len() > MAX_FILES {
                return Err(BundleError::TooLarge(format!(
                    "more than {MAX_FILES} files"
                )));
            }
        }
        let manifest = files
            .remove(MANIFEST)
            .ok_or_else(|| BundleError::Malformed(format!("there is no {MANIFEST}")))?;
        let manifest = serde_json::from_slice(&manifest)
            .map_err(|e| BundleError::Malformed(format!("{MANIFEST}: {e}")))?;
        let bundle = Self { manifest, files };
        // Nothing hides in metadata, padding or another spelling of the manifest: equal content is equal bytes.
        if bundle.to_archive().map_err(malformed)? != archive {
            return Err(BundleError::Malformed(
                "it is not the canonical archive of its files: entries sorted by path, metadata zero, nothing after the end".into(),
            ));
        }
        Ok(bundle)
    }

    /// A file as text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files
            .get(path)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The paths inside a folder.
    pub fn folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> + 'a {
        self.files.iter().filter_map(move |(path, bytes)| {
            path.strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .map(|name| (name, bytes.as_slice()))
        })
    }
}

/// SHA-256 of a file.
pub fn sha256(bytes: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest(bytes)))
}
