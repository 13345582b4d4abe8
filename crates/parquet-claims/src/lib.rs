//! The sizes that a Parquet file claims, checked against its length before a reader trusts them.
//!
//! A reader asks for memory by what the file says of itself: values of a column, bytes of a page
//! once unpacked. A file of 200 bytes may say 2^40, and a process whose memory is refused ends,
//! which no one can catch. So the footer and the head of each page are walked through first: this
//! knows their layout (Thrift's compact protocol) and nothing of values.

mod claims;
mod thrift;

pub use claims::check;
