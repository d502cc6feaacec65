// SPDX-License-Identifier: GPL-2.0

//! The device configuration space (virtio 1.4, 2.5).

use crate::{
    device::Device,
    feature::Features,
    reason::Reason,
    status::Status,
    timeouts,
    transport::Transport, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use vring::Untrusted;

/// Reads a device's configuration. Every field is checked against the length that the device
/// really has, and comes back as [`Untrusted`].
#[derive(Clone, Copy)]
pub struct Config<'a> {
    transport: &'a dyn Transport,
    /// The device, if a driver has it, so that it may be reset under it.
    device: Option<&'a Arc<Device>>,
}

impl<'a> Config<'a> {
    pub(crate) fn new(transport: &'a dyn Transport) -> Self {
        Self {
            transport,
            device: None,
        }
    }

    /// That of `device`, which a driver has.
    pub(crate) fn of(device: &'a Arc<Device>) -> Self {
        Self {
            transport: device.transport(),
            device: Some(device),
        }
    }

    /// Does `access`, if the device is not reset meanwhile: what it says in the middle of that is not to be
    /// believed.
    fn access<T>(&self, access: impl FnOnce(&dyn Transport) -> Result<T>) -> Result<T> {
        let Some(device) = self.device else {
            return access(self.transport);
        };
        let before = device.epoch();

        if before % 2 != 0 {
            return Err(EAGAIN);
        }
        let result = access(self.transport)?;

        // An access of a register is ordered before what follows it.
        if device.epoch() == before {
            Ok(result)
        } else {
            Err(EAGAIN)
        }
    }

    /// How many bytes of configuration there are.
    pub fn length(&self) -> usize {
        self.transport.config_length()
    }

    /// Takes away those of `features` whose field is not all there. `fields` says where the field
    /// that a feature makes valid ends.
    pub fn backed(&self, features: Features, fields: &[(Features, usize)]) -> Features {
        fields.iter().fold(features, |features, (feature, end)| {
            if self.length() < *end {
                features & !*feature
            } else {
                features
            }
        })
    }

    fn bytes<const N: usize>(&self, offset: usize) -> Result<[u8; N]> {
        let mut bytes = [0; N];

        self.access(|transport| transport.read_config(offset, &mut bytes))?;
        Ok(bytes)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn u8(&self, offset: usize) -> Result<Untrusted<u8>> {
        let [byte] = self.bytes(offset)?;
        Ok(Untrusted::new(byte))
    }

    /// Reads a little-endian 16-bit field, with one access.
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn u16(&self, offset: usize) -> Result<Untrusted<u16>> {
        Ok(Untrusted::new(u16::from_le_bytes(self.bytes(offset)?)))
    }

    /// Reads a little-endian 32-bit field, with one access.
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn u32(&self, offset: usize) -> Result<Untrusted<u32>> {
        Ok(Untrusted::new(u32::from_le_bytes(self.bytes(offset)?)))
    }

    /// Reads a little-endian 64-bit field, with two accesses; see [`Self::consistent`].
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn u64(&self, offset: usize) -> Result<Untrusted<u64>> {
        let low = u32::from_le_bytes(self.bytes(offset)?);
        let high = u32::from_le_bytes(self.bytes(offset.checked_add(4).ok_or(ERANGE)?)?);

        Ok(Untrusted::new(u64::from(low) | u64::from(high) << 32))
    }

    /// Writes one byte, a field that the specification allows to be written.
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn write_u8(&self, offset: usize, value: u8) -> Result {
        self.access(|transport| transport.write_config8(offset, value))
    }

    /// Writes a little-endian 32-bit field that the specification allows to be written, with one
    /// access.
    ///
    /// # Errors
    ///
    /// `ERANGE` when the configuration is not that long.
    pub fn write_u32(&self, offset: usize, value: u32) -> Result {
        self.access(|transport| transport.write_config32(offset, value))
    }

    /// Runs `read`, again if the device changed its configuration meanwhile, so that what it
    /// returns is from one state of the device (2.5.1). A device that works and does not keep still begins anew,
    /// see [`Device::begin_anew`]. Process context.
    ///
    /// # Errors
    ///
    /// `EIO` when the device does not keep still, as often as is tried (`config_tries`); `ENODEV` when it is gone; else those
    /// of `read`.
    pub fn consistent<T>(&self, mut read: impl FnMut(&Self) -> Result<T>) -> Result<T> {
        let tries = timeouts::config_tries();

        for _ in 0..tries {
            let before = self.transport.config_generation();
            let value = read(self)?;

            if self.transport.config_generation() == before {
                // All-ones keeps still, too.
                if self.transport.status() == Status::GONE {
                    return Err(ENODEV);
                }
                return Ok(value);
            }
        }
        match self.device.filter(|device| device.is_live()) {
            Some(device) => device.begin_anew(Reason::Unsettled { tries }),
            None => dev_err!(
                self.transport.parent(),
                "{}\n",
                format_args!("{}", Reason::Unsettled { tries })
            ),
        }
        Err(EIO)
    }
}
