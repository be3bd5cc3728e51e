//! The detected period over the signal.

use maud::Markup;

use crate::record::SeenSignal;
use crate::report::html::chart::Room;
use crate::report::html::fold::Folding;

/// The picture, and its height.
pub(super) fn signal(seen: &SeenSignal, room: Room) -> (f64, Markup) {
    let folding = Folding {
        samples: &seen.samples,
        period_s: seen.baseline.time_s,
        value: ("power", "W"),
        time: "s since the job began",
    };
    folding.draw(room)
}
