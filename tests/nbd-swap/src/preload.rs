// SPDX-License-Identifier: GPL-2.0

//! For LD_PRELOAD: locks the memory of a program before it starts, which nobody outside can do.
//! Then takes as much heap as the program will need, and returns it to the allocator, which was told
//! to keep it (see `guarded`). Other memory that the program maps later is locked page by page as it is
//! used: qemu-nbd maps a MiB for each coroutine, and uses next to nothing of it.

use rustix::mm::{mlockall, MlockAllFlags};

const HEAP: usize = 48 << 20;

extern "C" fn lock() {
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE;
    let locked = mlockall(flags).and_then(|()| {
        drop(std::hint::black_box(vec![1u8; HEAP]));
        mlockall(MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
    });
    if let Err(err) = locked {
        eprintln!("mlockall: {err}");
        std::process::abort();
    }
}

/// The dynamic linker calls it.
#[used]
#[link_section = ".init_array"]
static LOCK: extern "C" fn() = lock;
