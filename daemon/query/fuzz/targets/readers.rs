//! Text and bytes to the readers that other programs call: targets, and the answers of Quake III.

#![no_main]

use libfuzzer_sys::fuzz_target;
use metaserve_query::{Target, quake};

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = str::from_utf8(input) {
        if let Ok(target) = text.parse::<Target>() {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
    }
    for word in ["statusResponse\n", "infoResponse\n"] {
        let datagram = [b"\xff\xff\xff\xff", word.as_bytes(), input].concat();
        let answers = [quake::status_response(&datagram), quake::info_response(&datagram)];
        for answer in answers.into_iter().flatten() {
            let length: usize = answer.settings().map(|(key, value)| key.len() + value.len()).sum();
            assert!(length <= datagram.len());
            let info = answer.server_info().fit(8 * 1024);
            assert!(info.to_json().len() <= 8 * 1024);
        }
    }
});
