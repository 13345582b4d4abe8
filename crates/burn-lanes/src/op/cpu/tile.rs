//! A tile: some windows of one lane, from the series to their forecasts, or on to the gradient of
//! the weights. All that it leaves from layer to layer lies in its own buffers, which stay in the
//! cache.

use std::ops::Range;

use super::backward::{self, BackwardLayer};
use super::dropout::Mask;
use super::forward::{Dropped, ForwardLayer, Input, KEPT};
use super::head;
use super::network::{Network, Packed};
use super::pool::{self, Buffer};
use super::simd::run;
use crate::loss::Objective;
use crate::random::Dropout;

/// The series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data<'a> {
    /// `[rows, F]`.
    pub(super) features: &'a [f32],
    /// `[rows]`.
    pub(super) target: &'a [f32],
}

/// Buffers of a tile that is only forecast.
#[derive(Debug)]
pub(super) struct ForecastTile {
    inputs: Buffer,
    /// Hidden states of a layer and of the one below it.
    hidden: [Buffer; 2],
    cells: Buffer,
}

impl ForecastTile {
    /// For so many windows at most.
    pub(super) fn new(network: &Network, rows: usize) -> Self {
        Self {
            inputs: pool::take(rows * network.time * network.features),
            hidden: [0; 2].map(|_| pool::take(network.states(rows))),
            cells: pool::take(rows * network.padded()),
        }
    }

    /// Forecasts the windows that end at these rows.
    pub(super) fn run(
        &mut self,
        network: &Network,
        packed: &Packed,
        data: Data<'_>,
        ends: &[u32],
        forecasts: &mut [f32],
    ) {
        let (time, rows) = (network.time, ends.len());
        gather(network, data, ends, &mut self.inputs);
        let states = network.states(rows);
        for layer in 0..network.layers {
            let [even, odd] = &mut self.hidden;
            let (hidden, below) = if layer % 2 == 0 { (even, odd) } else { (odd, even) };
            let (input, panels) =
                (input(network, layer, rows, &self.inputs, below), packed.panels(layer));
            let (hidden, cells) = (&mut hidden[..states], &mut *self.cells);
            let sizes = network.layer(layer);
            run(
                network.set,
                ForwardLayer {
                    sizes,
                    time,
                    rows,
                    input,
                    panels,
                    hidden,
                    cells,
                    kept: None,
                    dropped: None,
                },
            );
        }
        let hidden = &self.hidden[(network.layers - 1) % 2][..states];
        run(
            network.set,
            head::Forecast { hidden: last(network, rows, hidden), head: packed.head(), forecasts },
        );
    }
}

/// Buffers of a tile in training.
#[derive(Debug)]
pub(super) struct TrainingTile {
    inputs: Buffer,
    layers: Vec<Layer>,
    cells: Buffer,
    outer: Buffer,
    scratch: Buffer,
}

/// What a layer's forward pass leaves for its backward pass.
#[derive(Debug)]
struct Layer {
    hidden: Buffer,
    kept: Buffer,
    /// Empty where nothing is dropped.
    factors: Buffer,
    /// Likewise.
    outputs: Buffer,
}

/// Some windows of a batch in training.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) data: Data<'a>,
    /// Last rows of all of the lane's windows in the batch.
    pub(super) ends: &'a [u32],
    pub(super) objective: &'a Objective,
    /// None where nothing is dropped.
    pub(super) dropout: Option<Dropout>,
}

impl TrainingTile {
    /// For so many windows at most.
    pub(super) fn new(network: &Network, rows: usize, dropped: Dropping) -> Self {
        let states = network.states(rows);
        let layers = (0..network.layers).map(|layer| {
            let masked =
                if dropped == Dropping::Some && layer + 1 < network.layers { states } else { 0 };
            Layer {
                hidden: pool::take(states),
                kept: pool::take(states * KEPT),
                factors: pool::take(masked),
                outputs: pool::take(masked),
            }
        });
        Self {
            inputs: pool::take(rows * network.time * network.features),
            layers: layers.collect(),
            cells: pool::take(rows * network.padded()),
            outer: pool::take(states),
            scratch: pool::take(backward::scratch(&network.layer(0), rows)),
        }
    }

    /// Forecasts some of the job's windows and adds their share to the gradient, which lies as
    /// panels.
    pub(super) fn run(
        &mut self,
        network: &Network,
        packed: &Packed,
        job: &Job<'_>,
        windows: Range<usize>,
        forecasts: &mut [f32],
        gradient: &mut [f32],
    ) {
        gather(network, job.data, &job.ends[windows.clone()], &mut self.inputs);
        self.forward(network, packed, job, windows.clone());
        self.head(network, packed, job, windows.clone(), forecasts, gradient);
        self.backward(network, packed, job, windows.len(), gradient);
    }

