//! Training: what is asked, the checks before anything is uploaded, and the choice of the backend.

use crate::op::{LstmBackend, release_memory};
use crate::{
    Device, DeviceFailure, DeviceSpec, LaneConfig, LaneState, Observer, Series, Shape, Weights,
    forecast, model, rounds,
};

/// Trials of equal shape, to be trained together.
#[derive(Clone, Debug)]
pub struct Pack {
    /// What they share.
    pub shape: Shape,
    /// What each has for itself.
    pub lanes: Vec<Lane>,
}

/// One lane of a pack.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its settings.
    pub config: LaneConfig,
    /// Where to go on from; `None` starts afresh.
    pub resume: Option<LaneState>,
    /// Which of the series that [`train`] is given it trains on.
    pub series: usize,
}

/// Why nothing could be trained, or why a training ended. (A lane that diverges is not an error:
/// see [`crate::LaneEnd::Diverged`].)
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Shape, series, lanes or weights do not fit each other.
    #[error("{0}")]
    Refused(String),
    /// The device failed. Nothing was told that was computed after the failure; later calls on a
    /// GPU fail at once.
    #[error(transparent)]
    Device(#[from] DeviceFailure),
}

/// Trains a pack until every lane has ended or the observer interrupts. Each lane trains on one of
/// the series; where these have different numbers of windows, an epoch of the pack ends when the
/// last lane has ended its own.
///
/// Each lane gets the same bits alone, in any pack and resumed on a CPU backend. A GPU repeats them
/// on the same device and driver for the same pack.
///
/// # Errors
/// When shape, series and lanes do not fit each other, and when the device fails: then the observer
/// has heard nothing of the epoch in which it did.
pub fn train(
    device: &Device,
    series: &[&Series],
    pack: Pack,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
    for series in series {
        check_shape(&pack.shape, series)?;
        check_splits(&pack.shape, series)?;
    }
    check_rows(series.iter().map(|series| series.rows()).sum())?;
    check_lanes(&pack, series)?;
    let result = on_device(device, Training { series, pack, observer });
    release_memory();
    result
}

/// Forecasts of one model, scaled, for the windows of `series` that end at `ends`: a value for
/// each, or, of a quantile head, one for each level in turn. They are as the model gives them,
/// which nothing forces to increase with the level.
///
/// # Errors
/// When the weights do not fit the shape, or the shape the series; when the device fails.
pub fn predict(
    device: &Device,
    series: &Series,
    shape: &Shape,
    weights: &Weights,
    ends: &[u32],
) -> Result<Vec<f32>, TrainError> {
    check_shape(shape, series)?;
    check_rows(series.rows())?;
    check_ends("forecast", shape, series, ends)?;
    let weights = model::flat_values(shape, weights).map_err(TrainError::Refused)?;
    on_device(device, Forecast { series, shape, weights, ends })
}

/// Work that is written once for all backends.
trait Work {
    type Output;

    fn run<B: LstmBackend>(self, device: &B::Device) -> Result<Self::Output, TrainError>;
}

struct Training<'a> {
    series: &'a [&'a Series],
    pack: Pack,
    observer: &'a mut dyn Observer,
}

impl Work for Training<'_> {
    type Output = ();

    fn run<B: LstmBackend>(self, device: &B::Device) -> Result<(), TrainError> {
        rounds::run::<B>(device, self.series, self.pack, self.observer)
    }
}

struct Forecast<'a> {
    series: &'a Series,
    shape: &'a Shape,
    weights: Vec<f32>,
    ends: &'a [u32],
}

impl Work for Forecast<'_> {
    type Output = Vec<f32>;

    fn run<B: LstmBackend>(self, device: &B::Device) -> Result<Vec<f32>, TrainError> {
        forecast::run::<B>(device, self.series, self.shape, self.weights, self.ends)
    }
}

/// The one place that goes from a device to a backend.
fn on_device<W: Work>(device: &Device, work: W) -> Result<W::Output, TrainError> {
    match device.spec {
        DeviceSpec::Flex => work.run::<burn::backend::Flex>(&burn::backend::flex::FlexDevice),
        #[cfg(feature = "ndarray")]
        DeviceSpec::NdArray => {
            work.run::<burn::backend::NdArray>(&burn::backend::ndarray::NdArrayDevice::Cpu)
        }
        #[cfg(feature = "wgpu")]
        DeviceSpec::Wgpu(_) => {
            on_gpu::<burn::backend::Wgpu, W>(&crate::device::wgpu_device(device), work)
        }
        #[cfg(feature = "cuda")]
        DeviceSpec::Cuda(index) => {
            on_gpu::<burn::backend::Cuda, W>(&burn::backend::cuda::CudaDevice::new(index), work)
        }
        other => refused(format!("device '{other}' is not in this build (always there: flex)")),
    }
}

/// Work on a GPU: with its failures seen, and its memory given back afterwards.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_gpu<B: LstmBackend, W: Work>(device: &B::Device, work: W) -> Result<W::Output, TrainError> {
    crate::device::allocate_exactly();
    crate::device::watch::watched(|| {
        let result = work.run::<B>(device)?;
        // What was computed is out already: should this fail, the failure is noted for the next
        // work.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            B::memory_cleanup(device);
        })));
        Ok(result)
    })
}

