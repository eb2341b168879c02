//! Text for the caller, which stays where it is until the next call.

use std::ffi::c_char;

/// A buffer for text that ends with NUL. What was returned of it is no longer good once it is set.
#[derive(Debug, Default)]
pub(crate) struct Text(Vec<u8>);

impl Text {
    /// Where the text is.
    pub(crate) fn set(&mut self, text: &str) -> *const c_char {
        self.0.clear();
        self.0.extend_from_slice(text.as_bytes());
        // Text of a peer may have one inside, and C would see its end there.
        self.0
            .iter_mut()
            .filter(|it| **it == 0)
            .for_each(|it| *it = b' ');
        self.0.push(0);
        self.0.as_ptr().cast()
    }

    /// Where the text is; NULL if there is none.
    pub(crate) fn set_or_null(&mut self, text: Option<impl ToString>) -> *const c_char {
        text.map_or(std::ptr::null(), |text| self.set(&text.to_string()))
    }
}
