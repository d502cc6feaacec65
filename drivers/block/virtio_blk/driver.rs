// SPDX-License-Identifier: GPL-2.0

//! Takes block devices over and gives them back.

use crate::{
    attributes::ATTRIBUTES,
    config,
    feature,
    limits::{
        self,
        Checked,
        Room, //
    },
    module_parameters,
    queue::{
        BlkQueue,
        Options, //
    },
    ranges::{
        self,
        Geometry,
        Ranges, //
    },
    BlkModule, //
};
use core::num::NonZeroU64;
use kernel::{
    module::this_module,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::block::{
    AddedDisk,
    Disk,
    Limits,
    Major,
    Size,
    TagSet,
    TagSetConfig,
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
    Virtqueue, //
};

/// The most entries that a ring is given: each has a place of up to 4128 bytes for its request.
const MAX_QUEUE_SIZE: u16 = 1024;
/// Sectors of one request: what 32 bits of bytes can count, as the ring's lengths do.
const MAX_SECTORS: u32 = u32::MAX / SECTOR_SIZE;
/// The only queue that is used so far.
const REQUEST_QUEUE: u16 = 0;

/// A block device that is bound.
#[pin_data]
pub(crate) struct Blk {
    device: Arc<Device>,
    queue: Arc<BlkQueue>,
    tags: Arc<TagSet<BlkQueue>>,
    /// Bytes of a logical block, 512 at least.
    logical_block: u32,
    /// The disk, from the end of `probe` to `remove`.
    #[pin]
    disk: Mutex<Option<AddedDisk<BlkQueue>>>,
}

impl Blk {
    fn new(
        device: Arc<Device>,
        queue: Arc<BlkQueue>,
        tags: Arc<TagSet<BlkQueue>>,
        checked: &Checked,
    ) -> Result<Arc<Self>> {
        let logical_block = checked.logical_block;

        Arc::pin_init(
            pin_init!(Self {
                device,
                queue,
                tags,
                logical_block,
                disk <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    /// Follows the device's capacity.
    fn update_capacity(&self, disk: &AddedDisk<BlkQueue>) {
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

        if sectors != disk.capacity() {
            self.log_capacity(disk, "new size: ", sectors);
            disk.resize(sectors);
        }
    }

    /// Tells the size, in the words that C's driver has for it.
    fn log_capacity(&self, disk: &AddedDisk<BlkQueue>, what: &str, sectors: u64) {
        let per_block =
            NonZeroU64::new((self.logical_block / SECTOR_SIZE).into()).unwrap_or(NonZeroU64::MIN);
        let size = Size {
            blocks: (sectors / per_block).saturating_add((sectors % per_block != 0).into()),
            block_size: self.logical_block,
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

/// The disk's limits in the block layer's words.
fn disk_limits(checked: &Checked, ranges: &Ranges, write_cache: bool) -> Limits {
    Limits {
        logical_block_size: checked.logical_block,
        physical_block_size: checked.physical_block,
        alignment_offset: checked.alignment_offset,
        io_min: checked.io_min,
        io_opt: checked.io_opt,
        max_segments: checked.max_segments,
        max_segment_size: checked.max_segment_size,
        max_sectors: MAX_SECTORS,
        write_cache,
        rotational: false,
        max_discard_sectors: ranges.discard_sectors,
        max_discard_extents: ranges.discard_ranges,
        discard_granularity: ranges.discard_granularity,
        max_write_zeroes_sectors: ranges.write_zeroes_sectors,
        write_zeroes_unmap: ranges.unmap,
        max_secure_erase_sectors: ranges.secure_erase_sectors,
    }
}

impl Driver for Blk {
    type Module = Major;

    const IDS: &'static [DeviceId] = &[DeviceId::BLOCK];
    const FEATURES: Features = feature::IMPLEMENTED;
    const STORAGE: bool = true;

    fn validate(features: Features, config: &Config<'_>) -> Result<Features> {
        Ok(config::supported(features, config))
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
        let capacity = config::capacity(&setup.config()).inspect_err(unreadable)?;
        let options = QueueOptions {
            max_size: MAX_QUEUE_SIZE,
            // 5.2.6.3: devices before version 1 are known to count wrongly.
            lenient_length: module_parameters::lenient_length.value()
                || !features.contains(transport_feature::VERSION_1),
        };
        let (queue, size) = Virtqueue::new(&setup, REQUEST_QUEUE, options)?;
        let checked = limits::check(
            &claims,
            Room {
                queue_size: size,
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
        let ranges = ranges::check(
            &range_claims,
            &Geometry {
                logical_block: checked.logical_block,
                physical_block: checked.physical_block,
                max_segments: checked.max_segments,
            },
        );

        for name in ranges.ignored.names() {
            dev_warn!(
                node,
                "limits of the command {} make no sense: it is not used\n",
                name
            );
        }
        let depth = match module_parameters::queue_depth.value() {
            0 => checked.depth,
            wanted => checked.depth.min(wanted),
        };
        let queue = BlkQueue::new(
            &setup,
            queue,
            &checked,
            Options {
                depth,
                ranges,
                write_cache: claims.write_cache,
                lenient_length: options.lenient_length,
            },
        )?;
        let tags = Arc::pin_init(
            TagSet::new(TagSetConfig {
                queues: 1,
                depth,
                timeout_s: module_parameters::io_timeout.value(),
            }),
            GFP_KERNEL,
        )?;
        let disk = Disk::new(
            tags.clone(),
            &disk_limits(&checked, &ranges, claims.write_cache),
            queue.clone(),
            this_module::<BlkModule>(),
        )
        .inspect_err(|error| dev_err!(node, "disk cannot be made: {:?}\n", error))?;
        let this = Self::new(device.clone(), queue.clone(), tags, &checked)?;

        setup.connect(
            queue.virtqueue(),
            fmt!("req.{}", REQUEST_QUEUE),
            queue.clone(),
        )?;
        setup.go_live(&this)?;

        disk.set_capacity(capacity);
        disk.set_read_only(features.contains(feature::RO));
        let disk = disk
            .add(node, major, "vd", &ATTRIBUTES)
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
        }
    }

    fn device_broken(&self) {
        self.queue.fail_all();
    }

    fn pause(&self) {
        self.tags.hold();
    }

    fn reconfigure(&self, config: &Config<'_>) -> Result {
        self.queue.replay_cache(config)
    }

    fn resume(&self) {
        self.tags.go_on();
    }

    fn remove(&self) {
        let disk = self.disk.lock().take();

        // Waits for what is under way; a device that does not answer is given up after the
        // timeout, and its requests fail.
        drop(disk);
    }
}
