//! Tests of the way as a whole, from a text to an experiment.

mod defaults;

use proptest::prelude::*;
use std::path::{Path, PathBuf};

use super::experiment::Strategy;
use super::key::{Fallback, Takes, all, find, set};
use super::wire::Wire;
use super::{Color, Diagnostics, Experiment, Settings, keys};
use crate::space::{Assignment, Domain, Space, Value};

const SYNTHETIC: &str = "[data]\nsynthetic = {}\n";
const TRADED: &str = "[data]\nsynthetic = {}\n[backtest]\ncosts = \
    { commission_bps = 1.0, half_spread = \"1 bps\", slippage = \"0 bps\" }\n";
const FILE: &str = "[data]\nsource = \"bars.csv\"\nbar_label = \"start\"\n";

/// A file that is not there, in the folder of the bars.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/specs/valid/some.toml")
}

fn parse(text: &str, overrides: &[&str]) -> Result<Experiment, Diagnostics> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Experiment::parse(&file(), text, &overrides)
}

fn validated(text: &str, overrides: &[&str]) -> Experiment {
    match parse(text, overrides) {
        Ok(experiment) => Experiment {
            text: String::new(),
            overrides: Vec::new(),
            wire: Wire::default(),
            ..experiment
        },
        Err(diagnostics) => panic!("{text}\n{overrides:?}\n{diagnostics}"),
    }
}

#[test]
fn all_mistakes_come_at_once_with_line_and_column() {
    let text = "nmae = \"x\"\n[data]\nsynthetic = {}\nwindow = \"60\"\n[train]\nepochs = \
        10\nschedule = { kind = \"noam\", warmup_epochs = 20 }\n";
    let diagnostics = parse(text, &["model.dropout=2"]).unwrap_err();
    let places: Vec<_> =
        diagnostics.list.iter().map(|diagnostic| (diagnostic.line, diagnostic.column)).collect();
    assert_eq!(
        places,
        [(Some(1), Some(1)), (Some(4), Some(10)), (Some(7), Some(45)), (None, None)]
    );
    assert_eq!(diagnostics.list[0].hint.as_deref(), Some("did you mean 'name'?"));
    assert_eq!(diagnostics.list[1].hint.as_deref(), Some("numbers are written without quotes: 60"));
    assert!(
        diagnostics.render(Color::Ansi).contains('\u{1b}')
            && !diagnostics.to_string().contains('\u{1b}')
    );
}

#[test]
fn a_wrong_value_is_not_reported_again_by_the_rules_that_use_it() {
    let diagnostics =
        parse("[data]\nsynthetic = { bars = 5000 }\nsplit = { valid = 1.5, test = 0.9 }\n", &[])
            .unwrap_err();
    assert_eq!(diagnostics.list.len(), 1, "{diagnostics}");
}

#[test]
fn one_slip_is_told_once() {
    let slips = [
        ("[data]\nsouce = \"bars.csv\"\nbar_label = \"start\"\n", "unknown key 'souce'"),
        ("[dta]\nsynthetic = {}\n", "unknown key 'dta'"),
        ("[data]\nsource = \"bars.csv\"\nbar_lable = \"start\"\n", "unknown key 'bar_lable'"),
        (
            "[data]\nsource = \"bars.txt\"\nbar_label = \"start\"\nfromat = \"csv\"\n",
            "unknown key 'fromat'",
        ),
        (
            "[data]\nsynthetic = {}\n[sweep]\nstrategy = \
                { kind = \"rand\", trials = 5, seed = 3 }\n[sweep.space]\n\"train.learning_rate\" \
                = { log = [1e-4, 1e-2] }\n",
            "'sweep.strategy.kind' takes",
        ),
        (
            "[data]\nsynthetic = {}\n[sweep]\nstrategy = \
                { kind = \"random\", trails = 5 }\n[sweep.space]\n\"train.seed\" = [1, 2]\n",
            "unknown key 'trails'",
        ),
        ("data = { synthetic = {}\n[train]\nepochs = 3\n", "this is not TOML"),
    ];
    for (text, told) in slips {
        let diagnostics = parse(text, &[]).unwrap_err();
        assert_eq!(diagnostics.list.len(), 1, "{diagnostics}");
        assert!(diagnostics.list[0].message.starts_with(told), "{diagnostics}");
    }
    // Two slips are two.
    let both = parse("[data]\nwindow = \"60\"\n", &[]).unwrap_err();
    assert_eq!(both.list.len(), 2, "{both}");
}

