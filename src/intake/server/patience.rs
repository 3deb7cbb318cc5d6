//! How long a header may take once it began: not how long a connection may be quiet before.
//!
//! hyper's own time for headers runs between requests too, and a sender that keeps its connection
//! would find it closed under its next delivery; some vendors do not send again. So hyper's time is
//! the long one, for quiet connections, and the short one is kept here: from the first byte that is
//! read while no request is in hand to the moment the request is handed on.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// Tells when headers begin and end.
#[derive(Debug)]
pub(super) struct HeaderClock {
    /// A header has begun, or a request is in hand.
    busy: AtomicBool,
    began: Notify,
    ended: Notify,
}

impl HeaderClock {
    /// Of a connection that was just made: its first header is due from now on.
    pub(super) fn new() -> Self {
        Self {
            busy: AtomicBool::new(true),
            began: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// The header is whole: its request is in hand.
    pub(super) fn request(&self) {
        self.busy.store(true, Ordering::Relaxed);
        self.ended.notify_one();
    }

    /// The request is answered: the next bytes begin a header.
    pub(super) fn answered(&self) {
        self.busy.store(false, Ordering::Relaxed);
    }

    /// Ends when a header takes longer than `most`.
    pub(super) async fn too_slow(&self, most: Duration) {
        loop {
            if tokio::time::timeout(most, self.ended.notified())
                .await
                .is_err()
            {
                return;
            }
            self.began.notified().await;
        }
    }
}

/// A stream whose reads tell the clock.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub stream: S,
    pub clock: Arc<HeaderClock>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = read.is_ready() && buffer.filled().len() > before;
        if came && !self.clock.busy.swap(true, Ordering::Relaxed) {
            self.clock.began.notify_one();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}
