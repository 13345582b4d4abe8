//! The same window gives the same bits however it comes.

use super::*;
use crate::market::{self, Bars};
use crate::model::SavedModel;
use crate::model::testing::model;
use crate::spec::{Source, Synthetic};

const LINES: &str = "data.synthetic = { bars = 1000, session = 400 }
    data.features = [\"close\", \"ema_5\", \"rsi_4\", \"log_return\"]
    data.window = 12
    model.hidden_size = 9";

fn forecaster(model: &SavedModel) -> Forecaster {
    Forecaster::new(model, &burn_lanes::open(burn_lanes::DeviceSpec::Flex).unwrap()).unwrap()
}

fn bars(model: &SavedModel) -> Bars {
    let data = &model.passport.settings.data;
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
    let columns: Vec<Vec<f64>> = forecaster.data().features.iter().map(|feature| market::column(*feature, &bars)).collect();
    let rows: Vec<Vec<f64>> = (bars.len() - 12..bars.len()).map(|row| columns.iter().map(|column| column[row]).collect()).collect();
    let (of_bars, of_features) = (forecaster.window_of_bars(bars).unwrap(), forecaster.window_of_features(&rows).unwrap());
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
    assert_eq!(told(forecaster.window_of_features(&rows)), "row 3: rsi_4 is 1e300, which is no number that the model can take");
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
    let forecast = Forecast { bar_start: None, forecast: 10.0, persistence: None, quantiles: Vec::new() };
    assert_eq!(forecaster.interval(0.8, &forecast), Some([9.2, 10.8]));
    assert_eq!(forecaster.interval(0.81, &forecast), None);
    assert_eq!(
        model.passport.interval(0.81).unwrap_err(),
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
