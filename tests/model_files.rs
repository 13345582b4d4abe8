//! Saved models from strangers: every hostile file is refused with its reason, nothing panics, and nothing makes the reader allocate what
//! the file only claims. And models from ourselves, long ago: they forecast the same bits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use kiln::forecast::{Forecaster, Window};
use kiln::model::SavedModel;
use kiln::registry::{self, Event};

// What a thread has allocated, and the most that it had since it last looked.
thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    // A thread that ends has no counters any more.
    let held = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    MOST.try_with(|most| most.set(most.get().max(held.unwrap_or(0)))).unwrap_or_default();
}

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one counts and leaves the work to the system's")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that a closure held at once, above what was held before.
fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let result = work();
    (result, (MOST.get() - before).max(0) as usize)
}

/// The frozen models.
fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/v1")
}

/// A copy of a frozen model, to be spoilt.
struct Victim {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

const PASSPORT: &str = "passport.json";
const WEIGHTS: &str = "weights.safetensors";
const SUMS: &str = "SHA256SUMS";

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Victim {
    fn new(version: u32) -> Self {
        // In memory where the system has such a folder: 100,000 models are written below.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let path = folder.path().join("model");
        fs::create_dir(&path).unwrap();
        for name in [PASSPORT, WEIGHTS, SUMS] {
            fs::copy(frozen().join(format!("minute/versions/{version}")).join(name), path.join(name)).unwrap();
        }
        Self { _folder: folder, path }
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(name)).unwrap()
    }

    /// As an attacker does it: the checksums hold.
    fn with_weights(&self, weights: &[u8]) {
        fs::write(self.path.join(WEIGHTS), weights).unwrap();
        let mut passport: Value = serde_json::from_slice(&self.file(PASSPORT)).unwrap();
        passport["weights"]["bytes"] = json!(weights.len());
        passport["weights"]["sha256"] = json!(sha256(weights));
        self.with_passport(&serde_json::to_vec(&passport).unwrap());
    }

    fn with_passport(&self, passport: &[u8]) {
        fs::write(self.path.join(PASSPORT), passport).unwrap();
        let sums = format!("{}  {PASSPORT}\n{}  {WEIGHTS}\n", sha256(passport), sha256(&self.file(WEIGHTS)));
        fs::write(self.path.join(SUMS), sums).unwrap();
    }

    fn refusal(&self) -> String {
        SavedModel::read(&self.path).map(drop).unwrap_err().to_string()
    }

    /// The header of the weights' file, changed, before the same values.
    fn with_header(&self, change: impl FnOnce(String) -> String) {
        let weights = self.file(WEIGHTS);
        let length = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
        let header = change(String::from_utf8(weights[8..8 + length].to_vec()).unwrap().trim_end().to_owned());
        self.with_weights(&[&(header.len() as u64).to_le_bytes(), header.as_bytes(), &weights[8 + length..]].concat());
    }

    /// Changes one tensor's entry.
    fn with_tensor(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.with_header(|header| {
            let mut header: Value = serde_json::from_str(&header).unwrap();
            change(&mut header[name]);
            header.to_string()
        });
    }
}

#[test]
fn s27_a_header_length_that_no_file_has_is_refused_unread() {
    for length in [1_u64 << 63, u64::MAX, 8 << 20 | 1, 1 << 40, 0] {
        let victim = Victim::new(1);
        let mut weights = victim.file(WEIGHTS);
        weights[..8].copy_from_slice(&length.to_le_bytes());
        victim.with_weights(&weights);
        let (error, held) = most_held(|| victim.refusal());
        assert!(error.contains("weights.safetensors") && (length == 0 || error.contains(&length.to_string())), "{error}");
        assert!(held < 1 << 20, "{held}");
    }
}

