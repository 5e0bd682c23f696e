//! A whole device as one machine without I/O, clock or chance of its own: [`Personalisation`] remembers and ranks,
//! [`Participation`] contributes, and a [`Client`] is both over one host.
//!
//! The halves ask each other for what they need of one another; what neither can give goes out as an effect: bytes to read and
//! write, locks, timers, requests, and where a descent ends. A page keeps its halves in two modules, and its worker passes
//! between them what passes here.

mod client;
mod turns;

pub use client::{Call, Client, Input, Output, Reply};
pub use privet_participation::{self as participation, Participation};
pub use privet_personalisation::{self as personalisation, Personalisation};
