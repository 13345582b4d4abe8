//! `kiln models promote`, `rollback` and `unalias`: where an alias points.

use serde_json::json;
use std::io::Write;

use super::Registry;
use super::arguments::{PromoteArgs, RollbackArgs, UnaliasArgs};
use super::gate::{findings_table, parsed};
use crate::cmd::selection::write_json;
use crate::cmd::{Failure, Outcome, clock};
use runs::model::SavedModel;
use runs::registry::{
    CHAMPION, Entry, Event, Facts, Gate, Reference, Remark, RolledBack, Rule, Wanted, Writer, judge,
};
use text::cleaned;

/// Points an alias to a version that passes the rules.
pub(super) fn promote(
    registry: &Registry,
    args: PromoteArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let PromoteArgs { model, alias, rules, force, reason } = args;
    let mut rules = parsed(&rules)?;
    let mut reference = Reference::parse(&model)?;
    if reference.wanted == Wanted::Default {
        reference.wanted = Wanted::Latest;
    }
    let name = &reference.name;
    let mut writer = Writer::open(&registry.root, name, &clock::now())?;
    let version = writer.chosen(&reference.wanted)?;
    if alias == CHAMPION {
        match Gate::remark(&registry.root, name)? {
            Some(remark @ Remark::Removed { .. }) => {
                return Err(Failure::BadInput(remark.in_words(name)));
            }
            Some(remark @ Remark::Changed) => {
                writeln!(std::io::stderr(), "warning: {}", cleaned(&remark.in_words(name)))?
            }
            None => {}
        }
        let stored: Vec<Rule> =
            Gate::read(&registry.root, name)?.map(|gate| gate.rules).unwrap_or_default();
        writer.remember_gate(&stored)?;
        rules.splice(0..0, stored);
    }
    // Read with every check also where there is no rule: what cannot be read, or can forecast
    // nothing, is not a champion.
    let candidate = Facts::of(&SavedModel::read_strict(&writer.version_folder(version))?.card);
    let facts = |version: u32| {
        SavedModel::read(&writer.version_folder(version)).map(|model| Facts::of(&model.card))
    };
    let champion = writer.state().aliases.get(CHAMPION).and_then(|champion| champion.version);
    let beside = if rules.iter().any(Rule::names_champion) {
        champion.map(facts).transpose()?
    } else {
        None
    };
    let findings = judge(&rules, &candidate, beside.as_ref());
    let failed = findings.iter().filter(|finding| !finding.passed).count();
    if failed > 0 && !force {
        if registry.json {
            write_json(
                out,
                &json!({
                    "model": name, "version": version, "alias": alias, "promoted": false,
                    "findings": findings,
                }),
            )?;
        } else {
            write!(out, "{}", findings_table(&findings))?;
        }
        return Err(Failure::BadInput(format!(
            "{name}@{version} does not become {alias}: {failed} of {} rules failed; nothing was \
                changed (--force --reason TEXT promotes it all the same)",
            findings.len()
        )));
    }
    let table = findings_table(&findings);
    let entry = writer.promote(&alias, version, findings, reason)?;
    if registry.json {
        return write_json(out, &entry).map(|()| Outcome::Done);
    }
    let Entry { event: Event::Promoted { from, forced, .. }, .. } = &entry else {
        return Ok(Outcome::Done);
    };
    if !rules.is_empty() {
        write!(out, "{table}")?;
    }
    let before = from.map_or_else(|| "nothing".to_owned(), |from| format!("{name}@{from}"));
    let forced = if *forced { ", by force" } else { "" };
    writeln!(out, "{name}@{alias} = {name}@{version} (before: {before}{forced})")?;
    Ok(Outcome::Done)
}

/// Points an alias back.
pub(super) fn roll_back(
    registry: &Registry,
    args: RollbackArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let RollbackArgs { name, alias, reason } = args;
    let mut writer = Writer::open(&registry.root, &name, &clock::now())?;
    let RolledBack { from, to, passed } = writer.roll_back(&alias, reason)?;
    if registry.json {
        write_json(
            out,
            &json!({
                "model": name, "alias": alias, "from": from, "to": to, "passed_over": passed,
            }),
        )?;
        return Ok(Outcome::Done);
    }
    let before = from.map_or_else(|| "nothing".to_owned(), |from| format!("{name}@{from}"));
    writeln!(out, "{name}@{alias} = {name}@{to}, as it was (before: {before})")?;
    if !passed.is_empty() {
        let passed: Vec<String> =
            passed.iter().map(|version| format!("{name}@{version}")).collect();
        writeln!(out, "passed over, because removed: {}", passed.join(", "))?;
    }
    match writer.state().before(&alias) {
        Some(next) => writeln!(out, "another rollback goes to {name}@{next}")?,
        None => writeln!(out, "there is nothing before it to roll back to")?,
    }
    Ok(Outcome::Done)
}

/// Makes an alias point nowhere.
pub(super) fn unalias(
    registry: &Registry,
    args: &UnaliasArgs,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let UnaliasArgs { name, alias } = args;
    let entry = Writer::open(&registry.root, name, &clock::now())?.unalias(alias)?;
    if registry.json {
        write_json(out, &entry)?;
    } else if let Event::Unaliased { from, .. } = entry.event {
        writeln!(out, "{name}@{alias} = nothing (before: {name}@{from})")?;
    }
    Ok(Outcome::Done)
}
