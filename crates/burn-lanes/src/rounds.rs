//! The training strategy: Burn's `Learner` driven in rounds, one epoch of every lane a round, the
//! pack compacted between them.

use std::cell::OnceCell;
use std::time::Instant;

use burn::tensor::{Bool, Tensor, TensorData};

use crate::download::{Download, Snapshot, Upload};
use crate::epoch::{FirstStep, PackData, Validation, train, validate};
use crate::model::rows_tensor;
use crate::op::LstmBackend;
use crate::optim::{LaneUpdate, Moments};
use crate::rows::{Rows, select};
use crate::running::{Ending, Running, Timing};
use crate::{
    EpochReport, LaneControl, LaneEnd, LaneOutcome, Observer, Pack, PackControl, Series, TrainError,
};

/// Trains a checked pack.
///
/// # Errors
/// When the device fails.
pub(crate) fn run<B: LstmBackend>(
    device: &B::Device,
    series: &[&Series],
    pack: Pack,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
    if pack.lanes.is_empty() {
        return Ok(());
    }
    let mut training = Training::<B>::begin(device, series, pack)?;
    training.end_what_is_over(observer)?;
    while !training.lanes.is_empty() {
        match training.round(observer)? {
            PackControl::Continue => {}
            PackControl::Interrupt => return training.hand_over(observer),
        }
    }
    Ok(())
}

/// Above the numbers by which rounds ask for the device's health.
const AFTER_DOWNLOAD: usize = 1 << 19;

/// A pack in training.
struct Training<'a, B: LstmBackend> {
    data: PackData<'a, B>,
    /// Lanes that still train, in the order of the lane axis.
    lanes: Vec<Running>,
    rows: Rows<B>,
    /// Best weights, `[K, P]`; rows of lanes without a best epoch mean nothing.
    best: Tensor<B, 2>,
    validation: Validation<B>,
    /// Rounds begun here.
    rounds: usize,
}

