// The operations of a run. Each is made on the volume and, when acknowledged, on the model.
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr size_t kMostNodes = 30;

}  // namespace

void SimRun::Operate() {
  struct Weighted {
    void (SimRun::*operation)();
    unsigned weight;
  };
  static const std::vector<Weighted> kOperations = {
      {&SimRun::MakeFile, 12},       {&SimRun::MakeDirectory, 6}, {&SimRun::MakeSymlink, 2},
      {&SimRun::MakeTemporary, 2},   {&SimRun::Link, 6},          {&SimRun::Unlink, 8},
      {&SimRun::RemoveDirectory, 3}, {&SimRun::Rename, 12},       {&SimRun::ReplaceByRename, 8},
      {&SimRun::Write, 14},          {&SimRun::Release, 6},       {&SimRun::SyncFile, 5},
      {&SimRun::SyncDirectory, 3},   {&SimRun::SyncAll, 2},       {&SimRun::Persist, 2},
      {&SimRun::Settle, 6},          {&SimRun::Reclaim, 5},
  };
  machine_.clock().Advance(std::chrono::milliseconds(700));
  uint64_t total = 0;
  for (const Weighted& weighted : kOperations) total += weighted.weight;
  uint64_t choice = dice_.Below(total);
  for (const Weighted& weighted : kOperations) {
    if (choice < weighted.weight) return (this->*weighted.operation)();
    choice -= weighted.weight;
  }
}

InodeId SimRun::PickDirectory() {
  auto at = names_.begin();
  std::advance(at, static_cast<ptrdiff_t>(dice_.Below(names_.size())));
  return at->first;
}

std::string SimRun::PickName() { return dice_.Pick<std::string>({"a", "b", "c", "d", "A", "e:", "f"}); }

std::pair<InodeId, std::string> SimRun::PickEntry() {
  const InodeId directory = PickDirectory();
  const auto& names = names_[directory];
  if (names.empty()) return {directory, ""};
  auto at = names.begin();
  std::advance(at, static_cast<ptrdiff_t>(dice_.Below(names.size())));
  return {directory, at->first};
}

InodeId SimRun::PickFile() {
  if (files_.empty()) return InodeId{0};
  auto at = files_.begin();
  std::advance(at, static_cast<ptrdiff_t>(dice_.Below(files_.size())));
  return at->first;
}

bool SimRun::IsBelow(InodeId directory, InodeId below) const {
  if (directory == below) return true;
  for (const auto& [name, inode] : names_.at(directory)) {
    if (names_.contains(inode) && IsBelow(inode, below)) return true;
  }
  return false;
}

bool SimRun::Acknowledged(int code, int expected) {
  if (dead_) return false;
  if (code != expected) Fail(std::string("ends with ") + std::strerror(code) + ", expected was " + std::strerror(expected));
  return code == 0;
}

void SimRun::Lose(InodeId inode) { --files_[inode].nlink; }

void SimRun::MakeFile() {
  if (files_.size() + names_.size() > kMostNodes) return;
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("create #" + std::to_string(Raw(directory)) + " : " + name);
  const auto made = machine_.vfs().Create({}, directory, name, 0640, O_RDWR);
  if (!Acknowledged(made.code(), names_[directory].contains(name) ? EEXIST : 0)) return;
  names_[directory][name] = made->attributes.inode;
  files_[made->attributes.inode] = {.nlink = 1, .handles = 1};
  Trace("  is #" + std::to_string(Raw(made->attributes.inode)));
}

void SimRun::MakeTemporary() {
  if (files_.size() + names_.size() > kMostNodes) return;
  Trace("tmpfile");
  const auto made = machine_.vfs().MakeTemporary({}, PickDirectory(), 0640, O_RDWR);
  if (!Acknowledged(made.code(), 0)) return;
  files_[made->attributes.inode] = {.nlink = 0, .handles = 1, .linkable = true};
  Trace("  is #" + std::to_string(Raw(made->attributes.inode)));
}

void SimRun::MakeSymlink() {
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("symlink #" + std::to_string(Raw(directory)) + " : " + name);
  const auto made = machine_.vfs().MakeNode({}, directory, name, {.type = FileType::kSymlink, .mode = 0777, .target = "anywhere"});
  if (!Acknowledged(made.code(), names_[directory].contains(name) ? EEXIST : 0)) return;
  names_[directory][name] = made->inode;
  files_[made->inode] = {.type = FileType::kSymlink, .nlink = 1};
}

