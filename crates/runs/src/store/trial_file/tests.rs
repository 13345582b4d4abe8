use super::super::testing;
use super::*;
use experiment::space::Value;
use proptest::prelude::*;

#[test]
fn a_trial_is_written_once_and_another_under_its_id_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let trial = testing::trial(1);
    write(folder.path(), &trial).unwrap();
    let before = std::fs::read(path_in(folder.path())).unwrap();
    write(folder.path(), &Trial { index: 7, ..trial.clone() }).unwrap();
    assert_eq!(std::fs::read(path_in(folder.path())).unwrap(), before);
    let mut other = trial;
    other.settings.model.hidden_size += 1;
    let error = write(folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("settings.model.hidden_size is"), "{error}");
}

#[test]
fn trials_read_after_one_another_come_to_what_each_comes_to_alone() {
    let reader = TrialReader::default();
    for i in 0..6 {
        let mut trial = testing::trial(i);
        trial.settings.data.window += i / 2;
        trial.assignment.insert("data.x".into(), Value::Text("\n[settings.data]\n".into()));
        let text = to_text(&trial).unwrap();
        assert_eq!(reader.parse(text.as_bytes()).unwrap(), trial);
        let broken = text.replace("hidden_size", "hidden_sighs");
        assert_eq!(reader.parse(broken.as_bytes()), parse(broken.as_bytes()));
        let changed = text.replacen("v = 1", "v = 2", 1);
        let Err(Unread::Damaged(why)) = reader.parse(changed.as_bytes()) else { panic!() };
        assert!(why.contains("checksum"), "{why}");
        let later = changed[..changed.rfind('#').unwrap()].to_owned();
        let Err(Unread::Later(why)) = reader.parse(later.as_bytes()) else { panic!() };
        assert!(why.contains("format 2"), "{why}");
        let later = checksum::seal_toml(later);
        let Err(Unread::Later(why)) = reader.parse(later.as_bytes()) else { panic!() };
        assert!(why.contains("format 2"), "{why}");
    }
    assert_eq!(
        reader.data.read().unwrap().len(),
        3,
        "the short way was taken for what was seen before"
    );
}

#[test]
fn a_file_source_and_every_schedule_come_back() {
    let mut trial = testing::trial(1);
    trial.settings.data.source = experiment::Source::File {
        path: "data/a \"b\".csv".into(),
        format: experiment::Format::Csv,
        columns: experiment::Columns::default(),
        zone: None,
        bar_label: experiment::BarLabel::Start,
    };
    for schedule in [
        lane_types::Schedule::Constant,
        lane_types::Schedule::Cosine {
            warmup_epochs: 1,
            min_learning_rate: 1e-5,
            restart_epochs: None,
        },
        lane_types::Schedule::Plateau { factor: 0.1, patience: 3, min_learning_rate: 0.0 },
    ] {
        trial.settings.train.schedule = schedule;
        assert_eq!(parse(to_text(&trial).unwrap().as_bytes()).unwrap(), trial);
    }
}

#[test]
fn no_changed_bit_of_a_trial_is_read() {
    let text = to_text(&testing::trial(1)).unwrap().into_bytes();
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.clone();
            changed[place] ^= 1 << bit;
            assert!(matches!(parse(&changed), Err(Unread::Damaged(_))), "{place}");
            assert!(TrialReader::default().parse(&changed).is_err());
        }
    }
}

fn backtest(threshold_bps: f64) -> Backtest {
    use experiment::{Concession, Costs, FlatAt, Limits, Rule};
    let half_spread = Concession::Ticks { ticks: 0.5, tick_size: 0.2 };
    Backtest {
        rule: Rule::Threshold { threshold_bps },
        costs: Costs {
            commission_bps: 0.23,
            half_spread,
            slippage: Concession::Bps { bps: threshold_bps },
        },
        limits: Limits { max_long: 1.0, max_short: 0.0 },
        flat_at: FlatAt::SessionEnd,
    }
}

#[test]
fn how_it_is_traded_may_change_under_the_same_id_and_stays_as_first_written() {
    let folder = tempfile::tempdir().unwrap();
    let trial = testing::trial(1);
    write(folder.path(), &trial).unwrap();
    let traded = Trial { backtest: Some(backtest(2.0)), ..trial.clone() };
    write(folder.path(), &traded).unwrap();
    assert_eq!(read(folder.path()).unwrap(), trial);
    assert_eq!(traded.settings.identity_bytes(), trial.settings.identity_bytes());
    // The short way reads it too.
    let reader = TrialReader::default();
    for trial in [&trial, &traded, &traded] {
        assert_eq!(reader.parse(to_text(trial).unwrap().as_bytes()).unwrap(), *trial);
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::Float),
        "\\PC{0,12}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            prop::collection::btree_map("[a-z.]{1,5}", inner, 0..3).prop_map(Value::Table),
        ]
    })
}

proptest! {
    #[test]
    fn a_trial_comes_back_as_it_was_written(
        seed: u64,
        rate in any::<f64>().prop_filter("finite", |x| x.is_finite()),
        rows in prop::option::of(0_usize..1 << 40),
        threshold in prop::option::of(0.0..1e3_f64),
        assignment in prop::collection::btree_map("[a-z]{1,4}\\.[a-z_]{1,6}", value(), 0..4),
    ) {
        let mut trial = testing::trial(1);
        trial.settings.train.seed = seed;
        trial.settings.train.learning_rate = rate;
        trial.settings.data.rows = rows;
        trial.assignment = assignment;
        trial.backtest = threshold.map(backtest);
        let text = to_text(&trial).unwrap();
        prop_assert_eq!(parse(text.as_bytes()).unwrap(), trial.clone());
        let reader = TrialReader::default();
        for _ in 0..2 {
            prop_assert_eq!(reader.parse(text.as_bytes()).unwrap(), trial.clone());
        }
    }
}
