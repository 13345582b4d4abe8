//! What trading the forecasts came to: equity, drawdown, the cost frontier.

use maud::{Markup, html};
use serde_json::{Value as Json, json};

use super::material::{Material, TradedAccount, TradedRun, Trading};
use super::table::{Column, region, table};
use super::thin::{kept, seconds, shorts};
use super::words::{capitalized, counted};
use evidence::backtest::{START_EQUITY, Statistics};
use evidence::compare::{Comparison, Row};
use text::number;
use text::percent;

/// Runs of the table.
const MOST_RUNS: usize = 50;
/// Stretches of which the extremes are drawn.
const BUCKETS: usize = 300;

const NOTE: &str = "Equity of the best by the objective, which did not look at the equity, and of \
    the one that earned most, which is chosen by it.";

/// A name, and what stands under it.
type Statistic = (&'static str, fn(&Statistics) -> Option<f64>, fn(Option<f64>) -> String);

const STATISTICS: &[Statistic] = &[
    ("net, %", |s| Some(s.net_return), percent),
    ("gross, %", |s| Some(s.gross_return), percent),
    ("Sharpe", |s| s.annual.sharpe, number),
    ("max. drawdown, %", |s| Some(s.drawdowns.max_drawdown), percent),
    ("exposure, %", |s| Some(s.exposure), percent),
    ("turnover a session", |s| Some(s.turnover_per_session), number),
    (
        "trades",
        |s| Some(s.trading.trades as f64),
        |trades| trades.map_or_else(String::new, |trades| format!("{trades:.0}")),
    ),
    ("wins, %", |s| s.trading.win_rate, percent),
    ("break-even, bps a side", |s| s.break_even_bps, number),
];

/// The section, and what its script draws.
pub(super) fn section(material: &Material, trading: &Trading) -> (Markup, Json) {
    let shown = shown(material, trading);
    let curves: Vec<(String, &TradedAccount)> = shown
        .iter()
        .map(|(rank, run)| {
            (rank.map_or_else(|| run.run.clone(), |rank| format!("#{rank} {}", run.run)), *run)
        })
        .chain(trading.held.iter().map(|held| ("buy & hold".to_owned(), held)))
        .filter_map(|(name, run)| Some((name, run.account.as_ref()?)))
        .collect();
    let Some((_, first)) = curves.first() else {
        return (html! { p { "Nothing was traded." } }, Json::Null);
    };
    // Buy and hold and the runs of a sweep are over the same bars; one that is not is left out.
    let curves: Vec<&(String, &TradedAccount)> =
        curves.iter().filter(|(_, account)| account.ts == first.ts).collect();
    let net: Vec<Vec<f64>> = curves
        .iter()
        .map(|(_, run)| {
            run.equity.iter().map(|equity| (equity / START_EQUITY - 1.0) * 100.0).collect()
        })
        .collect();
    let falls: Vec<Vec<f64>> = curves.iter().map(|(_, run)| drawdown(&run.equity)).collect();
    let places = kept(&net.iter().map(Vec::as_slice).collect::<Vec<_>>(), BUCKETS);
    let data = json!({
        "at": places,
        "ts": places.iter().map(|&place| seconds(first.ts[place])).collect::<Vec<_>>(),
        "zone": material.forecasts.first().and_then(|best| best.zone.clone()),
        "lines": curves.iter().zip(net.iter().zip(&falls)).map(|((name, _), (net, falls))| {
            json!({ "name": name, "net": shorts(net, &places), "drawdown": shorts(falls, &places) })
        }).collect::<Vec<_>>(),
        "held": trading.held.is_some(),
    });
    let mut note = NOTE.to_owned();
    if places.len() < first.ts.len() {
        note.push_str(&format!(
            " {} of {} bars are drawn: highs and lows of each stretch.",
            places.len(),
            first.ts.len()
        ));
    }
    let markup = html! {
        p class="verdict" { (capitalized(&trading.verdict)) "." }
        ul class="note" { @for sentence in &trading.words { li { (sentence) } } }
        div class="plot" id="equity" role="img" aria-label="net result in percent, by time" {}
        div class="plot low" id="drawdown" role="img" aria-label="drawdown in percent, by time" {}
        p class="note" { (note) }
        (runs(material, trading))
        (frontier(&shown))
        (skipped(trading))
    };
    (markup, data)
}

/// Rank by the objective of the row that a run is of.
fn rank(material: &Material, run: &str) -> Option<usize> {
    material
        .ranked()
        .find(|row| row.runs.iter().any(|name| is_of(run, name)))
        .and_then(|row| row.rank)
}

/// Whether what was traded is a run, or a stretch that begins with it: `31d897f497c7 +2`.
fn is_of(traded: &str, run: &str) -> bool {
    traded.strip_prefix(run).is_some_and(|rest| rest.is_empty() || rest.starts_with(" +"))
}

/// The places of the runs whose equity is drawn: of the three best rows the first, then the one
/// that earned most, which stands first.
#[must_use]
pub fn drawn_accounts(comparison: &Comparison, traded: &[TradedRun]) -> Vec<usize> {
    let of_row = |row: &Row| {
        row.runs.iter().find_map(|name| traded.iter().position(|traded| is_of(&traded.run, name)))
    };
    let mut drawn: Vec<usize> = comparison
        .rows
        .iter()
        .filter(|row| row.rank.is_some())
        .take(3)
        .filter_map(of_row)
        .collect();
    if !traded.is_empty() && !drawn.contains(&0) {
        drawn.push(0);
    }
    drawn
}

/// The runs whose equity is drawn, with the rank of their row.
fn shown<'a>(material: &Material, trading: &'a Trading) -> Vec<(Option<usize>, &'a TradedRun)> {
    let drawn = drawn_accounts(&material.comparison, &trading.runs)
        .into_iter()
        .map(|place| &trading.runs[place]);
    drawn.map(|run| (rank(material, &run.run), run)).collect()
}

