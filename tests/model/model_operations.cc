// The operations of a ModelRun: each picks what to do, traces it, does it to both, and compares how it ended and what it touched.
#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>

#include "store/base/acl.h"
#include "tests/model/model_run.h"

namespace hardlinkfs {
namespace {

const char* Word(RenameMode mode) {
  switch (mode) {
    case RenameMode::kReplace:
      return "replace";
    case RenameMode::kNoReplace:
      return "noreplace";
    case RenameMode::kExchange:
      return "exchange";
    case RenameMode::kWhiteout:
    case RenameMode::kWhiteoutNoReplace:
      return "whiteout";
  }
  return "";
}

bool Writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

std::string AnAcl(Dice& dice) {
  const auto entry = [&](uint16_t tag, uint32_t id) {
    const auto permissions = static_cast<char>(dice.Below(8));
    std::string bytes{static_cast<char>(tag), 0, permissions, 0};
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(id >> 8 * i & 0xFF));
    return bytes;
  };
  std::string acl{2, 0, 0, 0};
  acl += entry(0x01, kNoAclId);
  const bool extended = dice.Chance(60);
  if (extended) acl += entry(0x02, 1000);
  acl += entry(0x04, kNoAclId);
  if (extended) acl += entry(0x10, kNoAclId);
  acl += entry(0x20, kNoAclId);
  if (dice.Chance(5)) acl.pop_back();
  return acl;
}

}  // namespace

const std::vector<ModelRun::Weighted>& ModelRun::Operations() {
  static const std::vector<Weighted> kOperations = {
      {&ModelRun::MakeNode, 4, Faults::kMay},
      {&ModelRun::MakeDirectory, 8, Faults::kMay},
      {&ModelRun::MakeMany, 1, Faults::kMay},
      {&ModelRun::Create, 10, Faults::kMay},
      {&ModelRun::MakeTemporary, 2, Faults::kMay},
      {&ModelRun::Link, 14, Faults::kMay},
      {&ModelRun::Unlink, 11, Faults::kMay},
      {&ModelRun::RemoveDirectory, 5, Faults::kMay},
      {&ModelRun::Rename, 18, Faults::kMay},
      {&ModelRun::MoveAbout, 6, Faults::kMay},
      {&ModelRun::SetAttributes, 5, Faults::kNever},
      {&ModelRun::ChangeXattr, 4, Faults::kMay},
      {&ModelRun::Open, 4, Faults::kMay},
      {&ModelRun::Release, 6, Faults::kNever},
      {&ModelRun::ReadContent, 2, Faults::kNever},
      {&ModelRun::WriteContent, 8, Faults::kNever},
      {&ModelRun::SyncSomething, 2, Faults::kNever},
      {&ModelRun::Forget, 8, Faults::kNever},
      {&ModelRun::Reclaim, 4, Faults::kMay},
      {&ModelRun::Settle, 4, Faults::kMay},
      {&ModelRun::KillAndRemount, 1, Faults::kNever},
      {&ModelRun::CleanRemount, 1, Faults::kNever},
  };
  return kOperations;
}

void ModelRun::MakeIn(ReferenceNode& directory, FileType type) {
  const std::string name = PickName(directory, 10);
  const ReferenceCaller caller = PickCaller();
  NodeRequest request{.type = type, .mode = static_cast<uint32_t>(dice_.Below(010000))};
  if (type == FileType::kSymlink) request.target = "to " + std::to_string(dice_.Below(1000));
  if (type == FileType::kCharacterDevice) request.rdev = dice_.Below(1000);
  Trace("make type " + std::to_string(static_cast<int>(type)) + " " + Show(directory) + " : " + name);
  const auto made = machine_.vfs().MakeNode(ToCaller(caller), directory.inode, name, request);
  ReferenceNode* node = nullptr;
  if (!Agree(made.code(), [&] { return tree_.Make(caller, directory, name, request, machine_.clock().Now(), node); })) return;
  node->inode = made->inode;
  ++node->lookups;
  ExpectAttributes(*node, *made, "made");
}

void ModelRun::MakeNode() {
  MakeIn(PickDirectory(), dice_.Pick<FileType>({FileType::kSymlink, FileType::kFifo, FileType::kCharacterDevice, FileType::kRegular}));
}

void ModelRun::MakeDirectory() { MakeIn(PickDirectory(), FileType::kDirectory); }