#[test]
fn s28_overlapping_tensors_are_refused() {
    let victim = Victim::new(1);
    victim.with_tensor("head.bias", |tensor| tensor["data_offsets"] = json!([4, 8]));
    assert!(victim.refusal().contains("no checkpoint"), "{}", victim.refusal());
    let victim = Victim::new(1);
    victim.with_tensor("lstm.0.bias", |tensor| {
        let [low, high] = [0, 1].map(|i| tensor["data_offsets"][i].as_u64().unwrap());
        tensor["data_offsets"] = json!([low - 4, high - 4]);
    });
    assert!(victim.refusal().contains("no checkpoint"), "{}", victim.refusal());
}

#[test]
fn s29_a_hole_between_tensors_is_refused() {
    let victim = Victim::new(1);
    let mut weights = victim.file(WEIGHTS);
    weights.extend_from_slice(&[0; 4]);
    victim.with_weights(&weights);
    assert!(victim.refusal().contains("no checkpoint"), "{}", victim.refusal());
    victim.with_tensor("head.bias", |tensor| {
        let [low, high] = [0, 1].map(|i| tensor["data_offsets"][i].as_u64().unwrap());
        tensor["data_offsets"] = json!([low + 4, high + 4]);
    });
    assert!(victim.refusal().contains("no checkpoint"), "{}", victim.refusal());
}

