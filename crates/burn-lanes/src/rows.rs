//! Lanes on the device: a Burn `Learner` over rows of weights, and what its optimizer knows of
//! them.

use burn::backend::Autodiff;
use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use burn::train::{Learner, LearningComponentsMarker};

use crate::OptimizerKind;
use crate::model::LaneModel;
use crate::op::LstmBackend;
use crate::optim::{LaneOptimizer, LaneRates, LaneTable, LaneUpdate, Moments};

type Components<B> = LearningComponentsMarker<
    Autodiff<B>,
    LaneRates,
    LaneModel<Autodiff<B>>,
    LaneOptimizer<Autodiff<B>>,
>;

/// Lanes in training, or some of them.
pub(crate) struct Rows<B: LstmBackend> {
    kind: OptimizerKind,
    pub(crate) table: LaneTable,
    optimizer: LaneOptimizer<Autodiff<B>>,
    pub(crate) learner: Learner<Components<B>>,
}

impl<B: LstmBackend> Rows<B> {
    /// Lanes with these rows of weights, `[K, P]`.
    pub(crate) fn new(
        kind: OptimizerKind,
        weights: Tensor<B, 2>,
        moments: Moments<B>,
        lanes: Vec<LaneUpdate>,
    ) -> Self {
        let table = LaneTable::new(lanes);
        let optimizer = LaneOptimizer::new(kind, table.clone(), moments);
        let model = LaneModel::new(Tensor::from_inner(weights));
        let learner = Learner::new(model, optimizer.clone(), LaneRates(table.clone()));
        Self { kind, table, optimizer, learner }
    }

    /// The weights now, `[K, P]`.
    pub(crate) fn weights(&self) -> Tensor<B, 2> {
        self.learner.model().valid().weights.val()
    }

    /// The moments now.
    pub(crate) fn moments(&self) -> Moments<B> {
        self.optimizer.moments()
    }

    /// The lanes at these positions, which are not empty, on their own.
    pub(crate) fn some(&self, positions: &[usize]) -> Self {
        let Moments { first, second } = self.moments();
        let moments = Moments {
            first: select(first, positions),
            second: second.map(|second| select(second, positions)),
        };
        let lanes = {
            let table = self.table.lock();
            positions.iter().map(|&position| table[position].clone()).collect()
        };
        Self::new(self.kind, select(self.weights(), positions), moments, lanes)
    }

    /// Puts other lanes in place of those at these positions.
    pub(crate) fn replace(&mut self, positions: &[usize], others: Self) {
        let mut lanes = self.table.lock().clone();
        for (&position, other) in positions.iter().zip(others.table.lock().iter()) {
            lanes[position] = other.clone();
        }
        // From the rows of both, one below the other.
        let mut picked: Vec<usize> = (0..lanes.len()).collect();
        for (place, &position) in positions.iter().enumerate() {
            picked[position] = lanes.len() + place;
        }
        let replaced = |ours: Tensor<B, 2>, theirs: Tensor<B, 2>| {
            select(Tensor::cat(vec![ours, theirs], 0), &picked)
        };
        let (ours, theirs) = (self.moments(), others.moments());
        let moments = Moments {
            first: replaced(ours.first, theirs.first),
            second: ours.second.zip(theirs.second).map(|(ours, theirs)| replaced(ours, theirs)),
        };
        *self = Self::new(self.kind, replaced(self.weights(), others.weights()), moments, lanes);
    }
}

/// Rows of a matrix, in this order.
pub(crate) fn select<B: LstmBackend>(rows: Tensor<B, 2>, positions: &[usize]) -> Tensor<B, 2> {
    B::select_rows(rows, positions)
}
