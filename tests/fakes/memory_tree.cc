// Names and attributes of the tree; its contents are in memory_contents.cc.
#include "tests/fakes/memory_tree.h"

#include <cerrno>

#include "store/backing/case_fold.h"
#include "store/backing/utf8.h"

namespace hardlinkfs::memory_backing {
namespace {

constexpr uint64_t kSharedByEmptyFiles = 1;
constexpr uint64_t kRenumberStep = uint64_t{1} << 40;
constexpr uint32_t kModeWhereNoneIsKept = 0777;

bool IsUtf8WithoutControls(std::string_view name) {
  while (!name.empty()) {
    const Utf8Sequence next = NextUtf8(name);
    if (!next.valid || next.code_point < 0x20) return false;
    name.remove_prefix(next.length);
  }
  return true;
}

// Whether `wanted` lies in the tree below `directory`, or is it.
bool Contains(const NodeRef& directory, const NodeRef& wanted) {
  if (directory == wanted) return true;
  for (const auto& [key, entry] : directory->entries) {
    if (entry.node->type == FileType::kDirectory && Contains(entry.node, wanted)) return true;
  }
  return false;
}

uint64_t SizeOf(const Node& node) {
  if (node.type == FileType::kSymlink) return node.symlink_target.size();
  if (node.type != FileType::kDirectory) return node.content.size();
  if (!node.has_clusters && node.entries.empty()) return 0;
  const size_t others = node.entries.empty() ? 0 : node.entries.size() - 1;
  return (others / MemoryBacking::kEntriesInACluster + 1) * SparseBytes::kPageBytes;
}

}  // namespace

Tree::Tree(MemoryBackingOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), capacity_pages_(options_.capacity_bytes / SparseBytes::kPageBytes) {
  const MutexLock lock(mutex_);
  root_ = NewNode(FileType::kDirectory, 0755);
}

Result<std::string> Tree::KeyOf(const std::string& name) const {
  const Capabilities& can = options_.capabilities;
  if (name.empty()) return Error{ENOENT, "empty name"};
  if (name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos) return Error{EINVAL, "not a component"};
  if (name.size() > can.max_name_bytes) return Error{ENAMETOOLONG, "name too long"};
  if (!can.any_bytes_in_names && !IsUtf8WithoutControls(name)) return Error{EILSEQ, "name is not UTF-8"};
  if (!can.punctuation_in_names && name.find_first_of("<>:\"|?*\\") != name.npos) return Error{EINVAL, "punctuation in a name"};
  std::string key = name;
  if (!can.trailing_dots_and_spaces) {
    if (name.back() == ' ') return Error{EINVAL, "trailing space"};
    key.erase(key.find_last_not_of('.') + 1);
    if (key.empty()) return Error{ENOENT, "nothing but dots"};
  }
  if (can.case_sensitive) return key;
  // exFAT's table knows more pairs than ours: both small sigmas are one letter.
  std::string folded = CaseFold(key);
  for (size_t at = 0; (at = folded.find("ς", at)) != std::string::npos;) folded.replace(at, std::string_view("ς").size(), "σ");
  return folded;
}

std::string Tree::Kept(const std::string& name) const {
  return options_.capabilities.trailing_dots_and_spaces ? name : name.substr(0, name.find_last_not_of('.') + 1);
}

NodeRef Tree::NewNode(FileType type, uint32_t mode) {
  auto node = std::make_shared<Node>(type, ++last_number_, used_pages_);
  node->mode = options_.capabilities.modes ? mode & 07777U : kModeWhereNoneIsKept;
  node->atime = node->mtime = node->ctime = node->btime = Now();
  if (type == FileType::kDirectory) node->charged_pages = 1, *used_pages_ += 1;
  return node;
}

Result<Node::Entry*> Tree::FindEntry(const NodeRef& in, const std::string& name) {
  if (in->type != FileType::kDirectory) return Error{ENOTDIR, "not a directory"};
  const auto key = KeyOf(name);
  if (!key.ok()) return key.error();
  const auto found = in->entries.find(*key);
  if (found == in->entries.end()) return Error{ENOENT, "no such entry"};
  return &found->second;
}

Result<NodeRef> Tree::Find(const NodeRef& in, const std::string& name) {
  const MutexLock lock(mutex_);
  const auto entry = FindEntry(in, name);
  if (!entry.ok()) return entry.error();
  return (*entry)->node;
}

Result<NodeRef> Tree::Add(const NodeRef& in, const std::string& name, FileType type, uint32_t mode) {
  const MutexLock lock(mutex_);
  const auto existing = FindEntry(in, name);
  if (existing.ok()) return Error{EEXIST, "name is taken"};
  if (existing.code() != ENOENT) return existing.error();
  const auto key = KeyOf(name);
  if (!key.ok()) return key.error();
  if (in->removed) return Error{ENOENT, "the directory was removed"};
  if (const Status writable = Writable(); !writable.ok()) return writable.error();
  if (type == FileType::kDirectory && *used_pages_ >= capacity_pages_) return Error{ENOSPC, "no room for a directory"};
  const NodeRef node = NewNode(type, mode);
  node->parent = node->durable_parent = in->number;
  in->entries.emplace(*key, Node::Entry{Kept(name), node});
  Note(in, *key);
  in->mtime = in->ctime = Now();
  return node;
}

Status Tree::Rename(const NodeRef& from, const std::string& from_name, const NodeRef& to, const std::string& to_name) {
  const MutexLock lock(mutex_);
  const auto source = FindEntry(from, from_name);
  if (!source.ok()) return source.error();
  const NodeRef node = (*source)->node;
  const auto target = FindEntry(to, to_name);
  if (!target.ok() && target.code() != ENOENT) return target.error();
  if (target.ok() && *target != *source) return Error{EEXIST, "rename onto another entry"};
  if (target.ok() && (*source)->spelling == Kept(to_name)) return {};
  if (target.ok() && !options_.changes_case_in_one_step) return Error{EEXIST, "change of case only"};
  const auto key = KeyOf(to_name);
  if (!key.ok()) return key.error();
  if (to->removed) return Error{ENOENT, "the directory was removed"};
  if (node->type == FileType::kDirectory && Contains(node, to)) return Error{EINVAL, "rename into itself"};
  if (const Status writable = Writable(); !writable.ok()) return writable;
  const std::string from_key = *KeyOf(from_name);
  from->entries.erase(from_key);
  const Node::Entry entry{Kept(to_name), node, ++node->moves};
  to->entries.emplace(*key, entry);
  Note(to, *key);
  if (from != to || from_key != *key) Note(from, from_key, entry);
  node->parent = to->number;
  from->mtime = from->ctime = to->mtime = to->ctime = node->ctime = Now();
  return {};
}

void Tree::Unlink(const NodeRef& in, const std::string& name) {
  const auto found = in->entries.find(*KeyOf(name));
  found->second.node->removed = true;
  found->second.node->ctime = Now();
  const std::string key = found->first;
  in->entries.erase(found);
  Note(in, key);
  in->mtime = in->ctime = Now();
}

Status Tree::RemoveFile(const NodeRef& in, const std::string& name) {
  const MutexLock lock(mutex_);
  const auto entry = FindEntry(in, name);
  if (!entry.ok()) return entry.error();
  if ((*entry)->node->type == FileType::kDirectory) return Error{EISDIR, "unlink of a directory"};
  if (const Status writable = Writable(); !writable.ok()) return writable;
  Unlink(in, name);
  return {};
}

Status Tree::RemoveDirectory(const NodeRef& in, const std::string& name) {
  const MutexLock lock(mutex_);
  const auto entry = FindEntry(in, name);
  if (!entry.ok()) return entry.error();
  if ((*entry)->node->type != FileType::kDirectory) return Error{ENOTDIR, "rmdir of a file"};
  if (!(*entry)->node->entries.empty()) return Error{ENOTEMPTY, "rmdir of a full directory"};
  if (const Status writable = Writable(); !writable.ok()) return writable;
  Unlink(in, name);
  return {};
}

std::vector<BackingEntry> Tree::List(const NodeRef& directory) {
  const MutexLock lock(mutex_);
  std::vector<BackingEntry> entries;
  entries.reserve(directory->entries.size());
  for (const auto& [key, entry] : directory->entries) entries.push_back({BackingName(entry.spelling), entry.node->type});
  return entries;
}

BackingStat Tree::Stat(const NodeRef& node) {
  const MutexLock lock(mutex_);
  BackingStat stat;
  const bool empty_file = node->type == FileType::kRegular && node->content.size() == 0;
  stat.type = node->type;
  stat.mode = node->mode;
  stat.uid = node->uid;
  stat.gid = node->gid;
  stat.device = 42;
  stat.inode = node->number + renumbered_ * kRenumberStep;
  if (empty_file && !options_.capabilities.stable_inodes) stat.inode = kSharedByEmptyFiles;
  stat.rdev = node->rdev;
  stat.size = SizeOf(*node);
  stat.blocks = node->charged_pages * (SparseBytes::kPageBytes / 512);
  stat.atime = node->atime;
  stat.mtime = node->mtime;
  stat.ctime = node->ctime;
  stat.btime = node->btime;
  return stat;
}

Status Tree::SetMode(const NodeRef& node, uint32_t mode) {
  const MutexLock lock(mutex_);
  if (node->type == FileType::kSymlink) return Error{EOPNOTSUPP, "mode of a symlink"};
  if (const Status writable = Writable(); !writable.ok()) return writable;
  if (!options_.capabilities.modes) return {};
  node->mode = mode & 07777U;
  node->ctime = Now();
  return {};
}

Status Tree::SetOwner(const NodeRef& node, uint32_t uid, uint32_t gid) {
  const MutexLock lock(mutex_);
  if (const Status writable = Writable(); !writable.ok()) return writable;
  if (!options_.capabilities.owners && (uid != node->uid || gid != node->gid)) return Error{EPERM, "another owner"};
  node->uid = uid;
  node->gid = gid;
  node->ctime = Now();
  return {};
}

Status Tree::SetTimes(const NodeRef& node, std::optional<Timestamp> atime, std::optional<Timestamp> mtime) {
  const MutexLock lock(mutex_);
  if (const Status writable = Writable(); !writable.ok()) return writable;
  if (atime) node->atime = Coarse(*atime);
  if (mtime) node->mtime = Coarse(*mtime);
  if (mtime) node->times_unsynced = true;
  node->ctime = Now();
  return {};
}

Result<std::string> Tree::ReadLink(const NodeRef& node) {
  const MutexLock lock(mutex_);
  if (node->type != FileType::kSymlink) return Error{EINVAL, "not a symlink"};
  return node->symlink_target;
}

std::vector<std::string> Tree::ListXattrs(const NodeRef& node) {
  const MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, value] : node->xattrs) names.push_back(name);
  return names;
}

