//! How much fits into one request: the window as told or learned, and how the server counts.

/// A reply needs this share of the window …
const REPLY_SHARE: u64 = 6;
/// … within these tokens.
const REPLY_TOKENS: std::ops::RangeInclusive<u64> = 400..=4_096;
/// A view takes at most this share of the window …
const VIEW_SHARE: u64 = 8;
/// … and all views of one turn together this one.
const TURN_SHARE: u64 = 3;
/// Within these tokens each: less shows nothing, more than this is seldom read.
const VIEW_TOKENS: std::ops::RangeInclusive<u64> = 400..=6_000;
/// Where many views share a turn, each still gets this much.
const LEAST_VIEW: u64 = 120;
/// A window below this is not believed: no endpoint that can investigate has it.
const LEAST_WINDOW: u64 = 1_024;
/// Counts of fewer tokens tell nothing about the estimate.
const LEAST_COUNT: u64 = 200;

/// The window of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// Tokens of a request and its reply; `None`: nothing limits them.
    tokens: Option<u64>,
    /// Tokens that the server counts for one that is estimated.
    ratio: f64,
}

impl Window {
    pub(super) fn new(tokens: Option<u64>) -> Self {
        Self { tokens: tokens.map(|tokens| tokens.max(LEAST_WINDOW)), ratio: 1.0 }
    }

    pub(super) fn tokens(&self) -> Option<u64> {
        self.tokens
    }

    /// Tokens that are kept free for the reply.
    fn reply(tokens: u64) -> u64 {
        (tokens / REPLY_SHARE).clamp(*REPLY_TOKENS.start(), *REPLY_TOKENS.end())
    }

    /// What a request may be estimated at.
    pub(super) fn room(&self) -> Option<u64> {
        self.tokens.map(|tokens| self.estimated(tokens.saturating_sub(Self::reply(tokens))))
    }

    /// As the server counts.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn counted(&self, estimated: u64) -> u64 {
        (estimated as f64 * self.ratio).ceil() as u64
    }

    /// The estimate that the server counts as `counted`.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn estimated(&self, counted: u64) -> u64 {
        (counted as f64 / self.ratio) as u64
    }

    /// The server counted a request that was estimated. Wild counts (a mock's, one without cached tokens) are bounded.
    #[expect(clippy::cast_precision_loss)]
    pub(super) fn learn_count(&mut self, estimated: u64, counted: u64) {
        if estimated >= LEAST_COUNT && counted >= LEAST_COUNT {
            self.ratio = (counted as f64 / estimated as f64).clamp(0.8, 2.5);
        }
    }

    /// A request that was estimated so did not fit: the window is `limit`, or smaller than the request was.
    pub(super) fn learn_limit(&mut self, limit: Option<u64>, estimated: u64) {
        let sent = self.counted(estimated);
        let now = self.tokens.unwrap_or(u64::MAX);
        // A limit above what was sent tells that the estimate was wrong, not the window.
        let learned = match limit {
            Some(limit) if limit < now => limit,
            _ => now.min(sent.saturating_add(Self::reply(sent))) / 5 * 4,
        };
        self.tokens = Some(learned.max(LEAST_WINDOW));
    }

    /// Tokens for each of so many views of one turn.
    pub(super) fn view(&self, views: usize) -> Option<u64> {
        let tokens = self.tokens?;
        let one = (tokens / VIEW_SHARE).clamp(*VIEW_TOKENS.start(), *VIEW_TOKENS.end());
        let shared = tokens / TURN_SHARE / u64::try_from(views.max(1)).unwrap_or(u64::MAX);
        Some(self.estimated(one.min(shared)).max(LEAST_VIEW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_room_for_the_reply() {
        for tokens in [1, 2_000, 6_000, 8_192, 16_384, 131_072, 1_048_576] {
            let window = Window::new(Some(tokens));
            let room = window.room().unwrap();
            assert!(room + 400 <= tokens.max(LEAST_WINDOW), "{tokens}: {room}");
            assert!(window.view(1).unwrap() <= 6_000);
        }
        assert_eq!(Window::new(None).room(), None);
    }

    #[test]
    fn sixteen_views_of_a_turn_share_what_one_turn_may_take() {
        let window = Window::new(Some(6_000));
        assert_eq!(window.view(1), Some(750));
        assert!(window.view(16).unwrap() * 16 <= 2_000 + 16);
    }

    #[test]
    fn the_servers_counts_correct_the_estimate_within_reason() {
        let mut window = Window::new(Some(8_000));
        let room = window.room().unwrap();
        window.learn_count(1_000, 1_250);
        assert!(window.room().unwrap() < room && window.counted(1_000) == 1_250);
        window.learn_count(1_000, 10);
        assert_eq!(window.counted(1_000), 1_250);
        window.learn_count(1_000, 100_000);
        assert_eq!(window.counted(1_000), 2_500);
    }

    #[test]
    fn a_refused_length_makes_the_window_smaller_each_time() {
        let mut window = Window::new(None);
        window.learn_limit(Some(8_192), 20_000);
        assert_eq!(window.tokens(), Some(8_192));
        // The endpoint insists on the same limit: then the estimate is too low.
        window.learn_limit(Some(8_192), 6_500);
        assert!(window.tokens().unwrap() < 8_192);
        for _ in 0..20 {
            let before = window.tokens().unwrap();
            window.learn_limit(None, before);
            assert!(window.tokens().unwrap() < before || before == LEAST_WINDOW);
        }
    }
}