#[test]
fn s30_shapes_and_offsets_that_overflow_are_refused() {
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
fn s31_a_file_that_is_cut_anywhere_is_refused() {
    for name in [PASSPORT, WEIGHTS, SUMS] {
        let victim = Victim::new(2);
        let whole = victim.file(name);
        for length in (0..whole.len()).step_by(if name == PASSPORT { 7 } else { 1 }) {
            match name {
                PASSPORT => victim.with_passport(&whole[..length]),
                WEIGHTS => {
                    fs::write(victim.path.join(WEIGHTS), &whole[..length]).unwrap();
                    assert!(SavedModel::read(&victim.path).is_err());
                    victim.with_weights(&whole[..length]);
                }
                _ => fs::write(victim.path.join(SUMS), &whole[..length]).unwrap(),
            }
            // Without its last line end the list of checksums still says all.
            let is_whole = name == SUMS && length + 1 == whole.len() || name == PASSPORT && length + 1 == whole.len();
            assert_eq!(SavedModel::read(&victim.path).is_ok(), is_whole, "{name} of {length} bytes");
        }
    }
}

#[test]
fn s32_a_tensor_that_is_named_twice_is_refused() {
    let victim = Victim::new(1);
    victim.with_header(|header| {
        let parsed: Value = serde_json::from_str(&header).unwrap();
        format!("{},\"head.bias\":{}}}", header.strip_suffix('}').unwrap(), parsed["head.bias"])
    });
    assert!(victim.refusal().contains("'head.bias' is named twice"), "{}", victim.refusal());
}

#[test]
fn s33_a_tensor_that_is_named_like_a_path_or_a_trick_is_refused() {
    for name in ["../../etc/x", "\u{1b}]0;title\u{7}", "lstm.0.bias\0", "\u{202e}head", "", &"x".repeat(100_000)] {
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
fn s34_a_header_of_200_000_tensors_costs_nothing() {
    let victim = Victim::new(1);
    let entry = |i: usize| format!("\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}},");
    let many: String = (0..120_000).map(entry).collect();
    assert!((6 << 20..8 << 20).contains(&many.len()));
    for more in [1, 2] {
        let victim = if more == 1 { &victim } else { &Victim::new(1) };
        victim.with_header(|header| format!("{{{}{}", many.repeat(more), &header[1..]));
        let file = fs::metadata(victim.path.join(WEIGHTS)).unwrap().len() as usize;
        let (error, held) = most_held(|| victim.refusal());
        let expected = if more == 1 { "tensor 't0' is none of the network's" } else { "weights of 1" };
        assert!(error.contains(expected), "{error}");
        assert!(held < 2 * file, "{held} bytes for a file of {file}");
    }
}

#[test]
fn s35_the_tensors_must_be_those_of_the_network() {
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
    assert!(one.refusal().contains("another shape") || one.refusal().contains("none of the network's"), "{}", one.refusal());
}

#[cfg(unix)]
#[test]
fn s36_what_is_no_regular_file_is_refused_without_waiting() {
    use std::os::unix::fs::symlink;
    let make: [(&str, fn(&Path)); 7] = [
        ("no file", |_| {}),
        ("an empty file", |path| fs::write(path, b"").unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a pipe", |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success())),
        ("a link to itself", |path| symlink(path, path).unwrap()),
        ("a link to a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
    ];
    for (what, make) in make {
        for name in [PASSPORT, WEIGHTS, SUMS] {
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
fn s36_a_file_of_a_terabyte_is_refused_by_its_size() {
    for name in [PASSPORT, WEIGHTS, SUMS] {
        let victim = Victim::new(1);
        let file = fs::OpenOptions::new().write(true).open(victim.path.join(name)).unwrap();
        if file.set_len(1 << 40).is_err() {
            continue;
        }
        let (error, held) = most_held(|| victim.refusal());
        assert!(error.contains(name) && error.contains("at most") && held < 1 << 20, "{held}: {error}");
    }
}

#[test]
fn s37_weights_that_are_no_numbers_are_a_warning_and_refused_where_that_is_asked_for() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let victim = Victim::new(1);
        let mut weights = victim.file(WEIGHTS);
        let last = weights.len() - 4;
        weights[last..].copy_from_slice(&value.to_le_bytes());
        victim.with_weights(&weights);
        let model = SavedModel::read(&victim.path).unwrap();
        assert!(model.warnings()[0].starts_with("1 values of weight"), "{:?}", model.warnings());
        assert!(SavedModel::read_strict(&victim.path).unwrap_err().to_string().contains("not finite"));
        let forecaster = Forecaster::new(&model, &flex()).unwrap();
        let forecast = forecaster.forecast(&[window(&model, 0)]);
        assert!(forecast.is_err() || !value.is_nan(), "{value}: {forecast:?}");
    }
    assert!(SavedModel::read_strict(&Victim::new(1).path).is_ok());
}

#[test]
fn s38_every_byte_is_under_a_checksum() {
    for name in [PASSPORT, WEIGHTS, SUMS] {
        let victim = Victim::new(1);
        let whole = victim.file(name);
        for place in (0..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(victim.path.join(name), &bytes).unwrap();
            assert!(SavedModel::read(&victim.path).is_err(), "byte {place} of {name}");
        }
    }
    // A passport and weights of two models, each with its own sums.
    let (one, other) = (Victim::new(1), Victim::new(2));
    fs::copy(other.path.join(WEIGHTS), one.path.join(WEIGHTS)).unwrap();
    assert!(one.refusal().contains("is damaged"));
    one.with_passport(&one.file(PASSPORT));
    assert!(one.refusal().contains("are not those of SHA256SUMS"), "{}", one.refusal());
}

/// Formats that run code or trust sizes. Burn 0.21 and Polars bring bincode and rmp-serde along, for records and frames that Kiln never reads;
/// no package of ours depends on one, and no line of ours names one.
#[test]
fn s39_no_loader_of_pickles_or_records_is_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock: toml::Table = fs::read_to_string(root.join("Cargo.lock")).unwrap().parse().unwrap();
    let loaders =
        ["bincode", "rmp-serde", "rmp", "serde-pickle", "pickle", "postcard", "tch", "candle-core", "burn-store", "burn-import"];
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let is_ours = package.get("source").is_none();
        let uses = package.get("dependencies").and_then(|list| list.as_array()).cloned().unwrap_or_default();
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
                let used = text.lines().find(|line| line.contains(name) && !line.trim_start().starts_with("//"));
                assert!(used.is_none(), "{}: {}", path.display(), used.unwrap_or_default());
            }
        }
    }
    assert!(sources > 100, "{sources}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(inside).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Numbers that depend on nothing but where the sequence began.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        const NUMBERS: [&str; 12] = [
            "0",
            "-1",
            "1e308",
            "1e-308",
            "1e999",
            "18446744073709551615",
            "4611686018427387904",
            "65535",
            "null",
            "[]",
            "{}",
            "\"x\"",
        ];
        let place = self.roll(bytes.len());
        match self.roll(8) {
            0 => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << self.roll(8)),
            1 => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = self.roll(256) as u8),
            2 => bytes.truncate(place),
            3 => {
                let end = (place + self.roll(64)).min(bytes.len());
                bytes.drain(place..end);
            }
            4 => {
                let end = (place + self.roll(256)).min(bytes.len());
                let copy = bytes[place..end].to_vec();
                let at = self.roll(bytes.len());
                bytes.splice(at..at, copy);
            }
            5 => {
                let random: Vec<u8> = (0..self.roll(16)).map(|_| self.roll(256) as u8).collect();
                bytes.splice(place..place, random);
            }
            6 => {
                let random = (self.roll(usize::MAX) as u64).to_le_bytes();
                bytes.iter_mut().zip(random).take(1 + self.roll(8)).for_each(|(byte, random)| *byte = random);
            }
            // A number of the text becomes another.
            _ => {
                let Some(begin) = bytes.iter().skip(place).position(u8::is_ascii_digit).map(|offset| place + offset) else {
                    return;
                };
                let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'-' | b'+');
                let length = bytes[begin..].iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len() - begin);
                bytes.splice(begin..begin + length, NUMBERS[self.roll(NUMBERS.len())].bytes());
            }
        }
    }
}

