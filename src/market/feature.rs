//! Stand-in until the features are merged.
use super::Bars;
use crate::spec::feature::Feature;

/// A feature's column: NaN in exactly the first `feature.warm_up()` rows.
#[must_use]
pub fn column(feature: Feature, bars: &Bars) -> Vec<f64> {
    let close = &bars.close;
    match feature {
        Feature::Open => bars.open.clone(),
        Feature::High => bars.high.clone(),
        Feature::Low => bars.low.clone(),
        Feature::Close => close.clone(),
        Feature::Volume => bars.volume.clone(),
        Feature::LogReturn => (0..close.len()).map(|t| if t == 0 { f64::NAN } else { (close[t] / close[t - 1]).ln() }).collect(),
        Feature::Sma { n } => (0..close.len())
            .map(|t| if t + 1 < n { f64::NAN } else { close[t + 1 - n..=t].iter().sum::<f64>() / n as f64 })
            .collect(),
        _ => (0..close.len()).map(|t| if t < feature.warm_up() { f64::NAN } else { close[t] }).collect(),
    }
}
