//! A queue that holds so many and no more.

use std::collections::VecDeque;

pub struct Bounded<T> {
    items: VecDeque<T>,
    most: usize,
}

impl<T> Bounded<T> {
    pub fn new(most: usize) -> Self {
        Self { items: VecDeque::with_capacity(most), most }
    }

    /// Gives the item back where there is no room.
    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.items.len() == self.most {
            return Err(item);
        }
        self.items.push_back(item);
        Ok(())
    }

    pub fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }
}
