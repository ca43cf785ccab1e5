// SPDX-License-Identifier: GPL-2.0

//! What a program gets that asks a family.

use kernel::{
    error::to_result,
    prelude::*, //
};
use rb::net::genl::{
    Command,
    Family,
    Info,
    Policy,
    Registration, //
};

extern "C" {
    fn rb_test_genl_ask(name: *const c_char, cmd: u8) -> c_int;
}

const FITS: u8 = 1;
const TOO_LONG: u8 = 2;

/// For a list of items that have 20 bytes each.
const LIST: u16 = 1;

/// So many are 65524 bytes with the head of the list, which counts them in 16 bits.
const MOST: u32 = 3276;

/// A family that lists.
struct Lists;

impl Family for Lists {
    const NAME: &'static CStr = c"rb-kunit";
    const VERSION: u8 = 1;
    const MAX_ATTR: u16 = LIST;
    const POLICY: &'static [(u16, Policy)] = &[(LIST, Policy::Nested)];
    const COMMANDS: &'static [Command] = &[
        Command {
            number: FITS,
            admin: false,
        },
        Command {
            number: TOO_LONG,
            admin: false,
        },
    ];
    const GROUPS: &'static [&'static CStr] = &[];

    fn command(&self, cmd: u8, info: &Info<'_>) -> Result {
        let items = if cmd == FITS { MOST } else { MOST + 1 };
        info.reply_with_room(items as usize * 32, cmd, |reply| {
            reply.nest(LIST, |list| {
                (0..items).try_for_each(|index| {
                    list.nest(1, |item| {
                        item.put_u32(1, index)?;
                        item.put_u8(2, 0)
                    })
                })
            })
        })
    }
}

fn ask(cmd: u8) -> Result {
    // SAFETY: FFI call; the name ends with NUL.
    to_result(unsafe { rb_test_genl_ask(Lists::NAME.as_char_ptr(), cmd) })
}

#[kunit_tests(rb_genl)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_too_long_for_an_attribute_is_an_error() -> Result {
        let family = KBox::pin_init(Registration::new(Lists), GFP_KERNEL)?;

        assert_eq!(ask(FITS), Ok(()));
        assert_eq!(ask(TOO_LONG), Err(EMSGSIZE));
        drop(family);
        Ok(())
    }
}
