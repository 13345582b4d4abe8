//! Which rows there are, in which order, and which is the best.

use super::*;

#[test]
fn the_best_trial_is_marked_and_a_failed_one_is_never_the_best() {
    let mut screen = middle(Role::Watcher);
    let best = screen.sweep.summary.best.unwrap();
    press(&mut screen, "⇥G");
    let backend = draw(&screen, SMALL, 0.0);
    let name = &screen.sweep.rows[best.run].name;
    let line = (0..24)
        .find(|y| (4..16).map(|x| backend.buffer()[(x, *y)].symbol()).collect::<String>() == *name)
        .unwrap();
    let cell = &backend.buffer()[(6, line)];
    assert_eq!((cell.fg, cell.modifier.contains(Modifier::BOLD)), (Color::Green, true));
    // An even better trial fails in its next epoch.
    let losses = [0.001];
    let epoch = Event::Epoch(fixture::epochs(&losses)[0].clone());
    screen.apply(&[Change::Line(fixture::id(11), 1, Box::new(fixture::line(0, epoch)))], 1.0);
    assert_eq!(screen.sweep.summary.best.map(|best| best.run), Some(11));
    let end = Event::Ended { end: End::Failed { reason: "training loss is NaN".into() } };
    screen.apply(&[Change::Line(fixture::id(11), 1, Box::new(fixture::line(1, end)))], 2.0);
    assert_eq!(screen.sweep.summary.best, Some(best));
}

#[test]
fn the_best_is_the_assignment_that_compare_ranks_first() {
    // Trial 0 is the best of all, its assignment is not.
    let record =
        fixture::seeds(&[[Some(4.0), Some(6.0), Some(6.5)], [Some(5.0), Some(4.9), Some(5.1)]]);
    let objective =
        Objective { metric: record.manifest.objective, direction: record.manifest.direction };
    let first = compare(&record.runs, objective).rows.swap_remove(0).run;
    assert_eq!(first, fixture::id(4).0);
    let screen = open(&record, Role::Watcher);
    let said = format!("best {first}  valid.rmse 5.0000 price, the mean of 3 runs");
    assert!(shows(&screen, &said), "{said}\n{}", draw(&screen, LARGE, 0.0));
    let mut tally = Vec::new();
    Plain::new(&record).tally(&mut tally).unwrap();
    let tally = String::from_utf8(tally).unwrap();
    assert!(
        tally.ends_with(&format!("; best {first} valid.rmse 5.0000, the mean of 3 runs\n")),
        "{tally}"
    );
}

#[test]
fn the_best_is_ranked_by_what_can_be_compared() {
    // A longer horizon is a harder target: errors of both say nothing beside each other, skills do.
    let mut record = fixture::seeds(&[[Some(4.0); 3], [Some(5.0); 3]]);
    let ranked = |record: &SweepRecord| {
        let asked =
            Objective { metric: record.manifest.objective, direction: record.manifest.direction };
        let objective = ranked_by(asked, record.runs.iter().map(Subject::of));
        (objective.metric.to_string(), compare(&record.runs, objective).rows.swap_remove(0).run)
    };
    assert_eq!(ranked(&record), ("valid.rmse".to_owned(), fixture::id(0).0));
    for run in &mut record.runs[3..] {
        run.trial.settings.data.target.horizon = 5;
        let result = run.result.as_mut().unwrap();
        result.baselines.iter_mut().for_each(|baseline| baseline.mse *= 100.0);
    }
    assert_eq!(ranked(&record), ("valid.skill".to_owned(), fixture::id(3).0));
    let screen = open(&record, Role::Watcher);
    let said = format!("best {}  valid.skill ", fixture::id(3));
    assert!(shows(&screen, &said), "{said}\n{}", draw(&screen, LARGE, 0.0));
}

#[test]
fn the_selection_stays_with_its_trial_when_the_order_changes() {
    let mut screen = middle(Role::Watcher);
    press(&mut screen, "jjjjj");
    assert_eq!(screen.view.selected, Some(5));
    press(&mut screen, "sssssssS");
    assert_eq!(screen.view.selected, Some(5));
    let values: Vec<Option<f64>> =
        screen.view.rows.iter().map(|place| screen.sweep.rows[*place].value).collect();
    let defined: Vec<f64> = values.iter().flatten().copied().take(8).collect();
    assert!(defined.is_sorted_by(|a, b| a >= b), "{defined:?}");
    assert!(values.last().unwrap().is_none());
}

#[test]
fn trials_that_are_only_planned_are_rows_too() {
    let mut record = fixture::grid(5);
    let trial = record.runs.remove(4).trial;
    let mut screen = open(&record, Role::Watcher);
    assert_eq!(screen.sweep.rows.len(), 5);
    assert_eq!(screen.sweep.summary.epochs_planned, Some(100.0));
    screen.apply(&[Change::Run(Box::new(trial))], 0.0);
    assert_eq!(screen.sweep.rows[4].parameter("model.hidden_size"), Some("32"));
}

#[test]
fn runs_of_former_versions_of_the_file_are_counted_but_not_shown() {
    let mut record = fixture::grid(5);
    record.runs[4].current = false;
    record.manifest.trials.pop();
    let mut screen = open(&record, Role::Watcher);
    screen.apply(&fixture::log(4, 3, None), 0.0);
    assert_eq!(screen.sweep.rows.len(), 4);
    assert!(shows(&screen, "trials 4 (and 1 of former versions of the file)"));
}

#[test]
fn what_cannot_be_read_at_all_is_a_row_until_it_can() {
    let mut record = fixture::grid(3);
    let trial = record.runs.remove(1).trial;
    record.damaged.push((trial.id.0.clone(), "trial.toml: is damaged at line 2".into()));
    record.damaged.push(("sweep.toml".into(), "is damaged at line 1".into()));
    let mut screen = open(&record, Role::Watcher);
    assert_eq!((screen.sweep.rows.len(), screen.sweep.summary.damaged), (3, 1));
    assert!(shows(&screen, "sweep.toml    is damaged at line 1"));
    screen.apply(&[Change::Run(Box::new(trial))], 0.0);
    assert_eq!((screen.sweep.rows.len(), screen.sweep.summary.damaged), (3, 0));
}

#[test]
fn a_run_that_starts_anew_forgets_what_was_told_of_it() {
    let mut screen = middle(Role::Watcher);
    screen.apply(&[Change::Run(Box::new(fixture::trial(3)))], 0.0);
    assert!(screen.sweep.rows[3].progress.epochs.is_empty());
    assert_eq!(screen.sweep.rows[3].value, None);
}
