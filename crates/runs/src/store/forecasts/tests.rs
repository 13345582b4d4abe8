use super::*;

fn forecasts(ts: &[i64], target: &[f64], forecast: &[f64]) -> Forecasts {
    Forecasts {
        ts: ts.to_vec(),
        target: target.to_vec(),
        forecast: forecast.to_vec(),
        ..Forecasts::default()
    }
}

fn with(name: &str, values: &[f64], forecasts: Forecasts) -> Forecasts {
    Forecasts { baselines: vec![(name.to_owned(), values.to_vec())], ..forecasts }
}

#[test]
fn a_second_split_joins_the_first_and_a_split_written_again_replaces_itself() {
    let folder = tempfile::tempdir().unwrap();
    let attempt = folder.path();
    write(attempt, "valid", &forecasts(&[10, 20, 30], &[1.0, 2.0, 3.0], &[1.5, f64::NAN, -0.0]))
        .unwrap();
    write(attempt, "test", &forecasts(&[40], &[4.0], &[4.5])).unwrap();
    let valid = read(&path_in(attempt), "valid", None).unwrap();
    assert_eq!((valid.ts[0], valid.target[0], valid.forecast[0]), (10, 1.0, 1.5));
    assert!(valid.forecast[1].is_nan() && valid.forecast[2].to_bits() == (-0.0_f64).to_bits());
    write(attempt, "valid", &forecasts(&[50], &[5.0], &[5.5])).unwrap();
    assert_eq!(read(&path_in(attempt), "valid", None).unwrap(), forecasts(&[50], &[5.0], &[5.5]));
    assert_eq!(read(&path_in(attempt), "test", None).unwrap(), forecasts(&[40], &[4.0], &[4.5]));
    assert!(read(&path_in(attempt), "train", None).unwrap().ts.is_empty());
}

/// Handing them to Polars' pool overflowed the stack: a thread that waits for one file takes up
/// the next.
#[test]
fn thousands_of_files_are_read_by_a_pool() {
    use rayon::prelude::*;
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "valid",
        &with("linear", &[1.25, 2.25], forecasts(&[10, 20], &[1.0, 2.0], &[1.5, 2.5])),
    )
    .unwrap();
    let read: usize = (0..20_000)
        .into_par_iter()
        .map(|_| read(&path_in(folder.path()), "valid", None).unwrap().ts.len())
        .sum();
    assert_eq!(read, 40_000);
}

#[test]
fn baselines_come_back_with_the_split_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let valid = with("linear", &[1.25, 2.25], forecasts(&[10, 20], &[1.0, 2.0], &[1.5, 2.5]));
    let test = with("drift", &[4.25], forecasts(&[40], &[4.0], &[4.5]));
    let old = forecasts(&[5], &[0.5], &[0.75]);
    for (split, forecasts) in [("train", &old), ("valid", &valid), ("test", &test)] {
        write(folder.path(), split, forecasts).unwrap();
    }
    for (split, forecasts) in [("train", old), ("valid", valid), ("test", test)] {
        let path = path_in(folder.path());
        assert_eq!(read(&path, split, None).unwrap(), forecasts);
        let points = Forecasts { baselines: vec![], ..forecasts };
        assert_eq!(read_columns(&path, split, None, Columns::Points).unwrap(), points);
    }
}

#[test]
fn quantiles_are_columns_named_by_their_level_and_files_without_them_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let old = forecasts(&[5], &[0.5], &[0.75]);
    write(folder.path(), "valid", &old).unwrap();
    let quantiles = vec![(0.025, vec![1.0, 2.0]), (0.5, vec![1.5, 2.5]), (0.9, vec![1.75, 3.5])];
    let test = Forecasts {
        quantiles,
        ..with("linear", &[1.25, 2.25], forecasts(&[10, 20], &[1.0, 2.0], &[1.5, 2.5]))
    };
    write(folder.path(), "test", &test).unwrap();
    assert_eq!(read(&path_in(folder.path()), "valid", None).unwrap(), old);
    assert_eq!(read(&path_in(folder.path()), "test", None).unwrap(), test);
    let names = load(&path_in(folder.path()), None, Columns::All)
        .unwrap()
        .get_column_names()
        .into_iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    assert!(
        ["q0.025", "q0.5", "q0.9"].iter().all(|name| names.iter().any(|known| known == name)),
        "{names:?}"
    );
    let unequal = Forecasts {
        quantiles: vec![(0.5, vec![1.0])],
        ..forecasts(&[1, 2], &[1.0, 2.0], &[1.0, 2.0])
    };
    assert!(
        write(folder.path(), "valid", &unequal)
            .unwrap_err()
            .to_string()
            .contains("2 ts, 1 quantile")
    );
}

#[test]
fn times_are_in_the_file_as_utc_nanoseconds() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "valid", &forecasts(&[1_767_323_045_000_000_001], &[0.0], &[0.0]))
        .unwrap();
    let table = load(&path_in(folder.path()), None, Columns::All).unwrap();
    assert_eq!(
        *table.column("ts").unwrap().dtype(),
        DataType::Datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC))
    );
    assert_eq!(
        read(&path_in(folder.path()), "valid", None).unwrap().ts[0],
        1_767_323_045_000_000_001
    );
}

#[test]
fn columns_of_different_length_a_missing_and_a_damaged_file_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let unequal = forecasts(&[1, 2], &[1.0], &[1.0, 2.0]);
    assert!(
        write(folder.path(), "valid", &unequal).unwrap_err().to_string().contains("2 ts, 1 target")
    );
    let unequal = with("linear", &[1.0], forecasts(&[1, 2], &[1.0, 2.0], &[1.0, 2.0]));
    assert!(
        write(folder.path(), "valid", &unequal).unwrap_err().to_string().contains("2 ts, 1 linear")
    );
    assert!(
        read(&path_in(folder.path()), "valid", None)
            .unwrap_err()
            .to_string()
            .contains("is missing")
    );
    write(folder.path(), "valid", &forecasts(&[1], &[1.0], &[1.0])).unwrap();
    let bytes = std::fs::read(path_in(folder.path())).unwrap();
    for length in [0, 3, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(path_in(folder.path()), &bytes[..length]).unwrap();
        assert!(read(&path_in(folder.path()), "valid", None).is_err(), "{length} bytes");
    }
}
