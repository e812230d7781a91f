//! Stable codes of everything that an operator, an exchange or an auditor may be told. Each has a heading in `docs/errors.md`.
//!
//! A code is never used for another meaning and never numbered anew; one that is no longer needed keeps its number.

/// What went wrong, as a code that stays the same over releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A configuration file cannot be used.
    ConfigInvalid,
    /// The store cannot be opened, read or written.
    StoreUnavailable,
    /// A registry or chain does not answer, or answers nothing that can be used.
    LedgerUnavailable,
    /// A ledger contradicts something it had said finally.
    LedgerContradiction,
    /// A fact does not fit the history of its transfer.
    ContradictoryFact,
    /// Too many attesters refuse a transfer for a reason that does not pass.
    AttestersDeclined,
    /// A request holds a field that cannot be used.
    InvalidField,
    /// The relayer knows no transfer with this id.
    UnknownTransfer,
    /// The relayer knows no route with this id.
    UnknownRoute,
    /// An idempotency key came with other terms than before.
    IdempotencyKeyReused,
    /// The caller did not say who it is, or not credibly.
    NotAuthenticated,
    /// The caller's roles do not include this call.
    NotPermitted,
    /// The route does not take this transfer.
    PolicyRefused,
    /// A serial block is already in a live transfer.
    UnitsTaken,
    /// The holder's signature does not verify.
    MandateInvalid,
    /// The instruction is not the one that the burn committed to.
    InstructionMismatch,
    /// The transfer is in a state in which this cannot be done.
    WrongState,
    /// A route document or its signatures cannot be accepted.
    RouteRefused,
    /// An operator has paused this.
    Paused,
    /// The same person cannot decide twice.
    SecondPersonNeeded,
    /// What the proof needs is not all there yet.
    ProofNotReady,
    /// The proof log does not extend its last signed checkpoint.
    LogForked,
    /// The relayer cannot be reached.
    RelayerUnavailable,
    /// An address to listen on cannot be used.
    AddressInUse,
    /// The relayer failed in a way that it has no name for.
    Internal,
}

/// What the caller can do about it; decides the command line's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Correct the configuration.
    Configure,
    /// Ask for something else, or ask somebody else.
    Reconsider,
    /// Ask again later.
    Wait,
    /// Report a bug.
    Report,
}

impl Remedy {
    /// Exit code of a command that ends with it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Configure => 3,
            Self::Reconsider => 4,
            Self::Wait => 5,
            Self::Report => 70,
        }
    }
}

