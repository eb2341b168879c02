//! Each reason why a ticket is refused, and the two edges of the time that it is valid.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use metaserve_ticket::{
    Claims, InvalidClaims, Issuer, MAX_BYTES, PublicKeys, Refused, Scope, SecretKey, Verifier,
};
use pasetors::{keys::AsymmetricSecretKey, version4::PublicToken};
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3_600);
const SKEW: Duration = Duration::from_secs(60);
const NANOSECOND: Duration = Duration::from_nanos(1);

const SECRET: &str = "k4.secret.tMv7Q99M4hByfZU-SnEzB_oZu32fhQQUONnhG5QqN3Qeudu7vAR8A_1wYE4AcfCYfhayi3VyJcEfAEFdDiCxog";

fn secret() -> SecretKey {
    SECRET.parse().unwrap()
}

/// 2033-05-18T03:33:20Z.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000)
}

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn claims() -> Claims {
    let scopes = vec![scope("claim:zone/*"), scope("login")];
    Claims::new("alice", "my-game", scopes, noon(), HOUR)
}

fn ticket() -> String {
    Issuer::new(secret()).issue(&claims()).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new("my-game", PublicKeys::from_iter([secret().public()]))
}

/// A text signed with the key of [`secret`].
fn signed(content: &[u8], footer: &str) -> String {
    let key = AsymmetricSecretKey::try_from(SECRET).unwrap();
    PublicToken::sign(&key, content, Some(footer.as_bytes()), None).unwrap()
}

