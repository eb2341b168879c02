//! What the NATS client and server say, in words that name the setting to change.

use crate::settings::Cluster;

/// The complaint about messages that arrive faster than they are taken.
pub(super) const SLOW: &str = "messages arrive faster than this daemon takes them";

/// What an error of connecting means, and what to do. The client's own text is kept.
pub(crate) fn explain(error: &str, settings: &Cluster) -> String {
    let said = |what: &str| error.contains(what);
    let advice = if said("authorization violation") || said("AuthorizationViolation") {
        match settings.key {
            Some(_) => {
                "the NATS server does not know the key of --cluster-key: add its nkey to the users \
                 in the server's configuration"
            }
            None => "the NATS server wants a key: name this daemon's key with --cluster-key",
        }
    } else if said("AuthError") || said("failed signing nonce") {
        "the key cannot be used"
    } else if said("UnknownIssuer") {
        "the certificate of the NATS server is from an authority that is not trusted here: name the \
         authority's file with --cluster-ca"
    } else if said("NotValidForName") || said("not valid for name") {
        "the certificate of the NATS server is for another name: use that name in --cluster"
    } else if said("Expired") || said("NotValidYet") || said("expired") {
        "the certificate of the NATS server is not valid now: renew it, or set the clock"
    } else if said("CertificateRequired") || said("certificate required") {
        "the NATS server wants a certificate: name one with --cluster-cert and --cluster-cert-key"
    } else if said("BadCertificate") || said("UnknownCA") || said("CertificateUnknown") {
        "the NATS server does not accept the certificate of --cluster-cert"
    } else if said("invalid peer certificate") {
        "the certificate of the NATS server cannot be accepted: see --cluster-ca"
    } else if said("InvalidContentType") || said("corrupt message") {
        "the NATS server does not speak TLS: configure its `tls` block, or use nats://"
    } else if said("TLS error") || said("could not load") {
        "TLS cannot be set up: see --cluster-ca, --cluster-cert and --cluster-cert-key"
    } else if said("expected INFO") {
        "something else than a NATS server answers there"
    } else if said("timed out") {
        "no answer: is the NATS server running, and does a firewall let this daemon through?"
    } else if said("refused") {
        "nothing listens there: is the NATS server running?"
    } else if said("DNS error") {
        "the name has no address"
    } else {
        return error.to_owned();
    };
    format!("{advice} ({error})")
}

/// Whether an error of connecting does not end by itself: somebody has to change something.
pub(super) fn is_mistake(error: &str) -> bool {
    let passing = ["timed out", "refused", "DNS error", "broken pipe", "reset"];
    !passing.iter().any(|it| error.contains(it))
}

/// What a complaint of the NATS server about a right means; `None` if it is about something else.
pub(crate) fn missing_right(complaint: &str) -> Option<String> {
    let lower = complaint.to_lowercase();
    let (_, what) = lower.split_once("permissions violation for ")?;
    let subject = complaint.split('"').nth(1)?;
    let verb = match what.starts_with("publish") {
        true => "publish to",
        false => "subscribe to",
    };
    Some(format!(
        "this daemon's NATS user may not {verb} {subject}: give it the rights that \
         `metaserve-daemon cluster-config` prints"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_named_with_its_subject() {
        let complaint = r#"nats: Permissions Violation for Publish to "ms.metaserve.m.a""#;
        let named = missing_right(complaint).unwrap();
        assert!(
            named.contains("may not publish to ms.metaserve.m.a:"),
            "{named}"
        );
        let complaint = r#"nats: Permissions Violation for Subscription to "ms.x.hello""#;
        let named = missing_right(complaint).unwrap();
        assert!(
            named.contains("may not subscribe to ms.x.hello:"),
            "{named}"
        );
        assert_eq!(missing_right("nats: stale connection"), None);
    }
}
