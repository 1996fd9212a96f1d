// The table of inodes that the kernel knows, see inode_table.h.
#include "fuse/vfs/inode_table.h"

#include <algorithm>
#include <utility>

namespace hardlinkfs {

void InodeTable::AddLookup(InodeRef inode) {
  Shard& shard = ShardOf(inode.inode());
  MutexLock lock(shard.mutex);
  Entry& entry = shard.entries[inode.inode()];
  ++entry.lookups;
  if (!entry.known.keeps()) entry.known = std::move(inode);
}

bool InodeTable::DropLookups(InodeId inode, uint64_t count) {
  Erased erased;
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found == shard.entries.end()) return false;
  found->second.lookups -= std::min(found->second.lookups, count);
  erased = EraseIfIdle(shard, found);
  return erased.orphan;
}

void InodeTable::NoteName(InodeId inode, InodeId directory, std::string_view name) {
  SeenName seen{directory, std::string(name)};
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found == shard.entries.end()) return;
  std::unique_ptr<std::vector<SeenName>>& names = found->second.names;
  if (names == nullptr) names = std::make_unique<std::vector<SeenName>>();
  if (const auto known = std::find(names->begin(), names->end(), seen); known != names->end()) names->erase(known);
  if (names->size() == kNamesNoted) names->erase(names->begin());
  names->push_back(std::move(seen));
}

void InodeTable::DropName(InodeId inode, InodeId directory, std::string_view name) {
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found != shard.entries.end() && found->second.names != nullptr)
    std::erase(*found->second.names, SeenName{directory, std::string(name)});
}

std::vector<SeenName> InodeTable::NamesOf(InodeId inode) const {
  const Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  return found == shard.entries.end() || found->second.names == nullptr ? std::vector<SeenName>() : *found->second.names;
}

bool InodeTable::Close(InodeId inode) {
  Erased erased;
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found == shard.entries.end()) return false;
  if (found->second.open != nullptr) --open_count_;
  found->second.open = nullptr;
  erased = EraseIfIdle(shard, found);
  return erased.orphan;
}

InodeTable::Erased InodeTable::EraseIfIdle(Shard& shard, std::unordered_map<InodeId, Entry>::iterator entry) {
  if (!IsIdle(entry->second)) return {};
  Erased erased{entry->second.orphan, std::move(entry->second.known)};
  shard.entries.erase(entry);
  return erased;
}

bool InodeTable::MarkOrphan(InodeId inode) {
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found == shard.entries.end()) return true;
  found->second.orphan = true;
  return IsIdle(found->second);
}

void InodeTable::ClearOrphan(InodeId inode) {
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  if (found != shard.entries.end()) found->second.orphan = false;
}

std::shared_ptr<OpenContent> InodeTable::FindOpen(InodeId inode) const {
  const Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  return found == shard.entries.end() ? nullptr : found->second.open;
}

void InodeTable::NoteMayBeMapped(InodeId inode) {
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  shard.entries[inode].may_be_mapped = true;
}

bool InodeTable::MayBeMapped(InodeId inode) const {
  const Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  return found != shard.entries.end() && found->second.may_be_mapped;
}

bool InodeTable::MayBeWritten(InodeId inode) const {
  const Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(inode);
  return found != shard.entries.end() && (found->second.may_be_mapped || found->second.open != nullptr);
}

std::vector<InodeId> InodeTable::Known() const {
  std::vector<InodeId> known;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    for (const auto& [inode, entry] : shard.entries) known.push_back(inode);
  }
  return known;
}

void InodeTable::SetOpen(InodeId inode, std::shared_ptr<OpenContent> content) {
  Shard& shard = ShardOf(inode);
  MutexLock lock(shard.mutex);
  shard.entries[inode].open = std::move(content);
  ++open_count_;
}

std::vector<InodeId> InodeTable::OpenInodes() const {
  std::vector<InodeId> inodes;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    for (const auto& [inode, entry] : shard.entries) {
      if (entry.open != nullptr) inodes.push_back(inode);
    }
  }
  return inodes;
}

}  // namespace hardlinkfs
