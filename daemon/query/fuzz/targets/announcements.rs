//! Bytes to the reader of Luanti's announcements.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metaserve_query::luanti::Announcement;

const FORMS: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=",
];

fuzz_target!(|input: &[u8]| {
    let json = Announcement::from_json(input);
    let form = [
        &b"--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n"[..],
        input,
        b"\r\n--b--\r\n",
    ];
    // A content that has the boundary in it is another form.
    if !input.windows(3).any(|it| it == b"--b") {
        assert_eq!(Announcement::read(FORMS[1], &form.concat()), json);
    }
    for kind in FORMS {
        let _ = Announcement::read(kind, input);
    }
});