#[test]
fn a_fold_has_half_of_what_the_test_rows_leave_shared_out_unless_it_is_told_its_share() {
    let split = |text: &str| {
        parse(&format!("{SYNTHETIC}split = {{ {text} }}\n"), &[]).unwrap().base.data.split
    };
    let default = split("kind = \"walk_forward\"");
    assert_eq!((default.folds(), default.valid), (5, 0.09));
    assert!((default.train() - 0.45).abs() < 1e-12);
    assert_eq!(default.walk_forward.map(|walk| walk.train), Some(super::TrainRows::Expanding));
    assert_eq!(split("kind = \"walk_forward\", folds = 2, test = 0.2").valid, 0.2);
    assert_eq!(split("kind = \"walk_forward\", folds = 2, valid = 0.1").valid, 0.1);
    let holdout = split("valid = 0.2, test = 0.1");
    assert_eq!(holdout, split("kind = \"holdout\", valid = 0.2, test = 0.1"));
    assert_eq!((holdout.folds(), holdout.walk_forward), (1, None));
}

#[test]
fn one_layer_trials_of_a_sweep_have_no_dropout() {
    let text = format!(
        "{SYNTHETIC}[model]\ndropout = 0.3\n[sweep.space]\n\"model.num_layers\" = [1, 2]\n"
    );
    let experiment = parse(&text, &[]).unwrap();
    let dropout = |layers: i64| {
        let assignment = Assignment::from([("model.num_layers".to_owned(), Value::Int(layers))]);
        experiment.settings_of(&assignment, 0).unwrap().model.dropout
    };
    assert_eq!((dropout(1), dropout(2)), (0.0, 0.3));
}

#[test]
fn quantile_trials_of_a_sweep_have_their_own_loss_and_point_trials_their_identity() {
    let text = format!(
        "{SYNTHETIC}[train]\nloss = \"mae\"\n[sweep.space]\n\"model.head\" = [{{ kind = \"point\" \
            }}, {{ kind = \"quantile\" }}]\n"
    );
    let experiment = parse(&text, &[]).unwrap();
    let of = |kind: &str| {
        let head = Value::Table([("kind".to_owned(), Value::Text(kind.into()))].into());
        experiment.settings_of(&[("model.head".to_owned(), head)].into(), 0).unwrap()
    };
    assert_eq!(of("point").train.loss, lane_types::Loss::Mae);
    assert_eq!(of("quantile").train.loss, lane_types::Loss::Mse);
    assert_eq!(
        of("quantile").model.head,
        lane_types::Head::Quantile { levels: lane_types::Levels::default() }
    );
    assert!(!String::from_utf8(of("point").identity_bytes()).unwrap().contains("head"));
    assert!(
        String::from_utf8(of("quantile").identity_bytes())
            .unwrap()
            .contains("\"levels\":[0.1,0.5,0.9]")
    );
}

#[test]
fn a_table_in_an_assignment_replaces_the_whole_table() {
    let text = format!("{SYNTHETIC}[train]\noptimizer = {{ kind = \"adam\", beta1 = 0.5 }}\n");
    let experiment = parse(&text, &[]).unwrap();
    let sgd = Value::Table([("kind".to_owned(), Value::Text("sgd".into()))].into());
    let settings =
        experiment.settings_of(&[("train.optimizer".to_owned(), sgd)].into(), 0).unwrap();
    assert_eq!(settings.train.optimizer.beta1, 0.9);
    let part = [("train.optimizer.kind".to_owned(), Value::Text("sgd".into()))].into();
    let message = experiment.settings_of(&part, 0).unwrap_err();
    assert!(message.contains("'train.optimizer.beta1' = 0.5 has no effect"), "{message}");
}

#[test]
fn an_override_of_a_swept_key_replaces_its_values() {
    let text = format!(
        "{SYNTHETIC}[sweep.space]\n\"model.hidden_size\" = {{ choice = [8, 16], zip = \"a\" \
            }}\n\"model.num_layers\" = {{ int = [1, 2], zip = \"a\" }}\n"
    );
    let experiment = parse(&text, &["model.hidden_size=4"]).unwrap();
    assert_eq!(experiment.base.model.hidden_size, 4);
    assert_eq!(experiment.space.parameters[0].domain, Domain::Choice(vec![Value::Int(4)]));
    assert_eq!(experiment.space.parameters[0].zip, None);
    assert_eq!(experiment.space.parameters[1].zip.as_deref(), Some("a"));
    let listed = format!(
        "{SYNTHETIC}[sweep.strategy]\nkind = \"list\"\ntrials = [{{ \"train.seed\" = 3 }}, {{}}]\n"
    );
    let Strategy::List { assignments } = parse(&listed, &["train.seed=9"]).unwrap().strategy else {
        panic!()
    };
    assert_eq!(assignments[0]["train.seed"], Value::Int(9));
}

