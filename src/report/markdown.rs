//! A report for a README: the verdict, the ranking, and where the numbers came from.

use super::leaderboard::{
    Entry, baseline_name, baseline_value, entries, is_alike, shown_columns, shown_settings,
    with_interval,
};
use super::material::Material;
use super::provenance::facts;
use super::words::{better, counted, in_unit};
use evidence::compare::setting;
use experiment::metric::Metric;
use text::clean;
use text::number;

/// Rows of the ranking.
const MOST_ROWS: usize = 12;

/// What a report in Markdown begins with: by it a later report knows that it may take its place.
pub const MARKDOWN_GENERATOR: &str = "<!-- a report of kiln -->\n";

/// The report of a sweep, without a title: it stands under one. The same records give the same
/// bytes.
#[must_use]
pub fn markdown(material: &Material) -> String {
    let comparison = &material.comparison;
    let mut text = String::new();
    if let Some(question) =
        material.manifest.question.as_deref().filter(|question| !question.trim().is_empty())
    {
        text.push_str(&format!("**{}**\n\n", escaped(question)));
    }
    for sentence in comparison.conclusion() {
        text.push_str(&format!("> {}\n>\n", escaped(&sentence)));
    }
    text.truncate(text.trim_end_matches("\n>\n").len());
    text.push_str("\n\n");
    for note in &comparison.notes {
        text.push_str(&format!("Note: {}\n\n", escaped(note)));
    }
    ranking(material, &mut text);
    if !comparison.unranked.is_empty() {
        text.push_str(&format!(
            "{} without a place.\n\n",
            counted(comparison.unranked.len(), "run")
        ));
    }
    if let Some(Ok(trading)) = &material.trading {
        text.push_str(&format!("Traded: {}.\n\n", escaped(&trading.verdict)));
    }
    let kept = ["git revision", "data (blake3)", "trained with", "runs", "windows", "test split"];
    let facts: Vec<String> = facts(material)
        .into_iter()
        .filter(|(name, value)| kept.contains(name) && !value.is_empty())
        .map(|(name, value)| format!("{name}: {}", escaped(&value)))
        .collect();
    text.push_str(&format!(
        "<sub>{}. Written by `kiln report {} --format md`.</sub>\n",
        facts.join("; "),
        escaped(&material.name)
    ));
    text
}

fn ranking(material: &Material, text: &mut String) {
    let comparison = &material.comparison;
    if material.ranked().next().is_none() {
        return;
    }
    let settings = shown_settings(material);
    let columns = shown_columns(material);
    let mut head: Vec<String> = vec!["#".into(), "run".into()];
    head.extend(columns.iter().map(Metric::to_string));
    head.extend(settings.iter().map(|(_, name)| escaped(name)));
    let align = |place: usize| if place == 1 { ":--" } else { "--:" };
    text.push_str(&line(&head));
    text.push_str(&line(&(0..head.len()).map(|place| align(place).to_owned()).collect::<Vec<_>>()));
    let entries = entries(material);
    let (mut rows, mut left_out) = (0, 0);
    for entry in &entries {
        let cells = match entry {
            Entry::Row(..) if rows == MOST_ROWS => {
                left_out += 1;
                continue;
            }
            Entry::Row(place, row) => {
                rows += 1;
                let mark = if is_alike(material, *place) { "≈" } else { "" };
                let others = if row.runs.len() > 1 {
                    format!(" +{}", row.runs.len() - 1)
                } else {
                    String::new()
                };
                let name = format!("{}{others}", escaped(&row.run));
                let mut cells = vec![format!("{mark}{}", row.rank.unwrap_or_default()), name];
                cells.extend(columns.iter().map(|metric| match row.metric(*metric, comparison) {
                    Some(value) if *metric == comparison.objective => with_interval(row, value),
                    value => number(value.map(|value| value.mean)),
                }));
                cells.extend(
                    settings.iter().map(|(key, _)| escaped(&setting(row.settings.get(*key)))),
                );
                cells
            }
            // Baselines stay, however far down.
            Entry::Baseline(baseline) => {
                let mut cells =
                    vec![format!("({})", baseline.would_rank), escaped(&baseline_name(baseline))];
                let value = |metric: &Metric| baseline_value(material, baseline, *metric);
                cells.extend(columns.iter().map(|metric| {
                    value(metric).map_or_else(String::new, |value| number(Some(value)))
                }));
                cells.extend(settings.iter().map(|_| String::new()));
                cells
            }
        };
        text.push_str(&line(&cells));
    }
    let more =
        if left_out == 0 { String::new() } else { format!(" {left_out} more rows are left out.") };
    let seeds = if comparison.rows.iter().any(|row| row.value.is_some_and(|value| value.n > 1)) {
        format!(" ± is the 95 % interval of the mean over {}.", comparison.spread_over)
    } else if let Some(interval) = comparison.rows.iter().find_map(|row| row.interval) {
        format!(
            " Brackets hold the {:.0} % interval over the run's windows.",
            100.0 * interval.confidence
        )
    } else {
        String::new()
    };
    let alike =
        if comparison.significance.is_some() { " ≈ cannot be told from the best." } else { "" };
    text.push_str(&format!(
        "\n{}, {} is better, at the best epoch by valid.loss.{seeds}{alike}{more}\n\n",
        escaped(&in_unit(material, comparison.objective)),
        better(comparison.direction)
    ));
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Text that means nothing to Markdown, HTML or a table.
fn escaped(text: &str) -> String {
    let mut shown = String::new();
    let text = clean(text);
    let is_inner = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        before.zip(after).is_some_and(|(a, b)| a.is_alphanumeric() && b.is_alphanumeric())
    };
    for (at, c) in text.char_indices() {
        match c {
            // Within a word it means nothing.
            '_' if is_inner(at) => shown.push(c),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_means_anything_to_markdown() {
        let hostile =
            "<!-- kiln:end grid --> | `x` **b** [a](javascript:alert(1))\nhidden_size _a_";
        let shown = escaped(hostile);
        assert_eq!(
            shown,
            concat!(
                r"&lt;!-- kiln:end grid --&gt; \| \`x\` \*\*b\*\* ",
                r"\[a\](javascript:alert(1))\\nhidden_size \_a\_"
            )
        );
    }
}
