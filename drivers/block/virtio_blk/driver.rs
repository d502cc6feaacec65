// SPDX-License-Identifier: GPL-2.0

//! Takes block devices over and gives them back.

use crate::{
    attributes::attributes,
    config,
    disk::BlkDisk,
    feature,
    limits::{
        self,
        Checked,
        Room, //
    },
    module_parameters,
    patience::interval_ms,
    plan::{
        Plan,
        Wish, //
    },
    queue::{
        BlkQueue,
        BlkRing,
        Options, //
    },
    ranges::{
        self,
        Geometry,
        Ranges, //
    },
    zoned::Zoned,
    zones::{
        self,
        Ground,
        Zones, //
    },
    BlkModule, //
};
use core::num::NonZeroU64;
use kernel::{
    module::this_module,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Full,
                Relaxed, //
            },
            AtomicFlag, //
        },
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::block::{
    possible_queues,
    AddedDisk,
    Disk,
    Limits,
    Major,
    Queues,
    Size,
    TagSet,
    TagSetConfig,
    ZoneLimits,
    SECTOR_SIZE, //
};
use virtio::{
    transport_feature,
    Config,
    Device,
    DeviceId,
    Driver,
    Features,
    FeaturesOk,
    QueueOptions,
    Silent,
    Virtqueue, //
};

/// The most entries that a ring is given: each has a place of up to 4128 bytes for its request.
const MAX_QUEUE_SIZE: u16 = 1024;
/// The largest least or best size that is followed later: above it, it is how large requests are.
const MAX_FOLLOWED: u32 = 1 << 20;
/// Sectors of one request: what 32 bits of bytes can count, as the ring's lengths do.
const MAX_SECTORS: u32 = u32::MAX / SECTOR_SIZE;

/// What a disk was made with, and its queues with it.
#[derive(Clone, Copy)]
struct Made {
    checked: Checked,
    ranges: Ranges,
    zones: Option<Zones>,
    /// Sectors, when it was bound.
    capacity: u64,
}

impl Made {
    /// The most sectors that the disk may grow to: the block layer has made its tables for as many zones as there were, and
    /// some of it counts zones by the capacity.
    fn most(&self) -> u64 {
        match self.zones {
            Some(_) => self.capacity,
            None => u64::MAX,
        }
    }
}

/// A block device that is bound.
#[pin_data]
pub(crate) struct Blk {
    device: Arc<Device>,
    service: Arc<BlkDisk>,
    tags: Arc<TagSet<BlkDisk>>,
    made: Made,
    /// The limits that the disk has.
    #[pin]
    limits: Mutex<Limits>,
    /// The disk, from the end of `probe` to `remove`.
    #[pin]
    disk: Mutex<Option<AddedDisk<BlkDisk>>>,
    /// Its queue is frozen, since the machine sleeps.
    frozen: AtomicFlag,
    /// The device says that it can only be read.
    read_only: AtomicFlag,
    /// The block layer was told so.
    shown_read_only: AtomicFlag,
}

