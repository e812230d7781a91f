//! Holders: each submits, perhaps withdraws, burns what was minted and hands its instruction in; each asks again until the
//! relayer has answered.

use ed25519_dalek::Signer;
use isthmus::engine::admission::{Order, RequestError, WithdrawnBy};
use isthmus_core::id::{Hash32, TransferId};
use isthmus_core::instruction::Instruction;
use isthmus_core::mandate::{Mandate, Wish};
use isthmus_core::receipt::{Lasting, Refusal};
use isthmus_core::serial_block::{self, SerialBlock};
use isthmus_core::terms::{OutboundKind, OutboundTerms};

use crate::desk::{Asked, Door, Said};
use crate::dice::Dice;
use crate::ledger::books::Record;
use crate::ledger::chain::Transaction;
use crate::ledger::gate::Call;
use crate::names;
use crate::scenario::Scenario;
use crate::world::{Message, Shared};

/// Units between the first of one holder and the first of the next.
pub const APART: u64 = 1_000;

/// One holder's life.
#[derive(Debug)]
pub struct Holder {
    /// Which.
    pub number: u64,
    /// The world.
    pub shared: Shared,
    /// The relayer's door.
    pub door: Door,
    /// Chance of this holder's own.
    pub dice: Dice,
    /// How many of 1000 withdraw.
    pub withdrawals: u64,
    /// How soon they do.
    pub withdraw_within_ms: u64,
    /// When the last one begins.
    pub spread_ms: u64,
}

impl Holder {
    /// Of a scenario.
    pub fn new(number: u64, scenario: &Scenario, shared: &Shared, door: &Door) -> Self {
        Self {
            number,
            shared: shared.clone(),
            door: door.clone(),
            dice: Dice::new(scenario.seed, &format!("holder {number}")),
            withdrawals: scenario.withdrawals,
            withdraw_within_ms: scenario.withdraw_within_ms,
            spread_ms: scenario.safety_ms / 2,
        }
    }

    /// Submits one transfer, and perhaps withdraws it.
    pub async fn bring(mut self) {
        let spread = self.dice.below(self.spread_ms.max(1));
        self.shared.pause(spread).await;
        let tonnes = self.dice.within(1, 6);
        let first = self.number * APART + 1 + self.dice.below(10);
        let units = [names::block(first, first + tonnes - 1)];
        let order = self.order("nonce", &units);
        let id = order.terms.id();
        if !self.submit(&order).await {
            return;
        }
        if self.dice.chance(50) {
            // The same units once more: refused, unless the first has ended by now.
            let again = self.order("again", &units);
            let _refused = self.offer(&again).await;
        }
        if self.dice.chance(self.withdrawals) {
            let wait = self.dice.below(self.withdraw_within_ms);
            self.shared.pause(wait).await;
            self.withdraw(id).await;
        } else if self.dice.chance(100) {
            // A client that lost the answer asks again.
            self.submit(&order).await;
        }
    }

    /// An order that the holder signs.
    fn order(&self, nonce: &str, units: &[SerialBlock]) -> Order {
        let terms = OutboundTerms {
            account: names::account(self.number),
            asset_class: names::class().id(),
            destination: names::chain(),
            gate: names::GATE,
            kind: OutboundKind::Outbound,
            nonce: names::hash(nonce, self.number),
            origin: names::registry(),
            quantity_g: serial_block::total(units),
            recipient: names::address(self.number),
            route: names::route().id,
            units: units.iter().map(ToString::to_string).collect(),
            v: 1,
        };
        let id = terms.id();
        let mandate = self.signed(Wish::Transfer, id);
        let mut world = self.shared.world();
        world.oracle.orders.insert(id, terms.clone());
        Order {
            key: format!("{nonce}-{}", self.number),
            terms,
            mandate,
        }
    }

    fn signed(&self, wish: Wish, id: TransferId) -> Mandate {
        let key = names::holder_key(self.number);
        Mandate::from_bytes(&key.sign(&wish.message(id)).to_bytes()).unwrap()
    }

    /// Until it is admitted; false if it never will be, which nobody deserves.
    async fn submit(&self, order: &Order) -> bool {
        match self.offer(order).await {
            Ok(()) => true,
            Err(refusal) => {
                self.refused("submit", &refusal.to_string());
                false
            }
        }
    }

    /// Until it is admitted or refused for ever.
    async fn offer(&self, order: &Order) -> Result<(), Refusal> {
        loop {
            let said = self.door.ask(Asked::Submit(vec![order.clone()])).await;
            match said {
                Some(Said::Submitted(mut answers)) => match answers.pop() {
                    Some(Ok(_)) => return Ok(()),
                    Some(Err(refusal)) if refusal.lasting == Lasting::Never => {
                        return Err(refusal);
                    }
                    Some(Err(_)) | None => {}
                },
                Some(Said::Changed(_)) | None => {}
            }
            self.shared.pause(2_000).await;
        }
    }

