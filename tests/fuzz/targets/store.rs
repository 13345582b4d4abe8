//! Files of a sweep, one of them damaged, read by the verbs that show them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use kiln::cmd::{
    CompareArgs, Failure, Json, Outcome, ReportArgs, RunsArgs, ShowArgs, compare, report, runs,
    show,
};
use kiln::store::{RunFolder, read_sweep, read_sweep_summaries};

use super::corpus::{RUN, store};

/// A copy of the frozen store for each file.
static COPIES: LazyLock<Mutex<BTreeMap<String, tempfile::TempDir>>> = LazyLock::new(Mutex::default);

fn copy_of(file: &str) -> PathBuf {
    let mut copies = COPIES.lock().unwrap();
    let copy = copies.entry(file.to_owned()).or_insert_with(|| {
        let folder = tempfile::tempdir().unwrap();
        copy(&store(), folder.path());
        folder
    });
    copy.path().to_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The store with a file in place of its own.
fn with(file: &str, bytes: &[u8]) -> PathBuf {
    let root = copy_of(file);
    std::fs::write(root.join(file), bytes).unwrap();
    root
}

/// Runs a verb: it may refuse, but not fail, and what it says drives no terminal.
fn say(
    verb: &str,
    run: impl FnOnce(&mut dyn std::io::Write) -> Result<Outcome, Failure>,
) -> Result<(), String> {
    let mut out = Vec::new();
    if let Err(Failure::Bug(error)) = run(&mut out) {
        return Err(format!("{verb} calls it a bug: {error:#}"));
    }
    let text = String::from_utf8(out).map_err(|_| format!("{verb} says what is not UTF-8"))?;
    match kiln::text::clean_lines(&text) {
        std::borrow::Cow::Borrowed(_) => Ok(()),
        std::borrow::Cow::Owned(cleaned) => Err(format!(
            "{verb} says what drives a terminal: {}",
            cleaned.chars().take(3000).collect::<String>()
        )),
    }
}

fn look(root: &Path, bytes: &[u8]) -> Result<(), String> {
    let runs_of = root.to_owned();
    say("runs", |out| {
        runs::run(
            RunsArgs {
                selector: Some("grid".into()),
                runs: runs_of.clone().into(),
                json: Json { json: false },
            },
            out,
        )
    })?;
    say("runs", |out| {
        runs::run(
            RunsArgs { selector: None, runs: runs_of.clone().into(), json: Json { json: false } },
            out,
        )
    })?;
    say("show", |out| {
        show::run(
            ShowArgs {
                run: RUN.replace("/trials", ""),
                runs: runs_of.clone().into(),
                json: Json { json: false },
            },
            out,
        )
    })?;
    let compared = CompareArgs {
        selectors: vec!["grid".into()],
        view: None,
        save_view: None,
        metric: None,
        intervals: bytes.len().is_multiple_of(2),
        runs: runs_of.clone().into(),
        json: Json { json: false },
    };
    say("compare", |out| compare::run(compared, out))?;
    // The page takes longer than all of the others.
    if bytes.len().is_multiple_of(8) {
        for format in [kiln::cmd::ReportFormat::Html, kiln::cmd::ReportFormat::Md] {
            let asked = ReportArgs {
                sweep: "grid".into(),
                output: Some("-".into()),
                format: Some(format),
                splice: None,
                runs: runs_of.clone().into(),
            };
            let mut out = Vec::new();
            if let Err(Failure::Bug(error)) = report::run(asked, &mut out) {
                return Err(format!("report calls it a bug: {error:#}"));
            }
        }
    }
    let mut lines = Vec::new();
    if let Ok(record) = read_sweep(&root.join("grid")) {
        let plain = kiln::dashboard::Plain::new(&record);
        plain.summary(&mut lines).unwrap();
    }
    drop(read_sweep_summaries(&root.join("grid")));
    say("plain lines", |out| Ok(out.write_all(&lines).map(|()| Outcome::Done)?))
}

fn damaged(file: &str, bytes: &[u8]) -> Result<(), String> {
    look(&with(file, bytes), bytes)
}

pub(super) fn sweep_toml(bytes: &[u8]) -> Result<(), String> {
    damaged("grid/sweep.toml", bytes)
}

pub(super) fn trial_toml(bytes: &[u8]) -> Result<(), String> {
    damaged(&format!("{RUN}/trial.toml"), bytes)
}

pub(super) fn events(bytes: &[u8]) -> Result<(), String> {
    damaged(&format!("{RUN}/attempts/2/events.jsonl"), bytes)
}

pub(super) fn result(bytes: &[u8]) -> Result<(), String> {
    damaged(&format!("{RUN}/result.json"), bytes)
}

pub(super) fn attempt(bytes: &[u8]) -> Result<(), String> {
    damaged("grid/trials/6ae5c693e4dd/attempts/1/attempt.json", bytes)
}

pub(super) fn evaluations(bytes: &[u8]) -> Result<(), String> {
    damaged(&format!("{RUN}/evaluations.jsonl"), bytes)
}

pub(super) fn forecasts(bytes: &[u8]) -> Result<(), String> {
    let root = with(&format!("{RUN}/attempts/2/forecasts.parquet"), bytes);
    let run = RunFolder { path: root.join(RUN) };
    for split in ["valid", "test"] {
        drop(run.forecasts(split));
    }
    if bytes.len().is_multiple_of(4) { look(&root, bytes) } else { Ok(()) }
}

pub(super) fn commit(bytes: &[u8]) -> Result<(), String> {
    let root = with(&format!("{RUN}/attempts/2/checkpoints/4-0/COMMIT"), bytes);
    let run = RunFolder { path: root.join(RUN) };
    drop(run.newest_checkpoint());
    std::fs::write(root.join(RUN).join("attempts/2/checkpoints/best.json"), bytes).unwrap();
    drop(run.best_weights());
    Ok(())
}
