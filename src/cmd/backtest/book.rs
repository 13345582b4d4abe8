//! `--ledger FILE.csv`: every bar of one run's account.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::super::Failure;
use super::gather::Job;
use super::report::utc;
use evidence::backtest::{Fill, Ledger, Moment};

/// Columns. Money starts at 10000; units are bought where positive; costs are of both fills of a
/// bar.
const HEADER: &str = "bar_start,open,close,forecast,expected_return_bps,bought_at_open,\
                      price_at_open,bought_at_close,price_at_close,commission,half_spread,slippage,\
                      units,cash,equity";

/// Writes the ledger.
pub(super) fn write_book(path: &Path, job: &Job, ledger: &Ledger) -> Result<(), Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::BadInput(format!("{}: cannot be written: {error}", path.display()))
    };
    let mut file = BufWriter::new(File::create(path).map_err(unwritten)?);
    rows(&mut file, job, ledger).and_then(|()| file.flush()).map_err(unwritten)
}

fn rows(file: &mut dyn Write, job: &Job, ledger: &Ledger) -> std::io::Result<()> {
    writeln!(file, "{HEADER}")?;
    let known = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
    let mut fills = ledger.fills.iter().peekable();
    for bar in 0..job.traded.len() {
        let mut fill_at = |at| fills.next_if(|fill| fill.bar == bar && fill.at == at);
        let pair = [fill_at(Moment::Open), fill_at(Moment::Close)];
        let [at_open, at_close] = pair.map(|fill| {
            fill.map_or_else(|| ",".to_owned(), |fill| format!("{},{}", fill.units, fill.price))
        });
        let sum =
            |of: fn(&Fill) -> f64| pair.iter().flatten().fold(0.0, |sum, fill| sum + of(fill));
        writeln!(
            file,
            "{},{},{},{},{},{at_open},{at_close},{},{},{},{},{},{}",
            utc(job.traded.ts[bar]),
            job.traded.open[bar],
            job.traded.close[bar],
            known(job.forecast[bar]),
            known(job.expected[bar] * 1e4),
            sum(|fill| fill.commission),
            sum(|fill| fill.half_spread),
            sum(|fill| fill.slippage),
            ledger.units[bar],
            ledger.cash[bar],
            ledger.equity[bar]
        )?;
    }
    Ok(())
}
