//! Every file under `tests/specs/invalid` is refused, with the message that stands beside it; every
//! file under `tests/specs/valid` is valid. A line `# --set key=value` in a file is an argument.

use kiln::market::load_experiment;
use std::path::{Path, PathBuf};

#[test]
fn every_invalid_spec_is_refused_with_its_message() {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../specs/invalid");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let files = specs("tests/specs/invalid");
    assert!(files.len() >= 50, "{}", files.len());
    settings.bind(|| {
        for file in files {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let message = match load_experiment(&file, &overrides(&file)) {
                Ok(_) => "validated".to_owned(),
                Err(diagnostics) => diagnostics.to_string(),
            };
            assert_ne!(message, "validated", "{name}");
            insta::assert_snapshot!(name, message);
        }
    });
}

#[test]
fn every_valid_spec_is_validated() {
    let files = specs("tests/specs/valid");
    assert!(files.len() >= 8, "{}", files.len());
    for file in files {
        if let Err(diagnostics) = load_experiment(&file, &overrides(&file)) {
            panic!("{diagnostics}");
        }
    }
}

fn specs(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    files
}

fn overrides(file: &Path) -> Vec<String> {
    let text = std::fs::read(file).unwrap();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| line.strip_prefix("# --set ").map(str::to_owned))
        .collect()
}
