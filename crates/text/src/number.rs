//! Numbers with few digits.

/// What stands for an undefined number.
pub const UNDEFINED: &str = "—";

/// A number with four significant digits (`4.213`, `0.001`, `3.2e-7`), or `—` where it is
/// undefined.
#[must_use]
pub fn number(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return UNDEFINED.into() };
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{value:.3e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    // The exponent of the rounded number: 9.9996 has that of 10.
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match exponent {
        -4..0 => {
            trimmed(&format!("{value:.*}", usize::try_from(3 - exponent).unwrap_or(3))).to_owned()
        }
        0..7 => format!("{value:.*}", usize::try_from(3 - exponent).unwrap_or(0)),
        _ => format!("{}e{exponent}", trimmed(digits)),
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits() {
        let texts =
            [4.2131, 4.0, 3421.36, 34213.6, 9.9996, 0.001, 0.012_345, -0.5, 3.2e-7, 1e9, 0.0]
                .map(|x| number(Some(x)));
        assert_eq!(
            texts,
            [
                "4.213", "4.000", "3421", "34214", "10.00", "0.001", "0.01235", "-0.5", "3.2e-7",
                "1e9", "0"
            ]
        );
    }

    #[test]
    fn an_undefined_number_is_a_dash_and_never_nan() {
        assert_eq!([None, Some(f64::NAN), Some(f64::INFINITY)].map(number), ["—"; 3]);
    }
}
