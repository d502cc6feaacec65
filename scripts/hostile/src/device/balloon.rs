// SPDX-License-Identifier: GPL-2.0

//! A memory balloon (virtio 1.4, 5.5) that writes nonsense into whatever the guest says it does not use: a driver that says so
//! too early, or of the wrong page, is found out.

use super::{
    Context,
    Model,
    Served, //
};
use crate::{
    options::Options,
    ring::{
        Chain,
        Nonsense, //
    },
};
use std::collections::BTreeSet;

const PAGE: u64 = 4096;
/// Bytes of a statistic.
const STAT: usize = 10;
/// The largest tag of a statistic.
const LAST_TAG: u16 = 15;
const NONSENSE: u8 = 0xb5;
/// Command of hints: they are over, and the pages are the guest's again.
const DONE: u32 = 1;

mod feature {
    pub const MUST_TELL_HOST: u32 = 0;
    pub const STATS_VQ: u32 = 1;
    pub const DEFLATE_ON_OOM: u32 = 2;
    pub const FREE_PAGE_HINT: u32 = 3;
    pub const PAGE_POISON: u32 = 4;
    pub const REPORTING: u32 = 5;
}

/// Fields of the configuration (5.5.4).
pub mod at {
    pub const NUM_PAGES: u32 = 0;
    pub const ACTUAL: u32 = 4;
    pub const HINT_COMMAND: u32 = 8;
    pub const POISON: u32 = 12;
}

/// What a queue is for; without gaps, as QEMU has them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Inflate,
    Deflate,
    Statistics,
    Hints,
    Reports,
}

pub struct Balloon {
    features: u128,
    queues: Vec<Purpose>,
    wanted: u32,
    actual: u32,
    command: u32,
    poison: u32,
    /// Page numbers in it.
    inside: BTreeSet<u32>,
    /// How often statistics are still to be had; `always` without end.
    questions: u32,
    always: bool,
    statistics: Vec<(u16, u64)>,
    answers: u64,
    /// What leaves it is not taken note of.
    holds: bool,
    /// The number that the driver said last on the queue of hints, and blocks that it hinted and reported.
    round: u32,
    hinted: u64,
    reported: u64,
}

impl Balloon {
    pub fn new(options: &Options) -> Result<Self, String> {
        let on = |key: &str| options.text(key) != Some("off");
        let mut features = 1 << feature::DEFLATE_ON_OOM | 1 << feature::PAGE_POISON;
        let mut queues = vec![Purpose::Inflate, Purpose::Deflate];
        let more = [
            ("stats", feature::STATS_VQ, Purpose::Statistics),
            ("hints", feature::FREE_PAGE_HINT, Purpose::Hints),
            ("reports", feature::REPORTING, Purpose::Reports),
        ];

        for (key, bit, purpose) in more {
            if on(key) {
                features |= 1 << bit;
                queues.push(purpose);
            }
        }
        if on("must_tell") {
            features |= 1 << feature::MUST_TELL_HOST;
        }
        Ok(Self {
            features,
            queues,
            wanted: options.number("wanted", 0)? as u32,
            actual: 0,
            command: 0,
            poison: 0,
            inside: BTreeSet::new(),
            questions: 0,
            always: options.text("stats") == Some("always"),
            statistics: Vec::new(),
            answers: 0,
            holds: false,
            round: 0,
            hinted: 0,
            reported: 0,
        })
    }

    fn purpose(&self, queue: u16) -> Option<Purpose> {
        self.queues.get(usize::from(queue)).copied()
    }

