//! The page around the charts: everything within one file, nothing from the network.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Colours and shapes of the charts, for pages and for pictures by themselves.
pub(super) const CHART_STYLE: &str = include_str!("chart.css");
const PAGE_STYLE: &str = include_str!("page.css");

/// A whole page.
pub(super) fn page(title: &str, subtitle: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("gpoeo-sim ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(CHART_STYLE)) (PreEscaped(PAGE_STYLE)) }
            }
            body {
                header { h1 { (title) } p { (subtitle) } }
                main { (body) }
            }
        }
    }
}

/// A number that stands out, what it is, and what to know about it.
pub(super) fn headline(value: &str, name: &str, note: &str) -> Markup {
    html! {
        // A sign for percent at the begin of a line belongs to nothing.
        div.headline { p.value { (value) } p.name { (name) } p.note { (note.replace(" %", "\u{a0}%")) } }
    }
}

/// A part of the page.
pub(super) fn section(title: &str, lead: &str, body: &Markup) -> Markup {
    html! {
        section { h2 { (title) } @if !lead.is_empty() { p { (lead) } } (body) }
    }
}
