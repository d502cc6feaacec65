// SPDX-License-Identifier: GPL-2.0

//! Takes network devices over and gives them back.

use crate::{
    config,
    control::Control,
    feature,
    header::{
        self,
        Agreed, //
    },
    interface::{
        Interface,
        Pair, //
    },
    module_parameters,
    rx::{
        self,
        RxQueue, //
    },
    tx::TxQueue, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    irq::online_cpus,
    net::{
        Napi,
        NetDevice,
        NetFeatures,
        Registered,
        Rtnl,
        Setup, //
    }, //
};
use virtio::{
    Config,
    DeviceId,
    Driver,
    Features,
    FeaturesOk,
    Silent, //
};

/// The largest MTU where packets may be in several buffers.
const LARGEST_MTU: u32 = 65535;
/// The MTU of Ethernet.
const USUAL_MTU: u32 = 1500;
/// Pairs of queues that are made even where there are fewer CPUs, if the device has them.
const FEW_PAIRS: u16 = 8;

/// A network device that is bound.
#[pin_data]
pub(crate) struct Net {
    interface: Arc<Interface>,
    /// The interface, from the end of `probe` to `remove`.
    #[pin]
    registered: Mutex<Option<Registered<Interface>>>,
}

impl Net {
    fn new(interface: Arc<Interface>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                interface,
                registered <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }
}

/// What packets may be like.
#[derive(Clone, Copy)]
struct Frames {
    mtu: u32,
    max_mtu: u32,
}

impl Frames {
    fn of(features: Features, config: &Config<'_>) -> Result<Self> {
        let mergeable = features.contains(feature::MRG_RXBUF);
        let (usual, largest) = if mergeable {
            (LARGEST_MTU, LARGEST_MTU)
        } else {
            // Buffers are as large as packets may be: no larger than the device asks for, since a
            // socket is charged for the whole of each.
            (USUAL_MTU, rx::largest_mtu())
        };
        let said = if features.contains(feature::MTU) {
            // It may have changed since `validate`, which is all that can go wrong with it.
            Some(u32::from(config::mtu(config)?.ok_or(EINVAL)?))
        } else {
            None
        };

        Ok(match said {
            Some(mtu) if mtu <= largest => Self { mtu, max_mtu: mtu },
            Some(_) => return Err(EINVAL),
            None => Self {
                mtu: USUAL_MTU,
                max_mtu: usual,
            },
        })
    }
}

/// What the interface does, and what of it can be switched.
fn offloads(features: Features) -> (NetFeatures, NetFeatures) {
    let has = |feature| features.contains(feature);
    let csum = module_parameters::csum.value();
    let gso = module_parameters::gso.value();
    let checksum = NetFeatures::CHECKSUM | NetFeatures::SCATTER_GATHER;
    let mut changeable = NetFeatures::NONE;
    let mut on = NetFeatures::HIGH_DMA | NetFeatures::RX_CHECKSUM;

    if has(feature::CSUM) {
        let cut = NetFeatures::NONE
            .with(NetFeatures::TSO4, has(feature::HOST_TSO4))
            .with(NetFeatures::TSO6, has(feature::HOST_TSO6))
            .with(NetFeatures::TSO_ECN, has(feature::HOST_ECN));

        changeable = checksum | cut;
        on = on
            .with(checksum, csum)
            .with(cut, csum && gso)
            .with(NetFeatures::GSO_ROBUST, true);
    }
    if has(feature::GUEST_TSO4) || has(feature::GUEST_TSO6) {
        on = on | NetFeatures::GRO;
        changeable = changeable.with(NetFeatures::GRO, has(feature::CTRL_GUEST_OFFLOADS));
    }
    (on, changeable)
}

/// Makes the queues of `count` pairs.
fn pairs(setup: &FeaturesOk, netdev: &Arc<NetDevice>, count: u16, mtu: u32) -> Result<KVec<Pair>> {
    let has = |feature| setup.features().contains(feature);
    let agreed = Agreed {
        mergeable: has(feature::MRG_RXBUF),
        checksum: has(feature::GUEST_CSUM),
        tcp4: has(feature::GUEST_TSO4),
        tcp6: has(feature::GUEST_TSO6),
        ecn: has(feature::GUEST_ECN),
    };
    let mut pairs = KVec::with_capacity(count.into(), GFP_KERNEL)?;

    for pair in 0..count {
        let rx_napi = Napi::new(netdev.clone(), false)?;
        let tx_napi = Napi::new(netdev.clone(), true)?;

        pairs.push(
            Pair {
                rx: RxQueue::new(setup, pair, rx_napi, agreed, mtu)?,
                tx: TxQueue::new(setup, pair, netdev.clone(), tx_napi)?,
            },
            GFP_KERNEL,
        )?;
    }
    Ok(pairs)
}

