//! Early stopping with Keras' semantics, and the best epoch.

use serde::{Deserialize, Serialize};

/// Stop when the validation loss has not fallen by more than `min_delta` for `patience` epochs.
///
/// Keras' `EarlyStopping`: improvement is strict (`loss < best − min_delta`); with `patience = 3`
/// three epochs in a row without improvement end the lane; NaN is not an improvement; the first
/// epoch ends nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without improvement that end the training, at least 1.
    pub patience: usize,
    /// Least fall that counts, in units of the scaled loss.
    pub min_delta: f64,
}

/// What early stopping remembers. The best epoch is kept without early stopping too (then every
/// fall counts).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StopState {
    /// Validation loss of the best epoch; a fall by `min_delta` or less does not change it.
    pub best: Option<f64>,
    /// Its epoch, from 1; 0 before any.
    pub best_epoch: usize,
    /// Epochs since then.
    pub waited: usize,
}

/// What a validation loss means for the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The best epoch so far: its weights are to be kept.
    Improved,
    /// No improvement, but there is patience left (or no rule).
    Waiting,
    /// Patience is exhausted.
    Stop,
}

impl StopState {
    /// Takes the validation loss of `epoch` (from 1, each epoch once, in order).
    pub fn observe(
        &mut self,
        rule: Option<&EarlyStopping>,
        epoch: usize,
        valid_loss: f64,
    ) -> Observation {
        let min_delta = rule.map_or(0.0, |rule| rule.min_delta);
        if valid_loss.is_finite() && self.best.is_none_or(|best| valid_loss < best - min_delta) {
            *self = Self { best: Some(valid_loss), best_epoch: epoch, waited: 0 };
            return Observation::Improved;
        }
        self.waited += 1;
        if self.is_exhausted(rule, epoch) { Observation::Stop } else { Observation::Waiting }
    }

