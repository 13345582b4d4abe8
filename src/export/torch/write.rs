//! A trained model as PyTorch's weights.

use serde::Serialize;
use std::collections::BTreeMap;

use crate::export::description::{Description, KEY};
use crate::export::{ExportError, Trained};

/// The model as a safetensors file with the keys of a module that has an `nn.LSTM` named `lstm` and
/// an `nn.Linear` named `head`. Its metadata hold `format` = `pt` and, under `kiln`, a JSON text
/// with features, window, head, target and scaling.
///
/// # Errors
/// Never on a model that was made by [`Trained::of`]; an error would mean that JSON cannot hold its
/// names.
pub fn write(trained: &Trained) -> Result<Vec<u8>, ExportError> {
    let (hidden, gates) = (trained.shape.hidden, 4 * trained.shape.hidden);
    let mut file = File::default();
    for (number, layer) in trained.layers().enumerate() {
        file.push(
            format!("lstm.weight_ih_l{number}"),
            vec![gates, layer.inputs],
            transposed(layer.w_input, gates),
        );
        file.push(
            format!("lstm.weight_hh_l{number}"),
            vec![gates, hidden],
            transposed(layer.w_hidden, gates),
        );
        file.push(format!("lstm.bias_ih_l{number}"), vec![gates], layer.bias.iter().copied());
        file.push(format!("lstm.bias_hh_l{number}"), vec![gates], std::iter::repeat_n(0.0, gates));
    }
    let (weight, bias) = trained.head();
    file.push("head.weight".to_owned(), vec![bias.len(), hidden], weight.iter().copied());
    file.push("head.bias".to_owned(), vec![bias.len()], bias.iter().copied());
    file.bytes(&Description::of(trained).text()?)
}

/// The values of a `[rows, columns]` matrix column by column.
fn transposed(values: &[f32], columns: usize) -> impl Iterator<Item = f32> + '_ {
    (0..columns).flat_map(move |column| values.iter().skip(column).step_by(columns).copied())
}

/// Tensors one after the other. (The crate `safetensors` writes metadata in random order; here
/// equal models give equal bytes.)
#[derive(Default)]
struct File {
    entries: Vec<(String, Entry)>,
    data: Vec<u8>,
}

#[derive(Serialize)]
struct Entry {
    dtype: &'static str,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

impl File {
    fn push(&mut self, name: String, shape: Vec<usize>, values: impl Iterator<Item = f32>) {
        let start = self.data.len();
        self.data.extend(values.flat_map(f32::to_le_bytes));
        self.entries
            .push((name, Entry { dtype: "F32", shape, data_offsets: [start, self.data.len()] }));
    }

    /// Eight bytes of the header's length, the header, the data.
    fn bytes(self, description: &str) -> Result<Vec<u8>, ExportError> {
        let metadata = BTreeMap::from([("format", "pt"), (KEY, description)]);
        let unwritten = |error: serde_json::Error| {
            ExportError::new(format!("the header cannot be written: {error}"))
        };
        let mut header =
            format!("{{\"__metadata__\":{}", serde_json::to_string(&metadata).map_err(unwritten)?);
        for (name, entry) in &self.entries {
            let [name, entry] = [serde_json::to_string(name), serde_json::to_string(entry)]
                .map(|text| text.map_err(unwritten));
            header.push_str(&format!(",{}:{}", name?, entry?));
        }
        header.push('}');
        // The data begin on a multiple of eight bytes.
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        Ok([&(header.len() as u64).to_le_bytes(), header.as_bytes(), &self.data].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;
    use safetensors::SafeTensors;

    #[test]
    fn the_keys_and_shapes_are_those_of_pytorch() {
        let trained = testing::trained("quantile", 2);
        let bytes = write(&trained).unwrap();
        assert_eq!(bytes, write(&trained).unwrap());
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut shapes: Vec<(String, Vec<usize>)> =
            file.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
        shapes.sort();
        let (features, hidden) = (trained.shape.features, trained.shape.hidden);
        let mut expected: Vec<(String, Vec<usize>)> = [
            ("head.bias", vec![3]),
            ("head.weight", vec![3, hidden]),
            ("lstm.bias_hh_l0", vec![4 * hidden]),
            ("lstm.bias_hh_l1", vec![4 * hidden]),
            ("lstm.bias_ih_l0", vec![4 * hidden]),
            ("lstm.bias_ih_l1", vec![4 * hidden]),
            ("lstm.weight_hh_l0", vec![4 * hidden, hidden]),
            ("lstm.weight_hh_l1", vec![4 * hidden, hidden]),
            ("lstm.weight_ih_l0", vec![4 * hidden, features]),
            ("lstm.weight_ih_l1", vec![4 * hidden, hidden]),
        ]
        .map(|(name, shape)| (name.to_owned(), shape))
        .into();
        expected.sort();
        assert_eq!(shapes, expected);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = metadata.metadata().clone().unwrap();
        assert_eq!(metadata["format"], "pt");
        let description: Description = serde_json::from_str(&metadata["kiln"]).unwrap();
        assert_eq!(description, Description::of(&trained));
    }

    #[test]
    fn a_matrix_is_transposed() {
        assert_eq!(
            transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).collect::<Vec<_>>(),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
    }
}
