//! Tests over painted planes: exact, quick, without a renderer or a file.

mod gate;
mod painted;
mod watch;
