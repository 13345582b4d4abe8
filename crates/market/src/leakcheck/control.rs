//! What a linear model finds in the inputs: as they are, with the target planted among them, and
//! with the targets shuffled.

use rand_chacha::rand_core::Rng;

use super::Finding;
use crate::baseline::linear_skill;
use crate::prepared::Prepared;
use experiment::seed;
use experiment::{Data, TargetKind};

/// Rows of a window that are looked at.
const ROWS: usize = 4;

/// Windows of a split that are looked at: the last ones.
const WINDOWS: usize = 4_000;

/// Skill against persistence that no market gives away for the next bars' price or return; bid-ask
/// bounce reaches 0.13.
const SUSPICIOUS: f64 = 0.5;

/// Skill that a planted target must give, and that shuffled ones must not.
const FOUND: f64 = 0.9;
const NOTHING: f64 = 0.05;

pub(super) fn controls(data: &Data, prepared: &Prepared, seed: u64) -> [Finding; 2] {
    let data = Data { window: data.window.min(ROWS), ..data.clone() };
    let prepared = last_windows(prepared);
    let skill = |prepared: &Prepared| linear_skill(&data, prepared).unwrap_or(f64::NAN);
    let (inputs, planted, shuffled) =
        (skill(&prepared), skill(&planted(&prepared)), skill(&shuffled(&prepared, seed)));
    let found = match data.target.kind {
        TargetKind::Price | TargetKind::LogReturn => inputs > SUSPICIOUS,
        // Volatility is forecastable: only what is nearly the target itself is suspicious.
        TargetKind::LogVolatility => inputs > FOUND,
    };
    let leak = found.then(|| {
        format!(
            "a ridge regression has a skill of {inputs:.3} against persistence: no market gives \
                that; an input knows the target"
        )
    });
    let failed = if planted.is_nan() || planted < FOUND {
        Some(format!(
            "with the target among the inputs the regression has a skill of {planted:.3} only: \
                this check cannot be trusted here"
        ))
    } else if shuffled > NOTHING {
        Some(format!(
            "with shuffled targets the regression still has a skill of {shuffled:.3}: this check \
                cannot be trusted here"
        ))
    } else {
        None
    };
    [
        Finding { check: "inputs", looked_at: format!("ridge skill {inputs:+.4}"), leak },
        Finding {
            check: "controls",
            looked_at: format!("planted {planted:+.4}, shuffled {shuffled:+.4}"),
            leak: failed,
        },
    ]
}

fn last_windows(prepared: &Prepared) -> Prepared {
    let mut prepared = prepared.clone();
    for ends in [&mut prepared.series.train, &mut prepared.series.valid] {
        ends.drain(..ends.len().saturating_sub(WINDOWS));
    }
    prepared
}

/// With what the target adds to persistence as one more input of the same row.
fn planted(prepared: &Prepared) -> Prepared {
    let mut planted = prepared.clone();
    let columns = prepared.series.columns;
    let steps: Vec<f64> = prepared
        .target
        .iter()
        .zip(&prepared.persistence)
        .map(|(target, naive)| target - naive)
        .collect();
    let unit = steps
        .iter()
        .filter(|step| step.is_finite())
        .fold(0.0_f64, |unit, step| unit.max(step.abs()))
        .max(f64::MIN_POSITIVE);
    let rows = prepared.series.features.chunks_exact(columns).zip(&steps);
    planted.series.features = rows
        .flat_map(|(row, step)| {
            row.iter().copied().chain([if step.is_finite() { (step / unit) as f32 } else { 0.0 }])
        })
        .collect();
    planted.series.columns = columns + 1;
    planted
}

/// With the targets' steps from persistence dealt out anew among the windows of each split (Fisher
/// & Yates).
fn shuffled(prepared: &Prepared, seed: u64) -> Prepared {
    let mut shuffled = prepared.clone();
    for (index, ends) in [&prepared.series.train, &prepared.series.valid].into_iter().enumerate() {
        let mut generator = seed::generator(seed, "leakcheck shuffled targets", index as u64);
        let mut steps: Vec<f64> = ends
            .iter()
            .map(|&t| prepared.target[t as usize] - prepared.persistence[t as usize])
            .collect();
        for last in (1..steps.len()).rev() {
            steps.swap(last, (generator.next_u64() % (last as u64 + 1)) as usize);
        }
        for (&t, step) in ends.iter().zip(steps) {
            shuffled.target[t as usize] = prepared.persistence[t as usize] + step;
        }
    }
    shuffled
}
