// SPDX-License-Identifier: GPL-2.0

//! Where a device's structures are: its vendor-specific PCI capabilities (virtio 1.4, 4.1.4).
//!
//! Pure: bytes and BAR lengths in, places out. The device may say anything. Each capability is read
//! into bytes once, by the caller; what comes out is inside a BAR that exists, aligned, and long
//! enough for what is required of it.

use core::fmt;

/// How many bytes of each capability are looked at: the longest kind that is known.
pub(crate) const CAPABILITY_BYTES: usize = 24;

/// The common configuration is needed up to here.
const COMMON_BYTES: u64 = super::registers::COMMON_LENGTH;
/// A doorbell is 16 bits wide.
const NOTIFY_BYTES: u64 = 2;
/// The ISR status is one byte.
const ISR_BYTES: u64 = 1;

/// BARs are numbered 0 to 5; other values are reserved.
pub(crate) const BARS: u8 = 6;

/// `VIRTIO_PCI_CAP_PCI_CFG` (4.1.4.9).
const CONFIG_ACCESS: u8 = 5;
/// How long that capability is.
const CONFIG_ACCESS_BYTES: u8 = 20;

/// A place inside a BAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which BAR.
    pub(crate) bar: u8,
    /// Bytes from its start.
    pub(crate) offset: u64,
    /// Bytes that are there, in the BAR and in the structure.
    pub(crate) length: u64,
}

/// Where a device's structures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Common configuration (4.1.4.3), at least as long as its registers.
    pub(crate) common: Place,
    /// Doorbells (4.1.4.4).
    pub(crate) notify: Place,
    /// Bytes between the doorbells of queues; zero when they share one.
    pub(crate) notify_multiplier: u32,
    /// ISR status (4.1.4.5).
    pub(crate) isr: Place,
    /// Device configuration (4.1.4.6), if there is one.
    pub(crate) device: Option<Place>,
}

/// The kinds of structures that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `VIRTIO_PCI_CAP_COMMON_CFG`.
    Common,
    /// `VIRTIO_PCI_CAP_NOTIFY_CFG`.
    Notify,
    /// `VIRTIO_PCI_CAP_ISR_CFG`.
    Isr,
    /// `VIRTIO_PCI_CAP_DEVICE_CFG`.
    Device,
}

impl Kind {
    fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::Common),
            2 => Some(Self::Notify),
            3 => Some(Self::Isr),
            4 => Some(Self::Device),
            _ => None,
        }
    }

    /// How the structure is aligned in its BAR (4.1.4.3.1 and following).
    fn alignment(self) -> u64 {
        match self {
            Self::Common | Self::Device => 4,
            Self::Notify => 2,
            Self::Isr => 1,
        }
    }

    /// How much of it there has to be.
    fn minimum(self) -> u64 {
        match self {
            Self::Common => COMMON_BYTES,
            Self::Notify => NOTIFY_BYTES,
            Self::Isr | Self::Device => ISR_BYTES,
        }
    }

    /// The name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Common => "common configuration",
            Self::Notify => "notification area",
            Self::Isr => "ISR status",
            Self::Device => "device configuration",
        }
    }
}

/// Why a device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayoutError {
    /// No usable structure of this kind; `fault` says what was wrong with the last one seen.
    Missing {
        /// The kind.
        kind: Kind,
        /// What was wrong, if there was one at all.
        fault: Option<Fault>,
    },
    /// There is a device configuration, but not a usable one.
    BadDevice(Fault),
    /// The doorbells are neither shared nor an even number of bytes apart.
    BadMultiplier(u32),
}

/// What is wrong with a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The capability itself is shorter than its fields.
    Truncated {
        /// `cap_len`.
        length: u8,
    },
    /// The BAR is a reserved one.
    ReservedBar {
        /// The BAR.
        bar: u8,
    },
    /// The BAR has no resource behind it.
    NoBar {
        /// The BAR.
        bar: u8,
    },
    /// The structure does not begin at a multiple of its alignment.
    Misaligned {
        /// Its offset.
        offset: u64,
    },
    /// The structure, or the part of it that is needed, is not inside the BAR.
    OutOfBar {
        /// Its offset.
        offset: u64,
        /// Its length.
        length: u64,
        /// The BAR's length.
        bar_length: u64,
    },
    /// The structure is shorter than what is needed of it.
    TooShort {
        /// Its length.
        length: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { length } => write!(f, "capability of {length} bytes is too short"),
            Self::ReservedBar { bar } => write!(f, "BAR {bar} is reserved"),
            Self::NoBar { bar } => write!(f, "BAR {bar} does not exist"),
            Self::Misaligned { offset } => write!(f, "offset {offset:#x} is not aligned"),
            Self::OutOfBar {
                offset,
                length,
                bar_length,
            } => write!(
                f,
                "{length:#x} bytes at {offset:#x} are outside the BAR of {bar_length:#x} bytes"
            ),
            Self::TooShort { length } => write!(f, "{length:#x} bytes are too few"),
        }
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { kind, fault: None } => {
                write!(f, "no {} among the PCI capabilities", kind.name())
            }
            Self::Missing {
                kind,
                fault: Some(fault),
            } => write!(f, "no usable {}: {fault}", kind.name()),
            Self::BadDevice(fault) => write!(f, "no usable device configuration: {fault}"),
            Self::BadMultiplier(multiplier) => {
                write!(f, "notification multiplier {multiplier} is not possible")
            }
        }
    }
}

