//! What forecasts are of, and at which windows two of them can be paired: the one join of every
//! place that does so.
//!
//! A timestamp names no window: two series have the same ones, and so have two horizons. Forecasts
//! are paired where they are of one [`Subject`], at windows that end at the same bar and came to
//! the same target.

use serde::Serialize;

use crate::records::{Forecasts, RunRecord};
use experiment::metric::{Metric, Quantity};
use experiment::{Objective, Target};

/// What was forecast, and of which data. What is said of one subject says nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    /// Fingerprint of the data; `None` where it was not recorded (before version 0.2), which is
    /// taken for any.
    pub data: Option<&'a str>,
    /// The kind, and with it the unit, and the horizon.
    pub target: &'a Target,
}

/// Why two forecasts cannot be paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// They were made from other data.
    Data,
    /// They are of another target or horizon, or the same bars came to other targets: their
    /// columns, zones or bars were read otherwise.
    Target,
}

impl<'a> Subject<'a> {
    /// Of a run.
    #[must_use]
    pub fn of(run: &'a RunRecord) -> Self {
        let tried = run.result.as_ref().and_then(|result| result.tried.as_ref());
        Self {
            data: tried.map(|tried| tried.data.as_str()),
            target: &run.trial.settings.data.target,
        }
    }

    /// Why forecasts of both cannot be paired; `None` where they can.
    #[must_use]
    pub fn apart(&self, other: &Subject<'_>) -> Option<Apart> {
        match (self.data, other.data) {
            (Some(a), Some(b)) if a != b => Some(Apart::Data),
            _ if self.target != other.target => Some(Apart::Target),
            _ => None,
        }
    }
}

/// Why some runs cannot all be paired with each other; `None` where they can.
pub fn apart<'a>(runs: impl IntoIterator<Item = &'a RunRecord>) -> Option<Apart> {
    first_apart(runs.into_iter().map(Subject::of))
}

/// What trials of these subjects are ranked by, everywhere: what was asked for, unless
/// errors over different data or of different targets would be compared; then the default, which is
/// comparable.
pub fn ranked_by<'a>(
    asked: Objective,
    subjects: impl IntoIterator<Item = Subject<'a>>,
) -> Objective {
    let is_error = matches!(
        asked.metric.quantity,
        Quantity::Mse | Quantity::Mae | Quantity::Rmse | Quantity::Loss
    );
    if is_error && first_apart(subjects).is_some() {
        return Objective { metric: Metric::DEFAULT, direction: Metric::DEFAULT.direction() };
    }
    asked
}

fn first_apart<'a>(subjects: impl IntoIterator<Item = Subject<'a>>) -> Option<Apart> {
    let mut known: Option<Subject<'a>> = None;
    for subject in subjects {
        match &mut known {
            None => known = Some(subject),
            Some(first) => {
                if let Some(apart) = first.apart(&subject) {
                    return Some(apart);
                }
                first.data = first.data.or(subject.data);
            }
        }
    }
    None
}

/// Windows, by the bar that each ends with, ascending, and what each came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Start of the bar, nanoseconds since 1970 UTC, and the bits of the target.
    windows: Vec<(i64, u64)>,
}

