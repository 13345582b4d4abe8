//! `export --format csv|parquet`.

use std::io::Write;

use super::arguments::{Output, Table, TableFormat, What};
use super::source::{name_of, recorded};
use super::{Roots, deliver, note};
use crate::cmd::Failure;
use crate::export::{Recorded, csv, epochs, forecasts, parquet, runs};
use experiment::metric::Split;
use runs::store::{Forecasts, RunFolder};

pub(super) fn run(
    source: &str,
    roots: &Roots,
    table: Table,
    output: &Output,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Table { what, format } = table;
    let recorded = recorded(roots, source)?;
    let name = name_of(roots, source, &recorded);
    let (table, rows) = match what {
        What::Runs => (runs(&recorded), "runs"),
        What::Epochs => (epochs(&recorded), "epochs"),
        What::Forecasts(split) => {
            (forecasts(&with_forecasts(recorded, split)?, split), "forecasts")
        }
    };
    let (bytes, extension) = match format {
        TableFormat::Csv(formulas) => (csv::write(&table, formulas).into_bytes(), "csv"),
        TableFormat::Parquet => (parquet::write(&table)?, "parquet"),
    };
    deliver(&bytes, output, &format!("{name}-{rows}.{extension}"), out)
}

/// Runs that have no forecasts of the split are left out, and told.
fn with_forecasts(
    runs: Vec<Recorded>,
    split: Split,
) -> Result<Vec<(Recorded, Forecasts)>, Failure> {
    let (name, hint) = match split {
        Split::Test => ("test", " (kiln evaluate RUN opens the test split)"),
        Split::Train | Split::Valid => ("valid", ""),
    };
    let mut found = Vec::new();
    for run in runs {
        let folder = RunFolder { path: run.record.folder.clone() };
        match folder.forecasts(name) {
            Ok(forecasts) if !forecasts.ts.is_empty() => found.push((run, forecasts)),
            Ok(_) => note(&format!(
                "{}/{} is left out: it has no forecasts of the {name} split{hint}",
                run.sweep, run.run
            )),
            Err(error) => note(&format!("{}/{} is left out: {error}", run.sweep, run.run)),
        }
    }
    if found.is_empty() {
        return Err(Failure::BadInput(format!("no run has forecasts of the {name} split{hint}")));
    }
    Ok(found)
}
