// What is durable, and what a power cut leaves: the part of the tree that knows of Disk.
#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

#include "tests/fakes/memory_tree.h"

namespace hardlinkfs::memory_backing {
namespace {

constexpr uint64_t kNamesInABlock = 6;
constexpr size_t kBlocks = 3;  // of a directory

size_t BlockOf(const std::string& key) { return std::hash<std::string>()(key) % kBlocks; }

}  // namespace

void Tree::Note(const NodeRef& directory, const std::string& key, const std::optional<Node::Entry>& moved) {
  if (options_.disk == Disk::kDurable) return;
  const auto found = directory->entries.find(key);
  log_.push_back({directory, key, found == directory->entries.end() ? std::nullopt : std::optional(found->second), moved});
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
  if (!node->sync_failed && node->type == FileType::kRegular) {
    node->durable_content = node->content;
    node->durable_mtime = node->mtime;
    node->content_unsynced = node->times_unsynced = false;
  }
  if (node->sync_failed && node->type != FileType::kRegular) return;
  node->durable_parent = node->parent;
  node->written_moves = node->moves;
  node->exposed = false;
  // Alone a blank entry does not get to the disk, but with others' blocks.
  for (const Change& change : log_) {
    if (change.entry.has_value() && IsBlank(*change.entry)) change.entry->node->exposed = true;
  }
  if (options_.disk == Disk::kJournal) {
    for (const Change& change : log_) Apply(change);
    log_.clear();
    return;
  }
  for (const Change& change : log_) {
    if (change.directory == node) Apply(change);
  }
  std::erase_if(log_, [&](const Change& change) { return change.directory == node; });
  if (const Shown shown = FindEntryOf(*root_, node); shown.directory != nullptr) SyncBlock(shown);
}

// On FAT the sync of a node writes the entry that shows it, but not what of its name lies in a block before, and whatever else of the directory lies
// in the same block.
void Tree::SyncBlock(const Shown& shown) {
  const auto is_shown = [&](const Change& change) { return change.directory.get() == shown.directory && change.key == shown.key; };
  const auto is_in_block = [&](const Change& change) {
    return change.directory.get() == shown.directory && BlockOf(change.key) == BlockOf(shown.key);
  };
  bool is_torn = false;
  const auto durable = shown.directory->durable_entries.find(shown.key);
  const Node::Entry was = durable == shown.directory->durable_entries.end() ? Node::Entry() : durable->second;
  for (Change change : log_) {
    if (!is_in_block(change)) continue;
    // Moved back, it has its old name, which lies there.
    const bool is_new = is_shown(change) && change.entry.has_value() && !(was.node == change.entry->node && was.spelling == change.entry->spelling);
    if (is_new) change.entry->is_torn = is_torn = true;
    Apply(change);
  }
  // The whole of it comes with its directory only.
  std::optional<Change> whole;
  for (const Change& change : log_) {
    if (is_torn && is_shown(change)) whole = change;
  }
  std::erase_if(log_, is_in_block);
  if (whole.has_value() && whole->entry.has_value()) log_.push_back(*whole);
}

// RETURNS: where the node is shown; nowhere if it was removed.
Tree::Shown Tree::FindEntryOf(const Node& below, const NodeRef& node) {
  for (const auto& [key, entry] : below.entries) {
    if (entry.node == node) return {&below, key};
    if (entry.node->type != FileType::kDirectory) continue;
    if (Shown found = FindEntryOf(*entry.node, node); found.directory != nullptr) return found;
  }
  return {};
}

// The kernel reports it once and calls the pages clean, so nobody writes them ever again. Its entry is another block.
void Tree::FailSync(const NodeRef& node) {
  const MutexLock lock(mutex_);
  node->sync_failed = true;
  node->written_moves = node->moves;
  node->exposed = false;
}

void Tree::SyncEverything() {
  const MutexLock lock(mutex_);
  for (const Change& change : log_) Apply(change);
  log_.clear();
  const std::function<void(Node&)> sync = [&](Node& node) {
    node.durable_content = node.content;
    node.durable_mtime = node.mtime;
    node.durable_parent = node.parent;
    node.content_unsynced = node.times_unsynced = node.exposed = false;
    node.written_moves = node.moves;
    for (auto& [key, entry] : node.entries) sync(*entry.node);
  };
  sync(*root_);
}

Tree::Slot Tree::SlotOf(size_t i) const { return {log_[i].directory->number, log_[i].key}; }

// RETURNS: the change that added what change `i` moved away, or none when that is durable.
std::optional<size_t> Tree::AdditionOf(size_t i) const {
  for (size_t j = i; j-- > 0;) {
    const auto& entry = log_[j].entry;
    if (entry.has_value() && entry->node == log_[i].moved->node && entry->move == log_[i].moved->move) return j;
  }
  return std::nullopt;
}

// Each slot keeps some of its changes. The new entry of a rename is written, and is not blank, before the old one goes: a disk, or a writeback
// between two calls, that turns even that around loses files by itself, and nothing that the POSIX calls offer can help it.
void Tree::KeepSomeSlots(const std::function<uint64_t(uint64_t)>& below) {
  std::map<Slot, std::vector<size_t>> slots;  // numbers of changes
  for (size_t i = 0; i < log_.size(); ++i) slots[SlotOf(i)].push_back(i);
  std::map<Slot, std::optional<size_t>> last;  // change that is kept
  for (const auto& [slot, changes] : slots) {
    if (const uint64_t kept = below(changes.size() + 1); kept > 0) last[slot] = changes[kept - 1];
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < log_.size(); ++i) {
      std::optional<size_t>& gone = last[SlotOf(i)];
      if (!log_[i].moved.has_value() || !gone.has_value() || *gone < i) continue;
      if (IsBlank(*log_[i].moved)) {
        const std::vector<size_t>& changes = slots[SlotOf(i)];
        const auto at = std::find(changes.begin(), changes.end(), i);
        gone = at == changes.begin() ? std::nullopt : std::optional(*(at - 1));
        changed = true;
        continue;
      }
      const std::optional<size_t> addition = AdditionOf(i);
      if (!addition.has_value()) continue;
      std::optional<size_t>& added = last[SlotOf(*addition)];
      if (added.has_value() && *added >= *addition) continue;
      added = addition;
      changed = true;
    }
  }
  for (const auto& [slot, change] : last) {
    if (!change.has_value()) continue;
    const Change& kept = log_[*change];
    // A long name lies in two blocks, and of what goes away the one before may be the first to be written.
    const bool is_torn = !kept.entry.has_value() && kept.directory->durable_entries.contains(kept.key) && below(kNamesInABlock) == 0;
    if (is_torn) {
      Tear(*kept.directory, kept.key);
    } else {
      Apply(kept);
    }
  }
}

