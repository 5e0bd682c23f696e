//! Who has the device: the half that ranks is one caller's at a time.

use std::collections::VecDeque;

/// The one who has it, and those who wait, the first first.
#[derive(Debug)]
pub(crate) struct Turns<Who> {
    queue: VecDeque<Who>,
}

impl<Who> Default for Turns<Who> {
    fn default() -> Self {
        Self { queue: VecDeque::new() }
    }
}

impl<Who: PartialEq> Turns<Who> {
    /// Waits for a turn; whether it is this one's at once.
    pub(crate) fn wait(&mut self, who: Who) -> bool {
        self.queue.push_back(who);
        self.queue.len() == 1
    }

    /// Whoever this is wants no turn any more, or gives theirs back; whether the device is somebody else's now.
    pub(crate) fn leave(&mut self, who: &Who) -> bool {
        let Some(place) = self.queue.iter().position(|waiting| waiting == who) else { return false };
        self.queue.remove(place);
        place == 0 && !self.queue.is_empty()
    }

    /// Whether this one waits, or has a turn.
    pub(crate) fn is_known(&self, who: &Who) -> bool {
        self.queue.contains(who)
    }

    /// Whose turn it is.
    pub(crate) fn now(&self) -> Option<&Who> {
        self.queue.front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_goes_from_one_to_the_next_and_who_leaves_the_queue_holds_up_nobody() {
        let mut turns = Turns::default();
        assert_eq!([1, 2, 3, 4].map(|who| turns.wait(who)), [true, false, false, false]);
        assert!(!turns.leave(&2), "it never had it");
        assert!(turns.leave(&1));
        assert_eq!(turns.now(), Some(&3));
        assert!(!turns.leave(&9), "nobody knows it");
        assert!(turns.leave(&3));
        assert!(!turns.leave(&4), "nobody is left");
        assert_eq!(turns.now(), None);
    }
}
