//! The registry's versions on a device.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::bars::SentBars;
use super::catalog::{Card, Catalog, Entry, Model, TargetCard};
use crate::forecast::{Forecast, ForecastError, Forecaster, Outside, Window};
use experiment::{BarLabel, Source, TargetKind};
use market::{BarLines, Bars, MarketError};
use runs::model::{ModelCard, SavedModel};
use runs::registry;

/// Versions under a registry's folder, on a device.
pub struct Registered {
    root: PathBuf,
    device: burn_lanes::Device,
}

/// A version.
struct Version {
    card: Card,
    saved: ModelCard,
    forecaster: Forecaster,
}

impl Registered {
    /// `root`: the folder that `kiln models` keeps.
    #[must_use]
    pub fn new(root: PathBuf, device: burn_lanes::Device) -> Self {
        Self { root, device }
    }
}

impl Catalog for Registered {
    fn generation(&self) -> Result<String, String> {
        // A folder that is not there holds no models, for the other verbs; here that would end what
        // is served.
        if !self.root.is_dir() {
            return Err(format!("{}: the registry's folder is not there", self.root.display()));
        }
        registry::generation(&self.root)
            .map(|generation| format!("{generation:?}"))
            .map_err(|error| error.to_string())
    }

    fn list(&self) -> Result<Vec<Entry>, String> {
        let models = registry::list(&self.root).map_err(|error| error.to_string())?;
        let entry = |model: registry::ModelEntry| Entry {
            name: model.name,
            versions: model.versions.iter().map(|version| version.version).collect(),
            aliases: model.aliases,
            problem: model.damage,
        };
        Ok(models.into_iter().map(entry).collect())
    }

    fn load(&self, name: &str, version: u32) -> Result<Box<dyn Model>, String> {
        let found = registry::resolve(&self.root, &format!("{name}@{version}"))
            .map_err(|error| error.to_string())?;
        let model = SavedModel::read(&found.folder).map_err(|error| error.to_string())?;
        for warning in model.warnings() {
            tracing::warn!(model = name, version, warning, "odd");
        }
        let forecaster =
            Forecaster::new(&model, &self.device).map_err(|error| error.to_string())?;
        for warning in forecaster.warnings() {
            tracing::warn!(
                model = name,
                version,
                code = warning.code,
                warning = warning.message,
                "a forecast of it deserves less trust"
            );
        }
        let version =
            Version { card: card(&model.card, &forecaster), saved: model.card, forecaster };
        version.warm()?;
        Ok(Box::new(version))
    }
}

impl Version {
    fn bar_seconds(&self) -> Result<u32, String> {
        self.card.bar_seconds.ok_or_else(|| {
            "bars: the model does not know how long its bars are; send features".to_owned()
        })
    }

    fn last_window(&self, bars: Bars) -> Result<Window, String> {
        let needs = self.card.needs_bars;
        if bars.len() < needs {
            return Err(format!("bars: {} are too few, the model needs {needs}", bars.len()));
        }
        self.forecaster.window_of_bars(bars).map_err(|error| format!("bars: {error}"))
    }

    /// A first forecast: of a window in the middle of what training saw, near enough.
    fn warm(&self) -> Result<(), String> {
        let window = Window {
            scaled: vec![0.0; self.card.window * self.card.features.len()],
            bar_start: None,
            persistence: None,
        };
        self.forecast(&[window])
            .map(drop)
            .map_err(|problem| format!("its first forecast failed: {problem}"))
    }
}

impl Model for Version {
    fn card(&self) -> &Card {
        &self.card
    }

    fn window_of_bars(&self, bars: &SentBars) -> Result<Window, String> {
        let bars =
            bars.validate(self.forecaster.data(), self.bar_seconds()?, self.forecaster.clock())?;
        self.last_window(bars)
    }

