//! Results for people and programs.

mod json;
mod text;

pub use json::write_json;
pub use text::write_text;
