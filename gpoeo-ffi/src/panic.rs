//! The boundary that no panic crosses, and the lock that makes a handle's misuse a status instead of a race.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, TryLockError};

use crate::handle::TextOut;
use crate::status::{Failure, gpoeo_status};

#[cfg(not(panic = "unwind"))]
compile_error!("this library promises a status code where it would crash: build it with panic = \"unwind\"");

type Answer = Result<gpoeo_status, Failure>;

/// What is behind a handle: a value, the message of the last failed call, and whether a call has panicked.
///
/// The lock is only ever tried: two threads in one handle break the header's rules, and get a status for it.
#[derive(Debug)]
pub(crate) struct Guarded<T>(Mutex<Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    value: T,
    message: String,
    has_panicked: bool,
}

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(Slot { value, message: String::new(), has_panicked: false }))
    }

    /// Runs one call. After a panic the value, in whatever state it is, is not touched again.
    pub(crate) fn call(&self, body: impl FnOnce(&mut T) -> Answer) -> gpoeo_status {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            self.with_slot(|slot| {
                if slot.has_panicked {
                    return gpoeo_status::Panicked;
                }
                body(&mut slot.value).unwrap_or_else(|failure| {
                    slot.message = failure.message;
                    failure.status
                })
            })
            .unwrap_or(gpoeo_status::Busy)
        }));
        caught.unwrap_or_else(|payload| {
            let message = panic_message(payload.as_ref());
            self.with_slot(|slot| {
                slot.has_panicked = true;
                slot.message = message;
            });
            gpoeo_status::Panicked
        })
    }

    /// Copies the message of the last failed call; returns its whole length.
    pub(crate) fn last_error(&self, text: &TextOut<'_>) -> usize {
        self.with_slot(|slot| text.write(&slot.message)).unwrap_or_else(|| text.write(""))
    }

    /// `None` while another thread is in a call.
    fn with_slot<R>(&self, body: impl FnOnce(&mut Slot<T>) -> R) -> Option<R> {
        match self.0.try_lock() {
            Ok(mut slot) => Some(body(&mut slot)),
            // The lock's own mark of a panic says nothing more than `has_panicked`.
            Err(TryLockError::Poisoned(slot)) => Some(body(&mut slot.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Runs a call with a handle that may be NULL.
pub(crate) fn call<T>(handle: Option<&Guarded<T>>, body: impl FnOnce(&mut T) -> Answer) -> gpoeo_status {
    handle.map_or(gpoeo_status::NullPointer, |handle| handle.call(body))
}

/// Runs a call that has no handle to keep a message: it goes to the caller's buffer, if there is one.
pub(crate) fn call_without_handle(text: Option<&TextOut<'_>>, body: impl FnOnce() -> Answer) -> gpoeo_status {
    let answer = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|payload| Err(Failure::new(gpoeo_status::Panicked, panic_message(payload.as_ref()))));
    let (status, message) = match answer {
        Ok(status) => (status, String::new()),
        Err(failure) => (failure.status, failure.message),
    };
    if let Some(text) = text {
        text.write(&message);
    }
    status
}

/// Drops a value; what it says while dying stays here.
pub(crate) fn drop_quietly<T>(value: Option<T>) {
    // There is no handle left that could answer.
    let _nobody_listens = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("bug in the library, please report: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_that_stays() {
        let handle = Guarded::new(1);
        assert_eq!(handle.call(|_| panic!("on purpose")), gpoeo_status::Panicked);
        assert_eq!(handle.call(|_| unreachable!("a handle that has panicked is not used")), gpoeo_status::Panicked);
        let message = handle.with_slot(|slot| slot.message.clone());
        assert_eq!(message.as_deref(), Some("bug in the library, please report: on purpose"));
    }

    #[test]
    fn a_handle_in_use_says_so() {
        let handle = Guarded::new(1);
        let outer = handle.call(|_| {
            assert_eq!(handle.call(|_| Ok(gpoeo_status::Ok)), gpoeo_status::Busy);
            Ok(gpoeo_status::Ok)
        });
        assert_eq!(outer, gpoeo_status::Ok);
    }

    #[test]
    fn a_failure_leaves_its_message_and_the_handle_usable() {
        let handle = Guarded::new(1);
        assert_eq!(handle.call(|_| Err(Failure::null("x"))), gpoeo_status::NullPointer);
        assert_eq!(handle.call(|_| Ok(gpoeo_status::None)), gpoeo_status::None);
        assert_eq!(handle.with_slot(|slot| slot.message.clone()).as_deref(), Some("x is NULL"));
    }
}
