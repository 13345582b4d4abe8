//! The table: a few runs as columns with every statistic, many as rows with the main ones.

use std::io::{self, Write};

use super::luck::RunLuck;
use super::report::Report;
use evidence::backtest::Sheet;
use text::{Align, cleaned, number, table};

/// Most runs that are shown as columns.
const MOST_COLUMNS: usize = 4;

/// Prints the runs beside buy and hold, and persistence, which trades nothing.
pub(super) fn write_table(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let columns = columns(report);
    if report.runs.len() <= MOST_COLUMNS {
        let mut header = vec![(String::new(), Align::Left)];
        header.extend(columns.iter().map(|column| (column.name.clone(), Align::Right)));
        let rows = STATISTICS.iter().map(|(name, cell)| {
            std::iter::once((*name).to_owned()).chain(columns.iter().map(cell)).collect()
        });
        return write!(out, "{}", table(&header, rows));
    }
    let mut header = vec![("run".to_owned(), Align::Left)];
    header.extend(MAIN.iter().map(|(name, _)| ((*name).to_owned(), Align::Right)));
    let rows = columns.iter().map(|column| {
        std::iter::once(column.name.clone())
            .chain(MAIN.iter().map(|(_, cell)| cell(column)))
            .collect()
    });
    write!(out, "{}", table(&header, rows))
}

/// Runs by their ids (with their sweep where there are several), then what stands beside them.
fn columns(report: &Report) -> Vec<Column<'_>> {
    let one_sweep = report.runs.windows(2).all(|pair| pair[0].sweep == pair[1].sweep);
    let mut columns: Vec<Column> = Vec::new();
    for run in &report.runs {
        let name = if one_sweep { run.run.clone() } else { format!("{}/{}", run.sweep, run.run) };
        columns.push(Column { name: cleaned(&name), sheet: &run.sheet, luck: Some(&run.luck) });
    }
    for (place, held) in report.buy_and_hold.iter().enumerate() {
        let name =
            if place == 0 { "buy & hold".to_owned() } else { format!("buy & hold {}", place + 1) };
        columns.push(Column { name, sheet: &held.sheet, luck: None });
    }
    columns.extend(report.persistence.iter().map(|sheet| Column {
        name: "persistence".to_owned(),
        sheet,
        luck: None,
    }));
    columns
}

/// What is traded, and what it came to.
struct Column<'a> {
    name: String,
    sheet: &'a Sheet,
    /// Of runs alone: the others were not chosen.
    luck: Option<&'a RunLuck>,
}

