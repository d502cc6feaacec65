// SPDX-License-Identifier: GPL-2.0

//! The tables of callbacks that the network layer wants, made of [`Operations`].

use super::{
    ethtool::{
        DriverInfo,
        Link,
        Rings,
        StatNames,
        StatValues, //
    },
    features::NetFeatures,
    is_valid_address,
    operations::{
        Operations,
        ReceiveMode, //
    },
    packet::Packet,
    rtnl::Rtnl,
    MacAddress, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    prelude::*,
    sync::ArcBorrow, //
};

/// The tables for drivers of type `O`.
pub(super) struct Tables<O>(PhantomData<fn() -> O>);

impl<O: Operations> Tables<O> {
    const DEVICE: bindings::net_device_ops = bindings::net_device_ops {
        ndo_open: Some(open::<O>),
        ndo_stop: Some(stop::<O>),
        ndo_start_xmit: Some(start_xmit::<O>),
        ndo_validate_addr: Some(bindings::eth_validate_addr),
        ndo_set_mac_address: Some(set_mac_address::<O>),
        ndo_set_rx_mode_async: Some(set_rx_mode::<O>),
        ndo_tx_timeout: Some(tx_timeout::<O>),
        ndo_get_stats64: Some(get_stats64::<O>),
        ndo_vlan_rx_add_vid: Some(add_vlan::<O>),
        ndo_vlan_rx_kill_vid: Some(remove_vlan::<O>),
        ndo_set_features: Some(set_features::<O>),
        // What the device cuts up has its headers described, whatever they are: two VLAN tags, too.
        ndo_features_check: Some(bindings::passthru_features_check),
        // SAFETY: All-zero is a valid table: no callbacks.
        ..unsafe { core::mem::zeroed() }
    };

    const ETHTOOL: bindings::ethtool_ops = bindings::ethtool_ops {
        get_drvinfo: Some(get_drvinfo::<O>),
        get_link: Some(bindings::ethtool_op_get_link),
        get_ringparam: Some(get_ringparam::<O>),
        set_ringparam: Some(set_ringparam::<O>),
        get_strings: Some(get_strings::<O>),
        get_sset_count: Some(get_sset_count::<O>),
        get_ethtool_stats: Some(get_ethtool_stats::<O>),
        get_channels: Some(get_channels::<O>),
        set_channels: Some(set_channels::<O>),
        get_link_ksettings: Some(get_link_ksettings::<O>),
        set_link_ksettings: Some(set_link_ksettings::<O>),
        get_ts_info: Some(bindings::ethtool_op_get_ts_info),
        // SAFETY: All-zero is a valid table: no callbacks.
        ..unsafe { core::mem::zeroed() }
    };

    pub(super) fn device() -> &'static bindings::net_device_ops {
        &Self::DEVICE
    }

    pub(super) fn ethtool() -> &'static bindings::ethtool_ops {
        &Self::ETHTOOL
    }
}

/// The driver's object behind an interface.
///
/// # Safety
///
/// `dev` must be the device of a [`Registered<O>`](super::Registered) that is not dropped for `'a`.
#[inline]
unsafe fn object<'a, O: Operations>(dev: *mut bindings::net_device) -> &'a O {
    // SAFETY: `NetDevice::register` puts a pointer there, to an object that `Registered` keeps.
    unsafe { &*bindings::rvirtio_helper_netdev_object(dev).cast::<O>() }
}

/// The object, and the lock that is held around a call.
///
/// # Safety
///
/// As for [`object`]; the network layer's lock must be held for `'a`.
unsafe fn configured<'a, O: Operations>(dev: *mut bindings::net_device) -> (&'a O, Rtnl) {
    // SAFETY: Promised by the caller.
    unsafe { (object::<O>(dev), Rtnl::held()) }
}

