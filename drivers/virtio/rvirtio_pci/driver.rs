// SPDX-License-Identifier: GPL-2.0

//! Binds to virtio PCI functions.

use crate::{
    capability::{
        self,
        LayoutError, //
    },
    legacy::Legacy,
    modern::{
        Modern,
        Shown, //
    },
    module_parameters,
    shared_memory, //
};
use kernel::{
    device::Core,
    new_mutex,
    pci,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::pci::{
    disable_virtual_functions,
    Function,
    Reach,
    Recovery,
    VirtualFunctions, //
};
use virtio::{
    transport_feature,
    DeviceId,
    DeviceRegistration,
    Identity,
    Transport, //
};

/// PCI device ids of virtio (4.1.2): transitional ones, then one for each device type.
const FIRST: u16 = 0x1000;
/// The first id that says the device type.
const FIRST_MODERN: u16 = 0x1040;
const LAST: u16 = 0x107f;
/// The revision of transitional devices and of those from before version 1 (4.1.2.3).
const TRANSITIONAL: u8 = 0;
/// All device ids of a vendor.
const ANY_ID: u32 = u32::MAX;

/// The driver of the PCI functions.
pub(crate) struct VirtioPci;

/// What it keeps for one function. The order matters: the device leaves the bus, and its driver
/// leaves the device, before the transport goes and switches the function off.
#[pin_data]
pub(crate) struct Bound {
    /// The device on the bus, until the function is unbound: when the rest of this goes, the PCI core has taken back its
    /// power and its place behind an IOMMU. Only looked at with the function's lock held.
    #[pin]
    registration: Mutex<Option<DeviceRegistration>>,
    _transport: Arc<dyn Transport>,
}

impl Bound {
    /// Has `what` done to the device, unless it has left.
    fn with(&self, what: impl FnOnce(&DeviceRegistration)) {
        if let Some(registration) = &*self.registration.lock() {
            what(registration);
        }
    }
}

kernel::pci_device_table!(
    IDS,
    <VirtioPci as pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT_QUMRANET, ANY_ID),
        ()
    )]
);

/// Who the device is, by its PCI ids.
fn identity(pdev: &pci::Device) -> Option<Identity> {
    let device = match pdev.device_id() {
        // Transitional: the subsystem id says the type (4.1.2.3).
        FIRST..FIRST_MODERN => pdev.subsystem_device_id(),
        id @ FIRST_MODERN..=LAST => id - FIRST_MODERN,
        _ => return None,
    };

    Some(Identity {
        device: DeviceId::new(device.into()),
        vendor: pdev.subsystem_vendor_id().into(),
    })
}

/// Whether the ids allow for the legacy interface (4.1.2.3).
fn may_be_legacy(pdev: &pci::Device) -> bool {
    (FIRST..FIRST_MODERN).contains(&pdev.device_id()) && pdev.revision_id() == TRANSITIONAL
}

/// Says why the legacy interface is used.
fn note_legacy(pdev: &pci::Device, error: LayoutError) {
    match error {
        LayoutError::Missing { fault: None, .. } => dev_info!(pdev, "legacy interface\n"),
        error => dev_warn!(pdev, "legacy interface: {}\n", format_args!("{error}")),
    }
}

/// A vendor-specific capability, read once: where it is, and what it says.
type Capability = (u8, [u8; capability::CAPABILITY_BYTES]);

/// All of a function.
fn capabilities(function: &Function) -> Result<KVec<Capability>> {
    let mut all = KVec::new();

    for at in function.vendor_capabilities() {
        let mut bytes = [0; capability::CAPABILITY_BYTES];

        function.read_config(at, &mut bytes);
        all.push((at, bytes), GFP_KERNEL)?;
    }
    Ok(all)
}