/// Below the highest equity so far, in percent, as numbers of 0 and less.
fn drawdown(equity: &[f64]) -> Vec<f64> {
    let mut peak = START_EQUITY;
    let fall = |&now: &f64| {
        peak = peak.max(now);
        (now / peak - 1.0) * 100.0
    };
    equity.iter().map(fall).collect()
}

fn runs(material: &Material, trading: &Trading) -> Markup {
    let cells = |statistics: &Statistics| {
        html! {
            @for (_, value, text) in STATISTICS {
                @match value(statistics) {
                    Some(value) => { td data-v=(value) { (text(Some(value))) } }
                    None => { td { "—" } }
                }
            }
        }
    };
    let place = |run: &TradedRun| {
        rank(material, &run.run).map_or_else(|| "—".to_owned(), |rank| rank.to_string())
    };
    let more = trading.runs.len().saturating_sub(MOST_RUNS);
    let markup = html! {
        table class="sortable" {
            caption {
                "Every run, traded."
                @if more > 0 { " " (more) " more are not listed (kiln backtest lists all)." }
            }
            thead {
                tr {
                    th scope="col" { "run" }
                    th scope="col" title="rank of its row by the objective" { "rank" }
                    @for (name, ..) in STATISTICS { th scope="col" { (name) } }
                }
            }
            tbody {
                @for run in trading.runs.iter().take(MOST_RUNS) {
                    @let place = place(run);
                    tr {
                        th scope="row" { code { (run.run) } }
                        td data-v=(place) { (place) }
                        (cells(&run.statistics))
                    }
                }
                @if let Some(held) = &trading.held {
                    tr class="baseline" {
                        th scope="row" { "buy & hold" }
                        td {}
                        (cells(&held.statistics))
                    }
                }
            }
        }
    };
    region("backtest", &markup)
}

/// Net return over threshold × cost of the best run by the objective.
fn frontier(shown: &[(Option<usize>, &TradedRun)]) -> Markup {
    let Some((run, frontier)) =
        shown.first().and_then(|(_, run)| Some((run, run.account.as_ref()?.frontier.as_ref()?)))
    else {
        return html! {};
    };
    let costs: Vec<String> = frontier.costs_bps.iter().map(|cost| number(Some(*cost))).collect();
    let largest = frontier
        .thresholds
        .iter()
        .flat_map(|row| &row.cells)
        .map(|cell| cell.net_return.abs())
        .fold(0.0, f64::max);
    let class = |net_return: f64| {
        // Two hues in four steps; the sign stands in the number too.
        let step =
            if largest > 0.0 { (net_return.abs() / largest * 4.0).ceil() as usize } else { 0 };
        format!("{}{step}", if net_return >= 0.0 { "gain" } else { "loss" })
    };
    let rows = frontier.thresholds.iter().map(|row| {
        html! {
            tr {
                th scope="row" { (number(Some(row.threshold_bps))) }
                td { (row.fills) }
                td { (number(row.break_even_bps)) }
                @for cell in &row.cells {
                    td class=(class(cell.net_return)) { (percent(Some(cell.net_return))) }
                }
            }
        }
    });
    let caption = format!(
        "Cost frontier of {}: net return in percent by the least expected return that is traded \
            (rows, bps) and the cost of one side (columns, bps; here {}). Choosing a cell by this \
            table chooses on the bars that it is made of.",
        run.run,
        number(Some(run.side_bps))
    );
    let mut columns =
        vec![Column::Number("threshold"), Column::Number("fills"), Column::Number("break-even")];
    columns.extend(costs.iter().map(|cost| Column::Number(cost)));
    table("cost frontier", &caption, &columns, rows)
}

fn skipped(trading: &Trading) -> Markup {
    html! {
        @if !trading.skipped.is_empty() {
            details {
                summary { (counted(trading.skipped.len(), "run")) " not traded" }
                ul {
                    @for (run, why) in trading.skipped.iter().take(MOST_RUNS) {
                        li { code { (run) } ": " (why) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawdown_is_below_the_highest_equity_so_far() {
        let found = drawdown(&[9_000.0, 12_000.0, 6_000.0]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(found[0], -10.0) && near(found[1], 0.0) && near(found[2], -50.0), "{found:?}");
    }
}
