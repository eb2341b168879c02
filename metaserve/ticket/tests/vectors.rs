//! Tokens that others have made.
#![forbid(unsafe_code)]

use metaserve_ticket::{PublicKeys, Refused, SecretKey, Verifier};
use pasetors::{
    keys::AsymmetricPublicKey,
    token::{Public, UntrustedToken},
    version4::{PublicToken, V4},
};
use std::time::SystemTime;

/// The key of the official vectors 4-S-1 to 4-S-3, as PASERK writes it.
const SECRET: &str = "k4.secret.tMv7Q99M4hByfZU-SnEzB_oZu32fhQQUONnhG5QqN3Qeudu7vAR8A_1wYE4AcfCYfhayi3VyJcEfAEFdDiCxog";
const PUBLIC: &str = "k4.public.Hrnbu7wEfAP9cGBOAHHwmH4Wsot1ciXBHwBBXQ4gsaI";

/// The official vector 4-S-2: the token, and what it says.
const TOKEN: &str = "v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCswMDowMCJ9v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-SPo8FPp214HDw.eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9";
const PAYLOAD: &str = r#"{"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"}"#;

#[test]
fn the_official_token_is_verified_with_its_key() {
    let key: AsymmetricPublicKey<V4> = PUBLIC.try_into().unwrap();
    let token: UntrustedToken<Public, V4> = TOKEN.try_into().unwrap();
    let verified = PublicToken::verify(&key, &token, None, None).unwrap();
    assert_eq!(verified.payload(), PAYLOAD);
}

#[test]
fn the_official_key_has_its_public_key() {
    let secret: SecretKey = SECRET.parse().unwrap();
    assert_eq!(secret.public().to_string(), PUBLIC);
    assert_eq!(secret.public(), PUBLIC.parse().unwrap());
}

/// The official vectors k4.pid-1 and k4.pid-2.
#[test]
fn the_names_of_the_official_keys_are_the_official_ones() {
    let table = [
        (
            "k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "k4.pid.S_XQmeEwHbbvRmiyfXfHYpLGjXGzjTRSDoT1YtTakWFE",
        ),
        (
            "k4.public.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8",
            "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs",
        ),
    ];
    for (key, id) in table {
        let keys: PublicKeys = key.parse().unwrap();
        assert_eq!(keys.iter().next().unwrap().id().to_string(), id);
    }
}

/// Its footer names no key in our way, so it is not a ticket although its signature is valid.
#[test]
fn a_token_that_is_not_a_ticket_is_refused() {
    let verifier = Verifier::new("my-game", PUBLIC.parse().unwrap());
    let refused = verifier.verify(TOKEN, SystemTime::UNIX_EPOCH);
    assert!(
        matches!(refused, Err(Refused::NotATicket(_))),
        "{refused:?}"
    );
}
