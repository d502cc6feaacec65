// SPDX-License-Identifier: GPL-2.0

//! Queues: doorbells, and the buffers behind them.

use super::*;

impl Function {
    /// A doorbell was written (4.1.5.2).
    pub(super) fn notified(&mut self, place: u64, bytes: &[u8]) {
        let queue = (place / u64::from(MULTIPLIER)) as u16;
        let wide = self.registers.has(bit::NOTIFICATION_DATA);
        let named = self.registers.has(bit::NOTIF_CONFIG_DATA);
        let called = match self.registers.queues.get(usize::from(queue)) {
            // What it is told to say may be a lie, and is to be said all the same.
            Some(of) if named => of.called,
            Some(_) => Some(queue),
            None => None,
        };

        self.notifications += 1;
        // After a reset the last ones may still be on their way (3.1.1).
        if self.registers.status != 0 && self.registers.status & status::DRIVER_OK == 0 {
            self.complain(
                About::Doorbell,
                format!("queue {queue}: notified before DRIVER_OK"),
            );
        }
        match bytes {
            [a, b] if !wide && called == Some(u16::from_le_bytes([*a, *b])) => {}
            [a, b, c, d] if wide && called == Some(u16::from_le_bytes([*a, *b])) => {
                self.told(queue, u16::from_le_bytes([*c, *d]));
            }
            _ => {
                let what = format!("queue {queue}: notified with {bytes:02x?}");
                let doorbells = NOTIFY_CAP as u32..NOTIFY_CAP as u32 + 20;

                // Where it is lied about the doorbells, it is another queue's, or none.
                if self.lies.has(|what| {
                    matches!(what, What::Read(Space::Pci, at, _) if doorbells.contains(at))
                        || matches!(what, What::Read(Space::Common, at, _) if *at == at::QUEUE_NOTIFY_OFF as u32)
                }) {
                    self.complain(About::Register, what);
                } else {
                    self.accuse(what);
                }
            }
        }
        self.serve(queue);
    }

    /// A notification says how far the driver has got in a queue (2.9).
    pub(super) fn told(&mut self, queue: u16, said: u16) {
        let ring = self
            .registers
            .queues
            .get(usize::from(queue))
            .and_then(|queue| queue.ring.as_ref());
        let Some(Ok(told)) = ring.map(|ring| ring.told(&self.memory, said)) else {
            return;
        };

        match told {
            Told::Now => self.up_to_date += 1,
            Told::Before => {}
            Told::Never => self.complain(
                About::Buffer,
                format!("queue {queue}: notified of {said:#x}, where the driver is not"),
            ),
        }
    }

