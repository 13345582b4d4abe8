//! `watch`: the dashboard on a live or a finished sweep, read-only.

use super::args::RunsDir;
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::backtest::trader;
use super::selection::resolve;
use super::{Failure, Outcome};
use crate::dashboard::{self, Control, DashboardError, Options, Plain, why_plain};
use runs::store::{Selection, read_sweep};

/// `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// A sweep (SWEEP, or latest), or one of its runs; the newest sweep unless given
    pub sweep: Option<String>,
    #[command(flatten)]
    pub runs: RunsDir,
}

/// Shows the dashboard until the person leaves; where there is no terminal, prints the sweep as it
/// is and returns.
///
/// # Errors
/// When the sweep is not found or cannot be read, or the terminal cannot be used.
pub fn run(args: WatchArgs) -> Result<Outcome, Failure> {
    let WatchArgs { sweep, runs: RunsDir { runs } } = args;
    let folder = match resolve(&runs, sweep.as_deref().unwrap_or("latest"))? {
        Selection::Sweep(folder) => folder,
        Selection::Run(run) => sweep_of(&run)?,
    };
    match why_plain() {
        None => {
            let finished = Box::new(|| None);
            dashboard::run(Options {
                folder,
                control: Control::ReadOnly,
                finished,
                close_when_finished: false,
                trader,
            })?;
        }
        Some(reason) => {
            if !reason.is_empty() {
                // If stderr is closed, there is nobody to tell.
                drop(writeln!(io::stderr(), "{reason}"));
            }
            Plain::new(&read_sweep(&folder)?).summary(&mut io::stdout().lock())?;
        }
    }
    Ok(Outcome::Done)
}

/// `runs/<sweep>/trials/<id>` lies in `runs/<sweep>`.
fn sweep_of(run: &Path) -> Result<PathBuf, Failure> {
    let sweep = run.parent().and_then(Path::parent).map(PathBuf::from);
    sweep.ok_or_else(|| {
        Failure::BadInput(format!(
            "{}: is a run outside of any sweep; name its sweep",
            run.display()
        ))
    })
}

impl From<DashboardError> for Failure {
    fn from(error: DashboardError) -> Self {
        match error {
            DashboardError::Store(error) => error.into(),
            DashboardError::Terminal(_) => Self::BadInput(error.to_string()),
        }
    }
}
