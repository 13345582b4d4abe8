//! How much memory a pack takes, before it is built.

use crate::forecast::chunk_size;
use crate::model::parameters;
use crate::op::buffers;
use crate::{Device, OptimizerKind, Series, Shape};

/// Bytes that training so many lanes, spread evenly over these series, takes at its peak on the
/// device, beside the series that the caller holds. On the CPU within 20 % of what was measured,
/// with as many threads as rayon has here; on CUDA within 25 % of what the stand-in for its driver
/// counted, without what a real driver takes for itself.
///
/// A lane's *rows* are as large as its weights: weights, best weights and the optimizer's moments.
/// The peak is the larger of two:
///
/// * a step: the rows, the gradient, new weights, the window order of the epoch, the sums over
///   every batch so far; where the series have different numbers of training windows, the rows of
///   the lanes that go on while others wait once more;
/// * the download of all lanes' states: the rows twice over, a copy on its way, and the states of a
///   lane.
///
/// With either stand the series and the activations: on the CPU those of a tile for each thread
/// (see the sources of `op::cpu`); on a GPU those of all lanes, time steps and windows, of a batch
/// and of a smaller last one, seven values a unit, one a window for each output of the head, and
/// the weights transposed.
#[must_use]
pub fn memory_estimate(device: &Device, shape: &Shape, lanes: usize, series: &[&Series]) -> u64 {
    let parameters = 4.0 * parameters(shape) as f64;
    let kept = if shape.optimizer == OptimizerKind::Sgd { 3.0 } else { 4.0 };
    let windows: Vec<f64> = series.iter().map(|series| series.train.len() as f64).collect();
    let (count, share) = (lanes as f64, 1.0 / series.len().max(1) as f64);
    let batches: f64 = windows.iter().map(|windows| (windows / shape.batch as f64).ceil()).sum();
    let equal = windows.iter().all(|own| *own == windows[0]);
    // Twelve bytes of sums for each batch and lane, and the tensor around them; all of them once
    // more when they are read.
    let sums = batches * (80.0 * if equal { share } else { 1.0 } + 12.0 * count * share);
    let order = 4.0 * windows.iter().sum::<f64>() * share * count;
    let going_on =
        if equal || lanes < 2 { 0.0 } else { count * (1.0 - share) * parameters * (kept - 1.0) };
    let step = count * parameters * 2.0 + going_on + order + 2.0 * sums;
    let download = count * parameters * (kept + 1.0) + parameters * kept;
    let data = series
        .iter()
        .map(|series| series.features.len() + series.target.len() + series.valid.len())
        .sum::<usize>() as f64
        * 4.0;
    let activations = if device.is_cpu() {
        buffers(shape, lanes, rayon::current_num_threads())
    } else {
        // A last, smaller batch has buffers of its own, for they are kept by size; where nobody has
        // counted the windows, it may be nearly a whole one.
        let smaller = series.iter().map(|series| match series.train.len() {
            windows if windows < shape.batch => shape.batch,
            windows => (windows % shape.batch).next_multiple_of(4),
        });
        let windows = if shape.hidden < 128 { shape.batch } else { chunk_size(shape) }
            + smaller.max().unwrap_or(shape.batch);
        let [time, windows, hidden, layers] =
            [shape.window, windows, shape.hidden, shape.layers].map(|number| number as f64);
        let outputs = shape.head.outputs() as f64;
        4.0 * count
            * (windows * (layers * time * 7.0 * hidden + outputs)
                + (2.0 * layers - 1.0) * 4.0 * hidden * hidden)
    };
    (count * parameters * kept + step.max(download) + data + activations) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeviceSpec, Head, Loss};

    #[test]
    fn an_estimate_grows_with_lanes_and_does_not_overflow() {
        let shape = Shape {
            features: 5,
            window: 60,
            hidden: 32,
            layers: 2,
            batch: 32,
            loss: Loss::Mse,
            optimizer: OptimizerKind::Adam,
            head: Head::Point,
        };
        let rows = 10_000;
        let series = Series {
            features: vec![0.0; 5 * rows],
            columns: 5,
            target: vec![0.0; rows],
            target_unit: 1.0,
            train: (60..rows as u32).collect(),
            valid: vec![60],
        };
        for spec in [DeviceSpec::Flex, DeviceSpec::Cuda(0)] {
            let device = Device { spec };
            let (one, many) = (
                memory_estimate(&device, &shape, 1, &[&series]),
                memory_estimate(&device, &shape, 128, &[&series]),
            );
            let lane = 9 * 4 * parameters(&shape) as u64;
            assert!(one > lane && many > one + 127 * lane, "{one}, {many}");
            assert!(memory_estimate(&device, &shape, usize::MAX, &[&series]) > 1 << 62);
        }
    }
}
