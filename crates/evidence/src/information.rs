//! The information coefficient: correlation of forecast and target, day by day.

use super::correlation::{pearson, spearman};
use super::sample::{Moments, finite, known, mean};
use std::collections::BTreeMap;

/// Coefficients of groups, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, divided by groups − 1; `None` for one group, or when all are
    /// equal.
    pub deviation: Option<f64>,
    /// The information ratio, mean / deviation, per group: not annualised.
    pub ratio: Option<f64>,
    /// Groups with a coefficient.
    pub groups: usize,
}

/// [`information_coefficients`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Information {
    /// Pearson's correlations (IC).
    pub pearson: Option<Coefficients>,
    /// Spearman's, with average ranks (rank IC).
    pub spearman: Option<Coefficients>,
    /// Groups without a coefficient, left out: a single row, or a constant target or forecast.
    pub undefined: usize,
}

/// [`coefficients_by_group`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupCoefficients {
    /// Pearson's, of the groups that have one, by group.
    pub pearson: Vec<f64>,
    /// Spearman's, of the groups that have one, by group.
    pub spearman: Vec<f64>,
    /// Groups without a coefficient: a single row, or a constant target or forecast.
    pub undefined: usize,
}

/// The correlation of forecast and target within each group.
///
/// * `target`, `forecast`: `[n]`, in any units. Rows whose target is not finite are left out.
/// * `groups`: `[n]`, the day of each row (or whatever is meant to be one observation); need not be
///   sorted.
///
/// `None` when lengths differ, no row is left, or a forecast is not finite where the target is
/// known.
#[must_use]
pub fn coefficients_by_group<Group: Ord + Copy>(
    target: &[f64],
    forecast: &[f64],
    groups: &[Group],
) -> Option<GroupCoefficients> {
    known(target, [forecast]).filter(|_| groups.len() == target.len())?;
    let mut days: BTreeMap<Group, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for ((&y, &f), &group) in
        target.iter().zip(forecast).zip(groups).filter(|((y, _), _)| y.is_finite())
    {
        let day = days.entry(group).or_default();
        day.0.push(y);
        day.1.push(f);
    }
    let coefficients = |of: fn(&[f64], &[f64]) -> Option<f64>| -> Vec<f64> {
        days.values().filter_map(|(y, f)| of(y, f)).collect()
    };
    let (linear, ranks) = (coefficients(pearson), coefficients(spearman));
    let undefined = days.len() - linear.len().min(ranks.len());
    Some(GroupCoefficients { pearson: linear, spearman: ranks, undefined })
}

/// [`coefficients_by_group`], and the mean, deviation and ratio over groups (Grinold & Kahn 2000).
///
/// `None` as there.
#[must_use]
pub fn information_coefficients<Group: Ord + Copy>(
    target: &[f64],
    forecast: &[f64],
    groups: &[Group],
) -> Option<Information> {
    let GroupCoefficients { pearson, spearman, undefined } =
        coefficients_by_group(target, forecast, groups)?;
    Some(Information {
        pearson: Coefficients::of(&pearson),
        spearman: Coefficients::of(&spearman),
        undefined,
    })
}

impl Coefficients {
    /// Of one coefficient a group; `None` of none.
    #[must_use]
    pub fn of(coefficients: &[f64]) -> Option<Self> {
        let mean = mean(coefficients)?;
        let deviation = Moments::of(coefficients).map(|moments| moments.deviation());
        let ratio = deviation.and_then(|deviation| finite(mean / deviation));
        Some(Self { mean, deviation, ratio, groups: coefficients.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_alike_and_need_no_order() {
        let target = [1.0, 1.0, 2.0, 2.0, 3.0, 5.0, f64::NAN, 7.0];
        let forecast = [1.0, 4.0, 2.0, 3.0, 3.0, 5.0, f64::NAN, 7.0];
        let days = [1, 2, 1, 2, 1, 3, 3, 4];
        let information = information_coefficients(&target, &forecast, &days).unwrap();
        assert_eq!(information.undefined, 2);
        let pearson = information.pearson.unwrap();
        assert!(pearson.mean.abs() < 1e-15 && pearson.ratio.unwrap().abs() < 1e-15);
        assert!((pearson.deviation.unwrap() - 2.0_f64.sqrt()).abs() < 1e-15);
        assert_eq!(pearson.groups, 2);
        assert!(information.spearman.unwrap().mean.abs() < 1e-15);
    }

    #[test]
    fn one_day_has_no_deviation_and_no_day_no_mean() {
        let one = information_coefficients(&[1.0, 2.0], &[2.0, 3.0], &["mon", "mon"]).unwrap();
        let Coefficients { mean, deviation, ratio, groups } = one.pearson.unwrap();
        assert!((mean - 1.0).abs() < 1e-15);
        assert_eq!((deviation, ratio, groups), (None, None, 1));
        let flat = information_coefficients(&[1.0, 2.0], &[3.0, 3.0], &[0, 0]).unwrap();
        assert_eq!((flat.pearson, flat.spearman, flat.undefined), (None, None, 1));
        assert_eq!(information_coefficients::<u32>(&[], &[], &[]), None);
        assert_eq!(information_coefficients(&[1.0], &[1.0], &[1, 2]), None);
        assert_eq!(information_coefficients(&[1.0, 2.0], &[1.0, f64::NAN], &[1, 1]), None);
    }
}