/// The shared memory regions among them. One that cannot be used is left out, with a line in the log: drivers can
/// do without, or say so.
fn regions(
    function: &Function,
    capabilities: &[Capability],
) -> Result<KVec<shared_memory::Region>> {
    let mut regions = KVec::new();

    for (_, bytes) in capabilities {
        // Of I/O ports there is no memory.
        let length = |bar| function.bar_address(bar).and(function.bar_length(bar));

        match shared_memory::region(bytes, length) {
            Some(Ok(region)) if !shared_memory::has(&regions, region.id) => {
                regions.push(region, GFP_KERNEL)?;
            }
            Some(Err(bad)) => {
                dev_warn!(function.device(), "{}\n", format_args!("{bad}"));
            }
            _ => {}
        }
    }
    Ok(regions)
}

impl VirtioPci {
    fn bind(pdev: &pci::Device<Core<'_>>) -> Result<(DeviceRegistration, Arc<dyn Transport>)> {
        let identity = identity(pdev).ok_or(ENODEV)?;
        let function = Function::enable(pdev)?;
        let capabilities = capabilities(&function)?;
        let layout = capability::find(capabilities.iter().map(|(_, bytes)| *bytes), |bar| {
            function.bar_length(bar)
        });
        // 4.1.5.1.1: who shows no structures is used through the legacy interface.
        let transport: Arc<dyn Transport> = match layout {
            Ok(_) if may_be_legacy(pdev) && module_parameters::force_legacy.value() => {
                dev_info!(pdev, "legacy interface, as wished\n");
                Legacy::new(function, identity)?
            }
            Ok(layout) => {
                let shown = Shown {
                    layout,
                    regions: regions(&function, &capabilities)?,
                    config_access: capabilities
                        .iter()
                        .find(|(_, bytes)| capability::is_config_access(bytes))
                        .map(|(at, _)| *at),
                };

                Modern::new(function, shown, identity)?
            }
            // All bits are set in whatever is read.
            Err(_) if !function.is_present() => {
                dev_err!(pdev, "device is gone\n");
                return Err(ENODEV);
            }
            Err(error) if may_be_legacy(pdev) => {
                note_legacy(pdev, error);
                Legacy::new(function, identity)?
            }
            Err(error) => {
                dev_err!(pdev, "{}\n", format_args!("{error}"));
                return Err(ENODEV);
            }
        };

        let registration = DeviceRegistration::new(transport.clone()).inspect_err(|_| {
            if !transport.is_present() {
                dev_err!(pdev, "device is gone\n");
            }
        })?;

        Ok((registration, transport))
    }
}

impl pci::Driver for VirtioPci {
    type IdInfo = ();
    type Data<'bound> = Bound;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &IDS;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Bound, Error> + 'bound {
        pin_init::pin_init_scope(move || {
            let (registration, transport) = Self::bind(pdev)?;

            Ok(try_pin_init!(Bound {
                registration <- new_mutex!(Some(registration)),
                _transport: transport,
            }))
        })
    }

    fn unbind<'bound>(pdev: &'bound pci::Device<Core<'_>>, bound: Pin<&Bound>) {
        disable_virtual_functions(pdev);
        let registration = bound.registration.lock().take();

        drop(registration);
    }
}

impl VirtualFunctions for VirtioPci {
    /// As with C's driver: the device has to be in use, with `VIRTIO_F_SR_IOV` agreed on.
    fn may_have(bound: Pin<&Bound>) -> Result {
        let registration = bound.registration.lock();

        match registration.as_ref().and_then(|device| device.features()) {
            None => Err(EBUSY),
            Some(features) if features.contains(transport_feature::SR_IOV) => Ok(()),
            Some(_) => Err(EINVAL),
        }
    }
}

impl Recovery for VirtioPci {
    fn before(bound: Pin<&Bound>, reach: Reach) {
        bound.with(|device| match reach {
            Reach::Works => device.pause(),
            Reach::Cut => device.pause_unreached(),
        });
    }

    fn after(bound: Pin<&Bound>) {
        bound.with(|device| device.resume());
    }

    fn lost(bound: Pin<&Bound>) {
        bound.with(|device| device.lost());
    }
}