/// What a tensor holds, read from its device: the one way by which numbers leave it. Synchronises.
///
/// # Errors
/// When anything failed that the device was asked to do before.
pub(crate) fn read<B: LstmBackend, const D: usize>(
    tensor: burn::tensor::Tensor<B, D>,
) -> Result<Vec<f32>, TrainError> {
    let device = tensor.device();
    let data = B::checked(&device, tensor.try_into_data())?;
    let values = data.convert::<f32>().into_vec();
    values.map_err(|error| {
        TrainError::Refused(format!("the device returned other data than asked: {error:?}"))
    })
}

fn check_shape(shape: &Shape, series: &Series) -> Result<(), TrainError> {
    let Shape { features, window, hidden, layers, batch, loss: _, optimizer: _, head: _ } = *shape;
    for (name, value) in [
        ("window", window),
        ("hidden", hidden),
        ("layers", layers),
        ("batch", batch),
        ("features", features),
    ] {
        if value == 0 {
            return refused(format!("{name} is 0, it must be at least 1"));
        }
    }
    if series.columns != features {
        return refused(format!(
            "the series has {} feature columns, the models take {features}",
            series.columns
        ));
    }
    if series.features.len() != series.rows() * series.columns {
        return refused(format!(
            "the series has {} feature values, {} rows of {} columns need {}",
            series.features.len(),
            series.rows(),
            series.columns,
            series.rows() * series.columns
        ));
    }
    Ok(())
}

fn check_rows(rows: usize) -> Result<(), TrainError> {
    match i32::try_from(rows) {
        Ok(_) => Ok(()),
        Err(_) => {
            refused(format!("the series have {rows} rows, at most {} can be indexed", i32::MAX))
        }
    }
}

fn check_splits(shape: &Shape, series: &Series) -> Result<(), TrainError> {
    for (name, ends) in [("training", &series.train), ("validation", &series.valid)] {
        if ends.is_empty() {
            return refused(format!("there are no {name} windows"));
        }
        check_ends(name, shape, series, ends)?;
        if let Some(end) = ends.iter().find(|end| !series.target[**end as usize].is_finite()) {
            return refused(format!(
                "the {name} window that ends at row {end} has no finite target"
            ));
        }
    }
    Ok(())
}

fn check_ends(name: &str, shape: &Shape, series: &Series, ends: &[u32]) -> Result<(), TrainError> {
    let outside = ends
        .iter()
        .find(|end| **end as usize >= series.rows() || (**end as usize) + 1 < shape.window);
    match outside {
        Some(end) => refused(format!(
            "the {name} window of {} rows that ends at row {end} is not within the series' {} rows",
            shape.window,
            series.rows()
        )),
        None => Ok(()),
    }
}

fn check_lanes(pack: &Pack, given: &[&Series]) -> Result<(), TrainError> {
    for (number, Lane { config, resume, series }) in pack.lanes.iter().enumerate() {
        check_config(config)
            .map_err(|problem| TrainError::Refused(format!("lane {number}: {problem}")))?;
        let Some(series) = given.get(*series) else {
            return refused(format!(
                "lane {number} trains on series {series}, there are {}",
                given.len()
            ));
        };
        if let Some(state) = resume {
            let steps = series.train.len().div_ceil(pack.shape.batch);
            let fits = if state.cursor > steps {
                Err(format!("the state stands at batch {} of an epoch of {steps}", state.cursor))
            } else {
                check_state(&pack.shape, state)
            };
            fits.map_err(|problem| {
                TrainError::Refused(format!("lane {number} cannot go on: {problem}"))
            })?;
        }
    }
    Ok(())
}

fn check_config(config: &LaneConfig) -> Result<(), String> {
    let LaneConfig {
        learning_rate,
        weight_decay,
        beta1,
        beta2,
        epsilon,
        momentum,
        dropout,
        clip_norm,
        ..
    } = config;
    let not_negative = 0.0..f64::INFINITY;
    let fraction = 0.0..1.0;
    for (name, value, range) in [
        ("learning rate", learning_rate, &not_negative),
        ("weight decay", weight_decay, &not_negative),
        ("epsilon", epsilon, &not_negative),
        ("momentum", momentum, &not_negative),
        ("beta1", beta1, &fraction),
        ("beta2", beta2, &fraction),
        ("dropout", dropout, &fraction),
    ] {
        if !range.contains(value) {
            return Err(format!(
                "{name} is {value}, it must be at least {} and less than {}",
                range.start, range.end
            ));
        }
    }
    match clip_norm {
        Some(norm) if !(*norm > 0.0 && norm.is_finite()) => {
            Err(format!("the gradient is clipped at norm {norm}, it must be above 0 and finite"))
        }
        _ => Ok(()),
    }
}

fn check_state(shape: &Shape, state: &LaneState) -> Result<(), String> {
    model::flat_values(shape, &state.weights)?;
    if let Some(best) = &state.best {
        model::flat_values(shape, best)
            .map_err(|problem| format!("in its best weights, {problem}"))?;
    }
    let sizes: Vec<usize> = shape.layout().iter().map(|(_, dims)| dims.iter().product()).collect();
    for (name, moments) in [("first", &state.first_moment), ("second", &state.second_moment)] {
        if !moments.is_empty() && !moments.iter().map(Vec::len).eq(sizes.iter().copied()) {
            return Err(format!("the {name} moments do not have the weights' sizes"));
        }
    }
    Ok(())
}

fn refused<T>(problem: String) -> Result<T, TrainError> {
    Err(TrainError::Refused(problem))
}