    async fn withdraw(&self, id: TransferId) {
        loop {
            let mandate = self.signed(Wish::Withdraw, id);
            let by = WithdrawnBy::Holder(mandate);
            match self.door.ask(Asked::Withdraw(id, by)).await {
                // Too late, or done.
                Some(Said::Changed(Ok(_) | Err(RequestError::Refused(_)))) => return,
                Some(Said::Changed(Err(_)) | Said::Submitted(_)) | None => {}
            }
            self.shared.pause(2_000).await;
        }
    }

    /// Burns some of what it was given, if it is given anything before `give_up_ms`, and hands the instruction in.
    pub async fn take_back(mut self, give_up_ms: u64) {
        let address = names::address(self.number);
        let grams = loop {
            let balance = {
                let world = self.shared.world();
                let balances = world.chain.balances(world.chain.final_height());
                balances.get(&address).copied().unwrap_or(0)
            };
            if balance > 0 {
                break balance;
            }
            if self.shared.clock.elapsed_ms() > give_up_ms {
                return;
            }
            self.shared.pause(3_000).await;
        };
        let tonnes = self.dice.within(1, grams / names::tonnes(1).grams());
        let instruction = self.instruction();
        let commitment = instruction.commitment();
        let id = names::hash("burn", self.number);
        let call = Call::Burn {
            holder: self.number,
            quantity: names::tonnes(tonnes),
            purpose: instruction.purpose(),
            commitment,
        };
        self.commits(commitment, &instruction);
        let burn = Message::Chain(Transaction { id, call });
        let _taken = self.shared.deliver(burn);
        let id = self.burned(commitment).await;
        let wait = self.dice.below(10_000);
        self.shared.pause(wait).await;
        self.instruct(id, &instruction).await;
        if let Instruction::Release { .. } = instruction
            && self.dice.chance(300)
        {
            self.bring_again(id).await;
        }
    }

    /// What was released is locked once more.
    async fn bring_again(&self, burn: TransferId) {
        let units = loop {
            let record = {
                let world = self.shared.world();
                world.books.records.get(&burn.to_string()).cloned()
            };
            if let Some(Record::Executed { receipt, .. }) = record {
                break receipt.units;
            }
            self.shared.pause(3_000).await;
        };
        let order = self.order("second", &units);
        // Refused while the relayer has not recorded that they are free again.
        while self.offer(&order).await.is_err() {
            self.shared.pause(5_000).await;
        }
    }

    fn commits(&self, commitment: Hash32, instruction: &Instruction) {
        let mut world = self.shared.world();
        let instructions = &mut world.oracle.instructions;
        instructions.insert(commitment, instruction.clone());
    }

    fn instruction(&mut self) -> Instruction {
        let (salt, v) = (names::hash("salt", self.number), 1);
        if self.dice.chance(500) {
            Instruction::Release {
                account: names::account(self.number),
                salt,
                v,
            }
        } else {
            Instruction::Retire {
                beneficiary: format!("Holder {}", self.number),
                reason: "2025 emissions".into(),
                salt,
                v,
            }
        }
    }

    /// The id of a burn, once it is final.
    async fn burned(&self, commitment: Hash32) -> TransferId {
        loop {
            let found = {
                let world = self.shared.world();
                let chain = &world.chain;
                let mut burns = chain.burns(chain.final_height());
                burns
                    .find(|(_, _, burn)| burn.commitment == commitment)
                    .map(|(_, _, burn)| burn.id())
            };
            if let Some(id) = found {
                return id;
            }
            self.shared.pause(3_000).await;
        }
    }

    async fn instruct(&self, id: TransferId, instruction: &Instruction) {
        loop {
            let asked = Asked::Instruct(id, instruction.clone());
            match self.door.ask(asked).await {
                Some(Said::Changed(Ok(_))) => return,
                Some(Said::Changed(Err(RequestError::Refused(refusal)))) => {
                    self.refused("instruct", &refusal.to_string());
                    return;
                }
                Some(Said::Changed(Err(_)) | Said::Submitted(_)) | None => {}
            }
            self.shared.pause(2_000).await;
        }
    }

    /// Nobody does anything that deserves a no for ever, unless the scenario says so.
    fn refused(&self, what: &str, why: &str) {
        let finding = format!("holder {} was refused {what}: {why}", self.number);
        self.shared.say(&finding);
        let mut world = self.shared.world();
        if world.oracle.excuses.is_empty() {
            world.oracle.found(finding);
        }
        drop(world);
        self.shared.alarm.notify_one();
    }
}