/// Of the files of a model that somebody spoils and gives right checksums, none makes the reader panic, hold more than a small multiple of
/// their size, or believe what it cannot forecast with.
#[test]
fn s40_of_100_000_spoilt_models_none_panics_or_allocates_what_it_claims() {
    let found: Vec<(usize, [f64; 2])> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=4).map(|seed| scope.spawn(move || spoilt_models(seed, 25_000))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let believed: usize = found.iter().map(|(believed, _)| believed).sum();
    let most = |of: usize| found.iter().map(|(_, largest)| largest[of]).fold(0.0, f64::max);
    println!(
        "{believed} of 100,000 were believed; held at most {:.1} (passports) and {:.1} (weights) times the files' size",
        most(0),
        most(1)
    );
    assert!((100..50_000).contains(&believed), "{believed}: the mutations are too harmless or too harsh to say anything");
}

/// How many of so many spoilt models were believed; and the most that was held, in sizes of the files, of spoilt passports and weights.
fn spoilt_models(seed: u64, rounds: usize) -> (usize, [f64; 2]) {
    let models = [1, 2].map(|version| {
        let victim = Victim::new(version);
        let files = [victim.file(PASSPORT), victim.file(WEIGHTS)];
        (victim, files)
    });
    let device = flex();
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut believed, mut largest) = (0, [0.0_f64; 2]);
    for round in 0..rounds {
        let (victim, [passport, weights]) = &models[round % 2];
        let of_weights = round / 2 % 2;
        let mut spoilt = if of_weights == 1 { weights.clone() } else { passport.clone() };
        for _ in 0..=dice.roll(3) {
            dice.spoil(&mut spoilt);
        }
        if of_weights == 1 {
            fs::write(victim.path.join(PASSPORT), passport).unwrap();
            victim.with_weights(&spoilt);
        } else {
            fs::write(victim.path.join(WEIGHTS), weights).unwrap();
            victim.with_passport(&spoilt);
        }
        let size: u64 = [PASSPORT, WEIGHTS, SUMS].iter().map(|name| fs::metadata(victim.path.join(name)).unwrap().len()).sum();
        let (read, held) = most_held(|| SavedModel::read(&victim.path));
        largest[of_weights] = largest[of_weights].max(held as f64 / size as f64);
        assert!(held < 20 * size as usize + (64 << 10), "seed {seed}, round {round}: {held} bytes for files of {size}");
        let Ok(model) = read.inspect_err(|error| assert!(error.to_string().len() < 2000, "seed {seed}, round {round}: {error}"))
        else {
            continue;
        };
        believed += 1;
        let forecaster = Forecaster::new(&model, &device).unwrap();
        let Ok(window) = forecaster.window_of_features(&rows(&model, 0)) else { continue };
        for forecast in forecaster.forecast(&[window]).unwrap_or_default() {
            let is_number = forecast.forecast.is_finite() && forecast.quantiles.iter().all(|(_, value)| value.is_finite());
            assert!(is_number, "seed {seed}, round {round}: {forecast:?}");
        }
    }
    (believed, largest)
}

