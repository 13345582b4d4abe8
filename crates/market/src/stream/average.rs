//! Averages of the last values.

/// The last `n` values.
#[derive(Clone, Debug)]
pub(super) struct Last {
    n: usize,
    values: Vec<f64>,
    oldest: usize,
}

impl Last {
    pub(super) fn new(n: usize) -> Self {
        Self { n, values: Vec::new(), oldest: 0 }
    }

    /// Takes a value in, and gives back the one that it pushes out.
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        if self.values.len() < self.n {
            self.values.push(value);
            return None;
        }
        let out = std::mem::replace(&mut self.values[self.oldest], value);
        self.oldest = if self.oldest + 1 == self.n { 0 } else { self.oldest + 1 };
        Some(out)
    }

    pub(super) fn is_full(&self) -> bool {
        self.values.len() == self.n
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.oldest = 0;
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = f64> {
        let (newer, older) = self.values.split_at(self.oldest);
        older.iter().chain(newer).copied()
    }
}

/// Mean of the last `n` values.
#[derive(Clone, Debug)]
pub(super) struct Sma {
    last: Last,
    sum: RunningSum,
}

impl Sma {
    pub(super) fn new(n: usize) -> Self {
        Self { last: Last::new(n), sum: RunningSum::default() }
    }

    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        self.sum.add(value);
        if let Some(out) = self.last.push(value) {
            self.sum.add(-out);
        }
        self.last.is_full().then(|| self.sum.value() / self.last.n as f64)
    }
}

/// Exponential moving average with k = 2 / (n + 1), seeded with the mean of `n` values.
#[derive(Clone, Debug)]
pub(super) struct Ema {
    n: usize,
    k: f64,
    /// Values that come before the seed's.
    skip: usize,
    /// Values of the seed that are still to come.
    seeding: usize,
    /// The seed's sum, then the average.
    average: f64,
}

impl Ema {
    /// `skip`: how many values are passed over before the seed's.
    pub(super) fn new(n: usize, skip: usize) -> Self {
        Self { n, k: 2.0 / (n + 1) as f64, skip, seeding: n, average: 0.0 }
    }

    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        if self.seeding == 0 {
            self.average += (value - self.average) * self.k;
            return Some(self.average);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.average += value;
        self.seeding -= 1;
        if self.seeding > 0 {
            return None;
        }
        self.average /= self.n as f64;
        Some(self.average)
    }
}

/// A mean of the first `n` values, then smoothed by 1 / n as Wilder (1978) did.
#[derive(Clone, Debug)]
pub(super) struct Wilder {
    periods: f64,
    seeding: usize,
    average: f64,
}

impl Wilder {
    pub(super) fn new(n: usize) -> Self {
        Self { periods: n as f64, seeding: n, average: 0.0 }
    }

    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        if self.seeding == 0 {
            self.average = (self.average * (self.periods - 1.0) + value) / self.periods;
            return Some(self.average);
        }
        self.average += value;
        self.seeding -= 1;
        if self.seeding > 0 {
            return None;
        }
        self.average /= self.periods;
        Some(self.average)
    }
}

/// A sum in twice the working precision, so that values may enter and leave it for ever without
/// drift (Dekker 1971, Knuth's two-sum). A plain running sum is off by 1e-9 of a price after 24,000
/// bars.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningSum {
    high: f64,
    low: f64,
}

impl RunningSum {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let taken = sum - self.high;
        let rest = (self.high - (sum - taken)) + (value - taken);
        let low = self.low + rest;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    pub(super) fn value(&self) -> f64 {
        self.high
    }
}
