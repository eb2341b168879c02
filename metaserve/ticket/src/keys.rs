//! Keys, their names, and the files that hold them.

use pasetors::{
    keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate},
    paserk::{FormatAsPaserk, Id},
    version4::V4,
};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
};
use thiserror::Error;

const SECRET: &str = "k4.secret.";
const PUBLIC: &str = "k4.public.";
const ID: &str = "k4.pid.";

/// The longest file of keys that is read.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// The key that signs tickets. Whoever has it can issue any ticket.
///
/// It is created by [`generate`](Self::generate) or, in a file, by [`create`](Self::create). `{:?}`
/// does not show it.
#[derive(Clone)]
pub struct SecretKey(pub(crate) AsymmetricSecretKey<V4>);

/// The key that checks the tickets of one [`SecretKey`]. Its text begins with `k4.public.`.
#[derive(Clone, PartialEq)]
pub struct PublicKey(pub(crate) AsymmetricPublicKey<V4>);

/// The name of a [`PublicKey`], a hash of it. Its text begins with `k4.pid.`, as PASERK defines.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

/// The public keys whose tickets are accepted: several while one replaces another.
///
/// The text has a key on each line; empty lines and what follows a `#` are ignored:
///
/// ```
/// # use metaserve_ticket::{PublicKeys, SecretKey};
/// # let [old, new] = [SecretKey::generate().public(), SecretKey::generate().public()];
/// let file = format!("{old} # until the end of 2026\n{new}\n");
/// let keys: PublicKeys = file.parse()?;
/// assert_eq!(keys.iter().count(), 2);
/// # Ok::<(), metaserve_ticket::InvalidKey>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKeys(Vec<PublicKey>);

/// Why a text is not a key, or not keys.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The text is not a secret key.
    #[error("not a secret key: one begins with {SECRET} and has 86 more characters")]
    Secret,
    /// The text is not a public key.
    #[error("not a public key: one begins with {PUBLIC} and has 43 more characters")]
    Public,
    /// The text is not the name of a key.
    #[error("not the id of a public key: one begins with {ID} and has 44 more characters")]
    Id,
    /// A secret key stands where public keys are expected.
    #[error(
        "a secret key among public keys: others may have read it, so replace it by a new one, and \
         put the public key here"
    )]
    SecretAmongPublic,
    /// A public key stands where a secret key is expected.
    #[error("a public key instead of a secret one: only the secret key can sign tickets")]
    PublicInsteadOfSecret,
    /// There is no key, or there are too many.
    #[error("{count} keys: there must be 1 to {max}", max = PublicKeys::MAX)]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A line of a text is not a key.
    #[error("line {line}: {problem}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: Box<Self>,
    },
}

/// Why a file of keys cannot be read or created.
#[derive(Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: cannot read the file: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not text, or too long to hold keys.
    #[error("{}: the file is not text of at most {MAX_FILE_BYTES} bytes", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold keys.
    #[error("{}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: InvalidKey,
    },
    /// The file exists.
    #[error(
        "{} exists, and a secret key is never overwritten: choose another file", path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be created.
    #[error("{}: cannot create the file: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SecretKey {
    /// Makes a new key.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    #[must_use]
    pub fn generate() -> Self {
        let pair = AsymmetricKeyPair::<V4>::generate().expect("a generated key is valid");
        Self(pair.secret)
    }

    /// Makes a new key in a new file, which only its owner can read and write (mode 0600, on Unix).
    ///
    /// # Errors
    /// When the file exists, whatever it holds, or cannot be written. It does not exist then,
    /// unless it did before.
    ///
    /// # Panics
    /// As [`generate`](Self::generate).
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let key = Self::generate();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
            _ => KeyError::Create {
                path: path.into(),
                source,
            },
        })?;
        key.write(file).map_err(|source| {
            // Half a key would be in the way of the next attempt.
            let _ = fs::remove_file(path);
            KeyError::Create {
                path: path.into(),
                source,
            }
        })?;
        Ok(key)
    }

    fn write(&self, mut file: File) -> io::Result<()> {
        file.write_all(format!("{}\n", paserk(&self.0)).as_bytes())?;
        file.sync_all()
    }

    /// Reads the key of a file. Empty lines and what follows a `#` are ignored.
    ///
    /// # Errors
    /// When the file cannot be read, or does not hold exactly one secret key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read(path)?;
        let key = match &*lines(&text).collect::<Vec<_>>() {
            [(line, text)] => text.parse().map_err(|problem| at(*line, problem)),
            [] => Err(InvalidKey::Secret),
            [_, (line, _), ..] => Err(at(*line, InvalidKey::Secret)),
        };
        key.map_err(|problem| KeyError::Invalid {
            path: path.into(),
            problem,
        })
    }

    /// The public key that checks this key's tickets.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let key = AsymmetricPublicKey::try_from(&self.0);
        PublicKey(key.expect("a secret key contains its public key"))
    }
}

