//! Storage of the Flex backend.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::host::Host;

impl Host for Flex {
    fn contiguous(tensor: FlexTensor) -> FlexTensor {
        if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
    }

    fn values(tensor: &FlexTensor) -> &[f32] {
        tensor.as_slice().unwrap_or(&[])
    }

    fn into_values(tensor: FlexTensor) -> Vec<f32> {
        if tensor.is_unique() {
            tensor.into_data().into_vec().unwrap_or_default()
        } else {
            Self::values(&Self::contiguous(tensor)).to_vec()
        }
    }
}
