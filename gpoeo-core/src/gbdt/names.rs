//! The names of a model's features.

/// Names one after the other in one string: a name costs its bytes and one index, however many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FeatureNames {
    text: String,
    ends: Vec<usize>,
}

impl FeatureNames {
    pub(super) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        let start = |index: usize| index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.iter().enumerate().map(move |(index, end)| self.text.get(start(index)..*end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_pushed() {
        let mut names = FeatureNames::default();
        let pushed = ["clock ratio", "", "é😀", "", "x"];
        pushed.into_iter().for_each(|name| names.push(name));
        assert!(names.iter().eq(pushed));
        assert_eq!(names.iter().len(), 5);
        assert_eq!(FeatureNames::default().iter().next(), None);
    }
}
