//! The sizes that a Parquet file claims, checked against its length before a reader believes them.
//!
//! A reader asks for memory by what the file says of itself: values of a column, bytes of a page once unpacked. A file of 200 bytes may
//! say 2^40, and a process whose memory is refused ends, which no one can catch. So the footer and the head of each page are walked
//! through first: this knows their layout (Thrift's compact protocol) and nothing of values.

use std::io::{self, Read, Seek, SeekFrom};

/// What a file may claim to unpack to, whatever its length, bytes; and for each byte of its length.
const ANY_LENGTH: u64 = 64 << 20;
const PER_BYTE: u64 = 256;
/// Bytes that a value takes once it is read.
const VALUE: u64 = 8;
/// Longest head of a page, bytes; statistics may hold values.
const MAX_HEAD: u64 = 1 << 20;
/// Structures within structures: the format itself has 6.
const MAX_DEPTH: u32 = 24;

/// Checks a file of `length` bytes that begins and ends as Parquet does.
///
/// # Errors
/// When the claims do not fit the length or one another, in words; or the file cannot be read.
pub(crate) fn check(file: &mut (impl Read + Seek), length: u64) -> Result<(), String> {
    let budget = ANY_LENGTH.max(length.saturating_mul(PER_BYTE));
    let mut claimed = 0_u64;
    let mut claim = |bytes: u64| {
        claimed = claimed.saturating_add(bytes);
        if claimed > budget { Err(format!("{length} bytes claim to unpack to more than {budget}")) } else { Ok(()) }
    };
    let footer = footer(file, length)?;
    for Chunk { values, start, bytes } in chunks(&footer)? {
        claim(values.saturating_mul(VALUE))?;
        let end = start.checked_add(bytes).filter(|end| *end <= length && start >= 4);
        let end = end.ok_or_else(|| format!("a column of {bytes} bytes at {start} lies beyond the file's {length}"))?;
        let (mut at, mut seen) = (start, 0_u64);
        while at < end && seen < values {
            let (head, head_bytes) = page(file, at, end)?;
            claim(head.unpacked)?;
            if head.values > values && !head.is_dictionary {
                return Err(format!("a page of {} values in a column of {values}", head.values));
            }
            seen = seen.saturating_add(if head.is_dictionary { 0 } else { head.values });
            let next = at.checked_add(head_bytes).and_then(|at| at.checked_add(head.packed)).filter(|next| *next <= end);
            at = next.ok_or_else(|| format!("a page of {} bytes at {at} lies beyond its column", head.packed))?;
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
    file.seek(SeekFrom::Start(length.saturating_sub(8))).and_then(|_| file.read_exact(&mut bytes)).map_err(cut)?;
    let claimed = u64::from(u32::from_le_bytes(bytes));
    let start = length.saturating_sub(8).checked_sub(claimed);
    let start = start.ok_or_else(|| format!("a footer of {claimed} bytes is longer than the file"))?;
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start)).and_then(|_| file.take(claimed).read_to_end(&mut footer)).map_err(cut)?;
    Ok(footer)
}

/// `FileMetaData.row_groups[].columns[].meta_data`, as far as it says sizes and places.
fn chunks(footer: &[u8]) -> Result<Vec<Chunk>, String> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let (mut rows, mut grouped) = (0_u64, 0_u64);
    let mut thrift = Thrift { bytes: footer, at: 0, depth: 0 };
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
        return Err(format!("{rows} rows, of which {grouped} are in groups of {} columns in all", chunks.len()));
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
        (11, Kind::Number) => thrift.size("a dictionary's place").map(|place| dictionary = Some(place)),
        _ => thrift.skip(kind),
    })?;
    Ok(Chunk { start: dictionary.unwrap_or(data), ..chunk })
}

/// The head of the page at `at`, and its length in bytes.
fn page(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<(Page, u64), String> {
    // Nearly every head is short; one with long statistics is read again.
    for most in [512, MAX_HEAD] {
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.take(most.min(end - at)).read_to_end(&mut bytes));
        read.map_err(|error| format!("a page at {at} cannot be read: {error}"))?;
        let mut thrift = Thrift { bytes: &bytes, at: 0, depth: 0 };
        match page_head(&mut thrift) {
            Ok(page) => return Ok((page, thrift.at as u64)),
            Err(problem) if most == MAX_HEAD || most >= end - at => return Err(format!("the page at {at}: {problem}")),
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
                (1, Kind::Number) => thrift.size("values of a page").map(|values| page.values = values),
                _ => thrift.skip(kind),
            })
        }
        _ => thrift.skip(kind),
    })?;
    Ok(page)
}