// So that there are always some to settle and to reclaim at once.
void ModelRun::MakeMany() {
  ReferenceNode& directory = PickDirectory();
  for (int i = 0; i < 6; ++i) MakeIn(directory, dice_.Chance(20) ? FileType::kDirectory : FileType::kRegular);
}

void ModelRun::Create() {
  ReferenceNode& directory = PickDirectory();
  const std::string name = PickName(directory, 10);
  const ReferenceCaller caller = PickCaller();
  const NodeRequest request{.type = FileType::kRegular, .mode = static_cast<uint32_t>(dice_.Below(010000))};
  const int flags = dice_.Pick<int>({O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_EXCL});
  Trace("create " + Show(directory) + " : " + name);
  const auto made = machine_.vfs().Create(ToCaller(caller), directory.inode, name, request.mode, flags);
  ReferenceNode* node = nullptr;
  const auto make = [&] {
    const int code = tree_.Make(caller, directory, name, request, machine_.clock().Now(), node);
    return code == EEXIST && (flags & O_EXCL) == 0 ? ESTALE : code;  // the kernel is to look again
  };
  if (!Agree(made.code(), make)) return;
  node->inode = made->attributes.inode;
  ++node->lookups;
  node->handles.push_back(flags & O_ACCMODE);
  ExpectAttributes(*node, made->attributes, "created");
}

void ModelRun::MakeTemporary() {
  ReferenceNode& directory = PickDirectory();
  const ReferenceCaller caller = PickCaller();
  const auto mode = static_cast<uint32_t>(dice_.Below(010000));
  Trace("tmpfile " + Show(directory));
  const auto made = machine_.vfs().MakeTemporary(ToCaller(caller), directory.inode, mode, O_RDWR);
  ReferenceNode* node = nullptr;
  if (!Agree(made.code(), [&] { return tree_.MakeTemporary(caller, directory, mode, machine_.clock().Now(), node); })) return;
  node->inode = made->attributes.inode;
  ++node->lookups;
  node->handles.push_back(O_RDWR);
  ExpectAttributes(*node, made->attributes, "tmpfile");
}

void ModelRun::Link() {
  ReferenceNode& node = PickNode();
  ReferenceNode& directory = PickDirectory();
  const std::string name = PickName(directory, 10);
  Trace("link " + Show(node) + " as " + Show(directory) + " : " + name);
  const auto linked = machine_.vfs().Link({}, node.inode, directory.inode, name);
  if (!Agree(linked.code(), [&] { return tree_.Link(node, directory, name, machine_.clock().Now()); })) return;
  ++node.lookups;
  ExpectAttributes(node, *linked, "linked");
}

void ModelRun::Unlink() {
  ReferenceNode& directory = PickDirectory();
  const std::string name = PickName(directory, 95);
  Trace("unlink " + Show(directory) + " : " + name);
  Agree(machine_.vfs().Unlink({}, directory.inode, name).code(), [&] { return tree_.Unlink(directory, name, machine_.clock().Now()); });
}

void ModelRun::RemoveDirectory() {
  ReferenceNode& directory = PickDirectory();
  std::string name = PickName(directory, 95);
  // Empty ones are what matters.
  for (const auto& [other, child] : directory.names) {
    if (child->is_directory() && child->names.empty() && dice_.Chance(50)) name = other;
  }
  Trace("rmdir " + Show(directory) + " : " + name);
  Agree(machine_.vfs().RemoveDirectory({}, directory.inode, name).code(),
        [&] { return tree_.RemoveDirectory(directory, name, machine_.clock().Now()); });
}

void ModelRun::RenameNames(ReferenceNode& from, const std::string& name, ReferenceNode& to, const std::string& new_name, RenameMode mode) {
  const ReferenceCaller caller = PickCaller();
  Trace("rename " + Show(from) + " : " + name + " to " + Show(to) + " : " + new_name + " " + Word(mode));
  const Status renamed = machine_.vfs().Rename(ToCaller(caller), from.inode, name, to.inode, new_name, mode);
  if (!Agree(renamed.code(), [&] { return tree_.Rename(caller, from, name, to, new_name, mode, machine_.clock().Now()); })) return;
  for (const auto& [directory, changed] : {std::pair(&from, name), std::pair(&to, new_name)}) {
    ReferenceNode* expected = ReferenceTree::Find(*directory, changed);
    const auto found = machine_.vfs().Lookup(directory->inode, changed);
    if (!Agree(found.code(), expected == nullptr ? ENOENT : 0)) continue;
    if (Raw(expected->inode) == 0) expected->inode = found->inode;  // a whiteout tells its number only now
    ++expected->lookups;
    ExpectAttributes(*expected, *found, "renamed");
  }
}

