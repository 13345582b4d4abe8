//! `kiln models tag` and `untag`.

use serde_json::json;
use std::io::Write;

use super::Registry;
use super::arguments::{TagArgs, UntagArgs};
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome, clock};
use runs::registry::{Reference, Writer};
use text::cleaned;

/// Gives a version tags.
pub(super) fn tag(
    registry: &Registry,
    args: &TagArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let TagArgs { model, tags } = args;
    change(registry, model, out, |writer, version| {
        tags.iter().try_for_each(|tag| writer.tag(version, tag).map(drop))
    })
}

/// Takes tags from a version.
pub(super) fn untag(
    registry: &Registry,
    args: &UntagArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let UntagArgs { model, keys } = args;
    change(registry, model, out, |writer, version| {
        keys.iter().try_for_each(|key| writer.untag(version, key).map(drop))
    })
}

fn change(
    registry: &Registry,
    model: &str,
    out: &mut dyn Write,
    change: impl Fn(&mut Writer, u32) -> Result<(), runs::registry::RegistryError>,
) -> Result<Outcome, Failure> {
    let Reference { name, wanted } = Reference::parse(model)?;
    let mut writer = Writer::open(&registry.root, &name, &clock::now())?;
    let version = writer.chosen(&wanted)?;
    change(&mut writer, version)?;
    let tags = writer
        .state()
        .versions
        .get(&version)
        .map(|version| version.tags.clone())
        .unwrap_or_default();
    if registry.json {
        write_json(out, &json!({ "model": name, "version": version, "tags": tags }))?;
    } else {
        writeln!(out, "{name}@{version}: {}", in_words(&tags))?;
    }
    Ok(Outcome::Done)
}

/// `keep, note=first`.
pub(super) fn in_words(tags: &std::collections::BTreeMap<String, String>) -> String {
    let word = |(key, value): (&String, &String)| {
        if value.is_empty() { cleaned(key) } else { cleaned(&format!("{key}={value}")) }
    };
    if tags.is_empty() {
        "no tags".to_owned()
    } else {
        tags.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}