impl FromStr for SecretKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.starts_with(PUBLIC) {
            return Err(InvalidKey::PublicInsteadOfSecret);
        }
        // The library panics at a seed of zeros.
        let zeros = |key: &str| key.bytes().take(42).all(|it| it == b'A');
        if text.strip_prefix(SECRET).is_none_or(zeros) {
            return Err(InvalidKey::Secret);
        }
        let key = AsymmetricSecretKey::try_from(text).map_err(|_| InvalidKey::Secret)?;
        Ok(Self(key))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public().id())
    }
}

impl PublicKey {
    /// The name of the key in tickets.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(paserk(&Id::from(&self.0)))
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.starts_with(SECRET) {
            return Err(InvalidKey::SecretAmongPublic);
        }
        let key = AsymmetricPublicKey::try_from(text).map_err(|_| InvalidKey::Public)?;
        Ok(Self(key))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&paserk(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl KeyId {
    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match text.strip_prefix(ID) {
            Some(hash) if hash.len() == 44 && hash.chars().all(known) => Ok(Self(text.to_owned())),
            _ => Err(InvalidKey::Id),
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl PublicKeys {
    /// The most keys of a file.
    pub const MAX: usize = 64;

    /// Reads the keys of a file.
    ///
    /// # Errors
    /// When the file cannot be read, holds no key or more than [`MAX`](Self::MAX), or has a line
    /// that is not a public key. Then none of its keys should be used.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let keys = read(path)?.parse();
        keys.map_err(|problem| KeyError::Invalid {
            path: path.into(),
            problem,
        })
    }

    /// The keys, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }
}

impl FromStr for PublicKeys {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let keys = lines(text).map(|(line, text)| text.parse().map_err(|it| at(line, it)));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        match keys.len() {
            1..=Self::MAX => Ok(Self(keys)),
            count => Err(InvalidKey::Count { count }),
        }
    }
}

impl FromIterator<PublicKey> for PublicKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

/// The PASERK text of a key.
fn paserk(key: &impl FormatAsPaserk) -> String {
    let mut text = String::new();
    key.fmt(&mut text).expect("a String takes all text");
    text
}

fn at(line: usize, problem: InvalidKey) -> InvalidKey {
    let problem = Box::new(problem);
    InvalidKey::Line { line, problem }
}

/// The lines that hold something, with their numbers, without comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let content = |line: &'_ str| line.find('#').unwrap_or(line.len());
    let lines = text.lines().map(move |line| line[..content(line)].trim());
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

fn read(path: &Path) -> Result<String, KeyError> {
    let mut bytes = Vec::new();
    let opened = File::open(path);
    let read = opened.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    let length = read.map_err(|source| KeyError::Read {
        path: path.into(),
        source,
    })?;
    let text = String::from_utf8(bytes).ok();
    text.filter(|_| length as u64 <= MAX_FILE_BYTES)
        .ok_or_else(|| KeyError::NotText { path: path.into() })
}
