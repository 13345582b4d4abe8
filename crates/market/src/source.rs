//! Where bars come from: a file or the generator.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::bars::Bars;
use super::clean::clean;
use super::clock::{self, LocalClock};
use super::columns::Volume;
use super::inputs::StampForm;
use super::length::BarLength;
use super::problem::MarketError;
use super::zone::Zone;
use super::{csv, parquet, synthetic, window};
use experiment::{Data, Format, Source};

/// The bars of a source.
pub(super) struct Loaded {
    pub bars: Bars,
    /// What was done to get them, each a sentence.
    pub done: Vec<String>,
    /// Zone of their local clock; `None` where it is not known, and each bar has the offset of its
    /// own timestamp.
    pub zone: Option<String>,
    /// How their timestamps are written; `None` of a generator.
    pub stamps: Option<StampForm>,
}

/// Said where the clock of the timestamps is turned and no zone says when.
const CHANGING: &str = "the timestamps' offsets from UTC change and no zone is set: baselines and \
    sessions go by the clock that each timestamp shows (zone = \"America/New_York\" under [data], \
    or whichever it is, makes them go by the zone)";

/// Reads a source. `clock`: that of a model, by which its bars are told the time, however they are
/// written.
pub(super) fn load(
    source: &Source,
    volume: Volume,
    length: BarLength,
    clock: Option<&LocalClock>,
) -> Result<Loaded, MarketError> {
    let (path, format, columns, zone, label) = match source {
        Source::File { path, format, columns, zone, bar_label } => {
            (path, format, columns, zone, bar_label)
        }
        Source::Synthetic(settings) => {
            let bars = synthetic::generate(settings);
            return Ok(Loaded {
                zone: clock::zone_of(&bars),
                bars,
                done: Vec::new(),
                stamps: None,
            });
        }
    };
    check_file(path)?;
    let given = parse_zone(path, zone.as_deref())?;
    let mut table = match format {
        Format::Csv => csv::read(path, columns, volume, given),
        Format::Parquet => parquet::read(path, columns, volume, given),
    }?;
    let (own, stamps) = (table.zone.take(), table.form);
    if let Some(clock) = clock {
        clock.set_offsets(&table.ts, &mut table.offset_seconds);
    }
    let (mut bars, mut done) = clean(path, table, *label, length)?;
    let zone = clock
        .map(|clock| clock.zone().to_owned())
        .or_else(|| zone.clone())
        .or(own)
        .or_else(|| clock::zone_of(&bars));
    if let Some(zone) = &zone {
        // What the timestamps said is replaced: which end of a bar they mark must not decide the
        // hour at a change of the clock.
        LocalClock::new(zone)
            .map_err(|problem| {
                MarketError::of(path, format!("the zone of its timestamps: {problem}"))
            })?
            .set_all(&mut bars);
    } else if bars.offset_seconds.windows(2).any(|pair| pair[0] != pair[1]) {
        done.push(CHANGING.to_owned());
    }
    Ok(Loaded { bars, done, zone, stamps })
}

/// The bars that these settings use, and their contiguous runs; the volumes are not read.
///
/// # Errors
/// As [`super::prepare`], as far as the bars alone show.
pub fn bars(data: &Data) -> Result<(Bars, Vec<Range<usize>>), MarketError> {
    let Loaded { mut bars, .. } =
        load(&data.source, Volume::Unused, BarLength::declared(data.bar_seconds), None)?;
    if let Some(rows) = data.rows {
        bars.keep_last(rows);
    }
    let runs = window::runs(&bars.ts, &bars.offset_seconds, bars.bar_seconds);
    Ok((bars, runs))
}

/// A cheap look at second 0: that the file is there, is what its format says, and has its columns
/// (but for the volume, which not every experiment needs) and a readable first timestamp.
///
/// # Errors
/// As [`super::prepare`], as far as the first rows show.
pub fn probe(source: &Source) -> Result<(), MarketError> {
    let Source::File { path, format, columns, zone, bar_label: _ } = source else { return Ok(()) };
    check_file(path)?;
    let zone = parse_zone(path, zone.as_deref())?;
    match format {
        Format::Csv => csv::probe(path, columns, zone),
        Format::Parquet => parquet::probe(path, columns, zone.as_ref()),
    }
}

