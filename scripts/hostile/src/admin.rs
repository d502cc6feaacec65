// SPDX-License-Identifier: GPL-2.0

//! The administration queue (virtio 1.4, 2.12.1 and 2.13), behind the ordinary ones of a device. It knows the two commands
//! that every such queue has, and the names of some that nobody here may use.

use crate::{
    device::{
        Context,
        Served, //
    },
    lie::Part,
    options::Options,
    ring::{
        Chain,
        Nonsense, //
    },
};

const HEAD: usize = 24;
const ANSWER_HEAD: u64 = 8;
const LIST_QUERY: u16 = 0;
const LIST_USE: u16 = 1;
/// What is in the list: these two, and those for device parts.
const OFFERED: u64 = 0x3_c003;
const USED: u64 = 3;

/// Statuses, with their qualifiers in the high half.
const OK: u32 = 0;
const NO_SUCH_OPCODE: u32 = 22 | 2 << 16;
const NO_SUCH_FIELD: u32 = 22 | 3 << 16;
const NO_SUCH_GROUP: u32 = 22 | 4 << 16;

/// Groups by their type: the device itself, its virtual functions.
const GROUPS: usize = 2;

pub struct Admin {
    groups: [bool; GROUPS],
    asked: [bool; GROUPS],
    /// What the driver says it uses, of each group.
    used: [u64; GROUPS],
    commands: u64,
}

impl Admin {
    /// What the options want: `admin=self`, `sriov`, `both` or `none` of the groups; without it there is no such queue.
    pub fn new(options: &Options) -> Result<Option<Self>, String> {
        let groups = match options.text("admin") {
            None | Some("off") => return Ok(None),
            Some("self") => [true, false],
            Some("sriov") => [false, true],
            Some("both") => [true, true],
            Some("none") => [false, false],
            Some(other) => return Err(format!("admin={other}?")),
        };

        Ok(Some(Self {
            groups,
            asked: [false; GROUPS],
            used: [0; GROUPS],
            commands: 0,
        }))
    }

    pub fn reset(&mut self) {
        self.asked = [false; GROUPS];
        self.used = [0; GROUPS];
        self.commands = 0;
    }

    /// Commands since the reset, and what is used of each group.
    pub fn knows(&self) -> String {
        let [own, functions] = self.used;

        format!("{} {own:#x} {functions:#x}", self.commands)
    }

    pub fn serve(&mut self, chain: &Chain, context: &mut Context<'_>) -> Result<Served, Nonsense> {
        let mut bytes = vec![0; chain.readable_len().min(4096) as usize];

        if chain.writable_len() < ANSWER_HEAD {
            return Err(Nonsense("no room for an answer".into()));
        }
        chain.read(context.memory, 0, &mut bytes)?;
        self.commands += 1;
        let (status, result) = match bytes.split_first_chunk::<HEAD>() {
            Some((head, data)) => self.carry_out(head, data, context),
            None => {
                context.complain(format!("a command of {} bytes", bytes.len()));
                (NO_SUCH_FIELD, None)
            }
        };

        if let Some(status) = context.answer(Part::Status, status.into()) {
            chain.write(context.memory, 0, &(status as u32).to_le_bytes())?;
            chain.write(context.memory, 4, &[0; 4])?;
        }
        let Some(result) = result else {
            return Ok(Served::Used(ANSWER_HEAD as u32));
        };
        if chain.writable_len() < ANSWER_HEAD + 8 {
            context.complain("no room for a list".into());
            return Ok(Served::Used(ANSWER_HEAD as u32));
        }
        if let Some(result) = context.answer(Part::Data, result) {
            chain.write(context.memory, ANSWER_HEAD, &result.to_le_bytes())?;
        }
        Ok(Served::Used(ANSWER_HEAD as u32 + 8))
    }

    fn carry_out(
        &mut self,
        head: &[u8; HEAD],
        data: &[u8],
        context: &mut Context<'_>,
    ) -> (u32, Option<u64>) {
        let opcode = u16::from_le_bytes([head[0], head[1]]);
        let group = usize::from(u16::from_le_bytes([head[2], head[3]]));

        if head[4..].iter().any(|byte| *byte != 0) {
            context.complain(format!("a command that begins with {head:02x?}"));
        }
        if group >= GROUPS {
            context.complain(format!("a command to the group {group}"));
        }
        if !self.groups.get(group).is_some_and(|there| *there) {
            return (NO_SUCH_GROUP, None);
        }
        match opcode {
            LIST_QUERY => {
                self.asked[group] = true;
                (OK, Some(OFFERED))
            }
            LIST_USE => {
                let list = <[u8; 8]>::try_from(data).map(u64::from_le_bytes);

                match list {
                    Ok(list) if list & !OFFERED == 0 && list & USED == USED => {
                        if !self.asked[group] {
                            context.complain("a list is used that was not asked for".into());
                        }
                        self.used[group] = list;
                        (OK, None)
                    }
                    _ => {
                        context.complain(format!("the list {data:02x?} is to be used"));
                        (NO_SUCH_FIELD, None)
                    }
                }
            }
            _ => {
                context.complain(format!("the command {opcode}"));
                (NO_SUCH_OPCODE, None)
            }
        }
    }
}