/// Reads a little-endian 32-bit field of a capability.
pub(crate) fn field(bytes: &[u8; CAPABILITY_BYTES], at: usize) -> u32 {
    let word = at
        .checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|word| <[u8; 4]>::try_from(word).ok());

    word.map_or(0, u32::from_le_bytes)
}

/// Checks one capability of a known kind against the BARs.
fn place(
    kind: Kind,
    bytes: &[u8; CAPABILITY_BYTES],
    bar_length: impl Fn(u8) -> Option<u64>,
) -> Result<Place, Fault> {
    let &[_, _, cap_len, _, bar, ..] = bytes;
    let needed = if kind == Kind::Notify { 20 } else { 16 };

    if bar >= BARS {
        return Err(Fault::ReservedBar { bar });
    }
    if cap_len < needed {
        return Err(Fault::Truncated { length: cap_len });
    }
    let bar_bytes = bar_length(bar).ok_or(Fault::NoBar { bar })?;
    let (offset, length) = (u64::from(field(bytes, 8)), u64::from(field(bytes, 12)));

    if offset % kind.alignment() != 0 {
        return Err(Fault::Misaligned { offset });
    }
    if length < kind.minimum() {
        return Err(Fault::TooShort { length });
    }
    // What the structure claims beyond the BAR's end is not there.
    let there = bar_bytes
        .checked_sub(offset)
        .map(|room| room.min(length))
        .filter(|there| *there >= kind.minimum())
        .ok_or(Fault::OutOfBar {
            offset,
            length,
            bar_length: bar_bytes,
        })?;

    Ok(Place {
        bar,
        offset,
        length: there,
    })
}

/// One kind's findings: the first usable place, and the last fault seen. A capability with a
/// reserved BAR is ignored: it only explains why there is no other.
#[derive(Clone, Copy, Default)]
struct Found {
    place: Option<Place>,
    fault: Option<Fault>,
}

impl Found {
    /// Takes a place or a fault; says whether this is the place that counts.
    fn take(&mut self, result: Result<Place, Fault>) -> bool {
        match result {
            Ok(place) if self.place.is_none() => {
                self.place = Some(place);
                true
            }
            Ok(_) => false,
            Err(Fault::ReservedBar { .. }) if self.fault.is_some() => false,
            Err(fault) => {
                self.fault = Some(fault);
                false
            }
        }
    }

    fn required(self, kind: Kind) -> Result<Place, LayoutError> {
        self.place.ok_or(LayoutError::Missing {
            kind,
            fault: self.fault,
        })
    }
}

/// Finds the structures among `capabilities`, in the order of the device's list: the first usable
/// one of each kind counts (4.1.4.1 "Driver Requirements: Virtio Structure PCI Capabilities").
/// `bar_length` tells the length of a BAR that exists.
///
/// # Errors
///
/// See [`LayoutError`].
pub(crate) fn find(
    capabilities: impl Iterator<Item = [u8; CAPABILITY_BYTES]>,
    bar_length: impl Fn(u8) -> Option<u64>,
) -> Result<Layout, LayoutError> {
    let mut common = Found::default();
    let mut notify = Found::default();
    let mut isr = Found::default();
    let mut device = Found::default();
    let mut notify_multiplier = 0;

    for bytes in capabilities {
        let &[_, _, _, cfg_type, ..] = &bytes;
        let Some(kind) = Kind::from_raw(cfg_type) else {
            continue;
        };
        let result = place(kind, &bytes, &bar_length);

        match kind {
            Kind::Common => common.take(result),
            Kind::Isr => isr.take(result),
            Kind::Device => device.take(result),
            Kind::Notify => {
                let counts = notify.take(result);

                if counts {
                    notify_multiplier = field(&bytes, 16);
                }
                counts
            }
        };
    }

    let layout = Layout {
        common: common.required(Kind::Common)?,
        notify: notify.required(Kind::Notify)?,
        notify_multiplier,
        isr: isr.required(Kind::Isr)?,
        device: match (device.place, device.fault) {
            (None, None | Some(Fault::ReservedBar { .. })) => None,
            (None, Some(fault)) => return Err(LayoutError::BadDevice(fault)),
            (Some(place), _) => Some(place),
        },
    };

    // 4.1.4.4.2: "an even power of 2, or 0".
    if notify_multiplier != 0 && (notify_multiplier < 2 || !notify_multiplier.is_power_of_two()) {
        return Err(LayoutError::BadMultiplier(notify_multiplier));
    }
    Ok(layout)
}

/// Whether a capability is a way to the registers through configuration space (4.1.4.9), long enough for it.
pub(crate) fn is_config_access(bytes: &[u8; CAPABILITY_BYTES]) -> bool {
    let &[_, _, cap_len, cfg_type, ..] = bytes;

    cfg_type == CONFIG_ACCESS && cap_len >= CONFIG_ACCESS_BYTES
}

/// Where the doorbell of a queue, of so many bytes, is in the notification area, if it is inside
/// (4.1.4.4).
pub(crate) fn doorbell(layout: &Layout, notify_off: u16, bytes: u64) -> Option<usize> {
    let offset = u64::from(notify_off).checked_mul(u64::from(layout.notify_multiplier))?;
    let end = offset.checked_add(bytes)?;

    if end > layout.notify.length {
        return None;
    }
    usize::try_from(offset).ok()
}
