//! `tests/models/v1`: what format 1 wrote is read for ever.

use std::fs;

use serde_json::{Value, json};

use kiln::forecast::Forecaster;
use kiln::model::SavedModel;
use kiln::registry::{self, Event};

use crate::victim::{flex, frozen, window};

/// Runs itself with the instruction set whose bits do not depend on the processor.
#[test]
fn a_model_of_format_1_forecasts_the_same_bits_for_ever() {
    if std::env::var("KILN_SIMD").as_deref() != Ok("portable") {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "frozen::a_model_of_format_1_forecasts_the_same_bits_for_ever",
                "--nocapture",
            ])
            .env("KILN_SIMD", "portable")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    let mut found = json!({});
    for version in [1, 2] {
        let reference = format!("minute@{version}");
        let model =
            SavedModel::read_strict(&registry::resolve(&frozen(), &reference).unwrap().folder)
                .unwrap();
        let forecaster = Forecaster::new(&model, &flex()).unwrap();
        let forecasts = forecaster.forecast(&[window(&model, 0), window(&model, 1)]).unwrap();
        let bits = |value: f64| format!("{:016x}", value.to_bits());
        let of = |forecast: &kiln::forecast::Forecast| -> Vec<String> {
            std::iter::once(forecast.forecast)
                .chain(forecast.quantiles.iter().map(|(_, value)| *value))
                .map(bits)
                .collect()
        };
        found[reference] = json!(forecasts.iter().map(of).collect::<Vec<_>>());
    }
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(frozen().join("forecasts.json")).unwrap())
            .unwrap();
    assert_eq!(found, expected, "{found:#}");
}

#[test]
fn a_history_of_format_1_says_the_same_for_ever() {
    let root = frozen();
    let entry =
        registry::list(&root).unwrap().into_iter().find(|entry| entry.name == "minute").unwrap();
    assert_eq!((entry.damage, entry.versions.len()), (None, 2));
    assert_eq!(entry.aliases, [("champion".to_owned(), 1), ("shadow".to_owned(), 2)].into());
    assert_eq!(entry.versions[1].tags, [("keep".to_owned(), String::new())].into());
    let history = registry::history(&root, "minute").unwrap();
    assert_eq!(history.len(), 4);
    let Event::Promoted { findings, forced: false, .. } = &history[3].event else {
        panic!("{history:?}")
    };
    assert!(findings[0].passed && findings[0].rule == "valid.skill > -9");
    let gate = registry::Gate::read(&root, "minute").unwrap().unwrap();
    assert_eq!(
        gate.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["valid.skill > -1", "test.rmse <= champion.test.rmse"]
    );
    let model = SavedModel::read(&registry::resolve(&root, "minute").unwrap().folder).unwrap();
    let card = &model.card;
    assert!(
        card.metrics.test.is_some()
            && card.verdict.is_some()
            && card.profile.as_ref().is_some_and(|profile| profile.len() == 4)
    );
    assert_eq!(
        (card.intervals.len(), card.selection.map(|selection| selection.sweep)),
        (4, Some(2))
    );
}
