use super::super::scaling::Affine;
use super::*;
use experiment::testing::settings;

const EXPERIMENT: &str = r#"
        data.synthetic = { bars = 3000, beta2 = 0.05 }
        data.features = ["close", "volume", "log_return", "sma_5", "rsi_14", "macd",
                         "realized_vol_10", "time_of_day"]
        data.target = { kind = "KIND", horizon = 2 }
        data.window = 10
    "#;

fn data(kind: &str) -> Data {
    settings(&EXPERIMENT.replace("KIND", kind)).data
}

fn bars(data: &Data) -> Bars {
    source::load(
        &data.source,
        super::super::prepare::volume(data),
        BarLength::declared(data.bar_seconds),
        None,
    )
    .unwrap()
    .bars
}

/// What leaks, and the checks that found it.
fn found(
    column: &dyn Fn(Feature, &Bars) -> Vec<f64>,
    assemble: &dyn Fn(&Data, Bars) -> Result<Prepared, String>,
) -> Vec<String> {
    let data = data("log_return");
    let findings = check(&Pipeline { column, assemble }, &data, &bars(&data), 1).unwrap();
    findings
        .into_iter()
        .filter_map(|finding| finding.leak.map(|leak| format!("{}: {leak}", finding.check)))
        .collect()
}

fn found_with(change: impl Fn(&Data, &mut Prepared)) -> Vec<String> {
    let leaky = |data: &Data, bars: Bars| {
        let mut prepared = assemble_quietly(data, bars)?;
        change(data, &mut prepared);
        Ok(prepared)
    };
    found(&feature::column, &leaky)
}

#[test]
fn nothing_is_found_where_nothing_leaks() {
    for kind in ["price", "log_return", "log_volatility"] {
        let data = data(kind);
        let findings = leakcheck(&data, 1).unwrap();
        assert_eq!(
            findings.iter().filter(|finding| finding.leak.is_some()).count(),
            0,
            "{kind}: {findings:?}"
        );
        assert_eq!(findings.iter().filter(|finding| finding.check == "features").count(), 8);
        for check in ["scaling", "splits", "target", "inputs", "controls"] {
            assert!(findings.iter().any(|finding| finding.check == check), "{check}");
        }
    }
}

#[test]
fn a_feature_that_looks_one_bar_ahead_is_found() {
    let ahead = |feature: Feature, bars: &Bars| match feature {
        Feature::LogReturn => {
            let mut column = feature::column(feature, bars);
            column.rotate_left(1);
            column
        }
        other => feature::column(other, bars),
    };
    let leaks = found(&ahead, &assemble_quietly);
    assert!(leaks.len() == 1 && leaks[0].starts_with("features: 'log_return' at row"), "{leaks:?}");
}

#[test]
fn a_centred_moving_average_is_found() {
    let centred = |feature: Feature, bars: &Bars| match feature {
        Feature::Sma { n } => {
            let column = feature::column(feature, bars);
            (0..column.len()).map(|row| column[(row + n / 2).min(column.len() - 1)]).collect()
        }
        other => feature::column(other, bars),
    };
    let leaks = found(&centred, &assemble_quietly);
    assert!(leaks.len() == 1 && leaks[0].starts_with("features: 'sma_5' at row"), "{leaks:?}");
}

#[test]
fn a_scaler_that_was_fitted_on_all_rows_is_found() {
    let leaks = found_with(|data, prepared| {
        let (width, place) = (data.features.len(), 1);
        let own = prepared.scaling.columns[place];
        let volume = prepared
            .series
            .features
            .iter()
            .skip(place)
            .step_by(width)
            .map(|x| own.unscale(f64::from(*x)))
            .collect();
        prepared.scaling.columns[place] = Affine::fit(data.scale.volume, volume);
    });
    assert!(
        leaks.len() == 1 && leaks[0].starts_with("scaling: the scale of volume changes"),
        "{leaks:?}"
    );
}

#[test]
fn splits_without_an_embargo_are_found() {
    let leaks = found_with(|_, prepared| {
        let last = prepared.series.train.last().copied().unwrap_or(0);
        prepared.series.valid.insert(0, last + 1);
    });
    assert!(
        leaks.len() == 1 && leaks[0].starts_with("splits: validation windows begin at row"),
        "{leaks:?}"
    );
}

#[test]
fn a_label_of_one_bar_earlier_is_found() {
    let leaks = found_with(|_, prepared| {
        let first = prepared.target[0];
        prepared.target.insert(0, first);
        prepared.target.pop();
    });
    assert!(
        leaks.iter().any(|leak| leak.contains("does not depend on the bar 2 ahead")),
        "{leaks:?}"
    );
}

#[test]
fn a_target_among_the_inputs_is_found() {
    let leaks = found_with(|data, prepared| {
        let width = data.features.len();
        for (row, target) in
            prepared.target.iter().enumerate().filter(|(_, target)| target.is_finite())
        {
            prepared.series.features[row * width] = (target * 1e3) as f32;
        }
    });
    assert!(leaks.iter().any(|leak| leak.starts_with("inputs: ")), "{leaks:?}");
}
