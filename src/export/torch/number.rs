//! Numbers of other widths as f32, where nothing is lost.

use safetensors::Dtype;

/// The values of a tensor as f32; an error says what cannot be one.
pub(super) fn values(dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>, String> {
    match dtype {
        Dtype::F32 => {
            Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
        Dtype::F16 => Ok(bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|bytes| of_half(u16::from_le_bytes(*bytes)))
            .collect()),
        Dtype::BF16 => {
            let wide =
                |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
            Ok(bytes.as_chunks::<2>().0.iter().map(wide).collect())
        }
        Dtype::F64 => bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| of_double(f64::from_le_bytes(*bytes)))
            .collect(),
        other => Err(format!("is {other:?}, not F32 (F16, BF16, and F64 that fit are read too)")),
    }
}

fn of_double(value: f64) -> Result<f32, String> {
    let narrow = value as f32;
    if f64::from(narrow) == value {
        Ok(narrow)
    } else {
        Err(format!(
            "holds {value}, which single precision cannot hold exactly; save it rounded: \
                model.float()"
        ))
    }
}

/// IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 of mantissa.
fn of_half(bits: u16) -> f32 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2.0_f32.powi(-24),
        0x1f if mantissa == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        exponent => (1.0 + mantissa / 1024.0) * 2.0_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_exactly() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
        ];
        for (bits, value) in
            cases.into_iter().chain([(0x0001, 5.960_464_5e-8), (0x3555, 0.333_251_95)])
        {
            assert_eq!(of_half(bits).to_bits(), f32::to_bits(value), "{bits:04x}");
        }
        assert_eq!(of_half(0xfc00), f32::NEG_INFINITY);
        assert!(of_half(0x7e00).is_nan());
        assert_eq!(values(Dtype::BF16, &[0x80, 0x3f, 0x00, 0xc0]).unwrap(), [1.0, -2.0]);
    }

    #[test]
    fn double_precision_is_read_where_nothing_is_lost() {
        let bytes = |value: f64| value.to_le_bytes();
        assert_eq!(values(Dtype::F64, &bytes(-0.5)).unwrap(), [-0.5]);
        assert!(values(Dtype::F64, &bytes(0.1)).unwrap_err().contains("holds 0.1"));
        assert!(values(Dtype::F64, &bytes(1e300)).is_err());
        assert!(values(Dtype::I32, &[0; 4]).unwrap_err().contains("is I32, not F32"));
    }
}
