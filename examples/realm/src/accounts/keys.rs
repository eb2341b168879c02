//! The keys of a world: one that signs all tickets, and what other roles need of it.

use crate::tickets::{AUDIENCE, SERVICE, Tickets};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use metaserve::time::wall_clock;
use metaserve_ticket::{Claims, Issuer, PublicKeys, SecretKey, Verifier};
use ring::hmac;
use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// The secret key, which only the accounts role reads.
pub const ISSUER_KEY: &str = "issuer.key";

/// The public keys, for every role and for the daemon: `--names-need-ticket public.keys`.
pub const PUBLIC_KEYS: &str = "public.keys";

/// The ticket of all roles, secret.
pub const SERVICE_TICKET: &str = "service.ticket";

/// What the service ticket permits.
const SERVICE_SCOPES: [&str; 3] = [SERVICE, "claim:*", "start:zone/*"];

/// How long a service ticket is valid: ten years.
const SERVICE_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A service ticket that is valid for less than this, one year, is replaced at the next start.
const SERVICE_RENEWAL: Duration = Duration::from_secs(365 * 86_400);

/// The keys of the accounts role.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs tickets.
    pub issuer: Issuer,
    /// Derives each refresh token from the one before.
    pub(super) refresh: hmac::Key,
    /// What other roles have of it.
    pub pass: Pass,
}

/// What a role needs that issues no tickets. Its two files can be copied to other machines.
#[derive(Clone)]
pub struct Pass {
    /// Check all tickets.
    pub public: PublicKeys,
    /// The ticket of the role itself, for the daemon and for the accounts role. Secret.
    pub service: Bytes,
}

impl Keys {
    /// Reads `issuer.key`, `public.keys` and `service.ticket` of the state directory, and makes
    /// what is missing: the directory with mode 0700, both secrets with mode 0600. Several
    /// processes may do so at the same time: they agree on one key.
    ///
    /// # Errors
    /// A file cannot be read or written, is not what it should be, or is secret and can be read by
    /// other users of the machine.
    pub fn in_directory(state: &Path) -> anyhow::Result<Self> {
        make_directory(state)
            .with_context(|| format!("cannot make the state directory {}", state.display()))?;
        let path = state.join(ISSUER_KEY);
        if !path.exists() {
            create_key(state, &path)?;
        }
        refuse_public(&path)?;
        let issuer = Issuer::new(SecretKey::read(&path)?);
        let secret = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let secret = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &secret),
            b"refresh tokens",
        );
        let refresh = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        let public = public_keys(state, &issuer)?;
        let service = service_ticket(state, &issuer, &public)?;
        let pass = Pass { public, service };
        Ok(Self {
            issuer,
            refresh,
            pass,
        })
    }
}

