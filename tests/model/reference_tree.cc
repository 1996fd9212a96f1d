// The rules are those of the system calls' man pages; where one leaves the order of checks open, that of the volume.
#include "tests/model/reference_tree.h"

#include <algorithm>
#include <cerrno>

#include "store/backing/private_area.h"
#include "store/base/acl.h"

namespace hardlinkfs {
namespace {

const std::string kCapability = "security.capability";
const std::string kAccess(kAccessAclXattr);
const std::string kDefault(kDefaultAclXattr);

void Touch(ReferenceNode& node, Timestamp now) { node.mtime = node.ctime = now; }

bool IsPrivate(const ReferenceNode& directory, const std::string& name) {
  return directory.inode == kRootInode && name == kPrivateAreaName;
}

void KillSetIds(ReferenceNode& node) {
  node.mode &= ~04000U;
  if ((node.mode & 010U) != 0) node.mode &= ~02000U;
}

}  // namespace

ReferenceNode& ReferenceTree::NewNode(FileType type) {
  ReferenceNode& node = nodes_.emplace_back();
  node.type = type;
  return node;
}

ReferenceNode* ReferenceTree::Find(const ReferenceNode& directory, const std::string& name) {
  const auto found = directory.names.find(name);
  return found == directory.names.end() ? nullptr : found->second;
}

std::string ReferenceTree::Describe(const ReferenceNode& node) const {
  const std::string number = "#" + std::to_string(Raw(node.inode));
  if (&node == root_) return "/";
  for (const ReferenceNode& directory : nodes_) {
    if (!directory.is_directory() || directory.nlink == 0) continue;
    for (const auto& [name, child] : directory.names) {
      if (child != &node) continue;
      const std::string above = Describe(directory);
      return (above == "/" ? "/" : above + "/") + name + (node.is_directory() ? "" : number);
    }
  }
  return number;
}

ReferenceNode& ReferenceTree::NewChild(const ReferenceCaller& caller, const ReferenceNode& directory, FileType type, uint32_t mode,
                                       Timestamp now) {
  ReferenceNode& node = NewNode(type);
  std::optional<Acl> parent_default;
  if (const auto acl = directory.xattrs.find(kDefault); acl != directory.xattrs.end()) parent_default = *ParseAcl(acl->second);
  const InheritedAcl inherited = Inherit(parent_default, type, mode, caller.umask);
  node.mode = type == FileType::kSymlink ? 0777 : inherited.mode;
  node.uid = caller.uid;
  node.gid = caller.gid;
  if ((directory.mode & 02000U) != 0) {
    node.gid = directory.gid;
    if (type == FileType::kDirectory) node.mode |= 02000U;
  }
  if (inherited.access_acl.has_value()) node.xattrs[kAccess] = Encode(*inherited.access_acl);
  if (inherited.default_acl.has_value()) node.xattrs[kDefault] = Encode(*inherited.default_acl);
  node.atime = node.mtime = node.ctime = now;
  return node;
}

int ReferenceTree::Make(const ReferenceCaller& caller, ReferenceNode& directory, const std::string& name, const NodeRequest& request,
                        Timestamp now, ReferenceNode*& made) {
  if (IsPrivate(directory, name)) return EPERM;
  if (directory.nlink == 0) return ENOENT;
  if (Find(directory, name) != nullptr) return EEXIST;
  ReferenceNode& node = NewChild(caller, directory, request.type, request.mode, now);
  node.rdev = request.rdev;
  node.target = request.target;
  node.nlink = node.is_directory() ? 2 : 1;
  if (node.is_directory()) {
    node.parent = &directory;
    ++directory.nlink;
  }
  directory.names[name] = &node;
  Touch(directory, now);
  made = &node;
  return 0;
}

int ReferenceTree::MakeTemporary(const ReferenceCaller& caller, ReferenceNode& directory, uint32_t mode, Timestamp now,
                                 ReferenceNode*& made) {
  if (directory.nlink == 0) return ENOENT;
  made = &NewChild(caller, directory, FileType::kRegular, mode, now);
  made->linkable = true;
  return 0;
}

int ReferenceTree::Link(ReferenceNode& node, ReferenceNode& directory, const std::string& name, Timestamp now) {
  if (IsPrivate(directory, name)) return EPERM;
  if (directory.nlink == 0) return ENOENT;
  if (node.is_directory()) return EPERM;
  if (node.nlink == 0 && !node.linkable) return ENOENT;
  if (node.nlink >= max_links_) return EMLINK;
  if (Find(directory, name) != nullptr) return EEXIST;
  node.linkable = false;
  ++node.nlink;
  node.ctime = now;
  directory.names[name] = &node;
  Touch(directory, now);
  return 0;
}

void ReferenceTree::LoseName(ReferenceNode& node, Timestamp now) {
  if (node.is_directory()) {
    node.nlink = 0;
  } else {
    --node.nlink;
  }
  node.ctime = now;
}

int ReferenceTree::Unlink(ReferenceNode& directory, const std::string& name, Timestamp now) {
  ReferenceNode* node = Find(directory, name);
  if (node == nullptr) return ENOENT;
  if (node->is_directory()) return EISDIR;
  directory.names.erase(name);
  LoseName(*node, now);
  Touch(directory, now);
  return 0;
}

int ReferenceTree::RemoveDirectory(ReferenceNode& directory, const std::string& name, Timestamp now) {
  ReferenceNode* node = Find(directory, name);
  if (node == nullptr) return ENOENT;
  if (!node->is_directory()) return ENOTDIR;
  if (!node->names.empty()) return ENOTEMPTY;
  directory.names.erase(name);
  --directory.nlink;
  LoseName(*node, now);
  Touch(directory, now);
  return 0;
}

bool ReferenceTree::IsAncestor(const ReferenceNode& node, const ReferenceNode& below) {
  for (const ReferenceNode* at = &below;; at = at->parent) {
    if (at == &node) return true;
    if (at == at->parent) return false;
  }
}

int ReferenceTree::Rename(const ReferenceCaller& caller, ReferenceNode& from, const std::string& name, ReferenceNode& to,
                          const std::string& new_name, RenameMode mode, Timestamp now) {
  if (IsPrivate(from, name)) return ENOENT;
  if (IsPrivate(to, new_name)) return EPERM;
  ReferenceNode* source = Find(from, name);
  if (source == nullptr) return ENOENT;
  ReferenceNode* target = Find(to, new_name);
  const bool exchange = mode == RenameMode::kExchange;
  if (source->is_directory() && IsAncestor(*source, to)) return EINVAL;
  if (exchange && target != nullptr && target->is_directory() && IsAncestor(*target, from)) return EINVAL;
  if (mode == RenameMode::kNoReplace && target != nullptr) return EEXIST;
  if (exchange && target == nullptr) return ENOENT;
  if (source == target) return 0;
  if (from.nlink == 0 || to.nlink == 0) return ENOENT;
  if (target != nullptr && !exchange) {
    if (source->is_directory() && !target->is_directory()) return ENOTDIR;
    if (!source->is_directory() && target->is_directory()) return EISDIR;
    if (target->is_directory() && !target->names.empty()) return ENOTEMPTY;
  }

  from.names.erase(name);
  to.names[new_name] = source;
  source->ctime = now;
  if (source->is_directory()) {
    --from.nlink;
    ++to.nlink;
    source->parent = &to;
  }
  if (target != nullptr) {
    if (target->is_directory()) --to.nlink;
    if (exchange) {
      from.names[name] = target;
      target->ctime = now;
      if (target->is_directory()) {
        ++from.nlink;
        target->parent = &from;
      }
    } else {
      LoseName(*target, now);
    }
  }
  if (mode == RenameMode::kWhiteout) {
    ReferenceNode& whiteout = NewNode(FileType::kCharacterDevice);
    whiteout.uid = caller.uid;
    whiteout.gid = caller.gid;
    whiteout.nlink = 1;
    whiteout.atime = whiteout.mtime = whiteout.ctime = now;
    from.names[name] = &whiteout;
  }
  Touch(from, now);
  Touch(to, now);
  return 0;
}

int ReferenceTree::SetAttributes(ReferenceNode& node, const AttributeChange& change, Timestamp now) {
  if (change.size.has_value() && node.type != FileType::kRegular) return EINVAL;
  if (change.size.has_value()) {
    node.content.resize(*change.size);
    node.mtime = now;
  }
  if (change.size.has_value() || change.uid.has_value() || change.gid.has_value() || change.kill_suidgid) node.xattrs.erase(kCapability);
  if (change.uid.has_value()) node.uid = *change.uid;
  if (change.gid.has_value()) node.gid = *change.gid;
  if (change.mode.has_value()) {
    node.mode = *change.mode;
    if (const auto acl = node.xattrs.find(kAccess); acl != node.xattrs.end())
      acl->second = Encode(WithMode(*ParseAcl(acl->second), node.mode));
  }
  if (change.kill_suidgid && node.type != FileType::kDirectory) KillSetIds(node);
  if (change.atime.has_value()) node.atime = *change.atime;
  if (change.mtime.has_value()) node.mtime = *change.mtime;
  node.ctime = now;
  return 0;
}

int ReferenceTree::SetXattr(const ReferenceCaller& caller, ReferenceNode& node, const std::string& name, const std::string& value,
                            XattrMode mode, Timestamp now) {
  const bool is_acl = name == kAccess || name == kDefault;
  if (name.starts_with("system.") && !is_acl) return EOPNOTSUPP;
  const bool exists = node.xattrs.contains(name);
  if (mode == XattrMode::kCreate && exists) return EEXIST;
  if (mode == XattrMode::kReplace && !exists) return ENODATA;
  if (is_acl) {
    const Result<Acl> acl = ParseAcl(value);
    if (!acl.ok()) return acl.code();
    if (name == kDefault && !node.is_directory()) return EACCES;
    if (name == kAccess) {
      node.mode = ModeOf(*acl, node.mode);
      if (caller.uid != 0 && caller.gid != node.gid) node.mode &= ~02000U;
      node.xattrs.erase(name);
    }
    if (name == kDefault || !EquivalentMode(*acl).has_value()) node.xattrs[name] = Encode(*acl);
  } else {
    node.xattrs[name] = value;
  }
  node.ctime = now;
  return 0;
}

int ReferenceTree::RemoveXattr(ReferenceNode& node, const std::string& name, Timestamp now) {
  const bool is_acl = name == kAccess || name == kDefault;
  if (name.starts_with("system.") && !is_acl) return EOPNOTSUPP;
  if (node.xattrs.erase(name) == 0) return is_acl ? 0 : ENODATA;
  node.ctime = now;
  return 0;
}

void ReferenceTree::Write(ReferenceNode& node, const std::string& bytes, uint64_t offset, bool kill_suidgid, Timestamp now) {
  if (node.content.size() < offset + bytes.size()) node.content.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), node.content.begin() + static_cast<std::ptrdiff_t>(offset));
  if (kill_suidgid) KillSetIds(node);
  node.xattrs.erase(kCapability);
  Touch(node, now);
  node.unseen_write = true;
}

void ReferenceTree::ForgetAll() {
  for (ReferenceNode& node : nodes_) {
    node.lookups = 0;
    node.handles.clear();
  }
}

}  // namespace hardlinkfs
