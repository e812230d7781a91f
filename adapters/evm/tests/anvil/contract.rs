//! The contract of every ledger, kept by a gate on a real node.

use isthmus_core::operation::Operation;
use isthmus_core::ports::Ledger;
use isthmus_core::testing::contract::{Harness, keeps_the_contract};
use isthmus_core::testing::sample;

use crate::proxy::{Fault, Proxy};
use crate::world::World;

struct GateHarness {
    world: World,
    proxy: Proxy,
    operations: u8,
}

impl Harness for GateHarness {
    fn ledger(&self) -> &dyn Ledger {
        &self.world.ledger
    }

    async fn operation(&mut self) -> Operation {
        self.operations += 1;
        self.world.mint(self.operations)
    }

    async fn unsupported(&mut self) -> Vec<Operation> {
        let ledger = self.world.config.ledger.clone();
        let mut elsewhere = self.world.void(1, 1);
        if let Operation::Void { ledger, .. } = &mut elsewhere {
            *ledger = "eip155:1".parse().unwrap();
        }
        let unlock = Operation::Unlock {
            transfer: elsewhere.transfer(),
            ledger,
            account: sample::account(),
            custody_account: sample::custody(),
            units: vec![sample::block(1, 2)],
        };
        vec![elsewhere, unlock]
    }

    async fn lose_answer(&mut self) {
        self.proxy.fail(Fault::NextSentAnswer);
    }

    async fn lose_request(&mut self) {
        self.proxy.fail(Fault::NextSent);
    }

    async fn refuse(&mut self, _operation: &Operation) -> bool {
        false // A gate says its no in its events.
    }

    async fn settle(&mut self) {
        self.world.settle().await;
    }

    async fn outwait(&mut self) {
        // What never reached the mempool cannot land.
    }

    async fn effects(&mut self) -> u64 {
        u64::try_from(self.world.minted().await).unwrap()
    }
}

#[tokio::test]
async fn a_gate_keeps_the_contract() {
    let kept = keeps_the_contract(async || {
        let (world, proxy) = World::ready().await.behind_proxy().await;
        GateHarness {
            world,
            proxy,
            operations: 0,
        }
    });
    Box::pin(kept).await;
}
