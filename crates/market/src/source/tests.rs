use super::*;
use experiment::{BarLabel, Columns};

fn file(path: &str) -> Source {
    let zone = None;
    Source::File {
        path: path.into(),
        format: Format::Csv,
        columns: Columns::default(),
        zone,
        bar_label: BarLabel::Start,
    }
}

#[test]
fn a_fingerprint_follows_the_bytes_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, text) in [("a", "one"), ("b", "one"), ("c", "two")] {
        std::fs::write(at(name), text).unwrap();
    }
    let of = |name: &str| fingerprint(&file(&at(name))).unwrap();
    assert_eq!(of("a"), blake3::hash(b"one").to_hex().to_string());
    assert_eq!(of("a"), of("b"));
    assert_ne!(of("a"), of("c"));
}

#[test]
fn a_file_is_located_by_its_content_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("other.csv"), "two").unwrap();
    std::fs::write(at("moved.csv"), "one").unwrap();
    let wanted = blake3::hash(b"one").to_hex().to_string();
    let recorded = file(at("gone.csv").to_str().unwrap());
    let locate = |names: &[&str]| {
        let places: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
        locate(&recorded, &places, |fingerprint| fingerprint == wanted)
    };
    assert_eq!(
        locate(&["other.csv", "moved.csv"]).unwrap(),
        (file(at("moved.csv").to_str().unwrap()), wanted.clone())
    );
    assert_eq!(locate(&[]), Err(Unlocated::Missing(at("gone.csv"))));
    let Err(Unlocated::Changed { path, .. }) = locate(&["other.csv"]) else { panic!() };
    assert_eq!(path, at("other.csv"));
}

#[test]
fn a_missing_file_hints_at_its_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("if_1m.csv.gz"), "").unwrap();
    std::fs::write(folder.path().join("other.txt"), "").unwrap();
    let wanted = folder.path().join("if1m.csv.gz");
    let message = probe(&file(wanted.to_str().unwrap())).unwrap_err().to_string();
    assert!(
        message.ends_with("if_1m.csv.gz?") && message.contains("does not exist; did you mean"),
        "{message}"
    );
}
