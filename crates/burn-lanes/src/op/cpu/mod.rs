#![allow(dead_code)]
mod activation;
mod pool;
mod simd;
pub(crate) use pool::clear as release_memory;
impl super::LstmBackend for burn::backend::Flex {}
#[cfg(feature = "ndarray")]
impl super::LstmBackend for burn::backend::NdArray {}
