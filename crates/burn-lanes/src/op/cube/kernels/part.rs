//! What the head's kernels are compiled for: each output's share of the objective.

use crate::Loss;
use crate::loss::{Objective, tilt};

/// What an output adds to a window's loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The loss of its error.
    Point(Loss),
    /// Its pinball loss over the number of outputs, from the [`tilt`]'s bits.
    Quantile { tilt: u32, count: usize, is_point: bool },
}

impl Objective {
    /// Of an output.
    pub(crate) fn part(&self, output: usize) -> Part {
        match self {
            Self::Point(loss) => Part::Point(*loss),
            Self::Quantiles(levels) => {
                let tilt = levels.values().nth(output).map_or(0.0, |level| tilt(level) as f32);
                Part::Quantile {
                    tilt: tilt.to_bits(),
                    count: levels.count(),
                    is_point: output == levels.median(),
                }
            }
        }
    }
}

impl Part {
    /// Whether the output is the point forecast.
    pub(crate) fn is_point(&self) -> bool {
        matches!(self, Self::Point(_) | Self::Quantile { is_point: true, .. })
    }
}
