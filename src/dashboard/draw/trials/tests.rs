use super::*;
use crate::dashboard::fixture;
use crate::dashboard::screen::Role;
use crate::dashboard::theme::Theme;

#[test]
fn the_selected_row_is_always_on_the_screen() {
    for rows in [1, 5, 30] {
        for height in [1, 4, 7, 40] {
            for selected in 0..rows {
                let first = first_row(selected, height, rows);
                assert!(
                    (first..first + height).contains(&selected),
                    "{selected} of {rows} in {height}"
                );
                assert!(first == 0 || first + height <= rows);
            }
        }
    }
}

#[test]
fn columns_give_way_in_order_and_always_fit() {
    let screen = Screen::new(&fixture::grid(12), Role::Watcher, Theme::plain());
    for columns in 40..200 {
        let (cells, _) = layout(&screen, columns);
        let needed = MARKS + cells.iter().map(|cell| cell.width + 2).sum::<usize>() - 2;
        assert!(needed <= usize::from(columns), "{columns}: {needed}");
        assert!(cells.iter().any(|cell| cell.what == What::Objective));
    }
    assert!(layout(&screen, 40).1 > 0);
    assert_eq!(layout(&screen, 80).1, 0);
}

#[test]
fn a_spark_line_falls_with_the_loss_and_leaves_gaps_where_there_is_none() {
    let mut row =
        Screen::new(&fixture::grid(1), Role::Watcher, Theme::plain()).sweep.rows.remove(0);
    row.progress.epochs = fixture::epochs(&[4.0, 3.0, f64::NAN, 1.0, 0.5]);
    assert_eq!(spark(&row, 10), "█▆ ▂▁");
    assert_eq!(spark(&row, 2).chars().count(), 2);
}
