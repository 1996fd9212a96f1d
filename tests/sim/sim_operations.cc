// The operations on names. Each is made on the volume and, when acknowledged, on the model.
#include <fcntl.h>

#include <cerrno>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {

const std::vector<SimRun::Weighted>& SimRun::Operations() {
  static const std::vector<Weighted> kOperations = {
      {&SimRun::MakeFile, 12, Syncs::kNever},     {&SimRun::MakeFileInUnseen, 2, Syncs::kMay},
      {&SimRun::MakeNode, 3, Syncs::kNever},      {&SimRun::MakeDirectory, 6, Syncs::kNever},
      {&SimRun::MakeTemporary, 2, Syncs::kNever}, {&SimRun::Link, 6, Syncs::kNever},
      {&SimRun::Unlink, 8, Syncs::kNever},        {&SimRun::RemoveDirectory, 3, Syncs::kNever},
      {&SimRun::Rename, 12, Syncs::kNever},       {&SimRun::ReplaceByRename, 6, Syncs::kNever},
      {&SimRun::SaveByRename, 3, Syncs::kNever},  {&SimRun::LookUp, 2, Syncs::kNever},
      {&SimRun::List, 2, Syncs::kNever},          {&SimRun::UseRemovedDirectory, 1, Syncs::kNever},
      {&SimRun::Write, 13, Syncs::kNever},        {&SimRun::Truncate, 3, Syncs::kNever},
      {&SimRun::Release, 6, Syncs::kNever},       {&SimRun::Forget, 2, Syncs::kNever},
      {&SimRun::SetAttributes, 4, Syncs::kNever}, {&SimRun::SetXattr, 3, Syncs::kNever},
      {&SimRun::SyncFile, 5, Syncs::kMay},        {&SimRun::SyncDirectory, 3, Syncs::kMay},
      {&SimRun::SyncAll, 2, Syncs::kMay},         {&SimRun::Persist, 2, Syncs::kMay},
      {&SimRun::Settle, 7, Syncs::kMay},          {&SimRun::Reclaim, 6, Syncs::kMay},
      {&SimRun::FailSync, 1, Syncs::kNever},
  };
  return kOperations;
}

void SimRun::Operate() {
  static const uint64_t kTotal = [] {
    uint64_t total = 0;
    for (const Weighted& weighted : Operations()) total += weighted.weight;
    return total;
  }();
  machine_.clock().Advance(std::chrono::milliseconds(700));
  uint64_t choice = dice_.Below(kTotal);
  const uint64_t syncs = syncs_;
  log_synced_ = false;
  for (const Weighted& weighted : Operations()) {
    if (choice >= weighted.weight) {
      choice -= weighted.weight;
      continue;
    }
    (this->*weighted.operation)();
    Done();
    if (syncs_ != syncs && weighted.syncs == Syncs::kNever && durability_ == Durability::kOnRequest)
      Fail("it synced, and nobody had asked");
    return;
  }
}

// After a failed sync nothing is changed any more; what is acknowledged all the same has to be there.
void SimRun::OperateOnFailedDisk() {
  machine_.clock().Advance(std::chrono::milliseconds(700));
  log_synced_ = false;
  (this->*dice_.Pick<void (SimRun::*)()>({&SimRun::SyncFile, &SimRun::SyncDirectory, &SimRun::SyncAll, &SimRun::WriteOpen}))();
  Done();
}

void SimRun::CreateIn(InodeId directory, const std::string& name, int flags) {
  if (!HasRoom()) return;
  const Caller caller = PickCaller();
  const uint32_t mode = dice_.Pick<uint32_t>({0600, 0640, 0644});
  Trace("create ", directory, " : ", name, (flags & O_SYNC) != 0 ? " O_SYNC" : "");
  const auto made = machine_.vfs().Create(caller, directory, name, mode, flags);
  // Without O_EXCL the kernel is to look again.
  if (!Acknowledged(made.code(), now_.names[directory].contains(name) ? ESTALE : 0)) return;
  const InodeId inode = made->attributes.inode;
  Trace("  is ", inode);
  if (!ever_.insert(inode).second) Fail(Show(inode) + " was given out before");
  now_.names[directory][name] = inode;
  now_.nodes[directory].mtime.reset();
  now_.nodes[inode] = {.mode = mode, .uid = caller.uid, .gid = caller.gid, .nlink = 1};
  files_[inode].handles[0] = 1;
  ++lookups_[inode];
  CheckAttributes(inode);
}