    /// Whether patience is exhausted after `epoch`: what [`Self::observe`] said of it, read off the
    /// state, so that a resumed lane ends as an undisturbed one.
    #[must_use]
    pub fn is_exhausted(&self, rule: Option<&EarlyStopping>, epoch: usize) -> bool {
        rule.is_some_and(|rule| self.waited >= rule.patience.max(1) && epoch > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Observation::{Improved, Stop, Waiting};
    use super::*;
    use proptest::prelude::*;

    /// What is observed for each loss, up to and including the stop.
    fn observe_all(rule: Option<EarlyStopping>, losses: &[f64]) -> (StopState, Vec<Observation>) {
        let mut state = StopState::default();
        let mut seen = Vec::new();
        for (index, &loss) in losses.iter().enumerate() {
            seen.push(state.observe(rule.as_ref(), index + 1, loss));
            if seen.last() == Some(&Stop) {
                break;
            }
        }
        (state, seen)
    }

    fn patience(patience: usize) -> Option<EarlyStopping> {
        Some(EarlyStopping { patience, min_delta: 0.0 })
    }

    #[test]
    fn three_epochs_in_a_row_without_improvement_exhaust_a_patience_of_three() {
        let (state, seen) = observe_all(patience(3), &[1.0, 1.1, 1.2, 1.3, 0.5]);
        assert_eq!(seen, [Improved, Waiting, Waiting, Stop]);
        assert_eq!(state, StopState { best: Some(1.0), best_epoch: 1, waited: 3 });
    }

    #[test]
    fn an_improvement_restores_all_patience() {
        let (state, seen) = observe_all(patience(2), &[1.0, 1.1, 0.9, 1.0, 0.8, 0.9, 0.9]);
        assert_eq!(seen, [Improved, Waiting, Improved, Waiting, Improved, Waiting, Stop]);
        assert_eq!(state.best_epoch, 5);
    }

    #[test]
    fn an_equal_loss_is_no_improvement() {
        assert_eq!(observe_all(patience(1), &[1.0, 1.0]).1, [Improved, Stop]);
    }

    #[test]
    fn a_fall_of_exactly_min_delta_is_no_improvement_and_leaves_the_best() {
        let rule = Some(EarlyStopping { patience: 9, min_delta: 0.25 });
        let (state, seen) = observe_all(rule, &[1.0, 0.75, 0.7]);
        assert_eq!(seen, [Improved, Waiting, Improved]);
        assert_eq!(state.best, Some(0.7));
    }

    #[test]
    fn nan_and_infinity_are_no_improvement_even_as_the_first_loss() {
        let (state, seen) = observe_all(patience(3), &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(seen, [Waiting, Waiting, Stop]);
        assert_eq!(state, StopState { best: None, best_epoch: 0, waited: 3 });
        assert_eq!(
            observe_all(patience(2), &[f64::NAN, 2.0, f64::NAN, f64::NAN]).1,
            [Waiting, Improved, Waiting, Stop]
        );
    }

    #[test]
    fn the_first_epoch_ends_nothing() {
        assert_eq!(observe_all(patience(1), &[f64::NAN, f64::NAN]).1, [Waiting, Stop]);
    }

    #[test]
    fn the_state_tells_what_was_observed() {
        let rule = patience(2);
        let mut state = StopState::default();
        for (epoch, loss) in (1..).zip([1.0, 1.1, 0.9, 1.0, 0.95]) {
            let seen = state.observe(rule.as_ref(), epoch, loss);
            assert_eq!(state.is_exhausted(rule.as_ref(), epoch), seen == Stop, "{epoch}");
        }
        assert!(state.is_exhausted(rule.as_ref(), 5) && !state.is_exhausted(None, 5));
    }

    #[test]
    fn without_a_rule_the_best_epoch_is_kept_and_nothing_stops() {
        let (state, seen) = observe_all(None, &[1.0, 2.0, 0.5, 2.0, 2.0, 2.0]);
        assert_eq!(seen, [Improved, Waiting, Improved, Waiting, Waiting, Waiting]);
        assert_eq!(state, StopState { best: Some(0.5), best_epoch: 3, waited: 3 });
    }

    /// Losses on a coarse grid, so that ties and exact deltas occur; one in six is NaN.
    fn losses() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(
            (0_u32..6, 0_u32..8)
                .prop_map(|(nan, k)| if nan == 0 { f64::NAN } else { f64::from(k) / 4.0 }),
            1..30,
        )
    }

    proptest! {
        /// The rule as Keras states it, over the whole history instead of step by step.
        #[test]
        fn it_stops_where_the_whole_history_says(
            losses in losses(),
            patience in 1_usize..5,
            delta in 0_u32..3,
        ) {
            let min_delta = f64::from(delta) / 4.0;
            let mut best = f64::INFINITY;
            let mut improved = Vec::new();
            for (index, &loss) in losses.iter().enumerate() {
                if loss < best - min_delta {
                    best = loss;
                    improved.push(index);
                }
            }
            let since = |index| {
                improved.iter().rev().find(|&&at| at <= index).map_or(index + 1, |&at| index - at)
            };
            let end = (1..losses.len()).find(|&index| since(index) >= patience);
            let (state, seen) = observe_all(Some(EarlyStopping { patience, min_delta }), &losses);
            prop_assert_eq!(seen.last() == Some(&Stop), end.is_some());
            prop_assert_eq!(seen.len(), end.map_or(losses.len(), |index| index + 1));
            let last_improved = improved.iter().rev().find(|&&at| at < seen.len());
            prop_assert_eq!(state.best_epoch, last_improved.map_or(0, |at| at + 1));
        }

        #[test]
        fn a_state_written_and_read_goes_on_the_same(
            losses in losses(),
            cut in 0_usize..30,
        ) {
            let rule = EarlyStopping { patience: 1000, min_delta: 0.1 };
            let mut state = StopState::default();
            for (index, &loss) in losses.iter().enumerate() {
                if index == cut {
                    state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                }
                state.observe(Some(&rule), index + 1, loss);
            }
            prop_assert_eq!(state, observe_all(Some(rule), &losses).0);
        }
    }
}
