//! Which version of the ABI header and library speak.

use std::ffi::c_char;

/// Version of this header: major * 10000 + minor * 100 + patch. Before 1.0 a new minor version may break programs, from
/// then on only a new major version does.
pub const GPOEO_VERSION: u32 = 100;

/// Version of the library: GPOEO_VERSION of the header that it was built with. Compare it with yours where header and
/// library may come from different places.
#[unsafe(no_mangle)]
pub extern "C" fn gpoeo_version() -> u32 {
    GPOEO_VERSION
}

/// The same as a text, such as "0.1.0". Never NULL; the text is static.
#[unsafe(no_mangle)]
pub extern "C" fn gpoeo_version_text() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_crate() {
        let parts: Vec<u32> = env!("CARGO_PKG_VERSION").split('.').filter_map(|part| part.parse().ok()).collect();
        assert_eq!(parts.iter().fold(0, |sum, part| 100 * sum + part), GPOEO_VERSION);
    }
}
