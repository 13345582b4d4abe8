//! The kernels' definitions, without a device: what the launchers do before they ask for one.

use cubecl::KernelSettings;
use cubecl::prelude::*;

use super::super::kernels::forward::{Keep, Tile};
use super::super::kernels::head::{self, Last, LastCompilationArg, LastExpand};
use super::super::kernels::math::Four;
use super::super::kernels::net::{Batch, BatchCompilationArg, BatchExpand, Net, Outputs};
use super::super::kernels::steps::{self, Step, StepCompilationArg, StepExpand};
use super::super::kernels::update::{self, Clipping, Decay, Rows, RowsCompilationArg, RowsExpand};
use super::super::kernels::{backward, forward, products, transpose};
use super::super::plan::{Limits, Schedule};
use crate::Loss;
use crate::loss::Objective;
use crate::op::testing::quantiles;

type Floats = Array<f32>;
type Ints = Array<i32>;
type Fours = Array<Four>;

/// A kernel's name, that of its function in the source, and its definition for a width of indices.
pub(super) struct Kernel {
    pub(super) name: String,
    pub(super) entry: &'static str,
    pub(super) define: Box<dyn Fn(AddressType) -> KernelDefinition>,
}

/// A kernel over threads.
fn kernel(
    name: String,
    entry: &'static str,
    threads: CubeDim,
    body: impl Fn(&mut KernelBuilder) + 'static,
) -> Kernel {
    let define = move |width: AddressType| {
        let mut builder = KernelBuilder::default();
        width.register(&mut builder.scope);
        body(&mut builder);
        builder.build(
            KernelSettings::default().cube_dim(threads).address_type(width).kernel_name(entry),
        )
    };
    Kernel { name, entry, define: Box::new(define) }
}

fn read<T: LaunchArg<CompilationArg = ArrayCompilationArg>>(
    builder: &mut KernelBuilder,
) -> T::ExpandType {
    T::expand(&ArrayCompilationArg { inplace: None }, builder)
}

fn written<T: LaunchArg<CompilationArg = ArrayCompilationArg>>(
    builder: &mut KernelBuilder,
) -> T::ExpandType {
    T::expand_output(&ArrayCompilationArg { inplace: None }, builder)
}

fn masks(builder: &mut KernelBuilder, outputs: Outputs) -> ComptimeOptionExpand<Array<u32>> {
    match outputs {
        Outputs::Dropped => ComptimeOptionExpand::Some(read::<Array<u32>>(builder)),
        Outputs::Whole => ComptimeOptionExpand::None,
    }
}

fn batch(builder: &mut KernelBuilder) -> BatchExpand {
    let numbers = BatchCompilationArg {
        features: (),
        feature_stride: (),
        hidden: (),
        layers: (),
        sections: (),
        time: (),
        windows: (),
        groups: (),
        start: (),
        stride: (),
        first_lane: (),
        forecasts: (),
    };
    Batch::expand(&numbers, builder)
}

fn last(builder: &mut KernelBuilder) -> LastExpand {
    Last::expand(&LastCompilationArg { start: (), lane: (), group: () }, builder)
}

fn step(builder: &mut KernelBuilder) -> StepExpand {
    Step::expand(&StepCompilationArg { layer: (), t: () }, builder)
}

fn rows(builder: &mut KernelBuilder) -> RowsExpand {
    Rows::expand(&RowsCompilationArg { columns: (), parts: () }, builder)
}

fn forward(net: Net, tile: Tile, keep: Keep) -> Kernel {
    let threads = CubeDim::new_3d(net.hidden as u32, tile.slots as u32, net.layers as u32);
    kernel(
        format!("forward {} {:?} {keep:?}", net.hidden, net.outputs),
        "forward",
        threads,
        move |b| {
            let (features, ends, weights) = (read::<Floats>(b), read::<Ints>(b), read::<Floats>(b));
            let (masks, saved, batch) = (masks(b, net.outputs), written::<Fours>(b), batch(b));
            forward::forward::expand(
                &mut b.scope,
                features,
                ends,
                weights,
                masks,
                saved,
                batch,
                net,
                tile,
                keep,
            );
        },
    )
}

fn backward(net: Net, tile: Tile) -> Kernel {
    let threads = CubeDim::new_3d(net.hidden as u32, tile.slots as u32, net.layers as u32);
    kernel(format!("backward {} {:?}", net.hidden, net.outputs), "backward", threads, move |b| {
        let (weights, transposed, masks) =
            (read::<Floats>(b), read::<Floats>(b), masks(b, net.outputs));
        let (saved, batch) = (written::<Fours>(b), batch(b));
        backward::backward::expand(
            &mut b.scope,
            weights,
            transposed,
            masks,
            saved,
            batch,
            net,
            tile,
        );
    })
}

fn single_steps(net: Net) -> [Kernel; 2] {
    let threads = CubeDim::new_2d(steps::HIDDEN as u32, steps::SLOTS as u32);
    let forward =
        kernel(format!("forward step {:?}", net.outputs), "forward_step", threads, move |b| {
            let (features, ends, weights) = (read::<Floats>(b), read::<Ints>(b), read::<Floats>(b));
            let (masks, saved, batch, step) =
                (masks(b, net.outputs), written::<Fours>(b), batch(b), step(b));
            steps::forward_step::expand(
                &mut b.scope,
                features,
                ends,
                weights,
                masks,
                saved,
                batch,
                step,
                net,
            );
        });
    let backward =
        kernel(format!("backward step {:?}", net.outputs), "backward_step", threads, move |b| {
            let (weights, transposed, masks) =
                (read::<Floats>(b), read::<Floats>(b), masks(b, net.outputs));
            let (saved, batch, step) = (written::<Fours>(b), batch(b), step(b));
            steps::backward_step::expand(
                &mut b.scope,
                weights,
                transposed,
                masks,
                saved,
                batch,
                step,
                net,
            );
        });
    [forward, backward]
}

