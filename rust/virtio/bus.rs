// SPDX-License-Identifier: GPL-2.0

//! The bus `rvirtio`: `/sys/bus/rvirtio`.
//!
//! Its name differs from C's, which is built into the kernel; its devices are named `virtioN` and
//! have the attributes that they have there. A uevent carries `MODALIAS=rvirtio:dXXXXXXXXvXXXXXXXX`,
//! with a prefix of its own, so that modprobe loads our driver and not C's.

use crate::{
    administration::Administration,
    attributes::GROUPS,
    config::Config,
    debug::DeviceFiles,
    device::{
        confirm,
        negotiated,
        reset,
        Device, //
    },
    driver::{
        AnyDriver,
        Bound, //
    },
    feature::Features,
    id::Identity,
    life::FeaturesOk,
    module,
    negotiation::Negotiation,
    reason::Reason,
    status::Status,
    transport::Transport,
    transport_feature, //
};
use kernel::{
    device,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        Arc,
        Mutex, //
    },
    ThisModule, //
};
use kernel_ext::{
    bus::{
        self,
        Bus,
        BusType,
        Uevent, //
    },
    cpu::CpuWatch,
    debugfs::Folder,
    dma,
    shared::{
        Number,
        Shared, //
    }, //
};

/// The bus.
pub(crate) struct VirtioBus;

static BUS: BusType<VirtioBus> = BusType::new(c"rvirtio", &GROUPS);

/// What the bus keeps with each device.
#[pin_data]
pub(crate) struct Node {
    identity: Identity,
    number: Number,
    /// The way to the device, until it is taken off the bus: somebody may hold the node longer.
    #[pin]
    transport: Mutex<Option<Arc<dyn Transport>>>,
    /// The features that were agreed on; none while no driver is bound.
    #[pin]
    features: Mutex<Features>,
    /// How that came about, whether it was of use or not.
    #[pin]
    negotiation: Mutex<Negotiation>,
    /// What user space does not want to be accepted, whichever driver is bound; remembered when the device is taken off
    /// the bus, and comes again.
    #[pin]
    filter: Mutex<Features>,
    shared: Arc<Shared>,
    /// The driver's session, while one is bound.
    #[pin]
    session: Mutex<Option<Session>>,
    folder: Folder,
}

/// A device that is bound to a driver.
struct Session {
    device: Arc<Device>,
    driver: Arc<dyn Bound>,
    cpus: Pin<KBox<CpuWatch<Device>>>,
}

impl Node {
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// The way to the device.
    ///
    /// # Errors
    ///
    /// `ENODEV` when it was taken off the bus.
    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>> {
        self.transport.lock().clone().ok_or(ENODEV)
    }

    /// The status field as the device shows it now.
    pub(crate) fn status(&self) -> Result<Status> {
        Ok(self.transport()?.status())
    }

    /// The features that were agreed on; none while no driver is bound.
    pub(crate) fn features(&self) -> Features {
        *self.features.lock()
    }

    /// Does `what` with the session's device, if a driver is bound.
    fn with_device(&self, what: fn(&Arc<Device>)) {
        let device = self
            .session
            .lock()
            .as_ref()
            .map(|session| session.device.clone());

        if let Some(device) = device {
            what(&device);
        }
    }

    /// Whether a driver has the device, or is taking it and has agreed on features.
    pub(crate) fn is_bound(&self) -> bool {
        !self.features().is_empty() || self.session.lock().is_some()
    }

    /// How features were negotiated last.
    pub(crate) fn negotiation(&self) -> Negotiation {
        *self.negotiation.lock()
    }

    /// The features that are not to be accepted.
    pub(crate) fn filter(&self) -> Features {
        *self.filter.lock()
    }

    /// Changes which features are not to be accepted, from the next negotiation on.
    ///
    /// # Errors
    ///
    /// Those of `change`, with which nothing changes; `ENODEV` when the device was taken off the bus; those of
    /// [`Shared::remember`].
    pub(crate) fn change_filter(
        &self,
        change: impl FnOnce(Features) -> Result<Features>,
    ) -> Result {
        let mut filter = self.filter.lock();
        let next = change(*filter)?;
        let transport = self.transport()?;

        self.shared
            .remember(transport.parent().name(), next.bits())?;
        *filter = next;
        Ok(())
    }

    /// The administration queue, if the device has one, and a driver is bound.
    pub(crate) fn administration(&self) -> Option<Arc<Administration>> {
        let device = self
            .session
            .lock()
            .as_ref()
            .map(|session| session.device.clone());

        device?.administration()
    }