impl<'a, B: LstmBackend> Training<'a, B> {
    fn begin(device: &B::Device, series: &'a [&'a Series], pack: Pack) -> Result<Self, TrainError> {
        let Pack { shape, lanes: given } = pack;
        let upload = Upload::new(&shape, &given)?;
        let mut lanes = Vec::new();
        let mut updates = Vec::new();
        for (index, lane) in given.into_iter().enumerate() {
            let (epoch, cursor, sums, stop, schedule, steps) = match lane.resume {
                Some(state) => {
                    (state.epoch, state.cursor, state.sums, state.stop, state.schedule, state.steps)
                }
                None => Default::default(),
            };
            updates.push(LaneUpdate::new(lane.config.clone(), schedule, steps));
            lanes.push(Running {
                index,
                config: lane.config,
                series: lane.series,
                epoch,
                cursor,
                sums,
                stop,
            });
        }
        let moments = Moments {
            first: rows_tensor(&upload.first, device),
            second: upload.second.map(|rows| rows_tensor(&rows, device)),
        };
        let rows =
            Rows::new(shape.optimizer, rows_tensor(&upload.weights, device), moments, updates);
        let data = PackData::new(shape, series, device);
        Ok(Self {
            validation: data.validation(&lanes),
            data,
            lanes,
            rows,
            best: rows_tensor(&upload.best, device),
            rounds: 0,
        })
    }

    /// One epoch of every lane, from its cursor on.
    fn round(&mut self, observer: &mut dyn Observer) -> Result<PackControl, TrainError> {
        let started = Instant::now();
        self.rounds += 1;
        self.rows.learner.lr_step();
        let windows: Vec<usize> = self.lanes.iter().map(|lane| self.data.left(lane)).collect();
        let first_step = if self.rounds == 1 { FirstStep::Checked } else { FirstStep::AsOthers };
        if train(&self.data, &mut self.rows, &mut self.lanes, (started, first_step), observer)?
            == PackControl::Interrupt
        {
            return Ok(PackControl::Interrupt);
        }
        let trained = started.elapsed().as_secs_f64();
        let valid = validate(&self.data, &self.rows, &self.validation, self.lanes.len())?;

        let seconds = started.elapsed().as_secs_f64();
        let reports: Vec<Result<EpochReport, LaneEnd>> = {
            let mut updates = self.rows.table.lock();
            let lanes =
                self.lanes.iter_mut().zip(updates.iter_mut()).zip(valid.iter().zip(windows));
            let close = |((lane, update), (valid, windows)): (
                (&mut Running, &mut LaneUpdate),
                (&[f64; 4], usize),
            )| {
                let series = self.data.of(lane);
                lane.close_epoch(update, valid, series, &Timing { seconds, trained, windows })
            };
            lanes.map(close).collect()
        };
        let improved: Vec<bool> = self
            .lanes
            .iter()
            .zip(&reports)
            .map(|(lane, report)| report.is_ok() && lane.stop.best_epoch == lane.epoch)
            .collect();
        self.keep_best(&improved);
        // Before anything is told of this epoch: all that it asked of the device was done.
        B::health(&self.data.device, self.rounds)?;

        let endings = self.report(reports, observer)?;
        self.end(endings, observer)?;
        Ok(PackControl::Continue)
    }

    /// Copies the weights of the lanes that improved.
    fn keep_best(&mut self, improved: &[bool]) {
        if improved.iter().any(|improved| *improved) {
            let columns = self.best.dims()[1];
            let mask = TensorData::new(improved.to_vec(), [improved.len(), 1]);
            let mask = Tensor::<B, 2, Bool>::from_data(mask, &self.data.device);
            let now = self.rows.weights();
            self.best = self.best.clone().mask_where(mask.expand([improved.len(), columns]), now);
        }
    }

    /// Tells the observer about each lane's epoch; what is to become of the lanes.
    fn report(
        &mut self,
        reports: Vec<Result<EpochReport, LaneEnd>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Ending>, TrainError> {
        let download: OnceCell<Result<Download, TrainError>> = OnceCell::new();
        let mut endings = Vec::with_capacity(reports.len());
        for (position, report) in reports.into_iter().enumerate() {
            endings.push(match report {
                Err(end) => Some(end),
                Ok(report) => {
                    let state = || match download.get_or_init(|| self.download()) {
                        Ok(download) => {
                            Ok(download.state(&self.snapshot(position), &self.data.shape))
                        }
                        Err(error) => Err(error.clone()),
                    };
                    let control = observer.epoch(self.lanes[position].index, &report, &state);
                    self.lanes[position].ending(control)
                }
            });
        }
        match download.into_inner() {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(endings),
        }
    }

    /// Hands over what ended and compacts the pack to what goes on.
    fn end(&mut self, endings: Vec<Ending>, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if endings.iter().all(Option::is_none) {
            return Ok(());
        }
        let download = self.download()?;
        let mut staying = Vec::new();
        for (position, ending) in endings.into_iter().enumerate() {
            match ending {
                None => staying.push(position),
                Some(end) => {
                    let state = download.state(&self.snapshot(position), &self.data.shape);
                    let lane = &self.lanes[position];
                    let outcome = LaneOutcome {
                        end,
                        epochs: lane.epoch,
                        best_epoch: lane.stop.best_epoch,
                        state,
                    };
                    observer.ended(lane.index, outcome);
                }
            }
        }
        self.compact(&staying);
        Ok(())
    }

    /// Ends lanes that had nothing left to do when they were given.
    fn end_what_is_over(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let ending = |lane: &Running| {
            if lane.cursor == 0 { lane.ending(LaneControl::Continue) } else { None }
        };
        let endings = self.lanes.iter().map(ending).collect();
        self.end(endings, observer)
    }

    /// Keeps the lanes at these positions of the lane axis.
    fn compact(&mut self, staying: &[usize]) {
        if staying.is_empty() {
            self.lanes.clear();
            return;
        }
        self.best = select(self.best.clone(), staying);
        self.rows = self.rows.some(staying);
        // Buffers for the former number of lanes are of no use again, and there may be as many
        // numbers as lanes.
        B::memory_cleanup(&self.data.device);
        let mut position = 0;
        self.lanes.retain(|_| {
            position += 1;
            staying.contains(&(position - 1))
        });
        self.validation = self.data.validation(&self.lanes);
    }

    /// Gives every unfinished lane's state away.
    fn hand_over(&self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let download = self.download()?;
        for (position, lane) in self.lanes.iter().enumerate() {
            observer.interrupted(
                lane.index,
                download.state(&self.snapshot(position), &self.data.shape),
            );
        }
        Ok(())
    }

    /// All weights and moments, on the host. Synchronises the device.
    fn download(&self) -> Result<Download, TrainError> {
        let download = Download::new(self.rows.weights(), self.best.clone(), self.rows.moments())?;
        // CUDA copies rows that lie some distance apart before they are read: those launches too
        // were done.
        B::health(&self.data.device, AFTER_DOWNLOAD + self.rounds)?;
        Ok(download)
    }

    fn snapshot(&self, position: usize) -> Snapshot {
        let lane = &self.lanes[position];
        let update = &self.rows.table.lock()[position];
        Snapshot {
            position,
            steps: update.steps,
            epoch: lane.epoch,
            cursor: lane.cursor,
            sums: lane.sums,
            schedule: update.schedule.clone(),
            stop: lane.stop.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
