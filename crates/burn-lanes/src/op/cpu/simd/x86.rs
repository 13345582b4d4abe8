//! AVX2 and AVX-512.
//!
//! Every intrinsic below is sound because a [`Kernel`] is started for its instruction set only
//! where the processor has it.

use std::arch::x86_64::*;

use super::{Kernel, LIMIT, SHIFT, Vector, Words};

#[target_feature(enable = "avx2,fma")]
pub(super) fn run_avx2<K: Kernel>(kernel: K) {
    kernel.run::<Avx2>();
}

#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) fn run_avx512<K: Kernel>(kernel: K) {
    kernel.run::<Avx512>();
}

/// Eight floats.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256);

/// Sixteen floats.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

#[inline(always)]
unsafe fn split_avx2(x: __m256) -> (__m256, __m256) {
    unsafe {
        // Of a NaN and a number these two return the second operand.
        let limited = _mm256_max_ps(_mm256_set1_ps(-LIMIT), x);
        let limited = _mm256_min_ps(_mm256_set1_ps(LIMIT), limited);
        let n = _mm256_add_ps(limited, _mm256_set1_ps(SHIFT));
        (n, _mm256_sub_ps(limited, _mm256_sub_ps(n, _mm256_set1_ps(SHIFT))))
    }
}

#[inline(always)]
unsafe fn times_power_of_two_avx2(x: __m256, n: __m256) -> __m256 {
    unsafe {
        let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(n));
        let power = _mm256_add_epi32(exponent, _mm256_set1_epi32(1.0_f32.to_bits() as i32));
        _mm256_mul_ps(x, _mm256_castsi256_ps(power))
    }
}

#[inline(always)]
unsafe fn split_avx512(x: __m512) -> (__m512, __m512) {
    unsafe {
        // To the nearest integer, without exceptions.
        let n = _mm512_roundscale_ps::<8>(x);
        (n, _mm512_sub_ps(x, n))
    }
}

/// Of unsigned words.
#[inline(always)]
unsafe fn where_at_most_avx2(words: __m256i, threshold: u32, value: f32) -> __m256 {
    unsafe {
        let at_most =
            _mm256_cmpeq_epi32(_mm256_min_epu32(words, _mm256_set1_epi32(threshold as i32)), words);
        _mm256_and_ps(_mm256_castsi256_ps(at_most), _mm256_set1_ps(value))
    }
}

#[inline(always)]
unsafe fn where_at_most_avx512(words: __m512i, threshold: u32, value: f32) -> __m512 {
    unsafe {
        _mm512_maskz_mov_ps(
            _mm512_cmple_epu32_mask(words, _mm512_set1_epi32(threshold as i32)),
            _mm512_set1_ps(value),
        )
    }
}

/// SAFETY of all: see the module.
macro_rules! vector {
    (
        $name:ident, $words:ident, $width:literal, $rows:literal, $splat:ident, $load:ident,
        $store:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $mul_add:ident,
        $neg_mul_add:ident, $split:ident, $times_power_of_two:ident, $where_at_most:ident
    ) => {
        impl Vector for $name {
            type Words = $words;

            const WIDTH: usize = $width;
            const ROWS: usize = $rows;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(from: &[f32]) -> Self {
                let from = &from[..$width];
                Self(unsafe { $load(from.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, to: &mut [f32]) {
                let to = &mut to[..$width];
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            unsafe fn load_from(from: *const f32) -> Self {
                Self(unsafe { $load(from) })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(unsafe { $sub(self.0, other.0) })
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }

            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                Self(unsafe { $mul_add(self.0, factor.0, summand.0) })
            }

            #[inline(always)]
            fn neg_mul_add(self, factor: Self, summand: Self) -> Self {
                Self(unsafe { $neg_mul_add(self.0, factor.0, summand.0) })
            }

            #[inline(always)]
            fn split(self) -> (Self, Self) {
                let (n, rest) = unsafe { $split(self.0) };
                (Self(n), Self(rest))
            }

            #[inline(always)]
            fn times_power_of_two(self, n: Self) -> Self {
                Self(unsafe { $times_power_of_two(self.0, n.0) })
            }

            #[inline(always)]
            fn where_at_most(words: $words, threshold: u32, value: f32) -> Self {
                Self(unsafe { $where_at_most(words.0, threshold, value) })
            }
        }
    };
}

vector!(
    Avx2,
    Avx2Words,
    8,
    3,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_div_ps,
    _mm256_fmadd_ps,
    _mm256_fnmadd_ps,
    split_avx2,
    times_power_of_two_avx2,
    where_at_most_avx2
);
vector!(
    Avx512,
    Avx512Words,
    16,
    6,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_div_ps,
    _mm512_fmadd_ps,
    _mm512_fnmadd_ps,
    split_avx512,
    _mm512_scalef_ps,
    where_at_most_avx512
);

/// Eight words.
#[derive(Clone, Copy)]
pub(crate) struct Avx2Words(__m256i);

/// Sixteen words.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Words(__m512i);

/// SAFETY of all: see the module. Products are of the even words; the odd ones are shifted there
/// and back.
macro_rules! words {
    (
        $name:ident, $splat:ident, $add:ident, $xor:ident, $mul:ident, $right:ident, $left:ident,
        $blend:ident, $counting:expr
    ) => {
        impl Words for $name {
            #[inline(always)]
            fn splat(word: u32) -> Self {
                Self(unsafe { $splat(word as i32) })
            }

            #[inline(always)]
            fn counting(first: u32) -> Self {
                Self(unsafe { $add($splat(first as i32), $counting) })
            }

            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                Self(unsafe { $xor(self.0, other.0) })
            }

            #[inline(always)]
            fn wide_mul(self, factor: u32) -> (Self, Self) {
                unsafe {
                    let factor = $splat(factor as i32);
                    let (even, odd) = ($mul(self.0, factor), $mul($right::<32>(self.0), factor));
                    (Self($blend($right::<32>(even), odd)), Self($blend(even, $left::<32>(odd))))
                }
            }
        }
    };
}

words!(
    Avx2Words,
    _mm256_set1_epi32,
    _mm256_add_epi32,
    _mm256_xor_si256,
    _mm256_mul_epu32,
    _mm256_srli_epi64,
    _mm256_slli_epi64,
    odd_of_second_avx2,
    _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
);
words!(
    Avx512Words,
    _mm512_set1_epi32,
    _mm512_add_epi32,
    _mm512_xor_si512,
    _mm512_mul_epu32,
    _mm512_srli_epi64,
    _mm512_slli_epi64,
    odd_of_second_avx512,
    _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
);

#[inline(always)]
unsafe fn odd_of_second_avx2(first: __m256i, second: __m256i) -> __m256i {
    unsafe { _mm256_blend_epi32::<0xAA>(first, second) }
}

#[inline(always)]
unsafe fn odd_of_second_avx512(first: __m512i, second: __m512i) -> __m512i {
    unsafe { _mm512_mask_blend_epi32(0xAAAA, first, second) }
}
