//! A camera that plays clips: RTSP and HTTP MJPEG on one port, with the faults that cameras have.
//!
//! ```text
//!  clip ──▶ footage (compressed pictures) ──▶ player (pace, faults) ──▶ RTP over TCP or UDP, MJPEG
//! ```
//!
//! Theory of operation: each session plays its stream from the start, one picture after the other at its time, so that
//! whoever connects sees the whole clip. Pictures are not decoded: what is sent is what the clip
//! holds, in the packets that RFC 6184 (H.264), RFC 7798 (H.265) and RFC 2435 (JPEG) say. Faults
//! are part of a stream's description, as are user name and password.
//!
//! It deliberately reads nothing but clips, and keeps no secret: passwords of a fake are play-things.

mod auth;
mod faults;
mod footage;
mod jpeg;
mod message;
mod player;
mod rtp;
mod server;
mod session;

pub use auth::{AuthScheme, Guard};
pub use faults::Faults;
pub use footage::Footage;
pub use server::{CameraServer, CameraStream};
