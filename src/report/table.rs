//! Tables: real ones, that scroll by themselves in a narrow window.

use maud::{Markup, html};

/// A column, by the name at its head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column<'a> {
    Number(&'a str),
    Text(&'a str),
}

/// A table with its rows. The label is what a screen reader calls the region that scrolls.
pub(super) fn table(
    label: &str,
    caption: &str,
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = Markup>,
) -> Markup {
    region(
        label,
        &html! {
            table {
                @if !caption.is_empty() { caption { (caption) } }
                thead {
                    tr {
                        @for column in columns {
                            @match column {
                                Column::Number(name) => { th scope="col" { (name) } }
                                Column::Text(name) => { th scope="col" class="text" { (name) } }
                            }
                        }
                    }
                }
                tbody { @for row in rows { (row) } }
            }
        },
    )
}

/// What may be wider than the window.
pub(super) fn region(label: &str, content: &Markup) -> Markup {
    html! { div class="wide" tabindex="0" role="region" aria-label=(label) { (content) } }
}
