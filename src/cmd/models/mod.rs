//! `kiln models`: the registry of versioned models.
//!
//! ```text
//! import FILE ────────────────────────────────┐
//! register RUN ─ from_run: verdict, profile ──┴→ registry ←─ promote (gate) · rollback · unalias
//!                                                │           tag · gc
//!                                                └→ list · show · lineage · diff · verify
//! ```

mod arguments;
mod diff;
mod from_run;
mod gate;
mod gc;
mod import;
mod lineage;
mod list;
mod promote;
mod register;
mod show;
mod tag;
mod verify;

pub use arguments::{
    DiffArgs, GateArgs, GcArgs, ImportArgs, ModelsAction, ModelsArgs, PromoteArgs, RegisterArgs,
    RollbackArgs, TagArgs, UnaliasArgs, UntagArgs, VerifyArgs,
};

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, Outcome};
use runs::registry::{self, CHAMPION, Reference, RegistryError, Resolved, Wanted};

/// What all actions take.
struct Registry {
    /// Where the models' folders are.
    root: PathBuf,
    /// Whether JSON is printed.
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// When a name is not legal or names nothing, a gate is not passed, a file is damaged, or the
/// output fails.
pub fn run(args: ModelsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ModelsArgs { action, models: root, json } = args;
    let registry = Registry { root, json };
    match action {
        ModelsAction::Register(args) => register::run(&registry, args, out),
        ModelsAction::Import(args) => import::run(&registry, args, out),
        ModelsAction::List { name } => list::run(&registry, name.as_deref(), out),
        ModelsAction::Show { model } => show::run(&registry, &model, out),
        ModelsAction::Promote(args) => promote::promote(&registry, args, out),
        ModelsAction::Rollback(args) => promote::roll_back(&registry, args, out),
        ModelsAction::Unalias(args) => promote::unalias(&registry, &args, out),
        ModelsAction::Gate(args) => gate::run(&registry, &args, out),
        ModelsAction::Tag(args) => tag::tag(&registry, &args, out),
        ModelsAction::Untag(args) => tag::untag(&registry, &args, out),
        ModelsAction::Lineage { model } => lineage::run(&registry, &model, out),
        ModelsAction::Diff(args) => diff::run(&registry, &args, out),
        ModelsAction::Gc(args) => gc::run(&registry, &args, out),
        ModelsAction::Verify(args) => verify::run(&registry, &args, out),
    }
}

impl Registry {
    /// The version that a reference means; of a name alone the champion, or the newest version
    /// where there is none.
    fn version(&self, reference: &str) -> Result<Resolved, RegistryError> {
        let Reference { name, wanted } = Reference::parse(reference)?;
        let has_champion = registry::model(&self.root, &name)?
            .aliases
            .get(CHAMPION)
            .is_some_and(|champion| champion.version.is_some());
        if wanted == Wanted::Default && !has_champion {
            return registry::resolve(&self.root, &format!("{name}@latest"));
        }
        registry::resolve(&self.root, reference)
    }
}
