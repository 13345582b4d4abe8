//! The order of the packages, and who may name what: what Cargo alone does not hold.

use std::collections::BTreeSet;
use std::path::Path;

/// A package depends only on those before it.
const ORDER: [&str; 8] = [
    "text",
    "lane-types",
    "experiment",
    "evidence",
    "parquet-claims",
    "market",
    "runs",
    "burn-lanes",
];

/// The names of a package's dependencies, those for its tests aside.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let names = |table: &toml::Value| table.as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let of_targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let tables = of_targets
        .filter_map(|(_, target)| target.get("dependencies"))
        .chain(manifest.get("dependencies"));
    tables.flat_map(names).collect()
}

fn of(package: &str) -> BTreeSet<String> {
    dependencies(&format!("crates/{package}/Cargo.toml"))
}

#[test]
fn a_package_depends_only_on_those_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let there: BTreeSet<String> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, ORDER.map(str::to_owned).into(), "every package has its place in the order");
    for (place, package) in ORDER.iter().enumerate() {
        for name in of(package).iter().filter(|name| ORDER.contains(&name.as_str())) {
            assert!(ORDER[..place].contains(&name.as_str()), "{package} depends on {name}");
        }
    }
}

#[test]
fn burn_is_named_by_the_trainer_alone_and_polars_by_those_who_read_tables() {
    let names = |package: &str, prefixes: &[&str]| {
        of(package).iter().any(|name| {
            prefixes.iter().any(|prefix| name == prefix || name.starts_with(&format!("{prefix}-")))
        })
    };
    for package in ORDER {
        let is_trainer = package == "burn-lanes";
        assert_eq!(names(package, &["burn", "cubecl", "wgpu", "cudarc"]), is_trainer, "{package}");
        assert_eq!(names(package, &["polars"]), ["market", "runs"].contains(&package), "{package}");
    }
    let program = dependencies("Cargo.toml");
    assert!(
        program.iter().all(|name| name == "burn-lanes"
            || !(name.starts_with("burn") || name.starts_with("cubecl")))
    );
}

/// The order allows more: anyone who trains needs plain types alone, and is of use without our
/// experiments, bars and runs.
#[test]
fn the_trainer_knows_nothing_of_experiments() {
    assert_eq!(
        of("burn-lanes").iter().filter(|name| ORDER.contains(&name.as_str())).collect::<Vec<_>>(),
        ["lane-types"]
    );
}
