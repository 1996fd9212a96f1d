// FakeDiskStore: what is on a FakeDisk, and what of it is durable. Knows nothing of RocksDB. Not thread-safe.
#ifndef HARDLINKFS_TESTS_FAKES_FAKE_DISK_STORE_H_
#define HARDLINKFS_TESTS_FAKES_FAKE_DISK_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/fake_disk.h"

namespace hardlinkfs {

class FakeDiskStore {
 public:
  struct Node {
    std::string content;
    std::string durable;
    bool synced_here = false;  // since it got its present entry
  };
  using NodeRef = std::shared_ptr<Node>;  // an open file outlives its entry

  explicit FakeDiskStore(DiskManner manner) : manner_(manner) {}

  NodeRef Find(const std::string& path) const;
  // An existing one is emptied.
  NodeRef Create(const std::string& path);
  bool Remove(const std::string& path);
  bool Rename(const std::string& from, const std::string& to);
  void SyncFile(const NodeRef& node);
  void SyncDirectory(const std::string& directory);
  void MakeDirectory(const std::string& path) { directories_.insert(path); }
  void RemoveDirectory(const std::string& path) { directories_.erase(path); }
  bool IsDirectory(const std::string& path) const { return directories_.contains(path); }
  std::vector<std::string> List(const std::string& directory) const;

  void CutPower(const std::function<uint64_t(uint64_t)>& below);

 private:
  struct Change {
    std::string path;
    NodeRef node;         // none: removed
    bool joined = false;  // with the change before, where there is a journal
  };

  void Note(Change change);
  void Apply(const Change& change);
  void KeepSome(const std::function<uint64_t(uint64_t)>& below);
  std::string WhatIsLeft(const Node& node, const std::function<uint64_t(uint64_t)>& below) const;

  const DiskManner manner_;
  std::map<std::string, NodeRef> entries_;
  std::map<std::string, NodeRef> durable_entries_;
  std::set<std::string> directories_;  // always durable: who makes one syncs the one above, which is not in here
  std::vector<Change> log_;
  std::string freed_;  // the content of the log that was removed last: what new blocks may still hold
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_FAKE_DISK_STORE_H_
