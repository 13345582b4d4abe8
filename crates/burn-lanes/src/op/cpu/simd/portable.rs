//! The instruction set of every processor of the build's target.

use super::{LIMIT, SHIFT, Vector, Words};

/// Four floats: what SSE2 and NEON hold, which compilers find by themselves.
#[derive(Clone, Copy)]
pub(crate) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn map(self, other: Self, each: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|index| each(self.0[index], other.0[index])))
    }
}

impl Vector for Portable {
    type Words = PortableWords;

    const WIDTH: usize = 4;
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        Self([from[0], from[1], from[2], from[3]])
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[..4].copy_from_slice(&self.0);
    }

    #[inline(always)]
    unsafe fn load_from(from: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.map(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.map(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.map(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.map(other, |a, b| a / b)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        // Without an instruction for it, `f32::mul_add` is a call into the C library.
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            Self(std::array::from_fn(|index| {
                self.0[index].mul_add(factor.0[index], summand.0[index])
            }))
        } else {
            self.mul(factor).add(summand)
        }
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
        Self(self.0.map(|value| -value)).mul_add(factor, summand)
    }

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        let limited = Self(self.0.map(|value| if value < -LIMIT { -LIMIT } else { value }));
        let limited = Self(limited.0.map(|value| if value > LIMIT { LIMIT } else { value }));
        let n = limited.add(Self::splat(SHIFT));
        (n, limited.sub(n.sub(Self::splat(SHIFT))))
    }

    #[inline(always)]
    fn times_power_of_two(self, n: Self) -> Self {
        self.map(n, |value, n| {
            value * f32::from_bits((n.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
        })
    }

    #[inline(always)]
    fn where_at_most(words: PortableWords, threshold: u32, value: f32) -> Self {
        Self(words.0.map(|word| if word <= threshold { value } else { 0.0 }))
    }
}

/// Four words.
#[derive(Clone, Copy)]
pub(crate) struct PortableWords([u32; 4]);

impl Words for PortableWords {
    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self([word; 4])
    }

    #[inline(always)]
    fn counting(first: u32) -> Self {
        Self(std::array::from_fn(|index| first.wrapping_add(index as u32)))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] ^ other.0[index]))
    }

    #[inline(always)]
    fn wide_mul(self, factor: u32) -> (Self, Self) {
        let products = self.0.map(|word| u64::from(word) * u64::from(factor));
        (
            Self(products.map(|product| (product >> 32) as u32)),
            Self(products.map(|product| product as u32)),
        )
    }
}
