#include "tests/faults/stage.h"

#include <fcntl.h>

#include <cerrno>

namespace hardlinkfs {
namespace {

std::string_view NameOf(EngineCall call) {
  switch (call) {
    case EngineCall::kGet:
      return "get";
    case EngineCall::kScan:
      return "scan";
    case EngineCall::kNext:
      return "next row";
    case EngineCall::kCommit:
      return "commit";
    case EngineCall::kSync:
      return "sync";
  }
  return "";
}

// An engine knows only some of the ways to fail.
int OfTheEngine(EngineCall call, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  const bool writes = call == EngineCall::kCommit || call == EngineCall::kSync;
  return writes && full ? ENOSPC : EIO;
}

}  // namespace

Stage::Stage(const MachineOptions& options) : machine_(options) {
  machine_.backing().SetWritesHalf(true);
  machine_.backing().SetFaultHook([this](BackingCall call, const std::string& name) {
    const bool removes = call == BackingCall::kRemoveFile || call == BackingCall::kRemoveDirectory;
    if (vanished_) return EIO;
    vanished_ = vanish_after_ == call;
    return Enter(Called::kBacking, "call " + std::to_string(static_cast<int>(call)) + " of the backing (" + name + ")", removes);
  });
  machine_.engine_faults().SetFaultHook([this](EngineCall call) {
    if (vanished_) return EIO;
    const int code = Enter(Called::kEngine, std::string(NameOf(call)) + " of the engine", false);
    return code == 0 ? 0 : OfTheEngine(call, code);
  });
}

void Stage::VanishAfter(BackingCall call) { vanish_after_ = call; }

void Stage::Reappear() {
  vanish_after_.reset();
  vanished_ = false;
}

int Stage::Enter(Called called, const std::string& what, bool removes) {
  if (!armed_) return 0;
  ++calls_;
  of_engine_.push_back(called == Called::kEngine);
  const bool fails = calls_ == fault_.call || (fault_.failing == Failing::kFromHere && fault_.call > 0 && calls_ > fault_.call);
  if (!fails) return 0;
  if (failed_.empty()) failed_ = what;
  removal_failed_ = removal_failed_ || removes;
  return fault_.code;
}

void Stage::Arm(const Fault& fault) {
  fault_ = fault;
  armed_ = true;
  calls_ = 0;
  of_engine_.clear();
}

uint64_t Stage::Disarm() {
  armed_ = false;
  return calls_;
}

void Stage::Know(const std::string& path, InodeId inode) {
  known_[path] = inode;
  ++lookups_[inode];
}

void Stage::Forget() {
  for (const auto& [inode, lookups] : lookups_) vfs().Forget(inode, lookups);
  ForgetAll();
}

void Stage::ForgetAll() {
  lookups_.clear();
  known_ = {{"", kRootInode}};
}

int Stage::Look(const std::string& path) {
  if (known_.contains(path)) return 0;
  const Parent parent = ParentOf(path);
  if (parent.code != 0) return parent.code;
  const auto found = vfs().Lookup(parent.directory, parent.name);
  if (found.ok()) Know(path, found->inode);
  return found.code();
}

Stage::Parent Stage::ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == path.npos ? "" : path.substr(0, slash);
  const int code = Look(directory);
  if (code != 0) return {code, {}, {}};
  return {0, Inode(directory), slash == path.npos ? path : path.substr(slash + 1)};
}

int Stage::Make(const std::string& path, const NodeRequest& request) {
  const Parent parent = ParentOf(path);
  if (parent.code != 0) return parent.code;
  const auto made = vfs().MakeNode(root_, parent.directory, parent.name, request);
  if (made.ok()) Know(path, made->inode);
  return made.code();
}

int Stage::Create(const std::string& path, int open_flags) {
  const Parent parent = ParentOf(path);
  if (parent.code != 0) return parent.code;
  const auto made = vfs().Create(root_, parent.directory, parent.name, 0644, open_flags);
  if (made.ok()) Know(path, made->attributes.inode);
  return made.code();
}

