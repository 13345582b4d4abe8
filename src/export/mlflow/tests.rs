//! Exports to a server in this process.

use super::fake::Fake;
use super::*;
use crate::export::testing;
use std::collections::HashSet;
use std::time::Duration;

fn server(fake: &Fake) -> Server {
    Server::new(&fake.url(), Some("secret-token".to_owned()), Duration::from_secs(20)).unwrap()
}

/// A finished run with so many epochs.
fn long(epochs: usize) -> Recorded {
    let mut run = testing::recorded().swap_remove(0);
    let (at, report) = run.history.epochs[0].clone();
    run.history.epochs = (1..=epochs)
        .map(|epoch| (at.clone(), lane_types::EpochReport { epoch, ..report.clone() }))
        .collect();
    run
}

fn unique(run: &super::fake::Run) -> usize {
    run.metrics.iter().map(|(key, step, _)| (key.clone(), *step)).collect::<HashSet<_>>().len()
}

#[test]
fn runs_are_sent_once_with_their_settings_epochs_and_state() {
    let fake = Fake::start();
    let runs = testing::recorded();
    let sent = export(&server(&fake), "my grid", &runs).unwrap();
    assert_eq!(sent, Sent { experiment_id: "0".into(), new: 3, completed: 0, unchanged: 0 });
    {
        let state = fake.state();
        assert_eq!(state.authorization.as_deref(), Some("Bearer secret-token"));
        assert_eq!(state.experiments, ["my grid"]);
        let told: Vec<(&str, &str)> =
            state.runs.iter().map(|run| (run.name.as_str(), run.status.as_str())).collect();
        assert_eq!(
            told,
            [
                ("grid/31d897f497c7", "FINISHED"),
                ("grid/ef53f2eb8e5c", "FAILED"),
                ("grid/6ae5c693e4dd", "RUNNING")
            ]
        );
        let run = &state.runs[0];
        assert!(run.params.contains(&("data.window".into(), "60".into())));
        assert!(run.metrics.contains(&("valid.rmse".into(), 4, 0.015_625)));
        assert!(run.tags.contains(&("kiln.state".into(), "early stopped".into())));
    }
    let asked = fake.state().asked.len();
    let again = export(&server(&fake), "my grid", &runs).unwrap();
    assert_eq!(again, Sent { experiment_id: "0".into(), new: 0, completed: 0, unchanged: 3 });
    assert_eq!(fake.state().asked.len(), asked + 4, "one look at the experiment and at each run");
}

#[test]
fn many_values_go_in_batches_that_a_server_takes() {
    let fake = Fake::start();
    let run = long(500);
    export(&server(&fake), "long", std::slice::from_ref(&run)).unwrap();
    let state = fake.state();
    assert!(state.runs[0].metrics.len() >= 11 * 500);
    assert_eq!(unique(&state.runs[0]), state.runs[0].metrics.len());
    assert!(state.asked.iter().filter(|path| *path == "runs/log-batch").count() >= 7);
}

#[test]
fn an_export_that_was_cut_off_anywhere_is_gone_on_with() {
    let run = long(300);
    let whole = {
        let fake = Fake::start();
        export(&server(&fake), "grid", std::slice::from_ref(&run)).unwrap();
        let asked = fake.state().asked.len();
        (asked, fake.state().runs[0].metrics.len())
    };
    for (cut, is_done) in (1..=whole.0).flat_map(|cut| [(cut, false), (cut, true)]) {
        let fake = Fake::start();
        fake.state().is_done_all_the_same = is_done;
        fake.state().fault =
            Some(Box::new(move |number| (number == cut).then(|| (500, "out of disk".to_owned()))));
        let complaint =
            export(&server(&fake), "grid", std::slice::from_ref(&run)).unwrap_err().to_string();
        assert!(complaint.contains("with 500") && complaint.contains("out of disk"), "{complaint}");
        fake.state().fault = None;
        let sent = export(&server(&fake), "grid", std::slice::from_ref(&run)).unwrap();
        let is_whole = is_done && cut == whole.0;
        assert_eq!(
            (sent.new + sent.completed, sent.unchanged),
            if is_whole { (0, 1) } else { (1, 0) },
            "cut at {cut}"
        );
        let state = fake.state();
        assert_eq!((state.experiments.len(), state.runs.len()), (1, 1), "cut at {cut}");
        assert_eq!(unique(&state.runs[0]), whole.1, "cut at {cut}");
        assert_eq!(state.runs[0].metrics.len(), whole.1, "cut at {cut}");
        assert_eq!(state.runs[0].status, "FINISHED");
    }
}

#[test]
fn what_a_server_says_is_told() {
    let complaint = |status: u16, body: &str| {
        let fake = Fake::start();
        let body = body.to_owned();
        fake.state().fault = Some(Box::new(move |_| Some((status, body.clone()))));
        export(&server(&fake), "grid", &testing::recorded()).unwrap_err().to_string()
    };
    let denied = r#"{"error_code":"PERMISSION_DENIED","message":"who are\u001b[31m you?"}"#;
    let said = complaint(403, denied);
    assert!(
        said.contains("403 PERMISSION_DENIED (set MLFLOW_TRACKING_TOKEN)")
            && said.contains("who are\\u{1b}[31m you?"),
        "{said}"
    );
    assert!(
        complaint(302, "moved").contains("a redirection is not followed"),
        "{}",
        complaint(302, "moved")
    );
    assert!(complaint(200, "<html>").contains("is it an MLflow tracking server?"));
    assert!(complaint(200, "{}").contains("has no /experiment/experiment_id"));
    let deleted = r#"{"experiment":{"experiment_id":"3","lifecycle_stage":"deleted"}}"#;
    assert!(complaint(200, deleted).contains("'grid' is deleted"));
    assert!(!complaint(500, &"x".repeat(100_000)).contains(&"x".repeat(600)));
}

#[test]
fn a_server_that_is_not_there_or_does_not_answer_is_an_error_in_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    // It takes the connection and says nothing.
    let silent = Server::new(&url, None, Duration::from_millis(300)).unwrap();
    let complaint = export(&silent, "grid", &[]).unwrap_err().to_string();
    assert!(complaint.contains("timeout"), "{complaint}");
    drop(free);
    let complaint = export(&silent, "grid", &[]).unwrap_err().to_string();
    assert!(
        complaint.contains(&url) && complaint.to_lowercase().contains("refused"),
        "{complaint}"
    );
}