// Without its long name an entry is shown by the short one that FAT has made of it.
void Tree::Tear(Node& directory, const std::string& key) {
  Node::Entry entry = directory.durable_entries.extract(key).mapped();
  entry.spelling = MemoryBacking::kTornName + std::to_string(++last_number_);
  const std::string alias = *KeyOf(entry.spelling);
  directory.durable_entries.emplace(alias, std::move(entry));
}

void Tree::KeepSome(const std::function<uint64_t(uint64_t)>& below) {
  if (options_.disk == Disk::kJournal) {
    size_t kept = below(log_.size() + 1);
    while (kept < log_.size() && log_[kept].moved.has_value()) ++kept;
    for (size_t i = 0; i < kept; ++i) Apply(log_[i]);
  } else {
    KeepSomeSlots(below);
  }
  log_.clear();
}

// RETURNS: the content as the disk may have it: each sector in its old state or its last.
SparseBytes Tree::SomeSectors(const Node& node, const std::function<uint64_t(uint64_t)>& below) {
  constexpr size_t kSectorBytes = 512;
  constexpr size_t kSectors = SparseBytes::kPageBytes / kSectorBytes;
  const uint64_t size = below(2) == 0 ? node.durable_content.size() : node.content.size();
  SparseBytes kept;
  for (uint64_t at = 0; at < size; at += SparseBytes::kPageBytes) {
    std::array<char, SparseBytes::kPageBytes> page{};
    std::array<char, SparseBytes::kPageBytes> written{};
    node.durable_content.Read(page, at);
    node.content.Read(written, at);
    // Most often whole pages, as they are written.
    const uint64_t whole = below(3);
    const uint64_t torn = whole == 0 ? 0 : whole == 1 ? (1U << kSectors) - 1 : below(1U << kSectors);
    for (size_t sector = 0; sector < kSectors; ++sector) {
      if ((torn >> sector & 1U) == 0) continue;
      const auto begin = static_cast<ptrdiff_t>(sector * kSectorBytes);
      std::copy_n(written.begin() + begin, kSectorBytes, page.begin() + begin);
    }
    kept.Write(std::span(page).first(std::min<uint64_t>(page.size(), size - at)), at);
  }
  kept.Resize(size);
  return kept;
}

