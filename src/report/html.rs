//! What markup needs besides maud, which escapes whatever is spliced in: coordinates, JSON for a
//! script, characters that would not show.

use maud::{Markup, PreEscaped, Render};

/// A coordinate: two decimals are enough for a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Px(pub f64);

impl Render for Px {
    fn render_to(&self, out: &mut String) {
        let text = format!("{:.2}", self.0);
        out.push_str(text.trim_end_matches('0').trim_end_matches('.'));
    }
}

/// JSON for a script element: no character of it can end the element or begin a comment.
pub(super) fn script_data(value: &serde_json::Value) -> Markup {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    PreEscaped(out)
}

/// The same with every control character, bidirectional override and the like shown as its escape:
/// text comes from files and other machines, and markup of ours has none of them. Apostrophes are
/// escaped too, which maud leaves: no text can end an attribute, whatever quotes it stands in.
pub(super) fn visible(markup: &Markup) -> Markup {
    PreEscaped(text::clean_lines(&markup.0).replace('\'', "&#39;"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use maud::html;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let hostile = "\"><script>alert(1)</script>&'\u{202e}";
        let markup = visible(&html! { p title=(hostile) { (hostile) } }).into_string();
        let escaped = r"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;\u{202e}";
        assert_eq!(markup, format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn a_coordinate_has_the_digits_that_it_needs() {
        let shown = |x: f64| html! { (Px(x)) }.into_string();
        assert_eq!([1.5, 100.0, -0.25, 1.0 / 3.0].map(shown), ["1.5", "100", "-0.25", "0.33"]);
    }

    #[test]
    fn json_cannot_end_its_script() {
        let value = serde_json::json!({ "name": "</script><!--<script>\u{2028}&" });
        let text = script_data(&value).into_string();
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
