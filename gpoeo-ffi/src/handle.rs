//! Where pointers from C become values: all of the crate's pointer work but the opening of handles.
//!
//! Each type stands for one kind of loan in the header's rules. Its constructor is `unsafe` and names the caller's
//! promise; everything after that is checked and safe. Nothing is assumed about alignment.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::mem::size_of;

use crate::status::{Failure, gpoeo_status};

/// A struct of the header that may be copied bytewise.
///
/// # Safety
/// Whatever C writes into the struct is a valid value: no `bool`, no enum, no reference.
pub(crate) unsafe trait Plain: Copy {
    /// Its name in the header, for messages.
    const NAME: &'static str;
}

/// The size that the caller's header gives to a struct tells its version. There is one so far; a struct that grows (at
/// its end, never otherwise) goes on being taken at its older sizes.
fn check_size<T: Plain>(size: usize) -> Result<(), Failure> {
    let known = size_of::<T>();
    if size == known {
        return Ok(());
    }
    let name = T::NAME;
    Err(Failure::new(
        gpoeo_status::WrongSize,
        format_args!(
            "{size} was given as size of {name}, which has {known} bytes here; pass sizeof({name}) and compile with the header of this library"
        ),
    ))
}

/// A struct that the caller lends to be read.
#[derive(Clone, Copy)]
pub(crate) struct In<'a, T> {
    pointer: *const T,
    size: usize,
    lent: PhantomData<&'a T>,
}

impl<T: Plain> In<'_, T> {
    /// # Safety
    /// `pointer` is NULL, or `size` bytes behind it stay readable and unchanged for the lifetime.
    pub(crate) unsafe fn new(pointer: *const T, size: usize) -> Self {
        Self { pointer, size, lent: PhantomData }
    }

    pub(crate) fn read(&self) -> Result<T, Failure> {
        if self.pointer.is_null() {
            return Err(Failure::null(T::NAME));
        }
        check_size::<T>(self.size)?;
        // SAFETY: not NULL, so by the promise of `new` as many bytes as `T` has can be read, and `Plain` makes any bytes
        // a `T`.
        Ok(unsafe { self.pointer.read_unaligned() })
    }
}

/// A place that the caller lends for a struct to be written to.
pub(crate) struct Out<'a, T> {
    pointer: *mut T,
    lent: PhantomData<&'a mut T>,
}

impl<T: Plain> Out<'_, T> {
    /// Checks before anything is done, so that nothing is lost for want of a place.
    ///
    /// # Safety
    /// `pointer` is NULL, or `size` bytes behind it stay writable and unread for the lifetime.
    pub(crate) unsafe fn new(pointer: *mut T, size: usize) -> Result<Self, Failure> {
        if pointer.is_null() {
            return Err(Failure::null(T::NAME));
        }
        check_size::<T>(size)?;
        Ok(Self { pointer, lent: PhantomData })
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: `new` has checked that it is not NULL and as large as `T`; its promise makes it writable.
        unsafe { self.pointer.write_unaligned(value) }
    }
}

/// An array of structs that the caller lends to be read.
pub(crate) struct InSlice<'a, T> {
    pointer: *const T,
    count: usize,
    lent: PhantomData<&'a [T]>,
}

impl<T: Plain> InSlice<'_, T> {
    /// # Safety
    /// `pointer` is NULL, or `count` elements of `size` bytes behind it stay readable and unchanged for the lifetime.
    pub(crate) unsafe fn new(pointer: *const T, count: usize, size: usize) -> Result<Self, Failure> {
        check_size::<T>(size)?;
        if pointer.is_null() && count > 0 {
            return Err(Failure::null(T::NAME));
        }
        if count > isize::MAX as usize / size_of::<T>() {
            return Err(Failure::invalid("count", count, "no array is that long"));
        }
        Ok(Self { pointer, count, lent: PhantomData })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        // SAFETY: the index is below `count`, up to which the promise of `new` makes elements readable; `Plain` makes any
        // bytes a `T`.
        (0..self.count).map(|index| unsafe { self.pointer.add(index).read_unaligned() })
    }
}

