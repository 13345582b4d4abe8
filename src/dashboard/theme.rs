//! Colours. The screen can be read without them: every meaning has a glyph or a word too.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;

use super::state::Kind;

/// The styles of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    palette: Palette,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Palette {
    /// The sixteen colours that every terminal has and a person can redefine.
    Sixteen,
    /// None: bold, dim and reversed only.
    None,
}

/// Line colours of pinned trials, validation and training, in turn.
const PINS: [(Color, Color); 4] = [
    (Color::LightMagenta, Color::Magenta),
    (Color::LightYellow, Color::Yellow),
    (Color::LightBlue, Color::Blue),
    (Color::LightRed, Color::Red),
];

/// Whose curve it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    Selected,
    Best,
    /// With its number among the pinned ones.
    Pinned(usize),
}

impl Theme {
    /// With colours, unless `NO_COLOR` is set to something (no-color.org).
    #[must_use]
    pub fn from_environment() -> Self {
        match std::env::var_os("NO_COLOR") {
            Some(value) if !value.is_empty() => Self::plain(),
            _ => Self::colored(),
        }
    }

    /// The sixteen colours of a terminal.
    #[must_use]
    pub fn colored() -> Self {
        Self { palette: Palette::Sixteen }
    }

    /// No colours.
    #[must_use]
    pub fn plain() -> Self {
        Self { palette: Palette::None }
    }

    /// Text that matters less.
    pub fn dim(self) -> Style {
        self.with(Color::DarkGray, Style::new().add_modifier(Modifier::DIM))
    }

    /// Titles and names.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The best trial.
    pub fn best(self) -> Style {
        self.with(Color::Green, Style::new()).add_modifier(Modifier::BOLD)
    }

    /// The filled part of a bar.
    pub fn bar(self) -> Style {
        self.with(Color::Cyan, Style::new())
    }

    /// A warning.
    pub fn warning(self) -> Style {
        self.with(Color::Yellow, Style::new())
    }

    /// A failure.
    pub fn failure(self) -> Style {
        self.with(Color::Red, Style::new().add_modifier(Modifier::BOLD))
    }

    /// A key that can be pressed.
    pub fn key(self) -> Style {
        self.with(Color::Cyan, Style::new().add_modifier(Modifier::BOLD))
    }

    /// A run's state.
    pub fn state(self, kind: Kind) -> Style {
        match kind {
            Kind::Waiting => self.dim(),
            Kind::Running => self.with(Color::Cyan, Style::new()),
            Kind::Finished | Kind::EarlyStopped => self.with(Color::Green, Style::new()),
            Kind::Stopped | Kind::Interrupted | Kind::Lost => self.warning(),
            Kind::Failed => self.failure(),
        }
    }

    /// Colours of a curve: validation, training.
    pub fn curve(self, curve: Curve) -> (Color, Color) {
        match (self.palette, curve) {
            (Palette::None, _) => (Color::Reset, Color::Reset),
            (Palette::Sixteen, Curve::Selected) => (Color::LightCyan, Color::Cyan),
            (Palette::Sixteen, Curve::Best) => (Color::LightGreen, Color::Green),
            (Palette::Sixteen, Curve::Pinned(number)) => PINS[number % PINS.len()],
        }
    }

    /// How the best trial's curve is drawn: without colours it must have another shape.
    pub fn best_marker(self) -> (Marker, &'static str) {
        match self.palette {
            Palette::Sixteen => (Marker::Braille, "━"),
            Palette::None => (Marker::HalfBlock, "▀"),
        }
    }

    /// Colour of a baseline's rule.
    pub fn rule(self) -> Color {
        match self.palette {
            Palette::Sixteen => Color::Yellow,
            Palette::None => Color::Reset,
        }
    }

    fn with(self, color: Color, otherwise: Style) -> Style {
        match self.palette {
            Palette::Sixteen => Style::new().fg(color),
            Palette::None => otherwise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_theme_has_no_colour_anywhere() {
        let theme = Theme::plain();
        let mut styles = vec![
            theme.dim(),
            theme.strong(),
            theme.selected(),
            theme.best(),
            theme.bar(),
            theme.warning(),
        ];
        styles.extend([theme.failure(), theme.key()]);
        styles.extend(Kind::ALL.map(|kind| theme.state(kind)));
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        assert_eq!(theme.curve(Curve::Best), (Color::Reset, Color::Reset));
        assert_eq!(theme.rule(), Color::Reset);
    }
}
