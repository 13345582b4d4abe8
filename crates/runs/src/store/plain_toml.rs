//! The TOML that this program writes itself, read at a quarter of a parser's cost: headers, and one
//! key with a plain value a line. Listing a sweep reads thousands of such files. Whatever else
//! there may be in TOML is left to a parser, which also says what is wrong.

use serde_json::{Map, Number, Value as Json};

/// The document as a tree; `None` where it is not as plain as that.
pub(super) fn parse(text: &str) -> Option<Json> {
    let mut tables: Vec<(&str, Map<String, Json>)> = vec![("", Map::new())];
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header
                .strip_suffix(']')
                .filter(|header| tables.iter().all(|(other, _)| other != header))?;
            header.split('.').all(is_bare).then_some(())?;
            tables.push((header, Map::new()));
            continue;
        }
        let (key, text) = line.split_once(" = ")?;
        let key = if is_bare(key) { key } else { quoted(key)? };
        let (_, table) = tables.last_mut()?;
        if table.insert(key.to_owned(), value(text)?).is_some() {
            return None;
        }
    }
    let mut root = Map::new();
    for (header, table) in tables {
        let there = place(&mut root, header)?;
        for (key, value) in table {
            if there.insert(key, value).is_some() {
                return None;
            }
        }
    }
    Some(Json::Object(root))
}

/// The table of a header, made where it is missing.
fn place<'a>(root: &'a mut Map<String, Json>, header: &str) -> Option<&'a mut Map<String, Json>> {
    let mut names = header.split('.').filter(|name| !name.is_empty());
    names.try_fold(root, |table, name| {
        table.entry(name).or_insert_with(|| Json::Object(Map::new())).as_object_mut()
    })
}

fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What stands in quotes, without anything that means something else.
fn quoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.chars().any(|c| c == '"' || c == '\\' || c.is_control())).then_some(inner)
}

fn value(text: &str) -> Option<Json> {
    match text {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        _ if text.starts_with('"') => quoted(text).map(Json::from),
        _ => number(text).map(Json::Number),
    }
}

/// `-12`, `0.5`, `1.5e-7`.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = |text: &str| all_digits(text) && (text == "0" || !text.starts_with('0'));
    if is_whole(digits) {
        return text.parse::<i64>().ok().map(Number::from);
    }
    let (mantissa, exponent) = digits
        .split_once('e')
        .map_or((digits, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.')?;
    let sound = |exponent: &str| all_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    (is_whole(whole) && all_digits(fraction) && exponent.is_none_or(sound)).then_some(())?;
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_read_as_a_parser_reads_it() {
        let text = "# a\nv = 1\nid = \"x é\"\n\n[a]\n\"b.c\" = -0.5\nd = true\n\n[a.e]\nf = \
            1.25e-7\ng = 12345678901\nh = 0.1\n";
        let read: Json = toml::from_str(text).unwrap();
        assert_eq!(parse(text), Some(read));
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_a_parser() {
        let lines = [
            "a = [1, 2]",
            "a = { b = 1 }",
            "a = \"x\\n\"",
            "a = 'x'",
            "a.b = 1",
            "a = 1 # b",
            "a=1",
            "a = 1_000",
            "a = 0x1f",
            "a = 007",
            "a = 1.",
            "a = .5",
            "a = 1e5",
            "a = inf",
            "a = 99999999999999999999",
            "a = 2026-01-02",
            "[[a]]",
            "[\"a\"]",
            "a = 1\na = 2",
            "[a]\n[a]",
            "a = 1\n[a]",
            "a",
            "a = ",
        ];
        for line in lines {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
