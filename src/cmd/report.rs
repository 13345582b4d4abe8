//! `report`: a sweep as one HTML file, or as Markdown for a README.

use super::args::RunsDir;
use clap::{Args, ValueEnum};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::backtest::trading;
use super::hint::{command, quoted};
use super::selection::{ForecastFiles, Selected, objective, read_selected, resolve};
use super::weigh::weigh;
use super::{Failure, Outcome};
use crate::report::{
    GENERATOR, MARKDOWN_GENERATOR, Material, best_forecasts, drawn_curves, markdown, page, splice,
};
use evidence::compare::{Comparison, compare};
use runs::store::{RunRecord, Selection, read_events, read_sweep_summaries};
use text::cleaned;

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A sweep (SWEEP, or latest)
    pub sweep: String,
    /// The file to write; '-' for stdout [default: SWEEP.html here; stdout for md]
    #[arg(short, long, value_name = "FILE", conflicts_with = "splice")]
    pub output: Option<PathBuf>,
    /// [default: by the file's name, else html]
    #[arg(long)]
    pub format: Option<ReportFormat>,
    /// Write Markdown into this file, between the lines <!-- kiln:begin SWEEP --> and <!-- kiln:end
    /// SWEEP -->
    #[arg(long, value_name = "README.md")]
    pub splice: Option<PathBuf>,
    #[command(flatten)]
    pub runs: RunsDir,
}

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One file with plots
    Html,
    /// Tables and the verdict
    Md,
}

/// Writes the report of a sweep into a file, into another file between two markers, or to `out`.
///
/// # Errors
/// When the selector names no sweep, the file that would be written is not a report, markers are
/// missing, or the output fails.
pub fn run(args: ReportArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ReportArgs { sweep, output, format, splice: into, runs: RunsDir { runs: root } } = args;
    if into.is_some() && format == Some(ReportFormat::Html) {
        return Err(Failure::BadInput(
            "--splice writes Markdown: leave out --format html".to_owned(),
        ));
    }
    let name = match resolve(&root, &sweep)? {
        Selection::Sweep(folder) => folder_name(&folder),
        Selection::Run(_) => {
            let show = command(&format!("show {}", quoted(&sweep)), &root);
            return Err(Failure::BadInput(format!(
                "'{sweep}' is a run; a report is of a sweep ({show} shows a run)"
            )));
        }
    };
    let format = format.unwrap_or_else(|| format_of(output.as_deref(), into.as_deref()));
    let target = target(&name, format, output, into)?;
    let material = material(&root, &sweep, name)?;
    let text = match format {
        ReportFormat::Html => page(&material),
        ReportFormat::Md => markdown(&material),
    };
    match target {
        Target::Out => out.write_all(text.as_bytes())?,
        Target::File(path) => {
            let text = if format == ReportFormat::Md {
                format!("{MARKDOWN_GENERATOR}{text}")
            } else {
                text
            };
            replace(&path, text.as_bytes())?;
            writeln!(out, "{}", cleaned(&path.display().to_string()))?;
        }
        Target::Splice(path) => {
            let former = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            let spliced = splice(&former, &material.name, &text)
                .map_err(|why| Failure::BadInput(format!("{}: {why}", path.display())))?;
            replace(&path, spliced.as_bytes())?;
            writeln!(out, "{}", cleaned(&path.display().to_string()))?;
        }
    }
    Ok(Outcome::Done)
}

/// Where a report goes.
#[derive(Debug, PartialEq)]
enum Target {
    Out,
    File(PathBuf),
    Splice(PathBuf),
}

/// By the file's name where it says so.
fn format_of(output: Option<&Path>, splice: Option<&Path>) -> ReportFormat {
    let is_markdown = output
        .and_then(Path::extension)
        .is_some_and(|extension| extension == "md" || extension == "markdown");
    if splice.is_some() || is_markdown { ReportFormat::Md } else { ReportFormat::Html }
}

/// Checked before anything is computed.
fn target(
    name: &str,
    format: ReportFormat,
    output: Option<PathBuf>,
    into: Option<PathBuf>,
) -> Result<Target, Failure> {
    if let Some(path) = into {
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        splice(&text, name, "")
            .map_err(|why| Failure::BadInput(format!("{}: {why}", path.display())))?;
        return Ok(Target::Splice(path));
    }
    let path = match (output, format) {
        (Some(path), _) if path == Path::new("-") => return Ok(Target::Out),
        (None, ReportFormat::Md) => return Ok(Target::Out),
        (Some(path), _) => path,
        (None, ReportFormat::Html) => PathBuf::from(format!("{name}.html")),
    };
    let generator = match format {
        ReportFormat::Html => GENERATOR,
        ReportFormat::Md => MARKDOWN_GENERATOR,
    };
    match fs::read(&path) {
        Ok(former) if former.starts_with(generator.as_bytes()) => Ok(Target::File(path)),
        Ok(_) => Err(Failure::BadInput(format!(
            "{}: is there already and is not a report of kiln: it is not overwritten (choose \
                another name with -o, or move it away)",
            path.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Target::File(path)),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn material(root: &Path, sweep: &str, name: String) -> Result<Material, Failure> {
    let mut selected = read_selected(root, &[sweep.to_owned()], read_sweep_summaries)?;
    let manifest = match selected.manifests.first() {
        Some(manifest) => manifest.clone(),
        None => return Err(Failure::BadInput(format!("'{sweep}' has no runs"))),
    };
    let mut comparison = compare(&selected.runs, objective(&manifest, &selected.runs));
    let files = ForecastFiles::default();
    weigh(&mut comparison, &mut selected.runs, &mut selected.others, &files);
    let read = |run: &RunRecord, split| files.read(run, split);
    if selected.former > 0 {
        comparison.notes.push(format!(
            "{} runs that the file does not plan any more are left out",
            selected.former
        ));
    }
    let trading = trading(&selected, &comparison);
    let best = best_forecasts(&comparison, &selected.runs, &read);
    with_events(&mut selected.runs, &comparison);
    comparison.notes.extend(selected.notes());
    comparison.notes.extend(files.notes());
    let Selected { runs, damaged, .. } = std::mem::take(&mut selected);
    Ok(Material { name, manifest, runs, comparison, forecasts: best, trading, damaged })
}

/// Reads what the runs' events tell. The epochs of a long sweep are most of its bytes: those of
/// runs that are not drawn are let go at once.
fn with_events(runs: &mut [RunRecord], comparison: &Comparison) {
    // One without a result has its events already.
    let finished = |run: &&mut RunRecord| run.result.is_some();
    runs.par_iter_mut().filter(finished).for_each(|run| {
        read_events(run);
        let epochs = &mut run.progress.epochs;
        epochs.drain(..epochs.len().saturating_sub(1));
        epochs.shrink_to_fit();
    });
    let drawn = drawn_curves(comparison, runs);
    runs.par_iter_mut().filter(finished).filter(|run| drawn.contains(&run.folder)).for_each(
        |run| {
            let told = run.damage.len();
            read_events(run);
            run.damage.truncate(told);
        },
    );
}

fn folder_name(folder: &Path) -> String {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// All of the file or none of it, with the permissions that it had; through a link to what it
/// points to.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::BadInput(format!("{}: cannot be written: {error}", path.display()))
    };
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kiln-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(unwritten)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(unwritten)?;
    if let Ok(former) = fs::metadata(&path) {
        file.as_file().set_permissions(former.permissions()).map_err(unwritten)?;
    }
    file.persist(&path).map_err(|error| unwritten(error.error))?;
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::BadInput(format!("{}: cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests;
