// SPDX-License-Identifier: GPL-2.0

//! Takes balloon devices over and gives them back.

use crate::{
    balloon::{
        Balloon,
        Relief, //
    },
    config,
    feature,
    hinting::{
        Held,
        Hinter, //
    },
    host::Host,
    notice::NoticeQueue,
    numbering::{
        Numbering,
        DEFLATE,
        INFLATE, //
    },
    plan::Plan,
    reporting::Reporter,
    statistics::{
        Question,
        Statistics, //
    }, //
};
use kernel::{
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    balloon::{
        free_pages_filled_with,
        Counters,
        OomNotifier,
        Reporting, //
    },
    shrinker::Shrinker,
    work::OwnedQueue, //
};
use virtio::{
    Config,
    Device,
    DeviceId,
    Features,
    FeaturesOk,
    Silent, //
};

/// Who is asked first when memory runs out: as in C.
const OOM_PRIORITY: i32 = 80;

/// A balloon device that is bound.
#[pin_data]
pub(crate) struct Driver {
    device: Arc<Device>,
    balloon: Arc<Balloon>,
    statistics: Option<Arc<Statistics>>,
    reporter: Option<Arc<Reporter>>,
    hinter: Option<Held>,
    /// What the host wanted to be hinted last, by its number.
    hints: Atomic<u32>,
    /// What the kernel calls, from the end of `probe` to `remove`.
    #[pin]
    hooks: Mutex<Hooks>,
}

/// What the kernel calls.
#[derive(Default)]
struct Hooks {
    _relief: Option<Pin<KBox<OomNotifier<Relief>>>>,
    _reporting: Option<Pin<KBox<Reporting<Reporter>>>>,
    _shrinker: Option<Pin<KBox<Shrinker<Hinter>>>>,
}

impl Driver {
    /// Offers free memory, if that is possible; the balloon works without.
    fn report(&self) -> Option<Pin<KBox<Reporting<Reporter>>>> {
        let reporter = self.reporter.as_ref()?;
        let node = self.device.node();

        if !reporter.is_useful() {
            dev_info!(node, "free pages are not reported: they would be copied\n");
            return None;
        }
        KBox::pin_init(
            Reporting::new(reporter.clone(), reporter.capacity()),
            GFP_KERNEL,
        )
        .inspect_err(|error| dev_warn!(node, "free pages are not reported: {:?}\n", error))
        .ok()
    }

    /// Lets the kernel have back what is set aside for hints.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. There are no hints without it: they may take all free memory.
    fn lend(&self) -> Result<Option<Pin<KBox<Shrinker<Hinter>>>>> {
        self.hinter
            .as_ref()
            .map(|Held(hinter)| {
                KBox::pin_init(
                    Shrinker::new(c"rvirtio-balloon", hinter.clone()),
                    GFP_KERNEL,
                )
            })
            .transpose()
    }

    /// Helps when memory runs out, if that was agreed on; the balloon works without.
    fn relieve(&self) -> Option<Pin<KBox<OomNotifier<Relief>>>> {
        let node = self.device.node();

        if !self.device.features().contains(feature::DEFLATE_ON_OOM) {
            return None;
        }
        Arc::new(Relief(self.balloon.clone()), GFP_KERNEL)
            .map_err(Error::from)
            .and_then(|relief| KBox::pin_init(OomNotifier::new(relief, OOM_PRIORITY), GFP_KERNEL))
            .inspect_err(|error| {
                dev_warn!(node, "balloon stays when memory runs out: {:?}\n", error);
            })
            .ok()
    }
}

/// Where the work of all balloons is done. It outlives what is on it, since each device stops its own.
pub(crate) struct Queues {
    /// For what goes on when memory is short.
    work: Arc<OwnedQueue>,
    /// For rounds of hints, which are long.
    rounds: Arc<OwnedQueue>,
}

impl Queues {
    /// Makes the queues.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let queues = Self {
            work: Arc::new(OwnedQueue::new(c"rvirtio_balloon")?, GFP_KERNEL)?,
            rounds: Arc::new(OwnedQueue::unhurried(c"rvirtio_hints")?, GFP_KERNEL)?,
        };

        Ok(Arc::new(queues, GFP_KERNEL)?)
    }
}

impl virtio::Driver for Driver {
    type Module = Queues;

    const IDS: &'static [DeviceId] = &[DeviceId::BALLOON];
    const FEATURES: Features = feature::IMPLEMENTED;

    fn validate(features: Features, config: &Config<'_>) -> Result<Features> {
        let filled = free_pages_filled_with().is_some();

        Ok(config::supported(features, config, filled))
    }

    fn probe(queues: &Arc<Queues>, mut setup: FeaturesOk) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let features = setup.features();
        let has = |feature| features.contains(feature);
        let offered = setup.offered();
        let numbering = Numbering::new(
            offered.contains(feature::STATS_VQ),
            offered.contains(feature::FREE_PAGE_HINT),
            offered.contains(feature::REPORTING),
        );
        let plan = Plan::new(PAGE_SIZE, Counters::read().total);