#[test]
fn whole_numbers_for_number_keys_are_the_same_values_as_floats() {
    let text = format!(
        "{SYNTHETIC}[sweep.space]\n\"train.clip_norm\" = [1, false]\n\"train.optimizer\" = [{{ \
            weight_decay = 0 }}]\n\"model.dropout\" = {{ choice = [0.1], when = {{ \
            \"train.clip_norm\" = 1.0 }} }}\n"
    );
    let Space { parameters } = parse(&text, &[]).unwrap().space;
    assert_eq!(parameters[0].domain, Domain::Choice(vec![Value::Float(1.0), Value::Bool(false)]));
    let table = Value::Table([("weight_decay".to_owned(), Value::Float(0.0))].into());
    assert_eq!(parameters[1].domain, Domain::Choice(vec![table]));
    assert_eq!(parameters[2].when.as_ref().unwrap().values, [Value::Float(1.0)]);
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let message = |path: &str| Experiment::load(Path::new(path), &[]).unwrap_err().to_string();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/specs/valid");
    assert!(message(&format!("{folder}/smalest.toml")).contains("did you mean 'smallest.toml'?"));
    assert!(message(folder).contains("this is a folder"));
    let big = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(big.path(), "# \n".repeat(400_000)).unwrap();
    assert!(message(big.path().to_str().unwrap()).contains("larger than 1 MiB"));
}

/// Keys with values that a trial may take, of which some do not fit together.
const SWEPT: [(&str, &[&str]); 11] = [
    ("data.window", &["10", "200", "300"]),
    ("data.target.horizon", &["1", "30"]),
    ("data.split.embargo", &["5", "100"]),
    ("data.split.kind", &["\"walk_forward\"", "\"holdout\""]),
    ("data.split.folds", &["3", "60"]),
    ("model.num_layers", &["1", "3"]),
    ("model.hidden_size", &["8", "0"]),
    ("train.epochs", &["5", "50"]),
    (
        "train.schedule",
        &[
            "{ kind = \"step\", step_epochs = 10 }",
            "{ kind = \"cosine\", warmup_epochs = 5 }",
            "{ kind = \"constant\" }",
        ],
    ),
    ("train.early_stopping", &["false", "{ patience = 3 }"]),
    ("train.optimizer.momentum", &["0.5"]),
];

proptest! {
    #[test]
    fn an_assignment_and_a_file_with_the_same_values_are_judged_alike(
        picks in proptest::collection::vec(0usize..6, SWEPT.len()),
    ) {
        let base = parse(SYNTHETIC, &[]).unwrap();
        let mut assignment = Assignment::new();
        let mut overrides = Vec::new();
        for ((key, values), pick) in SWEPT.iter().zip(picks) {
            let Some(text) = values.get(pick) else { continue };
            overrides.push(format!("{key}={text}"));
            let table: toml::Table = format!("v = {text}").parse().unwrap();
            assignment.insert((*key).to_owned(), table["v"].clone().try_into().unwrap());
        }
        let of_file = Experiment::parse(&file(), SYNTHETIC, &overrides);
        match (base.settings_of(&assignment, 0), of_file) {
            (Ok(settings), Ok(experiment)) => prop_assert_eq!(settings, experiment.base),
            (Err(message), Err(diagnostics)) => prop_assert!(
                diagnostics.list.iter().any(|d| d.message == message),
                "{}\n{}",
                message,
                diagnostics
            ),
            (assigned, read) => prop_assert!(false, "{:?}\n{:?}", assigned, read),
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        at in 0usize..2000,
        with in "[\\[\\]{}=\".,a-z0-9\\-# \n\t\rä\u{0}]{0,4}",
        cut in 0usize..6,
    ) {
        let grid = include_str!("../../../tests/specs/valid/grid.toml");
        let start = (at % grid.len()..).find(|at| grid.is_char_boundary(*at)).unwrap();
        let end = ((start + cut).min(grid.len())..).find(|at| grid.is_char_boundary(*at)).unwrap();
        let text = format!("{}{with}{}", &grid[..start], &grid[end..]);
        if let Err(diagnostics) = parse(&text, &[]) {
            prop_assert!(!diagnostics.list.is_empty() && diagnostics.to_string().contains("error"));
        }
    }

    #[test]
    fn no_argument_makes_the_reader_panic(argument in "[a-z_.\"'= \\[\\]{}0-9ä]{0,30}") {
        let argument = argument.as_str();
        for argument in
            [argument.to_owned(), format!("train.{argument}"), format!("sweep.space.{argument}")]
        {
            if let Err(diagnostics) = parse(SYNTHETIC, &[&argument]) {
                prop_assert!(!diagnostics.to_string().is_empty());
            }
        }
    }
}