impl Blk {
    fn new(
        device: Arc<Device>,
        service: Arc<BlkDisk>,
        tags: Arc<TagSet<BlkDisk>>,
        made: Made,
        limits: Limits,
        can_only_be_read: bool,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device,
                service,
                tags,
                made,
                limits <- new_mutex!(limits),
                disk <- new_mutex!(None),
                frozen: AtomicFlag::new(false),
                read_only: AtomicFlag::new(can_only_be_read),
                shown_read_only: AtomicFlag::new(can_only_be_read),
            }),
            GFP_KERNEL,
        )
    }

    /// Ends the freeze that [`Driver::before_sleep`] began, if there is one.
    fn thaw(&self, disk: &AddedDisk<BlkDisk>) {
        if self.frozen.xchg(false, Full) {
            disk.thaw();
        }
    }

    /// Follows the device's capacity.
    fn update_capacity(&self, disk: &AddedDisk<BlkDisk>) {
        let sectors = match config::capacity(&self.device.config()) {
            Ok(sectors) => sectors,
            Err(error) => {
                // In the middle of a reset: asked again after it.
                if error != EAGAIN {
                    dev_err!(self.device.node(), "capacity cannot be read\n");
                }
                return;
            }
        };

        let most = self.made.most();

        if sectors > most {
            dev_warn!(
                self.device.node(),
                "[{}] device is larger than its zones were when it was bound: what is new is not used\n",
                disk.name()
            );
        }
        let sectors = sectors.min(most);

        if sectors != disk.capacity() {
            self.log_capacity(disk, "new size: ", sectors);
            disk.resize(sectors);
        }
    }

    /// Follows a device that says, after a reset, that it can only be read, or that it can be written to again.
    fn update_read_only(&self, disk: &AddedDisk<BlkDisk>) {
        let read_only = self.read_only.load(Relaxed);

        if self.shown_read_only.xchg(read_only, Full) != read_only {
            dev_notice!(
                self.device.node(),
                "[{}] is {} now\n",
                disk.name(),
                if read_only { "read-only" } else { "writable" }
            );
            disk.set_read_only(read_only);
        }
    }

    /// What is done while requests are waited for.
    fn attend(&self) {
        self.service.poll_all();
        self.device.look_after();
    }

    /// Follows what the device says of its topology, and of the commands that erase.
    fn update_limits(&self, disk: &AddedDisk<BlkDisk>) {
        let features = self.device.features();
        let config = self.device.config();
        // In the middle of a reset: asked again after it.
        let (Ok(claims), Ok(range_claims)) = (
            config::claims(features, &config),
            config::range_claims(features, &config),
        ) else {
            return;
        };
        let made = &self.made;
        let checked = limits::again(&claims, &made.checked);
        let ranges = ranges::check(&range_claims, &ground_of(&checked)).within(&made.ranges);
        let mut now = self.limits.lock();
        let mut next = disk_limits(&checked, &ranges, made.zones.as_ref(), now.write_cache);

        // Large ones say how large requests are, which is not to change under what is stacked on the disk.
        if [now.io_min, now.io_opt, next.io_min, next.io_opt]
            .iter()
            .any(|size| *size > MAX_FOLLOWED)
        {
            (next.io_min, next.io_opt) = (now.io_min, now.io_opt);
        }
        if next == *now {
            return;
        }
        match disk.change_limits(&next, || self.attend()) {
            Ok(()) => {
                dev_info!(self.device.node(), "[{}] new limits\n", disk.name());
                *now = next;
            }
            Err(error) if error == EBUSY => dev_info!(
                self.device.node(),
                "[{}] new limits, which wait for the next change: requests take too long\n",
                disk.name()
            ),
            Err(error) => dev_err!(
                self.device.node(),
                "[{}] limits cannot be changed: {:?}\n",
                disk.name(),
                error
            ),
        }
    }

    /// Tells the size, in the words that C's driver has for it.
    fn log_capacity(&self, disk: &AddedDisk<BlkDisk>, what: &str, sectors: u64) {
        let per_block = NonZeroU64::new((self.made.checked.logical_block / SECTOR_SIZE).into())
            .unwrap_or(NonZeroU64::MIN);
        let size = Size {
            blocks: (sectors / per_block).saturating_add((sectors % per_block != 0).into()),
            block_size: self.made.checked.logical_block,
        };

        dev_notice!(
            self.device.node(),
            "[{}] {}{} {}-byte logical blocks ({})\n",
            disk.name(),
            what,
            size.blocks,
            size.block_size,
            format_args!("{size}")
        );
    }
}

/// Decides how many queues are used of a device that offers `offered`.
fn plan(device: &Device, offered: u16) -> Result<Plan> {
    let wish = Wish {
        queues: module_parameters::num_request_queues.value(),
        polled: module_parameters::poll_queues.value(),
    };

    Plan::new(offered, possible_queues(0), wish).ok_or_else(|| {
        dev_err!(device.node(), "device offers several queues, and none\n");
        EINVAL
    })
}

