//! A chain with a mempool, blocks, a depth at which they are final, and reorganisations; and the gate's state at any block.

use std::collections::BTreeMap;

use isthmus_core::id::{Address, Hash32, TransferId};
use isthmus_core::operation::{LogHead, MintItem};
use isthmus_core::terms::Burn;
use isthmus_core::time::Timestamp;

use super::gate::{self, Call};
use crate::dice::Dice;
use crate::names;

/// A transaction with the hash that it is known by.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its hash.
    pub id: Hash32,
    /// What it does.
    pub call: Call,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Equivalents were issued.
    Minted(MintItem),
    /// A transfer can never be minted.
    Voided(TransferId),
    /// Equivalents were destroyed; numbered by the gate.
    Burned(Burn),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// A block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its hash.
    pub hash: Hash32,
    /// The block before it.
    pub parent: Hash32,
    /// When.
    pub at: Timestamp,
    /// What is in it, with what each did.
    pub transactions: Vec<(Transaction, Vec<Effect>)>,
}

/// The gate's word on a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Open,
    /// Minted.
    Minted,
    /// Voided.
    Voided,
}

/// The chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// By height, from 0.
    pub blocks: Vec<Block>,
    /// What waits.
    pub mempool: Vec<Transaction>,
    /// How many blocks below the newest one are not final.
    pub depth: u64,
    /// Who may sign.
    pub signers: Vec<Address>,
    /// How many calls of the gate do nothing from here on.
    pub refuse_next: u64,
    /// Blocks made ever, so that one that was made again has another hash.
    made: u64,
}

/// How many tonnes' worth of grams a holder has.
type Balances = BTreeMap<Address, u64>;

impl Chain {
    /// A chain of one block.
    pub fn new(depth: u64, now: Timestamp) -> Self {
        let mut signers: Vec<_> = (0..names::ATTESTERS).map(names::signer).collect();
        signers.sort();
        let genesis = Block {
            hash: names::hash("block", 0),
            parent: names::hash("block", u64::MAX),
            at: now,
            transactions: Vec::new(),
        };
        Self {
            blocks: vec![genesis],
            mempool: Vec::new(),
            depth,
            signers,
            refuse_next: 0,
            made: 0,
        }
    }

    /// Height of the newest block.
    pub fn head(&self) -> u64 {
        u64::try_from(self.blocks.len()).unwrap() - 1
    }

    /// Height of the newest final block.
    pub fn final_height(&self) -> u64 {
        self.head().saturating_sub(self.depth)
    }

