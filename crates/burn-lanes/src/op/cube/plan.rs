//! Which kernels run a network on a device, and in which tiles.

use cubecl::ir::DeviceProperties;

use super::kernels::forward::Tile;
use super::kernels::net::Net;

/// Bytes of four windows' values.
pub(super) const VECTOR: usize = 16;

/// Hidden units from which on a sequence is not run whole: a layer's two matrices are 512 KiB,
/// twice an H100's first cache.
const LARGE: usize = 128;
/// Threads of a cube, at most: with more of them, CUDA has fewer than 128 registers for each, which
/// is what they need.
const THREADS: usize = 512;

/// What a device allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Threads of a cube.
    pub(super) threads: usize,
    /// Threads of a cube along its last axis.
    pub(super) layers: usize,
    /// Bytes of a cube's shared memory.
    pub(super) shared: usize,
    /// Bytes of a buffer.
    pub(super) buffer: u64,
    /// Cubes along an axis of a launch.
    pub(super) cubes: usize,
}

impl Limits {
    /// Those of a device.
    pub(super) fn of(properties: &DeviceProperties) -> Self {
        let hardware = &properties.hardware;
        Self {
            threads: hardware.max_units_per_cube as usize,
            layers: hardware.max_cube_dim.2 as usize,
            shared: hardware.max_shared_memory_size,
            buffer: properties.memory.max_page_size,
            cubes: hardware.max_cube_count.1.min(hardware.max_cube_count.2) as usize,
        }
    }

    /// Lanes whose buffers of so many vectors a lane may be one buffer; at least one.
    pub(super) fn lanes(&self, vectors: usize) -> usize {
        let bytes = (vectors * VECTOR) as u64;
        usize::try_from(self.buffer / bytes).unwrap_or(usize::MAX).clamp(1, self.cubes)
    }
}

/// How the layers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// The whole sequence of all layers in one launch, forward and backward: up to 127 hidden
    /// units, where a tile of windows fits a cube.
    Whole { forward: Tile, backward: Tile },
    /// A launch for each step of each layer.
    Steps,
}

impl Schedule {
    /// How a network runs over so many groups of four windows.
    ///
    /// It must not depend on the number of lanes: other tiles are other kernels, and what a
    /// compiler contracts may differ between them.
    pub(super) fn new(net: &Net, groups: usize, limits: &Limits) -> Self {
        let forward = tile(net, groups, limits, net.step());
        let backward = tile(net, groups, limits, 4 * net.hidden * net.layers);
        match (forward, backward) {
            (Some(forward), Some(backward)) if net.hidden < LARGE => {
                Self::Whole { forward, backward }
            }
            _ => Self::Steps,
        }
    }
}

/// The largest tile, up to a size, that fits; `step` are the vectors of a group of windows that are
/// in shared memory, twice.
///
/// The sizes are estimates, nothing is measured. Where a layer's weights fit the first cache, small
/// cubes of few windows spread few lanes over a GPU; where they do not, large ones share what they
/// read among more windows.
fn tile(net: &Net, groups: usize, limits: &Limits, step: usize) -> Option<Tile> {
    let (wanted, own): (usize, &[usize]) = match net.hidden {
        ..=32 if groups <= 8 => (128, &[1]),
        ..=32 => (128, &[2, 1]),
        33..=64 => (256, &[2, 1]),
        _ => (512, &[2, 1]),
    };
    let threads = net.hidden * net.layers;
    own.iter().filter(|own| **own <= groups && net.layers <= limits.layers).find_map(|&own| {
        let most =
            (limits.threads.min(THREADS) / threads).min(limits.shared / (2 * own * step * VECTOR));
        let slots = (wanted / threads).max(1).min(groups.div_ceil(own)).min(most);
        (slots > 0).then_some(Tile { own, slots })
    })
}

#[cfg(test)]
mod tests {
    use super::super::kernels::net::Outputs;
    use super::*;

    const WEBGPU: Limits =
        Limits { threads: 256, layers: 64, shared: 16 << 10, buffer: 128 << 20, cubes: 65_535 };
    const CUDA: Limits =
        Limits { threads: 1024, layers: 64, shared: 227 << 10, buffer: 20 << 30, cubes: 65_535 };

    fn net(hidden: usize, layers: usize) -> Net {
        Net { features: 5, hidden, layers, outputs: Outputs::Whole, forecasts: 1 }
    }

    #[test]
    fn small_networks_run_whole_and_large_ones_step_by_step() {
        let tiles = |own, forward, backward| Schedule::Whole {
            forward: Tile { own, slots: forward },
            backward: Tile { own, slots: backward },
        };
        assert_eq!(Schedule::new(&net(32, 2), 8, &CUDA), tiles(1, 2, 2));
        assert_eq!(Schedule::new(&net(32, 2), 9, &CUDA), tiles(2, 2, 2));
        assert_eq!(Schedule::new(&net(32, 2), 9, &WEBGPU), tiles(2, 2, 1));
        assert_eq!(Schedule::new(&net(16, 2), 1, &WEBGPU), tiles(1, 1, 1));
        assert_eq!(Schedule::new(&net(64, 2), 8, &CUDA), tiles(2, 2, 2));
        assert_eq!(Schedule::new(&net(127, 2), 8, &CUDA), tiles(2, 2, 2));
        assert_eq!(Schedule::new(&net(127, 2), 8, &WEBGPU), Schedule::Steps);
        assert_eq!(Schedule::new(&net(128, 1), 8, &CUDA), Schedule::Steps);
        assert_eq!(Schedule::new(&net(16, 65), 8, &CUDA), Schedule::Steps);
    }

    #[test]
    fn a_tile_fits_the_device() {
        for limits in [WEBGPU, CUDA] {
            for (hidden, layers, groups) in (1..140)
                .flat_map(|h| (1..5).flat_map(move |l| [1, 2, 3, 8, 300].map(|g| (h, l, g))))
            {
                let net = net(hidden, layers);
                if let Schedule::Whole { forward, backward } = Schedule::new(&net, groups, &limits)
                {
                    for (tile, step) in [(forward, net.step()), (backward, 4 * hidden * layers)] {
                        assert!(hidden * layers * tile.slots <= limits.threads.min(THREADS));
                        assert!(2 * tile.groups() * step * VECTOR <= limits.shared);
                        assert!(tile.slots <= groups.div_ceil(tile.own));
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_share_a_buffer_as_long_as_it_is_small_enough() {
        assert_eq!(WEBGPU.lanes(1 << 20), 8);
        assert_eq!(WEBGPU.lanes(1 << 30), 1);
        assert_eq!(CUDA.lanes(1), 65_535);
    }
}
