//! The training strategy: Burn's `Learner` driven in rounds, one epoch of every lane a round, the pack compacted between them.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::tensor::{Bool, Int, Tensor, TensorData};
use burn::train::{InferenceStep, Learner, LearningComponentsMarker};

use crate::data::{Batch, Ends, Resident, Windows, epoch_order};
use crate::download::{Download, Snapshot, Upload};
use crate::forecast::chunk_size;
use crate::learner::read;
use crate::loss::SUMS;
use crate::model::{LaneModel, rows_tensor};
use crate::op::LstmBackend;
use crate::optim::{LaneOptimizer, LaneRates, LaneTable, LaneUpdate, Moments};
use crate::random::Dropout;
use crate::running::{Ending, Running, Timing, add, per_second};
use crate::{EpochReport, LaneControl, LaneEnd, LaneOutcome, Observer, Pack, PackControl, Progress, Series, Shape, TrainError};

/// Trains a checked pack.
///
/// # Errors
/// When the device fails.
pub(crate) fn run<B: LstmBackend>(
    device: &B::Device,
    series: &Series,
    pack: Pack,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
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

type Components<B> = LearningComponentsMarker<Autodiff<B>, LaneRates, LaneModel<Autodiff<B>>, LaneOptimizer<Autodiff<B>>>;

/// A pack in training.
struct Training<'a, B: LstmBackend> {
    series: &'a Series,
    shape: Shape,
    device: B::Device,
    resident: Arc<Resident<B>>,
    /// The validation windows, which all lanes see.
    valid: Arc<Ends<B>>,
    /// Lanes that still train, in the order of the lane axis.
    lanes: Vec<Running>,
    table: LaneTable,
    optimizer: LaneOptimizer<Autodiff<B>>,
    learner: Learner<Components<B>>,
    /// Best weights, `[K, P]`; rows of lanes without a best epoch mean nothing.
    best: Tensor<B, 2>,
    /// Batches done of the round's epoch.
    cursor: usize,
}

impl<'a, B: LstmBackend> Training<'a, B> {
    fn begin(device: &B::Device, series: &'a Series, pack: Pack) -> Result<Self, TrainError> {
        let Pack { shape, lanes: given } = pack;
        let cursor = given.first().and_then(|lane| lane.resume.as_ref()).map_or(0, |state| state.cursor);
        let upload = Upload::new(&shape, &given)?;
        let mut lanes = Vec::new();
        let mut updates = Vec::new();
        for (index, lane) in given.into_iter().enumerate() {
            let (epoch, sums, stop, schedule, steps) = match lane.resume {
                Some(state) => (state.epoch, state.sums, state.stop, state.schedule, state.steps),
                None => Default::default(),
            };
            updates.push(LaneUpdate::new(lane.config.clone(), schedule, steps));
            lanes.push(Running { index, config: lane.config, epoch, sums, stop });
        }
        let weights: Tensor<B, 2> = rows_tensor(&upload.weights, device);
        let moments =
            Moments { first: rows_tensor(&upload.first, device), second: upload.second.map(|rows| rows_tensor(&rows, device)) };
        let table = LaneTable::new(updates);
        let optimizer = LaneOptimizer::new(shape.optimizer, table.clone(), moments);
        let learner = learner(&weights, &optimizer, &table);
        Ok(Self {
            series,
            resident: Arc::new(Resident::new(series, device)),
            valid: Ends::new(vec![series.valid.clone()], device),
            shape,
            device: device.clone(),
            lanes,
            table,
            optimizer,
            learner,
            best: rows_tensor(&upload.best, device),
            cursor,
        })
    }

    /// One epoch of every lane, from the cursor on.
    fn round(&mut self, observer: &mut dyn Observer) -> Result<PackControl, TrainError> {
        let started = Instant::now();
        self.learner.lr_step();
        if self.train_epoch(started, observer)? == PackControl::Interrupt {
            return Ok(PackControl::Interrupt);
        }
        let trained = started.elapsed().as_secs_f64();
        let from = self.cursor_windows();
        let valid = self.validate()?;
        self.cursor = 0;

        let reports: Vec<Result<EpochReport, LaneEnd>> = {
            let mut updates = self.table.lock();
            let timing = Timing { seconds: started.elapsed().as_secs_f64(), trained, windows: self.series.train.len() - from };
            let lanes = self.lanes.iter_mut().zip(updates.iter_mut()).zip(&valid);
            lanes.map(|((lane, update), valid)| lane.close_epoch(update, valid, self.series, &timing)).collect()
        };
        let improved: Vec<bool> =
            self.lanes.iter().zip(&reports).map(|(lane, report)| report.is_ok() && lane.stop.best_epoch == lane.epoch).collect();
        self.keep_best(&improved);

        let endings = self.report(reports, observer)?;
        self.end(endings, observer)?;
        Ok(PackControl::Continue)
    }

