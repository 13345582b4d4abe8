//! "Did you mean": the known name that a wrong one was most likely meant to be.

/// Words that other tools use, with Kiln's own.
const OTHER_WORDS: [(&str, &str); 22] = [
    ("lr", "learning_rate"),
    ("units", "hidden_size"),
    ("hidden_dim", "hidden_size"),
    ("n_layers", "num_layers"),
    ("depth", "num_layers"),
    ("lookback", "window"),
    ("seq_len", "window"),
    ("sequence_length", "window"),
    ("window_size", "window"),
    ("max_epochs", "epochs"),
    ("num_epochs", "epochs"),
    ("grad_clip", "clip_norm"),
    ("gradient_clip", "clip_norm"),
    ("random_state", "seed"),
    ("eps", "epsilon"),
    ("path", "source"),
    ("file", "source"),
    ("device", "backend"),
    ("n_trials", "trials"),
    ("eta_min", "min_learning_rate"),
    ("timezone", "zone"),
    ("tz", "zone"),
];

/// A longer word, in bytes, is not a slip of anything.
const LONGEST_WORD: usize = 200;

/// The candidate nearest to `word`, where one is near enough to be a likely slip.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let word = plain(word);
    let meant =
        OTHER_WORDS.iter().find(|(other, _)| plain(other) == word).map(|(_, own)| plain(own));
    let allowed = if word.chars().count() <= 3 { 1 } else { (word.chars().count() / 3).max(2) };
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let name = plain(candidate);
            let distance = if name == word || meant.as_ref() == Some(&name) {
                0
            } else {
                let slips = strsim::osa_distance(&word, &name);
                if word.len() >= 4 && is_part(&word, &name) { slips.min(allowed) } else { slips }
            };
            (distance <= allowed).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean 'hidden_size'?`
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|name| format!("did you mean '{name}'?"))
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            format!(
                "{} or {}",
                first.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
                last.as_ref()
            )
        }
    }
}

/// Without case and the ways to join words.
fn plain(word: &str) -> String {
    word.chars().map(|c| if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether one is a run of whole words of the other: `hidden` of `hidden_size`.
fn is_part(word: &str, name: &str) -> bool {
    let within = |short: &str, long: &str| format!("_{long}_").contains(&format!("_{short}_"));
    let word = if within(word, name) { word } else { word.trim_end_matches('s') };
    within(word, name) || within(name, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["kind", "hidden_size", "num_layers", "dropout"];

    #[test]
    fn slips_and_other_tools_words_are_understood() {
        for (word, meant) in [
            ("hiden_size", "hidden_size"),
            ("hidden", "hidden_size"),
            ("layers", "num_layers"),
            ("Dropout", "dropout"),
        ] {
            assert_eq!(nearest(word, NAMES), Some(meant), "{word}");
        }
        assert_eq!(nearest("units", NAMES), Some("hidden_size"));
        assert_eq!(nearest("num-layers", NAMES), Some("num_layers"));
    }

    #[test]
    fn a_word_of_another_kind_suggests_nothing() {
        assert_eq!(nearest("colour", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }

    #[test]
    fn lists_read_as_a_sentence() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b or c");
    }
}