    fn window_of_csv(&self, text: &[u8]) -> Result<Window, String> {
        let bar_seconds = self.bar_seconds()?;
        // The body has ended, so its last line has too.
        let ended = text.chain(if text.ends_with(b"\n") { &[][..] } else { b"\n" });
        let told = |error: MarketError| without_keys(&error.to_string());
        let lines = BarLines::new(Path::new("body"), ended, self.forecaster.data(), bar_seconds)
            .map_err(told)?;
        let lines = lines.told_by(self.forecaster.clock());
        let mut bars = Bars::with_capacity(bar_seconds, self.card.needs_bars);
        for bar in lines {
            bars.push(bar.map_err(told)?);
        }
        self.last_window(bars)
    }

    fn window_of_features(&self, rows: &[Vec<f64>]) -> Result<Window, String> {
        self.forecaster.window_of_features(rows).map_err(|error| format!("features: {error}"))
    }

    fn forecast(&self, windows: &[Window]) -> Result<Vec<Forecast>, ForecastError> {
        self.forecaster.forecast(windows)
    }

    fn outside(&self, window: &Window) -> Vec<Outside> {
        self.forecaster.outside(window)
    }

    fn interval(&self, coverage: f64, forecast: &Forecast) -> Result<[f64; 2], String> {
        let known = self.saved.interval(coverage).map(|interval| interval.coverage)?;
        self.forecaster
            .interval(known, forecast)
            .ok_or_else(|| format!("the model has no interval of coverage {coverage}"))
    }
}

/// A message about bars without what it says about keys of an experiment file: who sends a request
/// has no such file.
fn without_keys(message: &str) -> String {
    const UNDER: &str = " under [data]";
    let fact = |clause: &str| match clause.contains(UNDER) {
        false => Some(clause.to_owned()),
        // What stands in brackets is advice beside a fact, which stays.
        true => clause
            .rsplit_once(" (")
            .filter(|(_, advice)| advice.contains(UNDER))
            .map(|(fact, _)| fact.to_owned()),
    };
    message.split("; ").filter_map(fact).collect::<Vec<_>>().join("; ")
}

fn card(saved: &ModelCard, forecaster: &Forecaster) -> Card {
    let ModelCard { saved_at, source, settings, intervals, metrics, verdict, profile, .. } = saved;
    let target = &settings.data.target;
    let kind = match target.kind {
        TargetKind::Price => "price",
        TargetKind::LogReturn => "log_return",
        TargetKind::LogVolatility => "log_volatility",
    };
    let told = |value: Result<serde_json::Value, serde_json::Error>| value.unwrap_or_default();
    Card {
        features: settings.data.features.iter().map(ToString::to_string).collect(),
        window: settings.data.window,
        needs_bars: forecaster.needs(),
        bar_seconds: forecaster.bar_seconds(),
        target: TargetCard {
            kind: kind.to_owned(),
            unit: target.kind.unit().to_owned(),
            horizon: target.horizon,
        },
        zone: forecaster.clock().map(|clock| clock.zone().to_owned()),
        bar_label: match &settings.data.source {
            Source::File { bar_label: BarLabel::End, .. } => "end".to_owned(),
            _ => "start".to_owned(),
        },
        coverages: intervals.iter().map(|interval| interval.coverage).collect(),
        saved_at: saved_at.clone(),
        source: told(serde_json::to_value(source)),
        metrics: told(serde_json::to_value(metrics)),
        verdict: told(serde_json::to_value(verdict)),
        warnings: forecaster.warnings().to_vec(),
        profile: profile.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_no_key_of_an_experiment_file() {
        let texts = [
            "body: line 2: '2024-01-02 09:30' has no offset from UTC; set zone = \"…\" under \
                [data] (an IANA name such as Asia/Shanghai)",
            "body: line 2, column 'ts': '05/08/2024' is not a timestamp (ts_format = \"%d/%m/%Y\" \
                under [data] reads it)",
            "body: line 3: close is NaN; a price is a number above 0",
        ];
        let told = [
            "body: line 2: '2024-01-02 09:30' has no offset from UTC",
            "body: line 2, column 'ts': '05/08/2024' is not a timestamp",
            "body: line 3: close is NaN; a price is a number above 0",
        ];
        assert_eq!(texts.map(without_keys), told);
    }
}
