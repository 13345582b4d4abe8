//! Bytes that a parser would not expect, made of bytes that it would.

/// Numbers from a seed (splitmix64).
pub(crate) struct Draws(u64);

impl Draws {
    /// Of one case of a target.
    pub(crate) fn of(target: &str, number: u64) -> Self {
        let seed = target.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        Self(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.next() % end as u64) as usize }
    }

    fn of_list<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Numbers where something may overflow, divide by nothing or be no number.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "-0.0",
    "nan",
    "inf",
    "-inf",
    "NaN",
    "Infinity",
    "1e400",
    "-1e400",
    "1e-400",
    "1e308",
    "-1e308",
    "5e-324",
    "1e39",
    "255",
    "256",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "999999999999999999999999999999",
    "0x7fffffffffffffff",
    "1_000",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
];

/// Text that something may take for more than text.
const TEXTS: &[&str] = &[
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{1b}[2J",
    "\u{9b}31m",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\0",
    "\r\n",
    "\n",
    "\n\n",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\uffff",
    "</script>",
    "<!--",
    "../",
    "..\\",
    "/etc/passwd",
    "=",
    "==",
    ",",
    ",,",
    ";",
    ":",
    "#",
    "|",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "]]",
    "{}",
    "-",
    ".",
    "e",
    "é",
    "\u{ffff}",
    "𝕏",
    "\u{e0001}",
    "1979-05-27T07:32:00Z",
    "2024-02-30",
    "24:60:60",
];

/// Numbers of bytes, as binary formats write lengths and places.
const LENGTHS: &[u64] = &[
    0,
    1,
    2,
    7,
    8,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 32,
    1 << 40,
    1 << 62,
    i64::MAX as u64,
    u64::MAX,
];

/// Most bytes of a case.
const MOST: usize = 1 << 20;

/// One of the corpus, mutated once to eight times.
pub(crate) fn mutated(corpus: &[Vec<u8>], mut draws: Draws) -> Vec<u8> {
    let mut bytes = corpus[draws.below(corpus.len())].clone();
    for _ in 0..=draws.below(8) {
        mutate(&mut bytes, corpus, &mut draws);
        bytes.truncate(MOST);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], draws: &mut Draws) {
    let at = draws.below(bytes.len() + 1);
    let most = 1 << draws.below(10);
    let length = draws.below(most).min(bytes.len() - at);
    match draws.below(16) {
        0 | 1 if at < bytes.len() => bytes[at] ^= 1 << draws.below(8),
        2 if at < bytes.len() => bytes[at] = draws.next() as u8,
        3 => insert(bytes, at, &draws.next().to_le_bytes()[..draws_length(at)]),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let slice = bytes[at..at + length].to_vec();
            let to = draws.below(bytes.len() + 1);
            insert(bytes, to, &slice);
        }
        6 => bytes.truncate(at),
        7 => {
            let other = &corpus[draws.below(corpus.len())];
            let from = draws.below(other.len() + 1);
            let until = (from + (1 << draws.below(12))).min(other.len());
            insert(bytes, at, &other[from..until]);
        }
        8 => insert(bytes, at, draws.of_list(TEXTS).as_bytes()),
        9 => {
            let times = 1 << draws.below(12);
            let text = draws.of_list(TEXTS).repeat(times);
            insert(bytes, at, text.as_bytes());
        }
        10 => {
            let value = LENGTHS[draws.below(LENGTHS.len())].to_le_bytes();
            let width = [1, 2, 4, 8][draws.below(4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&value[..width]);
        }
        11..=13 => replace_number(bytes, at, draws),
        14 => lines(bytes, draws),
        _ => {
            let slice = bytes[at..at + length.min(64)].to_vec();
            insert(bytes, at, &slice.repeat(most));
        }
    }
}

fn draws_length(at: usize) -> usize {
    1 + at % 8
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}

/// The first number behind `at` becomes another.
fn replace_number(bytes: &mut Vec<u8>, at: usize, draws: &mut Draws) {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let Some(from) = bytes[at..].iter().position(digit).map(|place| at + place) else { return };
    let part =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
    let until =
        bytes[from..].iter().position(|byte| !part(byte)).map_or(bytes.len(), |place| from + place);
    let other = draws.of_list(NUMBERS);
    bytes.splice(from..until, other.bytes());
}

/// A line is doubled, lost, or changes its place.
fn lines(bytes: &mut Vec<u8>, draws: &mut Draws) {
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (a, b) = (draws.below(lines.len()), draws.below(lines.len()));
    match draws.below(3) {
        0 => lines.insert(b, lines[a].clone()),
        1 => drop(lines.remove(a)),
        _ => lines.swap(a, b),
    }
    *bytes = lines.concat();
}