int Stage::File(const std::string& path, const std::string& content) {
  if (const int code = Create(path); code != 0) return code;
  const int written = content.empty() ? 0 : Write(path, content);
  vfs().Release(Inode(path), O_RDWR);
  return written;
}

int Stage::Temporary(const std::string& directory, const std::string& as) {
  if (const int code = Look(directory); code != 0) return code;
  const auto made = vfs().MakeTemporary(root_, Inode(directory), 0644, O_RDWR);
  if (made.ok()) Know(as, made->attributes.inode);
  return made.code();
}

int Stage::Link(const std::string& path, const std::string& to) {
  if (const int code = Look(path); code != 0) return code;
  const Parent parent = ParentOf(to);
  if (parent.code != 0) return parent.code;
  const auto linked = vfs().Link(root_, Inode(path), parent.directory, parent.name);
  if (linked.ok()) Know(to, linked->inode);
  return linked.code();
}

int Stage::Unlink(const std::string& path) {
  const Parent parent = ParentOf(path);
  return parent.code != 0 ? parent.code : vfs().Unlink(root_, parent.directory, parent.name).code();
}

int Stage::Rmdir(const std::string& path) {
  const Parent parent = ParentOf(path);
  return parent.code != 0 ? parent.code : vfs().RemoveDirectory(root_, parent.directory, parent.name).code();
}

int Stage::Rename(const std::string& path, const std::string& to, RenameMode mode) {
  const Parent parent = ParentOf(path);
  if (parent.code != 0) return parent.code;
  const Parent new_parent = ParentOf(to);
  if (new_parent.code != 0) return new_parent.code;
  return vfs().Rename(root_, parent.directory, parent.name, new_parent.directory, new_parent.name, mode).code();
}

int Stage::Set(const std::string& path, const AttributeChange& change) {
  const int code = Look(path);
  return code != 0 ? code : vfs().SetAttributes(root_, Inode(path), change).code();
}

int Stage::SetXattr(const std::string& path, const std::string& name, const std::string& value) {
  const int code = Look(path);
  return code != 0 ? code : vfs().SetXattr(root_, Inode(path), name, value, XattrMode::kAny).code();
}

int Stage::RemoveXattr(const std::string& path, const std::string& name) {
  const int code = Look(path);
  return code != 0 ? code : vfs().RemoveXattr(root_, Inode(path), name).code();
}

int Stage::Open(const std::string& path, int open_flags) {
  const int code = Look(path);
  return code != 0 ? code : vfs().Open({}, Inode(path), open_flags).code();
}

int Stage::Write(const std::string& path, const std::string& bytes, uint64_t offset) {
  return vfs().Write(Inode(path), bytes, offset, true).code();
}

int Stage::Release(const std::string& path, int open_flags) {
  vfs().Release(Inode(path), open_flags);
  return 0;
}

int Stage::Sync(const std::string& path) { return vfs().Sync(Inode(path), SyncMode::kAll).code(); }

int Stage::List(const std::string& path) {
  if (const int code = Look(path); code != 0) return code;
  DirectoryStream stream;
  return vfs().ReadDirectory(Inode(path), stream, 0, ListingMode::kNames, [](const DirectoryEntry&) { return true; }).code();
}

int Stage::Stat(const std::string& path) {
  const int code = Look(path);
  return code != 0 ? code : vfs().GetAttributes(Inode(path)).code();
}

void Stage::BareFile(const BackingDirectoryRef& in, const std::string& name, const std::string& content) {
  MemoryBacking& backing = machine_.backing();
  auto file = backing.CreateFile(in, BackingName(name), 0644);
  if (!file.ok()) file = backing.OpenFile(in, BackingName(name));
  if (file.ok() && (*file)->Truncate(0).ok()) static_cast<void>((*file)->Write(content, 0));
}

BackingDirectoryRef Stage::BareDirectory(const std::string& name) {
  MemoryBacking& backing = machine_.backing();
  static_cast<void>(backing.MakeDirectory(backing.root(), BackingName(name), 0755));
  return *backing.OpenDirectory(backing.root(), BackingName(name));
}

}  // namespace hardlinkfs
