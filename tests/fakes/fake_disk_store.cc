#include "tests/fakes/fake_disk_store.h"

#include <algorithm>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr size_t kSectorBytes = 512;

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

}  // namespace

FakeDiskStore::NodeRef FakeDiskStore::Find(const std::string& path) const {
  const auto found = entries_.find(path);
  return found == entries_.end() ? nullptr : found->second;
}

FakeDiskStore::NodeRef FakeDiskStore::Create(const std::string& path) {
  NodeRef& node = entries_[path];
  if (node == nullptr) {
    node = std::make_shared<Node>();
    Note({path, node});
  }
  node->content.clear();
  return node;
}

bool FakeDiskStore::Remove(const std::string& path) {
  const auto found = entries_.find(path);
  if (found == entries_.end()) return false;
  if (path.ends_with(".log")) freed_ = found->second->content;
  entries_.erase(found);
  Note({path, nullptr});
  return true;
}

// On FAT an entry that is replaced goes first.
bool FakeDiskStore::Rename(const std::string& from, const std::string& to) {
  const NodeRef node = Find(from);
  if (node == nullptr) return false;
  if (manner_ == DiskManner::kFat && Find(to) != nullptr) Note({to, nullptr});
  node->synced_here = false;
  entries_[to] = node;
  Note({to, node});
  entries_.erase(from);
  Note({from, nullptr, true});
  return true;
}

void FakeDiskStore::Note(Change change) { log_.push_back(std::move(change)); }

void FakeDiskStore::Apply(const Change& change) {
  if (change.node != nullptr) {
    durable_entries_[change.path] = change.node;
  } else {
    durable_entries_.erase(change.path);
  }
}

void FakeDiskStore::SyncFile(const NodeRef& node) {
  node->durable = node->content;
  node->synced_here = true;
  if (manner_ == DiskManner::kFat) return;
  for (const Change& change : log_) Apply(change);
  log_.clear();
}

void FakeDiskStore::SyncDirectory(const std::string& directory) {
  const auto covered = [&](const Change& change) { return manner_ == DiskManner::kJournal || DirectoryOf(change.path) == directory; };
  for (const Change& change : log_) {
    if (covered(change)) Apply(change);
  }
  std::erase_if(log_, covered);
}

std::vector<std::string> FakeDiskStore::List(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& [path, node] : entries_) {
    if (DirectoryOf(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  for (const std::string& path : directories_) {
    if (path != directory && DirectoryOf(path) == directory) names.push_back(path.substr(directory.size() + 1));
  }
  return names;
}

void FakeDiskStore::KeepSome(const std::function<uint64_t(uint64_t)>& below) {
  if (manner_ == DiskManner::kJournal) {
    size_t kept = below(log_.size() + 1);
    while (kept < log_.size() && log_[kept].joined) ++kept;
    for (size_t i = 0; i < kept; ++i) Apply(log_[i]);
  } else {
    std::map<std::string, std::vector<size_t>> slots;
    for (size_t i = 0; i < log_.size(); ++i) slots[log_[i].path].push_back(i);
    for (const auto& [path, changes] : slots) {
      if (const uint64_t kept = below(changes.size() + 1); kept > 0) Apply(log_[changes[kept - 1]]);
    }
  }
  log_.clear();
}

std::string FakeDiskStore::WhatIsLeft(const Node& node, const std::function<uint64_t(uint64_t)>& below) const {
  if (manner_ == DiskManner::kFat && !node.synced_here && below(2) == 0) return "";
  const std::string& written = node.content;
  const std::string& durable = node.durable;
  if (written == durable) return durable;
  std::string left;
  const size_t shorter = std::min(written.size(), durable.size());
  const size_t longer = std::max(written.size(), durable.size());
  const uint64_t choice = below(4);
  left.resize(choice == 0 ? durable.size() : choice == 1 ? written.size() : shorter + below(longer - shorter + 1));
  for (size_t at = 0; at < left.size(); at += kSectorBytes) {
    const size_t size = std::min(kSectorBytes, left.size() - at);
    const auto copy = [&](const std::string& from) {
      if (at < from.size()) from.copy(left.data() + at, size, at);
    };
    if (at < durable.size()) {
      copy(durable);
      // What was appended to a durable sector goes with its beginning, which is the same.
      if (below(2) == 0) copy(written);
    } else if (const uint64_t source = below(4); source < 2) {
      copy(written);
    } else if (source == 2) {
      copy(freed_);
    }
  }
  return left;
}

void FakeDiskStore::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  KeepSome(below);
  entries_.clear();
  // Two entries of one file are two files from now on.
  for (auto& [path, node] : durable_entries_) {
    const auto copy = std::make_shared<Node>();
    copy->content = WhatIsLeft(*node, below);
    copy->durable = copy->content;
    copy->synced_here = true;
    entries_[path] = copy;
  }
  durable_entries_ = entries_;
}

}  // namespace hardlinkfs
