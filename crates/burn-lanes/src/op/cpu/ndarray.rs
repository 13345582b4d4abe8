//! Storage of the ndarray backend.

use burn::backend::NdArray;
use burn::backend::ndarray::NdArrayDevice;
use burn::tensor::TensorData;
use burn_ndarray::NdArrayTensor;

use super::host::Host;

impl Host for NdArray {
    fn contiguous(tensor: NdArrayTensor) -> NdArrayTensor {
        match &tensor {
            NdArrayTensor::F32(storage) if !storage.view().is_standard_layout() => {
                let data = TensorData::new(
                    storage.view().iter().copied().collect::<Vec<f32>>(),
                    storage.shape().to_vec(),
                );
                <Self as burn::tensor::ops::FloatTensorOps<Self>>::float_from_data(
                    data,
                    &NdArrayDevice::Cpu,
                )
            }
            _ => tensor,
        }
    }

    fn values(tensor: &NdArrayTensor) -> &[f32] {
        match tensor {
            NdArrayTensor::F32(storage) => storage.view().to_slice().unwrap_or(&[]),
            _ => &[],
        }
    }

    fn into_values(tensor: NdArrayTensor) -> Vec<f32> {
        match tensor {
            // Shared arrays are unwrapped without a copy when they are unique.
            NdArrayTensor::F32(storage)
                if storage.is_unique() && storage.view().is_standard_layout() =>
            {
                storage.into_owned().into_owned().into_raw_vec_and_offset().0
            }
            _ => Self::values(&Self::contiguous(tensor)).to_vec(),
        }
    }
}
