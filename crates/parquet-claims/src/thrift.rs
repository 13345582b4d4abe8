//! Thrift's compact protocol, as far as sizes need it.

/// Structures within structures: Parquet has 6.
const MAX_DEPTH: u32 = 24;

/// Reads Thrift's compact protocol; never beyond its bytes.
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
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

impl<'a> Thrift<'a> {
    /// From the first byte.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Bytes taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.at as u64
    }

    /// Hands each field of a structure to `take`, which must take it or skip it.
    pub(crate) fn fields(
        &mut self,
        mut take: impl FnMut(&mut Self, i64, Kind) -> Result<(), String>,
    ) -> Result<(), String> {
        self.enter()?;
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Ok(());
            }
            id = if head >> 4 == 0 {
                self.number()?
            } else {
                id.saturating_add(i64::from(head >> 4))
            };
            take(self, id, kind_of(head & 0x0F)?)?;
        }
    }

    /// Hands each structure of a list to `take`.
    pub(crate) fn structs(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let (count, kind) = self.list()?;
        if kind != Kind::Struct && count > 0 {
            return Err(format!("a list of {kind:?} where structures should be"));
        }
        (0..count).try_for_each(|_| take(self))
    }

    /// A number that counts something.
    pub(crate) fn size(&mut self, what: &str) -> Result<u64, String> {
        let number = self.number()?;
        u64::try_from(number).map_err(|_| format!("{what}: {number}"))
    }

    pub(crate) fn skip(&mut self, kind: Kind) -> Result<(), String> {
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
            return Err(format!(
                "a list of {count} elements in {} bytes",
                self.bytes.len() - self.at
            ));
        }
        Ok((count, kind_of(head & 0x0F)?))
    }

    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            Err(format!("structures nest deeper than {MAX_DEPTH}"))
        } else {
            Ok(())
        }
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