void SimRun::MakeDirectory() {
  if (files_.size() + names_.size() > kMostNodes) return;
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("mkdir #" + std::to_string(Raw(directory)) + " : " + name);
  const auto made = machine_.vfs().MakeNode({}, directory, name, {.type = FileType::kDirectory, .mode = 0750});
  if (!Acknowledged(made.code(), names_[directory].contains(name) ? EEXIST : 0)) return;
  names_[directory][name] = made->inode;
  names_[made->inode];
  Trace("  is #" + std::to_string(Raw(made->inode)));
}

void SimRun::Link() {
  const InodeId inode = PickFile();
  if (inode == InodeId{0}) return;
  File& file = files_[inode];
  if (file.nlink == 0 && !(file.linkable && file.handles > 0)) return;
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("link #" + std::to_string(Raw(inode)) + " as #" + std::to_string(Raw(directory)) + " : " + name);
  const auto linked = machine_.vfs().Link({}, inode, directory, name);
  if (!Acknowledged(linked.code(), names_[directory].contains(name) ? EEXIST : 0)) return;
  names_[directory][name] = inode;
  ++file.nlink;
  file.linkable = false;
}

void SimRun::Unlink() {
  const auto [directory, name] = PickEntry();
  if (name.empty() || names_.contains(names_[directory][name])) return;
  Trace("unlink #" + std::to_string(Raw(directory)) + " : " + name);
  if (!Acknowledged(machine_.vfs().Unlink({}, directory, name).code(), 0)) return;
  Lose(names_[directory][name]);
  names_[directory].erase(name);
}

void SimRun::RemoveDirectory() {
  const auto [directory, name] = PickEntry();
  if (name.empty() || !names_.contains(names_[directory][name])) return;
  const InodeId inode = names_[directory][name];
  Trace("rmdir #" + std::to_string(Raw(directory)) + " : " + name);
  if (!Acknowledged(machine_.vfs().RemoveDirectory({}, directory, name).code(), names_[inode].empty() ? 0 : ENOTEMPTY)) return;
  names_.erase(inode);
  names_[directory].erase(name);
}

void SimRun::Rename() {
  const auto [from, name] = PickEntry();
  if (name.empty()) return;
  const InodeId inode = names_[from][name];
  const InodeId to = PickDirectory();
  const std::string new_name = PickName();
  if (names_.contains(inode) && IsBelow(inode, to)) return;
  const auto target = names_[to].find(new_name);
  const bool exists = target != names_[to].end();
  const bool exchange = exists && dice_.Chance(40);
  if (exchange && names_.contains(target->second) && IsBelow(target->second, from)) return;
  if (exists && !exchange) {
    // Replacing is ReplaceByRename's; here directories replace empty directories.
    const bool both = names_.contains(inode) && names_.contains(target->second);
    if (!both || !names_[target->second].empty() || target->second == inode) return;
  }
  const InodeId other = exists ? target->second : InodeId{0};
  if (other == inode) return;
  Trace(std::string(exchange ? "exchange #" : "rename #") + std::to_string(Raw(from)) + " : " + name + " to #" + std::to_string(Raw(to)) +
        " : " + new_name);
  const auto mode = exchange ? RenameMode::kExchange : RenameMode::kReplace;
  if (!Acknowledged(machine_.vfs().Rename({}, from, name, to, new_name, mode).code(), 0)) return;
  if (exchange) {
    names_[from][name] = other;
    names_[to][new_name] = inode;
    takeovers_.insert({inode, other});
    return;
  }
  if (exists) names_.erase(other);
  names_[from].erase(name);
  names_[to][new_name] = inode;
}

