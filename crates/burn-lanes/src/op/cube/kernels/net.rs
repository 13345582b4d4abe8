//! What the kernels are compiled for, what a launch tells them, and where values lie.
//!
//! Windows go in groups of four ([`Four`](super::math::Four)); the last group is filled up with the
//! last window, whose error counts as 0 there. A lane's activations are rows of sections of H
//! vectors, `[L, T, groups, sections, H]`: the gates i, f, g, o (which the backward pass replaces
//! by their gradients), c, h, and what was not dropped of h where there is dropout. The gradients
//! of the losses by the outputs of the head, one vector a group for each of them in turn, follow
//! them.

use cubecl::prelude::*;

use super::math::Four;

/// Section of a row: the gates come first.
pub(crate) const C: usize = 4;
/// The hidden state.
pub(crate) const H: usize = 5;
/// What was not dropped of it.
pub(crate) const KEPT: usize = 6;

/// Whether the outputs of the layers but the last are dropped on their way to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outputs {
    Whole,
    Dropped,
}

/// What the layers' kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Net {
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) outputs: Outputs,
    /// Of the head.
    pub(crate) forecasts: usize,
}

impl Net {
    /// Sections of a row.
    pub(crate) fn sections(&self) -> usize {
        match self.outputs {
            Outputs::Whole => 6,
            Outputs::Dropped => 7,
        }
    }

    /// Vectors of a lane's activations and errors.
    pub(crate) fn lane(&self, time: usize, groups: usize) -> usize {
        (self.layers * time * self.sections() * self.hidden + self.forecasts) * groups
    }

    /// Matrices that gradients go back through: the recurrent ones, and the input ones of all
    /// layers but the first.
    pub(crate) fn transposed(&self) -> usize {
        2 * self.layers - 1
    }
}

/// What a launch tells: the network, and a batch of windows of some lanes.
#[derive(CubeType, CubeLaunch)]
pub(crate) struct Batch {
    pub(crate) features: u32,
    /// From one row of the series' features to the next.
    pub(crate) feature_stride: u32,
    pub(crate) hidden: u32,
    pub(crate) layers: u32,
    pub(crate) sections: u32,
    pub(crate) time: u32,
    pub(crate) windows: u32,
    /// Groups of four windows.
    pub(crate) groups: u32,
    /// Where the batch starts in the lists of windows.
    pub(crate) start: u32,
    /// From one lane's list to the next; 0 if all lanes see the same.
    pub(crate) stride: u32,
    /// The first lane of this launch. Buffers that are made for one launch start with it.
    pub(crate) first_lane: u32,
    /// Outputs of the head.
    pub(crate) forecasts: u32,
}

#[cube]
impl Batch {
    /// The last row of a window of a lane; of the last one for those beyond it.
    pub(crate) fn end(&self, ends: &Array<i32>, lane: usize, window: usize) -> usize {
        let window = select(window < self.windows as usize, window, self.windows as usize - 1);
        ends[lane * self.stride as usize + self.start as usize + window] as usize
    }

    /// Inputs of a layer.
    pub(crate) fn inputs(&self, layer: usize) -> usize {
        select(layer == 0, self.features, self.hidden) as usize
    }

    /// Where a layer's weights start in its lane's.
    pub(crate) fn layer_start(&self, layer: usize) -> usize {
        let first = (self.features + self.hidden + 1) * 4 * self.hidden;
        let other = (2 * self.hidden + 1) * 4 * self.hidden;
        // Of the first layer this wraps around and is not used.
        let start = layer as u32 * other + first - other;
        select(layer == 0, 0, start) as usize
    }

    /// Where the head's weights start in its lane's.
    pub(crate) fn head(&self) -> usize {
        self.layer_start(self.layers as usize)
    }

    /// Weights of a lane.
    pub(crate) fn parameters(&self) -> usize {
        self.head() + (self.forecasts * (self.hidden + 1)) as usize
    }

    /// Vectors of a row of activations.
    pub(crate) fn row(&self) -> usize {
        (self.sections * self.hidden) as usize
    }

    /// Where a row of activations starts in its lane's.
    pub(crate) fn row_start(&self, layer: usize, t: usize, group: usize) -> usize {
        ((layer * self.time as usize + t) * self.groups as usize + group) * self.row()
    }

    /// Where the gradients of the losses by the head's outputs start in a lane's activations.
    pub(crate) fn errors(&self) -> usize {
        self.row_start(self.layers as usize, 0, 0)
    }

    /// Where a lane's activations start.
    pub(crate) fn lane_start(&self, lane: usize) -> usize {
        (self.errors() + (self.forecasts * self.groups) as usize) * lane
    }

    /// The gradient of a unit's last state in a group of windows, out of the gradients of the
    /// head's outputs.
    pub(crate) fn head_gradient(
        &self,
        weights: &Array<f32>,
        saved: &Array<Four>,
        lane: usize,
        group: usize,
        unit: usize,
    ) -> Four {
        let own_weights =
            (lane + self.first_lane as usize) * self.parameters() + self.head() + unit;
        let errors = self.lane_start(lane) + self.errors() + group;
        let mut sum = Four::new(0.0);
        for output in 0..self.forecasts as usize {
            let weight = Four::new(weights[own_weights + output * self.hidden as usize]);
            sum += saved[errors + output * self.groups as usize] * weight;
        }
        sum
    }
}