// With O_SYNC the name is durable when it returns, so that this one may sync.
void SimRun::MakeFile() { CreateIn(PickDirectory(), PickName(), durability_ == Durability::kOnRequest ? O_RDWR : O_RDWR | O_SYNC); }

// In a directory that nobody has looked into in this session; that it is there may be durable before it is listed.
void SimRun::MakeFileInUnseen() {
  for (const auto& [directory, names] : now_.names) {
    if (visited_.contains(directory)) continue;
    const InodeId unseen = directory;
    if (dice_.Chance(50)) SyncDirectory();
    Done();
    Visit(unseen);
    if (!dead_ && !DiskHasFailed()) CreateIn(unseen, PickName(), O_RDWR);
    return;
  }
}

void SimRun::MakeTemporary() {
  if (!HasRoom()) return;
  const Caller caller = PickCaller();
  Trace("tmpfile");
  const auto made = machine_.vfs().MakeTemporary(caller, PickDirectory(), 0640, O_RDWR);
  if (!Acknowledged(made.code(), 0)) return;
  const InodeId inode = made->attributes.inode;
  Trace("  is ", inode);
  if (!ever_.insert(inode).second) Fail(Show(inode) + " was given out before");
  now_.nodes[inode] = {.mode = 0640, .uid = caller.uid, .gid = caller.gid, .nlink = 0};
  files_[inode].handles[0] = 1;
  files_[inode].linkable = true;
  ++lookups_[inode];
}

void SimRun::MakeIn(InodeId directory, const std::string& name, const NodeRequest& request) {
  if (!HasRoom()) return;
  const Caller caller = PickCaller();
  Trace("make a ", static_cast<int>(request.type), " ", directory, " : ", name);
  const auto made = machine_.vfs().MakeNode(caller, directory, name, request);
  if (!Acknowledged(made.code(), now_.names[directory].contains(name) ? EEXIST : 0)) return;
  Trace("  is ", made->inode);
  if (!ever_.insert(made->inode).second) Fail(Show(made->inode) + " was given out before");
  now_.names[directory][name] = made->inode;
  now_.nodes[directory].mtime.reset();
  now_.nodes[made->inode] = {.type = request.type,
                             .mode = request.mode,
                             .uid = caller.uid,
                             .gid = caller.gid,
                             .nlink = 1,
                             .rdev = request.rdev,
                             .target = request.target};
  if (request.type == FileType::kRegular) files_[made->inode];
  if (request.type == FileType::kDirectory) {
    now_.names[made->inode];
    visited_.insert(made->inode);
  }
  Counted(made->inode);
}

void SimRun::MakeNode() {
  switch (dice_.Below(4)) {
    case 0:
      return MakeIn(PickDirectory(), PickName(), {.type = FileType::kSymlink, .mode = 0777, .target = "to " + std::to_string(dice_.Any())});
    case 1:
      return MakeIn(PickDirectory(), PickName(), {.type = FileType::kFifo, .mode = 0600});
    case 2:
      return MakeIn(PickDirectory(), PickName(), {.type = FileType::kBlockDevice, .mode = 0660, .rdev = 1 + dice_.Below(1000)});
    default:
      return MakeIn(PickDirectory(), PickName(), {.type = FileType::kRegular, .mode = 0640});
  }
}

void SimRun::MakeDirectory() {
  MakeIn(PickDirectory(), PickName(), {.type = FileType::kDirectory, .mode = dice_.Pick<uint32_t>({0700, 0750})});
}

