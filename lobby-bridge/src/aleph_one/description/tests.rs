//! Tests of the module above.

use super::*;
use proptest::{array, collection::vec, prelude::*};

/// The bytes that Aleph One writes for a game of four, field by field at the offsets of
/// `docs/specifications/myth-metaserver.md`, section 16.
fn aleph_one() -> Vec<u8> {
    let mut bytes = vec![0; FIXED_BYTES];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(2, &[0, 3]);
    put(8, &18_000_i32.to_be_bytes());
    put(16, &[0, 4]);
    put(18, &[0, 8]);
    put(22, &[0xff, 0xff]);
    put(42, &[0, 3]);
    put(44, b"Aleph One Linux 2025-08-29 1.11");
    put(76, b"Aleph One WonderNAT V2");
    put(108, b"Marathon Infinity");
    put(140, b"marathoninfinity");
    put(164, b"1.0");
    put(172, b"Survival_Mode.lua");
    put(204, &[0x02, 0x05]);
    put(206, &[0, 0x21]);
    put(208, &[0, 25]);
    put(210, b"Map.sceA");
    put(242, b"Embedded");
    put(556, &0xc136_e436_u32.to_be_bytes());
    put(564, &[0, 0x11]);
    put(566, &[4]);
    bytes.extend_from_slice(b"Dusty's Game\0Waldo World \xa5\0");
    bytes
}

#[test]
fn every_field_is_at_its_specified_offset() {
    let it = Description::parse(&aleph_one()).unwrap();
    assert_eq!((it.game_type, it.difficulty), (3, 4));
    assert_eq!((it.time_limit_ticks, it.is_timed()), (18_000, true));
    assert_eq!((it.max_players, it.max_teams), (8, NO_TEAMS));
    assert_eq!(it.client_version, 0xc136_e436);
    assert_eq!((it.status, it.players), (CLOSED | RUNNING, 4));
    assert_eq!(
        (&it.name[..], &it.map[..]),
        (&b"Dusty's Game"[..], &b"Waldo World \xa5"[..])
    );
    let names = it.extension.names().unwrap();
    assert_eq!(names.build, b"Aleph One Linux 2025-08-29 1.11");
    assert_eq!(names.protocol, b"Aleph One WonderNAT V2");
    assert_eq!(names.scenario, b"Marathon Infinity");
    assert_eq!(names.scenario_id, b"marathoninfinity");
    assert_eq!(names.scenario_version, b"1.0");
    assert_eq!(names.script, b"Survival_Mode.lua");
    let options = it.extension.options().unwrap();
    assert_eq!((options.options, options.cheats), (0x0205, 0x21));
    assert_eq!(options.kill_limit, 25);
    assert_eq!(
        (&options.map_file[..], &options.physics[..]),
        (&b"Map.sceA"[..], &b"Embedded"[..])
    );
}

#[test]
fn a_description_built_from_fields_equals_that_of_aleph_one() {
    let parsed = Description::parse(&aleph_one()).unwrap();
    let names = parsed.extension.names().unwrap();
    let options = parsed.extension.options().unwrap();
    let extension = Extension::new(&names, Some(&options));
    assert_eq!(
        Description {
            extension,
            ..parsed
        }
        .encode(),
        aleph_one()
    );
}

#[test]
fn absent_names_and_options_are_not_read() {
    let table = [
        (0, false, false),
        (1, true, false),
        (2, false, false),
        (3, true, true),
    ];
    for (flags, names, options) in table {
        let mut bytes = aleph_one();
        bytes[43] = flags;
        let extension = Description::parse(&bytes).unwrap().extension;
        assert_eq!(extension.names().is_some(), names, "{flags}");
        assert_eq!(extension.options().is_some(), options, "{flags}");
    }
}

#[test]
fn a_game_is_timed_if_it_has_a_time_limit() {
    let timed = |time_limit_ticks| {
        let game = Description {
            time_limit_ticks,
            ..Description::default()
        };
        game.is_timed()
    };
    assert_eq!([1, 18_000, i32::MAX - 1].map(timed), [true; 3]);
    assert_eq!([0, -1, i32::MIN, i32::MAX].map(timed), [false; 4]);
    assert_eq!(Description::default().time_limit_ticks, -1);
}

#[test]
fn descriptions_that_aleph_one_cannot_read_are_refused() {
    use DescriptionError::{TooLong, TooShort, Trailing, Unterminated};
    let fixed = vec![0; FIXED_BYTES];
    let with = |texts: &[u8]| Description::parse(&[&fixed, texts].concat());
    assert_eq!(Description::parse(b""), Err(TooShort(0)));
    assert_eq!(with(b"\0"), Err(TooShort(569)));
    assert!(with(b"\0\0").is_ok());
    assert_eq!(with(b"ab"), Err(Unterminated("game")));
    assert_eq!(with(b"a\0b"), Err(Unterminated("map")));
    assert_eq!(with(b"a\0b\0c\0"), Err(Trailing(2)));
    let longest = |extra| {
        let name = vec![b'x'; MAX_BYTES - FIXED_BYTES - 2 + extra];
        with(&[&name[..], b"\0\0"].concat())
    };
    assert!(longest(0).is_ok());
    assert_eq!(longest(1), Err(TooLong(MAX_BYTES + 1)));
}

proptest! {
    #[test]
    fn any_bytes_are_handled_without_panic(bytes: Vec<u8>, tail in vec(any::<u8>(), 560..600)) {
        let _ = Description::parse(&bytes);
        let _ = Description::parse(&tail);
    }

    #[test]
    fn a_description_survives_a_round_trip(
        fixed in vec(any::<u8>(), FIXED_BYTES),
        name in vec(1u8.., 0..40),
        map in vec(1u8.., 0..40),
    ) {
        let bytes = [&fixed[..], &name, &[0], &map, &[0]].concat();
        let it = Description::parse(&bytes).unwrap();
        let _ = (it.extension.names(), it.extension.options());
        prop_assert_eq!(it.encode(), bytes);
    }

    #[test]
    fn every_built_description_can_be_parsed(
        name: Vec<u8>, script: Vec<u8>, map_file: Vec<u8>, texts in array::uniform5(any::<Vec<u8>>()),
    ) {
        let [build, protocol, scenario, scenario_id, scenario_version] = texts;
        let names = Names { build, protocol, scenario, scenario_id, scenario_version, script };
        let options = GameOptions { map_file, ..GameOptions::default() };
        let it = Description {
            extension: Extension::new(&names, Some(&options)),
            name,
            ..Description::default()
        };
        prop_assert!(Description::parse(&it.encode()).is_ok());
    }
}
