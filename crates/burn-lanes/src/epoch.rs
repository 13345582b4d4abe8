//! An epoch of every lane: stretches of training batches, then the validation windows. Each is read
//! back once.

use std::sync::Arc;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::train::InferenceStep;

use crate::data::{Batch, Ends, Resident, Windows, epoch_order, moved};
use crate::forecast::chunk_size;
use crate::learner::read;
use crate::loss::SUMS;
use crate::model::LaneModel;
use crate::op::LstmBackend;
use crate::random::Dropout;
use crate::rows::{Rows, select};
use crate::running::{Running, add, per_second};
use crate::stretch::{Stretch, batches, stretches};
use crate::{Observer, PackControl, Progress, Series, Shape, TrainError};

/// The series of a pack, on the host and on a device.
pub(crate) struct PackData<'a, B: LstmBackend> {
    pub(crate) shape: Shape,
    pub(crate) series: &'a [&'a Series],
    resident: Arc<Resident<B>>,
    pub(crate) device: B::Device,
}

/// The validation windows of lanes: stretches, each with its windows.
pub(crate) type Validation<B> = Vec<(Stretch, Arc<Ends<B>>)>;

impl<'a, B: LstmBackend> PackData<'a, B> {
    /// Uploads the series.
    pub(crate) fn new(shape: Shape, series: &'a [&'a Series], device: &B::Device) -> Self {
        Self {
            shape,
            series,
            resident: Arc::new(Resident::new(series, device)),
            device: device.clone(),
        }
    }

    /// The series that a lane trains on.
    pub(crate) fn of(&self, lane: &Running) -> &'a Series {
        self.series[lane.series]
    }

    /// Training windows that a lane has not gone through in its epoch.
    pub(crate) fn left(&self, lane: &Running) -> usize {
        self.of(lane).train.len().saturating_sub(lane.cursor * self.shape.batch)
    }

    /// Rows of the other series above a lane's.
    fn above(&self, lane: &Running) -> usize {
        self.series[..lane.series].iter().map(|series| series.rows()).sum()
    }

    /// What is left of a lane's epoch, in order.
    fn order(&self, lane: &Running) -> Vec<u32> {
        let order = epoch_order(&self.of(lane).train, lane.config.seed, lane.epoch);
        moved(&order[order.len() - self.left(lane)..], self.above(lane))
    }

    /// The validation windows of these lanes.
    pub(crate) fn validation(&self, lanes: &[Running]) -> Validation<B> {
        let mut done = vec![0; lanes.len()];
        let counts: Vec<usize> = lanes.iter().map(|lane| self.of(lane).valid.len()).collect();
        let with_ends = |stretch: Stretch| {
            let list = |&lane: &usize| {
                let ends = &self.of(&lanes[lane]).valid[done[lane]..][..stretch.windows()];
                moved(ends, self.above(&lanes[lane]))
            };
            let one_series = stretch
                .lanes
                .iter()
                .all(|&lane| lanes[lane].series == lanes[stretch.lanes[0]].series);
            let seen = if one_series { &stretch.lanes[..1] } else { &stretch.lanes };
            let ends = Ends::new(seen.iter().map(list).collect(), &self.device);
            for &lane in &stretch.lanes {
                done[lane] += stretch.windows();
            }
            (stretch, ends)
        };
        stretches(&counts, chunk_size(&self.shape)).into_iter().map(with_ends).collect()
    }

    /// The `number`-th batch of a stretch.
    fn batch(
        &self,
        stretch: &Stretch,
        number: usize,
        ends: &Arc<Ends<B>>,
        dropout: Vec<Dropout>,
    ) -> Batch<B> {
        Batch {
            shape: self.shape.clone(),
            lanes: stretch.lanes.len(),
            series: self.resident.clone(),
            windows: Windows {
                ends: ends.clone(),
                range: number * stretch.size..(number + 1) * stretch.size,
            },
            dropout,
        }
    }
}

/// What is done after the first step of an epoch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstStep {
    /// The device is waited for and checked: kernels are compiled and most of the memory is taken
    /// by then, so that what does not work is known before an epoch's time is lost.
    Checked,
    /// Nothing.
    AsOthers,
}

/// Batches whose sums are put together on the device: each left alone is a buffer that the
/// allocator looks through at every step.
const SUMS_TOGETHER: usize = 64;

