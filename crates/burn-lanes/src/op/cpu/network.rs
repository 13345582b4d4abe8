//! Sizes of the whole network, and a lane's weights packed for it.

use std::ops::Range;

use super::head::Head;
use super::panel::{Columns, Pack, Sizes, Transpose, Unpack, parts};
use super::pool::{self, Buffer, LINE};
use super::simd::{InstructionSet, run};
use crate::Shape;

/// The network that every lane has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    pub(super) set: InstructionSet,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    /// Of the head.
    pub(super) outputs: usize,
}

/// Windows of a tile at most: two register tiles. What eight windows leave for their backward pass
/// stays in a second-level cache of a megabyte up to 32 units in two layers and 60 steps; of larger
/// networks the weights do, at least.
pub(super) const TILE: usize = 8;
/// Windows of a share at least, if there are so many: fewer are not worth a sum of all weights.
const LEAST_SHARE: usize = 16;
/// Shares at most.
const MOST_SHARES: usize = 16;

impl Network {
    pub(super) fn new(set: InstructionSet, shape: &Shape) -> Self {
        let Shape { window, features, hidden, layers, ref head, .. } = *shape;
        Self { set, time: window, features, hidden, layers, outputs: head.outputs() }
    }

    pub(super) fn layer(&self, layer: usize) -> Sizes {
        let inputs = if layer == 0 { self.features } else { self.hidden };
        Sizes { inputs, hidden: self.hidden, width: self.set.width() }
    }

    /// Units, filled up to whole vectors.
    pub(super) fn padded(&self) -> usize {
        self.layer(0).padded()
    }

    /// Floats of a sequence of all steps' states in so many windows, `[T][rows][padded]`.
    pub(super) fn states(&self, rows: usize) -> usize {
        self.time * rows * self.padded()
    }

    /// The forecasts of some windows, out of `[B][Q]`.
    pub(super) fn forecasts_of<'a>(
        &self,
        forecasts: &'a mut [f32],
        windows: Range<usize>,
    ) -> &'a mut [f32] {
        &mut forecasts[windows.start * self.outputs..windows.end * self.outputs]
    }

    /// Weights in a lane's row.
    pub(super) fn weights(&self) -> usize {
        self.of_layer_in_row(self.layers).end
    }

    /// Where a layer's weights stand in a lane's row; for the number of layers, where the head's
    /// stand.
    fn of_layer_in_row(&self, layer: usize) -> Range<usize> {
        let start = (0..layer).map(|layer| self.layer(layer).weights()).sum();
        start
            ..start
                + if layer < self.layers {
                    self.layer(layer).weights()
                } else {
                    self.outputs * (self.hidden + 1)
                }
    }

    /// Floats of all panels: each layer's, then the head's weights, filled up, then its biases.
    pub(super) fn panels(&self) -> usize {
        self.of_layer(self.layers).start
            + self.outputs * self.padded()
            + self.outputs.next_multiple_of(LINE)
    }

    /// Where a layer's panels stand; for the number of layers, where the head's weights and biases
    /// stand.
    pub(super) fn of_layer(&self, layer: usize) -> Range<usize> {
        let start = (0..layer).map(|layer| self.layer(layer).panels()).sum();
        start
            ..start
                + if layer < self.layers {
                    self.layer(layer).panels()
                } else {
                    self.outputs * (self.padded() + 1)
                }
    }

    /// Columns that a layer's backward pass computes: the input's gradient where a layer gave it.
    pub(super) fn columns(&self, layer: usize) -> Columns {
        let blocks = self.layer(layer).blocks();
        Columns { units: blocks, inputs: if layer == 0 { 0 } else { blocks } }
    }

    /// Where a layer's transposed panels stand.
    fn transposed(&self, layer: usize) -> Range<usize> {
        let floats = |layer| self.columns(layer).floats(&self.layer(layer));
        let start = (0..layer).map(floats).sum();
        start..start + floats(layer)
    }

    /// Floats of all transposed panels.
    pub(super) fn all_transposed(&self) -> usize {
        self.transposed(self.layers - 1).end
    }

    /// Shares of a batch, one task and one sum of gradients each. They depend on the batch alone,
    /// hence so does the order of all sums.
    pub(super) fn shares(&self, windows: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        parts(windows, LEAST_SHARE.max(windows.div_ceil(MOST_SHARES)))
    }
}

/// A lane's weights as the kernels read them.
#[derive(Debug)]
pub(super) struct Packed {
    network: Network,
    panels: Buffer,
    /// Empty if there is to be no backward pass.
    transposed: Buffer,
}

impl Packed {
    /// For the forward pass.
    pub(super) fn forward(network: &Network, weights: &[f32]) -> Self {
        let mut panels = pool::take(network.panels());
        for layer in 0..network.layers {
            let (sizes, weights) = (network.layer(layer), &weights[network.of_layer_in_row(layer)]);
            run(network.set, Pack { sizes, weights, panels: &mut panels[network.of_layer(layer)] });
        }
        let head = &mut panels[network.of_layer(network.layers)];
        let (values, biases) = weights[network.of_layer_in_row(network.layers)]
            .split_at(network.outputs * network.hidden);
        head.fill(0.0);
        let (filled, of_biases) = head.split_at_mut(network.outputs * network.padded());
        for (filled, values) in
            filled.chunks_exact_mut(network.padded()).zip(values.chunks_exact(network.hidden))
        {
            filled[..network.hidden].copy_from_slice(values);
        }
        of_biases.copy_from_slice(biases);
        Self { network: *network, panels, transposed: Buffer::default() }
    }

    /// For both passes.
    pub(super) fn both(network: &Network, weights: &[f32]) -> Self {
        let mut transposed = pool::take(network.all_transposed());
        for layer in 0..network.layers {
            let (sizes, weights) = (network.layer(layer), &weights[network.of_layer_in_row(layer)]);
            let (columns, transposed) =
                (network.columns(layer), &mut transposed[network.transposed(layer)]);
            run(network.set, Transpose { sizes, columns, weights, transposed });
        }
        Self { transposed, ..Self::forward(network, weights) }
    }

    pub(super) fn panels(&self, layer: usize) -> &[f32] {
        &self.panels[self.network.of_layer(layer)]
    }

    pub(super) fn transposed(&self, layer: usize) -> &[f32] {
        &self.transposed[self.network.transposed(layer)]
    }

    pub(super) fn head(&self) -> Head<'_> {
        let (weights, biases) =
            self.panels(self.network.layers).split_at(self.network.outputs * self.network.padded());
        Head { weights, biases }
    }
}

/// Takes a lane's gradient out of its panels.
pub(super) fn unpack(network: &Network, panels: &[f32], row: &mut [f32]) {
    for layer in 0..network.layers {
        let weights = &mut row[network.of_layer_in_row(layer)];
        run(
            network.set,
            Unpack {
                sizes: network.layer(layer),
                panels: &panels[network.of_layer(layer)],
                weights,
            },
        );
    }
    let head = &panels[network.of_layer(network.layers)];
    let (filled, of_biases) = head.split_at(network.outputs * network.padded());
    let (values, biases) =
        row[network.of_layer_in_row(network.layers)].split_at_mut(network.outputs * network.hidden);
    for (filled, values) in
        filled.chunks_exact(network.padded()).zip(values.chunks_exact_mut(network.hidden))
    {
        values.copy_from_slice(&filled[..network.hidden]);
    }
    biases.copy_from_slice(of_biases);
}