void SimRun::Link() {
  const InodeId inode = PickNode();
  if (inode == InodeId{0} || IsDirectory(inode)) return;
  const bool unnamed = now_.nodes[inode].nlink == 0;
  if (unnamed && !files_[inode].linkable) return;
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("link ", inode, " as ", directory, " : ", name);
  const auto linked = machine_.vfs().Link(PickCaller(), inode, directory, name);
  if (!Acknowledged(linked.code(), now_.names[directory].contains(name) ? EEXIST : 0)) return;
  now_.names[directory][name] = inode;
  now_.nodes[directory].mtime.reset();
  ++now_.nodes[inode].nlink;
  if (unnamed) files_[inode].linkable = false;
  Counted(inode);
  CheckAttributes(inode);
}

void SimRun::LoseName(InodeId directory, const std::string& name) {
  const InodeId inode = now_.names[directory][name];
  now_.names[directory].erase(name);
  now_.nodes[directory].mtime.reset();
  if (!IsDirectory(inode)) --now_.nodes[inode].nlink;
}

void SimRun::Unlink() {
  const auto [directory, name] = PickEntry();
  if (name.empty() || IsDirectory(now_.names[directory][name])) return;
  Trace("unlink ", directory, " : ", name);
  if (Acknowledged(machine_.vfs().Unlink(PickCaller(), directory, name).code(), 0)) LoseName(directory, name);
}

void SimRun::RemoveDirectory() {
  const auto [directory, name] = PickEntry();
  if (name.empty() || !IsDirectory(now_.names[directory][name])) return;
  const InodeId inode = now_.names[directory][name];
  Visit(inode);
  const bool opened = dice_.Chance(30) && machine_.vfs().Lookup(directory, name).ok();
  Trace("rmdir ", directory, " : ", name, opened ? ", which is open" : "");
  const bool removed =
      Acknowledged(machine_.vfs().RemoveDirectory(PickCaller(), directory, name).code(), now_.names[inode].empty() ? 0 : ENOTEMPTY);
  if (opened) ++lookups_[inode];
  if (!removed) return;
  LoseName(directory, name);
  now_.names.erase(inode);
  now_.nodes.erase(inode);
  if (opened) removed_.insert(inode);
}

// Somebody still has it open, or works in it.
void SimRun::UseRemovedDirectory() {
  if (removed_.empty()) return;
  const InodeId directory = *removed_.begin();
  Trace("use the removed ", directory);
  const std::string name = PickName();
  if (dice_.Chance(50)) {
    Acknowledged(machine_.vfs().Create({}, directory, name, 0600, O_RDWR).code(), ENOENT);
  } else {
    Acknowledged(machine_.vfs().MakeNode({}, directory, name, {.type = FileType::kDirectory, .mode = 0700}).code(), ENOENT);
  }
  if (dice_.Chance(50)) return;
  removed_.erase(directory);
  machine_.vfs().Forget(directory, lookups_[directory]);
  lookups_.erase(directory);
}

bool SimRun::MayMove(InodeId inode, InodeId to) const { return !IsDirectory(inode) || !IsBelow(inode, to); }

void SimRun::RenameTo(InodeId from, const std::string& name, InodeId to, const std::string& new_name, RenameMode mode) {
  const InodeId inode = now_.names[from][name];
  const auto target = now_.names[to].find(new_name);
  const bool exists = target != now_.names[to].end();
  const InodeId other = exists ? target->second : InodeId{0};
  const bool exchange = mode == RenameMode::kExchange;
  Trace(exchange ? "exchange " : "rename ", from, " : ", name, " to ", to, " : ", new_name,
        mode == RenameMode::kWhiteout ? " whiteout" : "");
  const Caller caller = PickCaller();
  const int expected = exists && mode == RenameMode::kNoReplace ? EEXIST : !exists && exchange ? ENOENT : 0;
  if (!Acknowledged(machine_.vfs().Rename(caller, from, name, to, new_name, mode).code(), expected)) return;
  if (other == inode) return;  // two names of one file: nothing happens
  if (exists && !exchange) LoseName(to, new_name);
  if (exists && !exchange && IsDirectory(other)) {
    now_.names.erase(other);
    now_.nodes.erase(other);
  }
  now_.names[from].erase(name);
  now_.names[to][new_name] = inode;
  now_.nodes[from].mtime.reset();
  now_.nodes[to].mtime.reset();
  if (exchange) now_.names[from][name] = other;
  if (exists) takeovers_.insert(inode);
  if (exchange) takeovers_.insert(other);
  if (mode != RenameMode::kWhiteout) return;
  const auto whiteout = machine_.vfs().Lookup(from, name);
  if (!Acknowledged(whiteout.code(), 0)) return;
  if (!ever_.insert(whiteout->inode).second) Fail("the whiteout " + Show(whiteout->inode) + " was given out before");
  now_.names[from][name] = whiteout->inode;
  now_.nodes[whiteout->inode] = {.type = FileType::kCharacterDevice, .uid = caller.uid, .gid = caller.gid, .nlink = 1};
  Counted(whiteout->inode);
}

