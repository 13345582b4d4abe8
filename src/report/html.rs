//! Markup in which only literals are taken as they are: whatever else comes in is escaped, or was
//! built here.

use text::clean;

/// Finished markup.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Html(String);

/// What may stand in a template's gap.
pub(super) trait Part {
    fn write_to(&self, out: &mut String);
}

impl Html {
    /// A template whose gaps `{}` are filled in order. Text is escaped for elements and for
    /// attributes in double quotes; markup is not.
    ///
    /// # Panics
    /// When gaps and parts differ in number: a template is a literal, so a test finds it.
    pub fn fill(template: &'static str, parts: &[&dyn Part]) -> Self {
        let mut out = String::with_capacity(template.len() + 16 * parts.len());
        let mut pieces = template.split("{}");
        out.push_str(pieces.next().unwrap_or_default());
        let mut parts = parts.iter();
        for piece in pieces {
            parts.next().expect("a part for each gap").write_to(&mut out);
            out.push_str(piece);
        }
        assert!(parts.next().is_none(), "a gap for each part of {template}");
        Self(out)
    }

    /// A literal.
    pub fn raw(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// JSON for a script element: no character of it can end the element or begin a comment.
    pub fn json(value: &serde_json::Value) -> Self {
        let mut out = String::new();
        for c in value.to_string().chars() {
            match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.push_str(&format!("\\u{:04x}", u32::from(c)))
                }
                c => out.push(c),
            }
        }
        Self(out)
    }

    pub fn push(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<T: IntoIterator<Item = Html>>(parts: T) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            all.push(&part);
            all
        })
    }
}

impl Part for Html {
    fn write_to(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Part for str {
    fn write_to(&self, out: &mut String) {
        for c in clean(self).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
    }
}

impl Part for &str {
    fn write_to(&self, out: &mut String) {
        (**self).write_to(out);
    }
}

impl Part for String {
    fn write_to(&self, out: &mut String) {
        self.as_str().write_to(out);
    }
}

impl Part for usize {
    fn write_to(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

/// A coordinate: two decimals are enough for a pixel.
impl Part for f64 {
    fn write_to(&self, out: &mut String) {
        let text = format!("{self:.2}");
        out.push_str(text.trim_end_matches('0').trim_end_matches('.'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let hostile = "\"><script>alert(1)</script>&'\u{202e}";
        let html = Html::fill("<p title=\"{}\">{}</p>", &[&hostile, &hostile]).into_string();
        let escaped = r"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;\u{202e}";
        assert_eq!(html, format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn markup_is_nested_as_it_is() {
        let inner = Html::fill("<b>{}</b>", &[&3_usize]);
        assert_eq!(
            Html::fill("<p>{} {}</p>", &[&inner, &1.50]).into_string(),
            "<p><b>3</b> 1.5</p>"
        );
    }

    #[test]
    fn json_cannot_end_its_script() {
        let value = serde_json::json!({ "name": "</script><!--<script>\u{2028}&" });
        let html = Html::json(&value).into_string();
        assert!(!html.contains(['<', '>', '&', '\u{2028}']), "{html}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&html).unwrap(), value);
    }

    #[test]
    #[should_panic(expected = "a gap for each part")]
    fn a_part_without_a_gap_is_a_bug() {
        Html::fill("<p>", &[&1_usize]);
    }
}
