// SPDX-License-Identifier: GPL-2.0

//! The three threads of a device: QEMU's requests, the suite's, and what happens by itself.

use std::{
    fs::File,
    io::{
        self,
        BufRead,
        BufReader,
        Write, //
    },
    mem::size_of,
    os::unix::net::{
        UnixListener,
        UnixStream, //
    },
    path::Path,
    sync::{
        Arc,
        Mutex, //
    },
    thread,
    time::Duration,
};

use vfio_bindings::bindings::vfio::{
    vfio_region_info,
    VFIO_IRQ_INFO_AUTOMASKED,
    VFIO_IRQ_INFO_EVENTFD,
    VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_INFO_NORESIZE,
    VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX,
    VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX,
    VFIO_PCI_NUM_IRQS,
    VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_READ,
    VFIO_REGION_INFO_FLAG_WRITE, //
};
use vfio_user::{
    DmaMapFlags,
    DmaUnmapFlags,
    IrqInfo,
    Server,
    ServerBackend,
    ServerRegion, //
};

use crate::{
    admin::Admin,
    cases,
    config_space::{
        BAR_BYTES,
        VECTORS, //
    },
    device,
    function::Function,
    fuzz,
    mailbox,
    memory::Memory,
    options::Options, //
};

/// How often a device that is at rest is looked at.
const REST: Duration = Duration::from_millis(20);

/// What QEMU talks to.
struct Backend {
    memory: Arc<Memory>,
    function: Arc<Mutex<Function>>,
    suite: Arc<Suite>,
}

impl ServerBackend for Backend {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        if region == VFIO_PCI_CONFIG_REGION_INDEX {
            if let Some(question) = mailbox::question(offset, data.len()) {
                data.copy_from_slice(&self.suite.number(question).to_le_bytes());
                return Ok(());
            }
        }
        let mut function = self.function.lock().unwrap();

        match region {
            VFIO_PCI_BAR0_REGION_INDEX => function.read_bar(offset, data),
            VFIO_PCI_CONFIG_REGION_INDEX => function.read_pci(offset, data),
            _ => data.fill(0xff),
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        if region == VFIO_PCI_CONFIG_REGION_INDEX {
            if let Some(request) = mailbox::request(offset, data) {
                self.suite.heed(request);
                return Ok(());
            }
        }
        let mut function = self.function.lock().unwrap();

        match region {
            VFIO_PCI_BAR0_REGION_INDEX => function.write_bar(offset, data),
            VFIO_PCI_CONFIG_REGION_INDEX => function.write_pci(offset, data),
            _ => {}
        }
        Ok(())
    }

    fn dma_map(
        &mut self,
        _flags: DmaMapFlags,
        offset: u64,
        address: u64,
        size: u64,
        fd: Option<File>,
    ) -> io::Result<()> {
        // What has no file is not the guest's memory.
        match fd {
            Some(file) => self.memory.map(&file, offset, address, size),
            None => Ok(()),
        }
    }

    fn dma_unmap(&mut self, _flags: DmaUnmapFlags, address: u64, size: u64) -> io::Result<()> {
        self.memory.unmap(address, size);
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        self.function.lock().unwrap().reset();
        Ok(())
    }

    fn set_irqs(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        fds: Vec<File>,
    ) -> io::Result<()> {
        self.function
            .lock()
            .unwrap()
            .set_interrupts(index, flags, start, count, fds);
        Ok(())
    }
}

fn regions() -> Vec<ServerRegion> {
    let region = |index| {
        let size = match index {
            VFIO_PCI_BAR0_REGION_INDEX => BAR_BYTES,
            VFIO_PCI_CONFIG_REGION_INDEX => 256,
            _ => 0,
        };
        let flags = match size {
            0 => 0,
            _ => VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
        };

        ServerRegion {
            region_info: vfio_region_info {
                argsz: size_of::<vfio_region_info>() as u32,
                index,
                flags,
                size,
                ..Default::default()
            },
            sparse_areas: Vec::new(),
            mmap_fd: None,
        }
    };

    (0..VFIO_PCI_NUM_REGIONS).map(region).collect()
}

fn interrupts() -> Vec<IrqInfo> {
    let interrupt = |index| {
        let (count, flags) = match index {
            VFIO_PCI_INTX_IRQ_INDEX => (
                1,
                VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
            ),
            VFIO_PCI_MSIX_IRQ_INDEX => (
                VECTORS.into(),
                VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
            ),
            _ => (0, 0),
        };

        IrqInfo {
            index,
            flags,
            count,
        }
    };

    (0..VFIO_PCI_NUM_IRQS).map(interrupt).collect()
}

