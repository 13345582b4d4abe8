//! A line: a trial, what it was tried on, and a checksum.

use crate::store::{LedgerEntry, checksum, manifest};

/// The line of an entry, sealed, with its end.
pub(super) fn line(entry: &LedgerEntry) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    checksum::seal_line(&mut line);
    line.push(b'\n');
    Ok(line)
}

/// The entry of a line without its end; one of before version 0.3 has no checksum.
pub(super) fn parse(line: &[u8]) -> Result<LedgerEntry, String> {
    checksum::check_line(line)?;
    let entry: LedgerEntry =
        serde_json::from_slice(line).map_err(|error| format!("is damaged: {error}"))?;
    manifest::check_version(entry.v).map(|()| entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{entry, tried};

    #[test]
    fn any_flipped_bit_of_a_line_is_noticed() {
        let entry = entry("31d897f497c7", "grid", tried((10, 20), Some((30, 40))));
        let line = line(&entry).unwrap();
        let line = line.strip_suffix(b"\n").unwrap();
        assert_eq!(parse(line).unwrap(), entry);
        for place in 0..line.len() {
            for bit in 0..8 {
                let mut flipped = line.to_vec();
                flipped[place] ^= 1 << bit;
                assert!(parse(&flipped).is_err(), "byte {place}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_line_without_a_checksum_is_read() {
        let entry = entry("31d897f497c7", "grid", tried((10, 20), None));
        assert_eq!(parse(&serde_json::to_vec(&entry).unwrap()).unwrap(), entry);
        assert!(parse(b"{\"v\": 9}").is_err());
    }
}
