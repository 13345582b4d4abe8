//! Synthetic one-minute bars with known truth, for tests, demonstrations and a floor under every
//! claim.
//!
//! The log return of bar `t` over the close before it is
//!
//! ```text
//! r[t] = σ[t] · (β·z[t-1] + √(1 − β²)·ε[t])          β² = beta2, ε independent, of mean 0 and
//!                                                    variance 1
//! z[t] = −sign r[t]                                  signal "reversal": a linear model finds it
//! z[t] = sign r[t] · (+1 if |r[t]| < τ else −1)      signal "nonlinear", τ = sd·√(2 ln 2): a
//!                                                    linear model finds nothing
//! ```
//!
//! so that a forecaster that knows the rule explains β² of the variance of r/σ, and nobody explains
//! more. The signal is read from the bars as they are written, over the gap between two sessions
//! like anywhere else; the first bar, which has no close before it, counts from its open and is
//! pure noise; a bar that did not move signals nothing, and then the noise has the whole variance.
//!
//! * Volatility "constant": σ = sd at every bar, prices are not rounded, nothing happens between
//!   sessions. The close-to-close log return is the model's own, up to the last bits of a price.
//! * Volatility "stochastic": `σ[t] = sd · shape(time of the session) · exp(h[t] − Var h)`, where h
//!   is the sum of three AR(1) with half-lives of minutes, hours and days (the cascade that Corsi
//!   2009 forecasts with) and the shape falls from the open and rises to the close; E σ² = sd².
//!   Prices jump between sessions (a fifth of a day's variance, Student-t(4)) and are rounded to a
//!   tick. Where the volatility moves, a forecaster of raw returns that does not know σ explains a
//!   little less than β².
//!
//! Sessions start at 09:30 UTC on weekdays from 2024-01-02 on; one that lasts beyond the next start
//! is followed by the first start after its end. Twelve steps inside each bar give it its open,
//! high and low. The volume is log-normal around the volatility.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::{Bars, Truth};
use experiment::seed;
use experiment::{Signal, Synthetic, Volatility};

/// Bars by the settings; the same on every call. Each kind of randomness has its own stream, so
/// that the noise of returns does not depend on how the rest is drawn.
#[must_use]
pub fn generate(settings: &Synthetic) -> Bars {
    let &Synthetic { bars, session, signal, beta2, sd_bp, volatility, nu, seed } = settings;
    let session = session.max(1);
    let sd = sd_bp * 1e-4;
    let beta = beta2.sqrt();
    let threshold = sd * (2.0 * std::f64::consts::LN_2).sqrt();
    let market = match volatility {
        Volatility::Constant => Market { ticks: None, jump_sd: 0.0 },
        Volatility::Stochastic => Market { ticks: Some(TICKS), jump_sd: jump_sd(sd, session) },
    };
    // One more than there are bars: the last row's truth is about the bar after it.
    let conditions = conditions(volatility, sd, session, bars + 1, Noise::new(seed, "volatility"));

    let mut returns = Noise::new(seed, "returns");
    let mut jumps = Noise::new(seed, "jumps");
    let mut steps = Noise::new(seed, "steps");
    let mut volumes = Noise::new(seed, "volumes");
    let mut made = empty(bars, session);
    let mut truth = Truth { mu: Vec::with_capacity(bars), sigma: Vec::with_capacity(bars) };
    let mut price = START_PRICE.ln();
    let mut z = 0.0;
    for (t, now) in conditions[..bars].iter().enumerate() {
        let (mu, noise) = moments(beta, z, now.sigma);
        let scale = returns.student_scale(nu);
        let shock = scale * returns.normal();
        if t > 0 && t % session == 0 && market.jump_sd > 0.0 {
            price += market.jump_sd * jumps.student_scale(Some(4.0)) * jumps.normal();
        }
        let path = path(price, mu + noise * shock, noise * scale, &mut steps);
        price = path.close;
        made.open.push(market.quote(path.open));
        made.high.push(market.quote(path.high));
        made.low.push(market.quote(path.low));
        made.close.push(market.quote(path.close));
        made.volume.push((6.0 + now.activity + 0.55 * volumes.normal()).exp().round().max(1.0));

        let before = if t == 0 { made.open[0] } else { made.close[t - 1] };
        z = sign_of(signal, (made.close[t] / before).ln(), threshold);
        let (mu, noise) = moments(beta, z, conditions[t + 1].sigma);
        let jump_sd = if (t + 1) % session == 0 { market.jump_sd } else { 0.0 };
        truth.mu.push(mu);
        truth.sigma.push(noise.hypot(jump_sd));
    }
    made.truth = Some(truth);
    made
}

