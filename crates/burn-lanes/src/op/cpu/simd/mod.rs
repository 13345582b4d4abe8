//! Vectors of f32 on three instruction sets, the choice between them at run time, and the inner
//! loop of a matrix product.
//!
//! This is, with its parts, the kernels' only module with `unsafe` code, for three reasons: a
//! function with target features may be called only where the processor has them ([`run`] asks
//! first), intrinsics likewise, and the inner loop of [`product`] reads without a bounds check for
//! every value (it checks once before the loop). The instruction sets are std's own: pulp has
//! AVX-512 only behind a feature that the tree does not enable, and macerator has neither shifts
//! nor a minimum that says what it does to NaN.
#![allow(unsafe_code)]

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

use portable::Portable;

/// What the kernels may use of the processor. One set gives the same bits on every machine; two
/// sets may differ in the last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// What every processor of the build's target has.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F.
    Avx512,
}

impl InstructionSet {
    /// All that this processor has, the fastest last.
    pub(crate) fn available() -> Vec<Self> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|set| set.is_available())
            .collect()
    }

    /// The one that the environment variable `KILN_SIMD` names, or the fastest without it.
    ///
    /// # Errors
    /// When the variable names none, or one that the processor lacks: nobody may think that he
    /// trained with what he did not.
    pub(crate) fn from_environment() -> Result<Self, String> {
        static NAMED: OnceLock<Result<InstructionSet, String>> = OnceLock::new();
        NAMED
            .get_or_init(|| {
                Self::named(&std::env::var_os("KILN_SIMD").unwrap_or_default().to_string_lossy())
            })
            .clone()
    }

    /// [`Self::from_environment`], which [`crate::open`] has asked before.
    pub(crate) fn chosen() -> Self {
        Self::from_environment().unwrap_or_else(|_| Self::fastest())
    }

    /// As the environment variable and the records of a training have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    fn fastest() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// The one of this name; the fastest if there is no name.
    fn named(name: &str) -> Result<Self, String> {
        let named = [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .find(|set| set.name().eq_ignore_ascii_case(name));
        let names = Self::available().iter().map(|set| set.name()).collect::<Vec<_>>().join(", ");
        match named {
            _ if name.is_empty() => Ok(Self::fastest()),
            Some(set) if set.is_available() => Ok(set),
            Some(set) => Err(format!(
                "KILN_SIMD asks for {}, which this processor lacks; it has {names}",
                set.name()
            )),
            None => Err(format!(
                "KILN_SIMD is '{}', which names no instruction set; it takes {names} here, and \
                    without it the fastest is taken",
                name.escape_debug()
            )),
        }
    }

    /// Floats in a vector.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Portable => Portable::WIDTH,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::Avx2::WIDTH,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::Avx512::WIDTH,
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => Portable::WIDTH,
        }
    }

    fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && Self::Avx2.is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }
}

/// Calls with the number of rows as a constant, of those that [`Vector::ROWS`] allows.
macro_rules! with_rows {
    ($vector:ty, $rows:expr, $constant:ident => $call:expr) => {
        match $rows {
            1 => with_rows!(1, $constant => $call),
            2 if <$vector>::ROWS >= 2 => with_rows!(2, $constant => $call),
            3 if <$vector>::ROWS >= 3 => with_rows!(3, $constant => $call),
            4 if <$vector>::ROWS >= 4 => with_rows!(4, $constant => $call),
            5 if <$vector>::ROWS >= 5 => with_rows!(5, $constant => $call),
            6 if <$vector>::ROWS >= 6 => with_rows!(6, $constant => $call),
            _ => {}
        }
    };
    ($rows:literal, $constant:ident => $call:expr) => {{
        const $constant: usize = $rows;
        $call
    }};
}
pub(super) use with_rows;

/// Work over vectors. `run` and all that it calls must be `#[inline(always)]`, else it is compiled
/// for the portable set.
pub(super) trait Kernel {
    /// Does the work.
    fn run<V: Vector>(self);
}

