//! Names the shared library, so that programs ask for this version of its interface at run time.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    match (is("OS").as_str(), is("FAMILY").as_str()) {
        ("macos" | "ios", _) => link("-Wl,-install_name,@rpath/libmetaserve.1.dylib"),
        (_, "unix") => {
            link("-Wl,-soname,libmetaserve.so.1");
            // A program that unloads it while a lookup of a name goes on would crash.
            link("-Wl,-z,nodelete");
        }
        _ => {}
    }
}

fn link(argument: &str) {
    println!("cargo:rustc-cdylib-link-arg={argument}");
}
