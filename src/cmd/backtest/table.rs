//! The table: a few runs as columns with every statistic, many as rows with the main ones.

use std::io::{self, Write};

use super::report::Report;
use crate::backtest::Sheet;
use crate::compare::{Align, cleaned, number, table};

/// Most runs that are shown as columns.
const MOST_COLUMNS: usize = 4;

/// Prints the runs beside buy and hold, and persistence, which trades nothing.
pub(super) fn write_table(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let columns = columns(report);
    if report.runs.len() <= MOST_COLUMNS {
        let mut header = vec![(String::new(), Align::Left)];
        header.extend(columns.iter().map(|(name, _)| (name.clone(), Align::Right)));
        let rows = STATISTICS
            .iter()
            .map(|(name, cell)| std::iter::once((*name).to_owned()).chain(columns.iter().map(|(_, sheet)| cell(sheet))).collect());
        return write!(out, "{}", table(&header, rows));
    }
    let mut header = vec![("run".to_owned(), Align::Left)];
    header.extend(MAIN.iter().map(|(name, _)| ((*name).to_owned(), Align::Right)));
    let rows =
        columns.iter().map(|(name, sheet)| std::iter::once(name.clone()).chain(MAIN.iter().map(|(_, cell)| cell(sheet))).collect());
    write!(out, "{}", table(&header, rows))
}

/// Runs by their ids (with their sweep where there are several), then what stands beside them.
fn columns(report: &Report) -> Vec<(String, &Sheet)> {
    let one_sweep = report.runs.windows(2).all(|pair| pair[0].sweep == pair[1].sweep);
    let mut columns: Vec<(String, &Sheet)> = Vec::new();
    for run in &report.runs {
        let name = if one_sweep { run.run.clone() } else { format!("{}/{}", run.sweep, run.run) };
        columns.push((cleaned(&name), &run.sheet));
    }
    for (place, held) in report.buy_and_hold.iter().enumerate() {
        let name = if place == 0 { "buy & hold".to_owned() } else { format!("buy & hold {}", place + 1) };
        columns.push((name, &held.sheet));
    }
    columns.extend(report.persistence.iter().map(|sheet| ("persistence".to_owned(), sheet)));
    columns
}

/// A name, and what stands under it.
type Statistic = (&'static str, fn(&Sheet) -> String);

/// Statistics of the table of many runs.
const MAIN: &[Statistic] = &[
    ("net %", |s| percent(Some(s.net_return))),
    ("gross %", |s| percent(Some(s.gross_return))),
    ("Sharpe", |s| number(s.annual.sharpe)),
    ("max. drawdown %", |s| percent(Some(s.drawdowns.max_drawdown))),
    ("exposure %", |s| percent(Some(s.exposure))),
    ("turnover a session", |s| number(Some(s.turnover_per_session))),
    ("trades", |s| s.trading.trades.to_string()),
    ("win %", |s| percent(s.trading.win_rate)),
    ("break-even bps", |s| number(s.break_even_bps)),
];

/// Every statistic, with its unit.
const STATISTICS: &[Statistic] = &[
    ("net return, %", |s| percent(Some(s.net_return))),
    ("  before costs, %", |s| percent(Some(s.gross_return))),
    ("  costs paid, %", |s| percent(Some(s.costs.total()))),
    ("  highest equity, %", |s| percent(Some(s.peak_return))),
    ("return a year, %", |s| percent(s.annual.return_annual)),
    ("growth a calendar year (CAGR), %", |s| percent(s.annual.cagr)),
    ("volatility a year, %", |s| percent(s.annual.volatility_annual)),
    ("Sharpe ratio", |s| number(s.annual.sharpe)),
    ("Sortino ratio", |s| number(s.annual.sortino)),
    ("Calmar ratio", |s| number(s.annual.calmar)),
    ("alpha, %", |s| percent(s.market.alpha)),
    ("beta", |s| number(s.market.beta)),
    ("max. drawdown, %", |s| percent(Some(s.drawdowns.max_drawdown))),
    ("mean drawdown, %", |s| percent(s.drawdowns.mean_drawdown)),
    ("max. drawdown lasted", |s| duration(s.drawdowns.max_drawdown_seconds)),
    ("mean drawdown lasted", |s| duration(s.drawdowns.mean_drawdown_seconds)),
    ("exposure, %", |s| percent(Some(s.exposure))),
    ("turnover a session, × equity", |s| number(Some(s.turnover_per_session))),
    ("break-even cost, bps a side", |s| number(s.break_even_bps)),
    ("trades", |s| s.trading.trades.to_string()),
    ("win rate, %", |s| percent(s.trading.win_rate)),
    ("best trade, %", |s| percent(s.trading.best_trade)),
    ("worst trade, %", |s| percent(s.trading.worst_trade)),
    ("mean trade (geometric), %", |s| percent(s.trading.mean_trade)),
    ("expectancy, %", |s| percent(s.trading.expectancy)),
    ("longest trade", |s| duration(s.trading.max_trade_seconds)),
    ("mean trade lasted", |s| duration(s.trading.mean_trade_seconds)),
    ("profit factor", |s| number(s.trading.profit_factor)),
    ("SQN", |s| number(s.trading.sqn)),
    ("Kelly criterion", |s| number(s.trading.kelly)),
];

/// Basis points as they were given: without zeros at the end.
pub(super) fn bps(value: f64) -> String {
    let digits = number(Some(value));
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.').to_owned() } else { digits }
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
        let texts = [1.0, 60.0, 95.0, 3600.0, 12_000.0, 90_000.0].map(|seconds| duration(Some(seconds)));
        assert_eq!(texts, ["1 s", "1 min", "1 min 35 s", "1 h 0 min", "3 h 20 min", "1 d 1 h"]);
        assert_eq!(duration(None), "—");
    }

    #[test]
    fn percentages_keep_the_digits_of_small_ones() {
        assert_eq!([0.1234567, -0.5, 123.4, 0.00001, 0.0].map(|x| percent(Some(x))), ["12.35", "-50.00", "12340", "0.001", "0"]);
    }
}
