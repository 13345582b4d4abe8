//! What is wrong with an experiment file, shown in its text.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

use super::mistake::{At, Mistake, Step};
use super::tree::{Item, Node, Place};

/// All mistakes of an experiment file, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostics {
    sources: Vec<SourceText>,
    /// At least one.
    pub list: Vec<Diagnostic>,
    /// Mistakes that are counted alone, where there are more than a thousand.
    pub beyond: usize,
    /// The error number (errno) where the system did not read the file, or what it names: whether
    /// the machine failed shows in it.
    pub os_error: Option<i32>,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Line in the file, from 1; `None` where the mistake is in no line of it (a file that cannot
    /// be read, a `--set` argument).
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// A lower-case fragment with the offending value and what would be legal.
    pub message: String,
    /// Further facts, such as the known keys.
    pub note: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    place: Option<Place>,
    also: Vec<Place>,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// ANSI escape codes.
    Ansi,
    /// None.
    Plain,
}

/// A text that mistakes can be in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SourceText {
    /// The file as given; or the `--set` argument.
    pub name: String,
    pub text: String,
}

/// More than these are counted, not shown.
const MOST_SHOWN: usize = 50;
/// Mistakes found after these are not even looked up in the text: a file of nothing but mistakes
/// must not take minutes.
pub(super) const MOST_KEPT: usize = 1000;
/// Characters of a message, a note or a hint: a key of a megabyte is not quoted whole.
const MOST_QUOTED: usize = 1000;

impl Diagnostics {
    /// A file that could not be read.
    pub(super) fn unreadable(file: &str, message: String, hint: Option<String>) -> Self {
        let source = SourceText { name: file.to_owned(), text: String::new() };
        let diagnostic = Diagnostic {
            line: None,
            column: None,
            message,
            note: None,
            hint,
            place: None,
            also: Vec::new(),
        };
        Self { sources: vec![source], list: vec![diagnostic], beyond: 0, os_error: None }
    }

    /// The same, because of what the system said.
    #[must_use]
    pub fn because(self, error: Option<&std::io::Error>) -> Self {
        Self { os_error: error.and_then(std::io::Error::raw_os_error), ..self }
    }

    /// Mistakes whose places are known.
    pub(super) fn placed(sources: Vec<SourceText>, found: Vec<(Mistake, Option<Place>)>) -> Self {
        Self::sorted(sources, found, |_| Vec::new())
    }

    /// Mistakes whose places are looked up in the tree of the file.
    pub(super) fn of(sources: Vec<SourceText>, mistakes: Vec<Mistake>, root: &Node) -> Self {
        let located = |mistake: Mistake| {
            let place = locate(root, &mistake.path, mistake.at);
            (mistake, place)
        };
        let beyond = mistakes.len().saturating_sub(MOST_KEPT);
        let found = mistakes.into_iter().take(MOST_KEPT).map(located).collect();
        let also = |mistake: &Mistake| {
            mistake.also.iter().filter_map(|path| written(root, path)).collect()
        };
        Self { beyond, ..Self::sorted(sources, found, also) }
    }

    /// In the order of the text, each once: a swept key that is overridden is judged in two places.
    fn sorted(
        sources: Vec<SourceText>,
        mut found: Vec<(Mistake, Option<Place>)>,
        also: impl Fn(&Mistake) -> Vec<Place>,
    ) -> Self {
        found.sort_by_key(|(_, place)| {
            place.as_ref().map(|place| (place.source, place.bytes.start))
        });
        let mut list: Vec<Diagnostic> = Vec::new();
        for (mistake, place) in found {
            let also = also(&mistake);
            let diagnostic = Diagnostic::new(&sources, mistake, place, also);
            if !list.contains(&diagnostic) {
                list.push(diagnostic);
            }
        }
        Self { sources, list, beyond: 0, os_error: None }
    }

