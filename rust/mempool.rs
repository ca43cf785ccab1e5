// SPDX-License-Identifier: GPL-2.0

//! Pools of preallocated memory, for allocations that must not fail.
//!
//! C header: [`include/linux/mempool.h`](srctree/include/linux/mempool.h)

use crate::{
    bindings,
    compat::pin_init_at, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::{
        self,
        NonNull, //
    }, //
};
use kernel::{
    alloc::AllocError,
    error::to_result,
    prelude::*,
    sync::Arc,
    types::{
        ForeignOwnable,
        Opaque, //
    }, //
};

/// A pool of memory for values of type `T`, some of it kept back for when there is none.
///
/// [`MemPool::alloc`] always succeeds: when memory is short it takes what is kept back, and when
/// that is used up it waits for a box to be dropped. So whoever allocates must not hold a box of
/// the same pool that only he can drop.
///
/// # Invariants
///
/// `pool` is an initialized pool whose elements have the size of a `Node<T>`.
///
/// # Examples
///
/// ```ignore
/// let pool = MemPool::<Order>::new(16)?;
/// // In the I/O path:
/// let order = pool.alloc(Order::new(sector));
/// ```
#[pin_data(PinnedDrop)]
pub struct MemPool<T> {
    #[pin]
    pool: Opaque<bindings::mempool>,
    _p: PhantomData<fn() -> T>,
}

// SAFETY: A pool has no thread affinity, and holds no `T` but only memory.
unsafe impl<T> Send for MemPool<T> {}

// SAFETY: Pools are locked by C.
unsafe impl<T> Sync for MemPool<T> {}

/// An element: the value, and the pool where it goes back to.
struct Node<T> {
    pool: Arc<MemPool<T>>,
    value: T,
}

impl<T> MemPool<T> {
    /// Makes a pool that keeps `reserved` elements (at least one) back.
    ///
    /// Process context, may sleep.
    pub fn new(reserved: u32) -> Result<Arc<Self>> {
        const {
            assert!(
                align_of::<Node<T>>() <= align_of::<u64>(),
                "kmalloc() aligns no better"
            )
        };
        let reserved = c_int::try_from(reserved)?;
        Arc::pin_init(
            try_pin_init!(Self {
                // INVARIANT: `mempool_init_node()` initializes the pool.
                pool <- Opaque::try_ffi_init(|pool: *mut bindings::mempool| {
                    // SAFETY: `pool` is valid for writes; C wants it zeroed.
                    unsafe { pool.write(pin_init::zeroed()) };
                    // SAFETY: `pool` is zeroed and pinned; the data of these two functions is
                    // the size of the elements.
                    to_result(unsafe {
                        bindings::mempool_init_node(
                            pool,
                            reserved,
                            Some(bindings::mempool_kmalloc),
                            Some(bindings::mempool_kfree),
                            ptr::without_provenance_mut(size_of::<Node<T>>()),
                            bindings::GFP_KERNEL,
                            bindings::NUMA_NO_NODE,
                        )
                    })
                }),
                _p: PhantomData,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Puts a value into memory of the pool; waits for memory if there is none.
    ///
    /// Process context, may sleep, starts no I/O.
    pub fn alloc(self: &Arc<Self>, value: T) -> MemPoolBox<T> {
        self.memory().write(value)
    }

    /// Puts what `init` makes into memory of the pool; waits for memory if there is none.
    ///
    /// Process context, may sleep, starts no I/O unless `init` does.
    pub fn alloc_pin_init<E>(
        self: &Arc<Self>,
        init: impl PinInit<T, E>,
    ) -> Result<Pin<MemPoolBox<T>>, E> {
        self.memory().pin_init(init)
    }

    /// Puts a value into memory of the pool; if there is none, fails, and drops the value.
    ///
    /// Every context but a non-maskable interrupt.
    pub fn try_alloc(self: &Arc<Self>, value: T) -> Result<MemPoolBox<T>, AllocError> {
        // SAFETY: By the type invariant; with these flags it does not sleep.
        let raw = unsafe { bindings::mempool_alloc_noprof(self.pool.get(), bindings::GFP_NOWAIT) };
        let node = NonNull::new(raw.cast()).ok_or(AllocError)?;
        // INVARIANT: The memory came from the pool just now.
        let memory = Memory {
            node,
            pool: self.clone(),
        };
        Ok(memory.write(value))
    }

    fn memory(self: &Arc<Self>) -> Memory<T> {
        // SAFETY: By the type invariant.
        let raw = unsafe { bindings::mempool_alloc_noprof(self.pool.get(), bindings::GFP_NOIO) };
        // INVARIANT: The memory came from the pool just now.
        Memory {
            // SAFETY: With flags that allow it to sleep, `mempool_alloc()` does not fail.
            node: unsafe { NonNull::new_unchecked(raw.cast()) },
            pool: self.clone(),
        }
    }
}

#[pinned_drop]
impl<T> PinnedDrop for MemPool<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant, the pool is initialized; every element that is out holds
        // a reference to us, so all are back.
        unsafe { bindings::mempool_exit(self.pool.get()) };
    }
}

/// Memory for an element, taken from a pool.
///
/// # Invariants
///
/// `node` came from `pool`; its fields are not initialized.
struct Memory<T> {
    node: NonNull<Node<T>>,
    pool: Arc<MemPool<T>>,
}

impl<T> Memory<T> {
    fn value(&self) -> *mut T {
        // SAFETY: By the type invariant, the pointer is to memory of the size of a node.
        unsafe { &raw mut (*self.node.as_ptr()).value }
    }

    fn write(self, value: T) -> MemPoolBox<T> {
        // SAFETY: By the type invariant, the field is valid for writes.
        unsafe { self.value().write(value) };
        // SAFETY: The value was written just now.
        unsafe { self.assume_init() }
    }

    fn pin_init<E>(self, init: impl PinInit<T, E>) -> Result<Pin<MemPoolBox<T>>, E> {
        // SAFETY: By the type invariant, the field is valid for writes. On error it is given back
        // without being looked at, on success it does not move.
        unsafe { pin_init_at(self.value(), init) }?;
        // SAFETY: The value was initialized just now.
        let value = unsafe { self.assume_init() };
        // SAFETY: A box does not move its value, and from now on nobody gets at it but pinned.
        Ok(unsafe { Pin::new_unchecked(value) })
    }

    /// # Safety
    ///
    /// The value must have been initialized.
    unsafe fn assume_init(self) -> MemPoolBox<T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the reference is moved.
        let pool = unsafe { ptr::read(&this.pool) };
        // SAFETY: By the type invariant, the field is valid for writes.
        unsafe { (&raw mut (*this.node.as_ptr()).pool).write(pool) };
        // INVARIANT: Both fields are initialized.
        MemPoolBox(this.node, PhantomData)
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the memory came from the pool.
        unsafe { bindings::mempool_free(self.node.as_ptr().cast(), self.pool.pool.get()) };
    }
}

/// A value in memory of a [`MemPool`].
///
/// When it is dropped, which may be in every context that suits the value, the memory goes back to
/// the pool. It keeps the pool alive.
///
/// # Invariants
///
/// The node is initialized, ours, and its memory came from its `pool`.
pub struct MemPoolBox<T>(NonNull<Node<T>>, PhantomData<Node<T>>);

// SAFETY: It owns a `T`, and a reference to a pool.
unsafe impl<T: Send> Send for MemPoolBox<T> {}

// SAFETY: A shared box is a shared `T`.
unsafe impl<T: Sync> Sync for MemPoolBox<T> {}

impl<T> Deref for MemPoolBox<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: By the type invariant.
        unsafe { &(*self.0.as_ptr()).value }
    }
}

