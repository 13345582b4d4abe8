//! The bearer token, read from a file that only its owner can read.

use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use subtle::ConstantTimeEq;

use super::ServeError;
use runs::files;

/// Characters of a token at least: 16 random ones cannot be guessed.
const LEAST: usize = 16;
/// Bytes of its file at most.
const MOST: u64 = 4096;

/// What requests must carry. Only its hash is kept.
#[derive(Clone)]
pub struct Token(blake3::Hash);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads the file: one line, of 16 visible ASCII characters or more. It must be a file of ours
    /// with mode 0600 or 0400.
    ///
    /// # Errors
    /// When it is not: says what to do. The token itself is in no message.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let wrong = |problem: String| ServeError(format!("{}: {problem}", path.display()));
        let mut file = files::open(path)
            .map_err(|error| wrong(format!("the token file cannot be opened: {error}")))?;
        let metadata = file.metadata().map_err(|error| wrong(error.to_string()))?;
        if metadata.mode() & 0o077 != 0 {
            let mode = metadata.mode() & 0o777;
            return Err(wrong(format!(
                "has mode {mode:04o}, so that others can read the token: chmod 600 it"
            )));
        }
        let own = files::own_user();
        if metadata.uid() != own {
            return Err(wrong(format!(
                "belongs to user {}, not to the user {own} that serves",
                metadata.uid()
            )));
        }
        let mut text = String::new();
        let read = file.by_ref().take(MOST + 1).read_to_string(&mut text);
        read.map_err(|error| wrong(format!("the token file cannot be read: {error}")))?;
        Self::new(text.trim_end_matches(['\r', '\n'])).map_err(wrong)
    }

    /// A token.
    ///
    /// # Errors
    /// When it is too short, or no header could carry it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() < LEAST
            || text.len() as u64 > MOST
            || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(format!(
                "a token is one line of {LEAST} to {MOST} visible ASCII characters without spaces; \
                    head -c 32 /dev/urandom | base64 makes one"
            ));
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    /// Whether an `Authorization` header carries it. Hashes are compared, in constant time: how
    /// long it takes tells nothing of how much of a guess was right, nor of the token's length.
    #[must_use]
    pub fn is_carried_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, guess)) = authorization.split_at_checked(7) else { return false };
        let equal = blake3::hash(guess.trim_ascii()).as_bytes().ct_eq(self.0.as_bytes());
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_carries_the_whole_token_or_not() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(
            token.is_carried_by(b"Bearer 0123456789abcdef")
                && token.is_carried_by(b"bearer 0123456789abcdef")
        );
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "0123456789abcdef",
        ] {
            assert!(!token.is_carried_by(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token");
        for text in ["", "short", "0123456789 abcdef", "0123456789abcde\u{e9}"] {
            assert!(!Token::new(text).unwrap_err().contains("0123"), "{text}");
        }
    }
}
