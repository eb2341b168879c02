//! The values of labels. All of them are written here, so that no peer can add one.

/// Declares an enum whose variants have names, which are the values of a label.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The value of the label.
            #[must_use]
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

words! {
    /// What becomes of a server that wants to be listed, or of its request to leave.
    Outcome {
        /// It is new in the list.
        Listed = "listed",
        /// It was in the list, and stays.
        Kept = "kept",
        /// It has said that it ends.
        Unlisted = "unlisted",
        /// It has to prove its address first, and is sent a question or challenge for that.
        Unproved = "unproved",
        /// It did not answer that question, and is not listed.
        Unanswered = "unanswered",
        /// It has to say what it is.
        NoInfo = "no_info",
        /// What it says cannot be read, or is incomplete.
        Malformed = "malformed",
        /// Players cannot join at its address, or the operator does not list it.
        Address = "address",
        /// Its game is not known or not accepted.
        Game = "game",
        /// It calls too often.
        Rate = "rate",
        /// The list, or what one host may have of it, is full.
        Full = "full",
        /// Its body has no length, is too long, encoded or of the wrong type.
        Body = "body",
        /// Its body has not come in time.
        Slow = "slow",
        /// It uses another method of HTTP than the protocol does.
        Method = "method",
        /// It wants to leave and is not in the list.
        NotListed = "not_listed",
        /// The bridge is stopping, or has failed.
        Failed = "failed",
    }
}

impl Outcome {
    /// What a refusal with this status of HTTP means.
    pub(crate) const fn refused(status: u16) -> Self {
        match status {
            405 => Self::Method,
            408 => Self::Slow,
            411 | 413 | 415 => Self::Body,
            403 => Self::Full,
            429 => Self::Rate,
            500.. => Self::Failed,
            _ => Self::Malformed,
        }
    }
}

words! {
    /// What becomes of a datagram that has come.
    Datagram {
        /// The protocol knows it, and what it says is considered.
        Accepted = "accepted",
        /// It is none of the protocol.
        Malformed = "malformed",
        /// It answers no question: nobody was asked, the answer comes too late, or its challenge is
        /// not the one that was given.
        Unasked = "unasked",
        /// Its address has had as many lists as it may have.
        Rate = "rate",
        /// It wants a list of a game that is not accepted.
        Game = "game",
        /// Its address is banned.
        Banned = "banned",
        /// It is longer than any of the protocol, or from a port that nobody can answer.
        Unreadable = "unreadable",
        /// There was no room for it: more came than can be looked at.
        Lost = "lost",
    }
}

words! {
    /// What becomes of a question to a server.
    Question {
        /// It was sent.
        Asked = "asked",
        /// It was answered.
        Answered = "answered",
        /// It was not answered in time.
        Unanswered = "unanswered",
    }
}

words! {
    /// What a connection to a daemon is for.
    Purpose {
        /// To publish games.
        Publish = "publish",
        /// To follow the servers of the list.
        Follow = "follow",
    }
}

words! {
    /// Servers that are left out because there are too many.
    LeftOut {
        /// They are not published to the daemon.
        Published = "published",
        /// They are of the daemon's list, and not shown to players.
        Shown = "shown",
    }
}

words! {
    /// How it went.
    Done {
        /// Well.
        Ok = "ok",
        /// Not at all.
        Failed = "failed",
    }
}

words! {
    /// The status of an answer over HTTP.
    Status {
        /// 200.
        Ok = "200",
        /// 202.
        Accepted = "202",
        /// 304.
        NotModified = "304",
        /// 400.
        BadRequest = "400",
        /// 403.
        Forbidden = "403",
        /// 404.
        NotFound = "404",
        /// 405.
        Method = "405",
        /// 408.
        Timeout = "408",
        /// 411.
        NoLength = "411",
        /// 413.
        TooLarge = "413",
        /// 415.
        Type = "415",
        /// 429.
        TooMany = "429",
        /// 503.
        Unavailable = "503",
        /// Any other.
        Other = "other",
    }
}

impl Status {
    pub(crate) fn of(status: u16) -> Self {
        let known = Self::ALL.iter().copied();
        let found = known.into_iter().find(|it| it.name().parse() == Ok(status));
        found.unwrap_or(Self::Other)
    }
}
