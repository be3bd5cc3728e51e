//! Whether the arrays of a tree describe a tree: every child in range, one root, no cycle, nothing out of reach.
//!
//! Three linear passes: the nodes one by one; who refers to whom; a walk from the root, which must reach exactly the nodes
//! that are not deleted.

use super::super::error::ModelError;
use super::super::place::Shown;
use super::tree::{Columns, RawNode};
use super::{BEYOND, NONE};

/// Checks a tree and appends its nodes.
pub(super) fn check(columns: &Columns, tree: usize, nodes: &mut Vec<RawNode>) -> Result<(), ModelError> {
    let num_nodes = columns.num_nodes(tree)?;
    let expected_deleted = columns.num_deleted(tree)?;
    let start = nodes.len();
    let mut num_deleted = 0;
    for node in 0..num_nodes {
        let (raw, is_deleted) = one_node(columns, tree, node)?;
        nodes.push(raw);
        num_deleted += usize::from(is_deleted);
    }
    let nodes = nodes.get(start..).unwrap_or_default();
    if num_deleted != expected_deleted {
        return Err(ModelError::NumDeleted { tree, expected: expected_deleted, found: num_deleted });
    }
    let reached = walk(nodes, tree)?;
    check_reached(columns, tree, &reached, num_deleted)?;
    check_parents(columns, tree, nodes)
}

/// One node by itself, and whether it is deleted.
fn one_node(columns: &Columns, tree: usize, node: usize) -> Result<(RawNode, bool), ModelError> {
    let num_nodes = columns.left_children.values.len();
    let child = |side, values: &[i32]| {
        let child = values.get(node).copied().unwrap_or(BEYOND);
        match usize::try_from(child) {
            Ok(index) if index < num_nodes => Ok(child),
            Err(_) if child == -1 => Ok(child),
            _ => Err(ModelError::ChildOutOfRange { tree, node, side, child: shown(child), num_nodes }),
        }
    };
    let left = child("left_children", &columns.left_children.values)?;
    let right = child("right_children", &columns.right_children.values)?;
    if (left == -1) != (right == -1) {
        return Err(ModelError::HalfASplit { tree, node });
    }
    let is_split = left != -1;
    if is_split && right != left + 1 {
        return Err(ModelError::ChildrenNotAdjacent { tree, node, left, right });
    }
    if is_split && left == 0 {
        return Err(ModelError::NotATree { tree, node: 0 });
    }
    let feature = columns.split_indices.values.get(node).copied().unwrap_or(BEYOND);
    let value = columns.split_conditions.values.get(node).copied().unwrap_or(f32::NAN);
    let is_deleted = !is_split && feature == NONE;
    if is_split && value.is_nan() {
        return Err(ModelError::ThresholdIsNan { tree, node });
    }
    if !is_split && !is_deleted && !value.is_finite() {
        return Err(ModelError::LeafNotFinite { tree, node });
    }
    let default_left = columns.default_left.values.get(node).copied().unwrap_or(false);
    let left = if is_split { u32::try_from(left).unwrap_or(0) } else { 0 };
    Ok((RawNode { value, feature, left, default_left }, is_deleted))
}

/// The two children of a split.
fn children(node: &RawNode) -> Option<[usize; 2]> {
    let left = usize::try_from(node.left).ok().filter(|left| *left > 0)?;
    Some([left, left + 1])
}

/// Which nodes a walk from the root reaches, if none has two parents or lies on a cycle.
fn walk(nodes: &[RawNode], tree: usize) -> Result<Vec<bool>, ModelError> {
    let mut has_parent = vec![false; nodes.len()];
    for node in nodes {
        for child in children(node).into_iter().flatten() {
            match has_parent.get_mut(child) {
                Some(has_parent) if !*has_parent => *has_parent = true,
                _ => return Err(ModelError::NotATree { tree, node: child }),
            }
        }
    }
    // No node has two parents and the root has none, so this ends after each node once.
    let mut reached = vec![false; nodes.len()];
    let mut waiting = vec![0];
    while let Some(node) = waiting.pop() {
        if let Some(reached) = reached.get_mut(node) {
            *reached = true;
        }
        waiting.extend(nodes.get(node).and_then(children).into_iter().flatten());
    }
    // What is out of reach hangs on a node without a parent, or on a cycle.
    let is_cyclic = |node: usize| reached.get(node) == Some(&false) && has_parent.get(node) == Some(&true);
    let has_detached_root = |node: usize| reached.get(node) == Some(&false) && has_parent.get(node) == Some(&false);
    let splits = || (0..nodes.len()).filter(|node| nodes.get(*node).and_then(children).is_some());
    if let Some(node) = splits().find(|node| has_detached_root(*node)) {
        return Err(ModelError::UnreachableNode { tree, node });
    }
    match splits().find(|node| is_cyclic(*node)) {
        Some(node) => Err(ModelError::NotATree { tree, node }),
        None => Ok(reached),
    }
}

/// Exactly the nodes that are not deleted must be reached.
fn check_reached(columns: &Columns, tree: usize, reached: &[bool], num_deleted: usize) -> Result<(), ModelError> {
    let mut reached_deleted = 0;
    for (node, is_reached) in reached.iter().enumerate() {
        let is_leaf = columns.left_children.values.get(node) == Some(&-1);
        let is_deleted = is_leaf && columns.split_indices.values.get(node) == Some(&NONE);
        if !is_reached && !is_deleted {
            return Err(ModelError::UnreachableNode { tree, node });
        }
        reached_deleted += usize::from(*is_reached && is_deleted);
    }
    if reached_deleted > 0 {
        let found = num_deleted - reached_deleted;
        return Err(ModelError::NumDeleted { tree, expected: num_deleted, found });
    }
    Ok(())
}

/// `parents` must say of every node that is reached what the children of the others say; of the root that it has none.
fn check_parents(columns: &Columns, tree: usize, nodes: &[RawNode]) -> Result<(), ModelError> {
    let parents = &columns.parents.values;
    let found = |node: usize| parents.get(node).copied().unwrap_or(BEYOND);
    if found(0) != NONE && found(0) != -1 {
        return Err(ModelError::ParentDoesNotMatch { tree, node: 0, found: shown(found(0)) });
    }
    for (parent, node) in nodes.iter().enumerate() {
        for child in children(node).into_iter().flatten() {
            if usize::try_from(found(child)) != Ok(parent) {
                return Err(ModelError::ParentDoesNotMatch { tree, node: child, found: shown(found(child)) });
            }
        }
    }
    Ok(())
}

/// An integer for a message.
pub(super) fn shown(value: i32) -> Shown {
    if value == BEYOND { Shown::Beyond32Bits } else { Shown::Value(value) }
}
