//! What the arguments ask for, each option with the format that it belongs to.

use crate::cmd::RunsDir;
use std::path::PathBuf;

use super::super::{ExportArgs, ExportFormat, ExportTable, ExportUnits, Failure, TradedSplit};
use super::Roots;
use crate::export::Existing;
use crate::export::csv::Formulas;
use crate::export::onnx::Units;
use experiment::metric::Split;

/// What is exported, and where to.
#[derive(Debug, PartialEq)]
pub(super) enum Export {
    Weights(Weights, Output),
    Table(Table, Output),
    Folder(Folder, Output),
    #[cfg(feature = "mlflow")]
    Mlflow {
        to: String,
        experiment: Option<String>,
    },
}

/// A format of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Weights {
    Safetensors,
    Onnx(Units),
}

/// A table and its format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Table {
    pub what: What,
    pub format: TableFormat,
}

/// The rows of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Runs,
    Epochs,
    Forecasts(Split),
}

/// A format of tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TableFormat {
    Csv(Formulas),
    Parquet,
}

/// A format of one folder a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Folder {
    Tensorboard,
    Jsonl,
}

/// Where to.
#[derive(Debug, PartialEq)]
pub(super) struct Output {
    /// None: named after the source.
    pub path: Option<PathBuf>,
    pub existing: Existing,
}

/// Source, roots and export; an option that has no effect with the format is a mistake.
pub(super) fn export(args: ExportArgs) -> Result<(String, Roots, Export), Failure> {
    let ExportArgs {
        source,
        format,
        output,
        force,
        what,
        split,
        raw,
        units,
        to,
        experiment,
        runs: RunsDir { runs },
        models,
    } = args;
    let is_table = matches!(format, ExportFormat::Csv | ExportFormat::Parquet);
    let is_mlflow = format == ExportFormat::Mlflow;
    let belongs = [
        ("--what", what.is_some(), is_table, "--format csv and parquet"),
        (
            "--split",
            split.is_some(),
            is_table && what == Some(ExportTable::Forecasts),
            "--what forecasts",
        ),
        ("--raw", raw, format == ExportFormat::Csv, "--format csv"),
        ("--units", units.is_some(), format == ExportFormat::Onnx, "--format onnx"),
        ("--to", to.is_some(), is_mlflow, "--format mlflow"),
        ("--experiment", experiment.is_some(), is_mlflow, "--format mlflow"),
        ("-o", output.is_some(), !is_mlflow, "the formats that write files (mlflow: --to)"),
        ("--force", force, !is_mlflow, "the formats that write files"),
    ];
    if let Some((option, _, _, formats)) =
        belongs.into_iter().find(|(_, given, legal, _)| *given && !legal)
    {
        return Err(Failure::BadInput(format!("{option} has an effect only with {formats}")));
    }
    let output = Output {
        path: output,
        existing: if force { Existing::Replaced } else { Existing::Refused },
    };
    let what = match what.unwrap_or(ExportTable::Runs) {
        ExportTable::Runs => What::Runs,
        ExportTable::Epochs => What::Epochs,
        ExportTable::Forecasts => What::Forecasts(match split.unwrap_or(TradedSplit::Valid) {
            TradedSplit::Valid => Split::Valid,
            TradedSplit::Test => Split::Test,
        }),
    };
    let formulas = if raw { Formulas::Raw } else { Formulas::Defused };
    let units = match units.unwrap_or(ExportUnits::Own) {
        ExportUnits::Own => Units::Own,
        ExportUnits::Scaled => Units::Scaled,
    };
    let export = match format {
        ExportFormat::Safetensors => Export::Weights(Weights::Safetensors, output),
        ExportFormat::Onnx => Export::Weights(Weights::Onnx(units), output),
        ExportFormat::Csv => {
            Export::Table(Table { what, format: TableFormat::Csv(formulas) }, output)
        }
        ExportFormat::Parquet => {
            Export::Table(Table { what, format: TableFormat::Parquet }, output)
        }
        ExportFormat::Tensorboard => Export::Folder(Folder::Tensorboard, output),
        ExportFormat::Jsonl => Export::Folder(Folder::Jsonl, output),
        #[cfg(feature = "mlflow")]
        ExportFormat::Mlflow => Export::Mlflow { to: server(to)?, experiment },
        #[cfg(not(feature = "mlflow"))]
        ExportFormat::Mlflow => {
            return Err(Failure::BadInput(
                "this kiln was built without MLflow; build it with --features mlflow".to_owned(),
            ));
        }
    };
    Ok((source, Roots { runs, models }, export))
}

#[cfg(feature = "mlflow")]
fn server(to: Option<String>) -> Result<String, Failure> {
    let known = to.or_else(|| std::env::var("MLFLOW_TRACKING_URI").ok());
    known.ok_or_else(|| {
        Failure::BadInput(
            "where to? name the tracking server with --to URL, or set MLFLOW_TRACKING_URI"
                .to_owned(),
        )
    })
}
