//! Time as an input, so that a recorded run can be replayed and a test needs no sleeping.

use std::time::Instant;

use jiff::Timestamp;

/// Where the engine takes its time from.
pub trait Clock {
    /// Wall-clock time, for what people read.
    fn now(&self) -> Timestamp;
    /// Monotonic time, for durations.
    fn instant(&self) -> Instant;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}