/// Rows that scale to a fixed pattern.
fn rows(model: &SavedModel, number: usize) -> Vec<Vec<f64>> {
    let columns = &model.passport.scaling.columns;
    let value = |row: usize, column: usize| columns[column].unscale(((7 * row + 3 * column + number) % 11) as f64 / 10.0);
    (0..model.passport.settings.data.window).map(|row| (0..columns.len()).map(|column| value(row, column)).collect()).collect()
}

fn window(model: &SavedModel, number: usize) -> Window {
    let forecaster = Forecaster::new(model, &flex()).unwrap();
    forecaster.window_of_features(&rows(model, number)).unwrap()
}

fn flex() -> burn_lanes::Device {
    burn_lanes::open("flex".parse().unwrap()).unwrap()
}

/// Runs itself with the instruction set whose bits do not depend on the processor.
#[test]
fn a_model_of_format_1_forecasts_the_same_bits_for_ever() {
    if std::env::var("KILN_SIMD").as_deref() != Ok("portable") {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_model_of_format_1_forecasts_the_same_bits_for_ever", "--nocapture"])
            .env("KILN_SIMD", "portable")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return;
    }
    let mut found = json!({});
    for version in [1, 2] {
        let reference = format!("minute@{version}");
        let model = SavedModel::read_strict(&registry::resolve(&frozen(), &reference).unwrap().folder).unwrap();
        let forecaster = Forecaster::new(&model, &flex()).unwrap();
        let forecasts = forecaster.forecast(&[window(&model, 0), window(&model, 1)]).unwrap();
        let bits = |value: f64| format!("{:016x}", value.to_bits());
        let of = |forecast: &kiln::forecast::Forecast| -> Vec<String> {
            std::iter::once(forecast.forecast).chain(forecast.quantiles.iter().map(|(_, value)| *value)).map(bits).collect()
        };
        found[reference] = json!(forecasts.iter().map(of).collect::<Vec<_>>());
    }
    let expected: Value = serde_json::from_str(&fs::read_to_string(frozen().join("forecasts.json")).unwrap()).unwrap();
    assert_eq!(found, expected, "{found:#}");
}

#[test]
fn a_history_of_format_1_says_the_same_for_ever() {
    let root = frozen();
    let entry = registry::list(&root).unwrap().into_iter().find(|entry| entry.name == "minute").unwrap();
    assert_eq!((entry.damage, entry.versions.len()), (None, 2));
    assert_eq!(entry.aliases, [("champion".to_owned(), 1), ("shadow".to_owned(), 2)].into());
    assert_eq!(entry.versions[1].tags, [("keep".to_owned(), String::new())].into());
    let history = registry::history(&root, "minute").unwrap();
    assert_eq!(history.len(), 4);
    let Event::Promoted { findings, forced: false, .. } = &history[3].event else { panic!("{history:?}") };
    assert!(findings[0].passed && findings[0].rule == "valid.skill > -9");
    let gate = registry::Gate::read(&root, "minute").unwrap().unwrap();
    assert_eq!(
        gate.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["valid.skill > -1", "test.rmse <= champion.test.rmse"]
    );
    let model = SavedModel::read(&registry::resolve(&root, "minute").unwrap().folder).unwrap();
    let passport = &model.passport;
    assert!(
        passport.metrics.test.is_some()
            && passport.verdict.is_some()
            && passport.profile.as_ref().is_some_and(|profile| profile.len() == 4)
    );
    assert_eq!((passport.intervals.len(), passport.selection.map(|selection| selection.sweep)), (4, Some(2)));
}
