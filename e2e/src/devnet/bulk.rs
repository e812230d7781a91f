//! Units by the hundred thousand, for loads: one block in the class of the export's first row, with numbers of its own.

/// First number; the export's are above 900 million.
const FIRST: u64 = 500_000_001;

const HEADING: &str = "Issuance Date,Sustainable Development Goals,Vintage Start,Vintage End,ID,Name,Country/Area,Project Type,Methodology,Total Vintage Quantity,Quantity Issued,Serial Number,Additional Certifications,Retirement/Cancellation Date,Retirement Beneficiary,Retirement Reason,Retirement Details";

/// The serial of `tonnes` units from the unit with this index on.
pub fn serial(index: u64, tonnes: u64) -> String {
    let first = FIRST + index;
    let last = first + tonnes - 1;
    format!("19385-{first}-{last}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1")
}

/// An export with one row of `tonnes` units.
pub(super) fn export(tonnes: u64) -> String {
    let serial = serial(0, tonnes);
    format!(
        "{HEADING}\n2026-04-03,,2020-01-01,2020-12-31,1340,Bale Mountains Eco-region REDD+ project,Ethiopia,Agriculture Forestry and Other Land Use,VM0015,{tonnes},{tonnes},{serial},CCB-No Distinction,,,,\n"
    )
}
