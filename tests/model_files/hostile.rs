//! Files made by somebody who knows the format: S27 to S39.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use kiln::forecast::Forecaster;
use kiln::model::SavedModel;

use crate::allocation::most_held;
use crate::victim::{MODEL_CARD, SUMS, Victim, WEIGHTS, flex, window};

#[test]
fn a_header_length_that_no_file_has_is_refused_unread() {
    for length in [1_u64 << 63, u64::MAX, 8 << 20 | 1, 1 << 40, 0] {
        let victim = Victim::new(1);
        let mut weights = victim.file(WEIGHTS);
        weights[..8].copy_from_slice(&length.to_le_bytes());
        victim.with_weights(&weights);
        let (error, held) = most_held(|| victim.refusal());
        assert!(
            error.contains("weights.safetensors")
                && (length == 0 || error.contains(&length.to_string())),
            "{error}"
        );
        assert!(held < 1 << 20, "{held}");
    }
}

#[test]
fn overlapping_tensors_are_refused() {
    let victim = Victim::new(1);
    victim.with_tensor("head.bias", |tensor| tensor["data_offsets"] = json!([4, 8]));
    assert!(victim.refusal().contains("not a checkpoint"), "{}", victim.refusal());
    let victim = Victim::new(1);
    victim.with_tensor("lstm.0.bias", |tensor| {
        let [low, high] = [0, 1].map(|i| tensor["data_offsets"][i].as_u64().unwrap());
        tensor["data_offsets"] = json!([low - 4, high - 4]);
    });
    assert!(victim.refusal().contains("not a checkpoint"), "{}", victim.refusal());
}

#[test]
fn a_hole_between_tensors_is_refused() {
    let victim = Victim::new(1);
    let mut weights = victim.file(WEIGHTS);
    weights.extend_from_slice(&[0; 4]);
    victim.with_weights(&weights);
    assert!(victim.refusal().contains("not a checkpoint"), "{}", victim.refusal());
    victim.with_tensor("head.bias", |tensor| {
        let [low, high] = [0, 1].map(|i| tensor["data_offsets"][i].as_u64().unwrap());
        tensor["data_offsets"] = json!([low + 4, high + 4]);
    });
    assert!(victim.refusal().contains("not a checkpoint"), "{}", victim.refusal());
}

