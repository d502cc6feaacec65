// SPDX-License-Identifier: GPL-2.0

//! What goes to the device for a request.

use crate::{
    disk::BlkDisk,
    request::command, //
};
use kernel_ext::{
    block::{
        Operation,
        RequestView,
        Status,
        ZoneAction, //
    },
    dma::Direction, //
};

/// What goes to the device for a request.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(super) command: u32,
    pub(super) sector: u64,
    /// Which way the data goes; none has no data.
    pub(super) data: Option<Direction>,
    /// It carries ranges of sectors instead.
    pub(super) has_ranges: bool,
    /// Where the data go is a part of the answer.
    pub(super) is_append: bool,
}

impl Order {
    /// What a request asks of the device.
    #[inline]
    pub(super) fn of(request: &RequestView<BlkDisk>) -> Result<Self, Status> {
        let operation = request.operation();
        let (command, data) = match operation {
            Operation::Read => (command::IN, Some(Direction::FromDevice)),
            Operation::Write => (command::OUT, Some(Direction::ToDevice)),
            Operation::Flush => (command::FLUSH, None),
            Operation::DriverRead { command, .. } => (command, Some(Direction::FromDevice)),
            Operation::Discard => (command::DISCARD, None),
            Operation::WriteZeroes { .. } => (command::WRITE_ZEROES, None),
            Operation::SecureErase => (command::SECURE_ERASE, None),
            Operation::Zone(action) => (zone_command(action), None),
            Operation::ZoneAppend => (command::ZONE_APPEND, Some(Direction::ToDevice)),
            Operation::Other(_) => return Err(Status::NotSupported),
        };
        let sector = match operation {
            Operation::Read | Operation::Write | Operation::ZoneAppend => request.sector(),
            Operation::DriverRead { sector, .. } => sector,
            Operation::Zone(ZoneAction::ResetAll) => 0,
            Operation::Zone(_) => request.sector(),
            _ => 0,
        };

        Ok(Self {
            command,
            sector,
            data,
            has_ranges: command::has_ranges(command),
            is_append: command == command::ZONE_APPEND,
        })
    }
}

fn zone_command(action: ZoneAction) -> u32 {
    match action {
        ZoneAction::Open => command::ZONE_OPEN,
        ZoneAction::Close => command::ZONE_CLOSE,
        ZoneAction::Finish => command::ZONE_FINISH,
        ZoneAction::Reset => command::ZONE_RESET,
        ZoneAction::ResetAll => command::ZONE_RESET_ALL,
    }
}
