//! What the period detection is worth.

mod text;

pub use text::write_detection_text;
