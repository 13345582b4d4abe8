//! Four windows at a time: the kernels' vectors, and sigmoid and tanh over them.

use cubecl::prelude::*;

/// The values of four neighbouring windows.
pub(crate) type Four = Vector<f32, Const<4>>;

/// How far a value falls before its activation stops changing: e⁸⁰ is far from overflow, and both
/// are saturated long before it.
const LIMIT: f32 = 80.0;

/// `1 / (1 + e⁻ˣ)`.
///
/// `fast_math` is about these few operations alone, and only CUDA hears of it: `__expf` (2 +
/// ⌊1.173·|x|⌋ ulp) and `__fdividef` (2 ulp for denominators up to 2¹²⁶) in place of ten times as
/// many instructions. Both hand NaN on, and where `__expf` is worst the activations are saturated:
/// they stay within 3e-7 of the true values.
#[cube(fast_math = FastMath::all())]
pub(crate) fn sigmoid(x: Four) -> Four {
    // CubeCL 0.10 writes the negation of a vector so that NVRTC refuses it.
    let x = at_least(x, -LIMIT);
    Four::new(1.0) / (Four::new(1.0) + (x * Four::new(-1.0)).exp())
}

/// `(1 − e⁻²ˣ) / (1 + e⁻²ˣ)`.
#[cube(fast_math = FastMath::all())]
pub(crate) fn tanh(x: Four) -> Four {
    let x = at_least(x, -0.5 * LIMIT);
    let e = (x * Four::new(-2.0)).exp();
    (Four::new(1.0) - e) / (Four::new(1.0) + e)
}

/// The larger of both; NaN stays NaN, which `max` does not promise.
#[cube]
fn at_least(x: Four, #[comptime] least: f32) -> Four {
    let least = Four::new(least);
    select_many(x.less_than(least), least, x)
}
