//! What a log says of an event.

use super::log::{Entry, Level};
use super::row::Row;
use super::sweep::Sweep;
use crate::dashboard::text::{clean, count, learning_rate, number, number_or_dash};
use experiment::event::{End, Event, Line};
use experiment::metric::Split;
use runs::store::epoch_value;

/// Of a line, once `row` has folded it; nothing of a checkpoint.
pub(super) fn of_line(sweep: &Sweep, row: &Row, line: &Line) -> Option<Entry> {
    let (level, text) = match &line.event {
        Event::Started { device, lanes, resumed, baselines: _ } => {
            let from = resumed.map_or(String::new(), |at| {
                format!(" from epoch {}, batch {}", at.epoch, at.batch)
            });
            let verb = if resumed.is_some() { "resumed" } else { "started" };
            let s = if *lanes == 1 { "" } else { "s" };
            (Level::Note, format!("{verb} on {}{from}, {lanes} lane{s}", clean(device)))
        }
        Event::Epoch(epoch) => {
            let value = epoch_value(epoch, row.measured().baselines(Split::Valid), sweep.objective);
            let planned =
                row.planned_epochs().map_or(String::new(), |planned| format!("/{planned}"));
            let best = row
                .best_epoch()
                .map_or(String::new(), |at| format!(" (best {} @{at})", number_or_dash(row.value)));
            let text = format!(
                "epoch {}{planned}  train {}  {} {}{best}  lr {}  {} windows/s",
                epoch.epoch,
                number(epoch.train.loss),
                sweep.objective,
                number_or_dash(value),
                learning_rate(epoch.learning_rate),
                count(epoch.windows_per_second),
            );
            (Level::Note, text)
        }
        Event::Checkpoint(_) => return None,
        Event::Warning { message } => (Level::Warning, format!("warning: {}", clean(message))),
        Event::Ended { end } => of_end(sweep, row, end),
    };
    let at = line.at.get(11..19).map_or(String::new(), |at| clean(at).into_owned());
    Some(Entry { at, id: row.id.clone(), level, text })
}

/// What of a recorded run is worth a line, for there is no memory of it coming: warnings, damage, a
/// failure.
pub(super) fn of_record(row: &Row) -> Vec<Entry> {
    let entry = |level, text| Entry { at: String::new(), id: row.id.clone(), level, text };
    let warnings = row
        .progress
        .warnings
        .iter()
        .map(|warning| entry(Level::Warning, format!("warning: {}", clean(warning))));
    let damage =
        row.damage.iter().map(|reason| entry(Level::Failure, format!("damaged: {reason}")));
    let failure =
        row.failure().map(|reason| entry(Level::Failure, format!("failed: {}", clean(reason))));
    warnings.chain(damage).chain(failure).collect()
}

fn of_end(sweep: &Sweep, row: &Row, end: &End) -> (Level, String) {
    let best = row.best_epoch().map_or(String::new(), |at| {
        format!(", {} {} @{at}", sweep.objective, number_or_dash(row.value))
    });
    let epochs = row.epochs();
    match end {
        End::Finished => (Level::Note, format!("finished after {epochs} epochs{best}")),
        End::EarlyStopped => (Level::Note, format!("stopped early after {epochs} epochs{best}")),
        End::Stopped => (Level::Warning, format!("stopped on request after {epochs} epochs{best}")),
        End::Failed { reason } => (Level::Failure, format!("failed: {}", clean(reason))),
        End::Interrupted => {
            (Level::Warning, format!("interrupted after {epochs} epochs; sweep again to go on"))
        }
    }
}