void Tree::LoseContent(Node& node, const std::function<uint64_t(uint64_t)>& below) {
  if (node.content_unsynced) node.content = SomeSectors(node, below);
  if ((node.content_unsynced || node.times_unsynced) && below(2) == 0) node.mtime = node.durable_mtime;
  const Timestamp mtime = node.mtime;
  Settle(node);
  node.mtime = mtime;
  node.durable_content = node.content;
  node.durable_mtime = node.mtime;
  node.content_unsynced = node.times_unsynced = node.sync_failed = false;
}

void Tree::Empty(Node& node) {
  const Timestamp mtime = node.mtime;
  node.content.Resize(0);
  Settle(node);
  node.mtime = mtime;
  node.durable_content = node.content;
}

NodeRef Tree::CopyOf(const Node& node) {
  NodeRef copy = NewNode(node.type, node.mode);
  copy->content = node.content;
  copy->mtime = node.mtime;
  copy->durable_content = copy->content;
  copy->durable_mtime = copy->mtime;
  return copy;
}

// A rename may have left two entries of one file: fsck.vfat leaves the content to one of them, and makes the other an empty file. A
// directory keeps one. A blank entry is an empty file; of a directory fsck.vfat removes it, and what only that led to is lost. RETURNS: whether
// there were two of one.
bool Tree::Restart(Node& directory, std::set<const Node*>& seen, const std::function<uint64_t(uint64_t)>& below) {
  bool doubled = false;
  directory.entries.clear();
  directory.sync_failed = false;
  for (auto entry = directory.durable_entries.begin(); entry != directory.durable_entries.end();) {
    NodeRef& node = entry->second.node;
    const bool is_blank = IsBlank(entry->second) && node->exposed && below(2) == 0;
    node->removed = false;
    if (node->type == FileType::kDirectory) {
      if (is_blank || !seen.insert(node.get()).second) {
        entry = directory.durable_entries.erase(entry);
        continue;
      }
      node->parent = node->durable_parent = directory.number;  // as fsck.vfat has it
      doubled = Restart(*node, seen, below) || doubled;
    } else if (is_blank) {
      node = CopyOf(*node);
      Empty(*node);
    } else if (!seen.insert(node.get()).second) {
      const NodeRef copy = CopyOf(*node);
      Empty(below(2) == 0 ? *node : *copy);
      node = copy;
      doubled = true;
    } else if (node->type == FileType::kRegular) {
      LoseContent(*node, below);
    }
    ++entry;
  }
  directory.entries = directory.durable_entries;
  return doubled;
}

// The name of an entry lies before what its node writes itself, as a rule in the same block.
void Tree::TearNames(Node& directory, const std::function<uint64_t(uint64_t)>& below) {
  std::vector<std::string> torn;
  for (auto& [key, entry] : directory.durable_entries) {
    entry.move = entry.node->moves = entry.node->written_moves = 0;
    entry.node->exposed = false;
    if (std::exchange(entry.is_torn, false) && below(kNamesInABlock) == 0) torn.push_back(key);
    if (entry.node->type == FileType::kDirectory) TearNames(*entry.node, below);
  }
  for (const std::string& key : torn) Tear(directory, key);
  directory.entries = directory.durable_entries;
}

bool Tree::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  const MutexLock lock(mutex_);
  KeepSome(below);
  std::set<const Node*> seen;
  const bool doubled = Restart(*root_, seen, below);
  TearNames(*root_, below);
  return doubled;
}

std::vector<std::string> Tree::UnsyncedParents() {
  const MutexLock lock(mutex_);
  std::vector<std::string> found;
  const std::function<void(const Node&)> look = [&](const Node& directory) {
    for (const auto& [key, entry] : directory.entries) {
      if (entry.node->type != FileType::kDirectory) continue;
      if (entry.node->parent != entry.node->durable_parent) found.push_back(entry.spelling);
      look(*entry.node);
    }
  };
  if (options_.disk == Disk::kFat) look(*root_);
  return found;
}

}  // namespace hardlinkfs::memory_backing
