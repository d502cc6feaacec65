// SPDX-License-Identifier: GPL-2.0

//! The sysfs attributes of a device: `/sys/bus/rvirtio/devices/virtioN/`, as C has them.

use crate::{
    bus::VirtioBus,
    feature::Features, //
};
use kernel::prelude::*;
use kernel_ext::bus::{
    AttributeGroup,
    AttributeGroups,
    AttributeList,
    Bus,
    DeviceAttribute,
    Output,
    Show, //
};

type Node = <VirtioBus as Bus>::Device;

/// The device id, `0x0002`.
struct Device;
/// The vendor id, `0x1af4`.
struct Vendor;
/// The status field, `0x0000000f`.
struct Status;
/// The agreed features as 128 characters 0 and 1, bit 0 first.
struct FeatureBits;
/// What a module's alias has to match.
struct Modalias;

impl Show<VirtioBus> for Device {
    const NAME: &'static CStr = c"device";

    fn show(node: &Node, out: &mut Output<'_>) -> Result {
        out.text(fmt!("0x{:04x}\n", node.identity().device.number()));
        Ok(())
    }
}

impl Show<VirtioBus> for Vendor {
    const NAME: &'static CStr = c"vendor";

    fn show(node: &Node, out: &mut Output<'_>) -> Result {
        out.text(fmt!("0x{:04x}\n", node.identity().vendor));
        Ok(())
    }
}

impl Show<VirtioBus> for Status {
    const NAME: &'static CStr = c"status";

    fn show(node: &Node, out: &mut Output<'_>) -> Result {
        out.text(fmt!("0x{:08x}\n", node.status()?.as_raw()));
        Ok(())
    }
}

impl Show<VirtioBus> for FeatureBits {
    const NAME: &'static CStr = c"features";

    fn show(node: &Node, out: &mut Output<'_>) -> Result {
        let features = node.features();

        for number in 0..Features::COUNT {
            let set = features.contains(Features::bit(number));

            out.bytes(if set { b"1" } else { b"0" });
        }
        out.bytes(b"\n");
        Ok(())
    }
}

impl Show<VirtioBus> for Modalias {
    const NAME: &'static CStr = c"modalias";

    fn show(node: &Node, out: &mut Output<'_>) -> Result {
        let identity = node.identity();

        out.text(fmt!(
            "rvirtio:d{:08X}v{:08X}\n",
            identity.device.number(),
            identity.vendor
        ));
        Ok(())
    }
}

static DEVICE: DeviceAttribute<VirtioBus> = DeviceAttribute::new::<Device>();
static VENDOR: DeviceAttribute<VirtioBus> = DeviceAttribute::new::<Vendor>();
static STATUS: DeviceAttribute<VirtioBus> = DeviceAttribute::new::<Status>();
static FEATURES: DeviceAttribute<VirtioBus> = DeviceAttribute::new::<FeatureBits>();
static MODALIAS: DeviceAttribute<VirtioBus> = DeviceAttribute::new::<Modalias>();

static LIST: AttributeList<VirtioBus, 6> = AttributeList::new([
    Some(&DEVICE),
    Some(&VENDOR),
    Some(&STATUS),
    Some(&FEATURES),
    Some(&MODALIAS),
    None,
]);
static GROUP: AttributeGroup<VirtioBus> = AttributeGroup::new(&LIST);
pub(crate) static GROUPS: AttributeGroups<VirtioBus, 2> = AttributeGroups::one(&GROUP);
