//! Fewer points that look the same.

/// Indices to keep of series that are drawn over each other: the first, the last, and of each of
/// `buckets` stretches where each series is lowest and highest (NaN is neither). All of them when
/// there are few. Peaks survive; what lies between them does not.
pub(super) fn kept(series: &[&[f64]], buckets: usize) -> Vec<usize> {
    let length = series.iter().map(|values| values.len()).max().unwrap_or(0);
    if length <= buckets * series.len() * 2 {
        return (0..length).collect();
    }
    let mut kept = vec![0, length - 1];
    for bucket in 0..buckets {
        let range = bucket * length / buckets..(bucket + 1) * length / buckets;
        for values in series {
            let known =
                || range.clone().filter(|&i| values.get(i).is_some_and(|value| !value.is_nan()));
            kept.extend(known().min_by(|&a, &b| values[a].total_cmp(&values[b])));
            kept.extend(known().max_by(|&a, &b| values[a].total_cmp(&values[b])));
        }
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// A number with seven significant digits, which no screen shows more of; `null` where it is not
/// finite.
pub(super) fn short(value: f64) -> serde_json::Value {
    if !value.is_finite() {
        return serde_json::Value::Null;
    }
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    // Whole numbers without their `.0`.
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        (rounded as i64).into()
    } else {
        rounded.into()
    }
}

/// Nanoseconds since 1970 as whole seconds, which a browser's clock takes.
pub(super) fn seconds(ts: i64) -> i64 {
    ts.div_euclid(1_000_000_000)
}

/// [`short`], at some places.
pub(super) fn shorts(values: &[f64], at: &[usize]) -> serde_json::Value {
    at.iter()
        .map(|&place| values.get(place).map_or(serde_json::Value::Null, |&value| short(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_of_every_series_survive() {
        let mut a = vec![0.0; 10_000];
        let mut b = vec![f64::NAN; 10_000];
        (a[1234], a[7777], b[5000]) = (9.0, -9.0, 1.0);
        let kept = kept(&[&a, &b], 100);
        assert!(kept.len() <= 402, "{}", kept.len());
        assert!([0, 1234, 5000, 7777, 9999].iter().all(|place| kept.contains(place)), "{kept:?}");
        assert!(kept.is_sorted());
    }

    #[test]
    fn few_points_stay_as_they_are() {
        assert_eq!(kept(&[&[1.0, 2.0, 3.0]], 100), [0, 1, 2]);
        assert!(kept(&[], 100).is_empty());
    }

    #[test]
    fn numbers_are_short_and_never_nan() {
        let text = |value: f64| short(value).to_string();
        assert_eq!(
            [text(3.0), text(1.0 / 3.0), text(1e-9), text(f64::NAN)],
            ["3", "0.3333333", "1e-9", "null"]
        );
        assert_eq!(shorts(&[1.0, 2.5], &[1, 5]).to_string(), "[2.5,null]");
    }
}
