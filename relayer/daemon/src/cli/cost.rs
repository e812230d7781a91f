//! What it costs, in words.

use isthmus_proto::v1::{Fees, LedgerStatus};

/// Digits of the smallest unit of a chain's coin, of which each is a tenth of the one before.
const DECIMALS: usize = 18;
/// Digits that are shown of them: billionths.
const SHOWN: usize = 9;

/// Fees of one kind of transaction on one ledger.
pub(crate) fn fees(fees: &Fees) -> String {
    let (ledger, coin) = (&fees.ledger, coin(&fees.wei));
    let transactions = counted(fees.transactions, "transaction");
    let done = counted(fees.transfers, &fees.operation);
    match fees.gas.checked_div(fees.transfers) {
        Some(each) => {
            let each = grouped(each);
            format!("fees on {ledger}: {coin} ETH for {done} in {transactions}, {each} gas each")
        }
        None => format!("fees on {ledger}: {coin} ETH for {done} in {transactions}"),
    }
}

/// How often a ledger was called.
pub(crate) fn calls(ledger: &LedgerStatus) -> String {
    let calls = grouped(ledger.calls);
    format!("calls to {}: {calls} since the start", ledger.id)
}

fn counted(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

/// In groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of smallest units as one of coins, cut after billionths.
fn coin(wei: &str) -> String {
    let padded = format!("{wei:0>width$}", width = DECIMALS + 1);
    let (whole, fraction) = padded.split_at(padded.len() - DECIMALS);
    let shown = fraction.get(..SHOWN).unwrap_or(fraction);
    let shown = shown.trim_end_matches('0');
    if shown.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mints(transfers: u64, transactions: u64, gas: u64, wei: &str) -> String {
        fees(&Fees {
            ledger: "eip155:1".into(),
            operation: "mint".into(),
            transactions,
            transfers,
            gas,
            wei: wei.into(),
        })
    }

    #[test]
    fn one_and_none_and_many_are_said_differently() {
        let one = "fees on eip155:1: 1 ETH for 1 mint in 1 transaction, 110 801 gas each";
        assert_eq!(mints(1, 1, 110_801, "1000000000000000000"), one);
        let none = "fees on eip155:1: 0.00000021 ETH for 0 mints in 1 transaction";
        assert_eq!(mints(0, 1, 21_000, "210000000000"), none);
        let many =
            "fees on eip155:1: 20.5 ETH for 1 234 567 mints in 20 000 transactions, 10 gas each";
        assert_eq!(
            mints(1_234_567, 20_000, 12_345_679, "20500000000000000001"),
            many
        );
    }

    #[test]
    fn a_coin_has_its_point_where_it_belongs() {
        for (wei, expected) in [
            ("0", "0"),
            ("1", "0"),
            ("999999999", "0"),
            ("1000000000", "0.000000001"),
            ("100000000000000000", "0.1"),
            ("120000000000000000000", "120"),
        ] {
            assert_eq!(coin(wei), expected, "{wei}");
        }
    }
}