/// Trains what is left of every lane's epoch; adds up its losses. On an interrupt the cursors stand
/// after the step that was asked.
pub(crate) fn train<B: LstmBackend>(
    data: &PackData<'_, B>,
    rows: &mut Rows<B>,
    lanes: &mut [Running],
    (started, first_step): (Instant, FirstStep),
    observer: &mut dyn Observer,
) -> Result<PackControl, TrainError> {
    let counts =
        |windows: &dyn Fn(&Running) -> usize| lanes.iter().map(windows).collect::<Vec<_>>();
    let whole = stretches(&counts(&|lane| data.of(lane).train.len()), data.shape.batch);
    let todo = stretches(&counts(&|lane| data.left(lane)), data.shape.batch);
    let mut orders: Vec<Vec<u32>> = lanes.iter().map(|lane| data.order(lane)).collect();
    let mut pace = Pace {
        step: batches(&whole) - batches(&todo),
        steps: batches(&whole),
        lanes: lanes.len(),
        windows: 0,
        started,
    };
    let mut sums = Sums::default();
    let mut unchecked = first_step == FirstStep::Checked;
    let mut control = PackControl::Continue;
    for stretch in &todo {
        let lists = stretch.lanes.iter().map(|&lane| {
            let rest = orders[lane].split_off(stretch.windows());
            let mut list = std::mem::replace(&mut orders[lane], rest);
            list.shrink_to_fit();
            list
        });
        let ends = Ends::new(lists.collect(), &data.device);
        let is_whole = stretch.lanes.len() == lanes.len();
        if !is_whole {
            // Buffers are kept by size: those for all lanes, and below those for some, would stand
            // beside each other.
            B::memory_cleanup(&data.device);
        }
        let mut part = if is_whole { None } else { Some(rows.some(&stretch.lanes)) };
        let active = part.as_mut().unwrap_or(rows);
        for number in 0..stretch.batches {
            let dropout = dropout(&data.shape, active, lanes, &stretch.lanes);
            let output = active.learner.train_step(data.batch(stretch, number, &ends, dropout));
            active.learner.optimizer_step(output.grads);
            sums.push(stretch, output.item.0);
            if std::mem::take(&mut unchecked) {
                B::health(&data.device, 0)?;
            }
            B::noted(&data.device)?;
            stretch.lanes.iter().for_each(|&lane| lanes[lane].cursor += 1);
            control = observer.step(&pace.after(stretch));
            if control == PackControl::Interrupt {
                break;
            }
        }
        if let Some(part) = part {
            rows.replace(&stretch.lanes, part);
            B::memory_cleanup(&data.device);
        }
        if control == PackControl::Interrupt {
            break;
        }
    }
    sums.read(|lane, sums, windows| add(&mut lanes[lane].sums, sums, windows))?;
    Ok(control)
}

/// Each lane's sums over its validation windows.
pub(crate) fn validate<B: LstmBackend>(
    data: &PackData<'_, B>,
    rows: &Rows<B>,
    validation: &Validation<B>,
    lanes: usize,
) -> Result<Vec<[f64; 4]>, TrainError> {
    let model = rows.learner.model().valid();
    let mut sums = Sums::default();
    for (stretch, ends) in validation {
        let part = (stretch.lanes.len() < lanes)
            .then(|| LaneModel::new(select(rows.weights(), &stretch.lanes)));
        let model = part.as_ref().unwrap_or(&model);
        for number in 0..stretch.batches {
            sums.push(stretch, model.step(data.batch(stretch, number, ends, Vec::new())).0);
            B::noted(&data.device)?;
        }
    }
    let mut totals = vec![[0.0; 4]; lanes];
    sums.read(|lane, sums, windows| add(&mut totals[lane], sums, windows))?;
    Ok(totals)
}

/// What each of these lanes drops at a step; nothing when none drops anything.
fn dropout<B: LstmBackend>(
    shape: &Shape,
    rows: &Rows<B>,
    lanes: &[Running],
    positions: &[usize],
) -> Vec<Dropout> {
    if shape.layers == 1 || positions.iter().all(|&lane| lanes[lane].config.dropout == 0.0) {
        return Vec::new();
    }
    let updates = rows.table.lock();
    let lanes = positions.iter().map(|&lane| &lanes[lane].config).zip(updates.iter());
    lanes.map(|(config, update)| Dropout::new(config.seed, update.steps, config.dropout)).collect()
}

/// The lanes' sums of batches, `[K, 3]` each, left on the device until all are read at once.
struct Sums<'a, B: LstmBackend> {
    stretches: Vec<&'a Stretch>,
    together: Vec<Tensor<B, 2>>, // [ΣK, 3]
    alone: Vec<Tensor<B, 2>>,    // [K, 3]
}

impl<B: LstmBackend> Default for Sums<'_, B> {
    fn default() -> Self {
        Self { stretches: Vec::new(), together: Vec::new(), alone: Vec::new() }
    }
}

impl<'a, B: LstmBackend> Sums<'a, B> {
    fn push(&mut self, stretch: &'a Stretch, sums: Tensor<B, 2>) {
        self.stretches.push(stretch);
        self.alone.push(sums);
        if self.alone.len() == SUMS_TOGETHER {
            self.together.push(Tensor::cat(std::mem::take(&mut self.alone), 0));
        }
    }

    /// Hands each lane's sums of each batch to `each`, in order.
    fn read(self, mut each: impl FnMut(usize, &[f32], usize)) -> Result<(), TrainError> {
        let Self { stretches, mut together, alone } = self;
        together.extend(alone);
        if together.is_empty() {
            return Ok(());
        }
        let values = read(Tensor::cat(together, 0))?; // [ΣK, 3]
        let mut sums = values.chunks_exact(SUMS);
        for stretch in stretches {
            for (&lane, sums) in stretch.lanes.iter().zip(&mut sums) {
                each(lane, sums, stretch.size);
            }
        }
        Ok(())
    }
}

/// How far an epoch is.
struct Pace {
    step: usize,
    steps: usize,
    lanes: usize,
    /// Trained, of all lanes together.
    windows: usize,
    started: Instant,
}

impl Pace {
    /// After one more batch of a stretch.
    fn after(&mut self, stretch: &Stretch) -> Progress {
        self.step += 1;
        self.windows += stretch.lanes.len() * stretch.size;
        let windows_per_second = per_second(self.windows, self.started.elapsed().as_secs_f64());
        Progress { step: self.step, steps: self.steps, lanes: self.lanes, windows_per_second }
    }
}
