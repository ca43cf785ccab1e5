// SPDX-License-Identifier: GPL-2.0

/// How a server behaves.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// The longest time that a request takes, in nanoseconds.
    pub latency: u64,
    /// The longest time that the network takes for what is sent.
    pub network: u64,
    /// One request in so many is refused; 0 for none.
    pub refusals: u64,
    /// With one reply in so many, the connection is spoilt; 0 for none.
    pub faults: u64,
    /// A bit for each kind of that: one of them is chosen.
    pub kinds: u64,
    /// Whether requests may stay without a reply for ever.
    pub silent: bool,
    /// What the export can do, as bits of the protocol.
    pub flags: u32,
    /// Most bytes of a request.
    pub most: u32,
}