/// A name, and what stands under it.
type Statistic = (&'static str, fn(&Column) -> String);

/// Statistics of the table of many runs.
const MAIN: &[Statistic] = &[
    ("net %", |c| percent(Some(c.sheet.net_return))),
    ("gross %", |c| percent(Some(c.sheet.gross_return))),
    ("Sharpe", |c| number(c.sheet.annual.sharpe)),
    ("PSR %", |c| probability(c.luck.and_then(|luck| luck.probabilistic_sharpe))),
    ("DSR %", |c| probability(c.luck.and_then(|luck| luck.deflated_sharpe))),
    ("max. drawdown %", |c| percent(Some(c.sheet.drawdowns.max_drawdown))),
    ("exposure %", |c| percent(Some(c.sheet.exposure))),
    ("turnover a session", |c| number(Some(c.sheet.turnover_per_session))),
    ("trades", |c| c.sheet.trading.trades.to_string()),
    ("win %", |c| percent(c.sheet.trading.win_rate)),
    ("break-even bps", |c| number(c.sheet.break_even_bps)),
];

/// Every statistic, with its unit.
const STATISTICS: &[Statistic] = &[
    ("net return, %", |c| percent(Some(c.sheet.net_return))),
    ("  before costs, %", |c| percent(Some(c.sheet.gross_return))),
    ("  costs paid, %", |c| percent(Some(c.sheet.costs.total()))),
    ("  highest equity, %", |c| percent(Some(c.sheet.peak_return))),
    ("return a year, %", |c| percent(c.sheet.annual.return_annual)),
    ("growth a calendar year (CAGR), %", |c| percent(c.sheet.annual.cagr)),
    ("volatility a year, %", |c| percent(c.sheet.annual.volatility_annual)),
    ("Sharpe ratio", |c| number(c.sheet.annual.sharpe)),
    ("  probability that it is above 0 (PSR), %", |c| {
        probability(c.luck.and_then(|luck| luck.probabilistic_sharpe))
    }),
    ("  above the luckiest of all tried (DSR), %", |c| {
        probability(c.luck.and_then(|luck| luck.deflated_sharpe))
    }),
    ("Sortino ratio", |c| number(c.sheet.annual.sortino)),
    ("Calmar ratio", |c| number(c.sheet.annual.calmar)),
    ("alpha, %", |c| percent(c.sheet.market.alpha)),
    ("beta", |c| number(c.sheet.market.beta)),
    ("max. drawdown, %", |c| percent(Some(c.sheet.drawdowns.max_drawdown))),
    ("mean drawdown, %", |c| percent(c.sheet.drawdowns.mean_drawdown)),
    ("max. drawdown lasted", |c| duration(c.sheet.drawdowns.max_drawdown_seconds)),
    ("mean drawdown lasted", |c| duration(c.sheet.drawdowns.mean_drawdown_seconds)),
    ("exposure, %", |c| percent(Some(c.sheet.exposure))),
    ("turnover a session, × equity", |c| number(Some(c.sheet.turnover_per_session))),
    ("break-even cost, bps a side", |c| number(c.sheet.break_even_bps)),
    ("trades", |c| c.sheet.trading.trades.to_string()),
    ("win rate, %", |c| percent(c.sheet.trading.win_rate)),
    ("best trade, %", |c| percent(c.sheet.trading.best_trade)),
    ("worst trade, %", |c| percent(c.sheet.trading.worst_trade)),
    ("mean trade (geometric), %", |c| percent(c.sheet.trading.mean_trade)),
    ("expectancy, %", |c| percent(c.sheet.trading.expectancy)),
    ("longest trade", |c| duration(c.sheet.trading.max_trade_seconds)),
    ("mean trade lasted", |c| duration(c.sheet.trading.mean_trade_seconds)),
    ("profit factor", |c| number(c.sheet.trading.profit_factor)),
    ("SQN", |c| number(c.sheet.trading.sqn)),
    ("Kelly criterion", |c| number(c.sheet.trading.kelly)),
];

/// Basis points as they were given: without zeros at the end.
pub(super) fn bps(value: f64) -> String {
    let digits = number(Some(value));
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        digits
    }
}

/// A probability in percent, to a tenth.
fn probability(share: Option<f64>) -> String {
    share.map_or_else(|| number(None), |share| format!("{:.1}", share * 100.0))
}

/// A share in percent.
pub(super) fn percent(share: Option<f64>) -> String {
    match share.map(|share| share * 100.0) {
        Some(percent) if percent.abs() >= 1000.0 => format!("{percent:.0}"),
        // Small ones keep their digits.
        Some(percent) if percent.abs() >= 0.1 => format!("{percent:.2}"),
        other => number(other),
    }
}

/// "42 s", "7 min", "3 h 20 min", "12 d 4 h".
fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return number(None) };
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", whole % 60).replace(" 0 s", ""),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let texts =
            [1.0, 60.0, 95.0, 3600.0, 12_000.0, 90_000.0].map(|seconds| duration(Some(seconds)));
        assert_eq!(texts, ["1 s", "1 min", "1 min 35 s", "1 h 0 min", "3 h 20 min", "1 d 1 h"]);
        assert_eq!(duration(None), "—");
    }

    #[test]
    fn percentages_keep_the_digits_of_small_ones() {
        assert_eq!(
            [0.1234567, -0.5, 123.4, 0.00001, 0.0].map(|x| percent(Some(x))),
            ["12.35", "-50.00", "12340", "0.001", "0"]
        );
    }
}
