//! The key that identifies a daemon to NATS.

use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A key to sign with, and the credentials that belong to it, if NATS has them.
pub(crate) struct Key {
    pair: KeyPair,
    /// The `.creds` file's token.
    token: Option<String>,
}

/// The lines before the token and before the seed in a `.creds` file.
const TOKEN: &str = "-----BEGIN NATS USER JWT-----";
const SEED: &str = "-----BEGIN USER NKEY SEED-----";

impl Key {
    /// Reads the file of `--cluster-key`.
    ///
    /// # Errors
    /// When it cannot be read, or holds no key. The error says what to do, and never holds a seed.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read the key of --cluster-key, {shown}: {error}"))?;
        Self::parse(&text).ok_or_else(|| {
            format!(
                "{shown} holds neither the seed of an nkey of a user (it begins with SU) nor \
                 credentials: use a file that `metaserve-daemon cluster-config` or `nsc` has made"
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let after = |mark: &str| {
            let mut lines = text.lines().map(str::trim).skip_while(|line| *line != mark);
            lines.nth(1).map(str::to_owned)
        };
        let (seed, token) = match after(TOKEN) {
            Some(token) => (after(SEED)?, Some(token)),
            None => {
                let mut lines = text.lines().map(str::trim);
                (lines.find(|line| line.starts_with("SU"))?.to_owned(), None)
            }
        };
        let pair = KeyPair::from_seed(&seed).ok()?;
        pair.public_key()
            .starts_with('U')
            .then_some(Self { pair, token })
    }

    /// The key that the NATS server is to know.
    pub(crate) fn public(&self) -> String {
        self.pair.public_key()
    }

    /// What to answer to a server that sent this text to be signed.
    fn answer(&self, nonce: &[u8]) -> Result<Auth, String> {
        let signed = self.pair.sign(nonce);
        let signature =
            signed.map_err(|error| format!("cannot sign with --cluster-key: {error}"))?;
        let mut auth = Auth::new();
        auth.signature = Some(signature);
        match &self.token {
            Some(token) => auth.jwt = Some(token.clone()),
            None => auth.nkey = Some(self.public()),
        }
        Ok(auth)
    }
}

/// The client's options, with the key in this file, if one is named. It is read for each connection,
/// so that a new key needs no restart.
pub(super) fn options(file: Option<PathBuf>) -> ConnectOptions {
    let Some(file) = file else {
        return ConnectOptions::new();
    };
    ConnectOptions::with_auth_callback(move |nonce| {
        let answer = Key::read(&file).and_then(|key| key.answer(&nonce));
        std::future::ready(answer.map_err(AuthError::new))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_seed_or_credentials() {
        let pair = KeyPair::new_user();
        let (seed, public) = (pair.seed().unwrap(), pair.public_key());
        let alone = Key::parse(&format!("# member a\n{seed}\n")).unwrap();
        assert_eq!(
            (alone.public(), alone.token.as_deref()),
            (public.clone(), None)
        );
        let creds = format!(
            "{TOKEN}\neyJ0.x.y\n------END NATS USER JWT------\n\n{SEED}\n{seed}\n------END USER NKEY SEED------\n"
        );
        let both = Key::parse(&creds).unwrap();
        assert_eq!(
            (both.public(), both.token.as_deref()),
            (public, Some("eyJ0.x.y"))
        );
    }

    #[test]
    fn anything_else_is_no_key() {
        let account = KeyPair::new_account().seed().unwrap();
        for text in ["", "SUAB", "secret", &account, &format!("{TOKEN}\nx\n")] {
            assert!(Key::parse(text).is_none(), "{text}");
        }
    }
}
