//! What README.md and the book say is what the program does: the table of keys is the program's
//! own, the experiments that they show are experiments, the commands have verbs and flags that
//! there are, and links lead somewhere.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use kiln::experiment::{Experiment, keys};
use kiln::market::load_experiment;

const BEGIN: &str = "<!-- keys: KILN_UPDATE=1 cargo test --release --test it docs:: -->\n";
const END: &str = "<!-- end of keys -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and the pages of the book, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let book =
        std::fs::read_dir(root().join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<PathBuf> = book
        .chain(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)))
        .collect();
    assert!(pages.len() > 20);
    pages.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The fenced blocks of a kind, with the line at which each begins.
fn blocks(text: &str, kind: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(of), None) => open = Some((of.to_owned(), number, String::new())),
            (Some(_), Some(_)) => {
                let (of, begin, block) = open.take().unwrap();
                if of == kind {
                    found.push((begin, block));
                }
            }
            (None, Some((_, _, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn table() -> String {
    let mut table = String::from("\n| key | takes | default | |\n|---|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|");
    for key in keys() {
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            key.path,
            cell(&key.legal),
            cell(&key.default),
            cell(key.doc)
        ));
    }
    table.push('\n');
    table
}

#[test]
fn the_table_of_keys_is_the_programs_own() {
    let file = root().join("docs/src/experiment-file.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = page.split_once(BEGIN).expect("the page has a table of keys");
    let (shown, tail) = rest.split_once(END).expect("the table of keys ends");
    if std::env::var_os("KILN_UPDATE").is_some() {
        std::fs::write(&file, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
        return;
    }
    assert!(shown == table(), "run the tests with KILN_UPDATE=1 to write the table of keys anew");
}

#[test]
fn the_experiments_that_are_shown_are_experiments() {
    let mut shown = 0;
    for (page, text) in pages() {
        for (line, toml) in blocks(&text, "toml") {
            shown += 1;
            if let Err(problems) =
                Experiment::parse(&root().join("experiments/shown.toml"), &toml, &[])
            {
                panic!("{}:{line}: {problems}", page.display());
            }
        }
    }
    assert!(shown >= 2, "{shown}");
}

#[test]
fn every_experiment_that_ships_is_one() {
    let mut files = 0;
    for entry in std::fs::read_dir(root().join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files += 1;
            if let Err(mistakes) = load_experiment(&path, &[]) {
                panic!("{mistakes}");
            }
        }
    }
    assert_eq!(files, 6);
}

/// The words of each command line of this program in a block; those of a pipeline too.
fn commands(block: &str) -> Vec<Vec<String>> {
    let of_program = |part: &str| {
        let part = part.trim().trim_start_matches("$ ");
        let words: Vec<&str> =
            part.split(" # ").next().unwrap_or_default().split_whitespace().collect();
        let own = match words[..] {
            ["kiln", ref rest @ ..] => rest,
            ["cargo", "run", "--release", "--", ref rest @ ..] => rest,
            _ => return None,
        };
        Some(own.iter().filter(|word| **word != "&").map(|word| (*word).to_owned()).collect())
    };
    block
        .replace("\\\n", " ")
        .lines()
        .flat_map(|line| line.split(" | "))
        .filter_map(of_program)
        .collect()
}

fn help(of: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_kiln")).args(of).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_commands_that_are_shown_have_verbs_and_flags_that_there_are() {
    let mut helps: HashMap<Vec<String>, Option<String>> = HashMap::new();
    let mut shown = 0;
    for (page, text) in pages() {
        for (line, block) in blocks(&text, "console") {
            for words in commands(&block) {
                let at = format!("{}:{line}: kiln {}", page.display(), words.join(" "));
                let depth = if words[0] == "models" { 2 } else { 1 };
                let verb: Vec<String> = words.iter().take(depth).cloned().collect();
                let help = helps
                    .entry(verb.clone())
                    .or_insert_with(|| help(&verb.iter().map(String::as_str).collect::<Vec<_>>()));
                let help = help.as_ref().unwrap_or_else(|| panic!("{at}: there is no such verb"));
                for flag in words.iter().filter(|word| word.len() > 1 && word.starts_with('-')) {
                    let name = flag.split('=').next().unwrap();
                    let is_there = help
                        .split(|c: char| c.is_whitespace() || ",[]=".contains(c))
                        .any(|word| word == name);
                    assert!(is_there, "{at}: there is no {name}");
                }
                shown += 1;
            }
        }
    }
    assert!(shown > 30, "{shown}");
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut links = 0;
    for (page, text) in pages() {
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.starts_with("http") || target.contains([' ', '\n']) {
                continue;
            }
            links += 1;
            assert!(page.parent().unwrap().join(path).exists(), "{}: {target}", page.display());
        }
    }
    assert!(links > 40, "{links}");
}

#[test]
fn every_page_of_the_book_is_in_its_contents() {
    let contents = std::fs::read_to_string(root().join("docs/src/SUMMARY.md")).unwrap();
    for (page, _) in
        pages().into_iter().filter(|(page, _)| page.starts_with(root().join("docs/src")))
    {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || contents.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn the_readme_can_be_read_in_five_minutes() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut prose = text.clone();
    for kind in ["text", "toml", "console"] {
        for (_, block) in blocks(&text, kind) {
            prose = prose.replace(&block, "");
        }
    }
    let words: usize = prose
        .lines()
        .filter(|line| !line.starts_with('|'))
        .map(|line| line.split_whitespace().count())
        .sum();
    assert!(
        text.lines().count() <= 250 && words <= 900,
        "{} lines, {words} words",
        text.lines().count()
    );
}