/// Serves a device at `socket` until QEMU goes, and listens to the suite at `control`.
pub fn serve(socket: &Path, control: &Path, kind: &str, options: Options) -> Result<(), String> {
    let memory = Arc::new(Memory::default());
    let model = device::make(kind, &options)?;
    let admin = Admin::new(&options)?;
    let function = Function::new(memory.clone(), model, admin, options.clone());
    let function = Arc::new(Mutex::new(function));
    let listener = UnixListener::bind(control).map_err(|error| format!("{control:?}: {error}"))?;
    let server = Server::new(socket, true, interrupts(), regions())
        .map_err(|error| format!("{socket:?}: {error}"))?;
    let suite = Arc::new(Suite {
        kind: kind.into(),
        options,
        function: function.clone(),
    });
    let restless = function.clone();
    let guests = suite.clone();
    let last = function.clone();

    thread::spawn(move || loop {
        let wait = match restless.lock() {
            Ok(function) if function.is_restless() => Duration::from_millis(1),
            _ => REST,
        };
        thread::sleep(wait);
        if let Ok(mut function) = restless.lock() {
            function.tick();
        }
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let suite = suite.clone();

            thread::spawn(move || suite.talk(&stream));
        }
    });
    let result = server
        .run(&mut Backend {
            memory,
            function,
            suite: guests,
        })
        .map_err(|error| error.to_string());
    let last = last.lock().unwrap();

    // QEMU has gone, and with it the guest. The log is read when nobody can be asked any more.
    if let Some(words) = last.as_left() {
        let name = socket.file_stem().unwrap_or_default().to_string_lossy();

        println!("{name} at the end: {words}");
    }
    println!("end: {}", last.last_words());
    result
}

/// The suite's end: a line is a request, and so is its answer, OK RESULT or ERR REASON.
///
/// ```text
/// be CASE [KEY=VALUE...]    a new life, with the personality of this case; `good` is an honest one
/// strike                    the time has come
/// order WORD...             what the model can do of itself
/// ask WORD...               told, requests, notifications, status, features, complaints, accesses, or what the model knows
/// ```
struct Suite {
    kind: String,
    options: Options,
    function: Arc<Mutex<Function>>,
}

impl Suite {
    fn talk(&self, mut stream: &UnixStream) -> io::Result<()> {
        for line in BufReader::new(stream).lines() {
            let answer = match self.answer(&line?) {
                Ok(text) => format!("OK {text}"),
                Err(why) => format!("ERR {why}"),
            };

            writeln!(stream, "{}", answer.trim_end())?;
        }
        Ok(())
    }

    fn answer(&self, line: &str) -> Result<String, String> {
        let words: Vec<_> = line.split_whitespace().collect();

        match &words[..] {
            ["be", name, more @ ..] => {
                let case = cases::find(&self.kind, name)?;
                let words = case.options.split_whitespace().chain(more.iter().copied());

                self.live(words, &case.lies, 1)?;
                Ok(String::new())
            }
            ["strike"] => {
                self.function.lock().unwrap().strike();
                Ok(String::new())
            }
            ["order", what @ ..] => self
                .function
                .lock()
                .unwrap()
                .order(what)
                .map(|()| String::new())
                .ok_or_else(|| format!("a {} cannot do that: {line}", self.kind)),
            ["ask", what @ ..] => self
                .function
                .lock()
                .unwrap()
                .ask(what)
                .ok_or_else(|| format!("a {} knows no answer to {line}", self.kind)),
            _ => Err(format!("{line}?")),
        }
    }

    /// What a program in the guest asks for. It finds out by what becomes of it.
    fn heed(&self, request: mailbox::Request) {
        let done = match request {
            mailbox::Request::Life(0) => self.live(std::iter::empty(), &[], 0),
            mailbox::Request::Life(seed) => fuzz::life(&self.kind, seed)
                .and_then(|(options, lies)| self.live(options.split_whitespace(), &lies, seed)),
            mailbox::Request::Strike => {
                self.function.lock().unwrap().strike();
                Ok(())
            }
            mailbox::Request::Order(line) => self.answer(&format!("order {line}")).map(|_| ()),
        };

        if let Err(why) = done {
            eprintln!("{why}");
        }
    }

    /// The first number of the answer to a question; 0 where there is none.
    fn number(&self, question: &str) -> u32 {
        let answer = self.function.lock().unwrap().ask(&[question]);
        let first = answer.as_deref().and_then(|text| text.split(' ').next());

        first.and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    fn live<'a>(
        &self,
        words: impl Iterator<Item = &'a str>,
        lies: &[crate::lie::Lie],
        seed: u64,
    ) -> Result<(), String> {
        let mut options = self.options.clone();

        options.take(words)?;
        let model = device::make(&self.kind, &options)?;
        let admin = Admin::new(&options)?;

        self.function
            .lock()
            .unwrap()
            .become_other(model, admin, options, lies, seed);
        Ok(())
    }
}
