// SPDX-License-Identifier: GPL-2.0

//! The short list of the network driver, beside a `VecDeque`.

use crate::batch::Batch;
use proptest::prelude::*;
use std::{
    collections::VecDeque,
    rc::Rc, //
};

type List<T> = Batch<Vec<Option<T>>>;

fn list<T>(places: usize) -> List<T> {
    Batch::new((0..places).map(|_| None).collect())
}

/// A list and what it should be.
struct Pair<const N: usize> {
    batch: List<Rc<u32>>,
    model: VecDeque<Rc<u32>>,
    /// Pushes since it was empty.
    pushed: usize,
}

impl<const N: usize> Pair<N> {
    fn new() -> Self {
        Self {
            batch: list(N),
            model: VecDeque::new(),
            pushed: 0,
        }
    }

    fn push(&mut self, item: &Rc<u32>) {
        let expected = if self.pushed < N {
            self.pushed += 1;
            self.model.push_back(item.clone());
            Ok(())
        } else {
            Err(item.clone())
        };

        assert_eq!(self.batch.push(item.clone()), expected);
    }

    fn pop(&mut self) {
        assert_eq!(self.batch.pop(), self.model.pop_front());
        if self.model.is_empty() {
            self.pushed = 0;
        }
    }
}

/// Runs `steps`: something to push, or `None` to pop. Nothing is lost, doubled or kept.
fn run<const N: usize>(steps: &[Option<u32>]) {
    let items: Vec<_> = steps.iter().flatten().map(|item| Rc::new(*item)).collect();
    let mut next = items.iter();
    let mut pair = Pair::<N>::new();

    for step in steps {
        match step {
            Some(_) => pair.push(next.next().unwrap()),
            None => pair.pop(),
        }
        // Each that is inside is held twice more: by the list and by the model.
        for item in &items {
            let inside = pair.model.iter().any(|held| Rc::ptr_eq(held, item));

            assert_eq!(Rc::strong_count(item), if inside { 3 } else { 1 });
        }
    }
    drop(pair);
    assert!(items.iter().all(|item| Rc::strong_count(item) == 1));
}

#[test]
fn filled_and_emptied_again_and_again() {
    let mut batch = list::<u32>(16);

    for round in 0..100 {
        assert_eq!(batch.pop(), None);
        for item in 0..16 {
            assert_eq!(batch.push(round * 16 + item), Ok(()));
        }
        assert_eq!(batch.push(7), Err(7));
        for item in 0..16 {
            assert_eq!(batch.pop(), Some(round * 16 + item));
        }
    }
}

#[test]
fn one_that_was_taken_leaves_no_room_until_all_were() {
    let mut batch = list::<u32>(2);

    assert_eq!((batch.push(1), batch.push(2)), (Ok(()), Ok(())));
    assert_eq!((batch.pop(), batch.push(3)), (Some(1), Err(3)));
    assert_eq!((batch.pop(), batch.push(3)), (Some(2), Ok(())));
    assert_eq!((batch.pop(), batch.pop()), (Some(3), None));
}

#[test]
fn one_without_room() {
    let mut batch = list::<u32>(0);

    assert_eq!((batch.push(1), batch.pop()), (Err(1), None));
}

proptest! {
    #[test]
    fn it_is_a_queue(steps in prop::collection::vec(
        // A pop more often than not, so that it gets empty; or less often, so that it gets full.
        prop_oneof![
            prop::option::weighted(0.4, any::<u32>()),
            prop::option::weighted(0.9, any::<u32>()),
        ],
        0..200,
    )) {
        run::<1>(&steps);
        run::<3>(&steps);
        run::<16>(&steps);
        run::<64>(&steps);
    }
}
