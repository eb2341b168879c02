//! What holds for all claims, scopes, keys and texts.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use metaserve_ticket::{
    Claims, Issuer, MAX_BYTES, PublicKeys, Scope, SecretKey, Verifier, read_unverified,
};
use proptest::{collection::vec, prelude::*};
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

static SECRET: LazyLock<SecretKey> = LazyLock::new(SecretKey::generate);

fn verifier(audience: &str) -> Verifier {
    Verifier::new(audience, PublicKeys::from_iter([SECRET.public()]))
}

/// A second between 1970 and about 2096.
fn seconds() -> impl Strategy<Value = SystemTime> {
    (0..4_000_000_000_u64).prop_map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s))
}

/// Scopes of a few letters, so that they often begin alike.
fn scopes() -> impl Strategy<Value = Scope> {
    "(claim|start|login)(:([ab/]{1,4}[*]?|[*]))?".prop_map(|text| text.parse().unwrap())
}

fn claims() -> impl Strategy<Value = Claims> {
    let lifetime = (1..100_000_000_u64).prop_map(Duration::from_secs);
    let text = || "[^\\p{Cc}]{1,60}";
    (text(), text(), vec(scopes(), 1..20), seconds(), lifetime).prop_map(
        |(subject, audience, scopes, from, lifetime)| {
            Claims::new(subject, audience, scopes, from, lifetime)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_issued_is_verified(claims in claims(), part in 0.0..1.0) {
        let ticket = Issuer::new(SECRET.clone()).issue(&claims).unwrap();
        prop_assert!(ticket.len() <= MAX_BYTES);
        let lifetime = claims.expires.duration_since(claims.not_before.unwrap()).unwrap();
        let now = claims.not_before.unwrap() + lifetime.mul_f64(part);
        let verified = verifier(&claims.audience).verify(&ticket, now);
        prop_assert_eq!(verified.as_ref(), Ok(&claims));
        prop_assert_eq!(read_unverified(&ticket), Ok((claims, SECRET.public().id())));
    }

    #[test]
    fn a_ticket_with_anything_changed_is_refused(
        claims in claims(), at in any::<prop::sample::Index>(), removed in 0..4_usize,
        inserted in "[A-Za-z0-9_.-]{0,4}",
    ) {
        let ticket = Issuer::new(SECRET.clone()).issue(&claims).unwrap();
        let at = at.index(ticket.len());
        let rest = &ticket[(at + removed).min(ticket.len())..];
        let changed = format!("{}{inserted}{rest}", &ticket[..at]);
        prop_assume!(changed != ticket);
        let verifier = verifier(&claims.audience);
        prop_assert!(verifier.verify(changed, claims.not_before.unwrap()).is_err());
    }

    #[test]
    fn no_text_is_a_ticket_by_chance(bytes in vec(any::<u8>(), 0..200), now in seconds()) {
        prop_assert!(verifier("my-game").verify(&bytes, now).is_err());
        let parts = [b"v4.public.", &*bytes].concat();
        prop_assert!(verifier("my-game").verify(parts, now).is_err());
    }

    /// The definition once more, byte by byte.
    #[test]
    fn a_scope_covers_exactly_what_its_text_says(
        scope in scopes(), right in "(claim|start|login)(:[ab/*]{1,5})?",
    ) {
        let text = scope.as_str();
        let alike = text.bytes().zip(right.bytes()).take_while(|(a, b)| a == b).count();
        let covered = match text.find('*') {
            Some(star) => alike >= star,
            None => alike == text.len() && alike == right.len(),
        };
        prop_assert_eq!(scope.covers(&right), covered);
    }

    #[test]
    fn a_ticket_permits_what_one_of_its_scopes_covers(
        claims in claims(), right in "(claim|start|login)(:[ab/]{1,4})?",
    ) {
        let covered = claims.scopes.iter().any(|scope| scope.covers(&right));
        prop_assert_eq!(claims.permit(&right).is_ok(), covered);
    }

    #[test]
    fn a_scope_is_read_as_it_was_written(text in "[a-z*:/é\n]{0,8}") {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.as_str(), &*text);
            prop_assert_eq!(scope.to_string(), text);
        }
    }
}