Result<std::string> Tree::GetXattr(const NodeRef& node, const std::string& xattr) {
  const MutexLock lock(mutex_);
  if (!options_.capabilities.user_xattrs) return Error{EOPNOTSUPP, "xattrs"};
  const auto found = node->xattrs.find(xattr);
  if (found == node->xattrs.end()) return Error{ENODATA, "no such xattr"};
  return found->second;
}

Timestamp Tree::Coarse(Timestamp time) const {
  const int64_t granularity = options_.capabilities.time_granularity.count();
  constexpr int64_t kSecond = 1'000'000'000;
  if (granularity >= kSecond) {
    const int64_t seconds = granularity / kSecond;
    return {time.seconds - ((time.seconds % seconds) + seconds) % seconds, 0};
  }
  return {time.seconds, static_cast<uint32_t>(time.nanoseconds - time.nanoseconds % granularity)};
}

void Tree::SetReadOnly(bool read_only) {
  const MutexLock lock(mutex_);
  read_only_ = read_only;
}

Status Tree::Writable() {
  if (read_only_) return Error{EROFS, "the backing is read-only"};
  return {};
}

bool Tree::ReadOnly() {
  const MutexLock lock(mutex_);
  return read_only_;
}

void Tree::SetSymlinkTarget(const NodeRef& node, const std::string& target) {
  const MutexLock lock(mutex_);
  node->symlink_target = target;
}

void Tree::SetRdev(const NodeRef& node, uint64_t rdev) {
  const MutexLock lock(mutex_);
  node->rdev = rdev;
}

void Tree::TakeClusters(const NodeRef& directory) {
  const MutexLock lock(mutex_);
  directory->has_clusters = false;
}

Status Tree::SetXattr(const NodeRef& node, const std::string& xattr, const std::string& value) {
  const MutexLock lock(mutex_);
  if (!options_.capabilities.user_xattrs) return Error{EOPNOTSUPP, "xattrs"};
  node->xattrs[xattr] = value;
  return {};
}

void Tree::RenumberInodes() {
  const MutexLock lock(mutex_);
  ++renumbered_;
}

}  // namespace hardlinkfs::memory_backing
