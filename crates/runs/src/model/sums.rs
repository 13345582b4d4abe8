//! `SHA256SUMS`: checksums in the form that `sha256sum -c` reads.

use sha2::{Digest, Sha256};

/// sha256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file's text.
pub(super) fn sums(files: &[(&str, String)]) -> String {
    files.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// The digests of exactly these files, in this order.
///
/// # Errors
/// On any other text.
pub(super) fn parse_sums(bytes: &[u8], names: &[&str]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is damaged: not UTF-8".to_owned())?;
    let lines: Vec<&str> = text.lines().collect();
    let digest_of = |(line, name): (&&str, &&str)| {
        let digest = line.strip_suffix(name)?.strip_suffix("  ")?;
        (digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then(|| digest.to_owned())
    };
    let digests: Option<Vec<String>> = lines.iter().zip(names).map(digest_of).collect();
    digests
        .filter(|_| lines.len() == names.len())
        .ok_or_else(|| format!("is damaged: it should hold the sha256 of {}", names.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        // `printf abc | sha256sum`
        assert_eq!(
            digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let text = sums(&[("a.json", digest(b"a")), ("b", digest(b"b"))]);
        assert_eq!(
            parse_sums(text.as_bytes(), &["a.json", "b"]).unwrap(),
            [digest(b"a"), digest(b"b")]
        );
        let (upper, lines) = (
            text.replace("a.json", "../a.json"),
            text.lines().rev().collect::<Vec<_>>().join("\n"),
        );
        for bad in [
            "",
            "x",
            &text[..70],
            &upper,
            &lines,
            &format!("{text}{text}"),
            &text.replace("  ", " "),
        ] {
            assert!(parse_sums(bad.as_bytes(), &["a.json", "b"]).is_err(), "{bad}");
        }
    }
}
