//! Values of Arrow arrays.

use polars::prelude::pf16;
use polars_arrow::array::{Array, PrimitiveArray, Utf8ViewArray};
use polars_arrow::types::NativeType;

use super::types::{NumberType, TimeType};
use crate::timestamp::{Stamp, StampProblem, StampReader};

/// The numbers of a column (NaN for null), and its nulls; `None` when an array is of another type.
pub(super) fn numbers(
    chunks: &[Box<dyn Array>],
    kind: NumberType,
) -> Option<(Vec<f64>, Vec<usize>)> {
    let mut values = Vec::with_capacity(chunks.iter().map(|array| array.len()).sum());
    let mut nulls = Vec::new();
    for array in chunks {
        let first = values.len();
        Numbers::of(&**array, kind)?.append(&mut values);
        if array.null_count() > 0 {
            for row in (0..array.len()).filter(|&row| array.is_null(row)) {
                values[first + row] = f64::NAN;
                nulls.push(first + row);
            }
        }
    }
    Some((values, nulls))
}

/// An array of numbers.
enum Numbers<'a> {
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a [pf16]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal(&'a [i128], usize),
}

impl<'a> Numbers<'a> {
    fn of(array: &'a dyn Array, kind: NumberType) -> Option<Self> {
        Some(match kind {
            NumberType::Int8 => Self::Int8(values(array)?),
            NumberType::Int16 => Self::Int16(values(array)?),
            NumberType::Int32 => Self::Int32(values(array)?),
            NumberType::Int64 => Self::Int64(values(array)?),
            NumberType::UInt8 => Self::UInt8(values(array)?),
            NumberType::UInt16 => Self::UInt16(values(array)?),
            NumberType::UInt32 => Self::UInt32(values(array)?),
            NumberType::UInt64 => Self::UInt64(values(array)?),
            NumberType::Float16 => Self::Float16(values(array)?),
            NumberType::Float32 => Self::Float32(values(array)?),
            NumberType::Float64 => Self::Float64(values(array)?),
            NumberType::Decimal { scale } => Self::Decimal(values(array)?, scale),
        })
    }

    fn append(&self, to: &mut Vec<f64>) {
        match self {
            Self::Int8(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::Int16(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::Int32(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::Int64(values) => to.extend(values.iter().map(|&x| x as f64)),
            Self::UInt8(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::UInt16(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::UInt32(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::UInt64(values) => to.extend(values.iter().map(|&x| x as f64)),
            Self::Float16(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::Float32(values) => to.extend(values.iter().map(|&x| f64::from(x))),
            Self::Float64(values) => to.extend_from_slice(values),
            Self::Decimal(values, scale) => to.extend(values.iter().map(|&x| decimal(x, *scale))),
        }
    }

    /// A number that is whole, as itself.
    fn whole(&self, at: usize) -> Option<i64> {
        match self {
            Self::Int8(values) => Some(values[at].into()),
            Self::Int16(values) => Some(values[at].into()),
            Self::Int32(values) => Some(values[at].into()),
            Self::Int64(values) => Some(values[at]),
            Self::UInt8(values) => Some(values[at].into()),
            Self::UInt16(values) => Some(values[at].into()),
            Self::UInt32(values) => Some(values[at].into()),
            Self::UInt64(values) => i64::try_from(values[at]).ok(),
            Self::Decimal(values, 0) => i64::try_from(values[at]).ok(),
            Self::Float16(_) | Self::Float32(_) | Self::Float64(_) | Self::Decimal(..) => None,
        }
    }

    fn float(&self, at: usize) -> f64 {
        match self {
            Self::Float64(values) => values[at],
            Self::Decimal(values, scale) => decimal(values[at], *scale),
            other => other.whole(at).map_or(f64::NAN, |whole| whole as f64),
        }
    }
}

/// The double nearest to `value` / 10^`scale`.
fn decimal(value: i128, scale: usize) -> f64 {
    // Both are doubles, and so the quotient is the nearest one.
    if value.unsigned_abs() <= 1 << 53 && scale <= 22 {
        return value as f64 / 10_f64.powi(scale as i32);
    }
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

fn values<T: NativeType>(array: &dyn Array) -> Option<&[T]> {
    array.as_any().downcast_ref::<PrimitiveArray<T>>().map(|array| array.values().as_slice())
}

/// An array of timestamps.
pub(super) enum Moments<'a> {
    Instant { ns: i64, values: &'a [i64] },
    Clock { ns: i64, values: &'a [i64] },
    Days32(&'a [i32]),
    Days { per_day: i64, values: &'a [i64] },
    Number(NumbersAt<'a>),
    Text(&'a Utf8ViewArray),
}

/// Numbers, one at a time.
pub(super) struct NumbersAt<'a>(Numbers<'a>);

impl<'a> Moments<'a> {
    /// `None` when the array is of another type.
    pub(super) fn of(array: &'a dyn Array, kind: &TimeType) -> Option<Self> {
        Some(match kind {
            TimeType::Instant { ns, .. } => Self::Instant { ns: *ns, values: values(array)? },
            TimeType::Clock { ns } => Self::Clock { ns: *ns, values: values(array)? },
            TimeType::Days { per_day: 1 } => Self::Days32(values(array)?),
            TimeType::Days { per_day } => Self::Days { per_day: *per_day, values: values(array)? },
            TimeType::Number(kind) => Self::Number(NumbersAt(Numbers::of(array, *kind)?)),
            TimeType::Text => Self::Text(array.as_any().downcast_ref()?),
        })
    }

    /// The timestamp at a place, which is not null.
    pub(super) fn read(&self, at: usize, reader: &mut StampReader) -> Result<Stamp, StampProblem> {
        let ns_of = |value: i64, ns: i64| {
            value.checked_mul(ns).ok_or_else(|| StampProblem::OutOfRange(value.to_string()))
        };
        match self {
            Self::Instant { ns, values } => reader.instant(ns_of(values[at], *ns)?),
            Self::Clock { ns, values } => reader.clock(ns_of(values[at], *ns)?),
            Self::Days32(values) => reader.date(values[at].into()),
            Self::Days { per_day, values } => reader.date(values[at].div_euclid(*per_day)),
            Self::Number(NumbersAt(numbers)) => match numbers.whole(at) {
                Some(whole) => reader.integer(whole),
                None => reader.float(numbers.float(at)),
            },
            Self::Text(values) => reader.text(values.value(at).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_decimal_is_the_nearest_double() {
        for (value, scale, text) in [
            (1_000_584, 4, "100.0584"),
            (-7, 0, "-7"),
            (9_007_199_254_740_993, 3, "9007199254740.993"),
            (123_456_789_012_345_678_901_234_567_890, 25, "12345.678901234567890123456789"),
            (5, 30, "5e-30"),
        ] {
            assert_eq!(decimal(value, scale), text.parse::<f64>().unwrap(), "{text}");
        }
    }
}
