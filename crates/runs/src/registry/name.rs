//! Names of models, aliases and tags, and what a person writes to mean one version of a model.

use super::RegistryError;

/// The alias that a model's name alone stands for.
pub const CHAMPION: &str = "champion";

/// Means the newest version; never an alias.
const LATEST: &str = "latest";

/// Bytes of the longest name.
const LONGEST: usize = 64;

/// Which version of which model is meant, before anything is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The model's name, legal.
    pub name: String,
    /// Which of its versions.
    pub wanted: Wanted,
}

/// Which version of a model is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `NAME`: the champion.
    Default,
    /// `NAME@latest`: the one registered last.
    Latest,
    /// `NAME@3`.
    Version(u32),
    /// `NAME@shadow`.
    Alias(String),
}

impl Reference {
    /// Parses `NAME`, `NAME@ALIAS`, `NAME@3` or `NAME@latest`.
    ///
    /// # Errors
    /// When a part is not a legal name.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let (name, wanted) = match text.split_once('@') {
            None => (text, Wanted::Default),
            Some((name, LATEST)) => (name, Wanted::Latest),
            Some((name, number))
                if number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty() =>
            {
                (name, Wanted::Version(version_number(number)?))
            }
            Some((name, alias)) => (name, Wanted::Alias(alias_name(alias)?)),
        };
        Ok(Self { name: model_name(name)?, wanted })
    }
}

/// Whether a text can name a model.
///
/// # Errors
/// When it cannot; says what a name is.
pub fn check_name(text: &str) -> Result<(), RegistryError> {
    model_name(text).map(drop)
}

/// A legal name of a model.
pub(super) fn model_name(text: &str) -> Result<String, RegistryError> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(RegistryError::BadName(format!(
        "'{}' cannot name a model: a name is 1 to {LONGEST} characters of a-z, 0-9, '.', '_' and \
            '-', the first a letter or digit",
        shown(text)
    )))
}

/// A legal alias.
pub(super) fn alias_name(text: &str) -> Result<String, RegistryError> {
    if is_name(text) && text.starts_with(|first: char| first.is_ascii_lowercase()) && text != LATEST
    {
        return Ok(text.to_owned());
    }
    Err(RegistryError::BadName(format!(
        "'{}' cannot be an alias: an alias is 1 to {LONGEST} characters of a-z, 0-9, '.', '_' and \
            '-', the first a letter, and not 'latest'; a version is a number from 1, such as 3",
        shown(text)
    )))
}

/// A legal tag: its key and its value, which is empty of `KEY` alone.
pub(super) fn tag(text: &str) -> Result<(String, String), RegistryError> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let key = tag_key(key)?;
    if value.len() > 256 {
        return Err(RegistryError::BadName(format!(
            "the value of tag '{key}' has {} bytes, at most 256 are kept",
            value.len()
        )));
    }
    Ok((key, value.to_owned()))
}

/// A legal key of a tag.
pub(super) fn tag_key(text: &str) -> Result<String, RegistryError> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(RegistryError::BadName(format!(
        "'{}' cannot be a tag's key: KEY=VALUE, or KEY alone, with a key of 1 to {LONGEST} \
            characters of a-z, 0-9, '.', '_' and '-', the first a letter or digit",
        shown(text)
    )))
}

fn version_number(digits: &str) -> Result<u32, RegistryError> {
    let number = digits.parse().ok().filter(|number: &u32| *number > 0 && !digits.starts_with('0'));
    number.ok_or_else(|| {
        RegistryError::BadName(format!(
            "'{}' is not a version: a version is a number from 1, such as 3",
            shown(digits)
        ))
    })
}

fn is_name(text: &str) -> bool {
    let legal = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    text.len() <= LONGEST
        && text.bytes().all(legal)
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
}

/// Text from outside in a message: escaped, and not for ever.
fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(LONGEST + 16).flat_map(char::escape_default).collect();
    if text.chars().nth(LONGEST + 16).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        let parsed =
            |text: &str| Reference::parse(text).map(|reference| (reference.name, reference.wanted));
        assert_eq!(parsed("if-1m.v2"), Ok(("if-1m.v2".into(), Wanted::Default)));
        assert_eq!(parsed("0@latest"), Ok(("0".into(), Wanted::Latest)));
        assert_eq!(parsed("a@12"), Ok(("a".into(), Wanted::Version(12))));
        assert_eq!(parsed("a@shadow"), Ok(("a".into(), Wanted::Alias("shadow".into()))));
    }

    #[test]
    fn what_could_be_a_path_or_a_trick_is_no_name() {
        let long = "x".repeat(65);
        let outside = [
            "",
            ".",
            "..",
            "../x",
            "..%2f",
            "%252e",
            "..\\",
            "/abs",
            "C:\\x",
            "a/../b",
            "A",
            "CON",
            "-a",
            "_a",
            ".a",
            "a b",
            "a ",
            "a\0",
            "a\u{1b}[31m",
            "\u{202e}a",
            "а",
            "a@",
            "a@0",
            "a@03",
            "a@99999999999",
            "a@../x",
            "a@A",
            "a@-1",
            "a@1x",
            "a@b@c",
            "@1",
            &long,
        ];
        for text in outside {
            let error = Reference::parse(text).unwrap_err();
            assert!(matches!(error, RegistryError::BadName(_)), "{text:?}");
            assert!(
                error.to_string().len() < 700 && !error.to_string().contains(text::hidden),
                "{error}"
            );
        }
        assert!(Reference::parse(&"x".repeat(64)).is_ok());
        assert!(alias_name("latest").is_err() && alias_name("7up").is_err());
    }

    #[test]
    fn a_tag_is_a_key_with_a_value_or_without() {
        assert_eq!(tag("keep"), Ok(("keep".into(), String::new())));
        assert_eq!(tag("note=a=b \u{e9}"), Ok(("note".into(), "a=b \u{e9}".into())));
        assert!(tag("=x").is_err() && tag(&format!("k={}", "x".repeat(257))).is_err());
    }
}
