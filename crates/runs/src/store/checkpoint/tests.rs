use super::super::testing;
use super::*;
use proptest::prelude::*;

fn at(epoch: usize) -> Cursor {
    Cursor { epoch, batch: 0 }
}

#[test]
fn the_last_and_the_one_before_are_kept_and_the_newest_is_found_across_attempts() {
    let run = testing::run();
    let (first, second) = (attempt_path(run.path(), 1), attempt_path(run.path(), 2));
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    for epoch in 1..=4 {
        write(&first, at(epoch), format!("one {epoch}").as_bytes()).unwrap();
    }
    write(&second, at(3), b"two 3").unwrap();
    assert_eq!(cursors(&first.join("checkpoints")).unwrap(), [at(3), at(4)]);
    let newest = |run: &Path| newest(run, |_| Ok(())).unwrap().0.unwrap();
    assert_eq!(
        newest(run.path()),
        Checkpoint { attempt: 1, cursor: at(4), bytes: b"one 4".to_vec() }
    );
    write(&second, at(4), b"two 4").unwrap();
    assert_eq!(newest(run.path()).bytes, b"two 4");
    write(&second, Cursor { epoch: 4, batch: 7 }, b"two 4.7").unwrap();
    assert_eq!(newest(run.path()).bytes, b"two 4.7");
}

#[test]
fn a_checkpoint_that_was_not_committed_is_written_again_and_a_committed_one_stays() {
    let run = testing::run();
    let attempt = attempt_path(run.path(), 1);
    fs::create_dir_all(attempt.join("checkpoints/1-0")).unwrap();
    fs::write(attempt.join("checkpoints/1-0/state.safetensors"), b"torn").unwrap();
    write(&attempt, at(1), b"whole").unwrap();
    write(&attempt, at(1), b"again").unwrap();
    assert_eq!(newest(run.path(), |_| Ok(())).unwrap().0.unwrap().bytes, b"whole");
}

#[test]
fn the_best_weights_follow_their_marker() {
    let run = testing::run();
    let attempt = attempt_path(run.path(), 1);
    fs::create_dir_all(&attempt).unwrap();
    assert_eq!(best(&attempt).unwrap(), None);
    write_best(&attempt, at(1), b"first").unwrap();
    write_best(&attempt, at(5), b"second").unwrap();
    assert_eq!(
        best(&attempt).unwrap().unwrap(),
        ("best-5-0.safetensors".to_owned(), b"second".to_vec())
    );
    assert_eq!(files::names_in(&attempt.join("checkpoints")).unwrap().len(), 2);
    fs::write(attempt.join("checkpoints/best-5-0.safetensors"), b"secund").unwrap();
    assert!(best(&attempt).unwrap_err().to_string().contains("checksum"));
}

proptest! {
    #[test]
    fn any_flipped_bit_or_cut_falls_back_to_the_checkpoint_before_and_says_so(
        in_marker: bool,
        place: prop::sample::Index,
        bit in 0_u8..8,
        cut: bool,
    ) {
        let run = testing::run();
        let attempt = attempt_path(run.path(), 1);
        fs::create_dir_all(&attempt).unwrap();
        write(&attempt, at(1), b"the state before").unwrap();
        write(&attempt, at(2), b"the newest state").unwrap();
        let path = attempt.join("checkpoints/2-0").join(if in_marker {
            "COMMIT"
        } else {
            "state.safetensors"
        });
        let mut bytes = fs::read(&path).unwrap();
        // The marker's final newline is not part of its JSON.
        let place = place.index(bytes.len() - usize::from(in_marker));
        if cut {
            bytes.truncate(place)
        } else {
            bytes[place] ^= 1 << bit
        }
        fs::write(&path, &bytes).unwrap();
        let (found, warnings) = newest(run.path(), |_| Ok(())).unwrap();
        // A changed key name or version may leave a marker that says the same; the bytes are
        // then whole.
        match found.unwrap() {
            checkpoint if checkpoint.cursor == at(2) => {
                prop_assert_eq!(checkpoint.bytes, b"the newest state")
            }
            checkpoint => {
                prop_assert_eq!(checkpoint.bytes, b"the state before");
                prop_assert_eq!(warnings.len(), 1);
                prop_assert!(
                    warnings[0].contains("checkpoint 2-0 of attempt 1"),
                    "{}",
                    warnings[0]
                );
            }
        }
    }
}
