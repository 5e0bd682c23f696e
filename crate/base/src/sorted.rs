//! A map as a sorted list: for a few thousand entries as quick as a tree, with a small part of its code.

use crate::stored::Stored;

/// Keys in their order, each once, with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted<K, V> {
    entries: Vec<(K, V)>,
}

impl<K: Ord, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.entries.iter()
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// The value of this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|place| &self.entries[place].1)
    }

    /// Whether this key has a value.
    pub fn contains(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// The value of this key, which has one from now on.
    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.entries.insert(place, (key, V::default()));
            place
        });
        &mut self.entries[place].1
    }

    /// Takes this key away with its value.
    pub fn remove(&mut self, key: &K) {
        if let Ok(place) = self.place(key) {
            self.entries.remove(place);
        }
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| other.cmp(key))
    }
}

impl<K: Stored + Ord, V: Stored> Stored for Sorted<K, V> {
    fn write(&self, to: &mut Vec<u8>) {
        self.entries.write(to);
    }

    /// What is not sorted, or names a key twice, is not one.
    fn read(from: &mut &[u8]) -> Option<Self> {
        let entries = Vec::<(K, V)>::read(from)?;
        let rising = entries.is_sorted_by(|(a, _), (b, _)| a < b);
        rising.then_some(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_would(steps in prop::collection::vec((0u64..40, any::<bool>()), 0..200)) {
            let (mut sorted, mut tree) = (Sorted::<u64, u32>::new(), BTreeMap::new());
            for (key, stays) in steps {
                if stays {
                    *sorted.entry(key) += 1;
                    *tree.entry(key).or_insert(0u32) += 1;
                } else {
                    sorted.remove(&key);
                    tree.remove(&key);
                }
                prop_assert_eq!(sorted.get(&key), tree.get(&key));
                prop_assert_eq!(sorted.contains(&key), stays);
            }
            prop_assert_eq!(sorted.len(), tree.len());
            prop_assert!(sorted.iter().map(|(key, value)| (key, value)).eq(&tree));
        }
    }
}