    /// Serves all queues until nothing is left, beginning with one.
    pub(super) fn serve(&mut self, first: u16) {
        let queues = self.registers.queues.len() as u16;

        for _ in 0..MOST_BUFFERS {
            let mut any = false;

            for queue in (first..queues).chain(0..first.min(queues)) {
                match self.serve_one(queue) {
                    Ok(served) => any |= served,
                    Err(Nonsense(why)) => {
                        self.complain(About::Buffer, format!("queue {queue}: {why}"));
                        self.registers.queues[usize::from(queue)].ring = None;
                        self.ask_for_reset();
                    }
                }
                if self.gone {
                    return;
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Serves a queue until it is empty, or the model wants none of it.
    pub(super) fn serve_one(&mut self, index: u16) -> Result<bool, Nonsense> {
        self.lies.about(Some(index));
        let result = self.serve_queue(index);

        self.lies.about(None);
        result
    }

    pub(super) fn serve_queue(&mut self, index: u16) -> Result<bool, Nonsense> {
        let mut any = false;

        for _ in 0..MOST_BUFFERS {
            let works = self.registers.status & status::DRIVER_OK != 0
                && self.is_master()
                && !self.mad
                && self.tampering.is_over();

            let ordinary = index < self.registers.ordinary();

            if !works || ordinary && !self.model.wants(index) {
                break;
            }
            let Some(ring) = &mut self.registers.queues[usize::from(index)].ring else {
                break;
            };
            let Some(chain) = ring.fetch(&self.memory)? else {
                if ring.sleep(&self.memory, &mut self.lies)? {
                    break;
                }
                continue;
            };

            any = true;
            self.requests += 1;
            for (at, length) in chain.readable.iter().chain(&chain.writable) {
                if *length >= LEAST_PIECE {
                    let (count, low, high) = self.pieces;
                    let last = at + u64::from(*length) - 1;

                    self.pieces = (count + 1, low.min(*at), high.max(last));
                }
            }
            if self.lies.tell(What::Undone, 0).is_some() {
                self.undone.entry(index).or_default().push(chain);
                continue;
            }
            // What stands there before is what stands there afterwards.
            let short = self.shorten(&chain)?;
            let keep = self.lies.tell(What::Keep, 0).is_some();
            let mut complaints = Vec::new();
            let mut context = Context {
                memory: &self.memory,
                lies: &mut self.lies,
                accepted: self.registers.accepted,
                complaints: &mut complaints,
            };
            let served = match &mut self.admin {
                Some(admin) if !ordinary => admin.serve(&chain, &mut context)?,
                _ => self.model.serve(index, &chain, &mut context)?,
            };

            for complaint in complaints {
                self.complain(About::Buffer, format!("queue {index}: {complaint}"));
            }
            let served = match (served, short) {
                (Served::Used(written), Some((from, before))) => {
                    chain.write(&self.memory, from, &before)?;
                    Served::Used(match from {
                        0 => 0,
                        _ => written.saturating_sub(before.len() as u32),
                    })
                }
                (served, _) => served,
            };

            match served {
                Served::More(written) if !keep => {
                    let together = self.together.entry(index).or_default();

                    together.push((chain, written));
                }
                Served::Later(written, ms) if !keep => self.late.push(Late {
                    due: Instant::now() + Duration::from_millis(ms),
                    queue: index,
                    buffers: vec![(chain, written)],
                }),
                Served::Used(written) if !keep => {
                    let mut buffers = self.together.remove(&index).unwrap_or_default();

                    buffers.push((chain, written));
                    match self.lies.tell(What::Late, 0) {
                        Some(ms) => self.late.push(Late {
                            due: Instant::now() + Duration::from_millis(ms),
                            queue: index,
                            buffers,
                        }),
                        None => self.give_back(index, &buffers)?,
                    }
                }
                _ => {
                    self.together.remove(&index);
                }
            }
            self.events();
            if self.gone {
                break;
            }
        }
        Ok(any)
    }

    /// The data that a lie leaves out: where in the buffer, and what stands there. The byte behind them is the status.
    pub(super) fn shorten(&mut self, chain: &Chain) -> Result<Option<(u64, Vec<u8>)>, Nonsense> {
        let data = chain.writable_len().saturating_sub(1);

        if data == 0 {
            return Ok(None);
        }
        let Some(less) = self.lies.tell(What::Short, 0) else {
            return Ok(None);
        };
        let mut before = vec![0; less.min(data) as usize];
        let from = data - before.len() as u64;

        chain.peek(&self.memory, from, &mut before)?;
        Ok(Some((from, before)))
    }

    pub(super) fn give_back(
        &mut self,
        index: u16,
        buffers: &[(Chain, u32)],
    ) -> Result<(), Nonsense> {
        if !self.is_master() {
            return Ok(());
        }
        self.tamper(index, buffers)?;
        let undone = self.undone.remove(&index).unwrap_or_default();
        let in_order = self.registers.has(bit::IN_ORDER);
        let queue = &mut self.registers.queues[usize::from(index)];
        let Some(ring) = &mut queue.ring else {
            return Ok(());
        };

        if let Some(value) = self.lies.tell(What::Overwrite, 0) {
            let [(desc, _), ..] = ring.areas();
            let word = value.to_le_bytes();
            let packed = matches!(ring, Ring::Packed(_));

            for index in buffers.iter().flat_map(|(chain, _)| &chain.indices) {
                let at = desc + 16 * u64::from(*index);
                // In a packed ring the flags would say that it is used.
                let behind = if packed { 6 } else { 8 };

                self.memory.write(at, &word)?;
                self.memory.write(at + 8, &word[..behind])?;
            }
        }
        if self.lies.tell(What::Scribble, 0).is_some() {
            for (at, length) in buffers
                .iter()
                .filter_map(|(chain, _)| chain.readable.first())
            {
                let nonsense = vec![0xa5; (*length).min(16) as usize];

                self.memory.write(*at, &nonsense)?;
            }
        }
        let mut interrupt = match undone.last() {
            None => ring.put(&self.memory, buffers, &mut self.lies)?,
            Some(_) if in_order => {
                let undone = undone.into_iter().map(|chain| (chain, 0));
                let batch: Buffers = undone.chain(buffers.iter().cloned()).collect();

                ring.put_batch(&self.memory, &batch, &mut self.lies)?
            }
            Some(chain) => {
                let written = chain.writable_len() as u32;

                ring.put(&self.memory, &[(chain.clone(), written)], &mut self.lies)?
            }
        };

        // What the driver says of interrupts may be nonsense of ours.
        interrupt |= self.tampering.is_damaging();

        if self.lies.tell(What::Twice, 0).is_some() {
            interrupt |= ring.put(&self.memory, buffers, &mut self.lies)?;
        }
        let vector = queue.vector;

        if interrupt && self.mute {
            self.withheld += 1;
        } else if interrupt {
            self.interrupt(1, vector);
        }
        Ok(())
    }

    /// Writes over what the driver has written, and has used elements change while they are read.
    pub(super) fn tamper(&mut self, index: u16, buffers: &[(Chain, u32)]) -> Result<(), Nonsense> {
        let Some(ring) = &self.registers.queues[usize::from(index)].ring else {
            return Ok(());
        };
        let late = self.late.iter().filter(|late| late.queue == index);
        let chains: Vec<_> = late
            .flat_map(|late| &late.buffers)
            .chain(buffers)
            .map(|(chain, _)| chain)
            .collect();

        self.tampering
            .spoil(&self.memory, &mut self.lies, index, ring, &chains)?;
        if let Some((chain, written)) = buffers.first() {
            self.tampering
                .flicker(&self.memory, &mut self.lies, ring, chain, *written);
        }
        Ok(())
    }
}