impl ErrorCode {
    /// All codes, ascending.
    pub const ALL: &'static [Self] = &[
        Self::ConfigInvalid,
        Self::StoreUnavailable,
        Self::LedgerUnavailable,
        Self::LedgerContradiction,
        Self::ContradictoryFact,
        Self::AttestersDeclined,
        Self::InvalidField,
        Self::UnknownTransfer,
        Self::UnknownRoute,
        Self::IdempotencyKeyReused,
        Self::NotAuthenticated,
        Self::NotPermitted,
        Self::PolicyRefused,
        Self::UnitsTaken,
        Self::MandateInvalid,
        Self::InstructionMismatch,
        Self::WrongState,
        Self::RouteRefused,
        Self::Paused,
        Self::SecondPersonNeeded,
        Self::ProofNotReady,
        Self::LogForked,
        Self::RelayerUnavailable,
        Self::AddressInUse,
        Self::Internal,
    ];

    /// `ISTHMUS-0001`.
    pub fn code(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "ISTHMUS-0001",
            Self::StoreUnavailable => "ISTHMUS-0002",
            Self::LedgerUnavailable => "ISTHMUS-0003",
            Self::LedgerContradiction => "ISTHMUS-0004",
            Self::ContradictoryFact => "ISTHMUS-0005",
            Self::AttestersDeclined => "ISTHMUS-0006",
            Self::InvalidField => "ISTHMUS-0007",
            Self::UnknownTransfer => "ISTHMUS-0008",
            Self::UnknownRoute => "ISTHMUS-0009",
            Self::IdempotencyKeyReused => "ISTHMUS-0010",
            Self::NotAuthenticated => "ISTHMUS-0011",
            Self::NotPermitted => "ISTHMUS-0012",
            Self::PolicyRefused => "ISTHMUS-0013",
            Self::UnitsTaken => "ISTHMUS-0014",
            Self::MandateInvalid => "ISTHMUS-0015",
            Self::InstructionMismatch => "ISTHMUS-0016",
            Self::WrongState => "ISTHMUS-0017",
            Self::RouteRefused => "ISTHMUS-0018",
            Self::Paused => "ISTHMUS-0019",
            Self::SecondPersonNeeded => "ISTHMUS-0020",
            Self::ProofNotReady => "ISTHMUS-0021",
            Self::LogForked => "ISTHMUS-0022",
            Self::RelayerUnavailable => "ISTHMUS-0023",
            Self::AddressInUse => "ISTHMUS-0024",
            Self::Internal => "ISTHMUS-0025",
        }
    }

    /// Its heading in `docs/errors.md`.
    pub fn title(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "The configuration is not valid",
            Self::StoreUnavailable => "The store cannot be used",
            Self::LedgerUnavailable => "A ledger does not answer",
            Self::LedgerContradiction => "A ledger contradicts itself",
            Self::ContradictoryFact => "A fact does not fit the journal",
            Self::AttestersDeclined => "Attesters declined for good",
            Self::InvalidField => "A field of a request is not valid",
            Self::UnknownTransfer => "There is no such transfer",
            Self::UnknownRoute => "There is no such route",
            Self::IdempotencyKeyReused => "The idempotency key was used for something else",
            Self::NotAuthenticated => "The caller is not known",
            Self::NotPermitted => "The caller may not do this",
            Self::PolicyRefused => "The route's policy refuses the transfer",
            Self::UnitsTaken => "Units are in another transfer",
            Self::MandateInvalid => "The holder's signature is not valid",
            Self::InstructionMismatch => "The instruction is not the committed one",
            Self::WrongState => "The transfer cannot do this now",
            Self::RouteRefused => "The route document is refused",
            Self::Paused => "Work is paused",
            Self::SecondPersonNeeded => "A second person must decide",
            Self::ProofNotReady => "The proof cannot be made yet",
            Self::LogForked => "The log would not extend what was signed",
            Self::RelayerUnavailable => "The relayer does not answer",
            Self::AddressInUse => "A port cannot be opened",
            Self::Internal => "The relayer failed",
        }
    }

    /// What the caller can do.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::ConfigInvalid | Self::AddressInUse => Remedy::Configure,
            Self::LedgerContradiction
            | Self::ContradictoryFact
            | Self::AttestersDeclined
            | Self::InvalidField
            | Self::UnknownTransfer
            | Self::UnknownRoute
            | Self::IdempotencyKeyReused
            | Self::NotAuthenticated
            | Self::NotPermitted
            | Self::PolicyRefused
            | Self::UnitsTaken
            | Self::MandateInvalid
            | Self::InstructionMismatch
            | Self::WrongState
            | Self::RouteRefused
            | Self::Paused
            | Self::SecondPersonNeeded => Remedy::Reconsider,
            Self::StoreUnavailable
            | Self::LedgerUnavailable
            | Self::ProofNotReady
            | Self::RelayerUnavailable => Remedy::Wait,
            Self::LogForked | Self::Internal => Remedy::Report,
        }
    }

    /// The code that `text` spells, such as one in an answer of the API.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.code() == text)
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/errors.md");

    #[test]
    fn every_code_is_listed_once_and_in_order() {
        let source = include_str!("error_code.rs");
        let written = source.matches("=> \"ISTHMUS-").count();
        assert_eq!(ErrorCode::ALL.len(), written, "a code is missing in ALL");
        for (index, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(code.code(), format!("ISTHMUS-{:04}", index + 1));
            assert_eq!(ErrorCode::parse(code.code()), Some(*code));
        }
        assert_eq!(ErrorCode::parse("ISTHMUS-0000"), None);
    }

    #[test]
    fn the_page_has_exactly_the_codes_as_headings() {
        let headings: Vec<&str> = PAGE
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        let expected: Vec<String> = ErrorCode::ALL
            .iter()
            .map(|code| format!("## {}: {}", code.code(), code.title()))
            .collect();
        assert_eq!(headings, expected);
    }

    #[test]
    fn every_section_says_what_it_means_what_is_true_and_what_to_do() {
        let sections: Vec<&str> = PAGE.split("\n## ").skip(1).collect();
        assert_eq!(sections.len(), ErrorCode::ALL.len());
        for (section, code) in sections.iter().zip(ErrorCode::ALL) {
            for part in [
                "**What it means.** ",
                "**What is true now.** ",
                "**What to do.** ",
            ] {
                assert!(section.contains(part), "{} lacks {part}", code.code());
            }
            let exit = format!("**Exit code** {}.", code.remedy().exit_code());
            assert!(section.contains(&exit), "{} lacks {exit}", code.code());
        }
    }
}
