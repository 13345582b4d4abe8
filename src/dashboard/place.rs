//! Whether the dashboard can be shown where this process is, or only lines.

use std::io::{self, IsTerminal};

/// Why there are plain lines instead of the dashboard; `None` where it can be shown. Without a word
/// where standard input or output is not a terminal: anyone who wrote the command knows.
#[must_use]
pub fn why_plain() -> Option<String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Some(String::new());
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    incapable(variable("TERM").as_deref(), locale(variable).as_deref())
}

/// Whether text here is UTF-8: by the locale, where one is set.
pub(crate) fn is_utf8(locale: &str) -> bool {
    locale.to_lowercase().replace('-', "").contains("utf8")
}

/// The locale of characters, by the order of precedence that POSIX gives the variables.
pub(crate) fn locale(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable)
}

/// Where no locale is set (a bare container, cron) the terminal is taken for one of today.
fn incapable(term: Option<&str>, locale: Option<&str>) -> Option<String> {
    let lines = "so there are plain lines instead of the dashboard";
    match (term, locale) {
        (None, _) => Some(format!("TERM is not set, {lines}")),
        (Some("dumb"), _) => Some(format!("TERM is dumb, {lines}")),
        (_, Some(locale)) if !is_utf8(locale) => {
            Some(format!("the locale {locale} is not UTF-8, {lines} (LC_ALL=C.UTF-8 gives it)"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_cannot_show_it_gets_lines_with_the_reason() {
        for (term, locale, reason) in [
            (None, None, Some("TERM is not set")),
            (Some("dumb"), Some("en_US.UTF-8"), Some("TERM is dumb")),
            (Some("xterm"), Some("C"), Some("LC_ALL=C.UTF-8")),
            (Some("xterm"), Some("POSIX"), Some("POSIX is not UTF-8")),
            (Some("xterm"), Some("de_DE.ISO-8859-1"), Some("not UTF-8")),
            (Some("xterm"), Some("de_DE@euro"), Some("not UTF-8")),
            (Some("xterm"), Some("C.utf8"), None),
            (Some("linux"), Some("en_US.UTF-8"), None),
            (Some("xterm"), None, None),
        ] {
            let told = incapable(term, locale);
            match reason {
                Some(reason) => assert!(
                    told.as_ref().is_some_and(|told| told.contains(reason)),
                    "{term:?} {locale:?}: {told:?}"
                ),
                None => assert_eq!(told, None, "{term:?} {locale:?}"),
            }
        }
    }

    #[test]
    fn the_locale_of_characters_is_the_first_that_is_set() {
        let set = |pairs: &'static [(&str, &str)]| {
            locale(move |name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(set(&[("LANG", "a"), ("LC_ALL", "b"), ("LC_CTYPE", "c")]).as_deref(), Some("b"));
        assert_eq!(set(&[("LANG", "a"), ("LC_CTYPE", "c")]).as_deref(), Some("c"));
        assert_eq!(set(&[]), None);
    }
}