/// Runs a kernel on an instruction set; on the portable one if the processor lacks it.
pub(super) fn run<K: Kernel>(set: InstructionSet, kernel: K) {
    #[cfg(target_arch = "x86_64")]
    match set {
        // SAFETY: the processor has the features.
        InstructionSet::Avx512 if set.is_available() => return unsafe { x86::run_avx512(kernel) },
        // SAFETY: the processor has the features.
        InstructionSet::Avx2 if set.is_available() => return unsafe { x86::run_avx2(kernel) },
        _ => {}
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = set;
    kernel.run::<Portable>();
}

/// A vector register of f32. Only the functions below make one, inside a [`Kernel`] that was
/// started for its instruction set.
pub(super) trait Vector: Copy {
    /// As many words as there are floats.
    type Words: Words;
    /// Floats in it.
    const WIDTH: usize;
    /// Rows of a [`product`] with four vectors a row that the registers hold.
    const ROWS: usize;

    /// The same value everywhere.
    fn splat(value: f32) -> Self;
    /// The first values of a slice, which must hold [`Vector::WIDTH`].
    fn load(from: &[f32]) -> Self;
    /// To the start of a slice, which must hold [`Vector::WIDTH`].
    fn store(self, to: &mut [f32]);
    /// # Safety
    /// [`Vector::WIDTH`] floats must be readable from there.
    unsafe fn load_from(from: *const f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self · factor + summand`.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// `summand − self · factor`.
    fn neg_mul_add(self, factor: Self, summand: Self) -> Self;
    /// An integer n, for [`Vector::times_power_of_two`] alone, and what is left of the number, at
    /// most ½ in size. Numbers too large for `2ⁿ` lose their excess; a NaN leaves a NaN, an
    /// infinity leaves 0 or NaN.
    fn split(self) -> (Self, Self);
    /// `self · 2ⁿ`, for the n of [`Vector::split`].
    fn times_power_of_two(self, n: Self) -> Self;
    /// The value where a word is at most the threshold, else 0.
    fn where_at_most(words: Self::Words, threshold: u32, value: f32) -> Self;
}

/// A vector register of u32.
pub(super) trait Words: Copy {
    /// The same word everywhere.
    fn splat(word: u32) -> Self;
    /// The word, the next one, and so on.
    fn counting(first: u32) -> Self;
    fn xor(self, other: Self) -> Self;
    /// High and low words of the products with a factor.
    fn wide_mul(self, factor: u32) -> (Self, Self);
}

/// A left factor of [`product`]: the value of row m at step k stands at `m · row + k · step`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) step: usize,
}

/// `sums + left · right` for M rows and N vectors a row, over `steps`; `right` holds N vectors a
/// step, one after another.
///
/// # Panics
/// When a factor is too short, which is checked before the loop.
#[expect(
    clippy::needless_range_loop,
    reason = "with iterators the compiler spills the sums out of the registers"
)]
#[inline(always)]
pub(super) fn product<V: Vector, const M: usize, const N: usize>(
    mut sums: [[V; N]; M],
    left: Left<'_>,
    right: &[f32],
    steps: usize,
) -> [[V; N]; M] {
    if steps == 0 {
        return sums;
    }
    let Left { values, row, step } = left;
    assert!(
        values.len() > (M - 1) * row + (steps - 1) * step && right.len() >= steps * N * V::WIDTH,
        "a factor is too short"
    );
    let (left, right) = (values.as_ptr(), right.as_ptr());
    for k in 0..steps {
        // SAFETY: the largest index of either factor, at the last row, vector and step, was checked
        // above.
        let (left, right) = unsafe { (left.add(k * step), right.add(k * N * V::WIDTH)) };
        // Whichever factor needs fewer registers is held in them.
        if M < N {
            let mut a = [V::splat(0.0); M];
            for (m, a) in a.iter_mut().enumerate() {
                // SAFETY: as above.
                *a = V::splat(unsafe { *left.add(m * row) });
            }
            for n in 0..N {
                // SAFETY: as above.
                let b = unsafe { V::load_from(right.add(n * V::WIDTH)) };
                for m in 0..M {
                    sums[m][n] = a[m].mul_add(b, sums[m][n]);
                }
            }
        } else {
            let mut b = [V::splat(0.0); N];
            for (n, b) in b.iter_mut().enumerate() {
                // SAFETY: as above.
                *b = unsafe { V::load_from(right.add(n * V::WIDTH)) };
            }
            for m in 0..M {
                // SAFETY: as above.
                let a = V::splat(unsafe { *left.add(m * row) });
                for n in 0..N {
                    sums[m][n] = a.mul_add(b[n], sums[m][n]);
                }
            }
        }
    }
    sums
}

/// Four neighbouring vectors. (Of std's closures over arrays not all are inlined, and what is not
/// inlined has no vectors.)
#[inline(always)]
pub(super) fn four<V: Vector>(from: &[f32]) -> [V; 4] {
    let from = &from[..4 * V::WIDTH];
    [
        V::load(from),
        V::load(&from[V::WIDTH..]),
        V::load(&from[2 * V::WIDTH..]),
        V::load(&from[3 * V::WIDTH..]),
    ]
}

/// Stores four neighbouring vectors.
#[inline(always)]
pub(super) fn store_four<V: Vector>(vectors: [V; 4], to: &mut [f32]) {
    let to = &mut to[..4 * V::WIDTH];
    let [a, b, c, d] = vectors;
    a.store(to);
    b.store(&mut to[V::WIDTH..]);
    c.store(&mut to[2 * V::WIDTH..]);
    d.store(&mut to[3 * V::WIDTH..]);
}

/// Stores as many values as there is room for.
#[inline(always)]
pub(super) fn store_part<V: Vector>(vector: V, to: &mut [f32]) {
    if to.len() >= V::WIDTH {
        vector.store(to);
    } else {
        let mut all = [0.0; 16];
        vector.store(&mut all);
        to.copy_from_slice(&all[..to.len()]);
    }
}

/// Loads as many values as there are, and zeros.
#[inline(always)]
pub(super) fn load_part<V: Vector>(from: &[f32]) -> V {
    if from.len() >= V::WIDTH {
        V::load(from)
    } else {
        let mut all = [0.0; 16];
        all[..from.len()].copy_from_slice(from);
        V::load(&all)
    }
}

/// Exponents of two are limited to so much, so that nothing over- or underflows.
const LIMIT: f32 = 126.0;
/// 1.5·2²³ has a last bit of 1: what is added to it is rounded to an integer, which then stands in
/// the last bits.
const SHIFT: f32 = 12_582_912.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_forces_its_set_where_the_processor_has_it() {
        for set in [InstructionSet::Portable, InstructionSet::Avx2, InstructionSet::Avx512] {
            let named = InstructionSet::named(set.name());
            assert_eq!(named.is_ok_and(|named| named == set), set.is_available());
        }
        assert_eq!(InstructionSet::available().last().copied(), InstructionSet::named("").ok());
        let problem = InstructionSet::named("sse9\u{1b}").unwrap_err();
        assert!(
            problem.starts_with(r"KILN_SIMD is 'sse9\u{1b}'")
                && problem.contains("it takes portable"),
            "{problem}"
        );
    }

    /// Runs itself once for every set, with `KILN_SIMD` in the environment.
    #[test]
    #[cfg_attr(miri, ignore = "starts processes")]
    fn the_environment_chooses_the_set() {
        const EXPECTED: &str = "KILN_EXPECTED_SET";
        if let Ok(expected) = std::env::var(EXPECTED) {
            assert_eq!(format!("{:?}", InstructionSet::chosen()), expected);
            return;
        }
        for set in InstructionSet::available() {
            let name = format!("{set:?}");
            let status = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "op::cpu::simd::tests::the_environment_chooses_the_set"])
                .env("KILN_SIMD", name.to_lowercase())
                .env(EXPECTED, &name)
                .stdout(std::process::Stdio::null())
                .status();
            assert!(status.unwrap().success(), "{name}");
        }
    }
}
