//! Bars of one instrument: one, and many as columns in time order.

/// One bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Its start, nanoseconds since 1970 UTC.
    pub ts: i64,
    /// Offset of local time from UTC, seconds east.
    pub offset_seconds: i32,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded quantity; NaN where it was not asked for.
    pub volume: f64,
}

/// Bars of one instrument, in time order; every column has the same length.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Start of each bar, nanoseconds since 1970 UTC.
    pub ts: Vec<i64>,
    /// Offset of local time from UTC at each bar, seconds east.
    pub offset_seconds: Vec<i32>,
    /// First price of each bar.
    pub open: Vec<f64>,
    /// Highest price.
    pub high: Vec<f64>,
    /// Lowest price.
    pub low: Vec<f64>,
    /// Last price.
    pub close: Vec<f64>,
    /// Traded quantity; NaN in every bar where the file's volume was not asked for.
    pub volume: Vec<f64>,
    /// Length of a bar, seconds.
    pub bar_seconds: u32,
    /// What a synthetic series knows about itself.
    pub truth: Option<Truth>,
}

/// Truth of a synthetic series. Row `t` tells of the log return from `close[t]` to `close[t + 1]`,
/// as the target of horizon 1 does.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its mean, given all bars up to `t` and the next bar's volatility.
    pub mu: Vec<f64>,
    /// Its standard deviation, given the same.
    pub sigma: Vec<f64>,
}

impl Bars {
    /// No bars yet, of a length in seconds, with room for some.
    #[must_use]
    pub fn with_capacity(bar_seconds: u32, bars: usize) -> Self {
        let column = || Vec::with_capacity(bars);
        Self {
            ts: Vec::with_capacity(bars),
            offset_seconds: Vec::with_capacity(bars),
            open: column(),
            high: column(),
            low: column(),
            close: column(),
            volume: column(),
            bar_seconds,
            truth: None,
        }
    }

    /// The bar at a place.
    ///
    /// # Panics
    /// When there are fewer bars.
    #[must_use]
    pub fn bar(&self, place: usize) -> Bar {
        Bar {
            ts: self.ts[place],
            offset_seconds: self.offset_seconds[place],
            open: self.open[place],
            high: self.high[place],
            low: self.low[place],
            close: self.close[place],
            volume: self.volume[place],
        }
    }

    /// Adds a bar, which comes after those before it.
    pub fn push(&mut self, bar: Bar) {
        let Bar { ts, offset_seconds, open, high, low, close, volume } = bar;
        self.ts.push(ts);
        self.offset_seconds.push(offset_seconds);
        for (column, value) in
            self.prices_and_volume().into_iter().zip([open, high, low, close, volume])
        {
            column.push(value);
        }
    }

    /// Number of bars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there is no bar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// The bars before `end`, without their truth.
    pub(super) fn prefix(&self, end: usize) -> Self {
        let cut = |column: &[f64]| column[..end].to_vec();
        Self {
            ts: self.ts[..end].to_vec(),
            offset_seconds: self.offset_seconds[..end].to_vec(),
            open: cut(&self.open),
            high: cut(&self.high),
            low: cut(&self.low),
            close: cut(&self.close),
            volume: cut(&self.volume),
            bar_seconds: self.bar_seconds,
            truth: None,
        }
    }

    /// Open, high, low, close, volume.
    pub(super) fn prices_and_volume(&mut self) -> [&mut Vec<f64>; 5] {
        [&mut self.open, &mut self.high, &mut self.low, &mut self.close, &mut self.volume]
    }

    /// Drops all but the last `rows` bars.
    pub fn keep_last(&mut self, rows: usize) {
        let first = self.len().saturating_sub(rows);
        if first == 0 {
            return;
        }
        self.ts.drain(..first);
        self.offset_seconds.drain(..first);
        for column in self.prices_and_volume() {
            column.drain(..first);
        }
        if let Some(truth) = &mut self.truth {
            truth.mu.drain(..first);
            truth.sigma.drain(..first);
        }
    }
}
