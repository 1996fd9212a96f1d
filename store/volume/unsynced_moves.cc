#include "store/volume/unsynced_moves.h"

namespace hardlinkfs {
namespace {

std::set<InodeId> At(const std::map<InodeId, std::set<InodeId>>& edges, InodeId inode) {
  const auto found = edges.find(inode);
  return found == edges.end() ? std::set<InodeId>() : found->second;
}

}  // namespace

bool UnsyncedMoves::Note(InodeId from, InodeId to) {
  if (from == to) return true;
  MutexLock lock(mutex_);
  if (sources_.contains(from) || targets_.contains(to)) return false;
  targets_[from].insert(to);
  sources_[to].insert(from);
  return true;
}

std::set<InodeId> UnsyncedMoves::DirectoriesBefore(InodeId directory) {
  MutexLock lock(mutex_);
  return At(targets_, directory);
}

void UnsyncedMoves::NoteSynced(InodeId directory) {
  MutexLock lock(mutex_);
  for (const InodeId source : At(sources_, directory)) {
    const auto targets = targets_.find(source);
    targets->second.erase(directory);
    if (targets->second.empty()) targets_.erase(targets);
  }
  sources_.erase(directory);
}

}  // namespace hardlinkfs