void SimRun::Rename() {
  const auto [from, name] = PickEntry();
  if (name.empty()) return;
  const InodeId inode = now_.names[from][name];
  const InodeId to = PickDirectory();
  const std::string new_name = PickName();
  if (!MayMove(inode, to)) return;
  const auto target = now_.names[to].find(new_name);
  if (target == now_.names[to].end()) {
    const bool whiteout = HasRoom() && (from != to || name != new_name) && dice_.Chance(10);
    return RenameTo(from, name, to, new_name,
                    whiteout ? RenameMode::kWhiteout : dice_.Pick<RenameMode>({RenameMode::kReplace, RenameMode::kNoReplace}));
  }
  const InodeId other = target->second;
  if (dice_.Chance(40)) {
    if (MayMove(other, from)) RenameTo(from, name, to, new_name, RenameMode::kExchange);
    return;
  }
  if (dice_.Chance(10)) return RenameTo(from, name, to, new_name, RenameMode::kNoReplace);
  // Replacing is ReplaceByRename's; here directories replace empty directories.
  if (!IsDirectory(inode) || !IsDirectory(other) || other == inode) return;
  Visit(other);
  if (now_.names[other].empty()) RenameTo(from, name, to, new_name, RenameMode::kReplace);
}

// Most often without any fsync.
void SimRun::ReplaceByRename() {
  const auto [from, name] = PickEntry();
  const auto [to, new_name] = PickEntry();
  if (name.empty() || new_name.empty()) return;
  const InodeId inode = now_.names[from][name];
  if (IsDirectory(inode) || IsDirectory(now_.names[to][new_name])) return;
  RenameTo(from, name, to, new_name, RenameMode::kReplace);
}

// As editors do: something whole is put in place of another.
void SimRun::SaveByRename() {
  const auto [directory, name] = PickEntry();
  if (name.empty() || IsDirectory(now_.names[directory][name])) return;
  const std::string temporary = PickName();
  if (!HasRoom() || now_.names[directory].contains(temporary)) return;
  CreateIn(directory, temporary, O_RDWR);
  Done();
  const auto made = now_.names[directory].find(temporary);
  if (dead_ || made == now_.names[directory].end()) return;
  const InodeId inode = made->second;
  for (uint64_t i = dice_.Below(3); !dead_ && i > 0; --i) WriteTo(inode);
  if (!dead_ && dice_.Chance(80)) ReleaseOf(inode, 0);
  if (!dead_ && !DiskHasFailed()) RenameTo(directory, temporary, directory, name, RenameMode::kReplace);
}

void SimRun::LookUp() {
  const InodeId directory = PickDirectory();
  const std::string name = PickName();
  Trace("lookup ", directory, " : ", name);
  const auto found = machine_.vfs().Lookup(directory, name);
  const auto expected = now_.names[directory].find(name);
  if (!Acknowledged(found.code(), expected == now_.names[directory].end() ? ENOENT : 0)) return;
  if (found->inode != expected->second) Fail(name + " is " + Show(found->inode) + ", expected was " + Show(expected->second));
  Counted(found->inode);
  CheckAttributes(found->inode);
}

void SimRun::List() {
  const InodeId directory = PickDirectory();
  Trace("list ", directory);
  const size_t names = now_.names[directory].size();
  visited_.erase(directory);
  Visit(directory);
  if (now_.names[directory].size() != names) Fail(Show(directory) + " shows what was not there before");
}

}  // namespace hardlinkfs
