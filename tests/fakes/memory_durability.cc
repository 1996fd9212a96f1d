// What is durable, and what a power cut leaves: the part of the tree that knows of Disk.
#include <algorithm>
#include <array>
#include <set>

#include "tests/fakes/memory_tree.h"

namespace hardlinkfs::memory_backing {

void Tree::Note(const NodeRef& directory, const std::string& key, Joined joined) {
  if (options_.disk == Disk::kDurable) return;
  const auto found = directory->entries.find(key);
  log_.push_back({directory, key, found == directory->entries.end() ? std::nullopt : std::optional(found->second), joined == Joined::kYes});
}

void Tree::Apply(const Change& change) {
  if (change.entry.has_value()) {
    change.directory->durable_entries.insert_or_assign(change.key, *change.entry);
  } else {
    change.directory->durable_entries.erase(change.key);
  }
}

void Tree::Sync(const NodeRef& node) {
  const MutexLock lock(mutex_);
  if (node->type == FileType::kRegular) {
    node->durable_content = node->content;
    node->durable_mtime = node->mtime;
    node->content_unsynced = node->moved_unsynced = node->exposed = false;
  }
  // vfat's new entry of a moved file is empty until the file is synced. Alone it does not get to the disk, but with others' blocks.
  for (const Change& change : log_) {
    if (change.entry.has_value() && change.entry->node->moved_unsynced) change.entry->node->exposed = true;
  }
  // Of a directory on FAT its own entries, of a file the entry that shows it now. A journal knows no difference.
  const auto syncs = [&](const Change& change) {
    if (options_.disk == Disk::kJournal) return true;
    if (node->type == FileType::kDirectory) return change.directory == node;
    const auto now = change.directory->entries.find(change.key);
    return now != change.directory->entries.end() && now->second.node == node;
  };
  for (const Change& change : log_) {
    if (syncs(change)) Apply(change);
  }
  std::erase_if(log_, syncs);
}

void Tree::SyncEverything() {
  const MutexLock lock(mutex_);
  for (const Change& change : log_) {
    Apply(change);
    if (!change.entry.has_value()) continue;
    Node& node = *change.entry->node;
    node.durable_content = node.content;
    node.durable_mtime = node.mtime;
    node.content_unsynced = node.moved_unsynced = false;
  }
  log_.clear();
}

// Each slot keeps some of its changes. The new entry of a rename is written before the old one goes: a disk that turns even that around
// loses files by itself, and nothing that the POSIX calls offer can help it.
void Tree::KeepSomeSlots(const std::function<uint64_t(uint64_t)>& below) {
  using Slot = std::pair<uint64_t, std::string>;
  std::map<Slot, std::vector<size_t>> slots;  // numbers of changes
  const auto slot_of = [&](size_t i) { return Slot{log_[i].directory->number, log_[i].key}; };
  for (size_t i = 0; i < log_.size(); ++i) slots[slot_of(i)].push_back(i);
  std::map<Slot, std::optional<size_t>> last;  // change that is kept
  for (const auto& [slot, changes] : slots) {
    if (const uint64_t kept = below(changes.size() + 1); kept > 0) last[slot] = changes[kept - 1];
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 1; i < log_.size(); ++i) {
      const std::optional<size_t> gone = last[slot_of(i)];
      std::optional<size_t>& added = last[slot_of(i - 1)];
      if (!log_[i].joined || !gone.has_value() || *gone < i || (added.has_value() && *added >= i - 1)) continue;
      added = i - 1;
      changed = true;
    }
  }
  for (const auto& [slot, change] : last) {
    if (change.has_value()) Apply(log_[*change]);
  }
}

void Tree::KeepSome(const std::function<uint64_t(uint64_t)>& below) {
  if (options_.disk == Disk::kJournal) {
    size_t kept = below(log_.size() + 1);
    while (kept < log_.size() && log_[kept].joined) ++kept;
    for (size_t i = 0; i < kept; ++i) Apply(log_[i]);
  } else {
    KeepSomeSlots(below);
  }
  log_.clear();
}

void Tree::LoseContent(Node& node, const std::function<uint64_t(uint64_t)>& below) {
  if (node.content_unsynced) {
    const SparseBytes written = node.content;
    const uint64_t size = below(2) == 0 ? node.durable_content.size() : written.size();
    SparseBytes kept;
    for (uint64_t at = 0; at < size; at += SparseBytes::kPageBytes) {
      std::array<char, SparseBytes::kPageBytes> page{};
      const SparseBytes& from = below(2) == 0 ? node.durable_content : written;
      const size_t got = from.Read(page, at);
      if (got > 0) kept.Write(std::span(page).first(got), at);
    }
    kept.Resize(size);
    node.content = kept;
    if (below(2) == 0) node.mtime = node.durable_mtime;
  }
  if (options_.disk == Disk::kFat && node.exposed && below(2) == 0) node.content.Resize(0);
  const Timestamp mtime = node.mtime;
  Settle(node);
  node.mtime = mtime;
  node.durable_content = node.content;
  node.durable_mtime = node.mtime;
  node.content_unsynced = node.moved_unsynced = node.exposed = false;
}

void Tree::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  const MutexLock lock(mutex_);
  KeepSome(below);
  // A rename may have left two entries of one file: from now on these are two files. A directory keeps one.
  std::set<const Node*> seen;
  const std::function<void(Node&)> restart = [&](Node& directory) {
    directory.entries.clear();
    for (auto entry = directory.durable_entries.begin(); entry != directory.durable_entries.end();) {
      NodeRef& node = entry->second.node;
      node->removed = false;
      const bool again = !seen.insert(node.get()).second;
      if (node->type == FileType::kDirectory) {
        if (again) {
          entry = directory.durable_entries.erase(entry);
          continue;
        }
        restart(*node);
      } else if (again) {
        const NodeRef copy = NewNode(node->type, node->mode);
        copy->content = node->content;
        copy->mtime = node->mtime;
        node = copy;
        LoseContent(*node, below);
      } else if (node->type == FileType::kRegular) {
        LoseContent(*node, below);
      }
      ++entry;
    }
    directory.entries = directory.durable_entries;
  };
  restart(*root_);
}

}  // namespace hardlinkfs::memory_backing
