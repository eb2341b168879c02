//! Extensions: what later versions of protocol 1 may add to a message or to a server of the list.
//!
//! `docs/reference/protocol.md`, "Extensions".

use super::codec::{self, DecodeError};
use std::{fmt, sync::Arc};

/// What an extension list belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the messages explain themselves")]
pub enum Carrier {
    Hello,
    Heartbeat,
    Subscribe,
    Upsert,
    Removal,
    Welcome,
    Notice,
    Snapshot,
    Delta,
    /// A server of a snapshot or delta.
    Server,
    /// A message of a cluster.
    Cluster,
    /// A message about names.
    Names,
}

/// The tags that this version knows, each with what it belongs to. Protocol 1 defines none yet.
const KNOWN: &[(Carrier, u16)] = &[];

impl Carrier {
    /// Whether a message with this extension can be read: an even tag may be skipped, an odd one
    /// must be known.
    fn accepts(self, tag: u16) -> bool {
        tag.is_multiple_of(2) || KNOWN.contains(&(self, tag))
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "a hello",
            Self::Heartbeat => "a heartbeat",
            Self::Subscribe => "a subscribe",
            Self::Upsert => "an upsert",
            Self::Removal => "a removal",
            Self::Welcome => "a welcome",
            Self::Notice => "a notice",
            Self::Snapshot => "a snapshot",
            Self::Delta => "a delta",
            Self::Server => "a server",
            Self::Cluster => "a message of the cluster",
            Self::Names => "a message about names",
        })
    }
}

/// An extension list: tags in ascending order, each with its bytes. Well-formed by construction.
///
/// Cheap to clone. An empty list allocates nothing; another one shares its encoded bytes.
///
/// ```
/// use metaserve::protocol::extensions::Extensions;
///
/// let extensions = Extensions::new([(2, &b"two"[..]), (4, b"four")])?;
/// assert_eq!(extensions.get(4), Some(&b"four"[..]));
/// assert!(Extensions::new([(4, &b""[..]), (2, b"")]).is_err()); // tags must ascend
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Extensions(Option<Arc<[u8]>>);

/// What is wrong with an extension list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExtensions {
    /// The list ends inside of a tag or a length.
    #[error("the last extension is cut short")]
    CutShort,
    /// A tag or a length is not encoded as a number of its type.
    #[error("a tag or a length is not a number of its type")]
    NotANumber,
    /// An extension is longer than what is left of the list.
    #[error("extension {tag} claims {claimed} bytes, but {left} are left")]
    TooLong {
        /// Its tag.
        tag: u16,
        /// Its length, as it claims.
        claimed: u64,
        /// How many bytes follow.
        left: usize,
    },
    /// Tags do not ascend.
    #[error("extension {tag} follows extension {before}: tags must ascend")]
    Unordered {
        /// The lower tag.
        tag: u16,
        /// The higher tag before it.
        before: u16,
    },
    /// A tag occurs twice.
    #[error("extension {0} is repeated")]
    Repeated(u16),
}

impl Extensions {
    /// A list of these tags and their bytes.
    ///
    /// # Errors
    /// When the tags do not ascend.
    pub fn new<'a>(
        items: impl IntoIterator<Item = (u16, &'a [u8])>,
    ) -> Result<Self, InvalidExtensions> {
        let mut list = Vec::new();
        for item in items {
            codec::encode_into(item, &mut list);
        }
        well_formed(&list)?;
        Ok(Self::of_checked(&list))
    }

    /// The list that `bytes` are, no more and no less, which belongs to `carrier`.
    ///
    /// # Errors
    /// When the list is malformed; or else when it has an odd tag that is unknown.
    pub fn read(bytes: &[u8], carrier: Carrier) -> Result<Self, DecodeError> {
        check(bytes, carrier)?;
        Ok(Self::of_checked(bytes))
    }

    fn of_checked(bytes: &[u8]) -> Self {
        Self((!bytes.is_empty()).then(|| bytes.into()))
    }