    /// Why the device is broken, if it is, and a driver is bound.
    pub(crate) fn broken(&self) -> Option<Reason> {
        self.session
            .lock()
            .as_ref()
            .and_then(|session| session.device.broken())
    }

    /// The device's folder in debugfs.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Takes the device from reset to `FEATURES_OK`, steps 1 to 6 of 3.1.1.
    fn negotiate(&self, node: &device::Device, driver: &dyn AnyDriver) -> Result<FeaturesOk> {
        let transport = self.transport()?;
        let number = self.number.number();

        // Only a device that is known to have forgotten all addresses may use memory.
        reset(&*transport, node)?;
        transport.allow_dma();
        transport.set_status(Status::ACKNOWLEDGE);
        transport.set_status(Status::TAKEN);

        let mut negotiation = Negotiation {
            filtered: self.filter(),
            ..Negotiation::NONE
        };
        let agreed = agree(&*transport, node, driver, &mut negotiation);

        *self.negotiation.lock() = negotiation;
        let mut status = Status::TAKEN;

        agreed
            .and_then(|features| {
                let folder = self.folder.clone();

                status = negotiated(features);
                Device::new(transport.clone(), node, number, features, folder)
            })
            .map(FeaturesOk::new)
            .inspect_err(|_| {
                transport.set_status(status | Status::FAILED);
                let _ = reset(&*transport, node);
            })
    }
}

/// Finds the features that both sides have, and has the device confirm them (2.2, 3.1.1).
fn agree(
    transport: &dyn Transport,
    node: &device::Device,
    driver: &dyn AnyDriver,
    negotiation: &mut Negotiation,
) -> Result<Features> {
    let offered = transport.offered();

    negotiation.offered = offered;
    negotiation.implemented =
        (driver.features() & !transport_feature::RESERVED) | transport.reserved();
    negotiation.backed = transport.backed(negotiation.wanted());
    let features = driver.validate(negotiation.backed, &Config::new(transport))?;

    negotiation.accepted = features;
    if !features.contains(transport.required()) {
        dev_err!(
            node,
            "device does not offer VIRTIO_F_VERSION_1, or it is filtered\n"
        );
        return Err(ENODEV);
    }
    if dma::guest_memory_is_encrypted() && !features.contains(transport_feature::ACCESS_PLATFORM) {
        dev_err!(
            node,
            "guest memory is encrypted, but the device does not offer VIRTIO_F_ACCESS_PLATFORM\n"
        );
        return Err(ENODEV);
    }
    confirm(transport, node, features)?;
    Ok(features)
}

/// A [`Node`], which the files in debugfs have, too.
type Payload = Arc<Node>;

impl Bus for VirtioBus {
    type Device = Payload;
    type Driver = Arc<dyn AnyDriver>;

    fn bus_type() -> &'static BusType<Self> {
        &BUS
    }

    fn module() -> ThisModule {
        module::this()
    }

    fn matches(node: &Payload, driver: &Arc<dyn AnyDriver>) -> bool {
        driver.ids().contains(&node.identity().device)
    }

    fn uevent(node: &Payload, event: &mut Uevent<'_>) -> Result {
        let Identity { device, vendor } = node.identity();

        event.add(fmt!(
            "MODALIAS=rvirtio:d{:08X}v{:08X}",
            device.number(),
            vendor
        ))
    }

    fn probe(device: &bus::Device<Self>, driver: &Arc<dyn AnyDriver>) -> Result {
        let node = device.payload();
        // The driver core has no word for it.
        let missed = || {
            if node
                .transport()
                .is_ok_and(|transport| !transport.is_present())
            {
                dev_err!(device.as_ref(), "device is gone\n");
            }
        };
        let mut setup = node
            .negotiate(device.as_ref(), &**driver)
            .inspect_err(|_| missed())?;
        let session = setup.device().clone();

        Administration::make(&mut setup);
        let cpus = KBox::pin_init(CpuWatch::new(session.clone()), GFP_KERNEL)?;

        // What the driver makes announces itself while `probe` runs.
        *node.features.lock() = session.features();
        let bound = driver.probe(setup).inspect_err(|_| {
            if session.broken().is_none() {
                missed();
            }
            session.close();
            *node.features.lock() = Features::NONE;
        })?;

        *node.session.lock() = Some(Session {
            device: session.clone(),
            driver: bound,
            cpus,
        });
        session.settle();
        Ok(())
    }

    fn remove(device: &bus::Device<Self>, _driver: &Arc<dyn AnyDriver>) {
        let node = device.payload();
        let session = node.session.lock().take();

        if let Some(session) = session {
            drop(session.cpus);
            // What is under way will not come back from a device that was pulled out.
            if !session.device.transport().is_present() {
                session.device.break_device(Reason::Gone);
            }
            // Nobody is going to end it, since it is the bus's.
            session.device.end_pauses();
            session.driver.remove();
            session.device.close();
        }
        *node.features.lock() = Features::NONE;
        if let Ok(transport) = node.transport() {
            transport.set_status(Status::ACKNOWLEDGE);
        }
    }

    fn shutdown(device: &bus::Device<Self>, _driver: &Arc<dyn AnyDriver>) {
        device.payload().with_device(Device::shutdown);
    }

    fn suspend(device: &bus::Device<Self>, _driver: &Arc<dyn AnyDriver>) {
        device.payload().with_device(Device::sleep);
    }

    fn resume(device: &bus::Device<Self>, _driver: &Arc<dyn AnyDriver>) {
        device.payload().with_device(Device::wake);
    }
}

