//! Keys of `[data]` that say where the bars come from.

use std::ops::Bound::{Excluded, Included};
use std::path::PathBuf;

use super::super::settings::{Columns, Format, Synthetic};
use super::super::suggest::nearest;
use super::super::wire::{DEFAULT_SYNTHETIC, Wire};
use super::Fallback::{Parts, Rule, Toml};
use super::row::{key, named, not_empty, number, one_of, table, text, whole};
use super::takes::Refusal;
use super::{ANY_SEED, Key};

const COLUMN: &str = "the name of a column, in quotes";

/// Where the bars come from.
pub(super) static KEYS: &[Key] = &[
    key("data", table(|_| ()), Parts, "What the trials learn from."),
    key(
        "data.source",
        text("the path of a CSV (plain or .gz) or Parquet file", |w, path| {
            not_empty("data.source", path)?;
            w.data.source = Some(PathBuf::from(path));
            Ok(())
        }),
        Rule("required, unless data.synthetic is given"),
        "A CSV (plain or .gz) or Parquet file of bars, relative to the experiment file's folder.",
    ),
    key(
        "data.synthetic",
        table(|w| w.data.synthetic = Some(DEFAULT_SYNTHETIC)),
        Rule("none; instead of data.source"),
        "A generated series with known truth, instead of a file.",
    ),
    key(
        "data.synthetic.bars",
        whole(100, 100_000_000, |w, v| synthetic(w).bars = v as usize),
        Toml("20000"),
        "Bars to make.",
    ),
    key(
        "data.synthetic.session",
        whole(2, 100_000_000, |w, v| synthetic(w).session = v as usize),
        Toml("240"),
        "Bars in a session; a night lies between two sessions.",
    ),
    key(
        "data.synthetic.signal",
        one_of(&["reversal", "nonlinear"], |w, v| named(&mut synthetic(w).signal, v)),
        Toml("\"reversal\""),
        "What of the past predicts the next return: reversal (a linear model finds it) or \
            nonlinear (a linear model cannot).",
    ),
    key(
        "data.synthetic.beta2",
        number(Included(0.0), Excluded(1.0), |w, v| synthetic(w).beta2 = v),
        Toml("0.05"),
        "Share of a bar's return variance that the signal explains.",
    ),
    key(
        "data.synthetic.sd_bp",
        number(Excluded(0.0), Included(1000.0), |w, v| synthetic(w).sd_bp = v),
        Toml("6.0"),
        "Standard deviation of a bar's return, basis points.",
    ),
    key(
        "data.synthetic.volatility",
        one_of(&["constant", "stochastic"], |w, v| named(&mut synthetic(w).volatility, v)),
        Toml("\"constant\""),
        "The same volatility at every bar, or one that moves over minutes, hours and days with an \
            intraday shape.",
    ),
    key(
        "data.synthetic.nu",
        number(Excluded(2.0), Included(1000.0), |w, v| synthetic(w).nu = Some(v)),
        Rule("none: Gaussian noise"),
        "Degrees of freedom of Student-t noise.",
    ),
    key(
        "data.synthetic.seed",
        whole(0, ANY_SEED, |w, v| synthetic(w).seed = v),
        Toml("1"),
        "Source of the series' noise; independent of train.seed.",
    ),
    key(
        "data.format",
        one_of(&["auto", "csv", "parquet"], |w, v| {
            let mut format = Format::Csv;
            named(&mut format, v);
            w.data.format = (v != "auto").then_some(format);
        }),
        Toml("\"auto\""),
        "The file's format; auto goes by the file name's ending.",
    ),
    key(
        "data.columns",
        table(|w| w.data.columns = Columns::default()),
        Parts,
        "Names of the columns in the file.",
    ),
    key(
        "data.columns.ts",
        text(COLUMN, |w, v| column(&mut w.data.columns.ts, "ts", v)),
        Toml("\"ts\""),
        "Timestamps.",
    ),
    key(
        "data.columns.open",
        text(COLUMN, |w, v| column(&mut w.data.columns.open, "open", v)),
        Toml("\"open\""),
        "Opening prices.",
    ),
    key(
        "data.columns.high",
        text(COLUMN, |w, v| column(&mut w.data.columns.high, "high", v)),
        Toml("\"high\""),
        "Highest prices.",
    ),
    key(
        "data.columns.low",
        text(COLUMN, |w, v| column(&mut w.data.columns.low, "low", v)),
        Toml("\"low\""),
        "Lowest prices.",
    ),
    key(
        "data.columns.close",
        text(COLUMN, |w, v| column(&mut w.data.columns.close, "close", v)),
        Toml("\"close\""),
        "Closing prices.",
    ),
    key(
        "data.columns.volume",
        text(COLUMN, |w, v| column(&mut w.data.columns.volume, "volume", v)),
        Toml("\"volume\""),
        "Volumes.",
    ),
    key(
        "data.ts_format",
        text(
            "\"auto\", \"epoch_s\", \"epoch_ms\", \"epoch_us\", \"epoch_ns\", or a pattern such as \
                \"%d.%m.%Y %H:%M:%S\"",
            |w, v| {
                w.data.ts_format = v.parse().map_err(|problem| {
                    (format!("'data.ts_format': {problem}"), ts_format_hint(v))
                })?;
                Ok(())
            },
        ),
        Toml("\"auto\""),
        "How timestamps are written. auto reads RFC 3339, the same without offset, dates, epochs \
            in s, ms, us or ns, and digits such as yyyymmddHHMM where the whole column is one of \
            them; a pattern is strptime's.",
    ),
    key(
        "data.ts_ambiguous",
        one_of(&["infer", "earliest", "latest"], |w, v| named(&mut w.data.ts_ambiguous, v)),
        Toml("\"infer\""),
        "Where a clock that is turned back shows an hour twice: which of the two a timestamp \
            without offset means. infer goes by the order of the rows, and refuses a file whose \
            order does not tell.",
    ),
    key(
        "data.zone",
        text(
            "a time zone: an IANA name (\"Asia/Shanghai\"), \"UTC\" or an offset (\"+08:00\")",
            |w, v| {
                zone(v)?;
                w.data.zone = Some(v.to_owned());
                Ok(())
            },
        ),
        Rule("none: the timestamps carry their offset, or are of UTC"),
        "Zone of the local clock: of timestamps without an offset, of the sessions, and of \
            time_of_day, which needs it unless all timestamps are of UTC.",
    ),
    key(
        "data.bar_label",
        one_of(&["start", "end"], |w, v| {
            let mut label = super::super::settings::BarLabel::Start;
            named(&mut label, v);
            w.data.bar_label = Some(label);
        }),
        Rule("required for a file"),
        "What a timestamp marks: the bar's first or its last instant. Guessed wrongly, every \
            forecast would see one bar of the future.",
    ),
    key(
        "data.bar",
        text("\"auto\", or a length such as \"30s\", \"1m\", \"5m\", \"1h\" or \"1d\"", |w, v| {
            w.data.bar_seconds = bar(v)?;
            Ok(())
        }),
        Toml("\"auto\""),
        "Length of a bar; auto takes the most frequent distance between two timestamps.",
    ),
];

