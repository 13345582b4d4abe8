//! `compare`: runs side by side.

use std::io::Write;
use std::path::Path;

use super::selection::{read_selected, write_json};
use super::{CompareArgs, Failure, Outcome};
use crate::compare::{Comparison, compare};
use crate::metric::Metric;
use crate::spec::Objective;
use crate::store::read_sweep;

/// Prints what differs between the runs that the selectors name, then how they rank beside the baselines.
///
/// # Errors
/// When a selector names nothing, or the output fails.
pub fn run(args: CompareArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let CompareArgs { selectors, metric, runs, json } = args;
    let comparison = compared(&runs, &selectors, metric)?;
    if json {
        write_json(out, &comparison)?
    } else {
        comparison.write(out)?
    }
    Ok(Outcome::Done)
}

fn compared(root: &Path, selectors: &[String], metric: Option<Metric>) -> Result<Comparison, Failure> {
    let selected = read_selected(root, selectors, read_sweep)?;
    let objective = match metric {
        Some(metric) => Objective { metric, direction: metric.direction() },
        None => selected.objective().ok_or_else(|| Failure::BadInput("no run was selected".to_owned()))?,
    };
    let mut comparison = compare(&selected.runs, objective);
    let others = selected.manifests.iter().map(|manifest| (&manifest.name, manifest.objective));
    if let Some((name, other)) = others.skip(1).find(|(_, other)| metric.is_none() && *other != objective.metric) {
        comparison.notes.push(format!(
            "ranked by the first sweep's {}; '{name}' has {other} as its objective (choose with --metric)",
            objective.metric
        ));
    }
    if selected.former > 0 {
        comparison.notes.push(format!(
            "{} runs that the file does not plan any more are left out; name them as sweep/id to compare them",
            selected.former
        ));
    }
    for (run, reason) in selected.damaged {
        comparison.notes.push(format!("{run} cannot be read: {reason}"));
    }
    Ok(comparison)
}
