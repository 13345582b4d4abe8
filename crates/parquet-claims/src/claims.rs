//! The walk through footer and pages.

use std::io::{self, Read, Seek, SeekFrom};

use crate::thrift::{Kind, Thrift};

/// What a file may claim to unpack to, whatever its length, bytes; and for each byte of its length.
const ANY_LENGTH: u64 = 64 << 20;
const PER_BYTE: u64 = 256;
/// Bytes that a value takes once it is read.
const VALUE: u64 = 8;
/// Longest head of a page, bytes; statistics may hold values.
const MAX_HEAD: u64 = 1 << 20;

/// Checks a file of `length` bytes that begins and ends as Parquet does.
///
/// # Errors
/// When the claims do not fit the length or one another, in words; or the file cannot be read.
pub fn check(file: &mut (impl Read + Seek), length: u64) -> Result<(), String> {
    let budget = ANY_LENGTH.max(length.saturating_mul(PER_BYTE));
    let mut claimed = 0_u64;
    let mut claim = |bytes: u64| {
        claimed = claimed.saturating_add(bytes);
        if claimed > budget {
            Err(format!("{length} bytes claim to unpack to more than {budget}"))
        } else {
            Ok(())
        }
    };
    let footer = footer(file, length)?;
    for Chunk { values, start, bytes } in chunks(&footer)? {
        claim(values.saturating_mul(VALUE))?;
        let end = start.checked_add(bytes).filter(|end| *end <= length && start >= 4);
        let end = end.ok_or_else(|| {
            format!("a column of {bytes} bytes at {start} lies beyond the file's {length}")
        })?;
        let (mut at, mut seen) = (start, 0_u64);
        while at < end && seen < values {
            let (head, head_bytes) = page(file, at, end)?;
            claim(head.unpacked)?;
            if head.values > values && !head.is_dictionary {
                return Err(format!("a page of {} values in a column of {values}", head.values));
            }
            seen = seen.saturating_add(if head.is_dictionary { 0 } else { head.values });
            let next = at
                .checked_add(head_bytes)
                .and_then(|at| at.checked_add(head.packed))
                .filter(|next| *next <= end);
            at = next.ok_or_else(|| {
                format!("a page of {} bytes at {at} lies beyond its column", head.packed)
            })?;
        }
    }
    Ok(())
}

/// The bytes of a column in a group of rows.
#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    /// Or the rows of the group, if they are more.
    values: u64,
    start: u64,
    bytes: u64,
}

/// The head of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    unpacked: u64,
    packed: u64,
    values: u64,
    is_dictionary: bool,
}

fn footer(file: &mut (impl Read + Seek), length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = [0; 4];
    let cut = |error: io::Error| format!("its end cannot be read: {error}");
    file.seek(SeekFrom::Start(length.saturating_sub(8)))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(cut)?;
    let claimed = u64::from(u32::from_le_bytes(bytes));
    let start = length.saturating_sub(8).checked_sub(claimed);
    let start =
        start.ok_or_else(|| format!("a footer of {claimed} bytes is longer than the file"))?;
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.take(claimed).read_to_end(&mut footer))
        .map_err(cut)?;
    Ok(footer)
}

/// `FileMetaData.row_groups[].columns[].meta_data`, as far as it says sizes and places.
fn chunks(footer: &[u8]) -> Result<Vec<Chunk>, String> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let (mut rows, mut grouped) = (0_u64, 0_u64);
    let mut thrift = Thrift::of(footer);
    thrift.fields(|thrift, id, kind| match (id, kind) {
        (3, Kind::Number) => thrift.size("rows").map(|count| rows = count),
        (4, Kind::List) => thrift.structs(|thrift| {
            let (first, mut of_group) = (chunks.len(), 0);
            thrift.fields(|thrift, id, kind| match (id, kind) {
                (1, Kind::List) => thrift.structs(|thrift| {
                    thrift.fields(|thrift, id, kind| match (id, kind) {
                        (3, Kind::Struct) => chunk(thrift).map(|chunk| chunks.push(chunk)),
                        _ => thrift.skip(kind),
                    })
                }),
                (3, Kind::Number) => thrift.size("rows of a group").map(|count| of_group = count),
                _ => thrift.skip(kind),
            })?;
            grouped = grouped.saturating_add(of_group);
            chunks[first..].iter_mut().for_each(|chunk| chunk.values = chunk.values.max(of_group));
            Ok(())
        }),
        _ => thrift.skip(kind),
    })?;
    if rows != grouped || rows > 0 && chunks.is_empty() {
        return Err(format!(
            "{rows} rows, of which {grouped} are in groups of {} columns in all",
            chunks.len()
        ));
    }
    Ok(chunks)
}

fn chunk(thrift: &mut Thrift) -> Result<Chunk, String> {
    let mut chunk = Chunk::default();
    let (mut data, mut dictionary) = (0, None);
    thrift.fields(|thrift, id, kind| match (id, kind) {
        (5, Kind::Number) => thrift.size("values").map(|values| chunk.values = values),
        (6, Kind::Number) => thrift.size("unpacked bytes").map(drop),
        (7, Kind::Number) => thrift.size("bytes of a column").map(|bytes| chunk.bytes = bytes),
        (9, Kind::Number) => thrift.size("a page's place").map(|place| data = place),
        (11, Kind::Number) => {
            thrift.size("a dictionary's place").map(|place| dictionary = Some(place))
        }
        _ => thrift.skip(kind),
    })?;
    // Some writers say 0 where there is none.
    Ok(Chunk { start: dictionary.filter(|place| *place > 0).unwrap_or(data), ..chunk })
}

