//! What chance says of a ranking, in a few sentences.

use super::significance::{Against, CROWNING, LEVEL, Significance, Tried};
use experiment::metric::Split;

/// Most rows that a sentence names.
const MOST_NAMED: usize = 6;

impl Significance {
    /// Whether the best is more than luck, which rows are worse than it, and which differ from the
    /// best baseline.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.crown()];
        if self.rows > 1 {
            sentences.extend(self.beside_the_best());
            sentences.push(self.beside_the_baseline());
        }
        sentences
    }

    fn crown(&self) -> String {
        let Self { split, windows, best_baseline, spa, diebold_mariano, .. } = self;
        let p = |name: &str, p: &Option<f64>| {
            p.map_or_else(
                || format!("{name} undefined"),
                |p| format!("{name} p = {}", probability(p)),
            )
        };
        let tests = format!(
            "{}{}, {}; {windows} {} windows",
            p("SPA", spa),
            self.weighed(),
            p("Diebold-Mariano", diebold_mariano),
            name(*split)
        );
        let searched = self.searched();
        let is_small =
            self.beats && [spa, diebold_mariano].iter().all(|p| p.is_some_and(|p| p <= LEVEL));
        if self.crowned {
            format!(
                "this is more than chance{searched}: the best is better than {best_baseline} \
                    ({tests})"
            )
        } else if let Some(lack) = self.survivors.as_ref().filter(|_| is_small) {
            format!(
                "this may be the luck of the seeds that are left{searched}: the best seems better \
                    than {best_baseline}, but with {lack} it is not crowned ({tests})"
            )
        } else if is_small {
            format!(
                "this may still be chance{searched}: the best seems better than {best_baseline}, \
                    but the epochs were chosen on these windows too, so it takes p of at most \
                    {CROWNING} ({tests})"
            )
        } else if self.beats {
            format!(
                "chance explains that{searched}: the best cannot be told from {best_baseline} \
                    ({tests})"
            )
        } else {
            format!("no row is better than {best_baseline} over these windows ({tests})")
        }
    }

    /// How many trials the claim counts.
    fn searched(&self) -> String {
        let Tried { trials, by_ledger, damaged_lines, .. } = self.tried;
        let unknown = match (by_ledger, damaged_lines) {
            (true, 0) => String::new(),
            (true, 1) => " (and perhaps one more, by a damaged line of the ledger)".to_owned(),
            (true, lines) => format!(" (and perhaps {lines} more, by damaged lines of the ledger)"),
            (false, _) => " (what was tried before them is not known)".to_owned(),
        };
        match trials {
            1 if unknown.is_empty() => String::new(),
            1 => format!(", one trial counted{unknown}"),
            trials => format!(", the search over {trials} trials included{unknown}"),
        }
    }

    /// Which of them were weighed, where that is not all, and not those that are shown.
    fn weighed(&self) -> String {
        let Tried { trials, weighed, shown, .. } = self.tried;
        let raw = self.spa_raw.map_or_else(|| "undefined".to_owned(), probability);
        match (trials > weighed, shown < weighed) {
            (false, false) => String::new(),
            (false, true) => {
                format!(" (over all {weighed} of the search, of which these are {shown})")
            }
            (true, false) => format!(
                " ({raw} over the {weighed} that could be weighed, widened to all {trials})"
            ),
            (true, true) => {
                format!(
                    " ({raw} over the {weighed} that could be weighed, of which these are {shown}; \
                        widened to all {trials})"
                )
            }
        }
    }

    /// `None` where the set is undefined.
    fn beside_the_best(&self) -> Option<String> {
        let Self { in_set, names, best_baseline, set_rows, search_rows, .. } = self;
        let place = |wanted: bool| {
            names.iter().zip(in_set).filter(move |(_, is_in)| **is_in == Some(wanted))
        };
        let apart: Vec<&str> = place(false).map(|(name, _)| name.as_str()).collect();
        let (alike, known) = (place(true).count(), place(true).count() + apart.len());
        let is_part = self.tried.shown < self.tried.weighed;
        let best = if is_part { "the best of the search" } else { "the best" };
        let told = match alike {
            _ if known == 0 => return None,
            0 if is_part => {
                format!("all {known} are worse than {best} and its baselines, by more than chance")
            }
            0 => format!(
                "all {known} are worse than the best baseline, {best_baseline}, by more than chance"
            ),
            alike if alike == known => format!("none of the {known} can be told from {best}"),
            1 if apart.len() > MOST_NAMED && !is_part => {
                format!("the best is better than all the other {} by more than chance", apart.len())
            }
            1 if !is_part => format!("worse than the best by more than chance: {}", listed(&apart)),
            alike => {
                format!(
                    "worse than {best} by more than chance: {}; the other {alike} cannot be told \
                        from {best}",
                    listed(&apart)
                )
            }
        };
        let of = if set_rows < search_rows {
            format!(", of the first {set_rows} of {search_rows} rows")
        } else {
            String::new()
        };
        Some(format!("{told} (90 % model confidence set{of})"))
    }

    fn beside_the_baseline(&self) -> String {
        let Self { rows, best_baseline, against_baseline, names, .. } = self;
        let named = |wanted: Against| -> Vec<&str> {
            names
                .iter()
                .zip(against_baseline)
                .filter(|(_, against)| **against == Some(wanted))
                .map(|(name, _)| name.as_str())
                .collect()
        };
        let (better, worse) = (named(Against::Better), named(Against::Worse));
        let alike = rows - better.len() - worse.len();
        let list = |which: &[&str]| {
            if which.len() == *rows { format!("all {rows}") } else { listed(which) }
        };
        let mut parts = Vec::new();
        if !better.is_empty() {
            parts.push(format!(
                "better than {best_baseline} by more than chance: {}",
                list(&better)
            ));
        }
        if !worse.is_empty() {
            parts.push(format!("worse than {best_baseline} by more than chance: {}", list(&worse)));
        }
        match alike {
            0 => {}
            alike if alike == *rows => {
                parts.push(format!("none of the {rows} can be told from {best_baseline}"))
            }
            alike => parts.push(format!("the other {alike} cannot be told from {best_baseline}")),
        }
        format!("{} (Diebold-Mariano, each at 5 % by Holm)", parts.join("; "))
    }
}

/// "a, b, c and 7 more".
fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMED {
        format!("{shown} and {} more", names.len() - MOST_NAMED)
    } else {
        shown
    }
}

fn name(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Valid => "validation",
        Split::Test => "test",
    }
}

/// Two digits, or that it is below a thousandth.
fn probability(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { format!("{p:.3}") }
}