#[test]
fn shapes_and_offsets_that_overflow_are_refused() {
    let changes: [fn(&mut Value); 5] = [
        |tensor| tensor["shape"] = json!([1_u64 << 33, 1_u64 << 33]),
        |tensor| tensor["shape"] = json!([u64::MAX]),
        |tensor| tensor["data_offsets"] = json!([u64::MAX - 3, u64::MAX]),
        |tensor| tensor["data_offsets"] = json!([8, 4]),
        |tensor| tensor["data_offsets"] = json!([-4, 0]),
    ];
    for change in changes {
        let victim = Victim::new(1);
        victim.with_tensor("head.bias", change);
        let (error, held) = most_held(|| victim.refusal());
        assert!(error.contains("weights.safetensors") && held < 1 << 20, "{held}: {error}");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    for name in [MODEL_CARD, WEIGHTS, SUMS] {
        let victim = Victim::new(2);
        let whole = victim.file(name);
        for length in (0..whole.len()).step_by(if name == MODEL_CARD { 7 } else { 1 }) {
            match name {
                MODEL_CARD => victim.with_card(&whole[..length]),
                WEIGHTS => {
                    fs::write(victim.path.join(WEIGHTS), &whole[..length]).unwrap();
                    assert!(SavedModel::read(&victim.path).is_err());
                    victim.with_weights(&whole[..length]);
                }
                _ => fs::write(victim.path.join(SUMS), &whole[..length]).unwrap(),
            }
            // Without its last line end the list of checksums still says all.
            let is_whole = name == SUMS && length + 1 == whole.len()
                || name == MODEL_CARD && length + 1 == whole.len();
            assert_eq!(
                SavedModel::read(&victim.path).is_ok(),
                is_whole,
                "{name} of {length} bytes"
            );
        }
    }
}

#[test]
fn a_tensor_that_is_named_twice_is_refused() {
    let victim = Victim::new(1);
    victim.with_header(|header| {
        let parsed: Value = serde_json::from_str(&header).unwrap();
        format!("{},\"head.bias\":{}}}", header.strip_suffix('}').unwrap(), parsed["head.bias"])
    });
    assert!(victim.refusal().contains("'head.bias' is named twice"), "{}", victim.refusal());
}

#[test]
fn a_tensor_that_is_named_like_a_path_or_a_trick_is_refused() {
    for name in [
        "../../etc/x",
        "\u{1b}]0;title\u{7}",
        "lstm.0.bias\0",
        "\u{202e}head",
        "",
        &"x".repeat(100_000),
    ] {
        let victim = Victim::new(1);
        victim.with_header(|header| {
            let mut header: Value = serde_json::from_str(&header).unwrap();
            let tensor = header.as_object_mut().unwrap().remove("head.bias").unwrap();
            header[name] = tensor;
            header.to_string()
        });
        let error = victim.refusal();
        assert!(error.contains("is none of the network's"), "{error}");
        assert!(error.len() < 1000 && !error.contains(['\u{1b}', '\0', '\u{202e}']), "{error}");
    }
}

#[test]
fn a_header_of_200_000_tensors_costs_nothing() {
    let victim = Victim::new(1);
    let entry =
        |i: usize| format!("\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}},");
    let many: String = (0..120_000).map(entry).collect();
    assert!((6 << 20..8 << 20).contains(&many.len()));
    for more in [1, 2] {
        let victim = if more == 1 { &victim } else { &Victim::new(1) };
        victim.with_header(|header| format!("{{{}{}", many.repeat(more), &header[1..]));
        let file = fs::metadata(victim.path.join(WEIGHTS)).unwrap().len() as usize;
        let (error, held) = most_held(|| victim.refusal());
        let expected =
            if more == 1 { "tensor 't0' is none of the network's" } else { "weights of 1" };
        assert!(error.contains(expected), "{error}");
        assert!(held < 2 * file, "{held} bytes for a file of {file}");
    }
}

#[test]
fn the_tensors_must_be_those_of_the_network() {
    let changes: [(&str, fn(&mut Value)); 6] = [
        ("is F16, not F32", |tensor| tensor["dtype"] = json!("F16")),
        ("is BF16, not F32", |tensor| tensor["dtype"] = json!("BF16")),
        ("another shape than [4]", |tensor| tensor["shape"] = json!([2, 2])),
        ("another shape than [4]", |tensor| tensor["shape"] = json!([5])),
        ("has a field 'extra'", |tensor| tensor["extra"] = json!(1)),
        ("has no 'shape'", |tensor| drop(tensor.as_object_mut().unwrap().remove("shape"))),
    ];
    for (expected, change) in changes {
        let victim = Victim::new(1);
        victim.with_tensor("head.weight", change);
        assert!(victim.refusal().contains(expected), "{expected}: {}", victim.refusal());
    }
    let victim = Victim::new(1);
    victim.with_header(|header| {
        let mut header: Value = serde_json::from_str(&header).unwrap();
        header.as_object_mut().unwrap().remove("head.bias");
        header.to_string()
    });
    assert!(victim.refusal().contains("has no tensor 'head.bias'"));
    let (one, other) = (Victim::new(1), Victim::new(2));
    one.with_weights(&other.file(WEIGHTS));
    assert!(
        one.refusal().contains("another shape") || one.refusal().contains("none of the network's"),
        "{}",
        one.refusal()
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    use std::os::unix::fs::symlink;
    let make: [(&str, fn(&Path)); 7] = [
        ("no file", |_| {}),
        ("an empty file", |path| fs::write(path, b"").unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success())
        }),
        ("a link to itself", |path| symlink(path, path).unwrap()),
        ("a link to a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
    ];
    for (what, make) in make {
        for name in [MODEL_CARD, WEIGHTS, SUMS] {
            let victim = Victim::new(1);
            let path = victim.path.join(name);
            fs::remove_file(&path).unwrap();
            make(&path);
            let begun = std::time::Instant::now();
            let (error, held) = most_held(|| victim.refusal());
            assert!(error.contains(name) && held < 1 << 20, "{what} as {name}: {held}, {error}");
            assert!(begun.elapsed().as_secs() < 5, "{what} as {name}");
        }
    }
    let victim = Victim::new(1);
    let other = victim.path.with_file_name("link");
    symlink(&victim.path, &other).unwrap();
    assert!(SavedModel::read(&other).unwrap_err().to_string().contains("links are not followed"));
    symlink("loop", victim.path.with_file_name("loop")).unwrap();
    assert!(SavedModel::read(&victim.path.with_file_name("loop")).is_err());
}

/// A sparse terabyte has a size and no bytes.
#[cfg(unix)]
#[test]
fn a_file_of_a_terabyte_is_refused_by_its_size() {
    for name in [MODEL_CARD, WEIGHTS, SUMS] {
        let victim = Victim::new(1);
        let file = fs::OpenOptions::new().write(true).open(victim.path.join(name)).unwrap();
        if file.set_len(1 << 40).is_err() {
            continue;
        }
        let (error, held) = most_held(|| victim.refusal());
        assert!(
            error.contains(name) && error.contains("at most") && held < 1 << 20,
            "{held}: {error}"
        );
    }
}

#[test]
fn weights_that_are_no_numbers_are_a_warning_and_refused_where_that_is_asked_for() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let victim = Victim::new(1);
        let mut weights = victim.file(WEIGHTS);
        let last = weights.len() - 4;
        weights[last..].copy_from_slice(&value.to_le_bytes());
        victim.with_weights(&weights);
        let model = SavedModel::read(&victim.path).unwrap();
        assert!(model.warnings()[0].starts_with("1 values of weight"), "{:?}", model.warnings());
        assert!(
            SavedModel::read_strict(&victim.path).unwrap_err().to_string().contains("not finite")
        );
        let forecaster = Forecaster::new(&model, &flex()).unwrap();
        let forecast = forecaster.forecast(&[window(&model, 0)]);
        assert!(forecast.is_err() || !value.is_nan(), "{value}: {forecast:?}");
    }
    assert!(SavedModel::read_strict(&Victim::new(1).path).is_ok());
}

