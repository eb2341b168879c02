use super::*;

const A: u16 = 5;

fn beat(clock: u64, stable: u64, view: u64, since: u64) -> Beat {
    Beat {
        run: 1,
        clock: Stamp(clock),
        upto: Stamp(clock - 1),
        stable: Stamp(stable),
        view: Some(view),
        since: Stamp(since),
    }
}

fn basis(view: u64, since: u64, joined: u64) -> Basis {
    Basis {
        view: Some(view),
        since: Stamp(since),
        joined: Stamp(joined),
    }
}

fn hears(here: &mut Elsewhere, all: u64, silent: u64) {
    let (all, silent) = (Stamp(all), Stamp(silent));
    here.heard(Heard { all, silent });
}

fn since(stamp: u64) -> Place {
    Place::Since(Revision(Claim::new(Stamp(stamp), u16::MAX).0))
}

fn place(here: &Elsewhere, stamp: u64) -> Place {
    let soon = here.speakers[&A].heard;
    here.place(Claim::new(Stamp(stamp), A), soon)
}

impl Elsewhere {
    /// The member `a` says something.
    fn says(&mut self, tag: u16, said: Beat, now: Instant) {
        self.beat("m.a", tag, said, Stamp(0), now);
    }
}

/// A member that has view 1 since time 3, hears all up to 100, and has heard these beats.
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn here(beats: &[Beat]) -> Elsewhere {
    let mut here = Elsewhere::default();
    here.depends(basis(1, 3, 0));
    hears(&mut here, 100, 100);
    for said in beats {
        here.says(A, *said, Instant::now());
    }
    here
}

#[test]
fn a_client_goes_on_from_what_its_member_had_applied() {
    let mut here = here(&[beat(10, 7, 1, 2), beat(20, 18, 1, 2), beat(30, 28, 1, 2)]);
    let table = [
        (9, Place::Nowhere),
        (10, since(7)),
        (19, since(7)),
        (20, since(18)),
        (29, since(18)),
        // Nobody knows whether it has said all of that.
        (30, Place::Later),
    ];
    for (given, expected) in table {
        assert_eq!(place(&here, given), expected, "{given}");
    }
    let other = Claim::new(Stamp(15), A + 1);
    let start = here.speakers[&A].heard;
    assert_eq!(here.place(other, start), Place::Nowhere, "another member");
    let unsaid = Claim::new(Stamp(30), A);
    let lost = here.place(unsaid, start + SILENCE);
    assert_eq!(lost, Place::Nowhere, "nobody will say so");

    hears(&mut here, 14, 100);
    assert_eq!(place(&here, 14), since(7));
    assert_eq!(place(&here, 15), Place::Later);
    hears(&mut here, 14, 14);
    assert_eq!(place(&here, 14), since(7));
    assert_eq!(place(&here, 15), Place::Nowhere);
}

#[test]
fn a_client_goes_on_only_where_its_list_depends_on_the_same() {
    // The one in between is lost.
    let mut here = here(&[beat(10, 8, 1, 2), beat(30, 28, 1, 20), beat(40, 38, 1, 20)]);
    assert_eq!(place(&here, 15), Place::Nowhere, "it was another meanwhile");
    assert_eq!(place(&here, 35), since(28));
    here.depends(basis(1, 29, 0));
    assert_eq!(
        place(&here, 35),
        Place::Nowhere,
        "it has changed here since"
    );
    here.depends(basis(2, 30, 0));
    assert_eq!(place(&here, 35), Place::Nowhere, "it is another here");
}

