//! Just enough of a VCS serial to compare blocks: its numbering space, its two numbers and the rest. The adapter has the whole
//! grammar; an auditor's tool needs only the algebra.

/// A serial split at its two numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// `vcs/13` or `vcs/12`.
    pub space: &'static str,
    /// First number.
    pub first: u64,
    /// Last number.
    pub last: u64,
    before: String,
    after: String,
}

/// A serial that cannot be split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("serial {0:?} is malformed")]
pub struct MalformedSerial(pub String);

impl Block {
    /// Splits `batch-first-last-rest`.
    pub fn parse(serial: &str) -> Result<Self, MalformedSerial> {
        let malformed = || MalformedSerial(serial.chars().take(120).collect());
        let space = match serial.split('-').count() {
            13 => "vcs/13",
            12 => "vcs/12",
            _ => return Err(malformed()),
        };
        let mut parts = serial.splitn(4, '-');
        let (Some(batch), Some(first), Some(last), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let number = |text: &str| {
            let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u64>().ok().filter(|_| canonical)
        };
        let (first, last) = number(first)
            .zip(number(last))
            .filter(|(first, last)| first <= last)
            .ok_or_else(malformed)?;
        if last - first >= u64::MAX / 2_000_000 {
            return Err(malformed());
        }
        Ok(Self {
            space,
            first,
            last,
            before: format!("{batch}-"),
            after: format!("-{rest}"),
        })
    }

    /// Whether both are of one series and adjacent.
    fn joins(&self, upper: &Self) -> bool {
        (self.space, &self.before, &self.after) == (upper.space, &upper.before, &upper.after)
            && self.last + 1 == upper.first
    }

    /// Tonnes.
    pub fn quantity_t(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Grams.
    pub fn quantity_g(&self) -> u64 {
        self.quantity_t() * 1_000_000
    }

    /// Whether they share a unit.
    pub fn intersects(&self, other: &Self) -> bool {
        self.space == other.space && self.first <= other.last && other.first <= self.last
    }

    /// The lowest `tonnes` units and the rest.
    pub fn split(&self, tonnes: u64) -> (Self, Option<Self>) {
        if tonnes >= self.quantity_t() {
            return (self.clone(), None);
        }
        let cut = self.first + tonnes;
        (
            Self {
                last: cut - 1,
                ..self.clone()
            },
            Some(Self {
                first: cut,
                ..self.clone()
            }),
        )
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}{}-{}{}",
            self.before, self.first, self.last, self.after
        )
    }
}

/// Parses all, sorts, merges neighbours of one series; refuses overlaps.
pub fn normalise(serials: &[String]) -> Result<Vec<Block>, MalformedSerial> {
    let mut blocks = serials
        .iter()
        .map(|s| Block::parse(s))
        .collect::<Result<Vec<_>, _>>()?;
    blocks.sort_by(|a, b| (a.space, a.first).cmp(&(b.space, b.first)));
    let mut merged: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        match merged.last_mut() {
            Some(previous) if previous.intersects(&block) => {
                return Err(MalformedSerial(format!("{previous} overlaps {block}")));
            }
            Some(previous) if previous.joins(&block) => previous.last = block.last,
            _ => merged.push(block),
        }
    }
    Ok(merged)
}

/// Grams in disjoint blocks.
pub fn total_g(blocks: &[Block]) -> u64 {
    blocks
        .iter()
        .map(Block::quantity_g)
        .fold(0, u64::saturating_add)
}
