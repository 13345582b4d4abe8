//! Bars of a request: a list of bars, or a list for each column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::number::{Item, Number, Numbers, at, placed};
use experiment::Data;
use market::{BarReader, BarRow, Bars, LocalClock};

/// Bars as they were sent; one value a bar in each column, but that `volume` may be empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentBars {
    /// When each bar begins, or as the data say.
    pub ts: Vec<Moment>,
    /// Opening prices.
    pub open: Vec<f64>,
    /// Highest prices.
    pub high: Vec<f64>,
    /// Lowest prices.
    pub low: Vec<f64>,
    /// Closing prices.
    pub close: Vec<f64>,
    /// Volumes; empty where the model needs none.
    pub volume: Vec<f64>,
}

/// A timestamp as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// As in a CSV file: RFC 3339, the same without offset, a date.
    Text(String),
    /// Since 1970 UTC, in s, ms, us or ns by its magnitude.
    Integer(i64),
}

impl SentBars {
    /// Validates them as those of a file are validated. `clock`: the model's own, by which they are
    /// told the time, however timestamps are written.
    ///
    /// # Errors
    /// When a value cannot be: names its place.
    pub fn validate(
        &self,
        data: &Data,
        bar_seconds: u32,
        clock: Option<&LocalClock>,
    ) -> Result<Bars, String> {
        let Self { ts, open, high, low, close, volume } = self;
        let columns =
            [("open", open), ("high", high), ("low", low), ("close", close), ("volume", volume)];
        let of_other_length = |(name, column): &&(&str, &Vec<f64>)| {
            column.len() != ts.len() && (*name != "volume" || !column.is_empty())
        };
        if let Some((name, column)) = columns.iter().find(of_other_length) {
            return Err(format!(
                "bars: {} timestamps, but {} values of {name}",
                ts.len(),
                column.len()
            ));
        }
        let mut reader = BarReader::new(data, bar_seconds)
            .map_err(|problem| format!("bars: {problem}"))?
            .told_by(clock);
        let mut bars = Bars::with_capacity(bar_seconds, ts.len());
        for (row, moment) in ts.iter().enumerate() {
            let digits;
            let ts = match moment {
                Moment::Text(text) => text,
                Moment::Integer(value) => {
                    digits = value.to_string();
                    &digits
                }
            };
            let sent = BarRow {
                ts,
                open: open[row],
                high: high[row],
                low: low[row],
                close: close[row],
                volume: volume.get(row).copied(),
            };
            bars.push(reader.read(&sent).map_err(|problem| format!("bars[{row}].{problem}"))?);
        }
        Ok(bars)
    }
}

/// `[{"ts": …, "open": …, …}, …]`, or `{"ts": […], "open": […], …}`.
pub(super) struct BarsSeed;

const KEYS: [&str; 6] = ["ts", "open", "high", "low", "close", "volume"];

impl<'de> DeserializeSeed<'de> for BarsSeed {
    type Value = SentBars;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SentBars, D::Error> {
        deserializer.deserialize_any(BarsVisitor).map_err(|error| placed("bars", error))
    }
}

struct BarsVisitor;

impl<'de> Visitor<'de> for BarsVisitor {
    type Value = SentBars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a list of bars, or an object with a list for each of ts, open, high, low, \
            close, volume",
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SentBars, A::Error> {
        let mut bars = SentBars::default();
        while list.next_element_seed(BarSeed(&mut bars))?.is_some() {}
        if !bars.volume.is_empty() && bars.volume.len() != bars.ts.len() {
            return Err(A::Error::custom("bars: some bars have a volume and some have none"));
        }
        Ok(bars)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut columns: A) -> Result<SentBars, A::Error> {
        let mut bars = SentBars::default();
        let mut seen = Seen::default();
        while let Some(key) = columns.next_key::<String>()? {
            let place = seen
                .take(&key)
                .map_err(|problem| A::Error::custom(format_args!("bars: {problem}")))?;
            if place == 0 {
                bars.ts = columns.next_value_seed(MomentsSeed)?;
            } else {
                *column(&mut bars, place) =
                    columns.next_value_seed(Numbers(format_args!("bars.{}", KEYS[place])))?;
            }
        }
        seen.check().map_err(|problem| A::Error::custom(format_args!("bars: {problem}")))?;
        Ok(bars)
    }
}

