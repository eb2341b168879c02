//! The page, embedded: no build step, no foreign code, nothing fetched from elsewhere.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The path of its URL. `/` is the page itself.
    pub path: &'static str,
    /// Its content type.
    pub content_type: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// The `Content-Security-Policy` that all of them are to be served with: nothing inline, nothing
/// from other hosts, in nobody's frame.
pub const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! file {
    ($path:literal, $content_type:expr, $name:literal) => {
        File {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../page/", $name)),
        }
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files of the page.
pub const FILES: &[File] = &[
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/style.css", "text/css; charset=utf-8", "style.css"),
    file!("/icon.svg", "image/svg+xml", "icon.svg"),
    file!("/api.js", SCRIPT, "api.js"),
    file!("/app.js", SCRIPT, "app.js"),
    file!("/chat.js", SCRIPT, "chat.js"),
    file!("/drawings.js", SCRIPT, "drawings.js"),
    file!("/entry.js", SCRIPT, "entry.js"),
    file!("/panels.js", SCRIPT, "panels.js"),
    file!("/socket.js", SCRIPT, "socket.js"),
    file!("/words.js", SCRIPT, "words.js"),
    file!("/view.js", SCRIPT, "view.js"),
    file!("/zone.js", SCRIPT, "zone.js"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let names = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = names
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .map(|it| {
                if it == "index.html" {
                    String::new()
                } else {
                    it
                }
            })
            .map(|it| format!("/{it}"))
            .collect();
        names.sort();
        let mut paths: Vec<_> = FILES.iter().map(|it| it.path).collect();
        paths.sort_unstable();
        assert_eq!(names, paths);
    }

    /// A browser refuses these under the policy, silently for who looks at the page only.
    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for file in FILES {
            for refused in [
                "<style",
                " style=",
                " onclick=",
                "innerHTML",
                "https://",
                "eval(",
            ] {
                assert!(!file.text.contains(refused), "{}: {refused}", file.path);
            }
        }
    }
}
