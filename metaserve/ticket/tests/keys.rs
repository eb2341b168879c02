//! Keys as text and in files.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use metaserve_ticket::{InvalidKey, KeyError, KeyId, PublicKey, PublicKeys, SecretKey};
use std::{fs, path::Path};
use tempfile::tempdir;

/// The text of a secret key, which only a file has.
fn secret_text(directory: &Path) -> String {
    let path = directory.join("some.key");
    SecretKey::create(&path).unwrap();
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn a_created_key_is_read_again() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("issuer.key");
    let created = SecretKey::create(&path).unwrap();
    let read = SecretKey::read(&path).unwrap();
    assert_eq!(read.public(), created.public());
    assert_eq!(read.public().to_string().parse(), Ok(created.public()));
    assert_eq!(
        read.public().id().as_str().parse(),
        Ok(created.public().id())
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_secret_key_is_not_shown() {
    let directory = tempdir().unwrap();
    let text = secret_text(directory.path());
    let key: SecretKey = text.parse().unwrap();
    assert_eq!(
        format!("{key:?}"),
        format!("SecretKey(of {})", key.public().id())
    );
    let refused = text.parse::<PublicKey>().unwrap_err();
    assert_eq!(refused, InvalidKey::SecretAmongPublic);
    assert!(!refused.to_string().contains(&text[10..20]));
}

#[test]
fn a_file_that_exists_is_never_overwritten() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("issuer.key");
    fs::write(&path, "mine").unwrap();
    let refused = SecretKey::create(&path).unwrap_err();
    assert!(matches!(refused, KeyError::Exists { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    #[cfg(unix)]
    {
        let dangling = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("target"), &dangling).unwrap();
        let refused = SecretKey::create(&dangling).unwrap_err();
        assert!(matches!(refused, KeyError::Exists { .. }), "{refused}");
        assert!(!directory.path().join("target").exists());
    }
    let nowhere = directory.path().join("missing").join("issuer.key");
    let refused = SecretKey::create(&nowhere).unwrap_err();
    assert!(matches!(refused, KeyError::Create { .. }), "{refused}");
}

#[test]
fn texts_that_are_not_keys_are_refused() {
    let directory = tempdir().unwrap();
    let secret = secret_text(directory.path());
    let public = secret.parse::<SecretKey>().unwrap().public().to_string();
    // A seed of zeros, and its public key.
    let zeros = format!(
        "k4.secret.{}A7aie8zrakLWKjqNAqbw1zZTIVdx3iQ6Y6wEihi1naKQ",
        "A".repeat(42)
    );
    let other = secret.replacen("k4.secret.", "k4.secret.x", 1);
    let mut changed = secret.clone().into_bytes();
    changed[95] = if changed[95] == b'A' { b'Q' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    for text in [
        "",
        "k4.secret.",
        &secret[..95],
        &zeros,
        &other,
        &changed,
        "k4.local.AAAA",
    ] {
        assert_eq!(
            text.parse::<SecretKey>().unwrap_err(),
            InvalidKey::Secret,
            "{text}"
        );
    }
    let refused = public.parse::<SecretKey>().unwrap_err();
    assert_eq!(refused, InvalidKey::PublicInsteadOfSecret);
    for text in [
        "",
        "k4.public.",
        &public[..52],
        &format!("{public}A"),
        "k3.public.AAAA",
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(InvalidKey::Public), "{text}");
    }
    let id = public.parse::<PublicKey>().unwrap().id().to_string();
    for text in [
        "",
        "k4.pid.",
        &id[..50],
        &format!("{id}A"),
        &id.replace('p', "s"),
        &id.replace("k4.pid.", "k4.pid.."),
    ] {
        assert_eq!(text.parse::<KeyId>(), Err(InvalidKey::Id), "{text}");
    }
}

#[test]
fn a_file_of_keys_says_which_line_is_wrong() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("names.keys");
    let secret = secret_text(directory.path());
    let public = secret.parse::<SecretKey>().unwrap().public();
    let read = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        PublicKeys::read(&path)
    };
    let good = format!("\n# two keys\n  {public} # old\r\n{public}\n");
    assert_eq!(read(good.as_bytes()).unwrap().iter().count(), 2);
    let many = |count| format!("{public}\n").repeat(count);
    assert_eq!(read(many(64).as_bytes()).unwrap().iter().count(), 64);
    let table: [(Vec<u8>, &str); 8] = [
        (b"".into(), "0 keys: there must be 1 to 64"),
        (b"# none\n".into(), "0 keys: there must be 1 to 64"),
        (many(65).into(), "65 keys: there must be 1 to 64"),
        (format!("{public}\nkey").into(), "line 2: not a public key"),
        (
            format!("{public} {public}").into(),
            "line 1: not a public key",
        ),
        (
            format!("\n\n{secret}").into(),
            "line 3: a secret key among public keys",
        ),
        (
            b"\xff".into(),
            "the file is not text of at most 65536 bytes",
        ),
        (
            vec![b'#'; 65_537],
            "the file is not text of at most 65536 bytes",
        ),
    ];
    for (text, expected) in table {
        let refused = read(&text).unwrap_err().to_string();
        let named = format!("{}: {expected}", path.display());
        assert!(refused.starts_with(&named), "{refused}");
    }
    let missing = PublicKeys::read(&directory.path().join("missing")).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("missing: cannot read the file: ")
    );
}

#[test]
fn a_file_of_a_secret_key_holds_one() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("issuer.key");
    let secret = secret_text(directory.path());
    let public = secret.parse::<SecretKey>().unwrap().public();
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        SecretKey::read(&path).map_err(|refused| refused.to_string())
    };
    let commented = read(&format!("# of the login server\n{secret} # May\n")).unwrap();
    assert_eq!(commented.public(), public);
    let table = [
        ("".to_owned(), "not a secret key"),
        (format!("{secret}\n{secret}\n"), "line 2: not a secret key"),
        (
            format!("\n{public}\n"),
            "line 2: a public key instead of a secret one",
        ),
        ("password".to_owned(), "line 1: not a secret key"),
    ];
    for (text, expected) in table {
        let refused = read(&text).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
        assert!(!refused.contains(&secret[10..30]), "{refused}");
    }
}
