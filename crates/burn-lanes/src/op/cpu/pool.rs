//! Buffers that go from step to step. A step's large buffers are larger than what allocators keep,
//! and fresh pages from the system cost a third of a small step.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Floats of a cache line: a vector that starts within one does not reach into the next.
pub(super) const LINE: usize = 16;
/// Floats below which an allocator does well.
const LEAST: usize = 1 << 13;
/// Buffers kept at most; a step uses a few for each layer and each thread.
const MOST: usize = 256;

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Floats that start at a cache line. They go back to the pool when dropped.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    values: Vec<f32>,
    start: usize,
    length: usize,
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.length]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        if values.capacity() >= LEAST {
            let mut free = lock();
            if free.len() < MOST {
                free.push(values);
            }
        }
    }
}

/// A buffer of `n` floats of any values.
pub(super) fn take(n: usize) -> Buffer {
    if n == 0 {
        return Buffer::default();
    }
    let needed = n + LINE;
    let mut values = if needed < LEAST { Vec::new() } else { reused(needed) };
    values.resize(needed, 0.0);
    let start = values.as_ptr().align_offset(LINE * size_of::<f32>());
    // Where an address cannot be known (in an interpreter) the buffer starts anywhere.
    Buffer { values, start: if start < LINE { start } else { 0 }, length: n }
}

/// A buffer of the pool with room for so much; a new one if there is none. A buffer a quarter
/// larger is taken at most, so that what is kept stays what is needed.
fn reused(needed: usize) -> Vec<f32> {
    let mut free = lock();
    let fits = |buffer: &Vec<f32>| (needed..=needed + needed / 4).contains(&buffer.capacity());
    let best = (0..free.len())
        .filter(|&index| fits(&free[index]))
        .min_by_key(|&index| free[index].capacity());
    best.map(|index| free.swap_remove(index)).unwrap_or_default()
}

/// Gives all memory back to the system.
pub(crate) fn clear() {
    lock().clear();
}

fn lock() -> MutexGuard<'static, Vec<Vec<f32>>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_the_length_asked_for_and_starts_at_a_cache_line() {
        for n in [0, 5, LEAST, 3 * LEAST, 2 * LEAST, 4 * LEAST] {
            let buffer = take(n);
            assert_eq!(buffer.len(), n);
            assert!(n == 0 || cfg!(miri) || buffer.as_ptr().addr().is_multiple_of(LINE * 4));
        }
    }
}
