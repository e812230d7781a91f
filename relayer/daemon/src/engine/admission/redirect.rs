//! Redirecting what is owed: a new instruction, signed with the burning key. Attesters verify the same for themselves.

use alloy::primitives::{Address as EvmAddress, B256};
use isthmus_core::id::TransferId;
use isthmus_core::instruction::Purpose;
use isthmus_core::redirection::Redirection;
use isthmus_core::terms::{Return, Terms};
use isthmus_core::transfer::{Event, Transfer};
use isthmus_prooflog::leaf;
use isthmus_prooflog::redirect;

use crate::engine::Fatal;
use crate::engine::admission::requests::refused;
use crate::engine::admission::{Admission, RequestError};

impl Admission {
    /// Takes in what a burner wants instead. Asked again with the same it answers with the transfer as it is.
    pub async fn redirect(
        &self,
        id: TransferId,
        redirection: Redirection,
    ) -> Result<Transfer, RequestError> {
        let transfer = self.transfer(id)?;
        let Terms::Return(back) = transfer.terms() else {
            let message = "only a return, named by its BurnId, is redirected".to_owned();
            return Err(refused("not_a_return", "id", id.to_string(), message));
        };
        is_burners(back, &redirection)?;
        self.may_redeem(back, redirection.instruction.purpose())?;
        self.receives(&transfer, &redirection.instruction).await?;
        let known = |transfer: &Transfer| {
            let same = transfer.redirections() == redirection.counter
                && transfer.instruction() == Some(&redirection.instruction);
            same.then_some(Ok(()))
        };
        self.change(id, Event::Redirected(redirection.clone()), known)
            .await
    }

    /// That a route of the burn's pool redeems for this purpose: equivalents are interchangeable, so any of them will do.
    pub(super) fn may_redeem(&self, back: &Return, purpose: Purpose) -> Result<(), RequestError> {
        let routes = self.store.current_routes().map_err(Fatal)?;
        let of_pool = |document: &&isthmus_core::route::RouteDocument| {
            document.pool(back.burn.asset_class).id() == back.pool
        };
        let documents = routes.iter().map(|route| &route.document);
        let mut pool = documents.filter(of_pool);
        if pool.any(|document| document.redemption.contains(&purpose)) {
            return Ok(());
        }
        let message = format!(
            "no route of this pool redeems for it: the burn stays safe; redirect it, signed with the burning key {}",
            back.burn.holder
        );
        let purpose = format!("{purpose:?}").to_lowercase();
        Err(refused(
            "not_redeemable",
            "instruction.purpose",
            purpose,
            message,
        ))
    }
}

/// That who burned signed it.
fn is_burners(back: &Return, redirection: &Redirection) -> Result<(), RequestError> {
    let burn = &back.burn;
    let wanted = redirect::Redirection {
        burn: B256::from(*burn.id().as_bytes()),
        counter: redirection.counter,
        purpose: match redirection.instruction.purpose() {
            Purpose::Release => leaf::Purpose::Release,
            Purpose::Retire => leaf::Purpose::Retire,
        },
        commitment: B256::from(*redirection.instruction.commitment().as_bytes()),
    };
    let gate = EvmAddress::from(*burn.gate.as_bytes());
    let holder = EvmAddress::from(*burn.holder.as_bytes());
    if wanted.is_signed(burn.chain_id, gate, holder, &redirection.signature) {
        return Ok(());
    }
    let message = format!(
        "the signature is not of {}, who burned, over burn, counter {} and this instruction: sign exactly these",
        burn.holder, redirection.counter
    );
    Err(refused(
        "redirection_invalid",
        "signature",
        burn.id().to_string(),
        message,
    ))
}
