use proptest::prelude::*;

use super::*;

fn weights() -> impl Strategy<Value = Weights> {
    prop::collection::vec((0_usize..4, 0_usize..4, any::<u32>()), 0..5).prop_map(|shapes| {
        let weights =
            shapes.into_iter().enumerate().map(|(number, (rows, columns, bits))| Weight {
                name: format!("lstm.{number}.w_input"),
                shape: vec![rows, columns],
                values: (0..rows * columns)
                    .map(|index| f32::from_bits(bits.wrapping_mul(index as u32 + 1)))
                    .collect(),
            });
        Weights(weights.collect())
    })
}

prop_compose! {
    fn states()(
        weights in weights(),
        has_best: bool,
        has_second: bool,
        (steps, epoch, cursor) in (any::<u64>(), any::<usize>(), any::<usize>()),
        sums in any::<[u64; 4]>(),
        (factor, best) in (any::<Option<u64>>(), any::<Option<u64>>()),
        waited: usize,
    ) -> LaneState {
        let reversed = |weight: &Weight| weight.values.iter().rev().copied().collect();
        let moments: Vec<Vec<f32>> = weights.0.iter().map(reversed).collect();
        LaneState {
            best: has_best.then(|| weights.clone()),
            first_moment: moments.clone(),
            second_moment: if has_second { moments } else { Vec::new() },
            weights,
            steps,
            epoch,
            cursor,
            sums: sums.map(f64::from_bits),
            schedule: ScheduleState {
                epoch,
                factor: factor.map(f64::from_bits),
                best: best.map(f64::from_bits),
                waited,
            },
            stop: StopState { best: factor.map(f64::from_bits), best_epoch: cursor, waited },
        }
    }
}

proptest! {
    #[test]
    fn a_state_comes_back_bit_for_bit(state in states()) {
        let bytes = state.to_bytes().unwrap();
        let back = LaneState::from_bytes(&bytes).unwrap();
        // Bytes, not values: NaN is not equal to itself.
        prop_assert_eq!(format!("{:?}", &back), format!("{:?}", &state));
        prop_assert_eq!(back.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn weights_come_back_bit_for_bit(weights in weights()) {
        let bytes = weights.to_bytes().unwrap();
        prop_assert_eq!(Weights::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_a_panic(
        state in states(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        truncate: bool,
    ) {
        let mut bytes = state.to_bytes().unwrap();
        for (index, byte) in edits {
            let length = bytes.len();
            bytes[index.index(length)] = byte;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
            prop_assert!(LaneState::from_bytes(&bytes).is_err());
        }
        drop((LaneState::from_bytes(&bytes), Weights::from_bytes(&bytes)));
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(
            LaneState::from_bytes(&bytes).is_err() && Weights::from_bytes(&bytes).is_err()
        );
    }
}

fn one(name: &str) -> Weights {
    Weights(vec![Weight { name: name.to_owned(), shape: vec![2], values: vec![1.0, 2.0] }])
}

#[test]
fn weights_are_no_state_and_a_state_is_no_weights() {
    let state = LaneState {
        weights: one("a"),
        best: None,
        first_moment: Vec::new(),
        second_moment: Vec::new(),
        steps: 0,
        epoch: 0,
        cursor: 0,
        sums: [0.0; 4],
        schedule: ScheduleState::default(),
        stop: StopState::default(),
    };
    assert!(LaneState::from_bytes(&one("a").to_bytes().unwrap()).is_err());
    assert!(Weights::from_bytes(&state.to_bytes().unwrap()).is_err());
}

#[test]
fn another_format_a_foreign_file_and_a_huge_header_are_refused_with_the_reason() {
    let mut bytes = one("a").to_bytes().unwrap();
    let written = br#"\"format\":1"#;
    let at = bytes.windows(written.len()).position(|window| window == written).unwrap();
    bytes[at + written.len() - 1] = b'7';
    let error = Weights::from_bytes(&bytes).unwrap_err();
    assert_eq!(error.0, "the checkpoint has format 7, this version reads 1");

    let values = [0_u8; 4];
    let view = TensorView::new(Dtype::F32, vec![1], &values).unwrap();
    let foreign = safetensors::serialize([("a", view)], None).unwrap();
    assert!(
        Weights::from_bytes(&foreign).unwrap_err().0.contains("no 'burn-lanes' in the metadata")
    );

    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend([b'{'; 100]);
    assert!(Weights::from_bytes(&huge).unwrap_err().0.contains("no header of at most"));
}

#[test]
fn a_weight_whose_values_do_not_fill_its_shape_is_not_written() {
    let mut weights = one("head.weight");
    weights.0[0].values.pop();
    assert!(weights.to_bytes().unwrap_err().0.contains("head.weight"));
}

#[test]
fn tensors_that_nobody_asked_for_and_twice_named_weights_are_refused() {
    let twice = Weights([one("a").0, one("a").0].concat());
    assert_eq!(twice.to_bytes().unwrap_err().0, "there are two weights 'a'");

    let mut tensors = Tensors::default();
    tensors.add("", &one("a"));
    tensors.add("", &one("b"));
    let bytes = tensors
        .write(&WeightsHeader {
            format: FORMAT,
            kind: WeightsKind::Weights,
            weights: vec!["a".into()],
        })
        .unwrap();
    assert_eq!(Weights::from_bytes(&bytes).unwrap_err().0, "tensor 'b' belongs to nothing");
}