    fn forward(
        &mut self,
        network: &Network,
        packed: &Packed,
        job: &Job<'_>,
        windows: Range<usize>,
    ) {
        let (time, rows) = (network.time, windows.len());
        let states = network.states(rows);
        for layer in 0..network.layers {
            let (below, above) = self.layers.split_at_mut(layer);
            let outputs = below.last().map_or(&[] as &[f32], |below| below.outputs(job));
            let input = input(network, layer, rows, &self.inputs, outputs);
            let Layer { hidden, kept, factors, outputs } = &mut above[0];
            let dropped = job.dropout.filter(|_| !factors.is_empty()).map(|dropout| {
                let (units, padded) = (network.hidden, network.padded());
                let factors = &mut factors[..states];
                let (rows, windows) = (windows.clone(), job.ends.len());
                run(
                    network.set,
                    Mask { dropout, layer, time, rows, windows, units, padded, factors },
                );
                Dropped { factors, outputs }
            });
            let work = ForwardLayer {
                sizes: network.layer(layer),
                time,
                rows,
                input,
                panels: packed.panels(layer),
                hidden: &mut hidden[..states],
                cells: &mut self.cells,
                kept: Some(kept),
                dropped,
            };
            run(network.set, work);
        }
    }

    fn head(
        &mut self,
        network: &Network,
        packed: &Packed,
        job: &Job<'_>,
        windows: Range<usize>,
        forecasts: &mut [f32],
        gradient: &mut [f32],
    ) {
        let rows = windows.len();
        let states = network.states(rows);
        let hidden = last(network, rows, &self.layers[network.layers - 1].hidden[..states]);
        run(network.set, head::Forecast { hidden, head: packed.head(), forecasts });
        let ends = &job.ends[windows];
        let batch = job.ends.len() as f32;
        let windows = forecasts.chunks_exact(network.outputs).zip(ends);
        let errors = windows.flat_map(|(forecasts, &end)| {
            forecasts.iter().map(move |forecast| forecast - job.data.target[end as usize])
        });
        let mut errors: Vec<f32> = errors.collect();
        head::error_gradients(job.objective, &mut errors);
        errors.iter_mut().for_each(|error| *error /= batch);
        let outer = &mut self.outer[states - rows * network.padded()..states];
        let gradient = &mut gradient[network.of_layer(network.layers)];
        run(
            network.set,
            head::Back { errors: &errors, hidden, head: packed.head(), gradient, outer },
        );
    }

    fn backward(
        &mut self,
        network: &Network,
        packed: &Packed,
        job: &Job<'_>,
        rows: usize,
        gradient: &mut [f32],
    ) {
        let time = network.time;
        let states = network.states(rows);
        for layer in (0..network.layers).rev() {
            let (below, above) = self.layers.split_at_mut(layer);
            let outputs = below.last().map_or(&[] as &[f32], |below| below.outputs(job));
            let Layer { hidden, kept, factors, .. } = &above[0];
            let work = BackwardLayer {
                sizes: network.layer(layer),
                time,
                rows,
                input: input(network, layer, rows, &self.inputs, outputs),
                hidden: &hidden[..states],
                kept,
                transposed: packed.transposed(layer),
                columns: network.columns(layer),
                outer: &mut self.outer[..states],
                outer_from: if layer + 1 == network.layers { time - 1 } else { 0 },
                factors: job.dropout.filter(|_| !factors.is_empty()).map(|_| &**factors),
                gradient: &mut gradient[network.of_layer(layer)],
                scratch: &mut self.scratch,
            };
            run(network.set, work);
        }
    }
}

impl Layer {
    /// What the layer above is given.
    fn outputs(&self, job: &Job<'_>) -> &[f32] {
        if job.dropout.is_some() { &self.outputs } else { &self.hidden }
    }
}

/// Whether any lane drops anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropping {
    /// None does.
    Nothing,
    /// Some lane does.
    Some,
}

/// Copies windows out of the series, `[rows][T][F]`. An infinity becomes NaN, so that what cannot
/// be forecast has no forecast.
fn gather(network: &Network, data: Data<'_>, ends: &[u32], inputs: &mut [f32]) {
    let Network { time, features, .. } = *network;
    for (&end, to) in ends.iter().zip(inputs.chunks_exact_mut(time * features)) {
        let end = (end as usize + 1) * features;
        for (to, &value) in to.iter_mut().zip(&data.features[end - time * features..end]) {
            *to = if value.is_infinite() { f32::NAN } else { value };
        }
    }
}

/// A layer's input: the windows, or what the layer below gave.
fn input<'a>(
    network: &Network,
    layer: usize,
    rows: usize,
    windows: &'a [f32],
    below: &'a [f32],
) -> Input<'a> {
    let (time, features, padded) = (network.time, network.features, network.padded());
    if layer == 0 {
        Input { values: windows, row: time * features, step: features }
    } else {
        Input { values: below, row: padded, step: rows * padded }
    }
}

/// The last hidden states, `[rows][padded]`.
fn last<'a>(network: &Network, rows: usize, hidden: &'a [f32]) -> &'a [f32] {
    &hidden[hidden.len() - rows * network.padded()..]
}