    /// As text for a person: each mistake with its line, the place underlined.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        let renderer = match color {
            Color::Ansi => Renderer::styled(),
            Color::Plain => Renderer::plain(),
        };
        let mut text = String::new();
        for diagnostic in self.list.iter().take(MOST_SHOWN) {
            text.push_str(&renderer.render(&[self.group(diagnostic)]));
            text.push_str("\n\n");
        }
        let file = self.sources.first().map_or("", |source| source.name.as_str());
        let count = self.list.len() + self.beyond;
        let hidden = count.saturating_sub(MOST_SHOWN);
        let more = if hidden == 0 { String::new() } else { format!(" ({hidden} not shown)") };
        match count {
            1 => text.push_str(&format!("1 mistake in {file}")),
            count => text.push_str(&format!("{count} mistakes in {file}{more}")),
        }
        text
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let source = diagnostic.place.as_ref().and_then(|place| self.sources.get(place.source));
        let title = match (source, &diagnostic.place) {
            (Some(source), Some(place)) if place.source > 0 => {
                format!("--set {}: {}", short(source.name.clone()), diagnostic.message)
            }
            _ => diagnostic.message.clone(),
        };
        let mut group = Level::ERROR.primary_title(title).elements(Vec::<Origin<'a>>::new());
        match (source, &diagnostic.place) {
            (Some(source), Some(place)) => {
                let also = diagnostic
                    .also
                    .iter()
                    .filter(|also| also.source == place.source && *also != place);
                let mut snippet = Snippet::source(source.text.as_str())
                    .annotation(AnnotationKind::Primary.span(place.bytes.clone()))
                    .annotations(also.map(|also| AnnotationKind::Context.span(also.bytes.clone())));
                snippet = if place.source == 0 {
                    snippet.path(source.name.as_str())
                } else {
                    snippet.line_numbering(false)
                };
                group = group.element(snippet);
            }
            _ => {
                if let Some(file) = self.sources.first() {
                    group = group.element(Origin::path(file.name.as_str()));
                }
            }
        }
        if let Some(note) = &diagnostic.note {
            group = group.element(Level::NOTE.message(note.as_str()));
        }
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        group
    }
}

impl Diagnostic {
    fn new(
        sources: &[SourceText],
        mistake: Mistake,
        place: Option<Place>,
        also: Vec<Place>,
    ) -> Self {
        let in_file = place.as_ref().filter(|place| place.source == 0);
        let position = in_file.and_then(|place| {
            sources.first().map(|source| line_and_column(&source.text, &place.bytes))
        });
        Self {
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            message: short(mistake.problem),
            note: mistake.note.map(short),
            hint: mistake.hint.map(short),
            place,
            also,
        }
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(MOST_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Color::Plain))
    }
}

impl std::error::Error for Diagnostics {}

/// Where a path ends in the text, or as far as it goes.
fn locate(root: &Node, path: &[Step], at: At) -> Option<Place> {
    let mut node = root;
    let mut place = None;
    for (depth, step) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        match (step, &node.item) {
            (Step::Key(name), _) => {
                let Some(entry) = node.entry(name) else { break };
                let table = matches!(entry.node.item, Item::Table(_)) && !last;
                place = Some(if (last && at == At::Name) || table {
                    entry.place.clone()
                } else {
                    entry.node.place.clone()
                });
                node = &entry.node;
            }
            (Step::Index(index), Item::List(nodes)) => {
                let Some(next) = nodes.get(*index) else { break };
                place = Some(next.place.clone());
                node = next;
            }
            (Step::Index(_), _) => break,
        }
    }
    place
}

/// The place of a value that is written in the text.
fn written(root: &Node, path: &[Step]) -> Option<Place> {
    root.get(path)?;
    locate(root, path, At::Value)
}

/// Line and column (in characters) of the first byte, from 1.
fn line_and_column(text: &str, bytes: &Range<usize>) -> (usize, usize) {
    let before = text.get(..bytes.start.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
