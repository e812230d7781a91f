//! VCS serials: the grammar of `docs/protocol.md` §2 and the algebra of blocks. The adapter has the same grammar with named
//! errors; an auditor's tool needs only a yes or no.

/// Longest serial, in bytes.
pub const MAX_LENGTH: usize = 128;
/// Most tonnes in one block, so that its grams stay below 2^63.
const MAX_TONNES: u64 = (1 << 63) / GRAMS_PER_TONNE;
const GRAMS_PER_TONNE: u64 = 1_000_000;

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
    /// Parses `batch-first-last[-VCS]-VCU-verifier-registry-country-scope-project-ddmmyyyy-ddmmyyyy-flag`.
    pub fn parse(serial: &str) -> Result<Self, MalformedSerial> {
        let malformed = || MalformedSerial(serial.chars().take(MAX_LENGTH).collect());
        if serial.len() > MAX_LENGTH {
            return Err(malformed());
        }
        let segments: Vec<&str> = serial.split('-').collect();
        let (space, batch, first, last, rest) = match segments.as_slice() {
            [batch, first, last, "VCS", "VCU", rest @ ..] => ("vcs/13", batch, first, last, rest),
            [batch, first, last, "VCU", rest @ ..] => ("vcs/12", batch, first, last, rest),
            _ => return Err(malformed()),
        };
        if !is_digits(batch) || !is_series(rest) {
            return Err(malformed());
        }
        let (first, last) = number(first)
            .zip(number(last))
            .filter(|(first, last)| first <= last && last - first < MAX_TONNES)
            .ok_or_else(malformed)?;
        let before = format!("{batch}-");
        let numbers = format!("{first}-{last}");
        let after = serial
            .get(before.len() + numbers.len()..)
            .ok_or_else(malformed)?;
        Ok(Self {
            space,
            first,
            last,
            after: after.to_owned(),
            before,
        })
    }

    /// Whether both are of one series and adjacent.
    fn joins(&self, upper: &Self) -> bool {
        (self.space, &self.before, &self.after) == (upper.space, &upper.before, &upper.after)
            && self.last.checked_add(1) == Some(upper.first)
    }

    /// Tonnes.
    pub fn quantity_t(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Grams.
    pub fn quantity_g(&self) -> u64 {
        self.quantity_t() * GRAMS_PER_TONNE
    }

    /// Whether they share a unit.
    pub fn intersects(&self, other: &Self) -> bool {
        self.space == other.space && self.first <= other.last && other.first <= self.last
    }

    /// The units that both have, in this one's series.
    pub fn common(&self, other: &Self) -> Option<Self> {
        self.intersects(other).then(|| Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
            ..self.clone()
        })
    }

    /// Those of its units that are numbered `first` to `last`.
    pub fn between(&self, first: u64, last: u64) -> Option<Self> {
        let (first, last) = (self.first.max(first), self.last.min(last));
        (first <= last).then(|| Self {
            first,
            last,
            ..self.clone()
        })
    }

    /// What is left without the units of `others`, ascending.
    pub fn without(&self, others: &[Self]) -> Vec<Self> {
        let mut rest = vec![self.clone()];
        for other in others {
            rest = rest
                .into_iter()
                .flat_map(|block| block.without_one(other))
                .collect();
        }
        rest
    }

    fn without_one(&self, other: &Self) -> Vec<Self> {
        let Some(common) = self.common(other) else {
            return vec![self.clone()];
        };
        let below = (self.first < common.first).then(|| Self {
            last: common.first - 1,
            ..self.clone()
        });
        let above = (common.last < self.last).then(|| Self {
            first: common.last + 1,
            ..self.clone()
        });
        below.into_iter().chain(above).collect()
    }

    /// The lowest `tonnes` units and the rest; at least one unit is in the first part.
    pub fn split(&self, tonnes: u64) -> (Self, Option<Self>) {
        let tonnes = tonnes.max(1);
        if tonnes >= self.quantity_t() {
            return (self.clone(), None);
        }
        let cut = self.first + tonnes;
        let lower = Self {
            last: cut - 1,
            ..self.clone()
        };
        let upper = Self {
            first: cut,
            ..self.clone()
        };
        (lower, Some(upper))
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
            // A block that would be too large to count stays two.
            Some(previous)
                if previous.joins(&block) && block.last - previous.first < MAX_TONNES =>
            {
                previous.last = block.last;
            }
            Some(_) | None => merged.push(block),
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

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number that is written exactly as we would write it.
fn number(text: &str) -> Option<u64> {
    if is_digits(text) && !text.starts_with('0') {
        text.parse().ok()
    } else {
        None
    }
}

/// The segments after `VCU`.
fn is_series(segments: &[&str]) -> bool {
    let [
        verifier,
        registry,
        country,
        scope,
        project,
        start,
        end,
        flag,
    ] = segments
    else {
        return false;
    };
    let upper = |b: u8| b.is_ascii_uppercase();
    let registry_code =
        registry.len() == 3 && registry.bytes().all(|b| upper(b) || b.is_ascii_digit());
    let country_code = country.len() == 2 && country.bytes().all(upper);
    let vintage = date(start).zip(date(end));
    [verifier, scope, project].iter().all(|s| is_digits(s))
        && registry_code
        && country_code
        && vintage.is_some_and(|(start, end)| start <= end)
        && ["0", "1"].contains(flag)
}

/// `ddmmyyyy` as (year, month, day), if the calendar has it.
fn date(text: &str) -> Option<(u32, u32, u32)> {
    if text.len() != 8 || !is_digits(text) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let (day, month, year) = (part(0..2)?, part(2..4)?, part(4..8)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some((year, month, day))
}
