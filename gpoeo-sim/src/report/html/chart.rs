//! The frame of a chart, shared by all: plot area, axes, paths, legends.
//!
//! Pictures are written by hand and not with a plotting library: what they look like is left to CSS classes, so that one
//! picture fits a light and a dark screen and grey paper, and a reader's own text size; libraries (plotters among them)
//! write colours and sizes into each element.

use std::fmt::Write;

use maud::{Markup, html};

use super::scale::{Scale, Tick};

/// How much room a picture has. Each is drawn for wide and for narrow screens: a shrunk one cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Beside another one.
    Half,
    Narrow,
    Wide,
}

impl Room {
    /// Width of the picture, px.
    pub(super) fn width(self) -> f64 {
        match self {
            Self::Half => 480.0,
            Self::Narrow => 360.0,
            Self::Wide => 960.0,
        }
    }

    /// Marks on an axis along the whole width, at most.
    pub(super) fn most_ticks(self) -> usize {
        match self {
            Self::Half => 6,
            Self::Narrow => 4,
            Self::Wide => 10,
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Narrow => "narrow",
            Self::Wide => "wide",
        }
    }
}

/// A rectangle on a picture, px.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// An area with a scale on each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub(super) area: Area,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Plot {
    pub(super) fn new(area: Area, x: (f64, f64), y: (f64, f64)) -> Self {
        Self { area, x: Scale::new(x, area.left, area.right()), y: Scale::new(y, area.bottom(), area.top) }
    }

    /// Lines across with numbers at the left, and what they are above.
    pub(super) fn y_axis(&self, ticks: &[Tick], label: &str) -> Markup {
        let Area { left, top, .. } = self.area;
        html! {
            @for tick in ticks {
                @let y = px(self.y.px(tick.value));
                line.grid x1=(px(left)) y1=(y) x2=(px(self.area.right())) y2=(y) {}
                text.tick x=(px(left - 8.0)) y=(y) dy="0.32em" text-anchor="end" { (tick.label) }
            }
            text.axis x=(px(left)) y=(px(top - 10.0)) { (label) }
        }
    }

    /// The base line with numbers below; what they are at the right end.
    pub(super) fn x_axis(&self, ticks: &[Tick], label: &str) -> Markup {
        let (left, right, bottom) = (self.area.left, self.area.right(), self.area.bottom());
        html! {
            line.base x1=(px(left)) y1=(px(bottom)) x2=(px(right)) y2=(px(bottom)) {}
            @for tick in ticks {
                @let x = px(self.x.px(tick.value));
                line.base x1=(x) y1=(px(bottom)) x2=(x) y2=(px(bottom + 4.0)) {}
                text.tick x=(x) y=(px(bottom + 18.0)) text-anchor="middle" { (tick.label) }
            }
            @if !label.is_empty() {
                text.axis x=(px(right)) y=(px(bottom + 36.0)) text-anchor="end" { (label) }
            }
        }
    }

    /// A line through points; `None` is a gap.
    pub(super) fn line(&self, points: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
        let mut path = String::new();
        let mut is_down = false;
        for point in points {
            let Some((x, y)) = point else {
                is_down = false;
                continue;
            };
            let letter = if is_down { 'L' } else { 'M' };
            // Writing into a string cannot fail.
            let _ = write!(path, "{letter}{} {}", px(self.x.px(x)), px(self.y.px(y)));
            is_down = true;
        }
        path
    }
}

/// A length on a picture: a tenth of a pixel is enough.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A picture of its own within a page. `label` is for who cannot see it.
pub(super) fn picture(room: Room, height: f64, label: &str, body: &Markup) -> Markup {
    html! {
        svg class={ "chart " (room.class()) } role="img" aria-label=(label)
            viewBox={ "0 0 " (px(room.width())) " " (px(height)) } {
            (body)
        }
    }
}

/// Both pictures of a chart; CSS shows the one that fits.
pub(super) fn pictures(label: &str, mut draw: impl FnMut(Room) -> (f64, Markup)) -> Markup {
    html! {
        @for room in [Room::Wide, Room::Narrow] {
            @let (height, body) = draw(room);
            (picture(room, height, label, &body))
        }
    }
}

/// What is what: a sample of each mark, and its name.
pub(super) fn legend(items: &[(Markup, &str)]) -> Markup {
    html! {
        ul.legend {
            @for (mark, name) in items {
                li { svg.key viewBox="0 0 28 16" aria-hidden="true" { (mark) } (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lifts_the_pen() {
        let area = Area { left: 0.0, top: 0.0, width: 10.0, height: 10.0 };
        let plot = Plot::new(area, (0.0, 1.0), (0.0, 1.0));
        let path = plot.line([Some((0.0, 0.0)), Some((0.5, 1.0)), None, Some((1.0, 0.25))]);
        assert_eq!(path, "M0 10L5 0M10 7.5");
    }

    #[test]
    fn lengths_are_short() {
        assert_eq!([px(1.0), px(0.25), px(-0.01)], ["1", "0.2", "0"]);
    }
}