void ModelRun::Rename() {
  ReferenceNode& from = PickDirectory();
  ReferenceNode& to = dice_.Chance(40) ? from : PickDirectory();
  const std::string name = PickName(from, 97);
  const bool wants_target = dice_.Chance(50);
  std::string new_name = PickName(to, wants_target ? 95 : 5);
  if (dice_.Chance(20)) new_name = name;
  const auto mode = dice_.Pick<RenameMode>({RenameMode::kReplace, RenameMode::kReplace, RenameMode::kReplace, RenameMode::kNoReplace,
                                            RenameMode::kExchange, RenameMode::kExchange, RenameMode::kWhiteout});
  RenameNames(from, name, to, new_name, mode);
}

// A directory into another: the moves that settling has the most trouble with.
void ModelRun::MoveAbout() {
  std::vector<ReferenceNode*> directories;
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.is_directory() && node.nlink > 0) directories.push_back(&node);
  }
  ReferenceNode& moved = *dice_.Pick(directories);
  ReferenceNode& to = *dice_.Pick(directories);
  if (&moved == tree_.root()) return;
  const auto name = std::ranges::find_if(moved.parent->names, [&](const auto& entry) { return entry.second == &moved; });
  const std::string new_name = dice_.Chance(50) ? name->first : PickName(to, 30);
  RenameNames(*moved.parent, std::string(name->first), to, new_name, dice_.Chance(25) ? RenameMode::kExchange : RenameMode::kReplace);
}

