use super::*;
use proptest::prelude::*;

const JSON_TEXT: &[u8] = b"{\n  \"v\": 1,\n  \"inner\": {\n    \"x\": 0.5\n  }\n}\n";

/// Every text that differs in one byte, has lost its end, or has more behind it.
fn faults(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut faults = Vec::new();
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[place] ^= 1 << bit;
            faults.push(bytes);
        }
    }
    faults.push([whole, b"\n"].concat());
    faults.push([whole, b"# more\n"].concat());
    faults.push([whole, whole].concat());
    faults
}

#[test]
fn a_sealed_document_is_whole_and_no_changed_bit_of_it_goes_unseen() {
    let json = seal_json(JSON_TEXT.to_vec());
    let toml = seal_toml("v = 1\n[a]\nb = 2\n".to_owned()).into_bytes();
    serde_json::from_slice::<serde_json::Value>(&json).unwrap();
    toml::from_str::<toml::Table>(std::str::from_utf8(&toml).unwrap()).unwrap();
    for (whole, check) in
        [(json, check_json as fn(&[u8]) -> Result<(), String>), (toml, check_toml)]
    {
        check(&whole).unwrap();
        for fault in faults(&whole) {
            assert!(check(&fault).is_err(), "{}", String::from_utf8_lossy(&fault));
        }
    }
}

#[test]
fn anyone_can_compute_a_documents_checksum() {
    // `b3sum` of all but the last line.
    let text = seal_toml("v = 1\n".to_owned());
    assert_eq!(text, format!("v = 1\n# checksum: {}\n", blake3::hash(b"v = 1\n").to_hex()));
    let json = String::from_utf8(seal_json(b"{\n  \"v\": 1\n}".to_vec())).unwrap();
    assert_eq!(
        json,
        format!(
            "{{\n  \"v\": 1,\n  \"checksum\": \"{}\"\n}}\n",
            blake3::hash(b"{\n  \"v\": 1").to_hex()
        )
    );
}

#[test]
fn a_lines_checksum_is_the_beginning_of_its_blake3() {
    let mut line = b"{\"a\":1}".to_vec();
    seal_line(&mut line);
    let sum = &blake3::hash(b"{\"a\":1").to_hex()[..16];
    assert_eq!(String::from_utf8(line).unwrap(), format!("{{\"a\":1,\"sum\":\"{sum}\"}}"));
}

#[test]
fn what_has_no_seal_is_taken_as_it_is() {
    for text in [JSON_TEXT, b"{}", b"", b"x"] {
        check_json(text).unwrap();
        check_toml(text).unwrap();
        check_line(text).unwrap();
    }
}

fn log(lines: usize) -> (Vec<Vec<u8>>, Chain) {
    let mut chain = Chain::default();
    let lines = (0..lines).map(|seq| {
        let mut line = format!("{{\"seq\":{seq},\"x\":0.5}}").into_bytes();
        chain.seal(&mut line);
        line
    });
    (lines.collect(), chain)
}

#[test]
fn a_log_stands_as_it_was_written_and_its_last_sum_for_all_of_it() {
    let (lines, written) = log(4);
    let mut read = Chain::default();
    assert_eq!(read.sum(), None);
    lines.iter().for_each(|line| read.check(line).unwrap());
    assert_eq!((&read, read.sum()), (&written, written.sum()));
    let mut without = Chain::default();
    without.check(&lines[0]).unwrap();
    assert!(without.check(&lines[2]).is_err(), "a line is gone");
    assert!(without.check(b"{\"seq\":3,\"x\":0.5}").is_err(), "a line that nobody sealed");
}

#[test]
fn a_changed_bit_of_a_log_is_told_at_its_line_and_the_lines_behind_are_read_on() {
    let (lines, _) = log(4);
    for fault in faults(&lines[1]) {
        let mut chain = Chain::default();
        chain.check(&lines[0]).unwrap();
        assert!(chain.check(&fault).is_err(), "{}", String::from_utf8_lossy(&fault));
        // A damaged checksum takes one more line with it.
        drop(chain.check(&lines[2]));
        chain.check(&lines[3]).unwrap();
    }
}

#[test]
fn a_line_that_lost_its_end_is_told_from_one_that_is_being_written() {
    let (lines, _) = log(1);
    for length in 0..=lines[0].len() {
        assert!(!has_lost_its_end(&lines[0][..length]), "{length}");
    }
    assert!(has_lost_its_end(&[&lines[0][..], b"\x0b"].concat()));
}

#[test]
fn a_file_is_its_bytes() {
    let sum = FileSum::of("a/b".into(), b"bytes");
    sum.check(b"bytes").unwrap();
    assert!(sum.check(b"byte").unwrap_err().contains("4 bytes instead of 5"));
    assert!(sum.check(b"bytez").unwrap_err().contains("checksum"));
}

proptest! {
    #[test]
    fn no_bytes_whatever_make_a_check_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        drop((check_json(&bytes), check_toml(&bytes), check_line(&bytes)));
    }
}