/// An array that the caller lends to be filled.
pub(crate) struct OutSlice<'a, T> {
    pointer: *mut T,
    capacity: usize,
    lent: PhantomData<&'a mut [T]>,
}

impl<T: Plain> OutSlice<'_, T> {
    /// # Safety
    /// `pointer` is NULL, or `capacity` elements of `size` bytes behind it stay writable and unread for the lifetime.
    pub(crate) unsafe fn new(pointer: *mut T, capacity: usize, size: usize) -> Result<Self, Failure> {
        check_size::<T>(size)?;
        if pointer.is_null() && capacity > 0 {
            return Err(Failure::null(T::NAME));
        }
        if capacity > isize::MAX as usize / size_of::<T>() {
            return Err(Failure::invalid("capacity", capacity, "no array is that long"));
        }
        Ok(Self { pointer, capacity, lent: PhantomData })
    }

    #[cfg(feature = "sim")]
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes the first values that there is room for.
    pub(crate) fn fill(self, values: impl Iterator<Item = T>) {
        for (index, value) in values.take(self.capacity).enumerate() {
            // SAFETY: the index is below `capacity`, up to which the promise of `new` makes elements writable.
            unsafe { self.pointer.add(index).write_unaligned(value) }
        }
    }
}

/// A place for one number or pointer.
pub(crate) struct Cell<'a, T> {
    pointer: *mut T,
    lent: PhantomData<&'a mut T>,
}

impl<T: Copy> Cell<'_, T> {
    /// # Safety
    /// `pointer` is NULL, or a `T` can be written behind it for the lifetime.
    pub(crate) unsafe fn new(pointer: *mut T) -> Self {
        Self { pointer, lent: PhantomData }
    }

    /// Fails for NULL.
    pub(crate) fn required(self, what: &str) -> Result<Self, Failure> {
        if self.pointer.is_null() { Err(Failure::null(what)) } else { Ok(self) }
    }

    /// Writes, if there is a place to write to.
    pub(crate) fn write(&self, value: T) {
        if !self.pointer.is_null() {
            // SAFETY: not NULL, so by the promise of `new` a `T` can be written.
            unsafe { self.pointer.write_unaligned(value) }
        }
    }
}

/// A buffer for a text.
pub(crate) struct TextOut<'a> {
    pointer: *mut c_char,
    size: usize,
    lent: PhantomData<&'a mut [c_char]>,
}

impl TextOut<'_> {
    /// # Safety
    /// `pointer` is NULL, or `size` bytes behind it stay writable for the lifetime.
    pub(crate) unsafe fn new(pointer: *mut c_char, size: usize) -> Self {
        Self { pointer, size, lent: PhantomData }
    }

    /// Writes as much as there is room for, a NUL at its end; returns the length of the whole text.
    pub(crate) fn write(&self, text: &str) -> usize {
        if !self.pointer.is_null() && self.size > 0 {
            let mut end = text.len().min(self.size - 1);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            // SAFETY: `end` bytes and a NUL are at most `size`, which by the promise of `new` can be written. A buffer of
            // C's cannot overlap a text of ours.
            unsafe {
                self.pointer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), end);
                self.pointer.add(end).write(0);
            }
        }
        text.len()
    }
}

/// A text of C's.
pub(crate) struct TextIn<'a>(Option<&'a CStr>);

impl<'a> TextIn<'a> {
    /// # Safety
    /// `pointer` is NULL, or a NUL-terminated text that stays readable and unchanged for the lifetime.
    pub(crate) unsafe fn new(pointer: *const c_char) -> Self {
        // SAFETY: not NULL, so by the promise above a text with its NUL.
        Self((!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }))
    }

    /// The text, with replacements for what is not UTF-8; `None` for NULL.
    pub(crate) fn to_text(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.0.map(CStr::to_string_lossy)
    }
}

/// Takes a handle back from C to be dropped.
///
/// # Safety
/// `pointer` is NULL, or came from `Box::into_raw` and is not used again.
pub(crate) unsafe fn reclaim<T>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: by the promise above.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}
