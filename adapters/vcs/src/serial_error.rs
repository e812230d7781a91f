//! Why a text is not a VCU serial: which segment, its value, and what to write instead.

use std::fmt;

use time::Date;

use crate::serial::MAX_LENGTH;

/// A text that is not a serial. Nothing is coerced: proofs hash the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// More bytes than a serial can have.
    #[error(
        "serial has {length} bytes: a serial has at most {MAX_LENGTH}; give one serial per entry"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A character that no serial contains, a typographic dash for instance.
    #[error(
        "serial has the character {character:?} at byte {offset}: write it in ASCII, with plain hyphens, as the registry exports it"
    )]
    NotAscii {
        /// Where.
        offset: usize,
        /// Which.
        character: char,
    },
    /// Neither era writes this many segments.
    #[error(
        "serial {text:?} has {found} segments: expected 13 (with VCS) or 12 (issued before Verra's own registry)"
    )]
    SegmentCount {
        /// How many.
        found: usize,
        /// The text.
        text: String,
    },
    /// One segment is wrong.
    #[error("serial segment {position} ({segment}) is {value:?}: {problem}")]
    Segment {
        /// From 1.
        position: usize,
        /// Its name.
        segment: Segment,
        /// What it holds.
        value: String,
        /// What is wrong and what to write.
        problem: Problem,
    },
    /// The numbers do not make a block.
    #[error(
        "serial segments 2 and 3 (first, last) are {first} and {last}: the first must be at least 1 and not above the last"
    )]
    Reversed {
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
    },
    /// The block has more tonnes than can be counted in grams.
    #[error(
        "serial segments 2 and 3 (first, last) are {first} and {last}: a block has at most 9223372036854 t; check the numbers"
    )]
    TooLarge {
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
    },
    /// The vintage ends before it starts.
    #[error(
        "serial segments for the vintage are {start} and {end}: it must not end before it starts"
    )]
    VintageReversed {
        /// First day.
        start: Date,
        /// Last day.
        end: Date,
    },
    /// A block of the core that only looks like this serial.
    #[error(
        "block {text} of numbering space {space} is not the block of that serial: take blocks from parsed serials"
    )]
    OtherBlock {
        /// The block as text.
        text: String,
        /// Its numbering space.
        space: String,
    },
}

/// The segments, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Issuance batch.
    Batch,
    /// First unit.
    First,
    /// Last unit.
    Last,
    /// `VCS`, in the newer era only.
    Programme,
    /// `VCU`.
    UnitType,
    /// Validation and verification body.
    Verifier,
    /// Registry code.
    Registry,
    /// Country code.
    Country,
    /// Sectoral scope.
    Scope,
    /// Project number.
    Project,
    /// First day of the vintage.
    VintageStart,
    /// Last day of the vintage.
    VintageEnd,
    /// Whether there are additional certifications.
    Flag,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Batch => "batch",
            Self::First => "first",
            Self::Last => "last",
            Self::Programme => "programme",
            Self::UnitType => "unit type",
            Self::Verifier => "verifier",
            Self::Registry => "registry",
            Self::Country => "country",
            Self::Scope => "scope",
            Self::Project => "project",
            Self::VintageStart => "vintage start",
            Self::VintageEnd => "vintage end",
            Self::Flag => "additional certifications",
        })
    }
}

/// What is wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something else than digits, or nothing.
    #[error("write digits 0 to 9 only, without sign or space")]
    NotDigits,
    /// Zero where units are counted from 1.
    #[error("units are numbered from 1")]
    Zero,
    /// It would be written out differently.
    #[error("write the number without leading zeros")]
    LeadingZero,
    /// Does not fit 64 bits.
    #[error("the number is above 18446744073709551615")]
    Overflow,
    /// Not `VCS` where 13 segments need it.
    #[error("a serial of 13 segments has VCS here")]
    NotVcs,
    /// Not `VCU`.
    #[error("write VCU; other unit types are not bridged")]
    NotVcu,
    /// Not a registry code.
    #[error("write three capital letters or digits, like VER, APX, MER or TZ1")]
    NotARegistry,
    /// Not a country code.
    #[error("write the two capital letters of ISO 3166")]
    NotACountry,
    /// Not a day of the calendar.
    #[error("write a real day as ddmmyyyy")]
    NotADate,
    /// Neither 0 nor 1; a letter O has been seen.
    #[error("write the digit 0 or 1, not a letter")]
    NotAFlag,
}
