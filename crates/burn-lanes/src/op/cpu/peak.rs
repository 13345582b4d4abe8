//! The rate of multiply-adds that a thread cannot exceed: what a kernel's rate is a share of.

use std::hint::black_box;
use std::time::Instant;

use super::simd::{InstructionSet, Kernel, Vector, run};

/// The highest rate of f32 multiply-adds that one thread of this processor was seen to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The instruction set that reached it: `portable`, `avx2` or `avx512`.
    pub instruction_set: &'static str,
    /// Of one thread; a multiply-add is two.
    pub flop_per_second: f64,
}

/// Measures [`Peak`] on the calling thread: of every instruction set that the processor has, the
/// best of some loops of multiply-adds between registers. Takes some ten milliseconds, in which a
/// processor also reaches its clock under vectors; what else runs on the core makes it lower.
#[must_use]
pub fn fma_peak() -> Peak {
    let rates = InstructionSet::available()
        .into_iter()
        .map(|set| Peak { instruction_set: set.name(), flop_per_second: rate(set) });
    let none = Peak { instruction_set: InstructionSet::Portable.name(), flop_per_second: 0.0 };
    rates.fold(
        none,
        |best, peak| if peak.flop_per_second > best.flop_per_second { peak } else { best },
    )
}

/// Sums that do not wait for each other: more than two units of four cycles' latency have in
/// flight, and with the factor and the summand fewer than the sixteen registers of the smaller
/// sets.
const SUMS: usize = 12;
/// Multiply-adds on each sum in a loop: a few tenths of a millisecond.
const ROUNDS: usize = 100_000;
/// Loops of which the fastest counts.
const LOOPS: usize = 20;

/// Flop/s of a thread.
fn rate(set: InstructionSet) -> f64 {
    let flop = (2 * SUMS * ROUNDS * set.width()) as f64;
    let seconds = |_| {
        let started = Instant::now();
        run(set, MultiplyAdds);
        started.elapsed().as_secs_f64()
    };
    flop / (0..LOOPS).map(seconds).fold(f64::INFINITY, f64::min)
}

struct MultiplyAdds;

impl Kernel for MultiplyAdds {
    #[inline(always)]
    fn run<V: Vector>(self) {
        // The sums go to 1: neither infinite nor denormal.
        let (factor, summand) = (V::splat(black_box(0.5)), V::splat(black_box(0.5)));
        let mut sums = [summand; SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, summand);
            }
        }
        let mut values = [0.0; 16]; // as wide as any vector
        for sum in sums {
            sum.store(&mut values);
            black_box(&values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_of_a_set_that_the_processor_has() {
        let peak = fma_peak();
        assert!(peak.flop_per_second > 0.0 && peak.flop_per_second.is_finite(), "{peak:?}");
        assert!(
            InstructionSet::available().into_iter().any(|set| set.name() == peak.instruction_set),
            "{peak:?}"
        );
    }
}
