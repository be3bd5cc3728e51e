//! What somebody may have meant who wrote a name that is not known.

/// How alike two names must be (Jaro-Winkler, 0..1): a slip of the finger or two, or the same beginning.
const ALIKE: f64 = 0.8;

/// The known name that is most like another one; `None` if none is.
///
/// ```
/// assert_eq!(gpoeo_sim::nearest("papr71", ["a100", "paper71"]), Some("paper71"));
/// assert_eq!(gpoeo_sim::nearest("mnist", ["a100", "paper71"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike =
        known.into_iter().map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known));
    alike.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// The same as the end of a message: `; did you mean paper71?`, or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean {known}?"))
}
