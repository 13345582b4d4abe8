//! The command line of `kiln models`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub action: ModelsAction,
    /// Where the models' folders are
    #[arg(long, global = true, default_value = "models", value_name = "DIR", env = "KILN_MODELS")]
    pub models: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with the registry.
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// Make a finished run, or a saved model, the next version of a model; prints NAME@VERSION
    Register(RegisterArgs),
    /// Make PyTorch weights the next version of a model; prints NAME@VERSION
    Import(ImportArgs),
    /// List models, or the versions of one
    List {
        /// A model; all of them unless given
        name: Option<String>,
    },
    /// Show a version: where it comes from, what it is worth, what is known of it
    Show {
        /// NAME (its champion, else its newest version), NAME@ALIAS, NAME@VERSION or NAME@latest
        model: String,
    },
    /// Point an alias to a version, if the rules let it pass
    Promote(PromoteArgs),
    /// Point an alias back to where it pointed before; again goes further back
    Rollback(RollbackArgs),
    /// Make an alias point nowhere
    Unalias(UnaliasArgs),
    /// Store, show or clear the rules that every promotion to champion must pass
    Gate(GateArgs),
    /// Give a version a tag; `keep` keeps it from garbage collection
    Tag(TagArgs),
    /// Take a tag from a version
    Untag(UntagArgs),
    /// Where a version comes from: run, sweep, data, commit; and what it took over from
    Lineage {
        /// NAME (its champion, else its newest version), NAME@ALIAS, NAME@VERSION or NAME@latest
        model: String,
    },
    /// Two versions side by side: settings, metrics, verdict, weights
    Diff(DiffArgs),
    /// Remove versions that nothing names
    Gc(GcArgs),
    /// Read every version with every check
    Verify(VerifyArgs),
}

/// `models register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// A finished run: SWEEP/ID, an id's unambiguous beginning, or SWEEP/best; or a saved model's
    /// folder
    #[arg(value_name = "RUN|FOLDER")]
    pub run: String,
    /// The model's name: a-z, 0-9, '.', '_', '-'
    #[arg(long)]
    pub name: String,
    /// A tag of the new version (repeatable)
    #[arg(long = "tag", value_name = "KEY[=VALUE]")]
    pub tags: Vec<String>,
    /// Make another version of a run that is registered already
    #[arg(long)]
    pub again: bool,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
}

/// `models import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A safetensors file with the weights of an nn.LSTM and an nn.Linear
    pub file: PathBuf,
    /// The run or model whose features, scaling and network they share: SWEEP/ID, SWEEP/best,
    /// NAME@VERSION, or a folder
    #[arg(long, value_name = "RUN|MODEL")]
    pub like: String,
    /// The model's name: a-z, 0-9, '.', '_', '-'
    #[arg(long)]
    pub name: String,
    /// A tag of the new version (repeatable)
    #[arg(long = "tag", value_name = "KEY[=VALUE]")]
    pub tags: Vec<String>,
    /// Make another version of a file that is imported already
    #[arg(long)]
    pub again: bool,
    /// Where the sweeps' folders are
    #[arg(long, default_value = "runs", value_name = "DIR", env = "KILN_RUNS")]
    pub runs: PathBuf,
}

/// `models promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// NAME (its newest version), NAME@VERSION or NAME@ALIAS
    pub model: String,
    /// The alias to point to it: champion, shadow, or another name
    #[arg(long = "to", value_name = "ALIAS", default_value = "champion")]
    pub alias: String,
    /// A rule that it must pass, besides the stored ones: "valid.skill.low > 0" (repeatable)
    #[arg(long = "require", value_name = "RULE")]
    pub rules: Vec<String>,
    /// Promote although a rule is not passed; recorded with the reason
    #[arg(long, requires = "reason")]
    pub force: bool,
    /// Why; recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `models rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The model
    pub name: String,
    /// The alias to point back
    #[arg(long, default_value = "champion")]
    pub alias: String,
    /// Why; recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `models unalias`.
#[derive(Debug, Args)]
pub struct UnaliasArgs {
    /// The model
    pub name: String,
    /// The alias
    pub alias: String,
}

/// `models gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The model
    pub name: String,
    /// Rules in place of the stored ones: "crowned" "test.rmse <= champion.test.rmse"; none shows
    /// them
    #[arg(conflicts_with = "clear")]
    pub rules: Vec<String>,
    /// Remove the stored rules
    #[arg(long)]
    pub clear: bool,
}

/// `models tag`.
#[derive(Debug, Args)]
pub struct TagArgs {
    /// NAME (its champion), NAME@VERSION, NAME@ALIAS or NAME@latest
    pub model: String,
    /// Tags
    #[arg(value_name = "KEY[=VALUE]", required = true)]
    pub tags: Vec<String>,
}

/// `models untag`.
#[derive(Debug, Args)]
pub struct UntagArgs {
    /// NAME (its champion), NAME@VERSION, NAME@ALIAS or NAME@latest
    pub model: String,
    /// Tags
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
}

/// `models diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// NAME, NAME@VERSION, NAME@ALIAS or NAME@latest
    pub left: String,
    /// The other
    pub right: String,
}

/// `models gc`.
#[derive(Debug, Args)]
pub struct GcArgs {
    /// The model
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub name: Option<String>,
    /// All models
    #[arg(long)]
    pub all: bool,
    /// Keep so many of the newest versions, besides those with an alias, those a rollback would go
    /// to, and those tagged keep
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub keep: usize,
    /// Say what would be removed; remove nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `models verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A model; all of them unless given
    pub name: Option<String>,
    /// What can be read but deserves a warning (weights that are not numbers) fails too
    #[arg(long)]
    pub strict: bool,
}
