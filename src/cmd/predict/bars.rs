//! How bars are to be read, where it is not as the model's own data was.

use crate::cmd::{BarArgs, BarFormat, Failure, LabelArg};
use experiment::{BarLabel, Columns, Format, Source};
use market::StampForm;
use runs::model::ModelCard;

/// Writes the arguments over the source.
///
/// # Errors
/// When a column's argument is not `WHICH=NAME`.
pub(super) fn read_as(source: &mut Source, args: &BarArgs) -> Result<(), Failure> {
    let BarArgs { format, columns: named, zone: own_zone, ts_format, bar_label: label } = args;
    let Source::File { path: _, format: of_file, columns, zone, bar_label } = source else {
        return Ok(());
    };
    match format {
        Some(BarFormat::Csv) => *of_file = Format::Csv,
        Some(BarFormat::Parquet) => *of_file = Format::Parquet,
        None => {}
    }
    for argument in named {
        name(columns, argument)?;
    }
    if let Some(ts_format) = ts_format {
        columns.ts_format.clone_from(ts_format);
    }
    if own_zone.is_some() {
        zone.clone_from(own_zone);
    }
    match label {
        Some(LabelArg::Start) => *bar_label = BarLabel::Start,
        Some(LabelArg::End) => *bar_label = BarLabel::End,
        None => {}
    }
    Ok(())
}

/// Refuses bars that are not written as the model's own were while nothing says what their
/// timestamps mark: who writes other files may well mark the other end of a bar, and every forecast
/// would be made of a shifted bar. `stamps`: how their timestamps are written.
///
/// # Errors
/// When `--bar-label` is missing.
pub(super) fn check_label(
    card: &ModelCard,
    read: &Source,
    args: &BarArgs,
    stamps: Option<StampForm>,
) -> Result<(), Failure> {
    let own = &card.settings.data.source;
    let (
        None,
        Source::File {
            format: own_format, columns: own_columns, zone: own_zone, bar_label, ..
        },
        Source::File { format, columns, zone, .. },
    ) = (args.bar_label, own, read)
    else {
        return Ok(());
    };
    let trained = card.inputs.as_ref().and_then(|inputs| inputs.stamps);
    let differs = if format != own_format {
        let name = |format: &Format| if *format == Format::Csv { "CSV" } else { "Parquet" };
        format!("they are {}, its own {}", name(format), name(own_format))
    } else if names(columns) != names(own_columns) {
        "their columns have other names".to_owned()
    } else if columns.ts_format != own_columns.ts_format {
        format!(
            "their timestamps are read as {}, its own as {}",
            columns.ts_format, own_columns.ts_format
        )
    } else if columns.ts_ambiguous != own_columns.ts_ambiguous {
        "an hour that the clock shows twice is read otherwise".to_owned()
    } else if let (Some(stamps), Some(trained)) = (stamps, trained)
        && stamps != trained
    {
        format!("their timestamps are {}, its own {}", stamps.in_words(), trained.in_words())
    } else if args.zone.is_some() && zone.as_deref() != own_zone.as_deref().or(card.zone()) {
        "their timestamps are of another zone".to_owned()
    } else {
        return Ok(());
    };
    let own_end = if *bar_label == BarLabel::Start { "start" } else { "end" };
    Err(Failure::BadInput(format!(
        "the bars are not written as the model's own were ({differs}), so what a timestamp marks \
            is not known: add --bar-label start or --bar-label end (its own mark the {own_end} of \
            a bar)"
    )))
}

fn names(columns: &Columns) -> [&str; 6] {
    let Columns { ts, open, high, low, close, volume, ts_format: _, ts_ambiguous: _ } = columns;
    [ts, open, high, low, close, volume]
}

fn name(columns: &mut Columns, argument: &str) -> Result<(), Failure> {
    let Columns { ts, open, high, low, close, volume, ts_format: _, ts_ambiguous: _ } = columns;
    let known = [
        ("ts", ts),
        ("open", open),
        ("high", high),
        ("low", low),
        ("close", close),
        ("volume", volume),
    ];
    let wanted = argument.split_once('=').filter(|(_, name)| !name.is_empty());
    let column = wanted.and_then(|(which, name)| {
        Some((known.into_iter().find(|(known, _)| *known == which)?.1, name))
    });
    let Some((column, name)) = column else {
        return Err(Failure::BadInput(format!(
            "--column '{}' is not WHICH=NAME, with ts, open, high, low, close or volume and the \
                file's name for it",
            argument.escape_debug()
        )));
    };
    name.clone_into(column);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use experiment::TsFormat;

    fn source() -> Source {
        let (columns, zone) = (Columns::default(), Some("UTC".to_owned()));
        Source::File {
            path: "bars.csv".into(),
            format: Format::Csv,
            columns,
            zone,
            bar_label: BarLabel::Start,
        }
    }

    #[test]
    fn arguments_win_and_what_is_not_said_stays() {
        let mut read = source();
        read_as(&mut read, &BarArgs::default()).unwrap();
        assert_eq!(read, source());
        let columns = vec!["ts=Date".to_owned(), "close=Close/Last=x".to_owned()];
        let ts_format: TsFormat = "%d.%m.%Y %H:%M".parse().unwrap();
        let args = BarArgs {
            format: Some(BarFormat::Parquet),
            columns,
            zone: Some("+08:00".to_owned()),
            ts_format: Some(ts_format.clone()),
            bar_label: Some(LabelArg::End),
        };
        read_as(&mut read, &args).unwrap();
        let columns = Columns {
            ts: "Date".into(),
            close: "Close/Last=x".into(),
            ts_format,
            ..Columns::default()
        };
        let (path, zone) = ("bars.csv".into(), Some("+08:00".to_owned()));
        assert_eq!(
            read,
            Source::File { path, format: Format::Parquet, columns, zone, bar_label: BarLabel::End }
        );
    }

    #[test]
    fn a_column_that_there_is_not_is_refused() {
        for wrong in ["ts", "=x", "ts=", "price=Close", ""] {
            let args = BarArgs { columns: vec![wrong.to_owned()], ..BarArgs::default() };
            let Err(Failure::BadInput(message)) = read_as(&mut source(), &args) else {
                panic!("{wrong} is taken")
            };
            assert!(
                message.starts_with(&format!("--column '{wrong}' is not WHICH=NAME")),
                "{message}"
            );
        }
    }
}
