//! A map from the numbers of what is watched, which grow, to what is known of it; the lowest
//! numbers are forgotten first.

use std::collections::VecDeque;

/// Holds what lies between the lowest and the highest number in it.
#[derive(Debug)]
pub(super) struct Window<T> {
    first: u64,
    slots: VecDeque<Option<T>>,
    most: usize,
}

impl<T> Window<T> {
    /// An empty one, for at most `most` numbers in a row.
    pub(super) fn new(most: usize) -> Self {
        Self {
            first: 0,
            slots: VecDeque::new(),
            most,
        }
    }

    /// What has that number.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.slots.get(self.place(number)?)?.as_ref()
    }

    /// What has that number, to be changed.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.slots.get_mut(place)?.as_mut()
    }

    /// What is in it with its numbers, the highest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (u64, &T)> {
        let numbered = self.slots.iter().enumerate().rev();
        numbered.filter_map(|(place, slot)| Some((self.first + place as u64, slot.as_ref()?)))
    }

    /// Puts something in. A number that is lower than all that fits is not taken.
    pub(super) fn insert(&mut self, number: u64, value: T) {
        if self.slots.is_empty() {
            self.first = number;
        }
        let ahead = number.checked_sub(self.first);
        let Some(ahead) = ahead else {
            self.insert_before(number, value);
            return;
        };
        if ahead > 2 * self.most as u64 {
            // Nothing that is in it would be left.
            self.slots.clear();
            self.first = number;
        }
        while self.first + (self.slots.len() as u64) < number {
            self.slots.push_back(None);
        }
        let place = self.place(number);
        match place.and_then(|place| self.slots.get_mut(place)) {
            Some(slot) => *slot = Some(value),
            None => self.slots.push_back(Some(value)),
        }
        while self.slots.len() > self.most {
            self.forget();
        }
    }

    /// Takes the lowest number out, if there is one.
    pub(super) fn forget(&mut self) -> Option<T> {
        let forgotten = self.slots.pop_front()?;
        self.first += 1;
        forgotten
    }

    /// How many numbers it spans.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Numbers come nearly in order: one may be lower than the lowest by a little.
    fn insert_before(&mut self, number: u64, value: T) {
        let missing = self.first - number;
        if missing + self.slots.len() as u64 > self.most as u64 {
            return;
        }
        for _ in 1..missing {
            self.slots.push_front(None);
        }
        self.slots.push_front(Some(value));
        self.first = number;
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(numbers: &[u64]) -> Window<u64> {
        let mut window = Window::new(3);
        for &number in numbers {
            window.insert(number, number * 10);
        }
        window
    }

    #[test]
    fn the_lowest_numbers_are_forgotten_first() {
        let window = window(&[1, 2, 3, 4]);
        assert_eq!((window.get(1), window.get(2)), (None, Some(&20)));
        assert_eq!(window.len(), 3);
    }

    #[test]
    fn numbers_may_come_out_of_order_and_far_apart() {
        let near = window(&[6, 5, 7]);
        assert_eq!((near.get(5), near.get(7)), (Some(&50), Some(&70)));
        let far = window(&[5, 1, 1000]);
        assert_eq!(
            (far.get(5), far.get(1), far.get(1000)),
            (None, None, Some(&10_000))
        );
    }
}