/// Makes the rings of the planned queues, or of the first of them where memory is short or the device has fewer than it
/// says; and tells the room of each.
fn make_rings(
    setup: &FeaturesOk,
    plan: Plan,
    options: QueueOptions,
) -> Result<KVec<(impl PinInit<BlkRing, Error>, u16)>> {
    let mut rings = KVec::with_capacity(plan.count().into(), GFP_KERNEL)?;

    for index in 0..plan.count() {
        match Virtqueue::new(setup, index, options) {
            Ok(ring) => rings.push(ring, GFP_KERNEL)?,
            Err(error) if (error == ENOMEM || error == ENOENT) && index != 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(rings)
}

/// Connects the queues to their interrupts, if they have some.
fn connect(setup: &mut FeaturesOk, plan: Plan, queues: &[Arc<BlkQueue>]) -> Result {
    for queue in queues {
        let index = queue.ring().index();

        if plan.is_polled(index) {
            setup.connect_polled(queue.clone(), fmt!("req_poll.{}", index))?;
        } else {
            setup.connect_spread(queue.clone(), fmt!("req.{}", index))?;
        }
    }
    Ok(())
}

/// What ranges of sectors have to fit to.
fn ground_of(checked: &Checked) -> Geometry {
    Geometry {
        logical_block: checked.logical_block,
        physical_block: checked.physical_block,
        max_segments: checked.max_segments,
    }
}

/// The disk's limits in the block layer's words.
fn disk_limits(
    checked: &Checked,
    ranges: &Ranges,
    zones: Option<&Zones>,
    write_cache: bool,
) -> Limits {
    // Zones are written in pieces of this size, both powers of two; with zones they are the physical blocks.
    let granularity = zones.map_or(0, |zones| zones.granularity);
    let physical_block_size = checked.physical_block.max(granularity);
    Limits {
        logical_block_size: checked.logical_block,
        physical_block_size,
        alignment_offset: checked.alignment_offset,
        io_min: checked.io_min.max(physical_block_size),
        io_opt: checked.io_opt,
        max_segments: checked.max_segments,
        max_segment_size: checked.max_segment_size,
        max_sectors: MAX_SECTORS,
        write_cache,
        rotational: module_parameters::rotational.value(),
        max_discard_sectors: ranges.discard_sectors,
        max_discard_extents: ranges.discard_ranges,
        discard_granularity: ranges.discard_granularity,
        max_write_zeroes_sectors: ranges.write_zeroes_sectors,
        write_zeroes_unmap: ranges.unmap,
        max_secure_erase_sectors: ranges.secure_erase_sectors,
        zones: zones.map(|zones| ZoneLimits {
            zone_sectors: zones.zone_sectors,
            max_open: zones.max_open,
            max_active: zones.max_active,
            max_append_sectors: zones.max_append_sectors,
            granularity: zones.granularity,
        }),
    }
}

impl Driver for Blk {
    type Module = Major;

    const IDS: &'static [DeviceId] = &[DeviceId::BLOCK];
    const FEATURES: Features = feature::IMPLEMENTED;
    const STORAGE: bool = true;

    fn validate(features: Features, config: &Config<'_>) -> Result<Features> {
        config::supported(features, config)
    }

    fn probe(major: &Arc<Major>, mut setup: FeaturesOk) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let features = setup.features();
        let node = device.node();
        let unreadable =
            |error: &Error| dev_err!(node, "configuration cannot be read: {:?}\n", error);
        let claims = config::claims(features, &setup.config()).inspect_err(unreadable)?;
        let range_claims =
            config::range_claims(features, &setup.config()).inspect_err(unreadable)?;
        let geometry = config::geometry(features, &setup.config()).inspect_err(unreadable)?;
        let capacity = config::capacity(&setup.config()).inspect_err(unreadable)?;
        let options = QueueOptions {
            max_size: MAX_QUEUE_SIZE,
            // 5.2.6.3: devices before version 1 are known to count wrongly.
            lenient_length: module_parameters::lenient_length.value()
                || !features.contains(transport_feature::VERSION_1),
        };
        let offered = config::queues(features, &setup.config()).inspect_err(unreadable)?;
        let plan = plan(&device, offered)?;
        let rings = make_rings(&setup, plan, options)?;
        let checked = limits::check(
            &claims,
            Room {
                queue_size: rings.iter().map(|(_, room)| *room).min().unwrap_or(0),
                indirect: features.contains(transport_feature::INDIRECT_DESC),
                max_mapping: device.master().max_mapping(),
            },
        )
        .map_err(|error| {
            dev_err!(node, "{}\n", format_args!("{error}"));
            EINVAL
        })?;

        if checked.topology_ignored {
            dev_warn!(node, "topology makes no sense and is ignored\n");
        }
        let ranges = ranges::check(&range_claims, &ground_of(&checked));

        for name in ranges.ignored.names() {
            dev_warn!(
                node,
                "limits of the command {} make no sense: it is not used\n",
                name
            );
        }
        let zoned = config::zoned_claims(features, &setup.config())
            .inspect_err(unreadable)?
            .map(|claims| {
                let ground = Ground {
                    logical_block: checked.logical_block,
                    max_segments: checked.max_segments,
                    capacity,
                };

                zones::check(&claims, &ground)
            })
            .transpose()
            .map_err(|error| {
                dev_err!(node, "{}\n", format_args!("{error}"));
                EINVAL
            })?
            .flatten()
            .map(|zones| Zoned::new(zones, &checked));
        let depth = match module_parameters::queue_depth.value() {
            0 => checked.depth,
            wanted => checked.depth.min(wanted),
        };
        let mut queues = KVec::with_capacity(rings.len(), GFP_KERNEL)?;

        for (index, (ring, _)) in (0..plan.count()).zip(rings) {
            let options = Options {
                depth,
                ranges,
                zoned,
                lenient_length: options.lenient_length,
                polled: plan.is_polled(index),
            };

            match BlkQueue::new(&setup, ring, &checked, options) {
                Ok(queue) => queues.push(queue, GFP_KERNEL)?,
                // Those that there are will do.
                Err(error) if error == ENOMEM && index != 0 => break,
                Err(error) => return Err(error),
            }
        }
        let plan = plan.cut(u16::try_from(queues.len())?);

        dev_info!(
            node,
            "{}/0/{} default/read/poll queues\n",
            plan.default,
            plan.polled
        );
        connect(&mut setup, plan, &queues)?;
        // Which CPUs the interrupts go to decides which queues the CPUs use.
        setup.start_queues()?;
        let tags = Arc::pin_init(
            TagSet::new(TagSetConfig {
                queues: Queues {
                    default: plan.default.into(),
                    read: 0,
                    poll: plan.polled.into(),
                },
                affinity: &|queue, each| {
                    u16::try_from(queue).is_ok_and(|queue| device.queue_cpus(queue, each))
                },
                depth,
                timeout_ms: interval_ms(module_parameters::io_timeout.value()),
            }),
            GFP_KERNEL,
        )?;
        let service = BlkDisk::new(device.clone(), queues, zoned, claims.write_cache)?;
        let made = Made {
            checked,
            ranges,
            zones: zoned.map(|zoned| zoned.zones),
            capacity,
        };
        let read_only = features.contains(feature::RO);
        let limits = disk_limits(&checked, &ranges, made.zones.as_ref(), claims.write_cache);
        let disk = Disk::new(
            tags.clone(),
            &limits,
            geometry,
            service.clone(),
            this_module::<BlkModule>(),
        )
        .inspect_err(|error| dev_err!(node, "disk cannot be made: {:?}\n", error))?;
        let this = Self::new(device.clone(), service, tags, made, limits, read_only)?;

        setup.go_live(&this)?;

        disk.set_capacity(capacity);
        disk.set_read_only(read_only);
        if zoned.is_some() {
            disk.check_zones()
                .inspect_err(|error| dev_err!(node, "zones are not right: {:?}\n", error))?;
        }
        let disk = disk
            .add(node, major, "vd", attributes(features))
            .inspect_err(|error| dev_err!(node, "disk cannot be added: {:?}\n", error))?;

        this.log_capacity(&disk, "", disk.capacity());
        *this.disk.lock() = Some(disk);
        // A change that came while the disk was not there yet was not followed.
        Driver::config_changed(&*this);
        Ok(this)
    }

    fn config_changed(&self) {
        if let Some(disk) = &*self.disk.lock() {
            self.update_capacity(disk);
            self.update_limits(disk);
            self.update_read_only(disk);
        }
    }

    fn device_broken(&self, silent: Silent<'_>) {
        self.service.fail_all(silent);
    }

    /// A request that stayed under way would keep the CPU of its queue from going offline. Whoever would poll for some is
    /// frozen.
    fn before_sleep(&self) {
        if let Some(disk) = &*self.disk.lock() {
            disk.freeze(|| self.attend());
            let _ = self.frozen.xchg(true, Full);
        }
    }

    fn after_sleep(&self) {
        if let Some(disk) = &*self.disk.lock() {
            self.thaw(disk);
        }
    }

    fn pause(&self) {
        self.tags.hold();
    }

    fn reconfigure(&self, config: &Config<'_>, offered: Features) -> Result {
        // Told to the block layer once the device works, see `config_changed()`: that takes memory.
        self.read_only.store(offered.contains(feature::RO), Relaxed);
        self.service.replay_cache(config)
    }

    fn resume(&self) {
        self.tags.go_on();
    }

    fn remove(&self) {
        // From here on a device that loses a request is given up, and all fail. First, since who has the disk may wait for some.
        self.service.leave();
        let disk = self.disk.lock().take();

        // Taken away while the machine sleeps: what is dirty is written back, which would wait without end.
        if let Some(disk) = &disk {
            self.thaw(disk);
        }
        drop(disk);
    }
}
