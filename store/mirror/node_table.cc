// The slots and the index over them, see node_table.h.
#include "store/mirror/node_table.h"

#include <cerrno>
#include <utility>

namespace hardlinkfs {

NodeTable::NodeTable(const FileKey& root, size_t max_held) : root_(root), max_held_(max_held) {}

std::optional<uint32_t> NodeTable::SlotWith(const FileKey& key) const {
  const auto [first, last] = by_hash_.equal_range(key.Hash());
  for (auto found = first; found != last; ++found) {
    if (nodes_[found->second].key == key) return found->second;
  }
  return std::nullopt;
}

InodeRef NodeTable::Remember(const FileKey& key, UniqueFd held) {
  if (key == root_) return InodeRef(kRootInode);
  MutexLock lock(mutex_);
  if (const std::optional<uint32_t> slot = SlotWith(key); slot.has_value()) {
    ++nodes_[*slot].keepers;
    return InodeRef(NumberOfSlot(*slot), this);
  }
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(nodes_.size()));
    nodes_.emplace_back();
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  Node& node = nodes_[slot];
  node.key = key;
  node.held = std::move(held);
  node.keepers = 1;
  by_hash_.emplace(key.Hash(), slot);
  return InodeRef(NumberOfSlot(slot), this);
}

const NodeTable::Node* NodeTable::NodeOf(InodeId inode) const {
  const uint64_t slot = SlotOf(inode);
  if (slot >= nodes_.size() || nodes_[slot].keepers == 0 || nodes_[slot].reuses != Raw(inode) >> 32) return nullptr;
  return &nodes_[slot];
}

void NodeTable::Hold(InodeId inode, UniqueFd held) {
  MutexLock lock(mutex_);
  if (NodeOf(inode) == nullptr) return;
  Node& node = nodes_[SlotOf(inode)];
  if (node.held.valid() || held_ >= max_held_) return;
  node.held = std::move(held);
  node.held_later = true;
  ++held_;
}

Result<NodeTable::Found> NodeTable::Find(InodeId inode) const {
  MutexLock lock(mutex_);
  const Node* const node = NodeOf(inode);
  if (node == nullptr) return Error{ESTALE, "a number that stands for nothing"};
  return Found{node->key, node->held.get()};
}

std::optional<InodeId> NodeTable::NumberOf(const FileKey& key) const {
  if (key == root_) return kRootInode;
  MutexLock lock(mutex_);
  const std::optional<uint32_t> slot = SlotWith(key);
  return slot.has_value() ? std::optional(NumberOfSlot(*slot)) : std::nullopt;
}

void NodeTable::LetGo(InodeId inode) {
  UniqueFd held;  // closed without the lock
  MutexLock lock(mutex_);
  if (NodeOf(inode) == nullptr) return;
  const auto slot = static_cast<uint32_t>(SlotOf(inode));
  Node& node = nodes_[slot];
  if (--node.keepers > 0) return;
  const auto [first, last] = by_hash_.equal_range(node.key.Hash());
  for (auto found = first; found != last; ++found) {
    if (found->second != slot) continue;
    by_hash_.erase(found);
    break;
  }
  held = std::move(node.held);
  if (std::exchange(node.held_later, false)) --held_;
  node.key = {};
  ++node.reuses;
  free_.push_back(slot);
}

}  // namespace hardlinkfs