/// A cheap look at second 0: that the zone of the local clock is known where a feature goes by it,
/// as far as the first row shows.
///
/// # Errors
/// When it is not: says what to add.
pub fn probe_zone(data: &Data) -> Result<(), MarketError> {
    let Source::File { path, format: Format::Csv, columns, zone: None, bar_label: _ } =
        &data.source
    else {
        return Ok(());
    };
    match csv::first_offset(path, columns) {
        Some(offset) if offset != 0 => clock::check_known(&data.features, offset)
            .map_err(|problem| MarketError::of(path, problem)),
        _ => Ok(()),
    }
}

/// blake3 of the file's bytes, or of the generator's settings.
///
/// # Errors
/// When the file cannot be read.
pub fn fingerprint(source: &Source) -> Result<String, MarketError> {
    let mut hasher = blake3::Hasher::new();
    match source {
        Source::File { path, .. } => {
            check_file(path)?;
            let unreadable = |error| MarketError::unreadable(path, error);
            hasher.update_reader(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
        }
        Source::Synthetic(settings) => {
            let settings = serde_json::to_vec(settings)
                .map_err(|error| MarketError::new(format!("synthetic: {error}")))?;
            hasher.update(&settings);
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Why the data of a run was not found.
#[expect(missing_docs, reason = "each variant says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum Unlocated {
    /// There is no file any more where it was, nor elsewhere.
    Missing(PathBuf),
    /// A file is there, but its content, of this fingerprint, is another.
    Changed { path: PathBuf, fingerprint: String },
    /// A file cannot be read.
    Unreadable(MarketError),
}

/// The source with its file where it lies now: the first of `places` whose content is the one that
/// was asked for, by its fingerprint, which is told. Generated bars lie nowhere.
///
/// # Errors
/// When there is no such file.
pub fn locate(
    source: &Source,
    places: &[PathBuf],
    is_it: impl Fn(&str) -> bool,
) -> Result<(Source, String), Unlocated> {
    let recorded = match source {
        Source::File { path, .. } => path,
        Source::Synthetic(_) => {
            let fingerprint = fingerprint(source).map_err(Unlocated::Unreadable)?;
            return if is_it(&fingerprint) {
                Ok((source.clone(), fingerprint))
            } else {
                Err(Unlocated::Changed { path: PathBuf::new(), fingerprint })
            };
        }
    };
    let mut problem = Unlocated::Missing(recorded.clone());
    for place in places {
        let mut source = source.clone();
        if let Source::File { path, .. } = &mut source {
            path.clone_from(place);
        }
        let found = match fingerprint(&source) {
            Ok(fingerprint) if is_it(&fingerprint) => return Ok((source, fingerprint)),
            Ok(fingerprint) => Unlocated::Changed { path: place.clone(), fingerprint },
            Err(error) => Unlocated::Unreadable(error),
        };
        if matches!(problem, Unlocated::Missing(_)) {
            problem = found;
        }
    }
    Err(problem)
}

fn parse_zone(path: &Path, zone: Option<&str>) -> Result<Option<Zone>, MarketError> {
    zone.map(Zone::parse)
        .transpose()
        .map_err(|problem| MarketError::of(path, format!("zone {problem}")))
}

fn check_file(path: &Path) -> Result<(), MarketError> {
    let problem = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(metadata) if metadata.is_dir() => {
            "is a folder; name a CSV or Parquet file in it".to_owned()
        }
        Ok(_) => "is not a regular file".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match nearest(path) {
            Some(nearest) => format!("does not exist; did you mean {}?", nearest.display()),
            None => "does not exist (paths in an experiment are relative to its file)".to_owned(),
        },
        Err(error) => return Err(MarketError::unreadable(path, error)),
    };
    Err(MarketError::of(path, problem))
}

/// The file beside a missing one whose name is most like it.
fn nearest(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let near = |name: &str| strsim::jaro_winkler(&wanted, name);
    let names = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| near(name) > 0.8).collect();
    // Folders list their entries in no order: of equally near names the first by alphabet.
    names.sort_unstable();
    names
        .into_iter()
        .rev()
        .max_by(|a, b| near(a).total_cmp(&near(b)))
        .map(|name| path.with_file_name(name))
}

#[cfg(test)]
mod tests;