    /// The list as it is encoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are no extensions.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// All tags with their bytes, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || next(&mut rest).ok().flatten())
    }

    /// The bytes of the extension with this tag.
    #[must_use]
    pub fn get(&self, tag: u16) -> Option<&[u8]> {
        let (_, bytes) = self.iter().find(|(known, _)| *known == tag)?;
        Some(bytes)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Whether `list` is an extension list that `carrier` may have. Allocates nothing.
///
/// The whole list is first checked for its form, and then for odd tags that are unknown.
pub(super) fn check(mut list: &[u8], carrier: Carrier) -> Result<(), DecodeError> {
    well_formed(list).map_err(|wrong| DecodeError::Extensions { carrier, wrong })?;
    while let Ok(Some((tag, _))) = next(&mut list) {
        if !carrier.accepts(tag) {
            return Err(DecodeError::UnknownExtension { tag, carrier });
        }
    }
    Ok(())
}

fn well_formed(mut list: &[u8]) -> Result<(), InvalidExtensions> {
    let mut before = None;
    while let Some((tag, _)) = next(&mut list)? {
        match before {
            Some(before) if before == tag => return Err(InvalidExtensions::Repeated(tag)),
            Some(before) if before > tag => {
                return Err(InvalidExtensions::Unordered { tag, before });
            }
            _ => before = Some(tag),
        }
    }
    Ok(())
}

/// The extension at the beginning of `rest`, which then begins behind it.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<(u16, &'a [u8])>, InvalidExtensions> {
    if rest.is_empty() {
        return Ok(None);
    }
    let number = |error| match error {
        DecodeError::CutShort => InvalidExtensions::CutShort,
        _ => InvalidExtensions::NotANumber,
    };
    let tag = codec::decode_next(rest).map_err(number)?;
    let claimed: u64 = codec::decode_next(rest).map_err(number)?;
    let too_long = || InvalidExtensions::TooLong {
        tag,
        claimed,
        left: rest.len(),
    };
    let length = usize::try_from(claimed).map_err(|_| too_long())?;
    let (bytes, after) = rest.split_at_checked(length).ok_or_else(too_long)?;
    *rest = after;
    Ok(Some((tag, bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Extensions as they may come: also in no order.
    fn encoded(items: &[(u16, &[u8])]) -> Vec<u8> {
        items.iter().flat_map(codec::encode).collect()
    }

    fn refused(bytes: &[u8]) -> String {
        let refused = Extensions::read(bytes, Carrier::Hello).unwrap_err();
        refused.to_string()
    }

    proptest! {
        #[test]
        fn any_list_encodes_and_decodes_to_itself(
            items: BTreeMap<u16, Vec<u8>>,
        ) {
            let items: Vec<_> = items.iter().map(|(tag, bytes)| (*tag, &bytes[..])).collect();
            let list = Extensions::new(items.iter().copied()).unwrap();
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), items.clone());
            prop_assert_eq!(list.is_empty(), items.is_empty());
            let odd = items.iter().find(|(tag, _)| tag % 2 == 1);
            match (Extensions::read(list.as_bytes(), Carrier::Delta), odd) {
                (Ok(read), None) => prop_assert_eq!(read, list),
                (Err(DecodeError::UnknownExtension { tag, carrier }), Some((odd, _))) => {
                    prop_assert_eq!((tag, carrier), (*odd, Carrier::Delta));
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }

        #[test]
        fn a_list_that_is_cut_or_out_of_order_is_refused(
            items in proptest::collection::btree_map(
                any::<u16>(),
                proptest::collection::vec(any::<u8>(), 1..300),
                2..6,
            ),
            cut: prop::sample::Index,
            swapped: prop::sample::Index,
        ) {
            let mut items: Vec<_> = items.iter().map(|(tag, bytes)| (*tag, &bytes[..])).collect();
            let malformed = |bytes: &[u8]| matches!(
                Extensions::read(bytes, Carrier::Hello),
                Err(DecodeError::Extensions { .. })
            );
            let whole = encoded(&items);
            let last = encoded(&items[items.len() - 1..]).len();
            prop_assert!(malformed(&whole[..whole.len() - last + 1 + cut.index(last - 1)]));
            let at = swapped.index(items.len() - 1);
            prop_assert!(malformed(&encoded(&[&items[..=at], &items[at..]].concat())));
            items.swap(at, at + 1);
            prop_assert!(malformed(&encoded(&items)));
            prop_assert!(Extensions::new(items).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Extensions::read(&bytes, Carrier::Server);
        }
    }

    #[test]
    fn the_reason_says_what_is_wrong_and_where() {
        for (bytes, reason) in [
            (
                encoded(&[(8, b""), (6, b"")]),
                "extension 6 follows extension 8: tags must ascend",
            ),
            (encoded(&[(6, b"a"), (6, b"a")]), "extension 6 is repeated"),
            (
                encoded(&[(6, b"abc")])[..4].to_vec(),
                "extension 6 claims 3 bytes, but 2 are left",
            ),
            (vec![6], "the last extension is cut short"),
            (vec![0xfb, 6], "the last extension is cut short"),
            (vec![0xfc, 0, 0, 0, 0, 0], "not a number of its type"),
        ] {
            let said = refused(&bytes);
            assert!(
                said.starts_with("malformed extensions in a hello: "),
                "{said}"
            );
            assert!(said.contains(reason), "{said}");
        }
        assert_eq!(
            refused(&encoded(&[(7, b"")])),
            "unknown extension 7 in a hello"
        );
    }

    /// A list that is wrong in two ways is refused for the same reason by every reader.
    #[test]
    fn the_form_of_the_whole_list_is_checked_before_its_tags() {
        let said = refused(&encoded(&[(7, b""), (6, b"")]));
        assert!(said.contains("tags must ascend"), "{said}");
        assert!(refused(&encoded(&[(1, b""), (3, b"")])).contains("extension 1 "));
    }

    #[test]
    fn a_thousand_extensions_are_accepted() {
        let items = (0..1000).map(|at| (at * 2, &b"x"[..]));
        let list = Extensions::new(items).unwrap();
        let read = Extensions::read(list.as_bytes(), Carrier::Heartbeat).unwrap();
        assert_eq!(read.iter().count(), 1000);
        assert_eq!(read.get(998), Some(&b"x"[..]));
        assert_eq!(read.get(999), None);
    }

    #[test]
    fn an_empty_list_takes_little_room() {
        assert!(size_of::<Extensions>() <= 16);
        assert!(Extensions::new([]).unwrap().0.is_none());
        assert!(Extensions::read(&[], Carrier::Server).unwrap().0.is_none());
    }
}
