// The nodes and the index over them, see node_table.h.
#include "store/mirror/node_table.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hardlinkfs {

NodeTable::NodeTable(const FileKey& root, size_t max_held) : root_(root), max_held_(max_held) {}

std::optional<InodeId> NodeTable::NodeWith(const FileKey& key) const {
  const auto [first, last] = by_hash_.equal_range(key.Hash());
  for (auto found = first; found != last; ++found) {
    if (nodes_.at(found->second).key == key) return found->second;
  }
  return std::nullopt;
}

InodeRef NodeTable::Remember(const FileKey& key, UniqueFd held) {
  if (key == root_) return InodeRef(kRootInode);
  MutexLock lock(mutex_);
  if (const std::optional<InodeId> known = NodeWith(key); known.has_value()) {
    ++nodes_.at(*known).keepers;
    return InodeRef(*known, this);
  }
  const InodeId inode{next_++};
  nodes_.emplace(inode, Node{.key = key, .held = std::move(held), .keepers = 1});
  by_hash_.emplace(key.Hash(), inode);
  return InodeRef(inode, this);
}

void NodeTable::Hold(InodeId inode, UniqueFd held) {
  MutexLock lock(mutex_);
  const auto found = nodes_.find(inode);
  if (found == nodes_.end()) return;
  Node& node = found->second;
  if (node.held.valid() || held_ >= max_held_) return;
  node.held = std::move(held);
  node.held_later = true;
  ++held_;
}

Result<NodeTable::Found> NodeTable::Find(InodeId inode) const {
  MutexLock lock(mutex_);
  const auto found = nodes_.find(inode);
  if (found == nodes_.end()) return Error{ESTALE, "a number that stands for nothing"};
  return Found{found->second.key, found->second.held.get()};
}

std::optional<InodeId> NodeTable::NumberOf(const FileKey& key) const {
  if (key == root_) return kRootInode;
  MutexLock lock(mutex_);
  return NodeWith(key);
}

void NodeTable::LetGo(InodeId inode) {
  UniqueFd held;  // closed without the lock
  MutexLock lock(mutex_);
  const auto node = nodes_.find(inode);
  if (node == nodes_.end() || --node->second.keepers > 0) return;
  const auto [first, last] = by_hash_.equal_range(node->second.key.Hash());
  by_hash_.erase(std::find_if(first, last, [inode](const auto& entry) { return entry.second == inode; }));
  held = std::move(node->second.held);
  if (node->second.held_later) --held_;
  nodes_.erase(node);
}

}  // namespace hardlinkfs
