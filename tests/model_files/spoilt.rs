//! S40: files that chance made.

use std::fs;

use kiln::forecast::Forecaster;
use kiln::model::SavedModel;

use crate::allocation::most_held;
use crate::victim::{MODEL_CARD, SUMS, Victim, WEIGHTS, flex, rows};

/// Numbers that depend on nothing but where the sequence began.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        const NUMBERS: [&str; 12] = [
            "0",
            "-1",
            "1e308",
            "1e-308",
            "1e999",
            "18446744073709551615",
            "4611686018427387904",
            "65535",
            "null",
            "[]",
            "{}",
            "\"x\"",
        ];
        let place = self.roll(bytes.len());
        match self.roll(8) {
            0 => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << self.roll(8)),
            1 => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = self.roll(256) as u8),
            2 => bytes.truncate(place),
            3 => {
                let end = (place + self.roll(64)).min(bytes.len());
                bytes.drain(place..end);
            }
            4 => {
                let end = (place + self.roll(256)).min(bytes.len());
                let copy = bytes[place..end].to_vec();
                let at = self.roll(bytes.len());
                bytes.splice(at..at, copy);
            }
            5 => {
                let random: Vec<u8> = (0..self.roll(16)).map(|_| self.roll(256) as u8).collect();
                bytes.splice(place..place, random);
            }
            6 => {
                let random = (self.roll(usize::MAX) as u64).to_le_bytes();
                bytes
                    .iter_mut()
                    .zip(random)
                    .take(1 + self.roll(8))
                    .for_each(|(byte, random)| *byte = random);
            }
            // A number of the text becomes another.
            _ => {
                let Some(begin) = bytes
                    .iter()
                    .skip(place)
                    .position(u8::is_ascii_digit)
                    .map(|offset| place + offset)
                else {
                    return;
                };
                let is_part =
                    |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'-' | b'+');
                let length = bytes[begin..]
                    .iter()
                    .position(|byte| !is_part(byte))
                    .unwrap_or(bytes.len() - begin);
                bytes.splice(begin..begin + length, NUMBERS[self.roll(NUMBERS.len())].bytes());
            }
        }
    }
}

/// Of the files of a model that somebody spoils and gives right checksums, none makes the reader
/// panic, hold more than a small multiple of their size, or accept what it cannot forecast with.
#[test]
fn of_100_000_spoilt_models_none_panics_or_allocates_what_it_claims() {
    let found: Vec<(usize, [f64; 2])> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (1..=4).map(|seed| scope.spawn(move || spoilt_models(seed, 25_000))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let validated: usize = found.iter().map(|(validated, _)| validated).sum();
    let most = |of: usize| found.iter().map(|(_, largest)| largest[of]).fold(0.0, f64::max);
    println!(
        "{validated} of 100,000 were accepted; held at most {:.1} (model cards) and {:.1} \
            (weights) times the files' size",
        most(0),
        most(1)
    );
    assert!(
        (100..50_000).contains(&validated),
        "{validated}: the mutations are too harmless or too harsh to say anything"
    );
}

/// How many of so many spoilt models were accepted; and the most that was held, in sizes of the
/// files, of spoilt model cards and weights.
fn spoilt_models(seed: u64, rounds: usize) -> (usize, [f64; 2]) {
    let models = [1, 2].map(|version| {
        let victim = Victim::new(version);
        let files = [victim.file(MODEL_CARD), victim.file(WEIGHTS)];
        (victim, files)
    });
    let device = flex();
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut validated, mut largest) = (0, [0.0_f64; 2]);
    for round in 0..rounds {
        let (victim, [card, weights]) = &models[round % 2];
        let of_weights = round / 2 % 2;
        let mut spoilt = if of_weights == 1 { weights.clone() } else { card.clone() };
        for _ in 0..=dice.roll(3) {
            dice.spoil(&mut spoilt);
        }
        if of_weights == 1 {
            fs::write(victim.path.join(MODEL_CARD), card).unwrap();
            victim.with_weights(&spoilt);
        } else {
            fs::write(victim.path.join(WEIGHTS), weights).unwrap();
            victim.with_card(&spoilt);
        }
        let size: u64 = [MODEL_CARD, WEIGHTS, SUMS]
            .iter()
            .map(|name| fs::metadata(victim.path.join(name)).unwrap().len())
            .sum();
        let (read, held) = most_held(|| SavedModel::read(&victim.path));
        largest[of_weights] = largest[of_weights].max(held as f64 / size as f64);
        assert!(
            held < 20 * size as usize + (64 << 10),
            "seed {seed}, round {round}: {held} bytes for files of {size}"
        );
        let Ok(model) = read.inspect_err(|error| {
            assert!(error.to_string().len() < 2000, "seed {seed}, round {round}: {error}")
        }) else {
            continue;
        };
        validated += 1;
        let forecaster = Forecaster::new(&model, &device).unwrap();
        let Ok(window) = forecaster.window_of_features(&rows(&model, 0)) else { continue };
        for forecast in forecaster.forecast(&[window]).unwrap_or_default() {
            let is_number = forecast.forecast.is_finite()
                && forecast.quantiles.iter().all(|(_, value)| value.is_finite());
            assert!(is_number, "seed {seed}, round {round}: {forecast:?}");
        }
    }
    (validated, largest)
}
