//! What the ledgers say about everything that is examined together: one list call for each question, and one look at each gate.

use std::collections::{BTreeSet, HashMap};

use futures::future::join_all;
use isthmus_core::id::{LedgerId, TransferId};
use isthmus_core::ports::{BoxError, Contradiction, FindError};
use isthmus_prooflog::serial::Block;

use crate::attester::decline::{Decline, Ground, require};
use crate::attester::examine::subject::Subject;
use crate::attester::own::{OwnGate, OwnRegistry};
use crate::attester::ports::{Burns, Record, StoredBlock};
use crate::attester::readings::GateReading;
use crate::error_chain::chain;

/// Answers, for as long as one examination lasts.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    records: HashMap<String, Record>,
    /// One that does not answer leaves open what it decides, and nothing else.
    gates: Vec<(&'a OwnGate, Result<AtGate, String>)>,
    /// Parsed, with their first numbers ascending in each numbering space.
    blocks: Vec<(Block, StoredBlock)>,
}

/// What one gate says.
#[derive(Debug)]
pub(super) struct AtGate {
    pub(super) outcomes: GateReading,
    pub(super) burns: Burns,
}

/// What one gate is asked.
struct AskGate<'a> {
    gate: &'a OwnGate,
    transfers: BTreeSet<TransferId>,
    burns: BTreeSet<u64>,
}

impl<'a> Facts<'a> {
    /// Asks one registry, then the gates and the registry's blocks about what is really proposed there. Blocks come last, so that a
    /// movement in between can only make the attester wait.
    pub(super) async fn read(
        registry: &OwnRegistry,
        subjects: &'a [Subject<'a>],
    ) -> Result<Self, FindError> {
        let references: BTreeSet<String> = subjects.iter().flat_map(Subject::references).collect();
        let references: Vec<String> = references.into_iter().collect();
        let records = records(registry, &references).await?;
        let records: HashMap<_, _> = references.into_iter().zip(records).collect();
        let is_proposed = |subject: &&'a Subject<'a>| {
            let record = records.get(&subject.asked.reference);
            matches!(record, Some(Record::Proposed { .. }))
        };
        let proposed: Vec<_> = subjects.iter().filter(is_proposed).collect();
        let gates = join_all(questions(&proposed).into_iter().map(ask)).await;
        let serials: BTreeSet<String> = proposed
            .iter()
            .flat_map(|subject| subject.units())
            .map(ToString::to_string)
            .collect();
        let blocks = if serials.is_empty() {
            Vec::new()
        } else {
            let serials: Vec<String> = serials.into_iter().collect();
            registry.view.blocks(&serials).await?
        };
        Ok(Self {
            records,
            gates,
            blocks: parsed(blocks),
        })
    }

    /// What the registry has under a reference; `None` if it was not asked.
    pub(super) fn record(&self, reference: &str) -> Option<&Record> {
        self.records.get(reference)
    }

    /// What a gate said.
    pub(super) fn at_gate(&self, gate: &OwnGate) -> Result<&AtGate, BoxError> {
        let asked = self
            .gates
            .iter()
            .find(|(asked, _)| std::ptr::eq(*asked, gate));
        match asked {
            Some((_, Ok(said))) => Ok(said),
            Some((_, Err(error))) => Err(error.clone().into()),
            None => Err(format!("gate {} was not asked", gate.address).into()),
        }
    }

    /// The registry's blocks that share a unit with any of `units`. What moved while they were read says nothing.
    pub(super) fn stored(&self, units: &[Block]) -> Result<Vec<StoredBlock>, Decline> {
        let shares = |block: &Block| units.iter().any(|unit| unit.intersects(block));
        let found: Vec<_> = self.blocks.iter().filter(|(b, _)| shares(b)).collect();
        let apart = |pair: &[&(Block, StoredBlock)]| match pair {
            [(one, _), (other, _)] => !one.intersects(other),
            _ => true,
        };
        let still = found.windows(2).all(apart);
        require(still, Ground::NotInCustody, || {
            String::from("some of its units moved while they were looked for")
        })?;
        Ok(found
            .into_iter()
            .map(|(_, stored)| stored.clone())
            .collect())
    }
}

/// One block that cannot be read covers nothing; what it should have covered is missing then.
fn parsed(blocks: Vec<StoredBlock>) -> Vec<(Block, StoredBlock)> {
    let parse = |stored: StoredBlock| Some((Block::parse(&stored.serial).ok()?, stored));
    let mut blocks: Vec<_> = blocks.into_iter().filter_map(parse).collect();
    blocks.sort_by_key(|(block, _)| (block.space, block.first, block.last));
    blocks
}

/// What is to be asked, gate by gate.
fn questions<'a>(subjects: &[&'a Subject<'a>]) -> Vec<AskGate<'a>> {
    let mut questions: Vec<AskGate<'a>> = Vec::new();
    for (gate, transfers, burn) in subjects.iter().filter_map(|subject| subject.at_gate()) {
        let known = questions
            .iter()
            .position(|asked| std::ptr::eq(asked.gate, gate));
        let at = known.unwrap_or(questions.len());
        if known.is_none() {
            questions.push(AskGate {
                gate,
                transfers: BTreeSet::new(),
                burns: BTreeSet::new(),
            });
        }
        if let Some(question) = questions.get_mut(at) {
            question.transfers.extend(transfers);
            question.burns.extend(burn);
        }
    }
    questions
}

async fn ask(question: AskGate<'_>) -> (&OwnGate, Result<AtGate, String>) {
    let gate = question.gate;
    let asked = async {
        let burns = if question.burns.is_empty() {
            Burns::new()
        } else {
            gate.view.burns(&question.burns).await?
        };
        // Last, because it is asked at the newest final block and notices if an older one has changed.
        let outcomes = GateReading::of(gate, question.transfers).await?;
        Ok::<_, FindError>(AtGate { outcomes, burns })
    };
    (gate, asked.await.map_err(|error| chain(&error)))
}

async fn records(registry: &OwnRegistry, references: &[String]) -> Result<Vec<Record>, FindError> {
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let records = registry.view.records(references).await?;
    if records.len() == references.len() {
        Ok(records)
    } else {
        Err(unanswered(&registry.id, "records"))
    }
}

/// A list answer that is shorter than the question.
pub(super) fn unanswered(registry: &LedgerId, what: &str) -> FindError {
    FindError::from(Contradiction {
        ledger: registry.clone(),
        detail: format!("asked for {what}, got fewer answers than questions"),
    })
}
