//! `include/gpoeo.h` is what cbindgen makes of the sources today, tidied for readers.

use std::path::{Path, PathBuf};

/// The folder of this crate.
pub(crate) fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn path() -> PathBuf {
    crate_dir().join("include/gpoeo.h")
}

#[test]
fn the_header_is_that_of_the_sources() {
    let config = cbindgen::Config::from_file(crate_dir().join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_crate(crate_dir()).with_config(config).generate().unwrap();
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = tidy(&String::from_utf8(made).unwrap());
    // `GPOEO_BLESS=1 cargo test -p gpoeo-ffi` writes it anew.
    if std::env::var_os("GPOEO_BLESS").is_some() {
        std::fs::write(path(), &made).unwrap();
    }
    let kept = std::fs::read_to_string(path()).unwrap();
    assert!(kept == made, "include/gpoeo.h is out of date; run the tests once with GPOEO_BLESS=1");
}

/// People read this header: each enum said in one line, comments of one line in one line, one guard around neighbours.
fn tidy(made: &str) -> String {
    let cxx_or_c23 = "defined(__cplusplus) || __STDC_VERSION__ >= 202311L";
    let size = format!("\n#if {cxx_or_c23}\n  : uint32_t\n#endif // {cxx_or_c23}\n {{");
    let mut text = String::new();
    let mut rest = made;
    while let Some((before, after)) = rest.split_once(&size) {
        let (head, name) = before.rsplit_once("enum ").expect("an enum begins with its keyword");
        let (body, after) = after.split_once("#ifndef __cplusplus\n").expect("its typedef follows");
        let (_, after) = after.split_once("#endif // __cplusplus\n").expect("and ends");
        text.extend([head, "GPOEO_ENUM(", name, ") {", body]);
        rest = after;
    }
    text.push_str(rest);
    let text = text.replace("#endif\n\n#if defined(GPOEO_SIM)\n", "\n");
    let lines: Vec<&str> = text.lines().collect();
    let mut tidied = String::new();
    let mut index = 0;
    while index < lines.len() {
        let comment = match lines[index..] {
            [open, text, close, ..] if open.trim() == "/**" && close.trim() == "*/" => text.split_once("* "),
            _ => None,
        };
        if let Some((indent, text)) = comment {
            tidied.extend([&indent[..indent.len() - 1], "/** ", text, " */\n"]);
            index += 3;
        } else {
            tidied.extend([lines[index], "\n"]);
            index += 1;
        }
    }
    tidied
}