impl Pass {
    /// Reads `public.keys` and `service.ticket` of the state directory.
    ///
    /// # Errors
    /// A file is missing or not what it should be, or other users can read the ticket.
    pub fn in_directory(state: &Path) -> anyhow::Result<Self> {
        let keys = state.join(PUBLIC_KEYS);
        let public = PublicKeys::read(&keys).with_context(|| {
            format!(
                "{} is missing or unusable: copy {PUBLIC_KEYS} and {SERVICE_TICKET} from the state \
                 directory of the accounts role",
                keys.display()
            )
        })?;
        let path = state.join(SERVICE_TICKET);
        refuse_public(&path)?;
        let service = read_ticket(&path)?.with_context(|| {
            format!(
                "there is no {}: copy it from the state directory of the accounts role",
                path.display()
            )
        })?;
        Tickets::new(public.clone())
            .service(&String::from_utf8_lossy(&service), wall_clock())
            .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        Ok(Self { public, service })
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.public.iter().map(|it| it.id().to_string());
        formatter
            .debug_struct("Pass")
            .field("public", &ids.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

fn make_directory(state: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(state)
}

/// Makes the key in a directory beside, and links it: another process either finds the whole key or
/// none.
fn create_key(state: &Path, path: &Path) -> anyhow::Result<()> {
    let beside = tempfile::tempdir_in(state)
        .with_context(|| format!("cannot write into {}", state.display()))?;
    let made = beside.path().join(ISSUER_KEY);
    SecretKey::create(&made)?;
    match fs::hard_link(&made, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot create {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn public_keys(state: &Path, issuer: &Issuer) -> anyhow::Result<PublicKeys> {
    let path = state.join(PUBLIC_KEYS);
    let ours = issuer.public();
    if !path.exists() {
        write(&path, format!("{ours}\n").as_bytes(), Reader::Everybody)?;
    }
    let keys = PublicKeys::read(&path)?;
    if keys.iter().all(|key| key.id() != ours.id()) {
        bail!(
            "{} has other keys than {ISSUER_KEY}, so that nobody would accept its tickets: add the \
             line {ours}, or remove the file to have it made anew",
            path.display()
        );
    }
    Ok(keys)
}

fn service_ticket(state: &Path, issuer: &Issuer, keys: &PublicKeys) -> anyhow::Result<Bytes> {
    let path = state.join(SERVICE_TICKET);
    let now = wall_clock();
    if path.exists() {
        refuse_public(&path)?;
    }
    let verifier = Verifier::new(AUDIENCE, keys.clone());
    if let Some(ticket) = read_ticket(&path)? {
        let claims = verifier.verify(&ticket, now);
        let lasts = claims.is_ok_and(|it| {
            let permits = SERVICE_SCOPES
                .iter()
                .all(|right| it.scopes.iter().any(|scope| scope.as_str() == *right));
            permits && it.expires > now + SERVICE_RENEWAL
        });
        if lasts {
            return Ok(ticket);
        }
    }
    let scopes = SERVICE_SCOPES.iter().map(|it| it.parse());
    let scopes = scopes.collect::<Result<_, _>>()?;
    let claims = Claims::new("service", AUDIENCE, scopes, now, SERVICE_LIFETIME);
    let ticket = issuer.issue(&claims)?;
    write(&path, format!("{ticket}\n").as_bytes(), Reader::Owner)?;
    Ok(ticket.into())
}

/// The ticket of a file, `None` if there is no file.
fn read_ticket(path: &Path) -> anyhow::Result<Option<Bytes>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned().into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Owner,
    Everybody,
}

/// Writes a file whole: nobody ever finds half of it.
fn write(path: &Path, bytes: &[u8], reader: Reader) -> anyhow::Result<()> {
    let write = || {
        // Only its owner can read it until it says otherwise.
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        #[cfg(unix)]
        if reader == Reader::Everybody {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.as_file().sync_all()?;
        file.persist(path)?;
        io::Result::Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Refuses a secret that other users of the machine can read.
fn refuse_public(path: &PathBuf) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let Ok(metadata) = fs::metadata(path)
            && metadata.mode() & 0o077 != 0
        {
            bail!(
                "{path} is secret, but other users can read it: chmod 600 {path}, and replace it \
                 if somebody may have",
                path = path.display()
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve_ticket::Scope;

    #[test]
    fn keys_are_made_once_and_read_afterwards() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("new");
        let made = Keys::in_directory(&state).unwrap();
        let read = Keys::in_directory(&state).unwrap();
        assert_eq!(made.issuer.public().id(), read.issuer.public().id());
        assert_eq!(made.pass.service, read.pass.service);
        let pass = Pass::in_directory(&state).unwrap();
        assert_eq!(pass.service, made.pass.service);
    }

    #[test]
    fn the_service_ticket_permits_what_roles_do() {
        let state = tempfile::tempdir().unwrap();
        let Pass { public, service } = Keys::in_directory(state.path()).unwrap().pass;
        let claims = Verifier::new(AUDIENCE, public).verify(service, wall_clock());
        let claims = claims.unwrap();
        for right in [
            "service",
            "claim:role/accounts",
            "claim:zone/shared/meadow",
            "start:zone/x",
        ] {
            claims.permit(right).unwrap();
        }
        claims.permit("login").unwrap_err();
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key() {
        let state = tempfile::tempdir().unwrap();
        let made = std::thread::scope(|scope| {
            let threads = [(); 8].map(|()| scope.spawn(|| Keys::in_directory(state.path())));
            threads.map(|it| it.join().unwrap().unwrap().issuer.public().id())
        });
        assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        Keys::in_directory(state.path()).unwrap();
        let mode = |name, mode| {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(state.path().join(name), permissions).unwrap();
        };
        for (name, made) in [
            (ISSUER_KEY, 0o600),
            (SERVICE_TICKET, 0o600),
            (PUBLIC_KEYS, 0o644),
        ] {
            let metadata = fs::metadata(state.path().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, made, "{name}");
        }
        for name in [ISSUER_KEY, SERVICE_TICKET] {
            mode(name, 0o640);
            let why = Keys::in_directory(state.path()).unwrap_err().to_string();
            assert!(why.contains("chmod 600") && why.contains(name), "{why}");
            mode(name, 0o600);
        }
        mode(SERVICE_TICKET, 0o604);
        Pass::in_directory(state.path()).unwrap_err();
    }

    #[test]
    fn public_keys_of_another_world_are_refused() {
        let state = tempfile::tempdir().unwrap();
        let other = SecretKey::generate().public();
        fs::write(state.path().join(PUBLIC_KEYS), format!("{other}\n")).unwrap();
        let why = Keys::in_directory(state.path()).unwrap_err().to_string();
        assert!(why.contains("other keys"), "{why}");
    }

    #[test]
    fn a_ticket_that_expires_soon_is_replaced() {
        let state = tempfile::tempdir().unwrap();
        let keys = Keys::in_directory(state.path()).unwrap();
        let scopes: Vec<Scope> = SERVICE_SCOPES.map(|it| it.parse().unwrap()).to_vec();
        let month = Duration::from_secs(30 * 86_400);
        let claims = Claims::new("service", AUDIENCE, scopes, wall_clock(), month);
        let old = keys.issuer.issue(&claims).unwrap();
        write(
            &state.path().join(SERVICE_TICKET),
            old.as_bytes(),
            Reader::Owner,
        )
        .unwrap();
        let renewed = Keys::in_directory(state.path()).unwrap().pass.service;
        assert_ne!(renewed, old.as_bytes());
    }

    #[test]
    fn no_secret_is_in_a_debug_output() {
        let state = tempfile::tempdir().unwrap();
        let keys = Keys::in_directory(state.path()).unwrap();
        let shown = format!("{keys:?}");
        let service = String::from_utf8_lossy(&keys.pass.service).into_owned();
        let secret = fs::read_to_string(state.path().join(ISSUER_KEY)).unwrap();
        assert!(
            !shown.contains(&service) && !shown.contains(secret.trim()),
            "{shown}"
        );
    }
}
