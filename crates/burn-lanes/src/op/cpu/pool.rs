//! Buffers that go from step to step. A step's large buffers are larger than what allocators keep, and fresh pages from the system
//! cost a third of a small step.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Floats below which an allocator does well.
const LEAST: usize = 1 << 13;
/// Buffers kept at most; a step uses a few for each layer and each thread.
const MOST: usize = 256;
/// A buffer is not given to who needs less than such a part of it.
const WASTE: usize = 4;

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// A buffer of `n` floats of any values.
pub(super) fn take(n: usize) -> Vec<f32> {
    if n < LEAST {
        return vec![0.0; n];
    }
    let mut free = lock();
    let fits = |buffer: &Vec<f32>| (n..=WASTE * n).contains(&buffer.capacity());
    let best = (0..free.len()).filter(|&index| fits(&free[index])).min_by_key(|&index| free[index].capacity());
    let taken = best.map(|index| free.swap_remove(index));
    drop(free);
    match taken {
        Some(mut buffer) => {
            buffer.resize(n, 0.0);
            buffer
        }
        None => vec![0.0; n],
    }
}

/// Takes a buffer back.
pub(super) fn give(buffer: Vec<f32>) {
    let mut free = lock();
    if buffer.capacity() >= LEAST && free.len() < MOST {
        free.push(buffer);
    }
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
    fn a_buffer_has_the_length_asked_for_whatever_was_given() {
        for n in [0, 5, LEAST, 3 * LEAST, 2 * LEAST, 4 * LEAST] {
            let buffer = take(n);
            assert_eq!(buffer.len(), n);
            give(buffer);
        }
    }
}
