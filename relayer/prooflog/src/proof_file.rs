//! `.tlog-proof` files (`c2sp.org/tlog-proof@v1`): one leaf's inclusion under one checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Hash;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path of a tree of 2^63 leaves.
const MAX_PATH: usize = 63;

/// A parsed proof file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// Index of the leaf.
    pub index: u64,
    /// Siblings from leaf to root.
    pub path: Vec<Hash>,
    /// The signed note, verbatim.
    pub checkpoint: String,
}

/// Text that is not a proof file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof file is malformed: {0}")]
pub struct MalformedProof(&'static str);

impl ProofFile {
    /// Parses the file; an `extra` line is allowed and ignored, as the format says.
    pub fn parse(text: &str) -> Result<Self, MalformedProof> {
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(MalformedProof("no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(MalformedProof("the first line is not the format's name"));
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .ok_or(MalformedProof("no index line"))?;
        let canonical =
            index == "0" || !index.starts_with('0') && index.bytes().all(|b| b.is_ascii_digit());
        let index = index
            .parse()
            .ok()
            .filter(|_| canonical)
            .ok_or(MalformedProof("the index is not a decimal number"))?;
        let path = lines
            .map(|line| {
                STANDARD
                    .decode(line)
                    .ok()
                    .and_then(|bytes| Hash::try_from(bytes).ok())
            })
            .collect::<Option<Vec<_>>>()
            .filter(|path| path.len() <= MAX_PATH)
            .ok_or(MalformedProof(
                "a hash is not base64 of 32 bytes, or there are more than 63",
            ))?;
        Ok(Self {
            index,
            path,
            checkpoint: checkpoint.to_owned(),
        })
    }
}

impl std::fmt::Display for ProofFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
