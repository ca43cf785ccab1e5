// SPDX-License-Identifier: GPL-2.0

//! Generic netlink: requests and replies between programs and a driver, and its events.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

mod family;
mod info;
mod message;
mod tables;

pub use family::{
    Command,
    Family,
    Policy, //
};
pub use info::{
    Attr,
    AttrIter,
    Info, //
};
pub use message::Message;

use crate::{
    bindings,
    THIS_MODULE, //
};
use core::{
    marker::PhantomData,
    ops::Deref, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    types::Opaque, //
};
use message::OwnedMessage;
use tables::Tables;

/// A registered family.
///
/// It is unregistered when this is dropped, which waits for the commands that run: so no lock may
/// be held that a command takes.
///
/// # Invariants
///
/// `family` is registered, with `tables`, which are for `F`.
#[pin_data(PinnedDrop)]
pub struct Registration<F: Family> {
    data: F,
    tables: Tables,
    #[pin]
    family: Opaque<bindings::genl_family>,
}

// SAFETY: A family has no thread affinity, and `F` is `Send` and `Sync`.
unsafe impl<F: Family> Send for Registration<F> {}

// SAFETY: A shared registration allows to get at the data, and to send messages, which C locks.
unsafe impl<F: Family> Sync for Registration<F> {}

impl<F: Family> Registration<F> {
    /// Returns an initializer that registers the family.
    ///
    /// Fails with [`EEXIST`] if the name is taken, with [`EINVAL`] if the constants of `F` make no
    /// sense. Process context, may sleep.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(data: F) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            data,
            tables: Tables::new::<F>(Some(Handler::<F>::command))?,
            // The data, which commands use at once, has been initialized before.
            family <- Opaque::try_ffi_init(|family: *mut bindings::genl_family| {
                // SAFETY: `family` is valid for writes.
                unsafe { tables.fill::<F>(family, THIS_MODULE.as_ptr()) }?;
                // SAFETY: `family` is filled in and pinned, and unregistered before it or the
                // tables go.
                to_result(unsafe { bindings::genl_register_family(family) })
            }),
        })
    }

    /// Returns what was registered.
    pub fn family(&self) -> &F {
        &self.data
    }

    /// Sends a message to those in the initial network namespace who listen to `group`, an index
    /// into [`Family::GROUPS`]; nobody has to.
    ///
    /// `fill` puts the attributes into it. Process context, may sleep.
    pub fn multicast(
        &self,
        group: u32,
        cmd: u8,
        fill: impl FnOnce(&mut Message<'_>) -> Result,
    ) -> Result {
        if group as usize >= F::GROUPS.len() {
            return Err(EINVAL);
        }
        let family = self.family.get();
        // SAFETY: By the type invariant, the family is registered.
        let skb = unsafe { OwnedMessage::event(family, cmd, fill) }?.into_skb();
        // SAFETY: By the type invariant, the family is registered, with this group; the message
        // is complete, and given away.
        let sent = unsafe {
            bindings::genlmsg_multicast(family, skb.as_ptr(), group, bindings::GFP_KERNEL)
        };
        match to_result(sent) {
            // Nobody listens.
            Err(ESRCH) => Ok(()),
            result => result,
        }
    }
}

impl<F: Family> Deref for Registration<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.data
    }
}

#[pinned_drop]
impl<F: Family> PinnedDrop for Registration<F> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the family is registered.
        unsafe { bindings::genl_unregister_family(self.family.get()) };
    }
}

/// The handler of the commands of a [`Registration<F>`].
struct Handler<F>(PhantomData<F>);

impl<F: Family> Handler<F> {
    /// # Safety
    ///
    /// Only C may call it, for a command of a [`Registration<F>`].
    unsafe extern "C" fn command(
        skb: *mut bindings::sk_buff,
        info: *mut bindings::genl_info,
    ) -> c_int {
        from_result(|| {
            // SAFETY: C passes a valid `info`, which is ours for the call.
            let info = unsafe { Info::from_raw(info) };
            let family: *mut Opaque<bindings::genl_family> = info.family().cast_mut().cast();
            // SAFETY: The family is part of a registration by the requirements of this function,
            // and does not go before we are done.
            let this = unsafe { &*kernel::container_of!(family, Registration<F>, family) };

            let cmd = info.command();
            let admin = F::COMMANDS.iter().any(|c| c.number == cmd && c.admin);
            // SAFETY: C passes the message that it has received.
            if admin && !unsafe { bindings::netlink_capable(skb, CAP_SYS_ADMIN) } {
                return Err(EPERM);
            }
            this.data.command(cmd, &info)?;
            Ok(0)
        })
    }
}

const CAP_SYS_ADMIN: c_int = bindings::CAP_SYS_ADMIN as c_int;
