//! The parsers of outside bytes. One more is one more row of [`TARGETS`].

mod bars;
mod experiments;
mod models;
mod records;
mod service;
mod states;
mod store;

use super::corpus;

/// A parser.
pub(crate) struct Target {
    pub name: &'static str,
    /// Valid bytes.
    pub corpus: fn() -> Vec<Vec<u8>>,
    /// Parses mutated bytes. An error is a finding; bytes that are refused are none.
    pub run: fn(&[u8]) -> Result<(), String>,
    /// Bytes of memory that it may take whatever it reads, and for each byte that it reads.
    pub floor: usize,
    pub per_byte: usize,
}

const MIB: usize = 1 << 20;

const fn text(
    name: &'static str,
    corpus: fn() -> Vec<Vec<u8>>,
    run: fn(&[u8]) -> Result<(), String>,
) -> Target {
    Target { name, corpus, run, floor: 32 * MIB, per_byte: 256 }
}

/// What is refused at 64 MiB or 256 times its length may take twice that while it is unpacked.
const fn packed(
    name: &'static str,
    corpus: fn() -> Vec<Vec<u8>>,
    run: fn(&[u8]) -> Result<(), String>,
) -> Target {
    Target { name, corpus, run, floor: 512 * MIB, per_byte: 1024 }
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    text(
        "experiment_toml",
        || [corpus::files("experiments", ".toml"), corpus::files("tests/specs", ".toml")].concat(),
        experiments::toml,
    ),
    text("set_argument", experiments::arguments, experiments::set),
    text("bars_csv", corpus::bars_csv, bars::csv),
    packed("bars_csv_gz", corpus::bars_gz, bars::gz),
    packed("bars_parquet", corpus::parquet, bars::parquet),
    packed("forecasts_parquet", corpus::parquet, store::forecasts),
    text("sweep_toml", || corpus::files("tests/stores/v1", "sweep.toml"), store::sweep_toml),
    text("trial_toml", || corpus::files("tests/stores/v1", "trial.toml"), store::trial_toml),
    text("events_jsonl", || corpus::files("tests/stores/v1", "events.jsonl"), store::events),
    text("result_json", || corpus::files("tests/stores/v1", "result.json"), store::result),
    text("attempt_json", || corpus::files("tests/stores/v1", "attempt.json"), store::attempt),
    text(
        "evaluations_jsonl",
        || corpus::files("tests/stores/v1", "evaluations.jsonl"),
        store::evaluations,
    ),
    text("commit_json", || corpus::files("tests/stores/v1", "COMMIT"), store::commit),
    text("ledger_jsonl", records::ledgers, records::ledger),
    text("view_toml", records::views, records::view),
    text("lane_state", corpus::checkpoints, states::lane_state),
    text("weights", corpus::checkpoints, states::weights),
    text("scaling_json", states::scalings, states::scaling),
    text("worker_lines", states::lines, states::line),
    text("names", states::names, states::name),
    text("model_card_json", || corpus::files("tests/models/v1", "passport.json"), models::card),
    text("model_weights", || corpus::files("tests/models/v1", ".safetensors"), models::weights),
    text("sha256sums", || corpus::files("tests/models/v1", "SHA256SUMS"), models::sums),
    text("history_jsonl", || corpus::files("tests/models/v1", "history.jsonl"), models::history),
    text("gate_toml", || corpus::files("tests/models/v1", "gate.toml"), models::gate),
    text("model_names", models::names, models::name),
    text("torch_weights", || corpus::files("tests/fixtures/export", ".safetensors"), models::torch),
    text("bar_lines", corpus::bars_csv, models::lines),
    text("http_json", service::bodies, service::json),
    text("http_csv", service::tables, service::csv),
    text("http_bytes", service::requests, service::raw),
];
