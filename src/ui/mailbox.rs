//! A way from a thread that blocks on the terminal to the async side. Knows no runtime: only wakers.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

struct Inner<T> {
    waiting: VecDeque<T>,
    waker: Option<Waker>,
    closed: bool,
}

/// Where letters arrive.
pub(super) struct Mailbox<T>(Arc<Mutex<Inner<T>>>);

/// Who may send. Dropping it closes the box.
pub(super) struct Sender<T>(Arc<Mutex<Inner<T>>>);

pub(super) fn mailbox<T>() -> (Sender<T>, Mailbox<T>) {
    let inner = Arc::new(Mutex::new(Inner { waiting: VecDeque::new(), waker: None, closed: false }));
    (Sender(Arc::clone(&inner)), Mailbox(inner))
}

fn change<T, R>(inner: &Mutex<Inner<T>>, act: impl FnOnce(&mut Inner<T>) -> R) -> R {
    act(&mut inner.lock().unwrap_or_else(PoisonError::into_inner))
}

impl<T> Sender<T> {
    pub(super) fn send(&self, letter: T) {
        let waker = change(&self.0, |inner| {
            inner.waiting.push_back(letter);
            inner.waker.take()
        });
        waker.inspect(Waker::wake_by_ref);
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = change(&self.0, |inner| {
            inner.closed = true;
            inner.waker.take()
        });
        waker.inspect(Waker::wake_by_ref);
    }
}

impl<T> Mailbox<T> {
    /// The next letter; `None` when nobody can send any more. Dropping the future loses none.
    pub(super) async fn next(&self) -> Option<T> {
        poll_fn(|context| {
            change(&self.0, |inner| match inner.waiting.pop_front() {
                Some(letter) => Poll::Ready(Some(letter)),
                None if inner.closed => Poll::Ready(None),
                None => {
                    inner.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await
    }
}
