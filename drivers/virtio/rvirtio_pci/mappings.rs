// SPDX-License-Identifier: GPL-2.0

//! How the registers of a device are reached: its BARs are mapped, each once; where that is not to be had, by
//! configuration space (virtio 1.4, 4.1.4.9).

use crate::{
    capability::Place,
    module_parameters, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::pci::{
    Bar,
    ConfigAccess,
    Function,
    Window, //
};

/// What is mapped so far.
pub(crate) struct Mappings<'a> {
    function: &'a Function,
    /// The way by configuration space, if the device has it.
    access: Option<Arc<ConfigAccess>>,
    bars: KVec<(u8, Arc<Bar>)>,
}

impl<'a> Mappings<'a> {
    /// Nothing yet. `access`: where the capability for configuration space is, if there is one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(function: &'a Function, access: Option<u8>) -> Result<Self> {
        let access = match access.map(|at| ConfigAccess::new(function, at)) {
            // It has changed since it was looked at.
            Some(Err(error)) if error == EINVAL => None,
            Some(access) => Some(access?),
            None => None,
        };

        Ok(Self {
            function,
            access,
            bars: KVec::new(),
        })
    }

    /// The registers at `place`.
    ///
    /// # Errors
    ///
    /// `EBUSY` when another driver has the BAR; where there is no other way to it, `ENOMEM` when it cannot be
    /// mapped. Each leaves a line in the log.
    pub(crate) fn window(&mut self, place: Place) -> Result<Window> {
        if let Some(access) = &self.access {
            if module_parameters::force_pci_cfg.value() {
                return Self::through(access, place);
            }
        }
        let error = match self.map(place.bar) {
            Ok(bar) => return Window::new(bar, place.offset, place.length),
            Err(error) => error,
        };

        dev_err!(
            self.function.device(),
            "BAR {} cannot be mapped: {:?}\n",
            place.bar,
            error
        );
        match &self.access {
            // What another driver has is none of ours, whatever the way to it.
            Some(access) if error != EBUSY => Self::through(access, place),
            _ => Err(error),
        }
    }

    fn through(access: &Arc<ConfigAccess>, place: Place) -> Result<Window> {
        Window::through(access.clone(), place.bar, place.offset, place.length)
    }

    fn map(&mut self, number: u8) -> Result<Arc<Bar>> {
        if let Some((_, bar)) = self.bars.iter().find(|(known, _)| *known == number) {
            return Ok(bar.clone());
        }
        let bar = Bar::map(self.function, number)?;

        self.bars.push((number, bar.clone()), GFP_KERNEL)?;
        Ok(bar)
    }
}