fn synthetic(wire: &mut Wire) -> &mut Synthetic {
    wire.data.synthetic.get_or_insert(DEFAULT_SYNTHETIC)
}

fn column(field: &mut String, name: &str, text: &str) -> Result<(), Refusal> {
    not_empty(&format!("data.columns.{name}"), text)?;
    text.clone_into(field);
    Ok(())
}

/// What was probably meant.
fn ts_format_hint(text: &str) -> Option<String> {
    match text {
        "s" | "ms" | "us" | "ns" => Some(format!("an epoch is written \"epoch_{text}\"")),
        "epoch" | "unix" => Some(
            "say in what unit: \"epoch_s\", \"epoch_ms\", \"epoch_us\" or \
            \"epoch_ns\""
                .to_owned(),
        ),
        _ if text.contains("YYYY") || text.contains("yyyy") => Some(
            "a pattern is written as for strptime: \"%Y-%m-%d %H:%M:%S\", \"%d.%m.%Y %H:%M\", \
                \"%y%m%d%H%M\""
                .to_owned(),
        ),
        _ => None,
    }
}

/// Longest bar, seconds: a week.
const MAX_BAR: u32 = 7 * 86_400;

fn bar(text: &str) -> Result<Option<u32>, Refusal> {
    if text == "auto" {
        return Ok(None);
    }
    let problem = || {
        format!(
            "'data.bar' takes \"auto\", or a length such as \"30s\", \"1m\", \"5m\", \"1h\" or \
                \"1d\", not \"{text}\""
        )
    };
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "min" | "T" => return Err((problem(), Some(format!("minutes are written {digits}m")))),
        "" if !digits.is_empty() => {
            return Err((
                problem(),
                Some(format!("give a unit: {digits}s, {digits}m, {digits}h or {digits}d")),
            ));
        }
        _ => return Err((problem(), None)),
    };
    match digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit)) {
        Some(seconds) if (1..=MAX_BAR).contains(&seconds) => Ok(Some(seconds)),
        _ => Err((problem(), Some("a bar lasts from 1s to 7d".to_owned()))),
    }
}

fn zone(text: &str) -> Result<(), Refusal> {
    let legal = || {
        format!(
            "'data.zone' takes an IANA name (\"Asia/Shanghai\"), \"UTC\" or an offset \
                (\"+08:00\"), not \"{text}\""
        )
    };
    if text.starts_with(['+', '-']) {
        let hours_minutes = text[1..]
            .split_once(':')
            .map(|(hours, minutes)| (hours.parse::<u32>(), minutes.parse::<u32>()));
        return match hours_minutes {
            Some((Ok(hours), Ok(minutes))) if text.len() == 6 && hours <= 14 && minutes < 60 => {
                Ok(())
            }
            _ => Err((
                legal(),
                Some(
                    "an offset has a sign, two digits of hours and two of minutes: \"+08:00\""
                        .to_owned(),
                ),
            )),
        };
    }
    let names: Vec<String> =
        jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    let known = text == "UTC" || names.iter().any(|name| name == text);
    // A machine without a zone database still checks the form; the loader has its own database.
    let well_formed =
        text.contains('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_-+".contains(c));
    if known || (names.is_empty() && well_formed) {
        return Ok(());
    }
    let city = names
        .iter()
        .find(|name| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(text)));
    let meant =
        city.map(String::as_str).or_else(|| nearest(text, names.iter().map(String::as_str)));
    Err((legal(), meant.map(|name| format!("did you mean '{name}'?"))))
}
