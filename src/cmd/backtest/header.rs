//! What was traded and how, above the table; what to make of it, below.

use std::io::{self, Write};

use super::super::metrics::tries_in_words;
use super::report::{Report, Traded};
use experiment::{Backtest, Costs, FlatAt, Limits, Rule};
use text::percent;
use text::{cleaned, number};

/// Prints what the table is about.
pub(super) fn write_header(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Some(first) = report.runs.first() else { return Ok(()) };
    let date = |stamp: &str| stamp.get(..16).unwrap_or(stamp).replace('T', " ");
    let split = if report.split == "test" { "test" } else { "validation" };
    let per_year = match first.calendar.sessions_per_year {
        Some(per_year) => {
            format!("{} sessions a year by the bars' own dates", number(Some(per_year)))
        }
        None => "the bars cover less than a week: nothing is annualised".to_owned(),
    };
    let series = if first.synthetic { " on a synthetic series" } else { "" };
    writeln!(
        out,
        "{split} forecasts{series}, {} to {} UTC: {} bars, {} sessions ({per_year})",
        date(&first.start),
        date(&first.end),
        first.statistics.bars,
        first.statistics.sessions
    )?;
    let same = |of: fn(&Traded) -> String| report.runs.iter().all(|run| of(run) == of(first));
    let (rule, costs): (fn(&Traded) -> String, fn(&Traded) -> String) =
        (rule_in_words, costs_in_words);
    for (name, of) in [("rule", rule), ("costs of one side", costs)] {
        if same(of) {
            writeln!(out, "{name}: {}", of(first))?;
            continue;
        }
        for run in &report.runs {
            writeln!(
                out,
                "{name} of {}: {}",
                cleaned(&format!("{}/{}", run.sweep, run.run)),
                of(run)
            )?;
        }
    }
    writeln!(out, "decided at a bar's close, filled at the next bar's open\n")
}

pub(super) fn rule_in_words(run: &Traded) -> String {
    let Backtest { rule, costs: _, limits: Limits { max_long, max_short }, flat_at } = run.backtest;
    let bars = run.target.horizon;
    let ahead = format!("{bars} bar{}", if bars == 1 { "" } else { "s" });
    let rule = match rule {
        Rule::Sign => format!("the sign of the return expected over {ahead}"),
        Rule::Threshold { threshold_bps } => {
            format!(
                "the sign of the return expected over {ahead} where it is beyond {threshold_bps} \
                    bps, else flat"
            )
        }
        Rule::Proportional { scale_bps } => {
            format!("in proportion to the return expected over {ahead}, full at {scale_bps} bps")
        }
        Rule::Quantile { share, lookback } => format!(
            "the highest {0} % of the last {lookback} expected returns over {ahead} long, the \
                lowest {0} % short",
            number(Some(share * 100.0))
        ),
    };
    let limits = match (max_long, max_short) {
        (long, 0.0) => format!("long only, at most {long} × equity"),
        (0.0, short) => format!("short only, at most {short} × equity"),
        (long, short) if long == short => format!("at most {long} × equity"),
        (long, short) => format!("at most {long} × equity long, {short} × short"),
    };
    let flat = match flat_at {
        FlatAt::Never => "held over gaps",
        FlatAt::SessionEnd => "flat at the end of a session",
        FlatAt::Gap => "flat before every gap",
        FlatAt::Auto => "flat before gaps unless data.cross_gaps",
    };
    format!("{rule}; {limits}; {flat}")
}

pub(super) fn costs_in_words(run: &Traded) -> String {
    let Costs { commission_bps, half_spread, slippage } = run.backtest.costs;
    format!(
        "commission {commission_bps} bps, half-spread {half_spread}, slippage {slippage}: {} bps \
            in all at the mean price",
        number(Some(run.side_bps))
    )
}

/// Prints what the numbers come to.
pub(super) fn write_end(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for (run, reason) in &report.skipped {
        writeln!(out, "\nnot traded: {}: {}", cleaned(run), cleaned(reason))?;
    }
    let Some(best) = report.runs.first() else { return Ok(()) };
    writeln!(out, "\n{}", verdict(report, best))?;
    match &report.runs[..] {
        [run] => writeln!(out, "{}", tries_in_words(run.luck.tries))?,
        runs => report
            .luck
            .sentences(runs.len())
            .iter()
            .try_for_each(|sentence| writeln!(out, "{sentence}"))?,
    }
    // One reason for each, and each once.
    let mut reasons: Vec<&str> =
        report.runs.iter().filter_map(|run| run.luck.undefined.as_deref()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    if !reasons.is_empty() {
        writeln!(out, "— under PSR and DSR: {}", cleaned(&reasons.join("; ")))?;
    }
    if report.split == "test" {
        let openings: Vec<usize> = report.runs.iter().map(|run| run.test_openings).collect();
        let (least, most) = (
            openings.iter().min().copied().unwrap_or(0),
            openings.iter().max().copied().unwrap_or(0),
        );
        let times = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        writeln!(
            out,
            "the test split was opened {times} time(s) by each of these runs (kiln evaluate)"
        )?;
    } else {
        writeln!(
            out,
            "these bars chose the epoch that is traded, and choosing a run, rule or threshold by \
                this page chooses on them again; the test split has not seen it"
        )?;
    }
    Ok(())
}

pub(super) fn verdict(report: &Report, best: &Traded) -> String {
    let statistics = &best.statistics;
    let name = cleaned(&format!("{}/{}", best.sweep, best.run));
    let earning = report.runs.iter().filter(|run| run.statistics.net_return > 0.0).count();
    let who = match report.runs.len() {
        1 => name,
        runs => format!("{earning} of {runs} runs earn something after costs; the best, {name},"),
    };
    let held = report
        .buy_and_hold
        .iter()
        .find(|held| held.runs.contains(&format!("{}/{}", best.sweep, best.run)));
    let market = held.map_or_else(String::new, |held| {
        format!("; buy and hold {} %", percent(Some(held.statistics.net_return)))
    });
    match statistics.break_even_bps {
        _ if statistics.fills == 0 => format!("{who} trades nothing"),
        _ if statistics.ruined_at.is_some() => format!("{who} loses everything"),
        None => format!(
            "{who} earns nothing even for free ({} % before costs){market}",
            percent(Some(statistics.gross_return))
        ),
        Some(break_even) if statistics.net_return <= 0.0 => format!(
            "{who} earns {} % before costs and {} % after them: it breaks even at {} bps a side \
                and pays {}{market}",
            percent(Some(statistics.gross_return)),
            percent(Some(statistics.net_return)),
            number(Some(break_even)),
            number(Some(best.side_bps)),
        ),
        Some(break_even) => format!(
            "{who} earns {} % after costs, and would up to {} bps a side; it pays {}{market}",
            percent(Some(statistics.net_return)),
            number(Some(break_even)),
            number(Some(best.side_bps)),
        ),
    }
}
