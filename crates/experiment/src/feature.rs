//! Names of features: `close`, `sma_20`, `macd_12_26_9`. What they compute is in the package
//! `market`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A column of the series, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The opening price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The closing price.
    Close,
    /// What was traded.
    Volume,
    /// ln(close / close one bar before).
    LogReturn,
    /// Simple moving average of the close over `n` bars.
    Sma {
        /// Bars.
        n: usize,
    },
    /// Exponential moving average, seeded with the SMA of the first `n` (TA-Lib).
    Ema {
        /// Bars.
        n: usize,
    },
    /// Wilder's relative strength index, 0..100.
    Rsi {
        /// Bars.
        n: usize,
    },
    /// EMA(fast) − EMA(slow).
    Macd(Macd),
    /// EMA(signal) of it.
    MacdSignal(Macd),
    /// The difference of the two.
    MacdHist(Macd),
    /// Wilder's average true range, in price units.
    Atr {
        /// Bars.
        n: usize,
    },
    /// Square root of the sum of the last `n` squared log returns.
    RealizedVol {
        /// Bars.
        n: usize,
    },
    /// Minutes since local midnight of the bar's last instant, as a share of a day, 0..1.
    TimeOfDay,
}

/// Parameters of the moving average convergence / divergence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Macd {
    /// Bars of the fast average.
    pub fast: usize,
    /// Bars of the slow average.
    pub slow: usize,
    /// Bars of the average of their difference.
    pub signal: usize,
}

/// Which of the three scalers a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// In price units: open, high, low, close, sma_N, ema_N.
    Price,
    /// volume.
    Volume,
    /// Everything else, atr_N too: it is in price units, but a distance, near 0 at any price.
    Indicator,
}

impl Feature {
    /// Names with their parameters, for messages and documents.
    pub const NAMES: [&'static str; 15] = [
        "open",
        "high",
        "low",
        "close",
        "volume",
        "log_return",
        "sma_N",
        "ema_N",
        "rsi_N",
        "macd",
        "macd_signal",
        "macd_hist",
        "atr_N",
        "realized_vol_N",
        "time_of_day",
    ];

    /// The family that decides its scaler.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Open
            | Self::High
            | Self::Low
            | Self::Close
            | Self::Sma { .. }
            | Self::Ema { .. } => Family::Price,
            Self::Volume => Family::Volume,
            Self::LogReturn
            | Self::Rsi { .. }
            | Self::Macd(_)
            | Self::MacdSignal(_)
            | Self::MacdHist(_)
            | Self::Atr { .. }
            | Self::RealizedVol { .. }
            | Self::TimeOfDay => Family::Indicator,
        }
    }

    /// Whether it depends on the local clock, so that the zone must be known.
    #[must_use]
    pub fn needs_local_clock(self) -> bool {
        match self {
            Self::TimeOfDay => true,
            Self::Open
            | Self::High
            | Self::Low
            | Self::Close
            | Self::Volume
            | Self::LogReturn
            | Self::Sma { .. }
            | Self::Ema { .. }
            | Self::Rsi { .. }
            | Self::Macd(_)
            | Self::MacdSignal(_)
            | Self::MacdHist(_)
            | Self::Atr { .. }
            | Self::RealizedVol { .. } => false,
        }
    }

    /// Leading rows without a value (TA-Lib's lookback); they are dropped.
    #[must_use]
    pub fn warm_up(self) -> usize {
        match self {
            Self::Open | Self::High | Self::Low | Self::Close | Self::Volume | Self::TimeOfDay => 0,
            Self::LogReturn => 1,
            Self::Sma { n } | Self::Ema { n } => n - 1,
            Self::Rsi { n } | Self::Atr { n } | Self::RealizedVol { n } => n,
            Self::Macd(macd) | Self::MacdSignal(macd) | Self::MacdHist(macd) => {
                macd.slow - 1 + macd.signal - 1
            }
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let macd = |f: &mut fmt::Formatter<'_>, name: &str, macd: &Macd| {
            if *macd == Macd::STANDARD {
                write!(f, "{name}")
            } else {
                write!(f, "{name}_{}_{}_{}", macd.fast, macd.slow, macd.signal)
            }
        };
        match self {
            Self::Open => write!(f, "open"),
            Self::High => write!(f, "high"),
            Self::Low => write!(f, "low"),
            Self::Close => write!(f, "close"),
            Self::Volume => write!(f, "volume"),
            Self::LogReturn => write!(f, "log_return"),
            Self::Sma { n } => write!(f, "sma_{n}"),
            Self::Ema { n } => write!(f, "ema_{n}"),
            Self::Rsi { n } => write!(f, "rsi_{n}"),
            Self::Macd(m) => macd(f, "macd", m),
            Self::MacdSignal(m) => macd(f, "macd_signal", m),
            Self::MacdHist(m) => macd(f, "macd_hist", m),
            Self::Atr { n } => write!(f, "atr_{n}"),
            Self::RealizedVol { n } => write!(f, "realized_vol_{n}"),
            Self::TimeOfDay => write!(f, "time_of_day"),
        }
    }
}

