//! What is read, and what is refused.

use super::*;
use crate::export::{Trained, testing, torch::write};
use proptest::prelude::*;
use safetensors::Dtype;

/// Tensors by name: type, shape and bytes.
type File = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn file(trained: &Trained) -> File {
    let bytes = write(trained).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    read.tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect()
}

fn bytes(file: &File) -> Vec<u8> {
    let views = file.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// What is said of the exported file of a point head with two layers after a change.
fn complaint(change: impl Fn(&mut File)) -> String {
    let trained = testing::trained("point", 2);
    let mut file = file(&trained);
    change(&mut file);
    read(&bytes(&file), &trained.shape).unwrap_err().0
}

#[test]
fn other_kinds_of_lstm_are_refused_by_name() {
    let tensor = || (Dtype::F32, vec![1], vec![0; 4]);
    let said = complaint(|file| drop(file.insert("lstm.weight_ih_l0_reverse".into(), tensor())));
    assert!(said.contains("'lstm.weight_ih_l0_reverse' is of a bidirectional LSTM"), "{said}");
    let said = complaint(|file| drop(file.insert("lstm.weight_hr_l0".into(), tensor())));
    assert!(said.contains("with projections"), "{said}");
    let said = complaint(|file| drop(file.insert("lstm.weight_ih_l2".into(), tensor())));
    assert!(said.contains("more than 2 layers"), "{said}");
    let said = complaint(|file| drop(file.insert("gru.weight_ih_l0".into(), tensor())));
    assert!(said.contains("two LSTMs, 'gru.' and 'lstm.'"), "{said}");
    let said = complaint(|file| drop(file.insert("fc.weight".into(), tensor())));
    assert!(said.contains("two linear heads, 'fc.' and 'head.'"), "{said}");
}

#[test]
fn what_is_missing_superfluous_or_of_another_shape_is_named() {
    let said = complaint(|file| drop(file.remove("lstm.bias_hh_l1")));
    assert!(said.starts_with("tensor 'lstm.bias_hh_l1' is missing"), "{said}");
    let said = complaint(|file| file.retain(|name, _| !name.starts_with("lstm")));
    assert!(said.contains("there is no LSTM (there are 'head.bias', 'head.weight')"), "{said}");
    let said = complaint(|file| drop(file.remove("head.weight")));
    assert!(said.contains("no linear head"), "{said}");
    let said = complaint(|file| {
        drop(file.insert("scaler\u{1b}[2J".into(), (Dtype::F32, vec![1], vec![0; 4])))
    });
    assert!(
        said.contains("1 tensors belong to no LSTM") && said.contains("'scaler\\u{1b}[2J'"),
        "{said}"
    );
    let said = complaint(|file| file.get_mut("lstm.weight_hh_l0").unwrap().1.reverse());
    assert!(said.contains("has shape [5, 20], the network's has [20, 5]"), "{said}");
    let said = complaint(|file| file.get_mut("head.bias").unwrap().0 = Dtype::I32);
    assert!(said.contains("tensor 'head.bias' is I32, not F32"), "{said}");
    let said =
        complaint(|file| file.get_mut("head.bias").unwrap().2 = f32::NAN.to_le_bytes().into());
    assert!(said.contains("'head.bias' holds a number that is not finite"), "{said}");
}

#[test]
fn modules_may_have_other_names_and_numbers_other_widths() {
    let trained = testing::trained("quantile", 3);
    let mut other = File::new();
    for (name, (_, shape, data)) in file(&trained) {
        let doubles = data
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|bytes| f64::from(f32::from_le_bytes(*bytes)).to_le_bytes());
        let name = name.replace("lstm.", "model.rnn.").replace("head.", "model.fc.");
        other.insert(name, (Dtype::F64, shape, doubles.collect()));
    }
    assert_eq!(read(&bytes(&other), &trained.shape).unwrap(), *trained.weights());
}

#[test]
fn the_two_biases_are_added() {
    let trained = testing::trained("point", 1);
    let mut file = file(&trained);
    let quarter = 0.25_f32.to_le_bytes();
    let (_, shape, data) = file.get_mut("lstm.bias_hh_l0").unwrap();
    *data = quarter.repeat(shape[0]);
    let read = read(&bytes(&file), &trained.shape).unwrap();
    let expected: Vec<f32> = trained.weights().0[2].values.iter().map(|bias| bias + 0.25).collect();
    assert_eq!(read.0[2].values, expected);
}

fn shapes() -> impl Strategy<Value = (usize, usize, usize, usize)> {
    (1_usize..6, 1_usize..9, 1_usize..4, 1_usize..4)
}

proptest! {
    #[test]
    fn what_was_exported_comes_back_bit_by_bit(
        (features, hidden, layers, outputs) in shapes(),
        seed in any::<u64>(),
    ) {
        let trained = testing::network(features, hidden, layers, outputs, seed);
        let back = read(&write(&trained).unwrap(), &trained.shape).unwrap();
        let bits = |weights: &Weights| -> Vec<(String, Vec<usize>, Vec<u32>)> {
            let bits =
                |weight: &Weight| weight.values.iter().map(|value| value.to_bits()).collect();
            weights
                .0
                .iter()
                .map(|weight| (weight.name.clone(), weight.shape.clone(), bits(weight)))
                .collect()
        };
        prop_assert_eq!(bits(&back), bits(trained.weights()));
    }

    #[test]
    fn mutated_bytes_are_read_or_refused_and_never_panic(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let trained = testing::trained("point", 2);
        let mut bytes = write(&trained).unwrap();
        let header = bytes.len().min(1200);
        for (place, byte) in places {
            bytes[place.index(header)] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(weights) = read(&bytes, &trained.shape) {
            prop_assert_eq!(weights.0.len(), 8);
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes, &testing::trained("point", 1).shape).is_err());
    }
}

#[test]
fn a_huge_header_and_overlapping_tensors_are_refused() {
    let shape = testing::trained("point", 1).shape;
    for length in [u64::MAX, 1 << 40, (1 << 20) + 1] {
        let said = read(&[&length.to_le_bytes()[..], b"{}"].concat(), &shape).unwrap_err().0;
        assert!(said.contains("not a safetensors file"), "{said}");
    }
    let header = concat!(
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#,
        r#""b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#
    );
    let overlapping =
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 6]].concat();
    assert!(read(&overlapping, &shape).unwrap_err().0.contains("not a safetensors file"));
    let huge = r#"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,0]}}"#;
    let huge = [&(huge.len() as u64).to_le_bytes()[..], huge.as_bytes()].concat();
    assert!(read(&huge, &shape).is_err());
}