impl<T> DerefMut for MemPoolBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the type invariant.
        unsafe { &mut (*self.0.as_ptr()).value }
    }
}

impl<T> Drop for MemPoolBox<T> {
    fn drop(&mut self) {
        let node = self.0.as_ptr();
        // SAFETY: By the type invariant, the node is initialized; nobody uses it after us.
        let pool = unsafe { ptr::read(&raw const (*node).pool) };
        // INVARIANT: The memory came from this pool; the reference has been moved out, and the
        // value is dropped next. The memory goes back at the end, in any case.
        let _memory = Memory { node: self.0, pool };
        // SAFETY: As above.
        unsafe { ptr::drop_in_place(&raw mut (*node).value) };
    }
}

// SAFETY: The pointer is that of the node, which is aligned.
unsafe impl<T> ForeignOwnable for MemPoolBox<T> {
    const FOREIGN_ALIGN: usize = align_of::<Node<T>>();

    type Borrowed<'a>
        = &'a T
    where
        Self: 'a;
    type BorrowedMut<'a>
        = &'a mut T
    where
        Self: 'a;

    fn into_foreign(self) -> *mut c_void {
        ManuallyDrop::new(self).0.as_ptr().cast()
    }

    unsafe fn from_foreign(ptr: *mut c_void) -> Self {
        // SAFETY: By the requirements of this function, it is the node of a box, not null.
        let node = unsafe { NonNull::new_unchecked(ptr.cast()) };
        // INVARIANT: As above, and the box gave its ownership away.
        Self(node, PhantomData)
    }

    unsafe fn borrow<'a>(ptr: *mut c_void) -> &'a T {
        // SAFETY: By the requirements of this function, it is the node of a box.
        unsafe { &(*ptr.cast::<Node<T>>()).value }
    }

    unsafe fn borrow_mut<'a>(ptr: *mut c_void) -> &'a mut T {
        // SAFETY: By the requirements of this function, it is the node of a box.
        unsafe { &mut (*ptr.cast::<Node<T>>()).value }
    }
}
