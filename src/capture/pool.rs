//! A pool of frames with a fixed bound, and the buffers of those that need one of their own.
//!
//! Theory of operation: every frame holds a [`Lent`] place. There are only so many places, so a
//! caller that hoards frames gets an error instead of all the memory of a small box. A frame that
//! came straight out of the decoder borrows the decoder's picture and uses its place alone; one that
//! had to be turned or converted also takes a buffer, which goes back to the pool when it is dropped.
//!
//! It deliberately does not block: with one thread, waiting for oneself never ends.

use std::sync::{Arc, Mutex, PoisonError};

/// Places for frames; cheap to clone, all clones share the places.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    shared: Arc<Mutex<Shared>>,
    bound: usize,
}

#[derive(Debug, Default)]
struct Shared {
    out: usize,
    spare: Vec<Vec<u8>>,
}

/// One place of the pool, given back on drop.
#[derive(Debug)]
pub(super) struct Lent {
    pool: Pool,
    buffer: Vec<u8>,
}

impl Pool {
    /// A pool for `bound` frames at once (at least one).
    pub(super) fn new(bound: usize) -> Self {
        Self {
            shared: Arc::default(),
            bound: bound.max(1),
        }
    }

    /// A place without a buffer, or `None` if all are lent.
    pub(super) fn place(&self) -> Option<Lent> {
        let mut shared = self.lock();
        if shared.out >= self.bound {
            return None;
        }
        shared.out += 1;
        Some(Lent {
            pool: self.clone(),
            buffer: Vec::new(),
        })
    }

    /// How many places are lent now.
    pub(super) fn out(&self) -> usize {
        self.lock().out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        // A panic elsewhere cannot leave a count and a list half changed.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Takes a buffer of `len` bytes into this place. Its content is what it last held: the caller
    /// overwrites every byte that it will read.
    pub(super) fn take_buffer(&mut self, len: usize) -> &mut [u8] {
        if self.buffer.capacity() == 0 {
            self.buffer = self.pool.lock().spare.pop().unwrap_or_default();
        }
        self.buffer.resize(len, 0);
        &mut self.buffer
    }

    /// The buffer's bytes; empty for a place without one.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut shared = self.pool.lock();
        shared.out -= 1;
        if buffer.capacity() > 0 {
            shared.spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_places_come_back() {
        let pool = Pool::new(2);
        let first = pool.place().unwrap();
        let second = pool.place().unwrap();
        assert!(pool.place().is_none(), "a third frame must be refused");
        drop(first);
        assert_eq!(pool.out(), 1);
        assert!(pool.place().is_some());
        drop(second);
        assert_eq!(pool.out(), 0);
    }

    #[test]
    fn a_buffer_is_used_again() {
        let pool = Pool::new(1);
        let mut place = pool.place().unwrap();
        let at = place.take_buffer(1000).as_ptr();
        drop(place);
        let mut place = pool.place().unwrap();
        assert_eq!(place.take_buffer(900).as_ptr(), at);
        assert_eq!(place.bytes().len(), 900);
    }
}
