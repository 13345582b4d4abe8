//! Settings for tests, as a file makes them.

use std::path::Path;

use super::{Backtest, Experiment, Settings};

/// The settings of a file with these lines; over synthetic bars unless they say otherwise.
#[must_use]
pub fn settings(lines: &str) -> Settings {
    let source = if lines.contains("data") { "" } else { "data.synthetic = { bars = 1000 }" };
    let text = format!("{source}\n{lines}");
    match Experiment::parse(Path::new("test.toml"), &text, &[]) {
        Ok(experiment) => experiment.base,
        Err(problems) => panic!("{problems}"),
    }
}

/// Traded by sign, at a cost.
#[must_use]
pub fn backtest() -> Backtest {
    let text = "data.synthetic = { bars = 1000 }\nbacktest.costs = \
        { commission_bps = 1, half_spread = \"0 bps\", slippage = \"0 bps\" }";
    match Experiment::parse(Path::new("test.toml"), text, &[]).map(|experiment| experiment.backtest)
    {
        Ok(Some(backtest)) => backtest,
        Ok(None) => panic!("the file says how to trade"),
        Err(problems) => panic!("{problems}"),
    }
}
