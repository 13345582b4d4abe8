//! From the text of a file to an [`Experiment`], or to everything that is wrong with it.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

use super::diagnostic::{Diagnostics, MOST_KEPT, SourceText};
use super::experiment::{Experiment, Objective};
use super::fit::{fit, fit_backtest};
use super::key::{find, name_problem, set, unknown};
use super::mistake::{Mistake, key, steps, without_follow_ups};
use super::overrides::Refused;
use super::tree::{Item, Node, Place};
use super::wire::Wire;
use super::{domains, overrides, rules, strategy};
use crate::space::{Space, Value};

/// Longest file, bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Most keys of a table.
const MOST_KEYS: usize = 1000;

impl Experiment {
    /// Reads an experiment file and applies `--set key=value` arguments. Paths in it are relative
    /// to its folder. An override of a key that the sweep varies replaces its values by the one
    /// given.
    ///
    /// # Errors
    /// Everything that is wrong with the file and with the arguments. The data file that it names
    /// is not looked at.
    pub fn load(file: &Path, overrides: &[String]) -> Result<Self, Diagnostics> {
        Self::parse(file, &read(file)?, overrides)
    }

    /// As [`Experiment::load`], of a text that is already read.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn parse(file: &Path, text: &str, arguments: &[String]) -> Result<Self, Diagnostics> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let sources = sources(file, text, arguments);

        let mut root =
            parse_toml(text).map_err(|found| Diagnostics::placed(sources.clone(), found))?;
        if let Some(found) = crowded(&root) {
            return Err(Diagnostics::placed(sources, vec![found]));
        }
        let refused: Vec<_> = arguments
            .iter()
            .enumerate()
            .filter_map(|(index, argument)| {
                let Refused { problem, hint, bytes } =
                    overrides::apply(&mut root, index + 1, argument).err()?;
                Some((
                    Mistake::value(problem).maybe_hint(hint),
                    Some(Place { source: index + 1, bytes }),
                ))
            })
            .collect();
        if !refused.is_empty() {
            return Err(Diagnostics::placed(sources, refused));
        }

        let mut mistakes = Vec::new();
        let wire = wire_of(&root, file, &mut mistakes);
        let space = space_of(&root, &wire, &mut mistakes);
        let strategy = strategy::read(&root, &wire, &space, &mut mistakes);
        let name = name_of(&root, &wire, file, &mut mistakes);
        mistakes.extend(rules::file(&wire, &root, &space));
        let base = fit(&root, &wire, &space, &strategy, &mut mistakes);
        let backtest = fit_backtest(&root, &wire, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(Diagnostics::of(sources, without_follow_ups(mistakes), &root));
        }
        let mut wire = wire;
        let head = std::mem::take(&mut wire.head);
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            overrides: arguments.to_vec(),
            name,
            question: head.question,
            backend: head.backend,
            base,
            wire,
            strategy,
            objective: Objective { metric: head.metric, direction: head.metric.direction() },
            repeats: head.repeats,
            space,
            backtest,
        })
    }

    /// A problem with what a key names, such as a data file that cannot be read, where the key
    /// stands in the file or the arguments.
    #[must_use]
    pub fn refuse(&self, path: &str, problem: String) -> Diagnostics {
        let sources = sources(&self.file, &self.text, &self.overrides);
        let mistake = Mistake { path: steps(path), ..Mistake::value(problem) };
        match parse_toml(&self.text) {
            Ok(mut root) => {
                for (index, argument) in self.overrides.iter().enumerate() {
                    // It was applied before: this experiment was made of it.
                    drop(overrides::apply(&mut root, index + 1, argument));
                }
                Diagnostics::of(sources, vec![mistake], &root)
            }
            Err(found) => Diagnostics::placed(sources, found),
        }
    }
}

fn sources(file: &Path, text: &str, arguments: &[String]) -> Vec<SourceText> {
    let arguments = arguments
        .iter()
        .map(|argument| SourceText { name: argument.clone(), text: argument.clone() });
    std::iter::once(SourceText { name: file.display().to_string(), text: text.to_owned() })
        .chain(arguments)
        .collect()
}

fn read(file: &Path) -> Result<String, Diagnostics> {
    let fail = |message: String, hint: Option<&str>| {
        Diagnostics::unreadable(&file.display().to_string(), message, hint.map(str::to_owned))
    };
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            fail("there is no such file".to_owned(), nearest_file(file).as_deref())
        }
        std::io::ErrorKind::IsADirectory => {
            fail("this is a folder, not an experiment file".to_owned(), None)
        }
        _ => fail(format!("the file cannot be read: {error}"), None).because(Some(&error)),
    };
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .map_err(wrong)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(fail(
            "the file is larger than 1 MiB: is it an experiment?".to_owned(),
            Some("bars belong in a data file, named by data.source"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        fail(format!("the file is not UTF-8 text (line {line})"), Some("save it as UTF-8"))
    })
}

