//! The frontier as a person reads it.

use std::io::{self, Write};

use super::report::Traded;
use super::table::bps;
use text::percent;
use text::{Align, number, table};

/// Prints net returns over threshold × cost.
pub(super) fn write_frontier(out: &mut dyn Write, traded: &Traded) -> io::Result<()> {
    let Some(frontier) = &traded.frontier else { return Ok(()) };
    writeln!(
        out,
        "\nnet return, %, by the least expected return that is traded (rows, bps) and the cost of \
            one side (columns, bps; here {}):",
        bps(traded.side_bps)
    )?;
    let mut header: Vec<(String, Align)> =
        ["threshold", "fills", "break-even bps"].map(|name| (name.to_owned(), Align::Right)).into();
    header.extend(frontier.costs_bps.iter().map(|side| (bps(*side), Align::Right)));
    let rows = frontier.thresholds.iter().map(|row| {
        let mut cells =
            vec![bps(row.threshold_bps), row.fills.to_string(), number(row.break_even_bps)];
        cells.extend(row.cells.iter().map(|cell| percent(Some(cell.net_return))));
        cells
    });
    write!(out, "{}", table(&header, rows))
}
