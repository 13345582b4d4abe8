//! Models that forecast what a test can know: the version times 1,000, and the sum of the window.
//! Some numbers make them fail.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kiln::forecast::{Forecast, ForecastError, Outside, Window};
use kiln::model::ColumnProfile;
use kiln::serve::{
    Card, Catalog, Config, Entry, Limits, Model, Selection, SentBars, Server, TargetCard, Timeouts,
    Token, start,
};

/// A value that makes the model panic, give NaN, sleep for 0.3 s, or sleep for 1.5 s.
pub(super) const PANIC: f64 = 666.0;
pub(super) const NAN: f64 = 777.0;
pub(super) const SLOW: f64 = 300.0;
pub(super) const STUCK: f64 = 1500.0;
/// The device is gone.
pub(super) const LOST: f64 = 999.0;

/// A window of the fake model: three rows of two features.
pub(super) const WINDOW: &str = r#"{"features": [[1, 2], [3, 4], [5, 6]]}"#;

pub(super) fn window_with(value: f64) -> String {
    format!(r#"{{"features": [[1, 2], [3, 4], [5, {value}]]}}"#)
}

/// What there is to serve.
#[derive(Default)]
pub(super) struct Fake {
    pub models: Mutex<BTreeMap<String, Entry>>,
    /// Versions that cannot be loaded.
    pub broken: Mutex<BTreeSet<u32>>,
    generation: AtomicUsize,
    pub looks: AtomicUsize,
    pub loads: AtomicUsize,
    /// Whether the registry cannot be looked at.
    pub unreachable: AtomicBool,
    /// How long a loading takes.
    pub loading: Mutex<Duration>,
}

impl Fake {
    /// The model `m` with version 1 as its champion.
    pub(super) fn one() -> Arc<Self> {
        let fake = Self::default();
        fake.point("m", "champion", 1);
        Arc::new(fake)
    }

    /// Points an alias to a version, which then is there.
    pub(super) fn point(&self, name: &str, alias: &str, version: u32) {
        let mut models = self.models.lock().unwrap();
        let entry = models
            .entry(name.to_owned())
            .or_insert_with(|| Entry { name: name.to_owned(), ..Entry::default() });
        if !entry.versions.contains(&version) {
            entry.versions.push(version);
        }
        entry.aliases.insert(alias.to_owned(), version);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// What a model's entry says now; `None`: it is not listed any more.
    pub(super) fn say(&self, name: &str, entry: Option<Entry>) {
        let mut models = self.models.lock().unwrap();
        match entry {
            Some(entry) => drop(models.insert(name.to_owned(), entry)),
            None => drop(models.remove(name)),
        }
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

impl Catalog for Fake {
    fn generation(&self) -> Result<String, String> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err("/srv/models: the registry's folder is not there".to_owned());
        }
        Ok(self.generation.load(Ordering::SeqCst).to_string())
    }

    fn list(&self) -> Result<Vec<Entry>, String> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        Ok(self.models.lock().unwrap().values().cloned().collect())
    }

    fn load(&self, _name: &str, version: u32) -> Result<Box<dyn Model>, String> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(*self.loading.lock().unwrap());
        if self.broken.lock().unwrap().contains(&version) {
            return Err("is broken".to_owned());
        }
        Ok(Box::new(FakeModel { version, card: card() }))
    }
}

struct FakeModel {
    version: u32,
    card: Card,
}

fn card() -> Card {
    let profile = |feature: &str| ColumnProfile {
        feature: feature.to_owned(),
        low: 0.0,
        high: 10.0,
        edges: vec![5.0],
        shares: vec![0.5, 0.5],
    };
    Card {
        features: vec!["a".to_owned(), "b".to_owned()],
        window: 3,
        needs_bars: 3,
        bar_seconds: Some(60),
        target: TargetCard { kind: "price".to_owned(), unit: "price".to_owned(), horizon: 1 },
        coverages: vec![0.8, 0.9],
        saved_at: "2026-01-02T03:04:05Z".to_owned(),
        source: serde_json::Value::Null,
        metrics: serde_json::Value::Null,
        verdict: serde_json::Value::Null,
        zone: Some("UTC".to_owned()),
        bar_label: "start".to_owned(),
        warnings: Vec::new(),
        profile: Some(vec![profile("a"), profile("b")]),
    }
}