const START_PRICE: f64 = 3500.0;
/// Ticks in one unit of price.
const TICKS: f64 = 5.0;

/// Steps inside a bar.
const STEPS: usize = 12;

/// Bars that count as a day where a session is longer than one.
const DAY_BARS: usize = 1440;

/// How prices appear.
struct Market {
    /// Ticks in one unit of price; `None`: any price.
    ticks: Option<f64>,
    /// Standard deviation of the jump between two sessions.
    jump_sd: f64,
}

impl Market {
    /// The price of a log price, on the tick grid if there is one, and at least one tick.
    fn quote(&self, log_price: f64) -> f64 {
        let price = log_price.exp();
        self.ticks.map_or(price, |ticks| (price * ticks).round().max(1.0) / ticks)
    }
}

/// What a bar trades under.
struct Conditions {
    /// Scale of its return.
    sigma: f64,
    /// Log of its expected share of volume.
    activity: f64,
}

fn conditions(
    volatility: Volatility,
    sd: f64,
    session: usize,
    bars: usize,
    mut noise: Noise,
) -> Vec<Conditions> {
    if volatility == Volatility::Constant {
        return (0..bars).map(|_| Conditions { sigma: sd, activity: 0.0 }).collect();
    }
    let shape = shape(session);
    // Half-life in bars, standard deviation of the component.
    let cascade = [(8.0, 0.30), (120.0, 0.32), (3.0 * session.min(DAY_BARS) as f64, 0.40)];
    let variance: f64 = cascade.iter().map(|(_, sd)| sd * sd).sum();
    let mut components = cascade.map(|(_, sd)| sd * noise.normal());
    let mut made = Vec::with_capacity(bars);
    for t in 0..bars {
        for (component, (half_life, sd)) in components.iter_mut().zip(cascade) {
            let keep = 0.5_f64.powf(1.0 / half_life);
            *component = keep * *component + sd * (1.0 - keep * keep).sqrt() * noise.normal();
        }
        let h: f64 = components.iter().sum();
        let shape = shape[t % session];
        made.push(Conditions {
            sigma: sd * shape * (h - variance).exp(),
            activity: shape.ln() + 0.8 * h,
        });
    }
    made
}

/// Volatility over a session: high at the open, falling, a little higher again at the close; mean
/// square 1.
fn shape(session: usize) -> Vec<f64> {
    let raw: Vec<f64> = (0..session)
        .map(|bar| {
            let passed = bar as f64 / session as f64;
            1.0 + (-passed / 0.06).exp() + 0.1 * (-(1.0 - passed) / 0.05).exp()
        })
        .collect();
    let mean_square = raw.iter().map(|s| s * s).sum::<f64>() / session as f64;
    raw.iter().map(|s| s / mean_square.sqrt()).collect()
}

/// Scale of the jump between sessions that makes it a fifth of a day's variance; a Student-t(4)
/// already brought to variance 1.
fn jump_sd(sd: f64, session: usize) -> f64 {
    const SHARE: f64 = 0.2;
    sd * (SHARE / (1.0 - SHARE) * session.min(DAY_BARS) as f64).sqrt()
}

