use super::super::group::tests::finished;
use super::super::join::Windows;
use super::*;
use crate::records::LedgerEntry;
use experiment::Target;
use rand_chacha::rand_core::Rng;

/// All of some runs, with what is known of nothing else.
pub(crate) fn within<'a>(runs: &'a [RunRecord], read: Read<'a>) -> Search<'a> {
    Search { runs, compared: runs.len(), ledger: None, read, stored: None }
}

fn by(metric: &str) -> Objective {
    let metric: Metric = metric.parse().unwrap();
    Objective { metric, direction: metric.direction() }
}

fn weighed(runs: &[RunRecord], search: &Search<'_>) -> Comparison {
    let mut comparison = compare(runs, by("valid.rmse"));
    comparison.weigh(search);
    comparison
}

/// Roughly normal: the sum of four uniforms.
fn noise(count: usize, index: u64) -> Vec<f64> {
    let mut generator = experiment::seed::generator(3, "search tests", index);
    let mut uniform = || (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    (0..count).map(|_| (0..4).map(|_| uniform()).sum::<f64>() * 3.0_f64.sqrt()).collect()
}

const WINDOWS: usize = 400;

/// Forecasts that know nothing of the target, each by its own noise.
fn lucky(target: u64, own: u64) -> Forecasts {
    Forecasts {
        ts: (0..WINDOWS as i64).collect(),
        target: noise(WINDOWS, target),
        forecast: noise(WINDOWS, 100 + own).into_iter().map(|x| 0.02 * x).collect(),
        baselines: vec![("persistence".into(), vec![0.0; WINDOWS])],
        quantiles: Vec::new(),
    }
}

fn rmse(of: &Forecasts) -> f64 {
    let square: f64 = of
        .forecast
        .iter()
        .zip(&of.target)
        .map(|(forecast, target)| (forecast - target).powi(2))
        .sum();
    (square / of.ts.len() as f64).sqrt()
}

fn tried(data: &str, target: &Target) -> Tried {
    Tried {
        data: data.into(),
        target: target.clone(),
        valid: Some((0, WINDOWS as i64 - 1)),
        test: None,
    }
}

/// Trials of a sweep, ranked by what they really came to.
fn trials(sweep: &str, data: &str, count: usize, target: u64) -> Vec<RunRecord> {
    let mut runs: Vec<RunRecord> = (0..count)
        .map(|index| {
            let mut run = finished(16 + index, 0, rmse(&lucky(target, index as u64)));
            run.folder = format!("runs/{sweep}/trials/{}", run.trial.id).into();
            let tried = tried(data, &run.trial.settings.data.target);
            run.result.as_mut().unwrap().tried = Some(tried);
            run
        })
        .collect();
    let value = |run: &RunRecord| run.result.as_ref().unwrap().valid.unwrap().rmse;
    runs.sort_by(|a, b| value(a).total_cmp(&value(b)));
    runs
}

fn index(run: &RunRecord) -> u64 {
    run.trial.settings.model.hidden_size as u64 - 16
}

fn read(run: &RunRecord, _: Split) -> Option<Forecasts> {
    Some(lucky(if run.folder.starts_with("runs/other") { 2 } else { 1 }, index(run)))
}

fn ledger(trials: usize, target: &Target) -> Ledger {
    let entry = |trial: usize| LedgerEntry {
        v: 1,
        at: String::new(),
        sweep: "gone".into(),
        trial: TrialId(format!("gone{trial}")),
        tried: tried("one", target),
        opened: false,
    };
    Ledger { entries: (0..trials).map(entry).collect(), ..Ledger::default() }
}

/// Two series with the same timestamps: nothing is said of one by the other, and what is said
/// is said once.
#[test]
fn series_with_the_same_timestamps_are_not_paired() {
    let runs = [trials("a", "one", 4, 1), trials("other", "two", 4, 2)].concat();
    let comparison = weighed(&runs, &within(&runs, &read));
    assert_eq!(comparison.significance, None);
    let told = comparison.conclusion();
    assert_eq!(
        told[1..],
        ["the rows are of 2 different series (a | other): no test compares them, and errors \
                of one say nothing about another"]
    );
    assert!(comparison.notes.is_empty(), "{:?}", comparison.notes);
    // Before version 0.2 no fingerprint was recorded: what came tells them apart all the same.
    let unknown: Vec<RunRecord> = runs
        .iter()
        .map(|run| {
            let mut run = run.clone();
            run.result.as_mut().unwrap().tried = None;
            run
        })
        .collect();
    let comparison = weighed(&unknown, &within(&unknown, &read));
    assert_eq!(comparison.significance, None);
    assert!(
        comparison.conclusion()[1].contains("read the same data differently"),
        "{:?}",
        comparison.conclusion()
    );
    let whole = within(&runs[..4], &read);
    assert!(weighed(&runs[..4], &whole).significance.is_some());
}

#[test]
fn forecasts_over_other_horizons_are_not_paired() {
    let mut runs = trials("a", "one", 3, 1);
    runs[1].trial.settings.data.target.horizon = 5;
    let comparison = weighed(&runs, &within(&runs, &read));
    assert!(comparison.significance.is_none());
    assert!(
        comparison
            .untested
            .unwrap()
            .starts_with("the rows forecast 2 different targets: no test compares them")
    );
}

/// The best of 16 that know nothing, picked by hand, is the best of 16.
#[test]
fn a_trial_that_is_picked_by_hand_is_tested_within_its_sweep() {
    let runs = trials("a", "one", 16, 1);
    let whole = weighed(&runs, &within(&runs, &read)).significance.unwrap();
    let alone = weighed(&runs[..1], &within(&runs[..1], &read)).significance.unwrap();
    assert!(alone.spa.unwrap() < 0.3 * whole.spa.unwrap(), "{alone:?} {whole:?}");
    let picked =
        weighed(&runs[..1], &Search { compared: 1, ..within(&runs, &read) }).significance.unwrap();
    assert_eq!(
        (picked.spa, picked.spa_raw, picked.diebold_mariano),
        (whole.spa, whole.spa_raw, whole.diebold_mariano)
    );
    assert_eq!(
        (picked.rows, picked.tried.trials, picked.tried.weighed, picked.tried.shown),
        (1, 16, 16, 1)
    );
    assert!(
        picked.sentences()[0].contains("(over all 16 of the search, of which these are 1)"),
        "{:?}",
        picked.sentences()
    );
    // One that is not the best is no better for being looked at alone.
    let runs: Vec<RunRecord> = runs.iter().skip(3).chain(&runs[..3]).cloned().collect();
    let fourth =
        weighed(&runs[..1], &Search { compared: 1, ..within(&runs, &read) }).significance.unwrap();
    assert!(fourth.spa >= whole.spa, "{fourth:?}");
}

#[test]
fn trials_without_forecasts_widen_p_and_the_sentence_says_how_many() {
    let runs = trials("a", "one", 8, 1);
    let ledger = ledger(24, &runs[0].trial.settings.data.target);
    let of = |search: &Search<'_>| weighed(&runs, search).significance.unwrap();
    let all = of(&Search { ledger: Some(&Ledger::default()), ..within(&runs, &read) });
    assert_eq!((all.spa, all.tried.trials), (all.spa_raw, 8));
    assert!(
        all.sentences()[0].contains(", the search over 8 trials included: "),
        "{:?}",
        all.sentences()
    );
    let found = of(&Search { ledger: Some(&ledger), ..within(&runs, &read) });
    assert_eq!((found.tried.trials, found.tried.weighed, found.spa_raw), (32, 8, all.spa_raw));
    let expected = 1.0 - (1.0 - found.spa_raw.unwrap()).powi(4);
    assert!((found.spa.unwrap() - expected).abs() < 1e-12, "{found:?}");
    let told = &found.sentences()[0];
    assert!(told.contains(", the search over 32 trials included: "), "{told}");
    assert!(told.contains(" over the 8 that could be weighed, widened to all 32)"), "{told}");
    // Half of them have lost their forecasts, and two failed.
    let some = |run: &RunRecord, split: Split| {
        (index(run).is_multiple_of(2) || run.trial.id == runs[0].trial.id)
            .then(|| read(run, split))?
    };
    let mut with_failed = runs.clone();
    for run in trials("a", "one", 10, 1).into_iter().filter(|run| index(run) >= 8) {
        let progress = crate::records::RunProgress {
            state: RunState::Ended(End::Failed { reason: "no memory".into() }),
            ..Default::default()
        };
        with_failed.push(RunRecord { result: None, progress, ..run });
    }
    let search = Search { ledger: Some(&Ledger::default()), ..within(&with_failed, &some) };
    let found = weighed(&with_failed, &search).significance.unwrap();
    assert_eq!((found.tried.trials, found.rows), (10, found.tried.weighed), "{found:?}");
    assert!(
        (4..=5).contains(&found.rows) && found.in_set.iter().flatten().count() == found.rows,
        "{found:?}"
    );
}

#[test]
fn what_came_of_no_resample_is_widened_too() {
    let mut runs = trials("a", "one", 2, 1);
    let known = |run: &RunRecord, split: Split| {
        let forecasts = read(run, split)?;
        Some(Forecasts {
            forecast: forecasts.target.iter().map(|target| 0.5 * target).collect(),
            ..forecasts
        })
    };
    runs.truncate(1);
    let ledger = ledger(2_999, &runs[0].trial.settings.data.target);
    let of = |ledger: &Ledger| {
        weighed(&runs, &Search { ledger: Some(ledger), ..within(&runs, &known) })
            .significance
            .unwrap()
    };
    assert!(of(&Ledger::default()).crowned);
    let found = of(&ledger);
    assert_eq!((found.spa_raw, found.tried.trials), (Some(0.0), 3_000));
    assert!(
        found.spa.unwrap() > 0.2 && !found.crowned,
        "3,000 tries of which one is left: {found:?}"
    );
}

#[test]
fn all_of_many_rows_are_weighed_and_what_they_come_to_is_kept() {
    let runs = trials("a", "one", 260, 1);
    let (reads, kept) =
        (std::sync::atomic::AtomicUsize::new(0), std::cell::RefCell::new(None::<Vec<u8>>));
    let counting = |run: &RunRecord, split: Split| {
        reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        read(run, split)
    };
    let length = std::sync::atomic::AtomicU64::new(1);
    let stamp =
        |_: &RunRecord, _: Split| Some((length.load(std::sync::atomic::Ordering::Relaxed), 5));
    let stored = Stored {
        stamp: &stamp,
        read: &|name| (name == "verdict-valid-squared").then(|| kept.borrow().clone())?,
        write: &|_, bytes| drop(kept.replace(Some(bytes.to_vec()))),
    };
    let search = Search { stored: Some(stored), ..within(&runs, &counting) };
    let again = |expected: usize| {
        let before = reads.load(std::sync::atomic::Ordering::Relaxed);
        let found = weighed(&runs, &search).significance.unwrap();
        assert_eq!(reads.load(std::sync::atomic::Ordering::Relaxed) - before, expected);
        found
    };
    let first = again(261);
    assert_eq!(
        (first.rows, first.tried.weighed, first.search_rows, first.set_rows),
        (260, 260, 260, 260)
    );
    assert_eq!(again(0), first);
    // The best of them picked by hand finds what was kept, too.
    let picked = weighed(&runs[..1], &Search { compared: 1, ..search });
    let picked = picked.significance.clone().unwrap_or_else(|| panic!("{picked:?}"));
    assert_eq!((picked.spa, reads.load(std::sync::atomic::Ordering::Relaxed)), (first.spa, 261));
    // A damaged byte, a changed file: it is computed anew.
    let whole = kept.borrow().clone().unwrap();
    let place = whole.windows(9).position(|text| text == b"largest\\\"").unwrap() + 12;
    let mut flipped = whole.clone();
    flipped[place] ^= 1;
    kept.replace(Some(flipped));
    assert_eq!(again(261), first);
    length.store(2, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(again(261), first);
    kept.replace(None);
    assert_eq!(again(261), first);
}

#[test]
fn former_versions_on_the_same_windows_are_weighed_and_on_others_counted() {
    let mut runs = trials("a", "one", 6, 1);
    runs[4].current = false;
    runs[5].current = false;
    let last = runs[5].trial.id.clone();
    let later = |run: &RunRecord, split: Split| {
        let mut forecasts = read(run, split)?;
        if run.trial.id == last {
            for column in
                [&mut forecasts.target, &mut forecasts.forecast, &mut forecasts.baselines[0].1]
            {
                column.drain(..200);
            }
            forecasts.ts.drain(..200);
        }
        Some(forecasts)
    };
    let search = Search { compared: 4, ledger: Some(&Ledger::default()), ..within(&runs, &later) };
    let found = weighed(&runs[..4], &search).significance.unwrap();
    assert_eq!((found.windows, found.rows, found.search_rows), (WINDOWS, 4, 5));
    assert_eq!((found.tried.trials, found.tried.weighed, found.tried.shown), (6, 5, 4));
    assert!(Windows::of(&later(&runs[5], Split::Valid).unwrap()).unwrap().len() < WINDOWS);
}
