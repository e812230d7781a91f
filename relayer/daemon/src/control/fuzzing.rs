//! A door for `fuzz/`: requests, decoded and parsed as the services do it. Nothing else uses it.

use isthmus_core::id::TransferId;
use isthmus_proto::v1 as pb;
use prost::Message;

use crate::control::parse;

/// The first byte chooses the request, the others are its protobuf message.
pub fn request(bytes: &[u8]) {
    let Some((choice, message)) = bytes.split_first() else {
        return;
    };
    match choice % 8 {
        0 => drop(pb::SubmitRequest::decode(message).map(parse::orders)),
        1 => drop(
            pb::ListTransfersRequest::decode(message)
                .map(|asked| parse::page(&asked).map(|(_, _, size)| size)),
        ),
        2 => drop(
            pb::WithdrawRequest::decode(message)
                .map(|asked| parse::withdrawn_by(&asked.mandate, "operator")),
        ),
        3 => drop(
            pb::InstructRequest::decode(message).map(|asked| parse::instruction(asked.instruction)),
        ),
        4 => drop(pb::PullRequest::decode(message).map(|asked| parse::pull(&asked))),
        5 => drop(pb::AnswerRequest::decode(message).map(|asked| parse::answer(asked.answer))),
        6 => drop(
            pb::ApproveRouteRequest::decode(message)
                .map(|asked| parse::route_signature(asked.signature)),
        ),
        _ => drop(pb::ResolveQuarantineRequest::decode(message).map(|asked| {
            (
                parse::id::<TransferId>("id", &asked.id),
                parse::resolution(&asked.resolution),
            )
        })),
    }
}
