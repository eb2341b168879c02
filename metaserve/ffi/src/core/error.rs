//! Why a call has failed: a number of the header, and a sentence.

use metaserve::ConnectError;

/// The numbers of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Code {
    /// `MS_E_ARGUMENT`
    Argument = -1,
    /// `MS_E_TRUST`
    Trust = -2,
    /// `MS_E_SYSTEM`
    System = -3,
}

/// Why a call has failed.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) code: Code,
    pub(crate) text: String,
}

impl Error {
    pub(crate) fn argument(text: impl ToString) -> Self {
        Self::new(Code::Argument, &text)
    }

    pub(crate) fn system(text: impl ToString) -> Self {
        Self::new(Code::System, &text)
    }

    fn new(code: Code, text: &impl ToString) -> Self {
        let text = text.to_string();
        Self { code, text }
    }
}

/// A setting cannot be used, or there is no socket.
impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        let code = match error {
            ConnectError::Name(_) | ConnectError::NoDaemon => Code::Argument,
            ConnectError::Socket(_) => Code::System,
            _ => Code::Trust,
        };
        Self::new(code, &error)
    }
}
