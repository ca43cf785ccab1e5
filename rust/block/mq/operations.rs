// SPDX-License-Identifier: GPL-2.0

use super::{
    forward::{
        Forwarded,
        MqOps, //
    },
    request::{
        IdleRequest,
        Pdu,
        Rejected,
        Request, //
    },
    set_data::SetData, //
};
use crate::{
    bindings,
    block::{
        error::BlkResult,
        gen_disk::{
            self,
            DiskVTable, //
        },
    },
    compat::pin_init_at,
};
use core::marker::PhantomData;
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    static_lock_class,
    types::ForeignOwnable, //
};

type Borrowed<'a, T> = <<T as gen_disk::Operations>::Data as ForeignOwnable>::Borrowed<'a>;

/// The I/O of a disk with a blk-mq front.
#[vtable]
pub trait Operations: gen_disk::Operations {
    /// The driver's data of each request. It lives as long as the tag set, and is not reset when the
    /// request is reused.
    type RequestData: Send + Sync;

    /// Data of the tag set; [`Operations::new_request_data`] receives it.
    type SetData: Send + Sync;

    /// Returns an initializer for the data of one request.
    ///
    /// Called for each request of the tag set when that is made, and for the flush request of each
    /// hardware queue when a disk is built. Calls after that are for an I/O scheduler that somebody
    /// asks for, in whose context this then runs, and which is refused with [`ENOMEM`] if the
    /// initializer fails. It must not start I/O. May sleep.
    fn new_request_data(set: &Self::SetData) -> impl PinInit<Self::RequestData, Error>;

    /// Takes a request: starts it, or rejects it.
    ///
    /// With [`BlkError::DEV_RESOURCE`](crate::block::error::BlkError::DEV_RESOURCE) the request
    /// comes again when one of this hardware queue has completed, or after
    /// [`RequestQueue::run_hw_queues`](super::RequestQueue::run_hw_queues).
    ///
    /// Process context, under RCU: must not sleep, unless the tag set is
    /// [`Flag::Blocking`](super::Flag::Blocking). If `is_last` is false, more requests follow at once, or
    /// [`Operations::commit_rqs`].
    fn queue_rq<'a>(
        data: Borrowed<'_, Self>,
        rq: IdleRequest<'a, Self::RequestData>,
        is_last: bool,
    ) -> core::result::Result<(), Rejected<'a>>;

    /// Called when no more requests follow, although `is_last` was false. Context as
    /// [`Operations::queue_rq`].
    fn commit_rqs(_data: Borrowed<'_, Self>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Called when a request has not ended within the [time](super::RequestQueue::set_timeout) since
    /// it was started, and again each time that it has passed once more.
    ///
    /// `queue` and `tag` are [those](Request::hw_queue) of the request, which may be ended by its
    /// owner meanwhile, so that a driver that keeps its requests by them may find none. Whoever owns
    /// the request ends or requeues it, or leaves it alone.
    ///
    /// Process context, in a worker that all disks share: must not wait for I/O.
    fn timeout(_data: Borrowed<'_, Self>, _queue: u32, _tag: u32) -> Timeout {
        Timeout::Later
    }

    /// Called when a request that was [forwarded](Request::forward) has completed below, with
    /// `result`; what becomes of the request is what this returns.
    ///
    /// Any context, interrupts included: must not sleep.
    fn forwarded(
        _data: Borrowed<'_, Self>,
        _rq: &Request<Self::RequestData>,
        result: BlkResult,
    ) -> Forwarded {
        Forwarded::End(result)
    }
}

/// What has become of a request whose time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// It has ended, or was requeued.
    Done,
    /// It may take as long again.
    Later,
}

pub(super) struct OperationsVTable<T: Operations>(PhantomData<T>);

