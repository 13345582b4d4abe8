use super::*;
use crate::zone::Zone;
use experiment::Columns;

fn settled(zone: Option<&str>, rows: &[&str]) -> Result<Vec<i64>, (usize, String)> {
    let zone = zone.map(|zone| Zone::parse(zone).unwrap());
    let mut column = StampColumn::new(StampReader::of(&Columns::default(), zone));
    for row in rows {
        column.push(|reader| reader.text(row.as_bytes())).unwrap();
    }
    column
        .settle()
        .map(|settled| settled.ts.iter().map(|ns| ns / SECOND).collect())
        .map_err(|(row, problem)| (row, problem.to_string()))
}

/// Minutes after 2024-11-03 00:59 in New York, whose clock is turned back from 02:00 to 01:00.
fn minutes(rows: &[&str]) -> Result<Vec<i64>, usize> {
    let rows: Vec<String> = rows.iter().map(|time| format!("2024-11-03 {time}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let read = settled(Some("America/New_York"), &rows).map_err(|(row, _)| row)?;
    Ok(read.iter().map(|seconds| (seconds - 1_730_609_940) / 60).collect())
}

#[test]
fn a_repeated_hour_is_told_apart_by_the_order_of_the_file() {
    let hour = ["00:59", "01:00", "01:59", "01:00", "01:59", "02:00"];
    let told = vec![0, 1, 60, 61, 120, 121];
    assert_eq!(minutes(&hour), Ok(told.clone()));
    let turned = hour.iter().rev().copied().collect::<Vec<_>>();
    assert_eq!(minutes(&turned), Ok(told.into_iter().rev().collect()));
}

#[test]
fn one_pass_is_the_one_that_joins_its_neighbours() {
    // A file that ends, or begins, in the hour; a night before it, or after it.
    assert_eq!(minutes(&["00:58", "00:59", "01:00", "01:01"]), Ok(vec![-1, 0, 1, 2]));
    assert_eq!(minutes(&["01:58", "01:59", "02:00", "02:01"]), Ok(vec![119, 120, 121, 122]));
    assert_eq!(
        minutes(&["00:10", "01:58", "01:59", "02:00", "02:01"]),
        Ok(vec![-49, 119, 120, 121, 122])
    );
    assert_eq!(minutes(&["00:58", "00:59", "01:00", "01:01", "09:30"]), Ok(vec![-1, 0, 1, 2, 571]));
    assert_eq!(minutes(&["02:01", "02:00", "01:59", "01:58"]), Ok(vec![122, 121, 120, 119]));
    // Neither side, or both: an hour is missing, and it cannot be told which.
    assert_eq!(minutes(&["00:10", "00:11", "01:30", "01:31", "09:30"]), Err(2));
    let all: Vec<String> = (0..62)
        .map(|minute| format!("{:02}:{:02}", (59 + minute) / 60, (59 + minute) % 60))
        .collect();
    assert_eq!(minutes(&all.iter().map(String::as_str).collect::<Vec<_>>()), Err(1));
}

#[test]
fn hours_and_days_of_a_change_are_told() {
    assert_eq!(minutes(&["00:00", "01:00", "01:00", "02:00"]), Ok(vec![-59, 1, 61, 121]));
    assert_eq!(
        minutes(&["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]),
        Ok(vec![-59, -29, 1, 31, 61, 91, 121])
    );
    let days = settled(
        Some("America/New_York"),
        &["2024-11-01 01:30", "2024-11-02 01:30", "2024-11-03 01:30", "2024-11-04 01:30"],
    );
    assert_eq!(
        days.unwrap().windows(2).map(|pair| (pair[1] - pair[0]) / 3_600).collect::<Vec<_>>(),
        [24, 24, 25]
    );
}

#[test]
fn an_hour_that_cannot_be_told_names_the_key_that_tells() {
    let rows = ["2024-11-03 00:10", "2024-11-03 00:11", "2024-11-03 01:30"];
    let (_, problem) = settled(Some("America/New_York"), &rows).unwrap_err();
    assert!(
        problem.contains("is shown twice by a clock in America/New_York that is turned back"),
        "{problem}"
    );
    assert!(
        problem.ends_with("set ts_ambiguous = \"earliest\" or \"latest\" under [data]"),
        "{problem}"
    );
}

#[test]
fn digits_are_clocks_when_all_of_them_are() {
    let rows: Vec<String> =
        (0..90).map(|minute| format!("240508{:02}{:02}", 9 + minute / 60, minute % 60)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let read = settled(Some("Asia/Shanghai"), &rows).unwrap();
    assert_eq!((read[0], read[89]), (1_715_130_000, 1_715_130_000 + 89 * 60));
    let (row, problem) = settled(None, &rows).unwrap_err();
    assert_eq!(row, 0);
    assert!(problem.starts_with("'2405080900' has no offset from UTC; set zone"), "{problem}");
}
