//! The peak of a training's memory beside its estimate.

use burn_lanes::{
    EpochReport, Head, Lane, LaneConfig, LaneControl, LaneOutcome, LaneState, Levels, Loss, Observer, OptimizerKind, Pack,
    PackControl, Progress, Series, Shape, memory_estimate, open, train,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Asks for every lane's state at every epoch, as one who writes checkpoints does.
struct Checkpoints;

impl Observer for Checkpoints {
    fn epoch(&mut self, _: usize, _: &EpochReport, state: &dyn Fn() -> LaneState) -> LaneControl {
        drop(state());
        LaneControl::Continue
    }

    fn step(&mut self, _: &Progress) -> PackControl {
        PackControl::Continue
    }

    fn interrupted(&mut self, _: usize, _: LaneState) {}

    fn ended(&mut self, _: usize, _: LaneOutcome) {}
}

fn series(shape: &Shape, windows: usize) -> Series {
    let (features, rows) = (shape.features, windows + windows / 4 + shape.window);
    Series {
        features: (0..rows * features).map(|index| (index as f32 * 0.37).sin()).collect(),
        columns: features,
        target: (0..rows).map(|row| (row as f32).sin()).collect(),
        target_unit: 1.0,
        train: (shape.window as u32..(shape.window + windows) as u32).collect(),
        valid: ((rows - windows / 4) as u32..rows as u32).collect(),
    }
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn the_peak_is_within_a_fifth_of_the_estimate() {
    let device = open("flex".parse().unwrap()).unwrap();
    let [adam, sgd] = [OptimizerKind::Adam, OptimizerKind::Sgd];
    let many: Vec<f64> = (1..32).map(|n| f64::from(n) / 32.0).collect();
    let many = Head::Quantile { levels: Levels::new(&many).unwrap() };
    let of_point = |(optimizer, sizes)| (Head::Point, optimizer, sizes);
    // Threads, lanes, training windows, features, window, hidden, layers, batch.
    let points = [
        (adam, [1, 1, 1000, 5, 60, 32, 2, 32]),
        (adam, [2, 1, 1000, 5, 60, 64, 2, 256]),
        (adam, [1, 16, 500, 5, 10, 128, 2, 8]),
        (adam, [2, 64, 100, 5, 20, 32, 2, 32]),
        (adam, [2, 3, 200, 40, 7, 50, 3, 100]),
        (sgd, [2, 8, 100, 5, 10, 100, 1, 20]),
        (adam, [1, 1, 100_000, 8, 2, 4, 1, 512]),
        (adam, [2, 100, 20_000, 1, 1, 2, 1, 64]),
        (sgd, [1, 1, 50, 3, 30, 256, 1, 50]),
    ];
    let quantiles = (many, adam, [1, 500, 64, 2, 3, 8, 1, 32]);
    for (head, optimizer, [threads, lanes, windows, features, window, hidden, layers, batch]) in
        points.into_iter().map(of_point).chain([quantiles])
    {
        let shape = Shape { features, window, hidden, layers, batch, loss: Loss::Mse, optimizer, head };
        let series = series(&shape, windows);
        let lane = |seed| Lane { config: LaneConfig { seed, epochs: 2, dropout: 0.1, ..LaneConfig::default() }, resume: None };
        let pack = Pack { shape: shape.clone(), lanes: (0..lanes as u64).map(lane).collect() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        pool.install(|| train(&device, &series, pack, &mut Checkpoints)).unwrap();
        let peak = (ALLOCATOR.peak_usage() - before) as f64;
        let estimate = pool.install(|| memory_estimate(&device, &shape, lanes, &series)) as f64;
        assert!((estimate / peak - 1.0).abs() <= 0.2, "{threads} threads, {lanes} lanes of {shape:?}: {peak} is not {estimate}");
    }
}