impl Macd {
    /// 12, 26, 9.
    pub const STANDARD: Self = Self { fast: 12, slow: 26, signal: 9 };
}

/// A name that is not a feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum UnknownFeature {
    /// No feature of this name.
    #[error("'{0}' is not a feature (known: {known})", known = Feature::NAMES.join(", "))]
    Name(String),
    /// The name is known, its numbers are not.
    #[error("'{name}': {problem}")]
    Parameters { name: String, problem: String },
}

/// Longest look-back that makes sense: about a year of minutes.
const MAX_N: usize = 100_000;

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        let plain = match text {
            "open" => Some(Self::Open),
            "high" => Some(Self::High),
            "low" => Some(Self::Low),
            "close" => Some(Self::Close),
            "volume" => Some(Self::Volume),
            "log_return" => Some(Self::LogReturn),
            "macd" => Some(Self::Macd(Macd::STANDARD)),
            "macd_signal" => Some(Self::MacdSignal(Macd::STANDARD)),
            "macd_hist" => Some(Self::MacdHist(Macd::STANDARD)),
            "time_of_day" => Some(Self::TimeOfDay),
            _ => None,
        };
        if let Some(feature) = plain {
            return Ok(feature);
        }
        for (prefix, make) in [
            ("macd_signal_", Self::MacdSignal as fn(Macd) -> Self),
            ("macd_hist_", Self::MacdHist),
            ("macd_", Self::Macd),
        ] {
            if let Some(rest) = text
                .strip_prefix(prefix)
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            {
                return Ok(make(macd(text, rest)?));
            }
        }
        let (name, number) =
            text.rsplit_once('_').ok_or_else(|| UnknownFeature::Name(text.to_owned()))?;
        let least = match name {
            "sma" | "ema" | "rsi" | "realized_vol" => 2,
            // Of one bar: the true range itself.
            "atr" => 1,
            _ => return Err(UnknownFeature::Name(text.to_owned())),
        };
        let n = period(text, number, least)?;
        Ok(match name {
            "sma" => Self::Sma { n },
            "ema" => Self::Ema { n },
            "rsi" => Self::Rsi { n },
            "atr" => Self::Atr { n },
            _ => Self::RealizedVol { n },
        })
    }
}

fn macd(text: &str, rest: &str) -> Result<Macd, UnknownFeature> {
    let problem = |problem: String| UnknownFeature::Parameters { name: text.to_owned(), problem };
    let numbers: Vec<&str> = rest.split('_').collect();
    let [fast, slow, signal] = numbers[..] else {
        return Err(problem(format!(
            "takes three numbers (fast, slow, signal), not {}",
            numbers.len()
        )));
    };
    let macd = Macd {
        fast: period(text, fast, 2)?,
        slow: period(text, slow, 2)?,
        signal: period(text, signal, 1)?,
    };
    if macd.fast >= macd.slow {
        return Err(problem(format!(
            "the fast period ({}) must be below the slow one ({})",
            macd.fast, macd.slow
        )));
    }
    Ok(macd)
}

fn period(text: &str, number: &str, least: usize) -> Result<usize, UnknownFeature> {
    let problem = |problem: String| UnknownFeature::Parameters { name: text.to_owned(), problem };
    match number.parse::<usize>() {
        Ok(n) if (least..=MAX_N).contains(&n) => Ok(n),
        Ok(n) => Err(problem(format!("the period {n} is out of range ({least} to {MAX_N} bars)"))),
        Err(_) => Err(problem(format!("'{number}' is not a number of bars"))),
    }
}

impl Serialize for Feature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
