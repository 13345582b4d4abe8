//! Networks whose weights are drawn by a formula, so that fixtures can be made of them again.

use lane_types::{Head, Levels, Loss, OptimizerKind, Shape, Weight, Weights};

use super::Trained;
use experiment::{Target, TargetKind};
use market::{Affine, Scaling};

/// The fixtures: a head and a number of layers each.
pub(super) const FIXTURES: [(&str, usize); 6] =
    [("point", 1), ("point", 2), ("point", 3), ("quantile", 1), ("quantile", 2), ("quantile", 3)];

/// The network of a fixture: with a head of one value or of three quantiles, named after them.
pub(super) fn trained(head: &str, layers: usize) -> Trained {
    let outputs = if head == "point" { 1 } else { 3 };
    let mut trained =
        network(2 + layers, 3 + layers, layers, outputs, 17 * layers as u64 + outputs as u64);
    trained.name = format!("{head}_{layers}");
    trained
}

/// Any network; of one output it has a point head.
pub(super) fn network(
    features: usize,
    hidden: usize,
    layers: usize,
    outputs: usize,
    seed: u64,
) -> Trained {
    let levels: Vec<f64> = match outputs {
        2 => vec![0.25, 0.5],
        _ => vec![0.1, 0.5, 0.9],
    };
    let head = match outputs {
        1 => Head::Point,
        _ => Head::Quantile { levels: Levels::new(&levels).unwrap() },
    };
    let (window, batch, loss, optimizer) = (6, 4, Loss::Mse, OptimizerKind::Adam);
    let shape = Shape { features, window, hidden, layers, batch, loss, optimizer, head };
    let mut numbers = Numbers(seed);
    let weight = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product()).map(|_| numbers.next()).collect();
        Weight { name, shape, values }
    };
    let weights = Weights(shape.layout().into_iter().map(weight).collect());
    // Prices near 4000 that move by some hundreds, returns near 0, a volume: what scaling has to
    // cope with.
    let columns = [(4012.75, 231.5), (1.3e-6, 4.2e-4), (0.0, 18250.0), (51.0, 9.5), (3999.0, 12.0)];
    let affine = |(offset, unit): (f64, f64)| Affine { offset, unit };
    let columns = columns.into_iter().cycle().take(features).map(affine).collect();
    let scaling = Scaling { columns, target: affine((4012.75, 231.5)) };
    let features = (0..features).map(|column| format!("feature_{column}")).collect();
    let target = Target { horizon: 1, kind: TargetKind::Price };
    Trained::of("network".to_owned(), shape, features, target, scaling, weights).unwrap()
}

/// Numbers in [-1, 1) on a grid of 2²⁴ points (Knuth's MMIX multiplier), one in eight a zero, of
/// either sign.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = ((self.0 >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32;
        if self.0 >> 37 & 7 == 0 { 0.0_f32.copysign(number) } else { number }
    }
}

/// The runs of the frozen store, in order: finished, failed, running.
pub(super) fn recorded() -> Vec<super::Recorded> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1/grid");
    let sweep = runs::store::read_sweep(&folder).unwrap();
    let of = |record: runs::store::RunRecord| {
        let history = runs::store::history(&record.folder).unwrap();
        super::Recorded::new(record, history)
    };
    sweep.runs.into_iter().map(of).collect()
}
