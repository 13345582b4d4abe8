//! Small static plots. Colours are classes: the page's style statistics knows them, in light and in
//! dark.

use maud::{Markup, html};

use super::html::Px;
use text::number;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// Positive values alone.
    Log,
}

/// An axis: what is on it, and where it ends.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub label: String,
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
    /// Places with their names; round numbers when there are none.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From the lowest to the highest of some values, with a little room; logarithmic where
    /// positive values span two decades.
    pub(super) fn over(label: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let scale = if low > 0.0 && high / low >= 100.0 { Scale::Log } else { Scale::Linear };
        let (low, high) = match scale {
            _ if low == high && low == 0.0 => (-1.0, 1.0),
            _ if low == high => (low - 0.1 * low.abs(), high + 0.1 * high.abs()),
            Scale::Log => (low / (high / low).powf(0.05), high * (high / low).powf(0.05)),
            Scale::Linear => (low - 0.05 * (high - low), high + 0.05 * (high - low)),
        };
        Self { label: label.to_owned(), low, high, scale, ticks: Vec::new() }
    }

    /// Logarithmic where positive values span a decade: how parameters are chosen.
    pub(super) fn of_parameter(label: &str, values: &[f64]) -> Self {
        let linear = Self::over(label, values.iter().copied());
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
        if low > 0.0 && high.is_finite() && high / low > 9.99 {
            let room = (high / low).powf(0.05);
            return Self { low: low / room, high: high * room, scale: Scale::Log, ..linear };
        }
        linear
    }

    /// Between these ends, linear.
    pub(super) fn between(label: &str, low: f64, high: f64) -> Self {
        Self { label: label.to_owned(), low, high, scale: Scale::Linear, ticks: Vec::new() }
    }

    /// With these ticks, and no others.
    pub(super) fn with_ticks(self, ticks: Vec<(f64, String)>) -> Self {
        Self { ticks, ..self }
    }

    /// Where a value lies: 0 at the low end, 1 at the high one.
    pub(super) fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// The ticks, round numbers unless they were given.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let values = match self.scale {
            Scale::Linear => round_numbers(self.low, self.high),
            Scale::Log => {
                let decades = self.low.log10().floor() as i32..=self.high.log10().floor() as i32;
                let times = |steps: &[f64]| -> Vec<f64> {
                    let all = decades.clone().flat_map(|exponent| {
                        steps.iter().map(move |step| step * 10.0_f64.powi(exponent))
                    });
                    all.filter(|value| (self.low..=self.high).contains(value)).collect()
                };
                let tens = times(&[1.0]);
                if tens.len() >= 3 { tens } else { times(&[1.0, 2.0, 5.0]) }
            }
        };
        values.into_iter().map(|value| (value, trimmed(value))).collect()
    }
}

/// Three to six multiples of 1, 2, 2.5 or 5 times a power of ten.
fn round_numbers(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|place| place as f64 * step).collect()
}

/// A tick's number, without zeros at its end.
pub(super) fn trimmed(value: f64) -> String {
    let text = number(Some(value));
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A plot under construction.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    marks: Vec<Markup>,
}

