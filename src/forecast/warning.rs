//! Why a forecast deserves less trust than its interval says: inputs that training never saw, and a
//! model that loses to a baseline by its own card.

use std::fmt;

use serde::Serialize;

use market::{RANGE_MARGIN, Scaling, ValueRange};
use runs::model::{Metrics, ModelCard};
use runs::store::Baseline;

/// What is to be said beside forecasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "serve", derive(utoipa::ToSchema))]
pub struct Warning {
    /// For programs: `outside_training`, `worse_than_baseline`, `unknown_zone`.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The feature that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A feature whose values leave the range of its training by more than [`RANGE_MARGIN`] of that
/// range.
#[derive(Clone, Debug, PartialEq)]
pub struct Outside {
    /// The feature's name.
    pub feature: String,
    /// Rows that lie outside, among those that were looked at.
    pub rows: usize,
    /// Rows that were looked at.
    pub of: usize,
    /// The value that lies furthest outside, in the feature's own unit.
    pub furthest: f64,
    /// The least value in training, in the feature's own unit.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Outside {
    /// In words.
    #[must_use]
    pub fn warning(&self) -> Warning {
        let Self { feature, rows, of, furthest, low, high } = self;
        let [furthest, low, high] = [furthest, low, high].map(|value| digits(*value));
        Warning {
            code: "outside_training",
            message: format!(
                "{feature} is {furthest} at its furthest; training saw {low} to {high} ({rows} of \
                    {of} rows lie further outside than {} % of that range): the model knows \
                    nothing of such inputs, and its forecasts and intervals for them say nothing",
                RANGE_MARGIN * 100.0
            ),
            feature: Some(feature.clone()),
        }
    }
}

/// Six significant digits, without an exponent where there need be none.
fn digits(value: f64) -> String {
    let text = format!("{value:.5e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded == 0.0 || (1e-4..1e15).contains(&rounded.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// What of these rows of scaled features (row by row) lies outside; none where the ranges are not
/// known.
pub(super) fn outside<'a>(
    ranges: &[ValueRange],
    scaling: &Scaling,
    rows: impl Iterator<Item = &'a [f32]>,
) -> Vec<Outside> {
    let mut found: Vec<Option<(usize, f32)>> = vec![None; ranges.len()];
    let mut of = 0;
    for row in rows {
        of += 1;
        for ((range, value), found) in ranges.iter().zip(row).zip(&mut found) {
            if range.is_left_by(*value) {
                let (rows, furthest) = found.get_or_insert((0, *value));
                *rows += 1;
                if range.distance(*value) > range.distance(*furthest) {
                    *furthest = *value;
                }
            }
        }
    }
    let told =
        |((range, scaler), found): ((&ValueRange, &market::Affine), Option<(usize, f32)>)| {
            let (rows, furthest) = found?;
            let [furthest, low, high] =
                [furthest, range.low, range.high].map(|value| scaler.unscale(f64::from(value)));
            Some(Outside { feature: range.feature.clone(), rows, of, furthest, low, high })
        };
    ranges.iter().zip(&scaling.columns).zip(found).filter_map(told).collect()
}

/// What a model's own card says against it.
pub(super) fn standing(card: &ModelCard) -> Vec<Warning> {
    let Metrics { skill, baselines, valid: _, test } = &card.metrics;
    let validation = best(baselines)
        .zip(*skill)
        // The skill is 1 − mse / mse of the best baseline.
        .and_then(|(best, skill)| worse("validation", (1.0 - skill) * best.mse, baselines));
    let tested = test.as_ref().and_then(|test| worse("test", test.mse, &test.baselines));
    let told = [validation, tested].into_iter().flatten().collect::<Vec<_>>();
    let unknown_zone = card.zone().is_none();
    let by_clock = card
        .settings
        .data
        .features
        .iter()
        .find(|feature| feature.needs_local_clock())
        .filter(|_| unknown_zone);
    let worse = (!told.is_empty()).then(|| Warning {
        code: "worse_than_baseline",
        message: format!("by its own card the model is {}", told.join(", and ")),
        feature: None,
    });
    let zone = by_clock.map(|feature| Warning {
        code: "unknown_zone",
        message: format!(
            "the model does not know the zone of its feature {feature} (it was saved before zones \
                were kept): the feature goes by the offset in each timestamp, and the same bars in \
                UTC give other forecasts"
        ),
        feature: Some(feature.to_string()),
    });
    worse.into_iter().chain(zone).collect()
}

/// Which baseline a mean squared error is worse than: persistence before the best one.
fn worse(split: &str, mse: f64, baselines: &[Baseline]) -> Option<String> {
    let beaten_by = |baseline: &&Baseline| mse > baseline.mse;
    let persistence =
        baselines.iter().find(|baseline| baseline.name == "persistence").filter(beaten_by);
    let baseline = persistence.or_else(|| best(baselines).filter(beaten_by))?;
    let name = if baseline.name == "persistence" {
        "persistence".to_owned()
    } else {
        format!("its best baseline, {}", baseline.name)
    };
    Some(format!(
        "worse than {name} on the {split} windows (rmse {} against {})",
        digits(mse.sqrt()),
        digits(baseline.mse.sqrt())
    ))
}

fn best(baselines: &[Baseline]) -> Option<&Baseline> {
    baselines.iter().min_by(|a, b| a.mse.total_cmp(&b.mse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Affine;
    use runs::model::testing::model;

    fn range(feature: &str) -> ValueRange {
        ValueRange { feature: feature.into(), low: 0.0, high: 1.0 }
    }

    #[test]
    fn what_leaves_the_range_is_counted_and_told_in_its_own_unit() {
        let scaling = Scaling {
            columns: vec![Affine { offset: 3000.0, unit: 800.0 }, Affine::IDENTITY],
            target: Affine::IDENTITY,
        };
        let rows: [[f32; 2]; 4] = [[0.5, 0.5], [1.4, 0.0], [1.6, 1.0], [4000.0, -0.5]];
        let found =
            outside(&[range("close"), range("rsi_14")], &scaling, rows.iter().map(|row| &row[..]));
        assert_eq!(
            found,
            [Outside {
                feature: "close".into(),
                rows: 2,
                of: 4,
                furthest: 3_203_000.0,
                low: 3000.0,
                high: 3800.0
            }]
        );
        let Warning { code, message, feature } = found[0].warning();
        assert_eq!((code, feature.as_deref()), ("outside_training", Some("close")));
        assert!(
            message.starts_with(
                "close is 3203000 at its furthest; training saw 3000 to 3800 (2 of 4 rows"
            ),
            "{message}"
        );
        assert!(outside(&[], &scaling, rows.iter().map(|row| &row[..])).is_empty());
        let nan = [[f32::NAN, 0.5]];
        assert!(
            outside(&[range("close")], &scaling, nan.iter().map(|row| &row[..])).is_empty(),
            "no number is refused elsewhere"
        );
    }

    fn baseline(name: &str, mse: f64) -> Baseline {
        Baseline { name: name.into(), mse, mae: 1.0, rmse: mse.sqrt() }
    }

    #[test]
    fn a_model_that_loses_by_its_own_card_says_to_whom() {
        let mut model = model("data.synthetic = { bars = 1000 }\ndata.features = [\"close\"]", 1);
        let told = |model: &runs::model::SavedModel| {
            standing(&model.card).into_iter().map(|one| one.message).collect::<Vec<_>>()
        };
        assert!(told(&model).is_empty(), "{:?}", told(&model));
        model.card.metrics.baselines = vec![baseline("persistence", 4.0), baseline("linear", 1.0)];
        // Twice as bad as linear, and better than persistence.
        model.card.metrics.skill = Some(-1.0);
        assert_eq!(
            told(&model),
            ["by its own card the model is worse than its best baseline, linear on the \
                    validation windows (rmse 1.41421 against 1)"]
        );
        model.card.metrics.skill = Some(-8.0);
        assert_eq!(
            told(&model),
            ["by its own card the model is worse than persistence on the validation windows \
                    (rmse 3 against 2)"]
        );
        model.card.metrics.skill = Some(0.25);
        assert!(told(&model).is_empty());
    }

    #[test]
    fn numbers_have_six_digits() {
        for (value, text) in [
            (3_645_199.99, "3645200"),
            (0.5, "0.5"),
            (-1.0 / 3.0, "-0.333333"),
            (1e-9, "1e-9"),
            (0.0, "0"),
        ] {
            assert_eq!(digits(value), text);
        }
    }
}
