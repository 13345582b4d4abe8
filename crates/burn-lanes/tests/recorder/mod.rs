//! Trains a pack to its end and keeps what was reported.

use burn_lanes::{
    EpochReport, LaneControl, LaneEnd, LaneOutcome, LaneState, Observer, Pack, PackControl,
    Progress, Series, TrainError,
};

/// What came of one lane.
#[derive(Debug)]
pub(crate) struct Trained {
    /// One an epoch.
    pub reports: Vec<EpochReport>,
    /// At the end.
    pub state: LaneState,
}

/// Trains on the named device; every lane must finish its epochs.
pub(crate) fn train(device: &str, series: &[Series], pack: Pack) -> Vec<Trained> {
    let device = burn_lanes::open(device.parse().unwrap()).unwrap();
    let mut recorder = Recorder {
        reports: vec![Vec::new(); pack.lanes.len()],
        outcomes: vec![None; pack.lanes.len()],
    };
    let series: Vec<&Series> = series.iter().collect();
    burn_lanes::train(&device, &series, pack, &mut recorder).unwrap();
    let Recorder { reports, outcomes } = recorder;
    reports
        .into_iter()
        .zip(outcomes)
        .map(|(reports, outcome)| finished(reports, outcome.unwrap()))
        .collect()
}

fn finished(reports: Vec<EpochReport>, outcome: LaneOutcome) -> Trained {
    assert_eq!(outcome.end, LaneEnd::Finished);
    assert_eq!(outcome.epochs, reports.len());
    Trained { reports, state: outcome.state }
}

struct Recorder {
    reports: Vec<Vec<EpochReport>>,
    outcomes: Vec<Option<LaneOutcome>>,
}

impl Observer for Recorder {
    fn epoch(
        &mut self,
        lane: usize,
        report: &EpochReport,
        _state: &dyn Fn() -> Result<LaneState, TrainError>,
    ) -> LaneControl {
        self.reports[lane].push(report.clone());
        LaneControl::Continue
    }

    fn step(&mut self, _progress: &Progress) -> PackControl {
        PackControl::Continue
    }

    fn interrupted(&mut self, lane: usize, _state: LaneState) {
        panic!("lane {lane} was interrupted though nobody asked for it");
    }

    fn ended(&mut self, lane: usize, outcome: LaneOutcome) {
        assert!(self.outcomes[lane].replace(outcome).is_none(), "lane {lane} ended twice");
    }
}
