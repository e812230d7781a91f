//! Routes: written by one exchange, approved by the other.

use anyhow::Context as _;
use isthmus_core::id::Hash32;
use isthmus_core::instruction::Purpose;
use isthmus_core::quantity::Quantity;
use isthmus_core::route::{Eligible, RouteDocument};
use isthmus_proto::v1;

use crate::devnet::{CHAIN, CUSTODY, Devnet, REGISTRY};

impl Devnet {
    /// A route from the registry to the gate for projects 1340 and 513: 1 to 1000 t a transfer, at most 5000 t outstanding.
    pub fn route_document(&self, id: &str) -> anyhow::Result<RouteDocument> {
        Ok(RouteDocument {
            allow_accounts: vec![],
            big_transfer: None,
            custody_account: CUSTODY.parse()?,
            destination: CHAIN.parse()?,
            eligible: Eligible {
                countries: vec![],
                programmes: vec!["VCS".to_owned()],
                projects: vec!["1340".to_owned(), "513".to_owned()],
                unit_types: vec!["VCU".to_owned()],
                vintage_from: "2010-01-01".to_owned(),
                vintage_until: "2030-12-31".to_owned(),
            },
            gate: self.gate,
            id: id.parse()?,
            max_per_transfer_g: Quantity::from_tonnes(1000)?,
            min_per_transfer_g: Quantity::from_tonnes(1)?,
            origin: REGISTRY.parse()?,
            outstanding_cap_g: Quantity::from_tonnes(5000)?,
            redemption: vec![Purpose::Release, Purpose::Retire],
            rolling_limit: None,
            step_g: Quantity::from_tonnes(1)?,
            v: 1,
            version: 1,
        })
    }

    /// Proposes a route as `exchange-a` and approves it as `exchange-b`, each with its own admin key.
    pub async fn activate_route(&self, route: &RouteDocument) -> anyhow::Result<v1::Route> {
        let document = String::from_utf8(isthmus_core::jcs::bytes(route))?;
        let [(proposer, first), (approver, second)] = &self.parties.route_admins;
        let message = route.message();
        let request = v1::ProposeRouteRequest {
            document,
            signature: Some(signature(first.public(), first.sign(&message))),
        };
        self.control(proposer)?.routes().propose(request).await?;
        let request = v1::ApproveRouteRequest {
            id: route.id.to_string(),
            version: route.version,
            signature: Some(signature(second.public(), second.sign(&message))),
        };
        let answer = self.control(approver)?.routes().approve(request).await?;
        answer
            .into_inner()
            .route
            .context("an approval answers with the route")
    }
}

fn signature(key: Hash32, signature: [u8; 64]) -> v1::RouteSignature {
    v1::RouteSignature {
        key: key.to_string(),
        signature: signature.to_vec().into(),
    }
}
