//! Cases that the tests of every implementation share: a network, its data and its windows, all
//! drawn.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;

use crate::data::{Batch, Ends, Resident, Windows};
use crate::loss::Objective;
use crate::model::parameters;
use crate::random::{self, Dropout};
use crate::{Head, Levels, Loss, OptimizerKind, Series, Shape};

/// A network, a series and windows of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) lanes: usize,
    /// In the batch, which may be a partial one.
    pub(crate) windows: usize,
    pub(crate) series: Series,
    /// Last rows of each lane's windows.
    pub(crate) ends: Vec<Vec<u32>>,
    pub(crate) dropout: Vec<Dropout>,
    /// `[K, P]`.
    pub(crate) weights: Vec<f32>,
}

impl Case {
    /// From time steps, lanes, windows, features, units and layers. Lane k drops k tenths, lane 0
    /// nothing.
    pub(crate) fn new(
        objective: impl Into<Objective>,
        [window, lanes, windows, features, hidden, layers]: [usize; 6],
        seed: u64,
    ) -> Self {
        let (loss, head) = match objective.into() {
            Objective::Point(loss) => (loss, Head::Point),
            Objective::Quantiles(levels) => (Loss::Mse, Head::Quantile { levels }),
        };
        let shape = Shape {
            features,
            window,
            hidden,
            layers,
            batch: windows,
            loss,
            optimizer: OptimizerKind::Adam,
            head,
        };
        let rows = window + 3 * windows;
        let series = Series {
            features: random::uniform(seed, 0, rows * features, 1.0),
            columns: features,
            target: random::uniform(seed, 1, rows, 2.0),
            target_unit: 1.0,
            train: Vec::new(),
            valid: Vec::new(),
        };
        let ends = (0..lanes as u64)
            .map(|lane| {
                random::permutation(seed, lane, rows - window + 1).into_iter().take(windows)
            })
            .map(|ends| ends.map(|end| end + window as u32 - 1).collect())
            .collect();
        let dropout = (0..lanes as u64)
            .map(|lane| Dropout::new(seed, 3 + lane, lane as f64 / 10.0))
            .collect();
        let bound = 1.5 / (hidden as f64).sqrt();
        Self {
            weights: random::uniform(seed, 2, lanes * parameters(&shape), bound),
            shape,
            lanes,
            windows,
            series,
            ends,
            dropout,
        }
    }

    /// Small ones of every objective.
    pub(crate) fn small() -> impl Strategy<Value = Self> {
        let objective = prop::sample::select(objectives().to_vec());
        let sizes = (1_usize..6, 1_usize..4, 1_usize..7, 1_usize..4, 1_usize..6, 1_usize..4);
        let case = |(objective, (time, lanes, windows, features, hidden, layers), seed): (
            Objective,
            _,
            _,
        )| {
            Self::new(objective, [time, lanes, windows, features, hidden, layers], seed)
        };
        (objective, sizes, any::<u64>()).prop_map(case)
    }

    /// The same, nothing dropped.
    pub(crate) fn without_dropout(self) -> Self {
        Self { dropout: Vec::new(), ..self }
    }

    /// One lane of it.
    pub(crate) fn lane(&self, lane: usize) -> Self {
        let columns = self.weights.len() / self.lanes;
        Self {
            lanes: 1,
            ends: vec![self.ends[lane].clone()],
            dropout: self.dropout.get(lane).copied().into_iter().collect(),
            weights: self.weights[lane * columns..(lane + 1) * columns].to_vec(),
            ..self.clone()
        }
    }

    /// Makes the features larger.
    pub(crate) fn scale_features(&mut self, factor: f32) {
        self.series.features.iter_mut().for_each(|value| *value *= factor);
    }

    /// `[K, P]`.
    pub(crate) fn weights<B: Backend>(&self) -> Tensor<B, 2> {
        let columns = self.weights.len() / self.lanes;
        Tensor::from_data(
            TensorData::new(self.weights.clone(), [self.lanes, columns]),
            &B::Device::default(),
        )
    }

    pub(crate) fn batch<B: Backend>(&self) -> Batch<B> {
        let device = B::Device::default();
        // The range does not start at 0, as most of a training's do not.
        let lists = self.ends.iter().map(|ends| [&[u32::MAX >> 1, 0], &**ends].concat()).collect();
        Batch {
            shape: self.shape.clone(),
            lanes: self.lanes,
            series: Arc::new(Resident::new(&[&self.series], &device)),
            windows: Windows { ends: Ends::new(lists, &device), range: 2..2 + self.windows },
            dropout: self.dropout.clone(),
        }
    }
}

/// One of every kind, and quantiles of different numbers, whose median is not always in the middle.
pub(crate) fn objectives() -> [Objective; 6] {
    let [mse, mae, huber] = [Loss::Mse, Loss::Mae, Loss::Huber].map(Objective::Point);
    [
        mse,
        mae,
        huber,
        quantiles(&[0.1, 0.5, 0.9]),
        quantiles(&[0.5]),
        quantiles(&[0.01, 0.25, 0.4, 0.5, 0.975]),
    ]
}

/// Quantiles of these levels.
pub(crate) fn quantiles(levels: &[f64]) -> Objective {
    Objective::Quantiles(Levels::new(levels).unwrap())
}

impl From<Loss> for Objective {
    fn from(loss: Loss) -> Self {
        Self::Point(loss)
    }
}

/// Within a tolerance of the largest value, or of 0.05 if that is larger: what is smaller is what
/// larger values leave of each other, and activations are right to 3e-7.
pub(crate) fn assert_near(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(0.05_f32, |size, value| size.max(value.abs()));
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() <= tolerance * size,
            "{what} at {index}: {ours} is not {theirs}"
        );
    }
}
