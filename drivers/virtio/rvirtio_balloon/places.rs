// SPDX-License-Identifier: GPL-2.0

//! Who may use which place for a notice, and what became of it. Pure.
//!
//! A place is memory that the host reads. It belongs to whoever took it, then to the host, then to
//! whoever waits for the host, if somebody still does.

/// How many places a queue has.
pub(crate) const PLACES: usize = 4;

/// What a place is wanted for. Each purpose has places of its own, so that none waits for another,
/// which may take as long as the host likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The balloon follows the host's wish.
    Resize,
    /// The kernel moves a page.
    Migration,
    /// Memory has run out. Two places, as one may be with a host that was not waited for.
    OutOfMemory,
}

impl Purpose {
    /// The first and the last place.
    const fn range(self) -> (usize, usize) {
        match self {
            Self::Resize => (0, 0),
            Self::Migration => (1, 1),
            Self::OutOfMemory => (2, 3),
        }
    }
}

/// Whose a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody's.
    Free,
    /// Somebody writes to it.
    Taken,
    /// Somebody has written to it, for a session of the device that is over.
    Old,
    /// The host's, and somebody waits for it.
    Awaited,
    /// The host's, and nobody waits.
    Forgotten,
    /// The host is done, and who waits has not noticed yet.
    Acknowledged,
    /// The host will never be done, and who waits has not noticed yet.
    Failed,
}

/// What came of handing a place over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handing {
    /// It is the host's.
    Done,
    /// The device was reset since it was taken: what was to be said is no news any more, if the pages that it is about were taken
    /// before that, too. It stays who took it's.
    Old,
    /// The device is broken. It stays who took it's.
    Closed,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The host has acknowledged it.
    Acknowledged,
    /// It has not, so far.
    Late,
    /// The device is broken.
    Failed,
}

/// The places of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    states: [State; PLACES],
    closed: bool,
    /// The device was reset, and the driver has not settled yet what it does not know any more.
    resting: bool,
}

impl Places {
    /// All free.
    pub(crate) const fn new() -> Self {
        Self {
            states: [State::Free; PLACES],
            closed: false,
            resting: false,
        }
    }

    /// Moves a place from one state to another, if it is in the first.
    fn change(&mut self, place: usize, from: State, to: State) -> bool {
        match self.states.get_mut(place) {
            Some(state) if *state == from => {
                *state = to;
                true
            }
            _ => false,
        }
    }

    /// Takes a place, if one is free and the device works.
    pub(crate) fn take(&mut self, purpose: Purpose) -> Option<usize> {
        let (first, last) = purpose.range();

        if self.closed || self.resting {
            return None;
        }
        (first..=last).find(|place| self.change(*place, State::Free, State::Taken))
    }

    /// Gives back a place that was taken and not handed over.
    pub(crate) fn give_back(&mut self, place: usize) {
        self.change(place, State::Taken, State::Free);
        self.change(place, State::Old, State::Free);
    }

    /// Hands a place over to the host; `awaited`: somebody will wait.
    pub(crate) fn hand_over(&mut self, place: usize, awaited: bool) -> Handing {
        let to = if awaited {
            State::Awaited
        } else {
            State::Forgotten
        };

        if self.closed {
            Handing::Closed
        } else if self.change(place, State::Taken, to) {
            Handing::Done
        } else {
            Handing::Old
        }
    }

    /// Undoes [`Self::hand_over`] for a place that could not be posted.
    pub(crate) fn refused(&mut self, place: usize) {
        if let Some(state) = self.states.get_mut(place) {
            *state = State::Taken;
        }
    }

    /// The host is done with a place. Whether somebody waits for it.
    pub(crate) fn acknowledge(&mut self, place: usize) -> bool {
        self.change(place, State::Forgotten, State::Free);
        self.change(place, State::Awaited, State::Acknowledged)
    }

    /// Ends waiting for a place, and says what became of it. A late one stays the host's.
    pub(crate) fn stop_waiting(&mut self, place: usize) -> Fate {
        if self.change(place, State::Acknowledged, State::Free) {
            Fate::Acknowledged
        } else if self.change(place, State::Awaited, State::Forgotten) {
            Fate::Late
        } else {
            self.change(place, State::Failed, State::Free);
            Fate::Failed
        }
    }

    /// The device was reset, and has forgotten all it was told: all who wait fail, and nobody gets a place until
    /// [`Self::begin`]. Says which places somebody waits for.
    pub(crate) fn forget(&mut self) -> [bool; PLACES] {
        let mut awaited = [false; PLACES];

        self.resting = true;
        for (place, awaited) in awaited.iter_mut().enumerate() {
            *awaited = self.change(place, State::Awaited, State::Failed);
            self.change(place, State::Forgotten, State::Free);
            self.change(place, State::Taken, State::Old);
        }
        awaited
    }

    /// Ends what [`Self::forget`] began: the device may be told of pages again.
    pub(crate) fn begin(&mut self) {
        self.resting = false;
    }

    /// The device is broken: all who wait fail, nobody gets a place any more. Says which places
    /// somebody waits for.
    pub(crate) fn close(&mut self) -> [bool; PLACES] {
        let mut awaited = [false; PLACES];

        self.closed = true;
        for (place, awaited) in awaited.iter_mut().enumerate() {
            *awaited = self.change(place, State::Awaited, State::Failed);
        }
        awaited
    }
}
