use super::*;
use crate::bans::prefix;
use std::{error::Error, time::Duration};

const START: SystemTime = SystemTime::UNIX_EPOCH;

fn prefixes<const N: usize>(texts: [&str; N]) -> [IpNet; N] {
    texts.map(|text| prefix(text).unwrap())
}

fn for_good(prefix: IpNet) -> Ban {
    Ban {
        prefix,
        whom: Whom::Everybody,
        until: None,
    }
}

const TEXT: &str = "# Ours.\n192.0.2.0/24  # a remark\n\n198.51.100.7";

#[test]
fn a_ban_adds_a_line_at_the_end_and_changes_nothing_else() {
    let [new, inner] = prefixes(["2001:db8::1", "192.0.2.9"]);
    let (text, edited) = ban(
        TEXT,
        &[new, inner, new],
        Whom::Everybody,
        None,
        "2026-11-21T10:00:00Z\nspam",
        START,
    );
    assert_eq!(
        text,
        format!("{TEXT}\n2001:db8::1 # 2026-11-21T10:00:00Z spam\n")
    );
    let [outer] = prefixes(["192.0.2.0/24"]);
    assert_eq!(
        edited,
        [
            Edited::Banned(for_good(new)),
            Edited::AlreadyBanned(inner, for_good(outer)),
            Edited::AlreadyBanned(new, for_good(new))
        ]
    );
    assert_eq!(
        edited[1].to_string(),
        "192.0.2.9/32 was banned already, with 192.0.2.0/24"
    );
}

#[test]
fn an_unban_removes_its_own_lines_and_names_the_ban_that_remains() {
    let [outer, inner, single, other] =
        prefixes(["192.0.2.0/24", "192.0.2.9", "198.51.100.7", "203.0.113.1"]);
    let (text, edited) = unban(TEXT, &[inner, single, other], START);
    assert_eq!(text, "# Ours.\n192.0.2.0/24  # a remark\n\n");
    assert_eq!(
        edited,
        [
            Edited::StillBanned(inner, for_good(outer)),
            Edited::Unbanned(single),
            Edited::NotBanned(other)
        ]
    );
    let (text, edited) = unban(TEXT, &[outer], START);
    assert_eq!(text, "# Ours.\n\n198.51.100.7");
    assert_eq!(edited, [Edited::Unbanned(outer)]);
}

#[test]
fn a_longer_ban_replaces_a_shorter_one_but_not_the_reverse() {
    let [single, outer] = prefixes(["198.51.100.7", "198.51.100.0/24"]);
    let until = |seconds| Some(START + Duration::from_secs(seconds));
    let text = "198.51.100.7 until 1970-01-01T00:00:10Z # first\n";
    let add = |prefix, seconds, now| {
        ban(
            text,
            &[prefix],
            Whom::Everybody,
            until(seconds),
            "x",
            START + now,
        )
    };
    let (same, edited) = add(single, 10, Duration::ZERO);
    assert_eq!(same, text);
    assert_eq!(
        edited[0].to_string(),
        "198.51.100.7/32 was banned already until 1970-01-01T00:00:10Z"
    );
    let (longer, edited) = add(single, 11, Duration::ZERO);
    assert_eq!(longer, "198.51.100.7 until 1970-01-01T00:00:11Z # x\n");
    assert_eq!(
        edited[0].to_string(),
        "198.51.100.7/32 is banned until 1970-01-01T00:00:11Z"
    );
    let (around, _) = add(outer, 5, Duration::ZERO);
    assert!(around.starts_with(text) && around.contains("\n198.51.100.0/24 until"));
    // An ended ban affects nobody, and does not prevent a new one.
    let over = Duration::from_secs(10);
    let (again, edited) = add(single, 20, over);
    assert_eq!(again, "198.51.100.7 until 1970-01-01T00:00:20Z # x\n");
    assert!(matches!(edited[0], Edited::Banned(_)));
    let (left, edited) = unban(&around, &[single], START + over);
    assert_eq!(edited, [Edited::Unbanned(single)]);
    assert_eq!(
        sweep(&left, START + over),
        (String::new(), 1),
        "the outer ban has ended as well"
    );
    let neither = sweep(&around, START);
    assert_eq!(neither, (around.clone(), 0));
    let one = sweep(&around, START + Duration::from_secs(5));
    assert_eq!(one, (text.to_owned(), 1));
}

#[test]
fn a_ban_of_guests_affects_only_them_and_has_its_own_line() {
    let [single] = prefixes(["198.51.100.7"]);
    let (text, edited) = ban("", &[single], Whom::Guests, None, "x", START);
    assert_eq!(text, "198.51.100.7 guests # x\n");
    assert_eq!(
        edited[0].to_string(),
        "198.51.100.7/32 is banned for guests"
    );
    let bans = Bans::parse(&text).unwrap();
    let address = single.addr();
    assert_eq!(bans.covering(address, START), None);
    assert!(bans.covering_guests(address, START).is_some());
    assert_eq!((bans.count(START), bans.count_guests(START)), (0, 1));
    let (both, _) = ban(&text, &[single], Whom::Everybody, None, "y", START);
    assert_eq!(both, "198.51.100.7 guests # x\n198.51.100.7 # y\n");
    let (_, edited) = ban(&both, &[single], Whom::Guests, None, "z", START);
    assert!(matches!(edited[0], Edited::AlreadyBanned(..)));
    assert_eq!(remove(&both, |_, remark| remark == "x").1, 1);
    assert_eq!(unban(&both, &[single], START).0, "");
}

#[test]
fn a_file_is_replaced_atomically_with_its_permissions_and_created_if_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bans");
    let [first] = prefixes(["192.0.2.1"]);
    change_file(&path, |text| {
        ban(text, &[first], Whom::Everybody, None, "one", START)
    })
    .unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "192.0.2.1 # one\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        change_file(&link, |text| unban(text, &[first], START)).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2);
}

#[test]
fn a_damaged_file_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bans");
    std::fs::write(&path, "192.0.2.1\nnonsense\n").unwrap();
    let refused = change_file(&path, |text| unban(text, &prefixes(["192.0.2.1"]), START));
    let complaint = refused.unwrap_err().source().unwrap().to_string();
    assert!(complaint.contains("line 2"), "{complaint}");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("192.0.2.1")
    );
}

#[test]
#[cfg(unix)]
fn a_file_keeps_its_owner_and_is_not_written_without_a_change() {
    use std::os::unix::fs::{MetadataExt, chown};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bans");
    std::fs::write(&path, "192.0.2.1\n").unwrap();
    let file = || path.metadata().unwrap();
    let before = file().ino();
    change_file(&path, |text| (text.to_owned(), ())).unwrap();
    assert_eq!(file().ino(), before);
    // Only root can give the file to another owner in the first place.
    let _ = chown(&path, Some(12_345), Some(12_346));
    let before = file();
    change_file(&path, |_| (String::new(), ())).unwrap();
    let after = file();
    assert_ne!(after.ino(), before.ino());
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
}