impl Plot {
    pub(super) fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, marks: Vec::new() }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let across = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT);
        let down = HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM);
        (across, down)
    }

    /// A line through points; a point that is not finite breaks it.
    pub(super) fn line(&mut self, class: &'static str, points: &[(f64, f64)]) {
        let mut path = String::new();
        let mut pen = 'M';
        for &(x, y) in points {
            if !y.is_finite() {
                pen = 'M';
                continue;
            }
            let (x, y) = self.at(x, y);
            path.push_str(&format!("{pen}{x:.1} {y:.1}"));
            pen = 'L';
        }
        self.marks.push(html! { path class={ "line " (class) } d=(path) {} });
    }

    /// A point, with what stands in its tooltip.
    pub(super) fn point(&mut self, class: &'static str, (x, y): (f64, f64), title: &str) {
        let (x, y) = self.at(x, y);
        self.marks.push(html! {
            circle class={ "dot " (class) } cx=(Px(x)) cy=(Px(y)) r="3.5" { title { (title) } }
        });
    }

    /// A bar from `base` to `y` over `x.0..x.1`.
    pub(super) fn bar(
        &mut self,
        class: &'static str,
        x: (f64, f64),
        (base, y): (f64, f64),
        title: &str,
    ) {
        let ((left, from), (right, to)) = (self.at(x.0, base), self.at(x.1, y));
        let (width, height) = (Px((right - left - 1.0).max(0.5)), Px((from - to).abs()));
        let (x, y) = (Px(left), Px(from.min(to)));
        self.marks.push(html! {
            rect class={ "bar " (class) } x=(x) y=(y) width=(width) height=(height) {
                title { (title) }
            }
        });
    }

    /// The plot, with its title and what it shows in words.
    pub(super) fn finish(self, title: &str, words: &str) -> Markup {
        let Self { x, y, marks } = &self;
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let inside = |axis: &Axis, value: f64| (-0.001..=1.001).contains(&axis.place(value));
        let across = x.marks().into_iter().filter(|(value, _)| inside(x, *value));
        let up = y.marks().into_iter().filter(|(value, _)| inside(y, *value));
        let label = format!("{title}: {words}");
        html! {
            figure class="small" {
                svg viewBox={ "0 0 " (Px(WIDTH)) " " (Px(HEIGHT)) } role="img" aria-label=(label) {
                    @for (value, name) in up {
                        @let (_, at) = self.at(x.low, value);
                        path class="grid" d={ "M" (Px(LEFT)) " " (Px(at)) "H" (Px(right)) } {}
                        text x=(Px(LEFT - 6.0)) y=(Px(at + 4.0)) text-anchor="end" { (name) }
                    }
                    @for mark in marks { (mark) }
                    path class="axis"
                        d={ "M" (Px(LEFT)) " " (Px(TOP)) "V" (Px(bottom)) "H" (Px(right)) } {}
                    @for (value, name) in across {
                        @let (at, _) = self.at(value, y.low);
                        path class="tick" d={ "M" (Px(at)) " " (Px(bottom)) "v4" } {}
                        text x=(Px(at)) y=(Px(bottom + 16.0)) text-anchor="middle" { (name) }
                    }
                    text class="label" x=(Px(right)) y=(Px(HEIGHT - 5.0)) text-anchor="end" {
                        (x.label)
                    }
                    text class="label" text-anchor="middle"
                        transform={ "translate(11 " (Px((TOP + bottom) / 2.0)) ") rotate(-90)" } {
                        (y.label)
                    }
                }
                figcaption { b { (title) } " " (words) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        let names = |axis: Axis| axis.marks().into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(Axis::between("", 0.0, 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(names(Axis::between("", -0.3, 9.9)), ["0", "2.5", "5", "7.5"]);
        assert_eq!(names(Axis::over("", [1e-4, 1e-2])), ["0.0001", "0.001", "0.01"]);
        assert_eq!(
            names(Axis::of_parameter("", &[3e-4, 7e-3])),
            ["0.0005", "0.001", "0.002", "0.005"]
        );
        let constant = Axis::over("", [5.0, 5.0]);
        assert!(constant.low < 5.0 && constant.high > 5.0);
        assert!(names(Axis::over("", [f64::NAN])).len() >= 2);
    }

    #[test]
    fn a_hostile_label_is_escaped_and_a_gap_breaks_the_line() {
        let mut plot = Plot::new(Axis::between("<x>", 0.0, 2.0), Axis::between("y", 0.0, 1.0));
        plot.line("a", &[(0.0, 0.0), (1.0, f64::NAN), (2.0, 1.0)]);
        plot.point("a", (1.0, 0.5), "</title><script>");
        let svg = plot.finish("t", "\"words\"").into_string();
        assert!(!svg.contains("<x>") && !svg.contains("<script>") && !svg.contains("NaN"), "{svg}");
        assert!(svg.contains("d=\"M64.0 190.0M410.0 10.0\""), "{svg}");
    }
}
