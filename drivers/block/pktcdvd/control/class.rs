// SPDX-License-Identifier: GPL-2.0

//! `/sys/class/pktcdvd/`: commands as text.

use crate::{
    control::registry::{
        Registry,
        Which, //
    },
    logic::options::{
        parse_add,
        parse_packet_buffers,
        parse_remove, //
    },
    refuse, //
};
use kernel::prelude::*;
use rb::{
    block::dev_t::DevT,
    class_attributes,
    device::class::ClassAttribute,
    sysfs::{
        Attribute,
        Output, //
    }, //
};

/// The files of the class.
pub(crate) const ATTRIBUTES: &[ClassAttribute<Registry>] =
    class_attributes![Add, Remove, DeviceMap, PacketBuffers];

/// `add`: maps a device, `major:minor [packet_size=] [packet_buffers=] [offset=]`.
struct Add;

#[vtable]
impl Attribute<Registry> for Add {
    const NAME: &'static CStr = c"add";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let options = parse_add(text).map_err(|err| refuse!(err, "add"))?;
        registry.add(&options).inspect_err(|err| {
            let device = options.device;
            pr_err!("add {}:{}: {:?}\n", device.major, device.minor, err);
        })?;
        Ok(())
    }
}

/// `remove`: unmaps a device; `major:minor` of the packet device or of the lower device.
struct Remove;

#[vtable]
impl Attribute<Registry> for Remove {
    const NAME: &'static CStr = c"remove";

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let dev = parse_remove(text).map_err(|err| refuse!(err, "remove"))?;
        registry.remove(DevT::new(dev.major, dev.minor)?, Which::Either)
    }
}

/// `device_map`: name, number of the packet device and number of the lower device, a line each.
struct DeviceMap;

#[vtable]
impl Attribute<Registry> for DeviceMap {
    const NAME: &'static CStr = c"device_map";

    fn show(registry: &Registry, out: &mut Output<'_>) -> Result {
        registry.for_each(|mapping| {
            let dev = mapping.dev();
            out.print(fmt!(
                "pktcdvd{} {} {}\n",
                dev.minor(),
                dev,
                mapping.lower_dev()
            ))
        })
    }
}

/// `packet_buffers`: the number of packet buffers of devices that are mapped from now on.
struct PacketBuffers;

#[vtable]
impl Attribute<Registry> for PacketBuffers {
    const NAME: &'static CStr = c"packet_buffers";

    fn show(registry: &Registry, out: &mut Output<'_>) -> Result {
        out.line(registry.buffers())
    }

    fn store(registry: &Registry, text: &[u8]) -> Result {
        let buffers = parse_packet_buffers(text).map_err(|err| refuse!(err, "packet_buffers"))?;
        registry.set_buffers(buffers);
        Ok(())
    }
}