void ModelRun::SetAttributes() {
  ReferenceNode& node = PickNode();
  AttributeChange change;
  const Timestamp now = machine_.clock().Now();
  switch (dice_.Below(6)) {
    case 0:
      change.mode = static_cast<uint32_t>(dice_.Below(010000));
      break;
    case 1:
      change.uid = static_cast<uint32_t>(dice_.Below(3) * 500);
      if (dice_.Chance(50)) change.gid = static_cast<uint32_t>(dice_.Below(3) * 500);
      change.kill_suidgid = dice_.Chance(50);
      break;
    case 2:
      change.mtime = Timestamp{now.seconds - static_cast<int64_t>(dice_.Below(100'000)), static_cast<uint32_t>(dice_.Below(1'000'000'000))};
      if (dice_.Chance(50)) change.atime = change.mtime;
      break;
    case 3:
      change.atime = Timestamp{now.seconds - static_cast<int64_t>(dice_.Below(100'000)), 5};
      break;
    case 4:
      change.size = dice_.Below(20'000);
      break;
    default:
      change.size = dice_.Below(10);
      change.kill_suidgid = dice_.Chance(50);
      if (dice_.Chance(30)) change.mtime = now;
  }
  Trace("setattr " + Show(node) + (change.mode ? " mode" : "") + (change.uid ? " uid" : "") + (change.atime ? " atime" : "") +
        (change.mtime ? " mtime" : "") + (change.size ? " size " + std::to_string(*change.size) : "") +
        (change.kill_suidgid ? " kill_suidgid" : ""));
  const auto changed = machine_.vfs().SetAttributes({}, node.inode, change);
  if (Agree(changed.code(), [&] { return tree_.SetAttributes(node, change, now); })) ExpectAttributes(node, *changed, "setattr");
}

void ModelRun::ChangeXattr() {
  ReferenceNode& node = PickNode();
  const std::string name = dice_.Pick<std::string>({"user.a", "user.b", "trusted.t", "security.capability", std::string(kAccessAclXattr),
                                                    std::string(kDefaultAclXattr), "system.unknown"});
  if (dice_.Chance(30)) {
    Trace("removexattr " + Show(node) + " " + name);
    Agree(machine_.vfs().RemoveXattr({}, node.inode, name).code(), [&] { return tree_.RemoveXattr(node, name, machine_.clock().Now()); });
    return;
  }
  const ReferenceCaller caller = PickCaller();
  const std::string value = name.starts_with("system.posix") ? AnAcl(dice_) : std::string(dice_.Below(30), 'v');
  const auto mode = dice_.Pick<XattrMode>({XattrMode::kAny, XattrMode::kAny, XattrMode::kCreate, XattrMode::kReplace});
  Trace("setxattr " + Show(node) + " " + name);
  Agree(machine_.vfs().SetXattr(ToCaller(caller), node.inode, name, value, mode).code(),
        [&] { return tree_.SetXattr(caller, node, name, value, mode, machine_.clock().Now()); });
}

void ModelRun::Open() {
  ReferenceNode& node = PickNode();
  const int flags = dice_.Pick<int>({O_RDONLY, O_WRONLY, O_RDWR});
  Trace("open " + Show(node));
  const auto opened = machine_.vfs().Open({}, node.inode, flags);
  if (Agree(opened.code(), node.type == FileType::kRegular ? 0 : EINVAL)) node.handles.push_back(flags);
}

void ModelRun::Release() {
  ReferenceNode& node = PickNode();
  if (node.handles.empty()) return;
  const size_t which = dice_.Below(node.handles.size());
  const int flags = node.handles[which];
  Trace("release " + Show(node));
  machine_.vfs().Release(node.inode, flags);
  node.handles.erase(node.handles.begin() + static_cast<std::ptrdiff_t>(which));
  if (Writes(flags)) node.unseen_write = false;
}

void ModelRun::ReadContent() {
  ReferenceNode& node = PickNode();
  if (node.handles.empty()) return;
  Trace("read " + Show(node));
  CompareContent(node, Show(node));
}

void ModelRun::WriteContent() {
  ReferenceNode* node = &PickNode();
  for (ReferenceNode& other : tree_.nodes()) {
    if (node->handles.empty() && !other.handles.empty() && dice_.Chance(50)) node = &other;
  }
  if (std::ranges::none_of(node->handles, Writes)) return;
  const uint64_t offset = dice_.Chance(70) ? node->content.size() : dice_.Below(9000);
  if (offset > 60'000) return;
  const std::string bytes(1 + dice_.Below(3000), static_cast<char>('a' + dice_.Below(26)));
  const bool kill_suidgid = dice_.Chance(30);
  Trace("write " + Show(*node) + " " + std::to_string(bytes.size()) + " at " + std::to_string(offset));
  if (!Agree(machine_.vfs().Write(node->inode, bytes, offset, kill_suidgid).code(), 0)) return;
  tree_.Write(*node, bytes, offset, kill_suidgid, machine_.clock().Now());
}

void ModelRun::SyncSomething() {
  ReferenceNode& node = PickNode();
  switch (dice_.Below(4)) {
    case 0:
      Trace("sync all");
      Agree(machine_.vfs().SyncAll().code(), 0);
      return;
    case 1:
      Trace("sync catalog");
      Agree(machine_.volume().SyncCatalog().code(), 0);
      return;
    default:
      Trace("fsync " + Show(node));
      if (node.is_directory()) Agree(machine_.vfs().SyncDirectory(node.inode).code(), 0);
      if (node.handles.empty()) return;
      Agree(machine_.vfs().Sync(node.inode, SyncMode::kAll).code(), 0);
      node.unseen_write = false;
  }
}

void ModelRun::Forget() {
  for (int i = 0; i < 4; ++i) {
    ReferenceNode& node = PickNode();
    if (node.lookups == 0) continue;
    const uint64_t count = dice_.Chance(80) ? node.lookups : 1 + dice_.Below(node.lookups);
    Trace("forget " + Show(node) + " " + std::to_string(count));
    machine_.vfs().Forget(node.inode, count);
    node.lookups -= count;
  }
}

void ModelRun::Reclaim() {
  const size_t limit = dice_.Chance(50) ? 1000 : 1 + dice_.Below(4);
  Trace("reclaim " + std::to_string(limit));
  failed_tidying_ = failed_tidying_ || fault_ordered_;
  Agree(machine_.volume().ReclaimSome(limit).code(), 0);
}

void ModelRun::Settle() {
  const size_t limit = dice_.Chance(50) ? 1000 : 1 + dice_.Below(4);
  Trace("settle " + std::to_string(limit));
  failed_tidying_ = failed_tidying_ || fault_ordered_;
  Agree(machine_.volume().SettleSome(limit).code(), 0);
}

}  // namespace hardlinkfs