    /// Windows of the epoch that were trained before this process (or call) went on with it.
    fn cursor_windows(&self) -> usize {
        (self.cursor * self.shape.batch).min(self.series.train.len())
    }

    /// Trains the rest of an epoch. On an interrupt the cursor stands after the step that was asked.
    fn train_epoch(&mut self, started: Instant, observer: &mut dyn Observer) -> Result<PackControl, TrainError> {
        let train = &self.series.train;
        let steps = train.len().div_ceil(self.shape.batch);
        let order: Vec<_> = self.lanes.iter().map(|lane| epoch_order(train, lane.config.seed, lane.epoch)).collect();
        let order = Ends::new(order, &self.device);
        let lanes = self.lanes.len();
        let done_before = self.cursor_windows();
        let mut sums = Vec::with_capacity(steps - self.cursor); // [K, 3] each, left on the device
        let mut control = PackControl::Continue;
        for step in self.cursor..steps {
            let (from, to) = (step * self.shape.batch, ((step + 1) * self.shape.batch).min(train.len()));
            let batch = self.batch(&order, from..to, self.dropout());
            let output = self.learner.train_step(batch);
            self.learner.optimizer_step(output.grads);
            sums.push((output.item.0, to - from));
            let progress = Progress {
                step: step + 1,
                steps,
                lanes,
                windows_per_second: per_second(lanes * (to - done_before), started.elapsed().as_secs_f64()),
            };
            control = observer.step(&progress);
            if control == PackControl::Interrupt {
                self.add_sums(sums)?;
                self.cursor = step + 1;
                return Ok(control);
            }
        }
        self.add_sums(sums)?;
        Ok(control)
    }

    fn batch(&self, ends: &Arc<Ends<B>>, range: Range<usize>, dropout: Vec<Dropout>) -> Batch<B> {
        Batch {
            shape: self.shape.clone(),
            lanes: self.lanes.len(),
            series: self.resident.clone(),
            windows: Windows { ends: ends.clone(), range },
            dropout,
        }
    }

    /// What each lane drops at this step; nothing when no lane drops anything.
    fn dropout(&self) -> Vec<Dropout> {
        if self.shape.layers == 1 || self.lanes.iter().all(|lane| lane.config.dropout == 0.0) {
            return Vec::new();
        }
        let updates = self.table.lock();
        let lanes = self.lanes.iter().zip(updates.iter());
        lanes.map(|(lane, update)| Dropout::new(lane.config.seed, update.steps, lane.config.dropout)).collect()
    }

    /// Adds batches' sums to the lanes' own, in f64 and in order. The one read-back of an epoch's training.
    fn add_sums(&mut self, sums: Vec<(Tensor<B, 2>, usize)>) -> Result<(), TrainError> {
        let (tensors, windows): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
        if tensors.is_empty() {
            return Ok(());
        }
        let values = read(Tensor::stack::<3>(tensors, 0))?; // [steps, K, 3]
        for (step, windows) in values.chunks_exact(self.lanes.len() * SUMS).zip(windows) {
            for (lane, sums) in self.lanes.iter_mut().zip(step.chunks_exact(SUMS)) {
                add(&mut lane.sums, sums, windows);
            }
        }
        Ok(())
    }

    /// Sums over the validation windows for each lane. The other read-back of an epoch.
    fn validate(&self) -> Result<Vec<[f64; 4]>, TrainError> {
        let model = self.learner.model().valid();
        let lanes = self.lanes.len();
        let mut sums = Vec::new();
        let (count, chunk) = (self.series.valid.len(), chunk_size(&self.shape));
        for start in (0..count).step_by(chunk) {
            let range = start..count.min(start + chunk);
            let windows = range.len();
            sums.push((model.step(self.batch(&self.valid, range, Vec::new())).0, windows));
        }
        let (tensors, windows): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
        let values = read(Tensor::stack::<3>(tensors, 0))?; // [chunks, K, 3]
        let mut totals = vec![[0.0; 4]; lanes];
        for (chunk, windows) in values.chunks_exact(lanes * SUMS).zip(windows) {
            for (total, sums) in totals.iter_mut().zip(chunk.chunks_exact(SUMS)) {
                add(total, sums, windows);
            }
        }
        Ok(totals)
    }

    /// Copies the weights of the lanes that improved.
    fn keep_best(&mut self, improved: &[bool]) {
        if improved.iter().any(|improved| *improved) {
            let columns = self.best.dims()[1];
            let mask = Tensor::<B, 2, Bool>::from_data(TensorData::new(improved.to_vec(), [improved.len(), 1]), &self.device);
            let now = self.weights();
            self.best = self.best.clone().mask_where(mask.expand([improved.len(), columns]), now);
        }
    }

