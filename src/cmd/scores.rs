//! Quantiles and intervals as `evaluate` and `show` print them.

use std::io::Write;

use super::Failure;
use evidence::Proportion;
use evidence::calibration::{
    Calibration, ConformalScore, IntervalScore, QuantileScore, QuantileScores, percent,
};
use runs::store::Evaluation;
use text::{Align, number, table};

/// `--coverage`.
pub(super) fn coverage(text: &str) -> Result<f64, String> {
    let coverage = text.parse::<f64>().ok().filter(|coverage| *coverage > 0.0 && *coverage < 1.0);
    coverage.ok_or_else(|| "it takes a number above 0 and below 1, such as 0.9".to_owned())
}

/// What an evaluation says of its quantiles and its interval, where it has them.
pub(super) fn write_scores(out: &mut dyn Write, evaluation: &Evaluation) -> Result<(), Failure> {
    if let Some(quantiles) = &evaluation.quantiles {
        writeln!(out)?;
        write_quantiles(out, quantiles)?;
    }
    if let Some(interval) = &evaluation.interval {
        writeln!(out)?;
        write_interval(out, interval)?;
    }
    Ok(())
}

/// A line for each level, and for the interval between the outermost.
pub(super) fn write_quantiles(out: &mut dyn Write, scores: &QuantileScores) -> Result<(), Failure> {
    let QuantileScores { levels, pinball, central, crossed } = scores;
    let header = ["quantile", "pinball loss", "targets not above"].iter().enumerate();
    let header: Vec<_> = header
        .map(|(index, name)| {
            ((*name).to_owned(), if index == 0 { Align::Left } else { Align::Right })
        })
        .collect();
    let row = |QuantileScore { level, pinball, below }: &QuantileScore| {
        vec![format!("q{level}"), number(Some(*pinball)), share(below)]
    };
    let mut rows: Vec<Vec<String>> = levels.iter().map(row).collect();
    rows.push(vec!["mean".to_owned(), number(Some(*pinball)), String::new()]);
    write!(out, "{}", table(&header, rows))?;
    if let (Some(score), Some(low), Some(high)) = (central, levels.first(), levels.last()) {
        writeln!(out, "q{} to q{}, as forecast: {}", low.level, high.level, held(score))?;
    }
    if let (Some(crossed), Some(of)) = (crossed, levels.first().map(|score| score.below.count)) {
        writeln!(
            out,
            "quantiles crossed in {crossed} of {of} windows, where they were put in order"
        )?;
    }
    Ok(())
}

/// A line for the conformal interval.
fn write_interval(out: &mut dyn Write, interval: &ConformalScore) -> Result<(), Failure> {
    let ConformalScore { calibration: Calibration { between, margin, calibrated_on }, score } =
        interval;
    let margin = |sign: [char; 2]| {
        format!("{} {}", if *margin < 0.0 { sign[1] } else { sign[0] }, number(Some(margin.abs())))
    };
    let ends = match between {
        Some([low, high]) => {
            format!("q{low} {} to q{high} {}", margin(['−', '+']), margin(['+', '−']))
        }
        None => format!("forecast {}", margin(['±', '±'])),
    };
    writeln!(out, "conformal, {ends}: {}", held(score))?;
    writeln!(
        out,
        "(set on {calibrated_on} validation windows, which chose the epoch too: no coverage is \
            guaranteed; brackets are 95 % intervals that take windows for independent)"
    )?;
    Ok(())
}

fn held(score: &IntervalScore) -> String {
    let IntervalScore { nominal, covered, mean_width } = score;
    format!(
        "{} % nominal, {} of the targets inside, mean width {}",
        percent(*nominal),
        share(covered),
        number(Some(*mean_width))
    )
}

/// `79.8 % [77.9, 81.6]`.
fn share(share: &Proportion) -> String {
    let Proportion { share, low, high, .. } = share;
    format!("{:.1} % [{:.1}, {:.1}]", 100.0 * share, 100.0 * low, 100.0 * high)
}
