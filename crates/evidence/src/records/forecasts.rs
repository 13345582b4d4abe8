//! Forecasts over the windows of a split.

/// Forecasts of a split's windows, in time order; every column has the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecasts {
    /// Start of the bar that a window ends with, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// In the target's unit.
    pub target: Vec<f64>,
    /// Of the run's best weights, in the target's unit.
    pub forecast: Vec<f64>,
    /// Name and forecasts of each baseline; none in files of before version 0.2.
    pub baselines: Vec<(String, Vec<f64>)>,
    /// Level and forecasts of each quantile, by level, in the target's unit; none of a point head.
    /// In each row they ascend.
    pub quantiles: Vec<(f64, Vec<f64>)>,
}

impl Forecasts {
    /// Consecutive stretches as one, with the baselines and quantiles that all of them have.
    #[must_use]
    pub fn joined(parts: Vec<Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().unwrap_or_default();
        for Self { ts, target, forecast, baselines, quantiles } in parts {
            whole.ts.extend(ts);
            whole.target.extend(target);
            whole.forecast.extend(forecast);
            common(&mut whole.baselines, &baselines);
            common(&mut whole.quantiles, &quantiles);
        }
        whole
    }
}

/// Appends `more` to what has the same key, and leaves out what has none.
fn common<K: PartialEq>(whole: &mut Vec<(K, Vec<f64>)>, more: &[(K, Vec<f64>)]) {
    whole.retain_mut(|(key, own)| match more.iter().find(|(other, _)| other == key) {
        Some((_, more)) => {
            own.extend(more);
            true
        }
        None => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecasts(ts: &[i64], target: &[f64], forecast: &[f64]) -> Forecasts {
        Forecasts {
            ts: ts.to_vec(),
            target: target.to_vec(),
            forecast: forecast.to_vec(),
            ..Forecasts::default()
        }
    }

    fn with(name: &str, values: &[f64], forecasts: Forecasts) -> Forecasts {
        Forecasts { baselines: vec![(name.to_owned(), values.to_vec())], ..forecasts }
    }

    #[test]
    fn stretches_are_joined_with_the_baselines_that_all_have() {
        let first = with("linear", &[1.5, 2.5], forecasts(&[10, 20], &[1.0, 2.0], &[1.1, 2.1]));
        let first = Forecasts {
            baselines: [first.baselines.clone(), vec![("har".to_owned(), vec![0.0; 2])]].concat(),
            ..first
        };
        let second = with("linear", &[3.5], forecasts(&[30], &[3.0], &[3.1]));
        let joined = Forecasts::joined(vec![first, second]);
        assert_eq!(
            joined,
            with(
                "linear",
                &[1.5, 2.5, 3.5],
                forecasts(&[10, 20, 30], &[1.0, 2.0, 3.0], &[1.1, 2.1, 3.1])
            )
        );
        assert_eq!(Forecasts::joined(vec![]), Forecasts::default());
    }
}