/// Reads Thrift's compact protocol; never beyond its bytes.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A boolean, whose value stands in its kind.
    Flag,
    Byte,
    /// 16, 32 or 64 bits.
    Number,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Thrift<'_> {
    /// Hands each field of a structure to `take`, which must take it or skip it.
    fn fields(&mut self, mut take: impl FnMut(&mut Self, i64, Kind) -> Result<(), String>) -> Result<(), String> {
        self.enter()?;
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Ok(());
            }
            id = if head >> 4 == 0 { self.number()? } else { id.saturating_add(i64::from(head >> 4)) };
            take(self, id, kind_of(head & 0x0F)?)?;
        }
    }

    /// Hands each structure of a list to `take`.
    fn structs(&mut self, mut take: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let (count, kind) = self.list()?;
        if kind != Kind::Struct && count > 0 {
            return Err(format!("a list of {kind:?} where structures should be"));
        }
        (0..count).try_for_each(|_| take(self))
    }

    /// A number that counts something.
    fn size(&mut self, what: &str) -> Result<u64, String> {
        let number = self.number()?;
        u64::try_from(number).map_err(|_| format!("{what}: {number}"))
    }

    fn skip(&mut self, kind: Kind) -> Result<(), String> {
        match kind {
            Kind::Flag => Ok(()),
            Kind::Byte => self.jump(1),
            Kind::Number => self.varint().map(drop),
            Kind::Double => self.jump(8),
            Kind::Binary => self.varint().and_then(|length| self.jump(length)),
            Kind::Struct => self.fields(|thrift, _, kind| thrift.skip(kind)),
            Kind::List => {
                let (count, kind) = self.list()?;
                self.enter()?;
                (0..count).try_for_each(|_| self.skip_element(kind))?;
                self.depth -= 1;
                Ok(())
            }
            Kind::Map => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                self.enter()?;
                for _ in 0..count {
                    self.skip_element(kind_of(kinds >> 4)?)?;
                    self.skip_element(kind_of(kinds & 0x0F)?)?;
                }
                self.depth -= 1;
                Ok(())
            }
        }
    }

    /// In a list a boolean takes a byte.
    fn skip_element(&mut self, kind: Kind) -> Result<(), String> {
        if kind == Kind::Flag { self.jump(1) } else { self.skip(kind) }
    }

    fn list(&mut self) -> Result<(u64, Kind), String> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // An element takes a byte at least.
        if count > (self.bytes.len() - self.at) as u64 {
            return Err(format!("a list of {count} elements in {} bytes", self.bytes.len() - self.at));
        }
        Ok((count, kind_of(head & 0x0F)?))
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(format!("structures nest deeper than {MAX_DEPTH}")) } else { Ok(()) }
    }

    fn byte(&mut self) -> Result<u8, String> {
        let byte = self.bytes.get(self.at).copied().ok_or("it ends in the middle")?;
        self.at += 1;
        Ok(byte)
    }

    fn jump(&mut self, bytes: u64) -> Result<(), String> {
        let left = (self.bytes.len() - self.at) as u64;
        if bytes > left {
            return Err(format!("{bytes} bytes where {left} are left"));
        }
        self.at += bytes as usize;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number of more than 64 bits".to_owned())
    }

    /// Zigzag: the sign is the lowest bit.
    fn number(&mut self) -> Result<i64, String> {
        self.varint().map(|number| (number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

fn kind_of(code: u8) -> Result<Kind, String> {
    Ok(match code {
        1 | 2 => Kind::Flag,
        3 => Kind::Byte,
        4..=6 => Kind::Number,
        7 => Kind::Double,
        8 => Kind::Binary,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        code => return Err(format!("a field of unknown kind {code}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const FILE: &[u8] = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/stores/v1/grid/trials/31d897f497c7/attempts/2/forecasts.parquet"
    ));

    fn checked(bytes: &[u8]) -> Result<(), String> {
        check(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_file_that_says_the_truth_passes_and_one_without_its_footer_does_not() {
        assert_eq!(checked(FILE), Ok(()));
        let footer = u32::from_le_bytes(FILE[FILE.len() - 8..FILE.len() - 4].try_into().unwrap()) as usize;
        for lost in 1..=footer {
            let bytes = [&FILE[..FILE.len() - 8 - lost], &FILE[FILE.len() - 8..]].concat();
            assert!(checked(&bytes).is_err(), "{lost} of {footer} bytes");
        }
    }

    #[test]
    fn a_page_that_claims_to_unpack_to_a_gigabyte_is_refused() {
        // The head of the first page: its type, then both sizes.
        let at = 4;
        assert_eq!(FILE[at], 0x15, "a 32-bit number under id 1");
        let mut thrift = Thrift { bytes: &FILE[at..], at: 0, depth: 0 };
        page_head(&mut thrift).unwrap();
        let small = [&[0x15, 0x00, 0x15][..], &zigzag(100), &[0x15], &zigzag(0), &[0x2C, 0x15], &zigzag(1), &[0, 0]].concat();
        let large = [&[0x15, 0x00, 0x15][..], &zigzag(1 << 30), &[0x15], &zigzag(0), &[0x2C, 0x15], &zigzag(1), &[0, 0]].concat();
        for (head, passes) in [(small, true), (large, false)] {
            let file = one_page(&head, 1);
            let found = checked(&file);
            assert_eq!(found.is_ok(), passes, "{found:?}");
        }
    }

    #[test]
    fn columns_of_too_many_values_and_lists_without_end_are_refused() {
        let head = [&[0x15, 0x00, 0x15][..], &zigzag(8), &[0x15], &zigzag(0), &[0x2C, 0x15], &zigzag(1), &[0, 0]].concat();
        assert!(checked(&one_page(&head, 1 << 40)).unwrap_err().contains("claim to unpack"));
        let mut endless = b"PAR1".to_vec();
        endless.extend([0x49, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 7, 0, 0, 0]);
        endless.extend(b"PAR1");
        assert!(checked(&endless).unwrap_err().contains("elements in"));
        let deep = [b"PAR1".to_vec(), vec![0x1C; 200], 200_u32.to_le_bytes().to_vec(), b"PAR1".to_vec()].concat();
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
        let column = [&[0x56][..], &zigzag(values), &[0x26], &zigzag(head.len() as u64), &[0x26], &zigzag(4), &[0]].concat();
        let group = [&[0x19, 0x1C, 0x3C][..], &column, &[0, 0x26], &zigzag(1), &[0]].concat();
        let footer = [&[0x36][..], &zigzag(1), &[0x19, 0x1C], &group, &[0]].concat();
        let length = (footer.len() as u32).to_le_bytes();
        [b"PAR1", head, &footer, &length, b"PAR1"].concat()
    }
}
