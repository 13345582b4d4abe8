//! Sigmoid and tanh over vectors, within 3e-7 of the true values, saturating; NaN stays NaN.

use super::simd::Vector;

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(super) fn sigmoid<V: Vector>(x: V) -> V {
    let one = V::splat(1.0);
    one.div(one.add(power(x, -std::f32::consts::LOG2_E)))
}

/// `(1 − e⁻²ˣ) / (1 + e⁻²ˣ)`.
#[inline(always)]
pub(super) fn tanh<V: Vector>(x: V) -> V {
    let one = V::splat(1.0);
    let e = power(x, -2.0 * std::f32::consts::LOG2_E);
    one.sub(e).div(one.add(e))
}

/// `2^(s·x)`, the exponent limited to about ±126 so that nothing over- or underflows: `2ⁿ·2ʳ` with an integer n and |r| ≤ ½.
#[inline(always)]
fn power<V: Vector>(x: V, s: f32) -> V {
    let limit = V::splat(126.0 / s.abs());
    let x = x.at_least(V::splat(0.0).sub(limit)).at_most(limit);
    // 1.5·2²³ has a last bit of 1, hence the sum is rounded to an integer.
    let shift = V::splat(12_582_912.0);
    let shifted = x.mul_add(V::splat(s), shift);
    let r = x.mul_add(V::splat(s), shift.sub(shifted));
    // 2ʳ − 1 over r, by least squares so weighted that the largest relative error of 2ʳ is least: 2e-8.
    let mut p = V::splat(1.535_333_6e-4);
    for coefficient in [1.339_886_7e-3, 9.618_438e-3, 5.550_332_4e-2, 0.240_226_48, std::f32::consts::LN_2, 1.0] {
        p = p.mul_add(r, V::splat(coefficient));
    }
    p.mul(shifted.power_of_two())
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
                sigmoid(V::load(&self.x[start..])).store(&mut self.sigmoids[start..]);
                tanh(V::load(&self.x[start..])).store(&mut self.tanhs[start..]);
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
        // Every 499th float up to 200, and both signs of it: dense everywhere, small numbers included.
        let mut x: Vec<f32> = (0..200.0_f32.to_bits()).step_by(499).map(f32::from_bits).flat_map(|x| [x, -x]).collect();
        x.extend([f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, 1e-45, 87.0, -87.0, 88.1, 43.5, -43.5]);
        for set in InstructionSet::available() {
            let (sigmoids, tanhs) = both(set, &x);
            let (mut worst_sigmoid, mut worst_tanh) = (0.0_f64, 0.0_f64);
            for ((&x, &sigmoid), &tanh) in x.iter().zip(&sigmoids).zip(&tanhs) {
                let exact = f64::from(x);
                worst_sigmoid = worst_sigmoid.max((f64::from(sigmoid) - 1.0 / (1.0 + (-exact).exp())).abs());
                worst_tanh = worst_tanh.max((f64::from(tanh) - exact.tanh()).abs());
                assert!(sigmoid.is_finite() && tanh.is_finite(), "{set:?} at {x}: {sigmoid}, {tanh}");
            }
            assert!(worst_sigmoid <= 3e-7 && worst_tanh <= 3e-7, "{set:?}: {worst_sigmoid:e}, {worst_tanh:e}");
        }
    }

    #[test]
    fn nan_stays_nan_whatever_its_bits() {
        let x: Vec<f32> =
            [0x7fc0_0000, 0xffc0_0000, 0x7f80_0001, 0x7fff_ffff, 0xffff_ffff, 0x7fc0_01ff].map(f32::from_bits).to_vec();
        for set in InstructionSet::available() {
            let (sigmoids, tanhs) = both(set, &x);
            assert!(sigmoids.iter().chain(&tanhs).all(|value| value.is_nan()), "{set:?}: {sigmoids:?}, {tanhs:?}");
        }
    }
}