// All callbacks below are in the tables of `O`, so the network layer calls them for devices of `O`
// between `register_netdev()` and the end of `unregister_netdev()`: that is what `object()` asks for. Those that use
// `configured()` are called with RTNL held, since the device does not ask for a lock of its own
// (Documentation/networking/netdevices.rst).

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn open<O: Operations>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    from_result(|| object.open(&rtnl).map(|()| 0))
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn stop<O: Operations>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    object.stop(&rtnl);
    0
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn start_xmit<O: Operations>(
    raw: *mut bindings::sk_buff,
    dev: *mut bindings::net_device,
) -> bindings::netdev_tx_t {
    // SAFETY: See above.
    let object = unsafe { object::<O>(dev) };
    // SAFETY: The network layer hands a packet over, which is valid.
    let packet = unsafe { Packet::from_raw(NonNull::new_unchecked(raw)) };
    let queue = packet.queue();
    // SAFETY: This is the call that it is about.
    let more = unsafe { bindings::rvirtio_helper_xmit_more() };

    match object.start_xmit(packet, queue, more) {
        // The one that came goes back to the network layer.
        Err(packet) if packet.as_raw() == raw => {
            let _ = packet.into_raw();
            bindings::netdev_tx_NETDEV_TX_BUSY
        }
        // That one is kept by the driver, or gone.
        Ok(()) | Err(_) => bindings::netdev_tx_NETDEV_TX_OK,
    }
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_mac_address<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut c_void,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    // SAFETY: The network layer passes a `sockaddr`, which begins with two bytes for its family and
    // has the address behind them.
    let address = unsafe {
        raw.cast::<u8>()
            .add(2)
            .cast::<MacAddress>()
            .read_unaligned()
    };

    from_result(|| {
        if !is_valid_address(&address) {
            return Err(EADDRNOTAVAIL);
        }
        object.set_address(&rtnl, &address)?;
        // SAFETY: The device is valid, the lock is held, the address has six bytes.
        unsafe { bindings::rvirtio_helper_netdev_set_address(dev, address.as_ptr()) };
        Ok(0)
    })
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_rx_mode<O: Operations>(
    dev: *mut bindings::net_device,
    unicast: *mut bindings::netdev_hw_addr_list,
    multicast: *mut bindings::netdev_hw_addr_list,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: The network layer passes copies that nobody else has.
    let mode = unsafe {
        ReceiveMode::new(
            bindings::rvirtio_helper_netdev_flags(dev),
            unicast,
            multicast,
        )
    };

    from_result(|| object.set_receive_mode(&rtnl, &mode).map(|()| 0))
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn tx_timeout<O: Operations>(dev: *mut bindings::net_device, queue: c_uint) {
    // SAFETY: The device is valid.
    let object = unsafe { bindings::rvirtio_helper_netdev_object(dev) };

    // SAFETY: `NetDevice::register` puts a pointer there, that of an `Arc`, which `Registered` keeps.
    O::tx_timeout(unsafe { ArcBorrow::from_raw(object.cast::<O>()) }, queue);
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_stats64<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::rtnl_link_stats64,
) {
    // SAFETY: See above; `raw` is to be filled, and zeroed before.
    let (object, raw) = unsafe { (object::<O>(dev), &mut *raw) };

    object.stats().store(raw);
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn add_vlan<O: Operations>(
    dev: *mut bindings::net_device,
    _protocol: bindings::__be16,
    id: u16,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    from_result(|| object.add_vlan(&rtnl, id).map(|()| 0))
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn remove_vlan<O: Operations>(
    dev: *mut bindings::net_device,
    _protocol: bindings::__be16,
    id: u16,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    from_result(|| object.remove_vlan(&rtnl, id).map(|()| 0))
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_features<O: Operations>(
    dev: *mut bindings::net_device,
    wanted: bindings::netdev_features_t,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: The device is valid.
    let now = NetFeatures::from_raw(unsafe { bindings::rvirtio_helper_netdev_features(dev) });
    let wanted = NetFeatures::from_raw(wanted);

    from_result(|| {
        object
            .set_features(&rtnl, wanted, wanted.difference(now))
            .map(|()| 0)
    })
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_drvinfo<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_drvinfo,
) {
    // SAFETY: See above; `raw` is to be filled.
    let (object, raw) = unsafe { (object::<O>(dev), &mut *raw) };

    object.describe(&mut DriverInfo(raw));
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_ringparam<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_ringparam,
    _kernel: *mut bindings::kernel_ethtool_ringparam,
    _extack: *mut bindings::netlink_ext_ack,
) {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: `raw` is to be filled.
    let raw = unsafe { &mut *raw };
    let (rings, most) = (object.rings(&rtnl), object.most_rings(&rtnl));

    raw.rx_max_pending = most.rx;
    raw.rx_pending = rings.rx;
    raw.tx_max_pending = most.tx;
    raw.tx_pending = rings.tx;
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_ringparam<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_ringparam,
    _kernel: *mut bindings::kernel_ethtool_ringparam,
    _extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: `raw` was filled by the caller, who has checked it against the largest sizes.
    let raw = unsafe { &*raw };

    if raw.rx_mini_pending != 0 || raw.rx_jumbo_pending != 0 {
        return EINVAL.to_errno();
    }
    let rings = Rings {
        rx: raw.rx_pending,
        tx: raw.tx_pending,
    };

    from_result(|| object.set_rings(&rtnl, rings).map(|()| 0))
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_sset_count<O: Operations>(
    dev: *mut bindings::net_device,
    set: c_int,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    // CAST: A small number.
    if set == bindings::ethtool_stringset_ETH_SS_STATS as c_int {
        let count = u16::try_from(object.stat_count(&rtnl)).unwrap_or(u16::MAX);

        // SAFETY: The device is valid, the lock is held.
        unsafe { bindings::rvirtio_helper_netdev_set_stat_count(dev, count) };
        count.into()
    } else {
        EOPNOTSUPP.to_errno()
    }
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_strings<O: Operations>(
    dev: *mut bindings::net_device,
    set: u32,
    out: *mut u8,
) {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    if set == bindings::ethtool_stringset_ETH_SS_STATS {
        // SAFETY: The network layer has asked for the count with the lock held, and made room for as
        // many names as it was told.
        let mut names = unsafe {
            let count = bindings::rvirtio_helper_netdev_stat_count(dev);

            StatNames::new(out, count.into())
        };

        object.stat_names(&rtnl, &mut names);
    }
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_ethtool_stats<O: Operations>(
    dev: *mut bindings::net_device,
    stats: *mut bindings::ethtool_stats,
    out: *mut u64,
) {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: `stats` is filled; it says for how many there is room.
    let mut values = unsafe {
        let room = (*stats).n_stats;

        // CAST: Widening.
        StatValues::new(out, room as usize)
    };

    object.stat_values(&rtnl, &mut values);
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_channels<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_channels,
) {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: `raw` is to be filled.
    let raw = unsafe { &mut *raw };
    let channels = object.channels(&rtnl);

    raw.max_combined = channels.most.into();
    raw.combined_count = channels.pairs.into();
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_channels<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_channels,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    // SAFETY: `raw` is filled.
    let raw = unsafe { &*raw };

    from_result(|| {
        let most = object.channels(&rtnl).most;
        let pairs = u16::try_from(raw.combined_count)?;

        // There are pairs only.
        if raw.rx_count != 0 || raw.tx_count != 0 || raw.other_count != 0 {
            return Err(EINVAL);
        }
        if pairs == 0 || pairs > most {
            return Err(EINVAL);
        }
        object.set_channels(&rtnl, pairs).map(|()| 0)
    })
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn get_link_ksettings<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *mut bindings::ethtool_link_ksettings,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };

    // SAFETY: `raw` is to be filled.
    object.link(&rtnl).store(unsafe { &mut *raw });
    0
}

/// # Safety
///
/// To be called by the network layer alone, for a device of `O`; see [`object`].
unsafe extern "C" fn set_link_ksettings<O: Operations>(
    dev: *mut bindings::net_device,
    raw: *const bindings::ethtool_link_ksettings,
) -> c_int {
    // SAFETY: See above.
    let (object, rtnl) = unsafe { configured::<O>(dev) };
    let (mut speed, mut duplex) = (0, 0);
    // SAFETY: `raw` is filled; the rest is to be filled.
    let checked =
        unsafe { bindings::ethtool_virtdev_set_link_ksettings(dev, raw, &mut speed, &mut duplex) };

    if checked == 0 {
        object.set_link(&rtnl, Link::load(speed, duplex));
    }
    checked
}
