//! Scalers: fitted on the training rows, kept with the run, undone on forecasts.

use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use experiment::Scaler;

/// Fitted scalers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// One per feature column, in order.
    pub columns: Vec<Affine>,
    /// Of the target.
    pub target: Affine,
}

/// What a run keeps of its data besides its weights, as `scaling.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptScaling {
    /// The scalers.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// What the inputs were; `None` in runs of former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
}

/// `scaled = (x - offset) / unit`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// What becomes 0, in the column's own unit.
    pub offset: f64,
    /// What becomes 1 above it, in the column's own unit; above 0.
    pub unit: f64,
}

impl Affine {
    /// x → x.
    pub const IDENTITY: Self = Self { offset: 0.0, unit: 1.0 };

    /// Fits a scaler on `values`, which must be finite. A column without spread (constant, or for
    /// `robust` an interquartile range of 0) keeps its unit: it becomes 0 and does not blow up
    /// rounding errors. Of no values: the identity.
    #[must_use]
    pub(super) fn fit(scaler: Scaler, mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self::IDENTITY;
        }
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        let (offset, unit) = match scaler {
            Scaler::None => return Self::IDENTITY,
            _ if low == high => (low, 1.0),
            Scaler::MinMax => (low, high - low),
            Scaler::Standard => {
                let n = values.len() as f64;
                // Shifted by one of the values: prices near 1e6 with moves of 1e-3 keep their
                // digits.
                let mean = low + values.iter().map(|x| x - low).sum::<f64>() / n;
                (mean, (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
            }
            Scaler::Robust => (
                quantile(&mut values, 0.5),
                quantile(&mut values, 0.75) - quantile(&mut values, 0.25),
            ),
        };
        Self { offset, unit: if unit > 0.0 { unit } else { 1.0 } }
    }

    /// To the scaled value.
    #[must_use]
    pub fn scale(self, x: f64) -> f64 {
        (x - self.offset) / self.unit
    }

    /// Back to the own unit.
    #[must_use]
    pub fn unscale(self, scaled: f64) -> f64 {
        scaled * self.unit + self.offset
    }
}

/// The quantile at `share` of `values` (reordered), linear between the two nearest; `values` is not
/// empty and finite.
pub(super) fn quantile(values: &mut [f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let (below, weight) = (place.floor() as usize, place.fract());
    let (_, &mut low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let high = above.iter().copied().fold(f64::INFINITY, f64::min);
    if weight > 0.0 { low + weight * (high - low) } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scalers_fit_what_their_names_say() {
        let values = vec![1.0, 2.0, 3.0, 4.0, 10.0];
        assert_eq!(Affine::fit(Scaler::MinMax, values.clone()), Affine { offset: 1.0, unit: 9.0 });
        assert_eq!(
            Affine::fit(Scaler::Standard, values.clone()),
            Affine { offset: 4.0, unit: 10.0_f64.sqrt() }
        );
        assert_eq!(Affine::fit(Scaler::Robust, values.clone()), Affine { offset: 3.0, unit: 2.0 });
        assert_eq!(Affine::fit(Scaler::None, values), Affine::IDENTITY);
    }

    #[test]
    fn a_constant_column_keeps_its_unit() {
        for scaler in [Scaler::MinMax, Scaler::Standard, Scaler::Robust] {
            assert_eq!(Affine::fit(scaler, vec![0.1; 7]), Affine { offset: 0.1, unit: 1.0 });
        }
        assert_eq!(
            Affine::fit(Scaler::Robust, vec![0.0, 0.0, 0.0, 0.0, 9.0]),
            Affine { offset: 0.0, unit: 1.0 }
        );
    }

    #[test]
    fn a_small_spread_on_a_high_price_is_not_lost() {
        let values: Vec<f64> = (0..1000).map(|i| 1e6 + f64::from(i % 2) * 1e-3).collect();
        let fitted = Affine::fit(Scaler::Standard, values);
        assert!((fitted.unit / 5e-4 - 1.0).abs() < 1e-6, "{fitted:?}");
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert!((quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5) - 2.5).abs() < 1e-12);
        assert!((quantile(&mut [7.0], 0.75) - 7.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn unscaling_undoes_scaling(
            values in prop::collection::vec(-1e6..1e6_f64, 1..50),
            x in -1e6..1e6_f64,
        ) {
            for scaler in [Scaler::MinMax, Scaler::Standard, Scaler::Robust, Scaler::None] {
                let fitted = Affine::fit(scaler, values.clone());
                prop_assert!(fitted.unit > 0.0);
                prop_assert!((fitted.unscale(fitted.scale(x)) - x).abs() <= 1e-6);
            }
        }
    }
}