// As editors do: something whole is put in place of another, most often without any fsync.
void SimRun::ReplaceByRename() {
  const auto [from, name] = PickEntry();
  const auto [to, new_name] = PickEntry();
  if (name.empty() || new_name.empty()) return;
  const InodeId inode = names_[from][name];
  const InodeId target = names_[to][new_name];
  if (inode == target || names_.contains(inode) || names_.contains(target)) return;
  Trace("replace #" + std::to_string(Raw(to)) + " : " + new_name + " by #" + std::to_string(Raw(from)) + " : " + name);
  if (!Acknowledged(machine_.vfs().Rename({}, from, name, to, new_name, RenameMode::kReplace).code(), 0)) return;
  Lose(target);
  names_[from].erase(name);
  names_[to][new_name] = inode;
  takeovers_.insert(inode);
}

void SimRun::Write() {
  const InodeId inode = PickFile();
  if (inode == InodeId{0} || files_[inode].type != FileType::kRegular) return;
  File& file = files_[inode];
  if (file.handles == 0) {
    if (file.nlink == 0) return;
    Trace("open #" + std::to_string(Raw(inode)));
    if (!Acknowledged(machine_.vfs().Open(inode, O_RDWR).code(), 0)) return;
    ++file.handles;
  }
  Content next = file.history.back();
  if (dice_.Chance(20)) {
    next.size = dice_.Below(2) * kPageBytes;
    for (size_t page = 0; page < kPages; ++page) {
      if (page * kPageBytes >= next.size) next.stamps[page] = 0;
    }
    Trace("truncate #" + std::to_string(Raw(inode)) + " to " + std::to_string(next.size));
    file.history.push_back(next);  // also when it is not acknowledged, it may have been done
    Acknowledged(machine_.vfs().SetAttributes({}, inode, {.size = next.size}).code(), 0);
    return;
  }
  const size_t page = dice_.Below(kPages);
  next.stamps[page] = ++last_stamp_;
  next.size = std::max<uint64_t>(next.size, (page + 1) * kPageBytes);
  std::string bytes(kPageBytes, static_cast<char>('a' + last_stamp_ % 26));
  std::memcpy(bytes.data(), &last_stamp_, sizeof last_stamp_);
  Trace("write #" + std::to_string(Raw(inode)) + " page " + std::to_string(page) + " stamp " + std::to_string(last_stamp_));
  file.history.push_back(next);
  Acknowledged(machine_.vfs().Write(inode, bytes, page * kPageBytes, false).code(), 0);
}

void SimRun::Release() {
  const InodeId inode = PickFile();
  if (inode == InodeId{0} || files_[inode].handles == 0) return;
  Trace("release #" + std::to_string(Raw(inode)));
  machine_.vfs().Release(inode, O_RDWR);
  if (!dead_) --files_[inode].handles;
}

void SimRun::SyncFile() {
  const InodeId inode = PickFile();
  if (inode == InodeId{0} || files_[inode].handles == 0) return;
  Trace("fsync #" + std::to_string(Raw(inode)));
  if (!Acknowledged(machine_.vfs().Sync(inode, dice_.Chance(50) ? SyncMode::kAll : SyncMode::kData).code(), 0)) return;
  files_[inode].floor = files_[inode].history.size() - 1;
  if (durable_names_ != names_) Fail("fsync returned, and the log was not synced");
}

void SimRun::SyncDirectory() {
  Trace("fsyncdir");
  if (!Acknowledged(machine_.vfs().SyncDirectory(PickDirectory()).code(), 0)) return;
  if (durable_names_ != names_) Fail("fsyncdir returned, and the log was not synced");
}

void SimRun::SyncAll() {
  Trace("sync");
  if (!Acknowledged(machine_.vfs().SyncAll().code(), 0)) return;
  for (auto& [inode, file] : files_) {
    // What nobody has a name or a handle for need not be kept.
    if (file.nlink > 0) file.floor = file.history.size() - 1;
  }
  if (durable_names_ != names_) Fail("sync returned, and the log was not synced");
}

void SimRun::Persist() {
  Trace("the engine writes its memory out");
  machine_.engine().Persist();
}

void SimRun::Settle() {
  Trace("settle");
  Acknowledged(machine_.volume().SettleSome(1 + dice_.Below(8)).code(), 0);
}

void SimRun::Reclaim() {
  Trace("reclaim");
  for (auto& [inode, file] : files_) {
    if (file.nlink == 0 && file.handles == 0) file.linkable = false;
  }
  Acknowledged(machine_.volume().ReclaimSome(1 + dice_.Below(8)).code(), 0);
}

}  // namespace hardlinkfs