fn footer() -> String {
    format!(r#"{{"kid":"{}"}}"#, secret().public().id())
}

#[test]
fn each_reason_is_a_sentence() {
    let stranger = Issuer::new(SecretKey::generate());
    let strangers_id = stranger.public().id();
    let begin = ticket()[..60].to_owned();
    let other = if ticket()[60..].starts_with('A') {
        'B'
    } else {
        'A'
    };
    let changed = format!("{begin}{other}{}", &ticket()[61..]);
    let mut for_another = claims();
    for_another.audience = "other".to_owned();
    let for_another = Issuer::new(secret()).issue(&for_another).unwrap();
    let table: [(Vec<u8>, &str); 14] = [
        (
            vec![b'v'; 4_097],
            "the ticket has 4097 bytes: the longest ones have 4096",
        ),
        (b"v4.public.\xff".into(), "the ticket is not UTF-8 text"),
        (b"".into(), "not a ticket: there is no text"),
        (
            b"eyJhbGciOiJub25lIn0.e30.".into(),
            "not a ticket: its text does not begin with v4.public.",
        ),
        (
            b"v4.local.AAAA".into(),
            "not a ticket: its text does not begin with v4.public.",
        ),
        (
            (ticket() + "\n").into(),
            "not a ticket: its text contains a character that no ticket has there",
        ),
        (
            (ticket() + ".AAAA").into(),
            "not a ticket: its text contains a character that no ticket has there",
        ),
        (
            signed(b"{}", "hello").into(),
            "not a ticket: its footer does not name a key",
        ),
        (
            ticket()[..100].into(),
            "the ticket is incomplete: part of its text is missing, so copy it whole",
        ),
        (
            changed.into(),
            "the ticket is forged or damaged: its signature is not valid",
        ),
        (
            signed(b"hello", &footer()).into(),
            "the ticket's claims are not valid: the content is not that of a ticket: not a \
             JSON object",
        ),
        (
            signed(b"{\"sub\":\"\xff\"}", &footer()).into(),
            "the ticket's claims are not valid: the content is not that of a ticket: not \
             UTF-8",
        ),
        (
            signed(br#"{"aud":"my-game"}"#, &footer()).into(),
            "the ticket's claims are not valid: the content is not that of a ticket: missing \
             field `sub` at line 1 column 17",
        ),
        (
            for_another.into(),
            "the ticket is for the audience \"other\", not for \"my-game\"",
        ),
    ];
    for (ticket, expected) in table {
        let refused = verifier().verify(ticket, noon()).unwrap_err();
        assert_eq!(refused.to_string(), expected);
        assert_eq!(format!("{refused:?}"), expected);
    }
    let of_a_stranger = stranger.issue(&claims()).unwrap();
    let unknown = verifier().verify(of_a_stranger, noon()).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        format!(
            "the ticket's key {strangers_id} is not accepted here: it was retired, or is that of \
             another issuer"
        )
    );
    let times = [
        (
            noon() - HOUR,
            "the ticket is not valid yet: it becomes valid at 2033-05-18T03:33:20Z",
        ),
        (
            noon() + 2 * HOUR,
            "the ticket has expired: it was valid until 2033-05-18T04:33:20Z",
        ),
    ];
    for (now, expected) in times {
        let refused = verifier().verify(ticket(), now).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
}

#[test]
fn a_right_that_no_scope_covers_is_refused_with_some_of_those_that_are_there() {
    let refused = verifier().check(ticket(), "start:zone/a", noon());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the ticket does not permit \"start:zone/a\", only claim:zone/*, login"
    );
    let mut many = claims();
    many.scopes = (0..64).map(|n| scope(&format!("claim:{n}"))).collect();
    assert_eq!(
        many.permit("login").unwrap_err().to_string(),
        "the ticket does not permit \"login\", only claim:0, claim:1, claim:2 and 61 more"
    );
}

#[test]
fn a_ticket_says_what_its_issuer_said() {
    let told = verifier().check(ticket(), "claim:zone/a", noon());
    assert_eq!(told, Ok(claims()));
    let read = metaserve_ticket::read_unverified(ticket());
    assert_eq!(read, Ok((claims(), secret().public().id())));
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let refused_at = |now| verifier().verify(ticket(), now).err();
    let end = noon() + HOUR;
    let table = [
        (
            noon() - SKEW - NANOSECOND,
            Some(Refused::NotYetValid(noon())),
        ),
        (noon() - SKEW, None),
        (noon(), None),
        (end, None),
        (end + SKEW - NANOSECOND, None),
        (end + SKEW, Some(Refused::Expired(end))),
        (SystemTime::UNIX_EPOCH, Some(Refused::NotYetValid(noon()))),
    ];
    for (now, expected) in table {
        assert_eq!(refused_at(now), expected);
    }
    let mut always = claims();
    always.not_before = None;
    let ticket = Issuer::new(secret()).issue(&always).unwrap();
    assert_eq!(
        verifier().verify(ticket, SystemTime::UNIX_EPOCH),
        Ok(always)
    );
}

#[test]
fn a_ticket_that_was_cut_anywhere_is_incomplete() {
    let ticket = ticket();
    for length in 1..ticket.len() {
        let refused = verifier().verify(&ticket[..length], noon());
        assert_eq!(refused, Err(Refused::Truncated), "{length}");
    }
}

#[test]
fn a_ticket_with_any_bit_flipped_is_refused() {
    let verifier = verifier();
    let ticket = ticket().into_bytes();
    for bit in 0..ticket.len() * 8 {
        let mut flipped = ticket.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(verifier.verify(&flipped, noon()).is_err(), "bit {bit}");
    }
}

#[test]
fn several_keys_are_accepted_until_one_is_retired() {
    let [old, new] = [SecretKey::generate(), SecretKey::generate()];
    let [old_ticket, new_ticket] =
        [&old, &new].map(|key| Issuer::new(key.clone()).issue(&claims()).unwrap());
    let both = format!(
        "# being replaced\n{}\n\n{} # since May\n",
        old.public(),
        new.public()
    );
    let both = Verifier::new("my-game", both.parse().unwrap());
    assert_eq!(both.verify(&old_ticket, noon()), Ok(claims()));
    assert_eq!(both.verify(&new_ticket, noon()), Ok(claims()));

    let new_only = Verifier::new("my-game", PublicKeys::from_iter([new.public()]));
    let retired = Refused::UnknownKey(old.public().id());
    assert_eq!(new_only.verify(&old_ticket, noon()), Err(retired));
    assert_eq!(new_only.verify(&new_ticket, noon()), Ok(claims()));
}

/// The key that a ticket names is part of what is signed.
#[test]
fn a_ticket_that_names_another_accepted_key_is_forged() {
    let other = SecretKey::generate();
    let names_other = format!(r#"{{"kid":"{}"}}"#, other.public().id());
    let keys = PublicKeys::from_iter([secret().public(), other.public()]);
    let verifier = Verifier::new("my-game", keys);
    let json = br#"{"sub":"a","aud":"my-game","scopes":["login"],"exp":"2040-01-01T00:00:00Z"}"#;
    assert!(verifier.verify(signed(json, &footer()), noon()).is_ok());
    let forged = verifier.verify(signed(json, &names_other), noon());
    assert_eq!(forged, Err(Refused::Forged));
    // Signed by the right key, with the footer of another ticket.
    let own = ticket();
    let others = Issuer::new(other).issue(&claims()).unwrap();
    let [(body, _), (_, footer)] = [&own, &others].map(|it| it.rsplit_once('.').unwrap());
    let exchanged = verifier.verify(format!("{body}.{footer}"), noon());
    assert_eq!(exchanged, Err(Refused::Forged));
}

#[test]
fn no_ticket_is_issued_that_is_too_long_to_be_read() {
    let issuer = Issuer::new(secret());
    let mut claims = claims();
    let mut longest = 0;
    for length in 1..=Scope::MAX_NAME_BYTES {
        claims.scopes = vec![scope(&format!("claim:{}", "n".repeat(length))); 64];
        match issuer.issue(&claims) {
            Ok(ticket) => {
                longest = ticket.len();
                assert_eq!(verifier().verify(ticket, noon()).as_ref(), Ok(&claims));
            }
            Err(refused) => {
                assert!(matches!(refused, InvalidClaims::TooLong(bytes) if bytes > MAX_BYTES));
            }
        }
    }
    assert!((3_900..=MAX_BYTES).contains(&longest), "{longest}");
}

/// Tokens of other libraries write dates with an offset, and add claims.
#[test]
fn a_ticket_of_another_library_is_accepted() {
    let json = br#"{"iss":"login.example.org","sub":"alice","aud":"my-game","iat":"2033-05-18T03:00:00+00:00",
        "nbf":"2033-05-18T05:33:20+02:00","exp":"2033-05-18T04:33:20+00:00","jti":"87IFSGFgPNtQNNuw0AtuLttP",
        "scopes":["claim:zone/*","login"]}"#;
    assert_eq!(
        verifier().verify(signed(json, &footer()), noon()),
        Ok(claims())
    );
}