impl Model for FakeModel {
    fn card(&self) -> &Card {
        &self.card
    }

    fn window_of_bars(&self, bars: &SentBars) -> Result<Window, String> {
        let rows: Vec<Vec<f64>> =
            bars.open.iter().zip(&bars.close).map(|(open, close)| vec![*open, *close]).collect();
        self.window_of_features(&rows)
    }

    fn window_of_csv(&self, _text: &[u8]) -> Result<Window, String> {
        Err("body: the fake takes no CSV".to_owned())
    }

    fn window_of_features(&self, rows: &[Vec<f64>]) -> Result<Window, String> {
        if rows.len() != 3 || rows.iter().any(|row| row.len() != 2) {
            return Err("features: 3 rows of 2".to_owned());
        }
        Ok(Window {
            scaled: rows.iter().flatten().map(|value| *value as f32).collect(),
            bar_start: None,
            persistence: None,
        })
    }

    fn forecast(&self, windows: &[Window]) -> Result<Vec<Forecast>, ForecastError> {
        if windows.iter().any(|window| window.scaled.contains(&(LOST as f32))) {
            return Err(ForecastError::Device("it fell off the bus".to_owned()));
        }
        let one = |window: &Window| {
            let mut forecast = f64::from(self.version) * 1000.0;
            for value in window.scaled.iter().map(|value| f64::from(*value)) {
                match value {
                    PANIC => panic!("as asked, about /secret/path"),
                    NAN => forecast = f64::NAN,
                    SLOW | STUCK => std::thread::sleep(Duration::from_millis(value as u64)),
                    _ => {}
                }
                forecast += value;
            }
            Forecast { bar_start: None, forecast, persistence: None, quantiles: Vec::new() }
        };
        Ok(windows.iter().map(one).collect())
    }

    /// Values of a hundred million and more.
    fn outside(&self, window: &Window) -> Vec<Outside> {
        let rows = window.scaled.iter().filter(|value| **value >= 1e8).count();
        let outside = || Outside {
            feature: "b".to_owned(),
            rows,
            of: 3,
            furthest: 1e8,
            low: 0.0,
            high: 10.0,
        };
        if rows > 0 { vec![outside()] } else { Vec::new() }
    }

    fn interval(&self, coverage: f64, forecast: &Forecast) -> Result<[f64; 2], String> {
        Ok([forecast.forecast - coverage, forecast.forecast + coverage])
    }
}

/// Settings with short waits.
pub(super) fn config() -> Config {
    let ms = Duration::from_millis;
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        selection: Selection::Champions,
        shadow: "shadow".to_owned(),
        token: None,
        hosts: Vec::new(),
        limits: Limits::default(),
        timeouts: Timeouts {
            header: ms(700),
            body: ms(1000),
            request: ms(1000),
            stop: ms(1500),
            poll: ms(5),
        },
    }
}

pub(super) const TOKEN: &str = "correct-horse-battery-staple";

pub(super) fn with_token() -> Config {
    Config { token: Some(Token::new(TOKEN).unwrap()), ..config() }
}

/// A server that stops when the test is over.
pub(super) struct Running {
    server: Option<Server>,
    pub at: SocketAddr,
    pub catalog: Arc<Fake>,
}

impl Running {
    pub(super) fn new(config: Config, catalog: Arc<Fake>) -> Self {
        let server = start(config, catalog.clone(), "now").unwrap();
        Self { at: server.address(), server: Some(server), catalog }
    }

    /// The model `m`, settings with short waits.
    pub(super) fn plain() -> Self {
        Self::new(config(), Fake::one())
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(super) fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// Waits until something holds, for at most 10 s.
pub(super) fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}
