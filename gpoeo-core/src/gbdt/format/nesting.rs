//! The arrays and objects that are open, and the keys seen in each: limits the depth, finds keys that stand twice.
//!
//! Keys lie on one stack; an object's part of it goes when the object ends. The first [`FEW_KEYS`] of an object are
//! compared with one another at once, more are sorted at its end, so that an object of a million keys costs n log n.

use std::borrow::Cow;

use super::super::error::{ModelError, shortened};

/// Most arrays and objects that may be open at once. XGBoost's own files need 8.
const MAX_DEPTH: usize = 64;

/// Keys of one object up to which each new one is compared with all before it; XGBoost's objects have up to 20.
const FEW_KEYS: usize = 32;

/// What is open, outermost first, each with what its format needs to remember.
#[derive(Debug)]
pub(super) struct Nesting<'a, F> {
    frames: Vec<(F, usize)>,
    keys: Vec<(Cow<'a, str>, usize)>,
}

impl<'a, F> Nesting<'a, F> {
    pub(super) fn new() -> Self {
        Self { frames: Vec::with_capacity(MAX_DEPTH), keys: Vec::new() }
    }

    /// Opens an array or object that begins at `offset`.
    pub(super) fn open(&mut self, frame: F, offset: usize) -> Result<(), ModelError> {
        if self.frames.len() == MAX_DEPTH {
            return Err(ModelError::TooDeep { offset });
        }
        self.frames.push((frame, self.keys.len()));
        Ok(())
    }

    /// The innermost that is open.
    pub(super) fn top(&mut self) -> Option<&mut F> {
        self.frames.last_mut().map(|(frame, _)| frame)
    }

    /// Notes a key of the innermost object.
    pub(super) fn key(&mut self, key: Cow<'a, str>, offset: usize) -> Result<(), ModelError> {
        let first = self.first_key();
        let siblings = self.keys.get(first..).unwrap_or_default();
        if siblings.len() <= FEW_KEYS && siblings.iter().any(|(sibling, _)| *sibling == key) {
            return Err(ModelError::DuplicateKey { offset, key: shortened(&key) });
        }
        self.keys.push((key, offset));
        Ok(())
    }

    /// Closes the innermost.
    pub(super) fn close(&mut self) -> Result<(), ModelError> {
        let first = self.first_key();
        let keys = self.keys.get_mut(first..).unwrap_or_default();
        if keys.len() > FEW_KEYS {
            keys.sort_unstable();
            let twice = keys.windows(2).find(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
            if let Some([_, (key, offset)]) = twice {
                return Err(ModelError::DuplicateKey { offset: *offset, key: shortened(key) });
            }
        }
        self.keys.truncate(first);
        self.frames.pop();
        Ok(())
    }

    /// Where the keys of the innermost begin.
    fn first_key(&self) -> usize {
        self.frames.last().map_or(0, |(_, first)| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_key_that_stands_twice_among_few_and_among_many() {
        for others in [0, 1, FEW_KEYS - 1, FEW_KEYS, FEW_KEYS + 1, 1000] {
            let mut nesting = Nesting::new();
            nesting.open((), 0).unwrap();
            let keys = (0..others).map(|k| format!("key {k}")).chain(["a".to_owned(), "a".to_owned()]);
            let mut result = Ok(());
            for (offset, key) in keys.enumerate() {
                result = result.and_then(|()| nesting.key(Cow::Owned(key), offset));
            }
            let result = result.and_then(|()| nesting.close());
            assert_eq!(result, Err(ModelError::DuplicateKey { offset: others + 1, key: "a".into() }), "{others}");
        }
    }

    #[test]
    fn the_same_key_in_another_object_is_fine() {
        let mut nesting = Nesting::new();
        nesting.open((), 0).unwrap();
        nesting.key(Cow::Borrowed("a"), 1).unwrap();
        nesting.open((), 2).unwrap();
        nesting.key(Cow::Borrowed("a"), 3).unwrap();
        nesting.close().unwrap();
        nesting.key(Cow::Borrowed("b"), 4).unwrap();
        nesting.close().unwrap();
    }

    #[test]
    fn sixty_four_levels_are_the_most() {
        let mut nesting = Nesting::new();
        for offset in 0..MAX_DEPTH {
            nesting.open((), offset).unwrap();
        }
        assert_eq!(nesting.open((), 64), Err(ModelError::TooDeep { offset: 64 }));
    }
}