    /// Tells the observer about each lane's epoch; what is to become of the lanes.
    fn report(
        &mut self,
        reports: Vec<Result<EpochReport, LaneEnd>>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Ending>, TrainError> {
        let download = OnceCell::new();
        let mut endings = Vec::with_capacity(reports.len());
        for (position, report) in reports.into_iter().enumerate() {
            endings.push(match report {
                Err(end) => Some(end),
                Ok(report) => {
                    let state = || download.get_or_init(|| self.download()).state(&self.snapshot(position), &self.shape);
                    let control = observer.epoch(self.lanes[position].index, &report, &state);
                    self.lanes[position].ending(control)
                }
            });
        }
        match download.into_inner() {
            Some(download) => download.checked().map(|()| endings),
            None => Ok(endings),
        }
    }

    /// Hands over what ended and compacts the pack to what goes on.
    fn end(&mut self, endings: Vec<Ending>, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if endings.iter().all(Option::is_none) {
            return Ok(());
        }
        let download = self.download();
        let mut staying = Vec::new();
        for (position, ending) in endings.into_iter().enumerate() {
            match ending {
                None => staying.push(position),
                Some(end) => {
                    let state = download.state(&self.snapshot(position), &self.shape);
                    let lane = &self.lanes[position];
                    let outcome = LaneOutcome { end, epochs: lane.epoch, best_epoch: lane.stop.best_epoch, state };
                    observer.ended(lane.index, outcome);
                }
            }
        }
        download.checked()?;
        self.compact(&staying);
        Ok(())
    }

    /// Ends lanes that had nothing left to do when they were given.
    fn end_what_is_over(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let cursor = self.cursor;
        let endings = self.lanes.iter().map(|lane| if cursor == 0 { lane.ending(LaneControl::Continue) } else { None }).collect();
        self.end(endings, observer)
    }

    /// Keeps the lanes at these positions of the lane axis.
    fn compact(&mut self, staying: &[usize]) {
        let positions: Vec<i32> = staying.iter().map(|position| *position as i32).collect();
        if positions.is_empty() {
            self.lanes.clear();
            return;
        }
        let positions = Tensor::<B, 1, Int>::from_data(TensorData::new(positions, [staying.len()]), &self.device);
        let select = |rows: Tensor<B, 2>| rows.select(0, positions.clone());
        let moments = self.optimizer.moments();
        let moments = Moments { first: select(moments.first), second: moments.second.map(select) };
        let weights = select(self.weights());
        self.best = select(self.best.clone());
        let updates: Vec<_> = {
            let table = self.table.lock();
            staying.iter().map(|position| table[*position].clone()).collect()
        };
        let mut position = 0;
        self.lanes.retain(|_| {
            position += 1;
            staying.contains(&(position - 1))
        });
        self.table = LaneTable::new(updates);
        self.optimizer = LaneOptimizer::new(self.shape.optimizer, self.table.clone(), moments);
        self.learner = learner(&weights, &self.optimizer, &self.table);
    }

    /// Gives every unfinished lane's state away.
    fn hand_over(&self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let download = self.download();
        for (position, lane) in self.lanes.iter().enumerate() {
            observer.interrupted(lane.index, download.state(&self.snapshot(position), &self.shape));
        }
        download.checked()
    }

    /// The weights now, `[K, P]`.
    fn weights(&self) -> Tensor<B, 2> {
        self.learner.model().valid().weights.val()
    }

    /// All weights and moments, on the host. Synchronises the device.
    fn download(&self) -> Download {
        let moments = self.optimizer.moments();
        Download::new(self.weights(), self.best.clone(), moments)
    }

    fn snapshot(&self, position: usize) -> Snapshot {
        let lane = &self.lanes[position];
        let update = &self.table.lock()[position];
        Snapshot {
            position,
            steps: update.steps,
            epoch: lane.epoch,
            cursor: self.cursor,
            sums: lane.sums,
            schedule: update.schedule.clone(),
            stop: lane.stop.clone(),
        }
    }
}

/// A `Learner` over these rows of weights.
fn learner<B: LstmBackend>(
    weights: &Tensor<B, 2>,
    optimizer: &LaneOptimizer<Autodiff<B>>,
    table: &LaneTable,
) -> Learner<Components<B>> {
    let model = LaneModel::new(Tensor::from_inner(weights.clone()));
    Learner::new(model, optimizer.clone(), LaneRates(table.clone()))
}

#[cfg(test)]
mod tests;
