//! The table: a few runs as columns with every statistic, many as rows with the main ones.

use std::io::{self, Write};

use super::luck::RunLuck;
use super::report::Report;
use evidence::backtest::Statistics;
use text::{Align, cleaned, duration, number, percent, table};

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
        columns.push(Column {
            name: cleaned(&name),
            statistics: &run.statistics,
            luck: Some(&run.luck),
        });
    }
    for (place, held) in report.buy_and_hold.iter().enumerate() {
        let name =
            if place == 0 { "buy & hold".to_owned() } else { format!("buy & hold {}", place + 1) };
        columns.push(Column { name, statistics: &held.statistics, luck: None });
    }
    columns.extend(report.persistence.iter().map(|statistics| Column {
        name: "persistence".to_owned(),
        statistics,
        luck: None,
    }));
    columns
}

/// What is traded, and what it came to.
struct Column<'a> {
    name: String,
    statistics: &'a Statistics,
    /// Of runs alone: the others were not chosen.
    luck: Option<&'a RunLuck>,
}

/// A name, and what stands under it.
type Statistic = (&'static str, fn(&Column) -> String);

/// Statistics of the table of many runs.
const MAIN: &[Statistic] = &[
    ("net %", |c| percent(Some(c.statistics.net_return))),
    ("gross %", |c| percent(Some(c.statistics.gross_return))),
    ("Sharpe", |c| number(c.statistics.annual.sharpe)),
    ("PSR %", |c| probability(c.luck.and_then(|luck| luck.probabilistic_sharpe))),
    ("DSR %", |c| probability(c.luck.and_then(|luck| luck.deflated_sharpe))),
    ("max. drawdown %", |c| percent(Some(c.statistics.drawdowns.max_drawdown))),
    ("exposure %", |c| percent(Some(c.statistics.exposure))),
    ("turnover a session", |c| number(Some(c.statistics.turnover_per_session))),
    ("trades", |c| c.statistics.trading.trades.to_string()),
    ("win %", |c| percent(c.statistics.trading.win_rate)),
    ("break-even bps", |c| number(c.statistics.break_even_bps)),
];

/// Every statistic, with its unit.
const STATISTICS: &[Statistic] = &[
    ("net return, %", |c| percent(Some(c.statistics.net_return))),
    ("  before costs, %", |c| percent(Some(c.statistics.gross_return))),
    ("  costs paid, %", |c| percent(Some(c.statistics.costs.total()))),
    ("  highest equity, %", |c| percent(Some(c.statistics.peak_return))),
    ("return a year, %", |c| percent(c.statistics.annual.return_annual)),
    ("growth a calendar year (CAGR), %", |c| percent(c.statistics.annual.cagr)),
    ("volatility a year, %", |c| percent(c.statistics.annual.volatility_annual)),
    ("Sharpe ratio", |c| number(c.statistics.annual.sharpe)),
    ("  probability that it is above 0 (PSR), %", |c| {
        probability(c.luck.and_then(|luck| luck.probabilistic_sharpe))
    }),
    ("  above the luckiest of all tried (DSR), %", |c| {
        probability(c.luck.and_then(|luck| luck.deflated_sharpe))
    }),
    ("Sortino ratio", |c| number(c.statistics.annual.sortino)),
    ("Calmar ratio", |c| number(c.statistics.annual.calmar)),
    ("alpha, %", |c| percent(c.statistics.market.alpha)),
    ("beta", |c| number(c.statistics.market.beta)),
    ("max. drawdown, %", |c| percent(Some(c.statistics.drawdowns.max_drawdown))),
    ("mean drawdown, %", |c| percent(c.statistics.drawdowns.mean_drawdown)),
    ("max. drawdown lasted", |c| lasted(c.statistics.drawdowns.max_drawdown_seconds)),
    ("mean drawdown lasted", |c| lasted(c.statistics.drawdowns.mean_drawdown_seconds)),
    ("exposure, %", |c| percent(Some(c.statistics.exposure))),
    ("turnover a session, × equity", |c| number(Some(c.statistics.turnover_per_session))),
    ("break-even cost, bps a side", |c| number(c.statistics.break_even_bps)),
    ("trades", |c| c.statistics.trading.trades.to_string()),
    ("win rate, %", |c| percent(c.statistics.trading.win_rate)),
    ("best trade, %", |c| percent(c.statistics.trading.best_trade)),
    ("worst trade, %", |c| percent(c.statistics.trading.worst_trade)),
    ("mean trade (geometric), %", |c| percent(c.statistics.trading.mean_trade)),
    ("expectancy, %", |c| percent(c.statistics.trading.expectancy)),
    ("longest trade", |c| lasted(c.statistics.trading.max_trade_seconds)),
    ("mean trade lasted", |c| lasted(c.statistics.trading.mean_trade_seconds)),
    ("profit factor", |c| number(c.statistics.trading.profit_factor)),
    ("SQN", |c| number(c.statistics.trading.sqn)),
    ("Kelly criterion", |c| number(c.statistics.trading.kelly)),
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

fn lasted(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| number(None), duration)
}