    /// A block by height.
    pub fn block(&self, height: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(height).ok()?)
    }

    /// Everything done up to a height, in order, with where.
    pub fn effects(&self, up_to: u64) -> impl Iterator<Item = (u64, &Transaction, &Effect)> {
        (0..)
            .zip(&self.blocks)
            .take_while(move |(height, _)| *height <= up_to)
            .flat_map(|(height, block)| {
                let all = block.transactions.iter();
                all.flat_map(move |(transaction, effects)| {
                    effects.iter().map(move |e| (height, transaction, e))
                })
            })
    }

    /// Where a transaction is.
    pub fn place(&self, id: Hash32, up_to: u64) -> Option<(u64, &[Effect])> {
        (0..=up_to).find_map(|height| {
            let mut all = self.block(height)?.transactions.iter();
            all.find(|(transaction, _)| transaction.id == id)
                .map(|(_, effects)| (height, effects.as_slice()))
        })
    }

    /// The gate's word on a transfer at a height, and where it fell.
    pub fn outcome(&self, transfer: TransferId, up_to: u64) -> (Outcome, u64, Hash32) {
        for (height, transaction, effect) in self.effects(up_to) {
            match effect {
                Effect::Minted(item) if item.transfer == transfer => {
                    return (Outcome::Minted, height, transaction.id);
                }
                Effect::Voided(id) if *id == transfer => {
                    return (Outcome::Voided, height, transaction.id);
                }
                Effect::Minted(_) | Effect::Voided(_) | Effect::Burned(_) | Effect::Nothing(_) => {}
            }
        }
        (Outcome::Open, 0, names::hash("none", 0))
    }

    /// Burns up to a height, in order.
    pub fn burns(&self, up_to: u64) -> impl Iterator<Item = (u64, &Transaction, &Burn)> {
        self.effects(up_to)
            .filter_map(|(height, transaction, effect)| match effect {
                Effect::Burned(burn) => Some((height, transaction, burn)),
                Effect::Minted(_) | Effect::Voided(_) | Effect::Nothing(_) => None,
            })
    }

    /// The logs that the batches above a height, up to another, were signed under.
    pub fn minted_under(&self, above: u64, up_to: u64) -> impl Iterator<Item = LogHead> {
        let between = move |(height, _, _): &(u64, &Transaction, &Effect)| *height > above;
        let minted = self.effects(up_to).filter(between);
        minted.filter_map(
            |(_, transaction, effect)| match (&transaction.call, effect) {
                (Call::Mint { batch }, Effect::Minted(_)) => Some(batch.log),
                (Call::Mint { .. } | Call::Void { .. } | Call::Burn { .. }, _) => None,
            },
        )
    }

    /// Who holds how much at a height.
    pub fn balances(&self, up_to: u64) -> Balances {
        let mut balances = Balances::new();
        for (_, _, effect) in self.effects(up_to) {
            match effect {
                Effect::Minted(item) => {
                    *balances.entry(item.recipient).or_default() += item.quantity.grams();
                }
                Effect::Burned(burn) => {
                    *balances.entry(burn.holder).or_default() -= burn.quantity.grams();
                }
                Effect::Voided(_) | Effect::Nothing(_) => {}
            }
        }
        balances
    }

    /// What circulates at a height, in grams.
    pub fn supply_g(&self, up_to: u64) -> u64 {
        self.balances(up_to).values().sum()
    }

    /// A transaction arrives. One that waits or is in a block already has no further effect.
    pub fn receive(&mut self, transaction: Transaction) {
        let waits = self.mempool.iter().any(|t| t.id == transaction.id);
        if !waits && self.place(transaction.id, self.head()).is_none() {
            self.mempool.push(transaction);
        }
    }

    /// One block of what waits; some may be left out.
    pub fn mine(&mut self, now: Timestamp, left_out: u64, dice: &mut Dice) {
        self.made += 1;
        let parent = self
            .blocks
            .last()
            .map_or(names::hash("block", 0), |b| b.hash);
        self.blocks.push(Block {
            hash: names::hash("block", self.made),
            parent,
            at: now,
            transactions: Vec::new(),
        });
        for transaction in std::mem::take(&mut self.mempool) {
            if dice.chance(left_out) {
                self.mempool.push(transaction);
                continue;
            }
            let holders = matches!(transaction.call, Call::Burn { .. });
            let effects = if self.refuse_next > 0 && !holders {
                self.refuse_next -= 1;
                vec![Effect::Nothing("paused")]
            } else {
                self.carry_out(&transaction.call, now)
            };
            if let Some(block) = self.blocks.last_mut() {
                block.transactions.push((transaction, effects));
            }
        }
    }

    /// The newest `blocks` go; what was in them waits again, or is forgotten.
    pub fn drop_blocks(&mut self, blocks: u64, forgotten: u64, dice: &mut Dice) {
        for _ in 0..blocks {
            if self.blocks.len() < 2 {
                return;
            }
            let block = self.blocks.pop();
            for (transaction, _) in block.into_iter().flat_map(|b| b.transactions) {
                // Holders watch their own transactions and send them again; only those that are the relayer's may be lost.
                let holders = matches!(transaction.call, Call::Burn { .. });
                if holders || !dice.chance(forgotten) {
                    self.mempool.push(transaction);
                }
            }
        }
    }

    fn carry_out(&self, call: &Call, now: Timestamp) -> Vec<Effect> {
        let head = self.head();
        match call {
            Call::Mint { batch } => {
                let digest =
                    gate::mint_digest(&batch.items, batch.log, batch.epoch, batch.deadline);
                if now.s() > batch.deadline.s() || batch.epoch != 1 {
                    return vec![Effect::Nothing("expired")];
                }
                if !gate::signed_by_quorum(digest, &batch.signatures, &self.signers) {
                    return vec![Effect::Nothing("not signed")];
                }
                let mint = |item: &MintItem| match self.outcome(item.transfer, head).0 {
                    Outcome::Open => Effect::Minted(item.clone()),
                    Outcome::Minted | Outcome::Voided => Effect::Nothing("settled"),
                };
                batch.items.iter().map(mint).collect()
            }
            Call::Void {
                transfer,
                epoch,
                signatures,
            } => {
                let digest = gate::void_digest(*transfer, *epoch);
                let signed = gate::signed_by_quorum(digest, signatures, &self.signers);
                let open = self.outcome(*transfer, head).0 == Outcome::Open;
                vec![match (signed, open) {
                    (true, true) => Effect::Voided(*transfer),
                    (true, false) => Effect::Nothing("settled"),
                    (false, _) => Effect::Nothing("not signed"),
                }]
            }
            Call::Burn {
                holder,
                quantity,
                purpose,
                commitment,
            } => {
                let address = names::address(*holder);
                let has = self.balances(head).get(&address).copied().unwrap_or(0);
                if has < quantity.grams() {
                    return vec![Effect::Nothing("not held")];
                }
                vec![Effect::Burned(Burn {
                    ledger: names::chain(),
                    chain_id: names::CHAIN_ID,
                    gate: names::GATE,
                    number: u64::try_from(self.burns(head).count()).unwrap() + 1,
                    asset_class: names::class().id(),
                    holder: address,
                    quantity: *quantity,
                    purpose: *purpose,
                    commitment: *commitment,
                })]
            }
        }
    }
}
