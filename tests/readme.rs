//! What README.md says is what the program does: the table of keys is the program's own, and the file that it shows is an experiment.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use kiln::experiment::{Experiment, keys};
use kiln::market::load_experiment;

const BEGIN: &str = "<!-- keys: KILN_UPDATE=1 cargo test --release --test readme -->\n";
const END: &str = "<!-- end of keys -->";

fn table() -> String {
    let mut table = String::from("\n| key | takes | default | |\n|---|---|---|---|\n");
    let cell = |text: &str| text.replace('|', "\\|");
    for key in keys() {
        table.push_str(&format!("| `{}` | {} | {} | {} |\n", key.path, cell(&key.legal), cell(&key.default), cell(key.doc)));
    }
    table.push('\n');
    table
}

#[test]
fn the_table_of_keys_is_the_programs_own() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = readme.split_once(BEGIN).expect("the README has a table of keys");
    let (shown, tail) = rest.split_once(END).expect("the README's table of keys ends");
    if std::env::var_os("KILN_UPDATE").is_some() {
        std::fs::write(&file, format!("{head}{BEGIN}{}{END}{tail}", table())).unwrap();
        return;
    }
    assert!(shown == table(), "run the tests with KILN_UPDATE=1 to write the README's table anew");
}

#[test]
fn the_file_that_it_shows_is_an_experiment() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").expect("the README shows an experiment");
    let (toml, _) = rest.split_once("```").expect("the experiment ends");
    let experiment = Experiment::parse(&root.join("experiments/readme.toml"), toml, &[]);
    assert!(experiment.is_ok(), "{}", experiment.unwrap_err());
}

#[test]
fn every_experiment_that_ships_is_believed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
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
