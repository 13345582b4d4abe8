//! Files beside the sweeps.

use std::sync::LazyLock;

use kiln::metric::Split;
use kiln::store::{View, read_ledger};

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

pub(super) fn ledgers() -> Vec<Vec<u8>> {
    let line = concat!(
        r#"{"v":1,"at":"2026-01-02T03:04:05Z","sweep":"grid","trial":"31d897f497c7","#,
        r#""data":"0c56","target":{"horizon":1,"kind":"log_return"},"valid":[1,9],"test":[20,29]}"#
    );
    vec![
        format!("{line}\n").into_bytes(),
        format!("{line}\n{}\n", line.replace("31d8", "41d8")).into_bytes(),
    ]
}

pub(super) fn ledger(bytes: &[u8]) -> Result<(), String> {
    std::fs::write(FOLDER.path().join("ledger.jsonl"), bytes).unwrap();
    std::fs::create_dir_all(FOLDER.path().join("ledger")).unwrap();
    std::fs::write(FOLDER.path().join("ledger/host-0f-0.jsonl"), bytes).unwrap();
    if let Ok(ledger) = read_ledger(FOLDER.path(), "2026-01-02T03:04:05Z") {
        for entry in ledger.entries.iter().take(3) {
            let tries = ledger.tries(&entry.trial, &entry.tried, Split::Test);
            if tries.trials > ledger.entries.len() {
                return Err(format!("{} tries in {} lines", tries.trials, ledger.entries.len()));
            }
        }
    }
    Ok(())
}

pub(super) fn views() -> Vec<Vec<u8>> {
    let view = b"# What `kiln compare --view` shows.\n\
                 v = 1\nselectors = [\"grid\", \"wide/31d8\"]\nmetric = \"valid.mae\"\n";
    vec![view.to_vec()]
}

pub(super) fn view(bytes: &[u8]) -> Result<(), String> {
    let folder = FOLDER.path().join("views");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("fuzz.toml"), bytes).unwrap();
    drop(View::read(FOLDER.path(), "fuzz"));
    Ok(())
}
