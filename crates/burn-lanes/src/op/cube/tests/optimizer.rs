//! The optimizer's step against the composed one.

use burn::backend::Flex;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData};

use super::{BoolElement, CubeRuntime, Gpu, values};
use crate::OptimizerKind::{self, Adam, AdamW, Sgd};
use crate::op::testing::assert_near;
use crate::op::{LaneNumbers, LstmBackend, UpdateRows, primitive, tensor, update};
use crate::random;

on_each_gpu!(the_step_is_the_composed_one);

/// Lanes and weights of a lane: more than one cube's, and not a multiple of it.
const DIMS: [usize; 2] = [3, 9001];

fn row<B: burn::tensor::backend::Backend>(index: u64) -> FloatTensor<B> {
    let values = random::uniform(7, index, DIMS[0] * DIMS[1], 2.0);
    primitive(Tensor::<B, 2>::from_data(TensorData::new(values, DIMS), &Default::default()))
}

fn rows<B: burn::tensor::backend::Backend>(kind: OptimizerKind) -> UpdateRows<B> {
    let second = (kind != Sgd).then(|| primitive(tensor::<B, 2>(row::<B>(2)).abs()));
    UpdateRows { weights: row::<B>(0), first: row::<B>(1), second }
}

fn listed<B: burn::tensor::backend::Backend>(rows: UpdateRows<B>) -> Vec<Vec<f32>> {
    [Some(rows.weights), Some(rows.first), rows.second]
        .into_iter()
        .flatten()
        .map(|row| values(tensor::<B, 2>(row)))
        .collect()
}

fn lanes(limits: [Option<f32>; 3]) -> [LaneNumbers; 3] {
    let number =
        |lane: usize, index: u64| random::uniform(lane as u64, 10 + index, 1, 0.4)[0] + 0.5;
    [0, 1, 2].map(|lane| LaneNumbers {
        clip_norm: limits[lane],
        rate: number(lane, 0),
        shrinkage: number(lane, 1),
        decay: number(lane, 2),
        momentum: number(lane, 3),
        beta1: number(lane, 4),
        beta1_rest: number(lane, 5),
        beta2: number(lane, 6),
        beta2_rest: number(lane, 7),
        corrected_rate: number(lane, 8),
        root_scale: number(lane, 9),
        epsilon: number(lane, 10),
    })
}

pub(super) fn the_step_is_the_composed_one<R: CubeRuntime, BT: BoolElement>() {
    // A limit that is reached, one that is not, and none; then no limit at all.
    for limits in [[Some(1.5), Some(1e6), None], [None; 3]] {
        for kind in [Adam, AdamW, Sgd] {
            let lanes = lanes(limits);
            let theirs =
                listed(update::composed::<Flex>(kind, &lanes, rows::<Flex>(kind), row::<Flex>(3)));
            let ours = listed(Gpu::<R, BT>::update(
                kind,
                &lanes,
                rows::<Gpu<R, BT>>(kind),
                row::<Gpu<R, BT>>(3),
            ));
            // What somebody else holds is not written over.
            let (held, held_gradients) = (rows::<Gpu<R, BT>>(kind), row::<Gpu<R, BT>>(3));
            let beside =
                listed(Gpu::<R, BT>::update(kind, &lanes, held.clone(), held_gradients.clone()));
            assert_eq!(beside, ours, "{kind:?} {limits:?}");
            assert_eq!(listed(held), listed(rows::<Gpu<R, BT>>(kind)));
            assert_eq!(
                values(tensor::<Gpu<R, BT>, 2>(held_gradients)),
                values(tensor::<Gpu<R, BT>, 2>(row::<Gpu<R, BT>>(3)))
            );
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_near(&format!("{kind:?} {limits:?}"), ours, theirs, 1e-6);
            }
        }
    }
}