/// The head of the page at `at`, and its length in bytes.
fn page(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<(Page, u64), String> {
    // Nearly every head is short; one with long statistics is read again.
    for most in [512, MAX_HEAD] {
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(at))
            .and_then(|_| file.take(most.min(end - at)).read_to_end(&mut bytes));
        read.map_err(|error| format!("a page at {at} cannot be read: {error}"))?;
        let mut thrift = Thrift::of(&bytes);
        match page_head(&mut thrift) {
            Ok(page) => return Ok((page, thrift.taken())),
            Err(problem) if most == MAX_HEAD || most >= end - at => {
                return Err(format!("the page at {at}: {problem}"));
            }
            Err(_) => {}
        }
    }
    Err(format!("the page at {at} has no head"))
}

fn page_head(thrift: &mut Thrift) -> Result<Page, String> {
    let mut page = Page::default();
    thrift.fields(|thrift, id, kind| match (id, kind) {
        (2, Kind::Number) => thrift.size("unpacked bytes").map(|bytes| page.unpacked = bytes),
        (3, Kind::Number) => thrift.size("bytes of a page").map(|bytes| page.packed = bytes),
        (5 | 7 | 8, Kind::Struct) => {
            page.is_dictionary = id == 7;
            thrift.fields(|thrift, id, kind| match (id, kind) {
                (1, Kind::Number) => {
                    thrift.size("values of a page").map(|values| page.values = values)
                }
                _ => thrift.skip(kind),
            })
        }
        _ => thrift.skip(kind),
    })?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const FILE: &[u8] = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/stores/v1/grid/trials/31d897f497c7/attempts/2/forecasts.parquet"
    ));

    fn checked(bytes: &[u8]) -> Result<(), String> {
        check(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_file_that_says_the_truth_passes_and_one_that_is_cut_is_read_no_further_than_it_goes() {
        assert_eq!(checked(FILE), Ok(()));
        for length in 0..FILE.len() {
            // Whether it is refused depends on the bytes that come to stand where the footer's
            // length was.
            drop(checked(&FILE[..length]));
            drop(checked(&[&FILE[..length], &FILE[FILE.len() - 8..]].concat()));
        }
        assert!(checked(&FILE[..FILE.len() / 2]).is_err());
    }

    #[test]
    fn a_page_that_claims_to_unpack_to_a_gigabyte_is_refused() {
        // The head of the first page: its type, then both sizes.
        let at = 4;
        assert_eq!(FILE[at], 0x15, "a 32-bit number under id 1");
        let mut thrift = Thrift::of(&FILE[at..]);
        page_head(&mut thrift).unwrap();
        let small = [
            &[0x15, 0x00, 0x15][..],
            &zigzag(100),
            &[0x15],
            &zigzag(0),
            &[0x2C, 0x15],
            &zigzag(1),
            &[0, 0],
        ]
        .concat();
        let large = [
            &[0x15, 0x00, 0x15][..],
            &zigzag(1 << 30),
            &[0x15],
            &zigzag(0),
            &[0x2C, 0x15],
            &zigzag(1),
            &[0, 0],
        ]
        .concat();
        for (head, passes) in [(small, true), (large, false)] {
            let file = one_page(&head, 1);
            let found = checked(&file);
            assert_eq!(found.is_ok(), passes, "{found:?}");
        }
    }

    #[test]
    fn columns_of_too_many_values_and_lists_without_end_are_refused() {
        let head = [
            &[0x15, 0x00, 0x15][..],
            &zigzag(8),
            &[0x15],
            &zigzag(0),
            &[0x2C, 0x15],
            &zigzag(1),
            &[0, 0],
        ]
        .concat();
        assert!(checked(&one_page(&head, 1 << 40)).unwrap_err().contains("claim to unpack"));
        let mut endless = b"PAR1".to_vec();
        endless.extend([0x49, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 7, 0, 0, 0]);
        endless.extend(b"PAR1");
        assert!(checked(&endless).unwrap_err().contains("elements in"));
        let deep =
            [b"PAR1".to_vec(), vec![0x1C; 200], 200_u32.to_le_bytes().to_vec(), b"PAR1".to_vec()]
                .concat();
        assert!(checked(&deep).unwrap_err().contains("deeper"));
    }

    fn zigzag(number: u64) -> Vec<u8> {
        let mut rest = number << 1;
        let mut bytes = Vec::new();
        loop {
            let byte = (rest & 0x7F) as u8;
            rest >>= 7;
            bytes.push(if rest == 0 { byte } else { byte | 0x80 });
            if rest == 0 {
                return bytes;
            }
        }
    }

    /// A file of one row, whose one column has one page with this head and no bytes.
    fn one_page(head: &[u8], values: u64) -> Vec<u8> {
        let column = [
            &[0x56][..],
            &zigzag(values),
            &[0x26],
            &zigzag(head.len() as u64),
            &[0x26],
            &zigzag(4),
            &[0],
        ]
        .concat();
        let group = [&[0x19, 0x1C, 0x3C][..], &column, &[0, 0x26], &zigzag(1), &[0]].concat();
        let footer = [&[0x36][..], &zigzag(1), &[0x19, 0x1C], &group, &[0]].concat();
        let length = (footer.len() as u32).to_le_bytes();
        [b"PAR1", head, &footer, &length, b"PAR1"].concat()
    }
}
