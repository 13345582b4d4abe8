//! Numbers and metrics in words.

use jiff::Timestamp;

use super::material::Material;
use experiment::metric::{Direction, Metric};

/// `3 runs`, `1 run`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A sentence begins with a capital.
pub(super) fn capitalized(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Which way is better.
pub(super) fn better(direction: Direction) -> &'static str {
    match direction {
        Direction::Minimize => "lower",
        Direction::Maximize => "higher",
    }
}

/// `valid.rmse in price`.
pub(super) fn in_unit(material: &Material, metric: Metric) -> String {
    match metric.unit(&material.comparison.target_unit) {
        unit if unit.trim_matches('²').is_empty() => metric.to_string(),
        unit => format!("{metric} in {unit}"),
    }
}

/// A probability with the digits that a permutation or a bootstrap has.
pub(super) fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

/// `2024-08-15 02:29 UTC`.
pub(super) fn minute(ts: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ts))
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!([counted(1, "run"), counted(2, "run")], ["1 run", "2 runs"]);
        assert_eq!([probability(0.0), probability(0.0456)], ["< 0.001", "0.046"]);
        assert_eq!(minute(1_723_688_940_000_000_000), "2024-08-15 02:29 UTC");
    }
}
