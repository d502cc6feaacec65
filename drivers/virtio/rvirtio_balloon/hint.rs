// SPDX-License-Identifier: GPL-2.0

//! What the host wants of hints, by the number in its configuration (virtio 1.4, 5.5.6.4). Pure.

/// No round is under way; what was hinted stays set aside.
pub(crate) const STOP: u32 = 0;
/// The rounds are over: what was hinted may be used again.
pub(crate) const DONE: u32 = 1;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, or to stop what is done.
    Rest,
    /// Give back what was set aside.
    Release,
    /// Hint free memory, under this number.
    Round(u32),
}

/// Whether the host has given up `round`, which is under way, when it says `command`.
///
/// [`STOP`] is not believed: QEMU's field reads so all through a round. A host that does stop takes no
/// more hints, and says [`DONE`], or another number, when it has decided.
pub(crate) fn is_over(command: u32, round: u32) -> bool {
    command != round && command != STOP
}

/// What to do when the host says `command` and the last round was for `served`.
pub(crate) fn step(command: u32, served: u32) -> Step {
    match command {
        DONE => Step::Release,
        STOP => Step::Rest,
        round if round == served => Step::Rest,
        round => Step::Round(round),
    }
}