/// One bar, appended.
struct BarSeed<'b>(&'b mut SentBars);

impl<'de> DeserializeSeed<'de> for BarSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let place = Item("bars", self.0.ts.len());
        deserializer.deserialize_map(BarVisitor(self.0)).map_err(|error| placed(place, error))
    }
}

struct BarVisitor<'b>(&'b mut SentBars);

impl<'de> Visitor<'de> for BarVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bar: an object with ts, open, high, low, close and volume")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut bar: A) -> Result<(), A::Error> {
        let bars = self.0;
        let row = bars.ts.len();
        let mut seen = Seen::default();
        while let Some(key) = bar.next_key_seed(KeySeed)? {
            let place = seen.take_place(key).map_err(A::Error::custom)?;
            if place == 0 {
                bars.ts.push(bar.next_value_seed(MomentSeed(format_args!("bars[{row}].ts")))?);
            } else {
                let value =
                    bar.next_value_seed(Number(format_args!("bars[{row}].{}", KEYS[place])))?;
                column(bars, place).push(value);
            }
        }
        seen.check().map_err(A::Error::custom)
    }
}

fn column(bars: &mut SentBars, place: usize) -> &mut Vec<f64> {
    match place {
        1 => &mut bars.open,
        2 => &mut bars.high,
        3 => &mut bars.low,
        4 => &mut bars.close,
        _ => &mut bars.volume,
    }
}

/// Which keys there were.
#[derive(Default)]
struct Seen([bool; KEYS.len()]);

impl Seen {
    fn take(&mut self, key: &str) -> Result<usize, String> {
        self.take_place(place_of(key))
    }

    fn take_place(&mut self, place: Result<usize, String>) -> Result<usize, String> {
        let place = place?;
        if std::mem::replace(&mut self.0[place], true) {
            return Err(format!("'{}' is there twice", KEYS[place]));
        }
        Ok(place)
    }

    /// All but the volume, which not every model needs.
    fn check(&self) -> Result<(), String> {
        match self.0[..5].iter().position(|seen| !seen) {
            Some(missing) => Err(format!("'{}' is missing", KEYS[missing])),
            None => Ok(()),
        }
    }
}

fn place_of(key: &str) -> Result<usize, String> {
    KEYS.iter().position(|known| *known == key).ok_or_else(|| {
        let key: String = key.chars().take(40).collect();
        format!("'{key}' is not a key of a bar; these are: {}", KEYS.join(", "))
    })
}

/// A key, without an allocation.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(place_of(key))
    }
}

struct MomentSeed<P>(P);

impl<'de, P: fmt::Display> DeserializeSeed<'de> for MomentSeed<P> {
    type Value = Moment;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Moment, D::Error> {
        deserializer.deserialize_any(MomentVisitor).map_err(|error| at(&self.0, &error))
    }
}

struct MomentVisitor;

impl Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp: text, or a whole number since 1970")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        Ok(Moment::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Moment, E> {
        Ok(Moment::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Moment, E> {
        i64::try_from(value)
            .map(Moment::Integer)
            .map_err(|_| E::custom("the number is too large for a timestamp"))
    }
}

struct MomentsSeed;

impl<'de> DeserializeSeed<'de> for MomentsSeed {
    type Value = Vec<Moment>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Moment>, D::Error> {
        deserializer.deserialize_seq(MomentsVisitor).map_err(|error| placed("bars.ts", error))
    }
}

struct MomentsVisitor;

impl<'de> Visitor<'de> for MomentsVisitor {
    type Value = Vec<Moment>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of timestamps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Moment>, A::Error> {
        let mut moments = Vec::new();
        while let Some(moment) =
            list.next_element_seed(MomentSeed(Item("bars.ts", moments.len())))?
        {
            moments.push(moment);
        }
        Ok(moments)
    }
}
