//! The same window gives the same bits however it comes.

use std::io::BufReader;
use std::path::Path;

use proptest::prelude::*;

use super::*;
#[cfg(feature = "serve")]
use crate::serve::{Moment, SentBars};
use experiment::{BarLabel, Columns, Format, Source, Synthetic};
use market::{self, BarLines, Bars, Inputs, ValueRange};
use runs::model::SavedModel;
use runs::model::testing::model;

const LINES: &str = "data.synthetic = { bars = 1000, session = 400 }
    data.features = [\"close\", \"ema_5\", \"rsi_4\", \"log_return\"]
    data.window = 12
    model.hidden_size = 9";

fn forecaster(model: &SavedModel) -> Forecaster {
    Forecaster::new(model, &burn_lanes::open(lane_types::DeviceSpec::Flex).unwrap()).unwrap()
}

fn bars(model: &SavedModel) -> Bars {
    let data = &model.card.settings.data;
    let Source::Synthetic(settings) = &data.source else { panic!("synthetic") };
    market::synthetic::generate(&Synthetic { bars: 300, session: 130, ..settings.clone() })
}

#[test]
fn a_window_has_the_same_bits_alone_in_a_batch_and_in_a_file() {
    for head in ["", "\nmodel.head = { kind = \"quantile\", levels = [0.1, 0.5, 0.9] }"] {
        let model = model(&format!("{LINES}{head}"), 1);
        let forecaster = forecaster(&model);
        let bars = bars(&model);
        let (all, persistence) = forecaster.forecast_all(bars.clone()).unwrap();
        assert!(all.ts.len() > 200 && all.ts.len() < 300, "{}", all.ts.len());
        let picked = [0, 1, 50, 117, 118, all.ts.len() - 1];
        let windows: Vec<Window> = picked
            .iter()
            .map(|&row| {
                let end = bars.ts.iter().position(|ts| *ts == all.ts[row]).unwrap();
                let mut upto = Bars::with_capacity(60, end + 1);
                (0..=end).for_each(|bar| upto.push(bars.bar(bar)));
                forecaster.window_of_bars(upto).unwrap()
            })
            .collect();
        let together = forecaster.forecast(&windows).unwrap();
        for (place, &row) in picked.iter().enumerate() {
            let alone = forecaster.forecast(&windows[place..=place]).unwrap();
            assert_eq!(alone[0], together[place]);
            assert_eq!(alone[0].forecast.to_bits(), all.forecast[row].to_bits());
            assert_eq!(alone[0].persistence.map(f64::to_bits), Some(persistence[row].to_bits()));
            assert_eq!(alone[0].bar_start, Some(all.ts[row]));
            for ((level, forecast), (of, column)) in alone[0].quantiles.iter().zip(&all.quantiles) {
                assert_eq!((level, forecast.to_bits()), (of, column[row].to_bits()));
            }
        }
    }
}

#[test]
fn a_window_of_features_is_that_of_its_bars() {
    let model = model(LINES, 2);
    let forecaster = forecaster(&model);
    let bars = bars(&model);
    let columns: Vec<Vec<f64>> =
        forecaster.data().features.iter().map(|feature| market::column(*feature, &bars)).collect();
    let rows: Vec<Vec<f64>> = (bars.len() - 12..bars.len())
        .map(|row| columns.iter().map(|column| column[row]).collect())
        .collect();
    let (of_bars, of_features) =
        (forecaster.window_of_bars(bars).unwrap(), forecaster.window_of_features(&rows).unwrap());
    assert_eq!(of_bars.scaled, of_features.scaled);
    assert_eq!(of_features.last_row(4), &of_bars.scaled[44..]);
}

#[test]
fn what_is_no_window_is_told_why() {
    let model = model(LINES, 1);
    let forecaster = forecaster(&model);
    let told = |result: Result<Window, ForecastError>| match result {
        Err(ForecastError::BadInput(problem)) => problem,
        other => panic!("{other:?}"),
    };
    let bars = bars(&model);
    let mut few = bars.clone();
    few.keep_last(forecaster.needs() - 1);
    assert!(told(forecaster.window_of_bars(few)).contains("fewer than the"));
    let mut gap = bars;
    let last = gap.len() - 3;
    gap.ts[last..].iter_mut().for_each(|ts| *ts += 3_600_000_000_000);
    assert!(told(forecaster.window_of_bars(gap)).contains("a gap lies within"));
    let row = vec![1.0; 4];
    assert!(told(forecaster.window_of_features(&vec![row.clone(); 11])).contains("11 rows"));
    let mut rows = vec![row; 12];
    rows[3][2] = 1e300;
    assert_eq!(
        told(forecaster.window_of_features(&rows)),
        "row 3: rsi_4 is 1e300, which is not a number that the model can take"
    );
    rows[3].pop();
    assert!(told(forecaster.window_of_features(&rows)).contains("row 3 has 3 features"));
}

#[test]
fn a_forecast_that_is_no_number_is_an_error_and_no_null() {
    let mut model = model(LINES, 1);
    model.weights.0[0].values.fill(f32::NAN);
    let window = Window { scaled: vec![0.5; 48], bar_start: None, persistence: None };
    assert!(matches!(forecaster(&model).forecast(&[window]), Err(ForecastError::Failed(_))));
}

#[test]
fn an_interval_is_as_wide_as_calibration_says() {
    let model = model(LINES, 1);
    let forecaster = forecaster(&model);
    let forecast =
        Forecast { bar_start: None, forecast: 10.0, persistence: None, quantiles: Vec::new() };
    assert_eq!(forecaster.interval(0.8, &forecast), Some([9.2, 10.8]));
    assert_eq!(forecaster.interval(0.81, &forecast), None);
    assert_eq!(
        model.card.interval(0.81).unwrap_err(),
        "the model has no interval of coverage 0.81; it has 0.5, 0.8, 0.9, 0.95"
    );
}

#[test]
fn bars_as_they_come_give_the_forecasts_of_a_file() {
    for head in ["", "\nmodel.head = { kind = \"quantile\", levels = [0.1, 0.5, 0.9] }"] {
        let model = model(&format!("{LINES}{head}"), 3);
        let forecaster = forecaster(&model);
        let bars = bars(&model);
        let (all, persistence) = forecaster.forecast_all(bars.clone()).unwrap();
        let mut stream = ForecastStream::new(&forecaster).unwrap();
        let mut row = 0;
        for place in 0..bars.len() {
            let Some(forecast) = stream.push(&bars.bar(place)).unwrap() else { continue };
            assert_eq!(forecast.bar_start, Some(all.ts[row]));
            assert_eq!(forecast.forecast.to_bits(), all.forecast[row].to_bits());
            assert_eq!(forecast.persistence.map(f64::to_bits), Some(persistence[row].to_bits()));
            for ((level, forecast), (of, column)) in forecast.quantiles.iter().zip(&all.quantiles) {
                assert_eq!((level, forecast.to_bits()), (of, column[row].to_bits()));
            }
            row += 1;
        }
        assert_eq!(row, all.ts.len());
    }
}

const BY_THE_CLOCK: &str = "data.synthetic = { bars = 1000 }
    data.features = [\"close\", \"log_return\", \"time_of_day\"]
    data.window = 5
    model.hidden_size = 4";

/// A model of bars of a zone, written with their offset, whose own settings name the zone or not.
fn of_zone(zone: &str, named: bool) -> SavedModel {
    let mut model = model(BY_THE_CLOCK, 4);
    let zone = zone.to_owned();
    model.card.settings.data.source = Source::File {
        path: "bars.csv".into(),
        format: Format::Csv,
        columns: Columns::default(),
        zone: named.then(|| zone.clone()),
        bar_label: BarLabel::Start,
    };
    model.card.inputs = Some(Inputs { zone: Some(zone), stamps: None, ranges: Vec::new() });
    model
}

/// Timestamps of the same instants (seconds since 1970), one list for each way to write them: all
/// but the last with what they mean in them.
fn written(starts: &[i64], zone: &str) -> Vec<Vec<String>> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap();
    let at = |second: &i64| jiff::Timestamp::from_second(*second).unwrap();
    let offset = |second: &i64| {
        at(second).to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let elsewhere = |second: &i64| {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        at(second).to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
    };
    let ways: [&dyn Fn(&i64) -> String; 7] = [
        &offset,
        &elsewhere,
        &|second| at(second).to_string(),
        &|second| second.to_string(),
        &|second| (second * 1_000).to_string(),
        &|second| (second * 1_000_000_000).to_string(),
        &|second| at(second).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    ];
    ways.into_iter().map(|way| starts.iter().map(way).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In a file, line by line, and in the bars of a request: a feature goes by the instant and the
    /// model's zone.
    #[test]
    fn the_same_instants_have_the_same_bits_however_they_are_written(
        zone in prop::sample::select(vec![
            "Asia/Shanghai",
            "America/New_York",
            "UTC",
            "Asia/Kolkata"
        ]), // Around the change of the clock of March 2024 in New York, and far from any.
        start in prop_oneof![
            1_710_050_000_i64..1_710_060_000,
            1_715_000_000_i64..1_715_900_000
        ],
        named in any::<bool>(),
        end_label in any::<bool>(),
    ) {
        let start = start / 60 * 60;
        let mut model = of_zone(zone, named);
        let label = if end_label { BarLabel::End } else { BarLabel::Start };
        if let Source::File { bar_label, .. } = &mut model.card.settings.data.source {
            *bar_label = label;
        }
        let forecaster = forecaster(&model);
        let starts: Vec<i64> =
            (0..12).map(|minute| start + 60 * minute + if end_label { 60 } else { 0 }).collect();
        let close = |bar: usize| 100.0 + (bar as f64 * 0.7).sin();
        let folder = tempfile::tempdir().unwrap();
        let mut expected: Option<Vec<u64>> = None;
        for stamps in written(&starts, zone) {
            let row = |(bar, ts): (usize, &String)| format!("{ts},{0},{0},{0},{0}\n", close(bar));
            let text = format!(
                "ts,open,high,low,close\n{}",
                stamps.iter().enumerate().map(row).collect::<String>()
            );
            let file = folder.path().join("bars.csv");
            std::fs::write(&file, &text).unwrap();
            // A clock without offset is read in the zone that somebody names.
            let clock = stamps[0].len() == 16 && stamps[0].contains(' ');
            let mut source = market::forecast_source(forecaster.data(), &file);
            if clock && let Source::File { zone: read, .. } = &mut source {
                *read = Some(zone.to_owned());
            }
            let prepared = market::prepare_source(
                forecaster.data(),
                &source,
                forecaster.scaling(),
                forecaster.clock(),
            )
            .unwrap();
            let (of_file, _) =
                forecaster.forecast_prepared(&prepared, &prepared.series.valid).unwrap();
            let bits: Vec<u64> = of_file.forecast.iter().map(|value| value.to_bits()).collect();
            prop_assert_eq!(bits.len(), 12 - 1 - 4);
            let expected = expected.get_or_insert_with(|| bits.clone());
            prop_assert_eq!(&bits, &*expected, "a file of {}", &stamps[0]);

            let data = experiment::Data { source, ..forecaster.data().clone() };
            let mut stream = ForecastStream::new(&forecaster).unwrap();
            let lines =
                BarLines::new(Path::new("stdin"), BufReader::new(text.as_bytes()), &data, 60)
                    .unwrap()
                    .told_by(forecaster.clock());
            let of_lines: Vec<u64> = lines
                .filter_map(|bar| stream.push(&bar.unwrap()).unwrap())
                .map(|forecast| forecast.forecast.to_bits())
                .collect();
            prop_assert_eq!(&of_lines, &*expected, "lines of {}", &stamps[0]);

            #[cfg(feature = "serve")]
            {
                let moment = |text: &String| {
                    text.parse().map_or_else(|_| Moment::Text(text.clone()), Moment::Integer)
                };
                let prices: Vec<f64> = (0..12).map(close).collect();
                let sent = SentBars {
                    ts: stamps.iter().map(moment).collect(),
                    open: prices.clone(),
                    high: prices.clone(),
                    low: prices.clone(),
                    close: prices,
                    volume: Vec::new(),
                };
                let window = forecaster
                    .window_of_bars(sent.validate(&data, 60, forecaster.clock()).unwrap())
                    .unwrap();
                let last = forecaster.forecast(&[window]).unwrap()[0].forecast.to_bits();
                prop_assert_eq!(Some(&last), expected.last(), "a request of {}", &stamps[0]);
            }
        }
    }
}

#[test]
fn a_model_that_never_knew_its_zone_says_so_and_goes_by_the_timestamps() {
    let mut known = of_zone("Asia/Shanghai", true);
    known.card.inputs = None;
    assert_eq!(
        forecaster(&known).clock().map(|clock| clock.zone().to_owned()),
        Some("Asia/Shanghai".to_owned())
    );
    assert!(forecaster(&known).warnings().is_empty());
    let mut unknown = of_zone("Asia/Shanghai", false);
    unknown.card.inputs = None;
    let forecaster = forecaster(&unknown);
    assert!(forecaster.clock().is_none());
    let codes: Vec<&str> = forecaster.warnings().iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["unknown_zone"]);
}

#[test]
fn values_outside_training_are_found_in_a_window_a_file_and_a_stream() {
    let mut model = model(LINES, 5);
    let range = |feature: &str| ValueRange { feature: feature.into(), low: -1e3, high: 1e3 };
    let ranges = ["close", "ema_5", "rsi_4", "log_return"].map(range).to_vec();
    model.card.inputs = Some(Inputs { zone: None, stamps: None, ranges });
    let forecaster = forecaster(&model);
    let calm = bars(&model);
    let none: Vec<String> = Vec::new();
    let mut wild = calm.clone();
    let at = 60;
    // One bar whose price is a million times the others': the average remembers it for some bars.
    for column in [&mut wild.open, &mut wild.high, &mut wild.low, &mut wild.close] {
        column[at] *= 1e6;
    }
    for (bars, outside) in [(calm, false), (wild, true)] {
        let prepared =
            market::prepare_bars(forecaster.data(), bars.clone(), forecaster.scaling()).unwrap();
        let ends = &prepared.series.valid;
        let (all, by_window) = forecaster.outside_prepared(&prepared, ends);
        assert_eq!(
            all.iter().any(|found| found.feature == "close" && found.rows == 1),
            outside,
            "{all:?}"
        );
        let mut stream = ForecastStream::new(&forecaster).unwrap();
        let mut window = 0;
        for row in 0..bars.len() {
            if stream.push(&bars.bar(row)).unwrap().is_none() {
                continue;
            }
            let names: Vec<String> =
                stream.outside().iter().map(|found| found.feature.clone()).collect();
            assert_eq!(names, by_window[window], "window {window}");
            let holds_it = outside && (at..at + 12).contains(&row);
            assert_eq!(names.contains(&"close".to_owned()), holds_it, "row {row}: {names:?}");
            window += 1;
        }
        assert_eq!((window, by_window.len()), (ends.len(), ends.len()));
        assert!(outside || by_window.iter().all(|names| *names == none));
    }
}
