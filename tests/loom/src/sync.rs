// SPDX-License-Identifier: GPL-2.0

//! What the files use of `kernel::sync`.

pub use loom::sync::Arc;

/// What the files use of `kernel::sync::atomic`.
pub mod atomic {
    use loom::sync::atomic::{fence, AtomicBool, AtomicIsize, AtomicU32, AtomicUsize, Ordering};

    /// How an access is ordered with those to other variables.
    pub trait Order {
        /// The same for loom.
        const ORDERING: Ordering;
        /// Whether it is a full barrier on both sides, which loom has as fences only.
        const FULL: bool = false;
    }

    /// Not at all.
    pub struct Relaxed;

    impl Order for Relaxed {
        const ORDERING: Ordering = Ordering::Relaxed;
    }

    /// Before all that follows.
    pub struct Acquire;

    impl Order for Acquire {
        const ORDERING: Ordering = Ordering::Acquire;
    }

    /// After all that comes before.
    pub struct Release;

    impl Order for Release {
        const ORDERING: Ordering = Ordering::Release;
    }

    /// Both.
    pub struct Full;

    impl Order for Full {
        const ORDERING: Ordering = Ordering::AcqRel;
        const FULL: bool = true;
    }

    /// Does what reads and writes in one step.
    fn ordered<O: Order, R>(access: impl FnOnce(Ordering) -> R) -> R {
        if O::FULL {
            fence(Ordering::SeqCst);
        }
        let result = access(O::ORDERING);
        if O::FULL {
            fence(Ordering::SeqCst);
        }
        result
    }

    /// A type that there is an [`Atomic`] of.
    pub trait AtomicType: Copy {
        /// Loom's type for it.
        type Inner;

        /// Creates one.
        fn create(self) -> Self::Inner;
        /// Reads it.
        fn load(inner: &Self::Inner, order: Ordering) -> Self;
        /// Replaces it.
        fn swap(self, inner: &Self::Inner, order: Ordering) -> Self;
        /// Replaces it if it is `old`.
        fn replace(self, inner: &Self::Inner, old: Self, order: Ordering) -> Result<Self, Self>;
    }

    /// A type that there is an [`Atomic`] of with which one can reckon.
    pub trait AtomicNumber: AtomicType {
        /// Adds to it.
        fn add(self, inner: &Self::Inner, order: Ordering) -> Self;
        /// Subtracts from it.
        fn sub(self, inner: &Self::Inner, order: Ordering) -> Self;
    }

    macro_rules! atomic {
        ($type:ty, $inner:ty) => {
            impl AtomicType for $type {
                type Inner = $inner;

                fn create(self) -> $inner {
                    <$inner>::new(self)
                }

                fn load(inner: &$inner, order: Ordering) -> Self {
                    inner.load(order)
                }

                fn swap(self, inner: &$inner, order: Ordering) -> Self {
                    inner.swap(self, order)
                }

                fn replace(self, inner: &$inner, old: Self, order: Ordering) -> Result<Self, Self> {
                    inner.compare_exchange(old, self, order, Ordering::Relaxed)
                }
            }
        };
    }

    macro_rules! atomic_number {
        ($type:ty, $inner:ty) => {
            atomic!($type, $inner);

            impl AtomicNumber for $type {
                fn add(self, inner: &$inner, order: Ordering) -> Self {
                    inner.fetch_add(self, order)
                }

                fn sub(self, inner: &$inner, order: Ordering) -> Self {
                    inner.fetch_sub(self, order)
                }
            }
        };
    }

    atomic!(bool, AtomicBool);
    atomic_number!(isize, AtomicIsize);
    atomic_number!(u32, AtomicU32);
    atomic_number!(usize, AtomicUsize);

    /// The kernel's atomic variable.
    pub struct Atomic<T: AtomicType>(T::Inner);

    impl<T: AtomicType> Atomic<T> {
        /// Creates one.
        pub fn new(value: T) -> Self {
            Self(value.create())
        }

        /// Reads it.
        pub fn load<O: Order>(&self, _: O) -> T {
            T::load(&self.0, O::ORDERING)
        }

        /// Writes it.
        ///
        /// As an exchange: loom lets one that reads and writes in one step miss a mere store that
        /// came after an earlier such step.
        pub fn store<O: Order>(&self, value: T, _: O) {
            value.swap(&self.0, O::ORDERING);
        }

        /// Replaces it. Returns what it was.
        pub fn xchg<O: Order>(&self, value: T, _: O) -> T {
            ordered::<O, _>(|order| value.swap(&self.0, order))
        }

        /// Replaces it by `new` if it is `old`. Returns what it was, as an error if that is
        /// something else.
        ///
        /// # Errors
        ///
        /// What it is instead of `old`.
        pub fn cmpxchg<O: Order>(&self, old: T, new: T, _: O) -> Result<T, T> {
            ordered::<O, _>(|order| new.replace(&self.0, old, order))
        }
    }

    impl<T: AtomicNumber> Atomic<T> {
        /// Adds to it. Returns what it was.
        pub fn fetch_add<O: Order>(&self, value: T, _: O) -> T {
            ordered::<O, _>(|order| value.add(&self.0, order))
        }

        /// Subtracts from it. Returns what it was.
        pub fn fetch_sub<O: Order>(&self, value: T, _: O) -> T {
            ordered::<O, _>(|order| value.sub(&self.0, order))
        }
    }
}
