//! Tables: real ones, that scroll by themselves in a narrow window.

use super::html::Html;

/// A column, by the name at its head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column<'a> {
    Number(&'a str),
    Text(&'a str),
}

/// A table with its rows. The label is what a screen reader calls the region that scrolls.
pub(super) fn table(label: &str, caption: &str, columns: &[Column<'_>], rows: &Html) -> Html {
    let head = columns.iter().map(|column| match column {
        Column::Number(name) => Html::fill("<th scope=\"col\">{}</th>", &[name]),
        Column::Text(name) => Html::fill("<th scope=\"col\" class=\"text\">{}</th>", &[name]),
    });
    let caption = if caption.is_empty() {
        Html::default()
    } else {
        Html::fill("<caption>{}</caption>", &[&caption])
    };
    let head: Html = head.collect();
    region(
        label,
        &Html::fill(
            "<table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
            &[&caption, &head, rows],
        ),
    )
}

/// What may be wider than the window.
pub(super) fn region(label: &str, content: &Html) -> Html {
    Html::fill(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>",
        &[&label, content],
    )
}
