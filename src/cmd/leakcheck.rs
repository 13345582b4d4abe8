//! `kiln leakcheck`: looks for the future in what an experiment's models would see; writes nothing.

use super::args::{ExperimentArgs, Json};
use clap::Args;
use std::io::Write;

use serde::Serialize;

use super::{Failure, Outcome};
use experiment::Data;
use experiment::plan;
use market::{self, Finding};
use text::{Align, table};

/// `leakcheck`.
#[derive(Debug, Args)]
pub struct LeakcheckArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// Chooses the rows that are tried
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub json: Json,
}

/// What was found in the data of some trials.
#[derive(Debug, Serialize)]
struct Checked {
    /// Trials that use it.
    trials: usize,
    window: usize,
    /// Of a walk-forward split, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    fold: Option<usize>,
    findings: Vec<Finding>,
}

/// Runs the verb.
///
/// # Errors
/// When the experiment or its data cannot be read, or a leak was found.
pub fn run(args: LeakcheckArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let LeakcheckArgs {
        experiment: ExperimentArgs { file, overrides, max_trials },
        seed,
        json: Json { json },
    } = args;
    let experiment = market::load_experiment(&file, &overrides)?;
    let plan =
        plan::plan(&experiment, &market::fingerprint(&experiment.base.data.source)?, max_trials)?;
    let mut seen: Vec<(&Data, usize)> = Vec::new();
    for trial in &plan.trials {
        match seen.iter_mut().find(|(data, _)| *data == &trial.settings.data) {
            Some((_, trials)) => *trials += 1,
            None => seen.push((&trial.settings.data, 1)),
        }
    }
    let mut checked = Vec::with_capacity(seen.len());
    for (data, trials) in seen {
        let fold = data.split.walk_forward.map(|walk_forward| walk_forward.fold);
        checked.push(Checked {
            trials,
            window: data.window,
            fold,
            findings: market::leakcheck(data, seed)?,
        });
    }
    let leaks = checked
        .iter()
        .flat_map(|checked| &checked.findings)
        .filter(|finding| finding.leak.is_some())
        .count();
    if json {
        writeln!(out, "{:#}", serde_json::to_value(&checked).map_err(anyhow::Error::from)?)?;
    } else {
        for Checked { trials, window, fold, findings } in &checked {
            let fold = fold.map_or_else(String::new, |fold| format!(", fold {fold}"));
            writeln!(
                out,
                "{}: {trials} trials over windows of {window} bars{fold}",
                experiment.name
            )?;
            write_findings(findings, out)?;
        }
    }
    match leaks {
        0 => Ok(Outcome::Done),
        1 => Err(Failure::BadInput(format!("{}: 1 leak was found", file.display()))),
        leaks => Err(Failure::BadInput(format!("{}: {leaks} leaks were found", file.display()))),
    }
}

fn write_findings(findings: &[Finding], out: &mut dyn Write) -> Result<(), Failure> {
    let header = [("check", Align::Left), ("looked at", Align::Left), ("found", Align::Left)]
        .map(|(name, align)| (name.to_owned(), align));
    let row = |Finding { check, looked_at, leak }: &Finding| {
        let found =
            leak.as_ref().map_or_else(|| "nothing".to_owned(), |leak| format!("LEAK: {leak}"));
        vec![(*check).to_owned(), looked_at.clone(), found]
    };
    Ok(write!(out, "{}", table(&header, findings.iter().map(row)))?)
}
