// SPDX-License-Identifier: GPL-2.0

//! An entropy device (virtio 1.4, 5.4): it fills what it gets.

use super::{
    Context,
    Model,
    Served, //
};
use crate::{
    lie::Part,
    ring::{
        Chain,
        Nonsense, //
    },
};

/// The most bytes that it gives at once.
const MOST: u64 = 4096;

#[derive(Default)]
pub struct Rng;

impl Model for Rng {
    fn id(&self) -> u16 {
        4
    }

    fn class(&self) -> u32 {
        0x00ff_0000
    }

    fn features(&self) -> u128 {
        0
    }

    fn queues(&self) -> u16 {
        1
    }

    fn config(&self) -> Vec<u8> {
        Vec::new()
    }

    fn serve(
        &mut self,
        _queue: u16,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let length = chain.writable_len().min(MOST);

        if context.gives(Part::Data) {
            let bytes: Vec<u8> = (0..length)
                .map(|_| context.lies.random().next() as u8)
                .collect();

            chain.write(context.memory, 0, &bytes)?;
        }
        Ok(Served::Used(length as u32))
    }
}
