// SPDX-License-Identifier: GPL-2.0

//! What C wants to know about a family, in the form that it wants.

use super::family::Family;
use crate::bindings;
use kernel::prelude::*;

/// What handles a command.
pub(super) type Handler =
    Option<unsafe extern "C" fn(*mut bindings::sk_buff, *mut bindings::genl_info) -> c_int>;

/// The tables that a `struct genl_family` points to.
pub(super) struct Tables {
    policy: KVec<PolicyEntry>,
    commands: KVec<bindings::genl_small_ops>,
    groups: KVec<bindings::genl_multicast_group>,
}

// SAFETY: The pointers in the tables are those of functions.
unsafe impl Send for Tables {}

// SAFETY: As above, and they do not change.
unsafe impl Sync for Tables {}

impl Tables {
    /// Makes the tables of `F`, whose commands `handler` handles.
    pub(super) fn new<F: Family>(handler: Handler) -> Result<Self> {
        Ok(Self {
            policy: policy::<F>()?,
            commands: commands::<F>(handler)?,
            groups: groups::<F>()?,
        })
    }

    /// Fills in the family, which points to the tables from then on.
    ///
    /// # Safety
    ///
    /// `family` must be valid for writes.
    pub(super) unsafe fn fill<F: Family>(
        &self,
        family: *mut bindings::genl_family,
        module: *mut bindings::module,
    ) -> Result {
        let last = F::COMMANDS.iter().map(|c| c.number).max().unwrap_or(0);
        let commands = u8::try_from(self.commands.len())?;
        let groups = u8::try_from(self.groups.len())?;
        if last == u8::MAX {
            return Err(EINVAL);
        }

        // SAFETY: By the requirements of this function, here and below.
        unsafe {
            bindings::genl_family_init(family, F::VERSION, F::MAX_ATTR, last, module);
            bindings::genl_family_set_tables(
                family,
                self.policy.as_ptr().cast(),
                self.commands.as_ptr(),
                commands,
                self.groups.as_ptr(),
                groups,
            );
        }
        // SAFETY: As above; a `CStr` ends with a NUL.
        let fits = unsafe { bindings::genl_family_set_name(family, F::NAME.as_char_ptr()) };
        fits.then_some(()).ok_or(EINVAL)
    }
}

/// A `struct nla_policy`, of which the bindings have the name only; C checks that it fits.
type PolicyEntry = [u64; bindings::NLA_POLICY_SIZE / size_of::<u64>()];

/// The policy, which C indexes by the type of the attribute.
fn policy<F: Family>() -> Result<KVec<PolicyEntry>> {
    let mut table = KVec::with_capacity(usize::from(F::MAX_ATTR) + 1, GFP_KERNEL)?;
    for _ in 0..=F::MAX_ATTR {
        table.push(PolicyEntry::default(), GFP_KERNEL)?;
    }
    for (kind, policy) in F::POLICY {
        let entry = table.get_mut(usize::from(*kind)).ok_or(EINVAL)?;
        // SAFETY: The reference is valid.
        unsafe { bindings::nla_policy_set_type(entry.as_mut_ptr(), policy.as_raw()) };
    }
    Ok(table)
}

fn commands<F: Family>(handler: Handler) -> Result<KVec<bindings::genl_small_ops>> {
    let mut table = KVec::with_capacity(F::COMMANDS.len(), GFP_KERNEL)?;
    for command in F::COMMANDS {
        let raw = bindings::genl_small_ops {
            doit: handler,
            cmd: command.number,
            validate: bindings::GENL_DONT_VALIDATE_STRICT | bindings::GENL_DONT_VALIDATE_DUMP,
            ..pin_init::zeroed()
        };
        table.push(raw, GFP_KERNEL)?;
    }
    Ok(table)
}

fn groups<F: Family>() -> Result<KVec<bindings::genl_multicast_group>> {
    let mut table = KVec::with_capacity(F::GROUPS.len(), GFP_KERNEL)?;
    for group in F::GROUPS {
        let raw = bindings::genl_multicast_group {
            name: name(group)?,
            ..pin_init::zeroed()
        };
        table.push(raw, GFP_KERNEL)?;
    }
    Ok(table)
}

/// Copies a name, with at least one NUL at its end.
fn name<const N: usize>(from: &CStr) -> Result<[c_char; N]> {
    let bytes = from.to_bytes_with_nul();
    if bytes.len() > N {
        return Err(EINVAL);
    }
    let mut name = [0; N];
    for (to, from) in name.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    Ok(name)
}