impl Windows {
    /// Of forecasts; `None` where their times do not ascend.
    #[must_use]
    pub fn of(forecasts: &Forecasts) -> Option<Self> {
        let windows: Vec<(i64, u64)> = windows(forecasts).collect();
        windows.is_sorted_by(|a, b| a.0 < b.0).then_some(Self { windows })
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Those that forecasts have too; `None` where they have all.
    ///
    /// # Errors
    /// [`Apart::Target`] when a bar of both came to another target, or the times of `forecasts` do
    /// not ascend.
    pub fn narrowed(&self, forecasts: &Forecasts) -> Result<Option<Self>, Apart> {
        if windows(forecasts).eq(self.windows.iter().copied()) {
            return Ok(None);
        }
        let theirs = Self::of(forecasts).ok_or(Apart::Target)?.windows;
        let mut rest = &theirs[..];
        let mut common = Vec::new();
        for &(ts, target) in &self.windows {
            rest = &rest[rest.partition_point(|(other, _)| *other < ts)..];
            match rest.first() {
                Some(&(other, came)) if other == ts && came == target => common.push((ts, target)),
                Some(&(other, _)) if other == ts => return Err(Apart::Target),
                _ => {}
            }
        }
        Ok((common.len() < self.len()).then_some(Self { windows: common }))
    }

    /// The rows of forecasts at these windows; `None` where they lack one, or one came to another
    /// target.
    #[must_use]
    pub fn rows(&self, forecasts: &Forecasts) -> Option<Vec<usize>> {
        if windows(forecasts).eq(self.windows.iter().copied()) {
            return Some((0..self.len()).collect());
        }
        let mut row = 0;
        self.windows
            .iter()
            .map(|window| {
                row += windows(forecasts).skip(row).position(|own| own == *window)?;
                Some(row)
            })
            .collect()
    }
}

fn windows(forecasts: &Forecasts) -> impl Iterator<Item = (i64, u64)> {
    forecasts.ts.iter().copied().zip(forecasts.target.iter().map(|target| target.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::super::group::tests::finished;
    use super::*;
    use crate::records::Tried;
    use experiment::TargetKind;

    fn forecasts(windows: &[(i64, f64)]) -> Forecasts {
        Forecasts {
            ts: windows.iter().map(|(ts, _)| *ts).collect(),
            target: windows.iter().map(|(_, target)| *target).collect(),
            forecast: vec![0.0; windows.len()],
            ..Forecasts::default()
        }
    }

    fn tried(run: &mut RunRecord, data: &str) {
        let target = run.trial.settings.data.target.clone();
        run.result.as_mut().unwrap().tried =
            Some(Tried { data: data.into(), target, valid: Some((1, 9)), test: None });
    }

    #[test]
    fn other_data_another_target_and_another_horizon_are_apart() {
        let [mut a, mut b, mut horizon, mut kind] =
            [0, 1, 2, 3].map(|repeat| finished(16, repeat, 1.0));
        horizon.trial.settings.data.target.horizon += 4;
        kind.trial.settings.data.target.kind = TargetKind::LogVolatility;
        assert_eq!(apart([&a, &b]), None, "what was not recorded is taken for any");
        tried(&mut a, "one");
        assert_eq!(apart([&a, &b, &a]), None);
        assert_eq!(
            (apart([&a, &horizon]), apart([&a, &kind])),
            (Some(Apart::Target), Some(Apart::Target))
        );
        tried(&mut b, "two");
        assert_eq!(apart([&a, &b]), Some(Apart::Data));
        let unknown = finished(16, 4, 1.0);
        assert_eq!(
            apart([&unknown, &a, &b]),
            Some(Apart::Data),
            "one that is not known hides no difference"
        );
    }

    #[test]
    fn windows_are_paired_by_bar_and_target() {
        let all = Windows::of(&forecasts(&[(1, 0.5), (2, 1.5), (4, 2.5)])).unwrap();
        assert_eq!(all.narrowed(&forecasts(&[(1, 0.5), (2, 1.5), (4, 2.5)])), Ok(None));
        assert_eq!(
            all.narrowed(&forecasts(&[(0, 9.0), (1, 0.5), (2, 1.5), (3, 8.0), (4, 2.5)])),
            Ok(None)
        );
        let less = all.narrowed(&forecasts(&[(2, 1.5), (3, 8.0), (4, 2.5)])).unwrap().unwrap();
        assert_eq!(less.windows, [(2, 1.5_f64.to_bits()), (4, 2.5_f64.to_bits())]);
        assert_eq!(
            all.narrowed(&forecasts(&[(1, 0.5), (2, 1.25), (4, 2.5)])),
            Err(Apart::Target),
            "the same stamps, another series"
        );
        assert_eq!(less.rows(&forecasts(&[(1, 0.5), (2, 1.5), (4, 2.5)])), Some(vec![1, 2]));
        assert_eq!(less.rows(&forecasts(&[(1, 0.5), (2, 1.5)])), None);
        assert_eq!(less.rows(&forecasts(&[(2, 1.25), (4, 2.5)])), None);
        assert!(all.narrowed(&forecasts(&[])).unwrap().unwrap().is_empty());
        assert_eq!(Windows::of(&forecasts(&[(2, 0.5), (1, 1.5)])), None);
    }
}
