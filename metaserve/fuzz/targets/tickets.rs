//! Tickets that strangers and careless issuers write, scopes, and files of keys. Input: a byte that
//! names the reader, and the text.

#![no_main]

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use libfuzzer_sys::fuzz_target;
use metaserve_ticket::{Issuer, PublicKeys, Scope, SecretKey, Verifier, read_unverified};
use pasetors::{keys::AsymmetricSecretKey, version4::PublicToken};

const SECRET: &str = "k4.secret.tMv7Q99M4hByfZU-SnEzB_oZu32fhQQUONnhG5QqN3Qeudu7vAR8A_1wYE4AcfCYfhayi3VyJcEfAEFdDiCxog";

static ISSUER: LazyLock<Issuer> =
    LazyLock::new(|| Issuer::new(SECRET.parse().expect("a key")));

fn verifier(audience: &str) -> Verifier {
    Verifier::new(audience, PublicKeys::from_iter([ISSUER.public()]))
}

fuzz_target!(|input: &[u8]| {
    let Some((&reader, bytes)) = input.split_first() else {
        return;
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
    match (reader, str::from_utf8(bytes)) {
        // Nobody but the issuer writes a ticket.
        (0, _) => {
            let _ = read_unverified(bytes);
            assert!(verifier("my-game").verify(bytes, now).is_err());
        }
        (1, _) => hold(bytes, now),
        (2, Ok(text)) => {
            if let Ok(scope) = text.parse::<Scope>() {
                assert_eq!(scope.as_str(), text);
                assert!(scope.covers(text));
            }
        }
        (3, Ok(text)) => {
            if let Ok(keys) = text.parse::<PublicKeys>() {
                for key in keys.iter() {
                    assert_eq!(key.to_string().parse().as_ref(), Ok(key));
                }
            }
            let _ = text.parse::<SecretKey>();
        }
        _ => {}
    }
});

/// Whatever the issuer signs: what is accepted can be issued again, and says the same.
fn hold(content: &[u8], now: SystemTime) {
    let key = AsymmetricSecretKey::try_from(SECRET).expect("a key");
    let footer = format!(r#"{{"kid":"{}"}}"#, ISSUER.public().id());
    let Ok(ticket) = PublicToken::sign(&key, content, Some(footer.as_bytes()), None) else {
        return;
    };
    let Ok((claims, id)) = read_unverified(&ticket) else {
        assert!(verifier("my-game").verify(&ticket, now).is_err());
        return;
    };
    assert_eq!(id, ISSUER.public().id());
    let verifier = verifier(&claims.audience);
    assert_eq!(verifier.verify(&ticket, claims.expires).as_ref(), Ok(&claims));
    if let Ok(again) = ISSUER.issue(&claims) {
        assert_eq!(verifier.verify(&again, claims.expires), Ok(claims));
    }
}