    /// Takes page numbers, and gives what each is about to `each`, which may find something wrong.
    fn pages(
        chain: &Chain,
        context: &mut Context<'_>,
        mut each: impl FnMut(u32, &mut Context<'_>) -> Result<(), Nonsense>,
    ) -> Result<(), Nonsense> {
        let mut bytes = vec![0; chain.readable_len() as usize];

        chain.read(context.memory, 0, &mut bytes)?;
        if bytes.len() % 4 != 0 {
            context.complain(format!("page numbers of {} bytes", bytes.len()));
        }
        for number in bytes.chunks_exact(4) {
            each(
                u32::from_le_bytes([number[0], number[1], number[2], number[3]]),
                context,
            )?;
        }
        Ok(())
    }

    fn take_statistics(
        &mut self,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<(), Nonsense> {
        let mut bytes = vec![0; chain.readable_len() as usize];

        chain.read(context.memory, 0, &mut bytes)?;
        self.questions = self.questions.saturating_sub(1);
        self.answers += 1;
        self.statistics.clear();
        for one in bytes.chunks(STAT) {
            let Ok(one) = <&[u8; STAT]>::try_from(one) else {
                context.complain(format!("statistics of {} bytes", bytes.len()));
                break;
            };
            let tag = u16::from_le_bytes([one[0], one[1]]);
            let mut value = [0; 8];

            value.copy_from_slice(&one[2..]);
            if tag > LAST_TAG {
                context.complain(format!("a statistic with the tag {tag}"));
            }
            self.statistics.push((tag, u64::from_le_bytes(value)));
        }
        Ok(())
    }

    /// Free blocks, which may be spoilt.
    fn spoil_blocks(&self, chain: &Chain, context: &mut Context<'_>) -> Result<u64, Nonsense> {
        let mut blocks = 0;

        for &(start, length) in &chain.writable {
            let pages = u64::from(length) / PAGE;

            if start % PAGE != 0 || u64::from(length) % PAGE != 0 {
                context.complain(format!("a block of {length} bytes at {start:#x}"));
            }
            for page in start / PAGE..start / PAGE + pages {
                if self.inside.contains(&(page as u32)) {
                    context.complain(format!("page {page} is free, and in the balloon"));
                }
                spoil(page, 64, context)?;
            }
            blocks += 1;
        }
        Ok(blocks)
    }
}

/// Writes nonsense over the first `length` bytes of a page.
fn spoil(page: u64, length: usize, context: &mut Context<'_>) -> Result<(), Nonsense> {
    Ok(context
        .memory
        .write(page * PAGE, &[NONSENSE; PAGE as usize][..length])?)
}

impl Model for Balloon {
    fn id(&self) -> u16 {
        5
    }

    fn class(&self) -> u32 {
        0x0005_0000
    }

    fn features(&self) -> u128 {
        self.features
    }

    fn queues(&self) -> u16 {
        self.queues.len() as u16
    }

    fn config(&self) -> Vec<u8> {
        [self.wanted, self.actual, self.command, self.poison]
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect()
    }

    fn write_config(&mut self, at: usize, bytes: &[u8]) {
        let Ok(word) = bytes.try_into().map(u32::from_le_bytes) else {
            return;
        };

        match at as u32 {
            at::ACTUAL => self.actual = word,
            at::POISON => self.poison = word,
            _ => {}
        }
    }

    fn change(&mut self) {
        self.wanted ^= 64;
    }

    fn reset(&mut self) {
        self.inside.clear();
        self.actual = 0;
        self.command = 0;
        self.round = 0;
    }

    fn wants(&self, queue: u16) -> bool {
        match self.purpose(queue) {
            Some(Purpose::Statistics) => self.always || self.questions != 0,
            Some(Purpose::Deflate) => !self.holds,
            _ => true,
        }
    }

    fn serve(
        &mut self,
        queue: u16,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let mut written = 0;

        match self.purpose(queue) {
            Some(Purpose::Inflate) => Self::pages(chain, context, |page, context| {
                if !self.inside.insert(page) {
                    context.complain(format!("page {page} is in the balloon already"));
                }
                spoil(page.into(), PAGE as usize, context)
            })?,
            Some(Purpose::Deflate) => Self::pages(chain, context, |page, context| {
                if !self.inside.remove(&page) {
                    context.complain(format!("page {page} is not in the balloon"));
                }
                // Until this is acknowledged it is the host's (5.5.6.2).
                if context.has(feature::MUST_TELL_HOST) {
                    spoil(page.into(), PAGE as usize, context)?;
                }
                Ok(())
            })?,
            Some(Purpose::Statistics) => self.take_statistics(chain, context)?,
            Some(Purpose::Hints) if chain.readable_len() == 4 => {
                let mut word = [0; 4];

                chain.read(context.memory, 0, &mut word)?;
                self.round = u32::from_le_bytes(word);
            }
            Some(Purpose::Hints) => {
                self.hinted += self.spoil_blocks(chain, context)?;
                written = chain.writable_len() as u32;
            }
            Some(Purpose::Reports) => {
                self.reported += self.spoil_blocks(chain, context)?;
                written = chain.writable_len() as u32;
            }
            None => {}
        }
        Ok(Served::Used(written))
    }

    fn order(&mut self, words: &[&str]) -> Option<bool> {
        match words {
            ["want", pages] => self.wanted = pages.parse().ok()?,
            ["hint", command] => self.command = command.parse().ok()?,
            ["hint-done"] => self.command = DONE,
            ["hold"] | ["release"] => {
                self.holds = words == ["hold"];
                return Some(false);
            }
            ["question"] => {
                self.questions += 1;
                return Some(false);
            }
            _ => return None,
        }
        Some(true)
    }

    fn ask(&mut self, words: &[&str]) -> Option<String> {
        match words {
            ["size"] => Some(format!("{} {}", self.inside.len(), self.actual)),
            ["statistics"] => {
                let words: Vec<_> = self
                    .statistics
                    .iter()
                    .map(|(tag, value)| format!("{tag}={value}"))
                    .collect();

                Some(format!("{} {}", self.answers, words.join(" ")))
            }
            ["hints"] => Some(format!("{} {}", self.round, self.hinted)),
            ["reports"] => Some(self.reported.to_string()),
            _ => None,
        }
    }
}
