// SPDX-License-Identifier: GPL-2.0

//! Sorted maps whose nodes are allocated before they are needed.

use crate::alloc::{
    charge,
    AllocError,
    Flags, //
};
use core::marker::PhantomData;
use std::collections::BTreeMap;

/// A sorted map.
pub struct RBTree<K, V>(BTreeMap<K, V>);

/// Memory for a node.
pub struct RBTreeNodeReservation<K, V>(PhantomData<fn(K, V)>);

/// A node that is in no tree.
pub struct RBTreeNode<K, V> {
    key: K,
    value: V,
}

impl<K, V> RBTreeNodeReservation<K, V> {
    /// Allocates memory for a node.
    pub fn new(flags: Flags) -> Result<Self, AllocError> {
        charge(flags)?;
        Ok(Self(PhantomData))
    }

    /// Makes a node.
    pub fn into_node(self, key: K, value: V) -> RBTreeNode<K, V> {
        RBTreeNode { key, value }
    }
}

impl<K, V> RBTreeNode<K, V> {
    /// Allocates a node.
    pub fn new(key: K, value: V, flags: Flags) -> Result<Self, AllocError> {
        Ok(RBTreeNodeReservation::new(flags)?.into_node(key, value))
    }

    /// Keeps the memory only.
    pub fn into_reservation(self) -> RBTreeNodeReservation<K, V> {
        RBTreeNodeReservation(PhantomData)
    }

    /// Returns key and value.
    pub fn to_key_value(self) -> (K, V) {
        (self.key, self.value)
    }
}

impl<K: Ord, V> RBTree<K, V> {
    /// Makes an empty map.
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Inserts a node; returns the one that it replaces.
    pub fn insert(&mut self, node: RBTreeNode<K, V>) -> Option<RBTreeNode<K, V>>
    where
        K: Clone,
    {
        let key = node.key.clone();
        let old = self.0.insert(node.key, node.value)?;
        Some(RBTreeNode { key, value: old })
    }

    /// Returns the values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// Returns the keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// Returns all.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// Returns a value.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// Returns a value, to change it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    /// Removes a node.
    pub fn remove_node(&mut self, key: &K) -> Option<RBTreeNode<K, V>> {
        let (key, value) = self.0.remove_entry(key)?;
        Some(RBTreeNode { key, value })
    }

    /// Removes a value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// Finds the first node from a key on.
    pub fn cursor_lower_bound(&self, key: &K) -> Option<Cursor<'_, K, V>> {
        self.0
            .range(key..)
            .next()
            .map(|(key, value)| Cursor { key, value })
    }

    /// Finds the first node from a key on, to change it.
    pub fn cursor_lower_bound_mut(&mut self, key: &K) -> Option<CursorMut<'_, K, V>>
    where
        K: Clone,
    {
        let key = self.0.range(key..).next()?.0.clone();
        Some(CursorMut { tree: self, key })
    }
}

impl<K: Ord, V> Default for RBTree<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// A node.
pub struct Cursor<'a, K, V> {
    key: &'a K,
    value: &'a V,
}

impl<K, V> Cursor<'_, K, V> {
    /// Returns key and value.
    pub fn current(&self) -> (&K, &V) {
        (self.key, self.value)
    }
}

/// A node that may be changed.
pub struct CursorMut<'a, K, V> {
    tree: &'a mut RBTree<K, V>,
    key: K,
}

impl<'a, K: Ord + Clone, V> CursorMut<'a, K, V> {
    /// Returns key and value.
    pub fn current_mut(&mut self) -> (&K, &mut V) {
        let value = self.tree.0.get_mut(&self.key).expect("the node is there");
        (&self.key, value)
    }

    /// Removes the node.
    pub fn remove_current(self) -> (Option<Self>, RBTreeNode<K, V>) {
        let (key, value) = self
            .tree
            .0
            .remove_entry(&self.key)
            .expect("the node is there");
        (None, RBTreeNode { key, value })
    }
}
