//! Which types of a Parquet file can be read as what.

use polars_arrow::datatypes::{ArrowDataType, TimeUnit};

/// Numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberType {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float16,
    Float32,
    Float64,
    /// Digits after the point.
    Decimal {
        scale: usize,
    },
}

/// Timestamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeType {
    /// Since 1970 UTC; nanoseconds in one unit, and the zone that the file names.
    Instant {
        ns: i64,
        zone: String,
    },
    /// Since 1970 of a clock that the file does not say where it stands.
    Clock {
        ns: i64,
    },
    /// Of the calendar, since 1970; how many units a day has.
    Days {
        per_day: i64,
    },
    /// Epochs, or digits of a clock.
    Number(NumberType),
    Text,
}

const DAY_MS: i64 = 86_400_000;

impl NumberType {
    /// # Errors
    /// What the column holds instead, as the end of a sentence that begins with its name.
    pub(super) fn of(kind: ArrowDataType) -> Result<Self, String> {
        use ArrowDataType as A;
        Ok(match kind {
            A::Int8 => Self::Int8,
            A::Int16 => Self::Int16,
            A::Int32 => Self::Int32,
            A::Int64 => Self::Int64,
            A::UInt8 => Self::UInt8,
            A::UInt16 => Self::UInt16,
            A::UInt32 => Self::UInt32,
            A::UInt64 => Self::UInt64,
            A::Float16 => Self::Float16,
            A::Float32 => Self::Float32,
            A::Float64 => Self::Float64,
            A::Decimal(_, scale) => Self::Decimal { scale },
            A::Decimal256(precision, scale) => {
                let held = format!("decimal({precision}, {scale})");
                return Err(format!(
                    "holds {held}, of more digits than can be read; write it as double, or as \
                        decimal(38, {scale})"
                ));
            }
            A::Null => return Err("holds nothing but nulls".to_owned()),
            other => {
                return Err(format!(
                    "holds {}, not numbers; write it as double or integer",
                    named(&other)
                ));
            }
        })
    }
}

impl TimeType {
    /// # Errors
    /// As [`NumberType::of`].
    pub(super) fn of(kind: ArrowDataType) -> Result<Self, String> {
        use ArrowDataType as A;
        Ok(match kind {
            A::Timestamp(unit, zone) => {
                let ns = match unit {
                    TimeUnit::Second => 1_000_000_000,
                    TimeUnit::Millisecond => 1_000_000,
                    TimeUnit::Microsecond => 1_000,
                    TimeUnit::Nanosecond => 1,
                };
                match zone {
                    Some(zone) => Self::Instant { ns, zone: zone.to_string() },
                    None => Self::Clock { ns },
                }
            }
            A::Date32 => Self::Days { per_day: 1 },
            A::Date64 => Self::Days { per_day: DAY_MS },
            A::Utf8View => Self::Text,
            A::Float16 | A::Float32 => {
                return Err(format!(
                    "holds {}, which cannot tell an epoch to the minute; write timestamps, \
                        integers or double",
                    named(&kind)
                ));
            }
            A::Null => return Err("holds nothing but nulls".to_owned()),
            other => {
                let held = named(&other);
                let number = NumberType::of(other);
                Self::Number(
                    number.map_err(|_| {
                        format!("holds {held}, not timestamps, dates, epochs or text")
                    })?,
                )
            }
        })
    }

    /// The zone that the file names.
    pub(super) fn zone(&self) -> Option<&str> {
        match self {
            Self::Instant { zone, .. } => Some(zone),
            Self::Clock { .. } | Self::Days { .. } | Self::Number(_) | Self::Text => None,
        }
    }
}

/// A type without what it is packed in: dictionaries are read as their values, text and bytes as
/// views.
pub(super) fn plain(kind: &ArrowDataType) -> ArrowDataType {
    use ArrowDataType as A;
    match kind {
        A::Extension(extension) => plain(&extension.inner),
        A::Dictionary(_, values, _) => plain(values),
        A::Utf8 | A::LargeUtf8 => A::Utf8View,
        A::Binary | A::LargeBinary => A::BinaryView,
        A::Decimal32(precision, scale) | A::Decimal64(precision, scale) => {
            A::Decimal(*precision, *scale)
        }
        other => other.clone(),
    }
}

/// In words.
fn named(kind: &ArrowDataType) -> String {
    use ArrowDataType as A;
    match kind {
        A::Boolean => "booleans",
        A::Utf8View => "text",
        A::BinaryView | A::FixedSizeBinary(_) => "bytes",
        A::Timestamp(..) => "timestamps",
        A::Date32 | A::Date64 => "dates",
        A::Time32(_) | A::Time64(_) => "times of day",
        A::Duration(_) | A::Interval(_) => "durations",
        A::List(_) | A::LargeList(_) | A::FixedSizeList(..) => "lists",
        A::Struct(_) => "structs",
        A::Map(..) => "maps",
        A::Float16 => "16-bit floats",
        A::Float32 => "32-bit floats",
        other => return format!("{other:?}").to_lowercase(),
    }
    .to_owned()
}
