//! The slates of late: what an event needs to know of the one that it names.

use super::entry::fit;
use privet_base::stored;
use privet_decide::running::{Compared, DEPTH};
use privet_model::{Event, Item, MOST_OTHERS, Moment, Schema};

/// A slate that was made, whether or not it was shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offered {
    pub(super) id: u32,
    /// The first [`DEPTH`] items in the order of showing.
    pub(super) items: Vec<Item>,
    pub(super) moment: Moment,
    pub(super) shown: bool,
    /// The places of what was chosen.
    chosen: Vec<u8>,
    /// How both orders stand on it, until it is shown and the running evaluation takes it over.
    pub(super) compared: Option<Compared>,
}

stored!(Offered { id, items, moment, shown, chosen, compared });

impl Offered {
    pub(super) fn new(id: u32, items: Vec<Item>, moment: Moment, compared: Option<Compared>) -> Self {
        Self { id, items, moment, shown: false, chosen: Vec::new(), compared }
    }

    /// Where an item stands.
    pub(super) fn place(&self, key: u64) -> Option<usize> {
        self.items.iter().position(|item| item.key == key)
    }

    /// Puts into the event what is known of its item at this place, and what was shown beside it and not chosen: the
    /// nearest, and of two as near the upper one, as what lies far away was hardly looked at.
    pub(super) fn complete(&mut self, event: &mut Event, place: usize, chosen: bool) {
        let count = self.items.len();
        let around = (1..count).flat_map(|off| [place.checked_sub(off), Some(place + off)]).flatten();
        let others = around.filter(|&other| other < count && !self.chosen.contains(&(other as u8)));
        event.others = others.take(MOST_OTHERS).map(|other| self.items[other].clone()).collect();
        event.item = self.items[place].clone();
        event.position = place as u16 + 1;
        if chosen && !self.chosen.contains(&(place as u8)) {
            self.chosen.push(place as u8);
        }
    }

    pub(super) fn fits(&self, schema: &Schema) -> bool {
        fit(&self.items, schema) && self.chosen.len() <= DEPTH && self.compared.iter().all(Compared::fits)
    }
}
