//! The log in Redis.
