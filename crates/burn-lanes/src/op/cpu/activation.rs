//! Sigmoid and tanh over vectors, within 3e-7 of the true values, saturating; NaN stays NaN.
//!
//! Both come from powers of two, whose exponents the callers scale: with what the weights are
//! multiplied when they are packed, this costs nothing.

use super::simd::Vector;

/// What [`sigmoid`] wants its argument multiplied with.
pub(super) const SIGMOID_SCALE: f32 = -std::f32::consts::LOG2_E;
/// What [`tanh`] wants its argument multiplied with.
pub(super) const TANH_SCALE: f32 = -2.0 * std::f32::consts::LOG2_E;

/// `1 / (1 + e⁻ˣ)`, from `e⁻ˣ`: [`powers`] of x times [`SIGMOID_SCALE`].
#[inline(always)]
pub(super) fn sigmoid<V: Vector>(power: V) -> V {
    V::splat(1.0).div(V::splat(1.0).add(power))
}

/// `2 / (1 + e⁻²ˣ) − 1`, from `e⁻²ˣ`: [`powers`] of x times [`TANH_SCALE`].
#[inline(always)]
pub(super) fn tanh<V: Vector>(power: V) -> V {
    V::splat(2.0).div(V::splat(1.0).add(power)).sub(V::splat(1.0))
}

/// `2ˣ` of several numbers in step with each other, so that none waits for its own last result: as
/// `2ⁿ·2ʳ` with an integer n and
/// |r| ≤ ½.
#[inline(always)]
pub(super) fn powers<V: Vector, const N: usize, const M: usize>(x: [[V; N]; M]) -> [[V; N]; M] {
    let (mut n, mut r) = (x, x);
    for (n, r) in n.as_flattened_mut().iter_mut().zip(r.as_flattened_mut()) {
        (*n, *r) = r.split();
    }
    // The polynomial of 2ʳ that begins with 1 + r·ln 2 and whose largest relative error is least:
    // 1e-7.
    let mut p = [[V::splat(1.330_062_7e-3); N]; M];
    for coefficient in [9.669_697e-3, 5.550_558_5e-2, 0.240_222_81, std::f32::consts::LN_2, 1.0] {
        for (p, r) in p.as_flattened_mut().iter_mut().zip(r.as_flattened()) {
            *p = p.mul_add(*r, V::splat(coefficient));
        }
    }
    for (p, n) in p.as_flattened_mut().iter_mut().zip(n.as_flattened()) {
        *p = p.times_power_of_two(*n);
    }
    p
}

#[cfg(test)]
mod tests {
    use super::super::simd::{InstructionSet, Kernel, run};
    use super::*;

    struct Both<'a> {
        x: &'a [f32],
        sigmoids: &'a mut [f32],
        tanhs: &'a mut [f32],
    }

    impl Kernel for Both<'_> {
        #[inline(always)]
        fn run<V: Vector>(self) {
            for start in (0..self.x.len()).step_by(V::WIDTH) {
                let x = V::load(&self.x[start..]);
                let [[a, b]] =
                    powers([[x.mul(V::splat(SIGMOID_SCALE)), x.mul(V::splat(TANH_SCALE))]]);
                sigmoid(a).store(&mut self.sigmoids[start..]);
                tanh(b).store(&mut self.tanhs[start..]);
            }
        }
    }

    fn both(set: InstructionSet, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut x = x.to_vec();
        let length = x.len();
        x.resize(length.next_multiple_of(16), 0.0);
        let (mut sigmoids, mut tanhs) = (x.clone(), x.clone());
        run(set, Both { x: &x, sigmoids: &mut sigmoids, tanhs: &mut tanhs });
        sigmoids.truncate(length);
        tanhs.truncate(length);
        (sigmoids, tanhs)
    }

    #[test]
    fn activations_are_within_3e_7_of_the_true_values() {
        // Every 499th float up to 200, and both signs of it: dense everywhere, small numbers
        // included.
        let mut x: Vec<f32> = (0..200.0_f32.to_bits())
            .step_by(499)
            .map(f32::from_bits)
            .flat_map(|x| [x, -x])
            .collect();
        x.extend([1e37, -1e37, f32::MIN_POSITIVE, 1e-45, 87.0, -87.0, 88.1, 43.5, -43.5]);
        for set in InstructionSet::available() {
            let (sigmoids, tanhs) = both(set, &x);
            let (mut worst_sigmoid, mut worst_tanh) = (0.0_f64, 0.0_f64);
            for ((&x, &sigmoid), &tanh) in x.iter().zip(&sigmoids).zip(&tanhs) {
                let exact = f64::from(x);
                worst_sigmoid =
                    worst_sigmoid.max((f64::from(sigmoid) - 1.0 / (1.0 + (-exact).exp())).abs());
                worst_tanh = worst_tanh.max((f64::from(tanh) - exact.tanh()).abs());
                assert!(
                    sigmoid.is_finite() && tanh.is_finite(),
                    "{set:?} at {x}: {sigmoid}, {tanh}"
                );
            }
            assert!(
                worst_sigmoid <= 3e-7 && worst_tanh <= 3e-7,
                "{set:?}: {worst_sigmoid:e}, {worst_tanh:e}"
            );
        }
    }

    #[test]
    fn nan_stays_nan_whatever_its_bits() {
        let x: Vec<f32> =
            [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0x7fff_ffff, 0xffff_ffff, 0x7fc0_01ff]
                .map(f32::from_bits)
                .to_vec();
        for set in InstructionSet::available() {
            let (sigmoids, tanhs) = both(set, &x);
            assert!(
                sigmoids.iter().chain(&tanhs).all(|value| value.is_nan()),
                "{set:?}: {sigmoids:?}, {tanhs:?}"
            );
        }
    }
}
