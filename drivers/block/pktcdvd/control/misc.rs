// SPDX-License-Identifier: GPL-2.0

//! `/dev/pktcdvd/control`: the ioctl that `pktsetup` uses.
//!
//! C header: [`include/uapi/linux/pktcdvd.h`](srctree/include/uapi/linux/pktcdvd.h)

use crate::{
    control::registry::{
        Registry,
        Which, //
    },
    logic::{
        command::{
            Command,
            Operation,
            COMMAND_SIZE, //
        },
        options::AddOptions, //
    },
    tokens::DeviceNumber, //
};
use kernel::{
    error::code::*,
    ioctl::_IOWR,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};
use rb::{
    block::dev_t::DevT,
    capability::{
        capable,
        Capability, //
    },
    miscdevice::{
        MiscDevice,
        Options, //
    },
};

/// How the device looks.
pub(crate) const OPTIONS: Options = Options {
    name: c"pktcdvd",
    nodename: Some(c"pktcdvd/control"),
    mode: 0o644,
};

const PACKET_CTRL_CMD: u32 = _IOWR::<[u8; COMMAND_SIZE]>('X' as u32, 1);

#[vtable]
impl MiscDevice for Registry {
    fn ioctl(&self, cmd: u32, arg: usize) -> Result<isize> {
        if cmd != PACKET_CTRL_CMD {
            return Err(ENOTTY);
        }

        let mut bytes = [0; COMMAND_SIZE];
        let (mut reader, mut writer) =
            UserSlice::new(UserPtr::from_addr(arg), COMMAND_SIZE).reader_writer();
        reader.read_slice(&mut bytes)?;
        let mut command = Command::decode(&bytes);
        let operation = command.operation().ok_or(ENOTTY)?;
        if operation != Operation::Status && !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }

        let result = carry_out(self, operation, &mut command);
        // Also after a failure, as the C driver did.
        writer.write_slice(&command.encode())?;
        result.map(|()| 0)
    }
}

fn carry_out(registry: &Registry, operation: Operation, command: &mut Command) -> Result {
    match operation {
        Operation::Setup => set_up(registry, command),
        Operation::Teardown => registry.remove(DevT::decode(command.pkt_dev), Which::Packet),
        Operation::Status => status(registry, command),
    }
}

fn set_up(registry: &Registry, command: &mut Command) -> Result {
    let dev = DevT::decode(command.dev);
    let options = AddOptions {
        device: DeviceNumber {
            major: dev.major(),
            minor: dev.minor(),
        },
        packet_size: None,
        packet_buffers: None,
        offset: 0,
    };

    command.pkt_dev = 0;
    command.pkt_dev = registry.add(&options)?.encode();
    Ok(())
}

fn status(registry: &Registry, command: &mut Command) -> Result {
    let (mapping, slots) = registry.status(command.dev_index);

    (command.dev, command.pkt_dev) =
        mapping.map_or((0, 0), |(lower, packet)| (lower.encode(), packet.encode()));
    command.num_devices = u32::try_from(slots)?;
    Ok(())
}