/// A device that a transport put on the bus; dropping it unbinds its driver and takes it off.
///
/// When the drop returns, the bus has given the transport back, whoever still holds the device.
pub struct DeviceRegistration {
    registration: Option<bus::DeviceRegistration<VirtioBus>>,
    files: Option<DeviceFiles>,
    device: ARef<bus::Device<VirtioBus>>,
}

impl DeviceRegistration {
    /// Puts the device that `transport` reaches on the bus, below the transport's own device. A
    /// driver may be bound before this returns.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the bus is going away, `ENOMEM`; `ETIMEDOUT` when the device does not answer a
    /// reset.
    pub fn new(transport: Arc<dyn Transport>) -> Result<Self> {
        let shared = Shared::get()?;
        let number = Number::take(shared.clone())?;
        let name = number.number();
        let folder_name = CString::try_from_fmt(fmt!("virtio{}", name))?;
        let folder = Folder::new(&folder_name, Some(&shared.folder))?;

        // Whatever the device did before, it stops now; first what the firmware had it do with memory that is others' now.
        transport.stop_dma();
        reset(&*transport, transport.parent())?;
        transport.set_status(Status::ACKNOWLEDGE);
        let identity = transport.identity();
        let kept = transport.clone();
        let filter = Features::from_bits(shared.recall(transport.parent().name()));
        let node = Arc::pin_init(
            pin_init!(Node {
                identity,
                number,
                transport <- new_mutex!(Some(kept)),
                features <- new_mutex!(Features::NONE),
                negotiation <- new_mutex!(Negotiation::NONE),
                filter <- new_mutex!(filter),
                shared,
                session <- new_mutex!(None),
                folder,
            }),
            GFP_KERNEL,
        )?;
        let files = DeviceFiles::new(&node)?;
        let registration =
            bus::DeviceRegistration::new(fmt!("virtio{}", name), transport.parent(), node)?;

        Ok(Self {
            device: registration.device().clone(),
            registration: Some(registration),
            files: Some(files),
        })
    }
}

impl DeviceRegistration {
    /// The device is about to be reset by other means than its status, or to lose its state: it is made
    /// quiet until [`Self::resume`]. Pauses may nest.
    ///
    /// Process context, with the lock of the transport's own device held, so that no driver comes or goes.
    pub fn pause(&self) {
        self.device.payload().with_device(Device::pause);
    }

    /// As [`Self::pause`], for a device that cannot be accessed until it was reset.
    pub fn pause_unreached(&self) {
        self.device.payload().with_device(Device::pause_unreached);
    }

    /// Ends a [`Self::pause`]: the device begins anew, and its driver goes on.
    pub fn resume(&self) {
        self.device.payload().with_device(Device::resume);
    }

    /// The features that were agreed on, while a driver has the device and it works.
    pub fn features(&self) -> Option<Features> {
        let session = self.device.payload().session.lock();

        session
            .as_ref()
            .filter(|session| session.device.is_live() && session.device.broken().is_none())
            .map(|session| session.device.features())
    }

    /// The device is gone for good, or as good as gone: what is outstanding fails. Process context.
    pub fn lost(&self) {
        self.device.payload().with_device(Device::lost);
    }
}

impl Drop for DeviceRegistration {
    fn drop(&mut self) {
        // Unbinds the driver.
        self.registration = None;
        // Waits for readers, who may be at the transport.
        self.files = None;
        let transport = self.device.payload().transport.lock().take();

        drop(transport);
    }
}