        // Both fields have to be there; this one is read again later.
        config::target(&setup.config())
            .and_then(|_| config::set_actual(&setup.config(), 0))
            .inspect_err(|error| {
                dev_err!(device.node(), "configuration is too short: {:?}\n", error);
            })?;
        if let (true, Some(byte)) = (has(feature::PAGE_POISON), free_pages_filled_with()) {
            config::set_poison(&setup.config(), byte)?;
        }
        let host = Arc::new(
            Host {
                inflate: NoticeQueue::new(&setup, INFLATE, plan)?,
                deflate: NoticeQueue::new(&setup, DEFLATE, plan)?,
            },
            GFP_KERNEL,
        )?;
        let statistics = match numbering.stats {
            Some(index) if has(feature::STATS_VQ) => {
                Some(Statistics::new(&setup, index, queues.work.clone())?)
            }
            _ => None,
        };
        let reporter = match numbering.reporting {
            Some(index) if has(feature::REPORTING) => Some(Reporter::new(&setup, index)?),
            _ => None,
        };
        let hinter = match numbering.hint {
            Some(index) if has(feature::FREE_PAGE_HINT) => {
                Some(Hinter::new(&setup, index, queues.rounds.clone())?)
            }
            _ => None,
        };
        let balloon = Balloon::new(
            queues.work.clone(),
            device.clone(),
            host.clone(),
            plan,
            has(feature::MUST_TELL_HOST),
            has(feature::DEFLATE_ON_OOM),
        )?;

        // The names are C's.
        setup.connect(host.inflate.clone(), fmt!("inflate"))?;
        setup.connect(host.deflate.clone(), fmt!("deflate"))?;
        if let Some(statistics) = &statistics {
            let question = Arc::new(Question(statistics.clone()), GFP_KERNEL)?;

            setup.connect(question, fmt!("stats"))?;
        }
        if let Some(hinter) = &hinter {
            setup.connect(hinter.clone(), fmt!("free_page_vq"))?;
        }
        if let Some(reporter) = &reporter {
            reporter.connect(&mut setup)?;
        }
        let this = Arc::pin_init(
            pin_init!(Self {
                device,
                balloon,
                statistics,
                reporter,
                hinter: hinter.map(Held),
                hints: Atomic::new(0),
                hooks <- new_mutex!(Hooks::default()),
            }),
            GFP_KERNEL,
        )?;

        let shrinker = this.lend()?;

        setup.go_live(&this)?;
        // Nothing fails from here on, so what is begun is ended by `remove`.
        if let Some(statistics) = &this.statistics {
            statistics.start();
        }
        let hooks = Hooks {
            _relief: this.relieve(),
            _reporting: this.report(),
            _shrinker: shrinker,
        };

        *this.hooks.lock() = hooks;
        this.config_changed();
        Ok(this)
    }

    fn config_changed(&self) {
        let hints = match &self.hinter {
            Some(_) => config::hint_command(&self.device.config()).unwrap_or(0),
            None => 0,
        };

        // Where the host wanted something else it does not insist on the balloon.
        self.balloon
            .follow(self.hints.xchg(hints, Relaxed) == hints);
        if let Some(Held(hinter)) = &self.hinter {
            hinter.follow();
        }
    }

    fn device_broken(&self, silent: Silent<'_>) {
        self.balloon.close(silent);
        if let Some(statistics) = &self.statistics {
            statistics.close(silent);
        }
        if let Some(reporter) = &self.reporter {
            reporter.close(silent);
        }
        if let Some(Held(hinter)) = &self.hinter {
            hinter.close(silent);
        }
    }

    fn pause(&self) {
        if let Some(Held(hinter)) = &self.hinter {
            hinter.stop();
        }
        self.balloon.pause();
    }

    fn reconfigure(&self, config: &Config<'_>, _offered: Features) -> Result {
        match free_pages_filled_with() {
            Some(byte) if self.device.features().contains(feature::PAGE_POISON) => {
                config::set_poison(config, byte)
            }
            _ => Ok(()),
        }
    }

    fn resume(&self) {
        // What is looked at next is no word of the host's: a number that it will not want.
        self.hints.store(u32::MAX, Relaxed);
        if let Some(statistics) = &self.statistics {
            statistics.start();
        }
        self.balloon.resume();
        if let Some(Held(hinter)) = &self.hinter {
            hinter.resume();
        }
    }

    fn remove(&self) {
        // First, since it may have all free memory, which the hooks give back to those in need.
        if let Some(Held(hinter)) = &self.hinter {
            hinter.stop();
        }
        let hooks = core::mem::take(&mut *self.hooks.lock());

        // Each waits for a call that is under way, which waits for the host, with an end.
        drop(hooks);
        if let Some(statistics) = &self.statistics {
            statistics.stop();
        }
        self.balloon.empty();
    }
}
