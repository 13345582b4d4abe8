//! A lane in training: its epochs, what they came to, and when it is over.

use crate::loss::SUMS;
use crate::optim::LaneUpdate;
use crate::{
    EpochReport, LaneConfig, LaneControl, LaneEnd, Observation, Series, SplitReport, StopState,
};

/// A lane that still trains.
pub(crate) struct Running {
    /// In the pack as it was given.
    pub(crate) index: usize,
    pub(crate) config: LaneConfig,
    /// Which of the pack's series it trains on.
    pub(crate) series: usize,
    /// Epochs completed.
    pub(crate) epoch: usize,
    /// Batches done of the epoch after.
    pub(crate) cursor: usize,
    /// See [`crate::LaneState::sums`].
    pub(crate) sums: [f64; 4],
    pub(crate) stop: StopState,
}

/// What is to become of a lane after its epoch.
pub(crate) type Ending = Option<LaneEnd>;

/// How long a round took.
pub(crate) struct Timing {
    /// All of it.
    pub(crate) seconds: f64,
    /// Its training.
    pub(crate) trained: f64,
    /// Windows of the lane that were trained.
    pub(crate) windows: usize,
}

impl Running {
    /// Ends the lane's epoch: its report, or that it diverged.
    pub(crate) fn close_epoch(
        &mut self,
        update: &mut LaneUpdate,
        valid: &[f64; 4],
        series: &Series,
        timing: &Timing,
    ) -> Result<EpochReport, LaneEnd> {
        let epoch = self.epoch + 1;
        self.cursor = 0;
        let train = split_report("training", &std::mem::take(&mut self.sums), series);
        let valid = split_report("validation", valid, series);
        self.epoch = epoch;
        let rate = update.rate;
        let (train, valid) = match (train, valid) {
            (Ok(train), Ok(valid)) => (train, valid),
            (Err(what), _) | (_, Err(what)) => return Err(LaneEnd::Diverged { epoch, what }),
        };
        update.advance(valid.loss);
        // What it means is read off the state, so that a resumed lane ends as an undisturbed one.
        let _: Observation =
            self.stop.observe(self.config.early_stopping.as_ref(), epoch, valid.loss);
        Ok(EpochReport {
            epoch,
            train,
            valid,
            learning_rate: rate,
            best_epoch: self.stop.best_epoch,
            waited: self.stop.waited,
            seconds: timing.seconds,
            windows_per_second: per_second(timing.windows, timing.trained),
        })
    }

    /// Whether the lane is over after the epochs it has done.
    pub(crate) fn ending(&self, control: LaneControl) -> Ending {
        self.config.ending(self.epoch, &self.stop, control)
    }
}

/// Adds a batch's loss, squared and absolute error, and its windows.
pub(crate) fn add(total: &mut [f64; 4], sums: &[f32], windows: usize) {
    for (total, sum) in total.iter_mut().zip(sums) {
        *total += f64::from(*sum);
    }
    total[SUMS] += windows as f64;
}

/// Means in the target's own unit, or what is not finite about them.
fn split_report(split: &str, sums: &[f64; 4], series: &Series) -> Result<SplitReport, String> {
    let [loss, squared, absolute, windows] = *sums;
    let unit = series.target_unit;
    let mse = squared / windows * unit * unit;
    let report =
        SplitReport { loss: loss / windows, mse, mae: absolute / windows * unit, rmse: mse.sqrt() };
    for (name, value) in
        [("loss", report.loss), ("squared error", report.mse), ("absolute error", report.mae)]
    {
        if !value.is_finite() {
            return Err(format!("{split} {name} is {value}"));
        }
    }
    Ok(report)
}

/// A rate that is 0 while no time has passed.
pub(crate) fn per_second(count: usize, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
