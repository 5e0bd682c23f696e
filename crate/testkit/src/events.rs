use privet_model::{Event, Item, Moment, Schema};

/// How many numbers an embedding has here.
pub const EMBEDDING: usize = 16;

/// An item on one axis of the embeddings: its key is the axis, too.
pub fn item(axis: usize, score: f32) -> Item {
    let embedding = (0..EMBEDDING).map(|i| if i == axis { 1.0 } else { 0.0 }).collect();
    Item { score, ..Item::plain(axis as u64, embedding) }
}

/// Something of a plain kind that was done with such an item, at the beginning of time.
pub fn event(kind: &str, axis: usize) -> Event {
    let kind = Schema::plain(EMBEDDING as u32).kind(kind).expect("a plain kind");
    Event::new(kind, item(axis, 0.0), Moment::default())
}