/// The kernels that are the same for all networks.
fn shared_kernels() -> Vec<Kernel> {
    let line = CubeDim::new_1d(head::THREADS as u32);
    let mut kernels = vec![
        kernel(
            "transpose".to_owned(),
            "transpose",
            CubeDim::new_2d(transpose::SIDE as u32, transpose::STRIDE as u32),
            |b| {
                let (weights, transposed, batch) =
                    (read::<Floats>(b), written::<Floats>(b), batch(b));
                transpose::transpose::expand(&mut b.scope, weights, transposed, batch);
            },
        ),
        kernel(
            "products".to_owned(),
            "products",
            CubeDim::new_2d(products::THREADS as u32, products::THREADS as u32),
            |b| {
                let (features, ends, saved) =
                    (read::<Floats>(b), read::<Ints>(b), read::<Fours>(b));
                let (gradients, batch) = (written::<Floats>(b), batch(b));
                products::products::expand(&mut b.scope, features, ends, saved, gradients, batch);
            },
        ),
        kernel("forecasts".to_owned(), "forecasts", line, |b| {
            let (states, weights, forecasts) =
                (read::<Fours>(b), read::<Floats>(b), written::<Floats>(b));
            let (batch, last) = (batch(b), last(b));
            head::forecasts::expand(&mut b.scope, states, weights, forecasts, batch, last);
        }),
        kernel("squares".to_owned(), "squares", line, |b| {
            let (gradients, table, rows) = (read::<Floats>(b), written::<Floats>(b), rows(b));
            update::squares::expand(&mut b.scope, gradients, table, rows);
        }),
        kernel("sgd".to_owned(), "sgd", line, |b| {
            let (table, weights, velocity) =
                (read::<Floats>(b), read::<Floats>(b), read::<Floats>(b));
            let (gradients, after, rows) = (written::<Floats>(b), written::<Floats>(b), rows(b));
            update::sgd::expand(
                &mut b.scope,
                table,
                weights,
                velocity,
                gradients,
                after,
                rows,
                Clipping::Some,
            );
        }),
    ];
    for (name, objective) in [
        ("Mse", Objective::Point(Loss::Mse)),
        ("Mae", Objective::Point(Loss::Mae)),
        ("Huber", Objective::Point(Loss::Huber)),
        ("three quantiles", quantiles(&[0.1, 0.5, 0.9])),
    ] {
        let of_losses = objective.clone();
        kernels.push(kernel(format!("sums {name}"), "sums", line, move |b| {
            let (states, weights, target, ends) =
                (read::<Fours>(b), read::<Floats>(b), read::<Floats>(b), read::<Ints>(b));
            let (sums, batch, last) = (written::<Floats>(b), batch(b), last(b));
            head::sums::expand(
                &mut b.scope,
                states,
                weights,
                target,
                ends,
                sums,
                batch,
                last,
                objective.clone(),
            );
        }));
        kernels.push(kernel(format!("losses {name}"), "losses", line, move |b| {
            let (weights, target, ends) = (read::<Floats>(b), read::<Floats>(b), read::<Ints>(b));
            let (saved, sums, losses) =
                (written::<Fours>(b), written::<Floats>(b), written::<Floats>(b));
            let (gradients, batch, last) = (written::<Floats>(b), batch(b), last(b));
            let objective = of_losses.clone();
            head::losses::expand(
                &mut b.scope,
                weights,
                target,
                ends,
                saved,
                sums,
                losses,
                gradients,
                batch,
                last,
                objective,
            );
        }));
    }
    for decay in [Decay::Coupled, Decay::Decoupled] {
        kernels.push(kernel(format!("adam {decay:?}"), "adam", line, move |b| {
            let (table, weights, first, second) =
                (read::<Floats>(b), read::<Floats>(b), read::<Floats>(b), read::<Floats>(b));
            let (gradients, first_after, second_after) =
                (written::<Floats>(b), written::<Floats>(b), written::<Floats>(b));
            let (scope, rows) = (rows(b), Clipping::Some);
            update::adam::expand(
                &mut b.scope,
                table,
                weights,
                first,
                second,
                gradients,
                first_after,
                second_after,
                scope,
                rows,
                decay,
            );
        }));
    }
    kernels
}

/// All kernels of the networks that the snapshots are of, in the tiles of such a device.
pub(super) fn kernels(limits: &Limits) -> Vec<Kernel> {
    let mut kernels = shared_kernels();
    for outputs in [Outputs::Whole, Outputs::Dropped] {
        for hidden in [16, 32, 64, 128] {
            let net = Net { features: 5, hidden, layers: 2, outputs, forecasts: 1 };
            match Schedule::new(&net, 8, limits) {
                Schedule::Whole { forward: tile, backward: below } => {
                    kernels.extend([forward(net, tile, Keep::All), backward(net, below)]);
                    if outputs == Outputs::Whole {
                        kernels.push(forward(net, tile, Keep::Last));
                    }
                }
                Schedule::Steps => kernels.extend(single_steps(net)),
            }
        }
    }
    kernels
}

/// A kernel that is small enough to be read.
pub(super) fn small() -> Kernel {
    let net = Net { features: 5, hidden: 16, layers: 2, outputs: Outputs::Whole, forecasts: 1 };
    forward(net, Tile { own: 1, slots: 1 }, Keep::All)
}
