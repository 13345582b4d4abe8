use super::*;
use proptest::prelude::*;

fn plan(pruner: Option<Pruner>) -> Plan {
    Plan {
        axes: vec![
            Axis::Float { low: -5.0, high: 5.0, log: false },
            Axis::Float { low: 1e-4, high: 1.0, log: true },
        ],
        trials: 60,
        epochs: 27,
        width: 9,
        seed: 4,
        pruner,
    }
}

const HALVING: Pruner = Pruner::Halving { min_epochs: 1, eta: 3 };

/// A bowl that training finds the bottom of: what a point comes to, and how soon.
fn loss(point: &[f64], epoch: usize) -> f64 {
    let bottom = (point[0] - 2.0).powi(2) + (point[1] / 0.01).log10().powi(2);
    bottom + (3.0 + (7.0 * point[0]).sin()) / epoch as f64
}

/// Runs a search to its end; `order` shuffles the reports of each round. Its decisions, and the
/// epochs that were trained.
fn run(plan: &Plan, order: impl Fn(&mut Vec<Report>)) -> (Search, Vec<Decision>, usize) {
    let (mut search, first) = Search::new(plan.clone());
    let mut decisions = vec![first];
    let mut reports: Vec<Report> = Vec::new();
    let mut trained = 0;
    while !decisions.last().unwrap().is_over {
        // Every trial trains to its next stop, at whatever pace.
        for (trial, epoch) in search.awaited() {
            let tried = &search.tried()[trial];
            if !reports.iter().any(|report| (report.trial, report.epoch) == (trial, epoch)) {
                trained += epoch - tried.losses.keys().next_back().copied().unwrap_or(0);
                let loss = loss(&tried.point, epoch);
                reports.push(Report { trial, epoch, loss, ended: epoch >= plan.epochs });
            }
        }
        order(&mut reports);
        decisions.push(search.decide(&reports, |_| 0).expect("all reports are there"));
        reports.retain(|report| search.awaited().contains(&(report.trial, report.epoch)));
    }
    (search, decisions, trained)
}

#[test]
fn places_are_refilled_and_every_trial_is_started_once() {
    for pruner in [None, Some(HALVING)] {
        let plan = plan(pruner);
        let (search, decisions, _) = run(&plan, |_| ());
        assert_eq!(search.tried().len(), plan.trials);
        let started: Vec<usize> =
            decisions.iter().flat_map(|decision| decision.started.clone()).collect();
        assert_eq!(started, (0..plan.trials).collect::<Vec<_>>());
        assert_eq!(decisions[0].started.len(), plan.width);
        // Until the last trial is started no place is empty.
        let mut active = 0_usize;
        for decision in &decisions {
            let last = decision.started.last().copied();
            active += decision.started.len();
            active -= decision.pruned.len();
            if pruner.is_some() && last.is_some_and(|last| last + 1 < plan.trials) {
                assert!(active >= plan.width, "{decision:?}");
            }
        }
    }
}

#[test]
fn halving_finds_as_good_a_point_with_a_fraction_of_the_epochs() {
    let best = |search: &Search| {
        let ended = search.tried().iter().filter_map(|tried| match tried.outcome {
            Outcome::Finished { loss } => Some(loss),
            _ => None,
        });
        ended.fold(f64::INFINITY, f64::min)
    };
    let (all, _, of_all) = run(&plan(None), |_| ());
    let (halved, _, of_halved) = run(&plan(Some(HALVING)), |_| ());
    assert_eq!(of_all, 60 * 27);
    assert!(of_halved * 3 < of_all, "{of_halved} of {of_all}");
    assert!(best(&halved) < best(&all) + 0.2, "{} and {}", best(&halved), best(&all));
}

#[test]
fn a_space_that_is_used_up_ends_the_search() {
    let axes = vec![
        Axis::Choice { values: 2 },
        Axis::Stepped { low: 1.0, high: 3.0, step: 1.0, log: false },
    ];
    let plan = Plan { axes, ..plan(None) };
    let (mut search, mut decision) = Search::new(plan.clone());
    while !decision.is_over {
        let reports: Vec<Report> = (search.awaited().into_iter())
            .map(|(trial, epoch)| Report { trial, epoch, loss: trial as f64, ended: true })
            .collect();
        decision = search.decide(&reports, |_| 0).unwrap();
    }
    assert_eq!(search.tried().len(), 6, "each combination once");
}

#[test]
fn nothing_is_decided_while_a_report_is_missing() {
    let (mut search, _) = Search::new(plan(Some(HALVING)));
    let mut reports: Vec<Report> = (search.awaited().into_iter())
        .map(|(trial, epoch)| Report { trial, epoch, loss: trial as f64, ended: false })
        .collect();
    let last = reports.pop().unwrap();
    assert_eq!(search.clone().decide(&reports, |_| 0), None);
    reports.push(last);
    let decision = search.decide(&reports, |_| 0).unwrap();
    assert_eq!((decision.pruned.len(), decision.started.len()), (6, 6), "a third of nine go on");
}

#[test]
fn one_that_ended_early_waits_for_those_that_may_have_ended_before() {
    let plan = Plan { width: 2, ..plan(None) };
    let (mut search, _) = Search::new(plan);
    let ended = Report { trial: 0, epoch: 5, loss: 1.0, ended: true };
    assert_eq!(search.clone().decide(&[ended], |_| 4), None, "the other may have ended after 4");
    let earlier = Report { trial: 1, epoch: 4, loss: 2.0, ended: true };
    let first = search.clone().decide(&[ended, earlier], |_| 0).unwrap();
    assert_eq!(first.started, [2], "in the place of the one that ended first");
    let decision = search.decide(&[ended], |trial| 5 * trial).unwrap();
    assert_eq!((decision.started, search.tried()[2].started), (vec![2], 5));
}

#[test]
fn one_that_diverges_is_ended_and_is_no_bar_for_others() {
    let (mut search, _) = Search::new(plan(Some(HALVING)));
    let reports: Vec<Report> = (search.awaited().into_iter())
        .map(|(trial, epoch)| {
            let loss = if trial == 0 { f64::NAN } else { trial as f64 };
            Report { trial, epoch, loss, ended: false }
        })
        .collect();
    let decision = search.decide(&reports, |_| 0).unwrap();
    assert_eq!(decision.pruned[0].0, 0);
    let on: Vec<usize> = search.awaited().iter().map(|(trial, _)| *trial).take(3).collect();
    assert_eq!(on, [1, 2, 3]);
}

proptest! {
    /// The same search in whatever order reports come.
    #[test]
    fn the_order_of_reports_changes_nothing(turns in prop::collection::vec(0_usize..20, 1..10)) {
        let plan = Plan { trials: 24, epochs: 9, width: 4, ..plan(Some(HALVING)) };
        let (search, decisions, trained) = run(&plan, |_| ());
        let turn = std::cell::Cell::new(0);
        let (other, others, also) = run(&plan, |reports| {
            turn.set(turn.get() + 1);
            let by = turns[turn.get() % turns.len()] % reports.len().max(1);
            reports.rotate_left(by);
            if by % 2 == 1 { reports.reverse() }
        });
        prop_assert_eq!(search.tried(), other.tried());
        prop_assert_eq!(decisions, others);
        prop_assert_eq!(trained, also);
    }
}
