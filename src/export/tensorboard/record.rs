//! TFRecord framing: length, masked CRC-32C of it, bytes, masked CRC-32C of them.

/// Appends one record.
pub(super) fn push(file: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(bytes);
    file.extend(masked(bytes).to_le_bytes());
}

/// A checksum of bytes that hold checksums is no good: it is rotated and moved
/// (tensorflow/core/lib/hash/crc32c.h).
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Records of a file, each with its checksums verified.
#[cfg(test)]
pub(super) fn read(mut file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk::<8>() {
        let (crc, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_le_bytes(*crc), masked(length));
        let (bytes, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
        let (crc, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_le_bytes(*crc), masked(bytes));
        records.push(bytes);
        file = rest;
    }
    assert!(file.is_empty());
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_tensorflow() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let mut file = Vec::new();
        push(&mut file, b"abc");
        push(&mut file, b"");
        assert_eq!(read(&file), [&b"abc"[..], b""]);
        // As tensorboard's own RecordWriter writes an empty record.
        assert_eq!(
            file[19..],
            [0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0x03, 0x98, 0x07, 0xd8, 0xea, 0x82, 0xa2]
        );
    }
}