#[test]
fn every_byte_is_under_a_checksum() {
    for name in [MODEL_CARD, WEIGHTS, SUMS] {
        let victim = Victim::new(1);
        let whole = victim.file(name);
        for place in (0..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(victim.path.join(name), &bytes).unwrap();
            assert!(SavedModel::read(&victim.path).is_err(), "byte {place} of {name}");
        }
    }
    // A model card and weights of two models, each with its own sums.
    let (one, other) = (Victim::new(1), Victim::new(2));
    fs::copy(other.path.join(WEIGHTS), one.path.join(WEIGHTS)).unwrap();
    assert!(one.refusal().contains("is damaged"));
    one.with_card(&one.file(MODEL_CARD));
    assert!(one.refusal().contains("are not those of SHA256SUMS"), "{}", one.refusal());
}

/// Formats that run code or trust sizes. Burn 0.21 and Polars bring bincode and rmp-serde along,
/// for records and frames that Kiln never reads; no package of ours depends on one, and no line of
/// ours names one.
#[test]
fn no_loader_of_pickles_or_records_is_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock: toml::Table = fs::read_to_string(root.join("Cargo.lock")).unwrap().parse().unwrap();
    let loaders = [
        "bincode",
        "rmp-serde",
        "rmp",
        "serde-pickle",
        "pickle",
        "postcard",
        "tch",
        "candle-core",
        "burn-store",
        "burn-import",
    ];
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let is_ours = package.get("source").is_none();
        let uses = package
            .get("dependencies")
            .and_then(|list| list.as_array())
            .cloned()
            .unwrap_or_default();
        for used in uses.iter().map(|used| used.as_str().unwrap().split(' ').next().unwrap()) {
            assert!(!(is_ours && loaders.contains(&used)), "{name} depends on {used}");
            if ["serde-pickle", "pickle"].contains(&used) {
                panic!("{name} depends on {used}");
            }
        }
    }
    let mut sources = 0;
    for folder in ["src", "crates/burn-lanes/src"] {
        for path in files(&root.join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            sources += 1;
            for name in [
                "bincode",
                "rmp_serde",
                "serde_pickle",
                "burn::record",
                "BinFile",
                "NamedMpk",
                "PyTorchFile",
                "SafetensorsStore",
                "PytorchStore",
            ] {
                let used = text
                    .lines()
                    .find(|line| line.contains(name) && !line.trim_start().starts_with("//"));
                assert!(used.is_none(), "{}: {}", path.display(), used.unwrap_or_default());
            }
        }
    }
    assert!(sources > 100, "{sources}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries
        .flat_map(inside)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