/// Conditional mean and standard deviation of a return.
fn moments(beta: f64, z: f64, sigma: f64) -> (f64, f64) {
    (beta * z * sigma, (1.0 - beta * beta * z * z).sqrt() * sigma)
}

/// What a return says of the next one: −1, 0 or +1.
fn sign_of(signal: Signal, log_return: f64, threshold: f64) -> f64 {
    if log_return == 0.0 {
        return 0.0;
    }
    let sign = log_return.signum();
    match signal {
        Signal::Reversal => -sign,
        Signal::Nonlinear if log_return.abs() < threshold => sign,
        Signal::Nonlinear => -sign,
    }
}

/// Log prices of a bar.
struct Path {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
}

/// A Brownian bridge of standard deviation `sd` from `open` to `open + log_return`.
fn path(open: f64, log_return: f64, sd: f64, noise: &mut Noise) -> Path {
    let mut walk = [0.0; STEPS];
    let mut sum = 0.0;
    for step in &mut walk {
        sum += noise.normal() * sd / (STEPS as f64).sqrt();
        *step = sum;
    }
    let close = open + log_return;
    let (mut high, mut low) = (open.max(close), open.min(close));
    for (step, walked) in walk.iter().enumerate() {
        let share = (step + 1) as f64 / STEPS as f64;
        let price = open + walked + share * (log_return - sum);
        high = high.max(price);
        low = low.min(price);
    }
    // The last step is the close itself, but for rounding.
    Path { open, high, low, close }
}

/// Timestamps, and columns to fill.
fn empty(bars: usize, session: usize) -> Bars {
    let column = || Vec::with_capacity(bars);
    Bars {
        ts: timestamps(bars, session),
        offset_seconds: vec![0; bars],
        open: column(),
        high: column(),
        low: column(),
        close: column(),
        volume: column(),
        bar_seconds: MINUTE as u32,
        truth: None,
    }
}

const MINUTE: i64 = 60;

fn timestamps(bars: usize, session: usize) -> Vec<i64> {
    const DAY: i64 = 86_400;
    /// 2024-01-02 09:30 UTC, a Tuesday, in seconds.
    const FIRST: i64 = 1_704_187_800;
    let mut day = 0;
    let mut ts = Vec::with_capacity(bars);
    while ts.len() < bars {
        let start = FIRST + day * DAY;
        let count = session.min(bars - ts.len());
        ts.extend((0..count as i64).map(|bar| (start + bar * MINUTE) * 1_000_000_000));
        let end = start + count as i64 * MINUTE;
        day += 1;
        while FIRST + day * DAY <= end || is_weekend(day) {
            day += 1;
        }
    }
    ts
}

/// Whether so many days after a Tuesday it is Saturday or Sunday.
fn is_weekend(days: i64) -> bool {
    matches!(days % 7, 4 | 5)
}

/// Normal variates and Student-t scales from one stream. Written here, so that a series never
/// changes with a library's version.
struct Noise {
    stream: ChaCha8Rng,
    /// The second variate of a pair.
    spare: Option<f64>,
}

impl Noise {
    fn new(seed: u64, purpose: &str) -> Self {
        Self { stream: seed::generator(seed, &format!("synthetic {purpose}"), 0), spare: None }
    }

    /// Uniform on (0, 1).
    fn uniform(&mut self) -> f64 {
        ((self.stream.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Standard normal, by the polar method (Marsaglia and Bray 1964).
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// What a normal is multiplied with to become a Student-t of `nu` > 2 degrees of freedom and
    /// variance 1; 1 for `None`.
    fn student_scale(&mut self, nu: Option<f64>) -> f64 {
        nu.map_or(1.0, |nu| ((nu - 2.0) / (2.0 * self.gamma(nu / 2.0))).sqrt())
    }

    /// Gamma of scale 1 and `shape` ≥ 1, by squeezing a cubed normal (Marsaglia and Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests;
