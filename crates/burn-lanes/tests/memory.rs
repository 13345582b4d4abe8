//! The peak of a training's memory beside its estimate.

use burn_lanes::{
    EpochReport, Head, Lane, LaneConfig, LaneControl, LaneOutcome, LaneState, Levels, Loss,
    Observer, OptimizerKind, Pack, PackControl, Progress, Series, Shape, TrainError,
    memory_estimate, open, train,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Asks for every lane's state at every epoch, as one who writes checkpoints does.
struct Checkpoints;

impl Observer for Checkpoints {
    fn epoch(
        &mut self,
        _: usize,
        _: &EpochReport,
        state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        assert!(state().is_ok());
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
    let of_point = |(optimizer, folds, sizes)| (Head::Point, optimizer, folds, sizes);
    // Training windows of each fold; threads, lanes, features, window, hidden, layers, batch.
    let points = [
        (adam, &[1000][..], [1, 1, 5, 60, 32, 2, 32]),
        (adam, &[1000], [2, 1, 5, 60, 64, 2, 256]),
        (adam, &[500], [1, 16, 5, 10, 128, 2, 8]),
        (adam, &[100], [2, 64, 5, 20, 32, 2, 32]),
        (adam, &[200], [2, 3, 40, 7, 50, 3, 100]),
        (sgd, &[100], [2, 8, 5, 10, 100, 1, 20]),
        (adam, &[100_000], [1, 1, 8, 2, 4, 1, 512]),
        (adam, &[20_000], [2, 100, 1, 1, 2, 1, 64]),
        (sgd, &[50], [1, 1, 3, 30, 256, 1, 50]),
        (adam, &[100, 200, 300, 400], [2, 64, 5, 20, 32, 2, 32]),
        (sgd, &[50, 90], [1, 16, 5, 10, 128, 2, 8]),
        (adam, &[10_000, 20_000], [2, 100, 1, 1, 2, 1, 64]),
        (adam, &[30_000, 30_000, 30_000], [1, 3, 8, 2, 4, 1, 512]),
    ];
    let quantiles = (many, adam, &[64][..], [1, 500, 2, 3, 8, 1, 32]);
    for (head, optimizer, folds, [threads, lanes, features, window, hidden, layers, batch]) in
        points.into_iter().map(of_point).chain([quantiles])
    {
        let shape =
            Shape { features, window, hidden, layers, batch, loss: Loss::Mse, optimizer, head };
        let series: Vec<Series> = folds.iter().map(|&windows| series(&shape, windows)).collect();
        let series: Vec<&Series> = series.iter().collect();
        let config = |seed| LaneConfig { seed, epochs: 2, dropout: 0.1, ..LaneConfig::default() };
        let lane = |index: usize| Lane {
            config: config(index as u64),
            resume: None,
            series: index % folds.len(),
        };
        let pack = Pack { shape: shape.clone(), lanes: (0..lanes).map(lane).collect() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        pool.install(|| train(&device, &series, pack, &mut Checkpoints)).unwrap();
        let peak = (ALLOCATOR.peak_usage() - before) as f64;
        let estimate = pool.install(|| memory_estimate(&device, &shape, lanes, &series)) as f64;
        assert!(
            (estimate / peak - 1.0).abs() <= 0.2,
            "{threads} threads, {lanes} lanes of {shape:?}: {peak} is not {estimate}"
        );
    }
}