impl<T: Operations> OperationsVTable<T> {
    /// # Safety
    ///
    /// `hctx` must belong to the queue of a disk of `T` that lives for `'a`.
    unsafe fn data<'a>(hctx: *mut bindings::blk_mq_hw_ctx) -> Borrowed<'a, T> {
        // SAFETY: By the safety requirements of this function.
        unsafe { DiskVTable::<T>::data((*(*hctx).queue).disk) }
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a disk of `T`.
    unsafe extern "C" fn queue_rq(
        hctx: *mut bindings::blk_mq_hw_ctx,
        bd: *const bindings::blk_mq_queue_data,
    ) -> bindings::blk_status_t {
        // SAFETY: blk-mq passes valid pointers. The disk is there until dispatch has returned, since
        // `GenDisk` waits for that when it is dropped.
        let data = unsafe { Self::data(hctx) };

        // SAFETY: blk-mq passes a request of `T` that was not started.
        let rq = unsafe { IdleRequest::from_raw((*bd).rq) };

        // SAFETY: blk-mq passes a valid pointer.
        match T::queue_rq(data, rq, unsafe { (*bd).last }) {
            // The request is ended by its owner, with or without error.
            Ok(()) => bindings::BLK_STS_OK as bindings::blk_status_t,
            Err(rejected) => rejected.into_status(),
        }
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a disk of `T`.
    unsafe extern "C" fn commit_rqs(hctx: *mut bindings::blk_mq_hw_ctx) {
        // SAFETY: blk-mq passes a valid pointer; the disk lives, as in `queue_rq`.
        T::commit_rqs(unsafe { Self::data(hctx) });
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a disk of `T`.
    unsafe extern "C" fn init_hctx(
        hctx: *mut bindings::blk_mq_hw_ctx,
        _driver_data: *mut c_void,
        _hctx_idx: c_uint,
    ) -> c_int {
        // A flush that was forwarded ends while the lower queue holds this lock of its own, and
        // ends ours, which takes ours: tell lockdep that they are not the same. The lower queue may
        // be ours, too, but of a driver that does not forward, and is not asked here.
        // SAFETY: blk-mq passes a new hardware queue, whose flush queue nobody uses yet.
        unsafe {
            bindings::blk_mq_hctx_set_fq_lock_class(hctx, static_lock_class!().as_ptr());
        }
        0
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a disk of `T`.
    unsafe extern "C" fn timeout(rq: *mut bindings::request) -> bindings::blk_eh_timer_return {
        // SAFETY: blk-mq holds a reference to the request, which was started, so that its queue and
        // hardware queue are not gone, nor is the disk, whose removal waits for this worker.
        let (data, queue, tag) = unsafe {
            let data = DiskVTable::<T>::data((*(*rq).q).disk);
            (data, (*(*rq).mq_hctx).queue_num, (*rq).tag)
        };

        match T::timeout(data, queue, tag as u32) {
            Timeout::Done => bindings::blk_eh_timer_return_BLK_EH_DONE,
            Timeout::Later => bindings::blk_eh_timer_return_BLK_EH_RESET_TIMER,
        }
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a tag set of `T`.
    unsafe extern "C" fn init_request(
        set: *mut bindings::blk_mq_tag_set,
        rq: *mut bindings::request,
        _hctx_idx: c_uint,
        _numa_node: c_int,
    ) -> c_int {
        from_result(|| {
            // SAFETY: blk-mq passes the set that it was given, which is being or was initialized.
            let shared = unsafe { SetData::<T::SetData>::of(set) };
            let init = Pdu::new(T::new_request_data(&shared.data));

            // SAFETY: `cmd_size` of the tag set leaves room for the data, which never moves, and
            // is dropped in `exit_request` only.
            unsafe { pin_init_at(Self::pdu(rq), init) }?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, after `init_request` succeeded.
    unsafe extern "C" fn exit_request(
        _set: *mut bindings::blk_mq_tag_set,
        rq: *mut bindings::request,
        _hctx_idx: c_uint,
    ) {
        // SAFETY: `init_request` has initialized the data.
        unsafe { core::ptr::drop_in_place(Self::pdu(rq)) };
    }

    /// # Safety
    ///
    /// `rq` must be a valid request of a tag set of `T`.
    unsafe fn pdu(rq: *mut bindings::request) -> *mut Pdu<T::RequestData> {
        // SAFETY: By the safety requirements of this function.
        unsafe { bindings::blk_mq_rq_to_pdu(rq) }.cast()
    }

    /// # Safety
    ///
    /// `rq` must belong to a disk of `T`.
    unsafe fn forwarded(rq: &Request<T::RequestData>, result: BlkResult) -> Forwarded {
        // SAFETY: By the safety requirements of this function; the disk lives at least until its
        // request has ended, which is borrowed.
        let data = unsafe { DiskVTable::<T>::data((*(*rq.0.as_ptr()).q).disk) };
        T::forwarded(data, rq, result)
    }

    /// # Safety
    ///
    /// Only blk-mq may call this, for a tag set of `T`.
    unsafe extern "C" fn map_queues(set: *mut bindings::blk_mq_tag_set) {
        // SAFETY: blk-mq passes the set that it was given, which is being or was initialized.
        let reads = unsafe { SetData::<T::SetData>::of(set) }.nr_read_queues;
        // SAFETY: blk-mq calls this when it allocates the set, before there is a queue that looks at its
        // maps. It would do so again only for `blk_mq_update_nr_hw_queues()`, which nobody here calls.
        // So `maps` is the only reference to that field, and to nothing but that field.
        let (all, nr_maps, maps) = unsafe {
            let maps = &mut (*set).map;
            ((*set).nr_hw_queues, (*set).nr_maps as usize, maps)
        };
        let others = all.saturating_sub(reads);

        // Queues for reads come behind the others. Without any there is no second map.
        let numbers = [(others, 0), (reads, others)];
        for (map, (nr_queues, queue_offset)) in maps.iter_mut().zip(numbers).take(nr_maps) {
            map.nr_queues = nr_queues;
            map.queue_offset = queue_offset;
            // SAFETY: The first `nr_maps` maps are allocated.
            unsafe { bindings::blk_mq_map_queues(map) };
        }
    }

    // SAFETY: Requests of a tag set with these operations have the data of `T`, by `init_request`,
    // and only disks of `T` are built with such a set.
    pub(super) const MQ_OPS: MqOps<T::RequestData> =
        unsafe { MqOps::new(Self::RAW_OPS, Self::forwarded) };

    const RAW_OPS: bindings::blk_mq_ops = bindings::blk_mq_ops {
        queue_rq: Some(Self::queue_rq),
        commit_rqs: if T::HAS_COMMIT_RQS {
            Some(Self::commit_rqs)
        } else {
            None
        },
        init_hctx: if T::HAS_FORWARDED {
            Some(Self::init_hctx)
        } else {
            None
        },
        init_request: Some(Self::init_request),
        exit_request: Some(Self::exit_request),
        map_queues: Some(Self::map_queues),
        timeout: if T::HAS_TIMEOUT {
            Some(Self::timeout)
        } else {
            None
        },
        ..pin_init::zeroed()
    };
}