/// As when the member that it was at has started again.
#[test]
fn a_member_that_has_come_since_is_no_reason_for_a_snapshot() {
    let mut here = here(&[beat(10, 8, 1, 2), beat(20, 18, 1, 2)]);
    here.depends(basis(2, 9, 9));
    assert_eq!(place(&here, 15), since(8));
    here.depends(basis(3, 12, 12));
    here.depends(basis(3, 14, 12));
    assert_eq!(place(&here, 15), since(8), "what is about the new one");
    here.depends(basis(3, 15, 7));
    assert_eq!(place(&here, 15), Place::Nowhere, "about an older one");

    let mut here = self::here(&[beat(10, 8, 1, 2), beat(20, 18, 1, 2)]);
    here.depends(basis(2, 6, 6));
    assert_eq!(place(&here, 15), since(6), "it has told things since");
}

#[test]
fn what_is_long_ago_is_forgotten_and_so_is_another_run() {
    let mut here = here(&[beat(10, 7, 1, 2), beat(20, 18, 1, 2)]);
    let start = here.speakers[&A].heard;
    let other = Beat {
        run: 2,
        ..beat(22, 20, 1, 2)
    };
    let mut two = Elsewhere::default();
    for said in [beat(10, 7, 1, 2), other] {
        two.says(A, said, start);
    }
    assert_eq!(two.speakers[&A].beats.len(), 1, "two with one tag");

    let later = start + KEEP * 2;
    here.says(A, beat(40, 38, 1, 2), later);
    assert_eq!(place(&here, 15), Place::Nowhere);
    here.says(A + 1, beat(50, 48, 1, 2), later + KEEP * 2);
    assert_eq!(here.speakers.len(), 1);
}

#[test]
fn nobody_speaks_for_the_clients_of_another() {
    let first = [beat(10, 7, 1, 2), beat(20, 18, 1, 2)];
    let lie = beat(21, 20, 1, 0);
    let mut contested = here(&first);
    let now = contested.speakers[&A].heard;
    contested.beat("e.x", A, lie, Stamp(20), now);
    assert_eq!(place(&contested, 15), Place::Nowhere, "whose client?");
    contested.says(A, beat(30, 28, 1, 2), now + KEEP / 2);
    assert_eq!(place(&contested, 25), Place::Nowhere, "they are two still");

    // The other is forgotten, but its clients are not those of the one that has its tag now.
    let (mut here, later) = (here(&first), now + KEEP * 2);
    for said in [beat(10, 9, 1, 2), beat(20, 18, 1, 2), beat(60, 50, 1, 2)] {
        here.beat("e.x", A + 1, said, Stamp(16), later);
    }
    let other = |stamp| here.place(Claim::new(Stamp(stamp), A + 1), later);
    assert_eq!(other(15), Place::Nowhere);
    assert_eq!(other(16), since(9));
}

#[test]
fn a_beat_says_nothing_of_what_is_later_than_itself() {
    let [right, late] = [10, 11].map(Stamp);
    let fields: [fn(&mut Beat, Stamp); 3] = [
        |beat, late| beat.upto = late,
        |beat, late| beat.stable = late,
        |beat, late| beat.since = late,
    ];
    for set in fields {
        for (value, taken) in [(right, 1), (late, 0)] {
            let mut said = beat(10, 7, 1, 2);
            set(&mut said, value);
            assert_eq!(here(&[said]).speakers.len(), taken);
        }
    }
}

#[test]
fn beats_take_up_little_however_many_come() {
    let mut here = here(&[beat(10, 7, 1, 2)]);
    let now = here.speakers[&A].heard;
    for clock in 11..11 + 2 * MAX_BEATS as u64 {
        here.says(A, beat(clock, 7, 1, 2), now);
    }
    assert_eq!(here.speakers[&A].beats.len(), MAX_BEATS);
    for tag in 100..200 {
        here.says(tag, beat(10, 7, 1, 2), now);
    }
    assert_eq!(here.speakers.len(), MAX_TAGS_EACH);
    for tag in 1000..1000 + 2 * MAX_TAGS as u16 {
        here.beat(&tag.to_string(), tag, beat(10, 7, 1, 2), Stamp(0), now);
    }
    assert_eq!(here.speakers.len(), MAX_TAGS);
}