impl Driver for Net {
    type Module = ();

    const IDS: &'static [DeviceId] = &[DeviceId::NETWORK];
    const FEATURES: Features = feature::IMPLEMENTED;

    fn validate(features: Features, config: &Config<'_>) -> Result<Features> {
        let mut features = feature::settle(config::supported(features, config));

        if features.contains(feature::MTU) {
            let usable = config::mtu(config)?.is_some_and(|mtu| {
                // 5.1.4.2: buffers have to hold a packet of that size.
                features.contains(feature::MRG_RXBUF) || u32::from(mtu) <= rx::largest_mtu()
            });

            if !usable {
                features = features & !feature::MTU;
            }
        }
        Ok(features)
    }

    fn probe(_module: &Arc<()>, mut setup: FeaturesOk) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let features = setup.features();
        let node = device.node();
        let unreadable =
            |error: &Error| dev_err!(node, "configuration cannot be read: {:?}\n", error);
        let frames = Frames::of(features, &setup.config()).inspect_err(|error| {
            dev_err!(
                node,
                "MTU is another one than when features were agreed on: {:?}\n",
                error
            );
        })?;
        let offered = config::pairs(features, &setup.config(), node)?;
        let address = if features.contains(feature::MAC) {
            config::address(&setup.config()).inspect_err(unreadable)?
        } else {
            None
        };
        let cpus = u16::try_from(online_cpus()).unwrap_or(u16::MAX);
        let count = offered.min(cpus.max(FEW_PAIRS));
        let (on, changeable) = offloads(features);
        let vlan = NetFeatures::NONE.with(
            NetFeatures::VLAN_FILTER,
            features.contains(feature::CTRL_VLAN),
        );
        let netdev = NetDevice::new(&Setup {
            // Not the virtio device: udev makes names that do not change (`enp0s3`) of a PCI function,
            // and looks behind the bus `virtio` only.
            parent: device.parent(),
            queues: count,
            features: on | vlan,
            changeable,
            vlan_features: on,
            mtu: frames.mtu,
            max_mtu: frames.max_mtu,
            // CAST: Twelve.
            headroom: header::BYTES as u16,
            address,
        })?;

        if features.contains(feature::MAC) && address.is_none() {
            dev_warn!(node, "address makes no sense; a random one is used\n");
        }
        let pairs = pairs(&setup, &netdev, count, frames.max_mtu)?;
        let control = if features.contains(feature::CTRL_VQ) {
            // Behind all pairs that the device has (5.1.2).
            Some(Control::new(&setup, offered.checked_mul(2).ok_or(EINVAL)?)?)
        } else {
            None
        };

        for Pair { rx, tx } in &pairs {
            rx.connect(&mut setup)?;
            tx.connect(&mut setup)?;
        }
        if let Some(control) = &control {
            control.connect(&mut setup)?;
        }
        let active = count.min(cpus);
        let interface = Interface::new(device.clone(), netdev.clone(), pairs, active, control)?;
        let this = Self::new(interface.clone())?;

        setup.go_live(&this)?;
        Rtnl::hold(|rtnl| interface.prepare(rtnl, address.is_none()))
            .inspect_err(|error| dev_err!(node, "device refuses its settings: {:?}\n", error))?;
        let registered = netdev
            .register(interface.clone())
            .inspect_err(|error| dev_err!(node, "interface cannot be added: {:?}\n", error))?;

        // Under the lock, so that a change that comes meanwhile is followed after this.
        let mut place = this.registered.lock();

        interface.follow_status(place.insert(registered));
        drop(place);
        Ok(this)
    }

    fn config_changed(&self) {
        let registered = self.registered.lock();

        if let Some(registered) = &*registered {
            self.interface.follow_status(registered);
        }
    }

    fn cpus_changed(&self) {
        let registered = self.registered.lock();

        if registered.is_some() {
            self.interface.spread();
        }
    }

    fn device_broken(&self, silent: Silent<'_>) {
        // Those who wait for an answer go on: they may keep `remove` from its lock.
        self.interface.fail(silent);
    }

    fn after_break(&self) {
        let registered = self.registered.lock();

        if let Some(registered) = &*registered {
            registered.set_carrier(false);
        }
    }

    fn pause(&self) {
        Rtnl::hold(|rtnl| self.interface.pause(rtnl));
    }

    fn resume(&self) {
        Rtnl::hold(|rtnl| self.interface.resume(rtnl));
    }

    fn remove(&self) {
        let registered = self.registered.lock().take();

        // Closes the interface. Commands on the way end, or fail after their time.
        drop(registered);
        self.interface.revive_no_more();
    }
}