fn nearest_file(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let folder =
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    super::suggest::did_you_mean(name, names.iter().map(String::as_str))
}

/// The tree of a text. A key that is there twice is reported with the rest by name; any other
/// syntax error ends the reading, since what follows it is guesswork.
fn parse_toml(text: &str) -> Result<Node, Vec<(Mistake, Option<Place>)>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node::table(0, &table));
    }
    let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
    let mut lines = HashSet::new();
    let mut found = Vec::new();
    let mut is_open = false;
    for error in errors {
        let bytes = error.span().unwrap_or(0..0);
        // The parser goes on after an error; the first on a line is the one that counts.
        if !lines.insert(ends.partition_point(|end| *end < bytes.start)) {
            continue;
        }
        // Where a bracket is open, what follows is read as part of it.
        if found.len() == MOST_KEPT || is_open {
            break;
        }
        is_open = error.message().contains("inline table") || error.message().contains("array");
        let word = text.get(bytes.clone()).unwrap_or_default();
        let (problem, hint) = match error.message() {
            "duplicate key" => (
                format!("the key '{word}' is given twice"),
                Some("remove one of the two".to_owned()),
            ),
            message => (format!("this is not TOML: {message}"), toml_hint(text, word, bytes.start)),
        };
        found.push((Mistake::value(problem).maybe_hint(hint), Some(Place { source: 0, bytes })));
    }
    Err(found)
}

/// A table of more keys than any has: it would take long to find fault with each.
fn crowded(node: &Node) -> Option<(Mistake, Option<Place>)> {
    if let Some(first) = node.entries().get(MOST_KEYS) {
        let problem = format!(
            "a table of {} keys, where none has more than {MOST_KEYS}",
            node.entries().len()
        );
        return Some((Mistake::value(problem), Some(first.place.clone())));
    }
    match &node.item {
        Item::Table(entries) => entries.iter().find_map(|entry| crowded(&entry.node)),
        Item::List(nodes) => nodes.iter().find_map(crowded),
        Item::Scalar(_) | Item::Illegal(_) => None,
    }
}

fn toml_hint(text: &str, word: &str, start: usize) -> Option<String> {
    let line = text.get(..start)?.rsplit('\n').next()?;
    let after_equals = line.trim_end().ends_with('=');
    let is_word = word.chars().next().is_some_and(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    match word {
        "True" | "False" | "TRUE" | "FALSE" => Some(format!("write {}", word.to_lowercase())),
        "None" | "null" | "nil" => Some(
            "there is no such value in TOML: remove the key, or write false where a key can be off"
                .to_owned(),
        ),
        _ if after_equals && is_word => Some(format!("texts are written in quotes: \"{word}\"")),
        _ => None,
    }
}

/// The wire form of a tree. `sweep.space` and listed trials are read by their own modules.
fn wire_of(root: &Node, file: &Path, mistakes: &mut Vec<Mistake>) -> Wire {
    let mut wire = Wire::default();
    if let Some(Value::Table(tables)) = root.to_value(mistakes) {
        for (name, value) in &tables {
            let found = match find(name) {
                Some(key) => set(&mut wire, key, value),
                None => vec![unknown("", name)],
            };
            mistakes.extend(found.into_iter().map(|mistake| mistake.under(key(name))));
        }
    }
    if let Some(source) = &mut wire.data.source {
        let folder = file.parent().map(PathBuf::from).unwrap_or_default();
        *source = folder.join(&*source);
    }
    wire
}

fn space_of(root: &Node, wire: &Wire, mistakes: &mut Vec<Mistake>) -> Space {
    let Some(node) = root.get(&steps("sweep.space")) else { return Space::default() };
    let mut found = Vec::new();
    let space = domains::read(node, wire, &mut found);
    domains::for_strategy(wire.head.strategy.kind, &space, &mut found);
    mistakes.extend(found.into_iter().map(|mistake| mistake.below(&steps("sweep.space"))));
    space
}

fn name_of(root: &Node, wire: &Wire, file: &Path, mistakes: &mut Vec<Mistake>) -> String {
    if let Some(name) = &wire.head.name {
        return name.clone();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if root.child("name").is_none()
        && let Some(problem) = name_problem(&stem)
    {
        mistakes.push(
            Mistake::name(format!(
                "the file's name, \"{stem}\", cannot name the sweep: \"{stem}\" {problem}"
            ))
            .hint("add name = \"…\" at the top"),
        );
    }
    stem
}
