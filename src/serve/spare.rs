//! Connections beyond the limit: each is heard for one request, so that health is answered however
//! many there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// So many are open at once; with as many ordinary ones as there may be by default they are fewer
/// than the 1,024 files that a process may have open by default.
const SEATS: usize = 256;
/// How long a connection has to say what it wants, at least, before a newer one takes its seat.
const PATIENCE: Duration = Duration::from_millis(50);

/// The seats of connections beyond the limit. When all are taken, the one that has sat longest
/// goes: a connection that says nothing keeps nobody from asking for health.
#[derive(Default)]
pub(super) struct Spare(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    next: u64,
    /// By number, so the one that has sat longest first.
    seats: BTreeMap<u64, (Instant, oneshot::Sender<()>)>,
}

/// A seat; free again when dropped.
pub(super) struct Seat {
    number: u64,
    spare: Arc<Spare>,
    lost: oneshot::Receiver<()>,
}

impl Spare {
    /// Takes a seat, from the one that has sat longest if need be.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        loop {
            let oldest = {
                let mut taken = self.lock();
                match taken.seats.first_key_value() {
                    Some((_, (since, _))) if taken.seats.len() >= SEATS => *since + PATIENCE,
                    _ => return self.seat(&mut taken),
                }
            };
            if oldest <= Instant::now() {
                // Its connection sees that the other end is gone.
                drop(self.lock().seats.pop_first());
            } else {
                sleep_until(oldest).await;
            }
        }
    }

    fn seat(self: &Arc<Self>, taken: &mut Taken) -> Seat {
        let (lose, lost) = oneshot::channel();
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, (Instant::now(), lose));
        Seat { number, spare: self.clone(), lost }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends when another connection has taken the seat.
    pub(super) async fn lost(&mut self) {
        drop((&mut self.lost).await);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.spare.lock().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_sat_longest_goes_after_a_while_and_a_seat_that_is_left_is_free() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let spare = Arc::new(Spare::default());
            let started = Instant::now();
            let mut seats = Vec::new();
            for _ in 0..SEATS {
                seats.push(spare.take().await);
            }
            assert!(started.elapsed() < PATIENCE, "there was room");
            let mut last = spare.take().await;
            assert!(started.elapsed() >= PATIENCE);
            tokio::time::timeout(Duration::from_secs(5), seats[0].lost()).await.unwrap();
            tokio::time::timeout(Duration::from_millis(20), seats[1].lost()).await.unwrap_err();
            drop(seats.drain(1..3));
            let (one, two) = (spare.take().await, spare.take().await);
            tokio::time::timeout(Duration::from_millis(20), last.lost()).await.unwrap_err();
            drop((one, two));
        });
    }
}
