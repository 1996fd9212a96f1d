// Each call is counted and may be made to fail; what it then does is the tree's business.
#include "tests/fakes/memory_backing.h"

#include <array>
#include <cerrno>
#include <utility>

#include "tests/fakes/memory_tree.h"

namespace hardlinkfs {

using memory_backing::Directory;
using memory_backing::NodeRef;
using memory_backing::Tree;

namespace {

const NodeRef& NodeOf(const BackingDirectoryRef& directory) { return static_cast<const Directory&>(*directory).node(); }

BackingDirectoryRef DirectoryOf(const NodeRef& node) { return std::make_shared<Directory>(node); }

}  // namespace

// Keeps to its node when the entry is renamed or removed. Must not outlive the backing.
class MemoryFile final : public BackingFile {
 public:
  enum class Opened { kReadWrite, kReadOnly };

  MemoryFile(MemoryBacking& backing, NodeRef node, Opened opened)
      : backing_(backing), tree_(*backing.tree_), node_(std::move(node)), opened_(opened) {}

  Result<size_t> Read(std::span<char> into, uint64_t offset) override {
    if (const Status entered = backing_.Enter(BackingCall::kRead, ""); !entered.ok()) return entered.error();
    return tree_.Read(node_, into, offset);
  }

  Status Write(std::span<const char> from, uint64_t offset) override {
    if (!writable()) return Error{EBADF, "not open for writing"};
    const Status entered = backing_.Enter(BackingCall::kWrite, "");
    if (entered.ok()) return tree_.Write(node_, from, offset);
    if (backing_.writes_half()) static_cast<void>(tree_.Write(node_, from.first(from.size() / 2), offset));
    return entered;
  }

  Status Append(std::span<const char> from) override {
    const Result<BackingStat> seen = Stat();
    return seen.ok() ? Write(from, seen->size) : seen.status();
  }

  Status Truncate(uint64_t size) override {
    if (const Status entered = EnterChange(BackingCall::kTruncate); !entered.ok()) return entered;
    return tree_.Truncate(node_, size);
  }

  Result<BackingStat> Stat() override {
    if (const Status entered = backing_.Enter(BackingCall::kStatFile, ""); !entered.ok()) return entered.error();
    return tree_.Stat(node_);
  }

  Status SetTimes(std::optional<Timestamp> atime, std::optional<Timestamp> mtime) override {
    if (const Status entered = backing_.Enter(BackingCall::kSetFileTimes, ""); !entered.ok()) return entered;
    return tree_.SetTimes(node_, atime, mtime);
  }

  Status Sync() override {
    if (const Status entered = backing_.Enter(BackingCall::kSyncFile, ""); !entered.ok()) return entered;
    return backing_.Sync(node_);
  }

  // Nothing is ever mapped.
  Result<bool> HasWriters() override { return false; }

  Status Allocate(AllocateMode mode, uint64_t offset, uint64_t length) override {
    if (const Status entered = EnterChange(BackingCall::kAllocate); !entered.ok()) return entered;
    return tree_.Allocate(node_, mode, offset, length);
  }

  Result<uint64_t> Seek(SeekTarget target, uint64_t offset) override {
    if (const Status entered = backing_.Enter(BackingCall::kSeek, ""); !entered.ok()) return entered.error();
    return tree_.Seek(node_, target, offset);
  }

  Result<size_t> CopyTo(uint64_t, BackingFile&, uint64_t, size_t) override {
    if (const Status entered = backing_.Enter(BackingCall::kCopyTo, ""); !entered.ok()) return entered.error();
    return Error{EOPNOTSUPP, "copy in memory"};
  }

  int descriptor() const override { return -1; }
  Status MakeWritable() override { return writable() ? Status() : Error{EACCES, "the backing refuses writing"}; }
  void EndWriting() override {}
  bool writable() const { return opened_ == Opened::kReadWrite; }

 private:
  Status EnterChange(BackingCall call) {
    if (!writable()) return Error{EBADF, "not open for writing"};
    return backing_.Enter(call, "");
  }

  MemoryBacking& backing_;
  Tree& tree_;
  const NodeRef node_;
  const Opened opened_;
};

bool IsChange(BackingCall call) {
  switch (call) {
    case BackingCall::kMakeDirectory:
    case BackingCall::kCreateFile:
    case BackingCall::kRename:
    case BackingCall::kRemoveFile:
    case BackingCall::kRemoveDirectory:
    case BackingCall::kSetMode:
    case BackingCall::kSetOwner:
    case BackingCall::kSetTimes:
    case BackingCall::kWrite:
    case BackingCall::kTruncate:
    case BackingCall::kSetFileTimes:
    case BackingCall::kAllocate:
    case BackingCall::kCopyTo:
      return true;
    default:
      return false;
  }
}

Capabilities FullCapabilities() {
  Capabilities can;
  can.hard_links = can.symlinks = can.special_files = can.modes = can.owners = can.user_xattrs = true;
  can.case_sensitive = can.any_bytes_in_names = can.punctuation_in_names = can.trailing_dots_and_spaces = true;
  can.stable_inodes = can.sparse_files = can.rename_noreplace = can.rename_exchange = can.tmpfile = can.directory_fsync = true;
  can.filesystem = "memory";
  return can;
}

Capabilities ExfatCapabilities() {
  Capabilities can;
  can.trailing_dots_and_spaces = true;
  can.directory_fsync = true;
  can.time_granularity = std::chrono::seconds(1);
  can.filesystem = "memory like exfat-fuse";
  return can;
}

MemoryBacking::MemoryBacking(MemoryBackingOptions options, const Clock& clock) : tree_(std::make_unique<Tree>(std::move(options), clock)) {}

MemoryBacking::~MemoryBacking() = default;

Status MemoryBacking::Enter(BackingCall call, const std::string& name) {
  FaultHook hook;
  {
    const MutexLock lock(mutex_);
    ++calls_[static_cast<size_t>(call)];
    const bool counts = calls_to_failure_ > 0 && (!failing_call_ || *failing_call_ == call);
    if (counts && --calls_to_failure_ == 0) return Error{failure_, "a fault that the test ordered"};
    hook = hook_;
  }
  const int code = hook ? hook(call, name) : 0;
  if (code != 0) return Error{code, "a fault of the test's hook"};
  return {};
}

BackingDirectoryRef MemoryBacking::root() const { return DirectoryOf(tree_->root()); }

Result<BackingDirectoryRef> MemoryBacking::OpenDirectory(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kOpenDirectory, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  if ((*node)->type != FileType::kDirectory) return Error{ENOTDIR, "not a directory"};
  return DirectoryOf(*node);
}

Status MemoryBacking::List(const BackingDirectoryRef& directory, const EntryVisitor& visit) {
  if (const Status entered = Enter(BackingCall::kList, ""); !entered.ok()) return entered;
  for (const BackingEntry& entry : tree_->List(NodeOf(directory))) {
    if (!visit(entry)) break;
  }
  return {};
}

Result<BackingStat> MemoryBacking::Stat(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kStat, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->Stat(*node);
}

Result<BackingStat> MemoryBacking::StatDirectory(const BackingDirectoryRef& directory) {
  if (const Status entered = Enter(BackingCall::kStatDirectory, ""); !entered.ok()) return entered.error();
  return tree_->Stat(NodeOf(directory));
}

Status MemoryBacking::MakeDirectory(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  if (const Status entered = Enter(BackingCall::kMakeDirectory, name.bytes()); !entered.ok()) return entered;
  return tree_->Add(NodeOf(in), name.bytes(), FileType::kDirectory, mode).status();
}

Result<std::unique_ptr<BackingFile>> MemoryBacking::CreateFile(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  if (const Status entered = Enter(BackingCall::kCreateFile, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Add(NodeOf(in), name.bytes(), FileType::kRegular, mode);
  if (!node.ok()) return node.error();
  return std::unique_ptr<BackingFile>(std::make_unique<MemoryFile>(*this, *node, MemoryFile::Opened::kReadWrite));
}

Result<std::unique_ptr<BackingFile>> MemoryBacking::OpenFile(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kOpenFile, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  if ((*node)->type != FileType::kRegular) return Error{EINVAL, "not a regular file"};
  const auto opened = tree_->ReadOnly() ? MemoryFile::Opened::kReadOnly : MemoryFile::Opened::kReadWrite;
  return std::unique_ptr<BackingFile>(std::make_unique<MemoryFile>(*this, *node, opened));
}

Status MemoryBacking::Rename(const BackingDirectoryRef& from, const BackingName& from_name, const BackingDirectoryRef& to,
                             const BackingName& to_name) {
  if (const Status entered = Enter(BackingCall::kRename, from_name.bytes()); !entered.ok()) return entered;
  return tree_->Rename(NodeOf(from), from_name.bytes(), NodeOf(to), to_name.bytes());
}

Status MemoryBacking::RemoveFile(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kRemoveFile, name.bytes()); !entered.ok()) return entered;
  return tree_->RemoveFile(NodeOf(in), name.bytes());
}

Status MemoryBacking::RemoveDirectory(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kRemoveDirectory, name.bytes()); !entered.ok()) return entered;
  return tree_->RemoveDirectory(NodeOf(in), name.bytes());
}

Status MemoryBacking::SetMode(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  if (const Status entered = Enter(BackingCall::kSetMode, name.bytes()); !entered.ok()) return entered;
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->SetMode(*node, mode);
}

Status MemoryBacking::SetOwner(const BackingDirectoryRef& in, const BackingName& name, uint32_t uid, uint32_t gid) {
  if (const Status entered = Enter(BackingCall::kSetOwner, name.bytes()); !entered.ok()) return entered;
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->SetOwner(*node, uid, gid);
}

Status MemoryBacking::SetTimes(const BackingDirectoryRef& in, const BackingName& name, std::optional<Timestamp> atime,
                               std::optional<Timestamp> mtime) {
  if (const Status entered = Enter(BackingCall::kSetTimes, name.bytes()); !entered.ok()) return entered;
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->SetTimes(*node, atime, mtime);
}

Result<std::string> MemoryBacking::ReadLink(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kReadLink, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->ReadLink(*node);
}

Result<std::vector<std::string>> MemoryBacking::ListXattrs(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status entered = Enter(BackingCall::kListXattrs, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->ListXattrs(*node);
}

Result<std::string> MemoryBacking::GetXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr) {
  if (const Status entered = Enter(BackingCall::kGetXattr, name.bytes()); !entered.ok()) return entered.error();
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->GetXattr(*node, xattr);
}

Status MemoryBacking::SyncDirectory(const BackingDirectoryRef& directory) {
  if (const Status entered = Enter(BackingCall::kSyncDirectory, ""); !entered.ok()) return entered;
  return Sync(NodeOf(directory));
}

Status MemoryBacking::Sync(const NodeRef& node) {
  const bool fails = [&] {
    const MutexLock lock(mutex_);
    sync_has_failed_ = sync_has_failed_ || fails_next_sync_;
    return std::exchange(fails_next_sync_, false);
  }();
  if (fails) {
    tree_->FailSync(node);
    return Error{EIO, "a failed sync that the test ordered"};
  }
  tree_->Sync(node);
  return {};
}

Result<BackingSpace> MemoryBacking::Space() {
  if (const Status entered = Enter(BackingCall::kSpace, ""); !entered.ok()) return entered.error();
  return tree_->Space();
}

void MemoryBacking::SetFaultHook(FaultHook hook) {
  const MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void MemoryBacking::FailNth(std::optional<BackingCall> call, uint64_t n, int error) {
  const MutexLock lock(mutex_);
  failing_call_ = call;
  calls_to_failure_ = n;
  failure_ = error;
}

void MemoryBacking::SetWritesHalf(bool half) {
  const MutexLock lock(mutex_);
  writes_half_ = half;
}

bool MemoryBacking::writes_half() const {
  const MutexLock lock(mutex_);
  return writes_half_;
}

void MemoryBacking::SetReadOnly(bool read_only) { tree_->SetReadOnly(read_only); }

void MemoryBacking::SetCapacity(uint64_t bytes) { tree_->SetCapacity(bytes); }

uint64_t MemoryBacking::calls(BackingCall call) const {
  const MutexLock lock(mutex_);
  return calls_[static_cast<size_t>(call)];
}

uint64_t MemoryBacking::changes() const {
  const MutexLock lock(mutex_);
  uint64_t sum = 0;
  for (size_t i = 0; i < kBackingCalls; ++i) sum += IsChange(static_cast<BackingCall>(i)) ? calls_[i] : 0;
  return sum;
}

void MemoryBacking::ForgetCalls() {
  const MutexLock lock(mutex_);
  calls_.fill(0);
}

Status MemoryBacking::AddSymlink(const BackingDirectoryRef& in, const BackingName& name, const std::string& target) {
  const auto node = tree_->Add(NodeOf(in), name.bytes(), FileType::kSymlink, 0777);
  if (node.ok()) tree_->SetSymlinkTarget(*node, target);
  return node.status();
}

Status MemoryBacking::AddSpecial(const BackingDirectoryRef& in, const BackingName& name, FileType type, uint64_t rdev) {
  const auto node = tree_->Add(NodeOf(in), name.bytes(), type, 0644);
  if (node.ok()) tree_->SetRdev(*node, rdev);
  return node.status();
}

Status MemoryBacking::AddDirectoryOfSizeZero(const BackingDirectoryRef& in, const BackingName& name) {
  const auto node = tree_->Add(NodeOf(in), name.bytes(), FileType::kDirectory, 0755);
  if (node.ok()) tree_->TakeClusters(*node);
  return node.status();
}

Status MemoryBacking::AddXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr, const std::string& value) {
  const auto node = tree_->Find(NodeOf(in), name.bytes());
  if (!node.ok()) return node.error();
  return tree_->SetXattr(*node, xattr, value);
}

void MemoryBacking::SyncEverything() {
  {
    const MutexLock lock(mutex_);
    fails_next_sync_ = false;
  }
  tree_->SyncEverything();
}

void MemoryBacking::FailNextSync() {
  const MutexLock lock(mutex_);
  fails_next_sync_ = true;
}

bool MemoryBacking::sync_has_failed() const {
  const MutexLock lock(mutex_);
  return sync_has_failed_;
}

std::vector<std::string> MemoryBacking::UnsyncedParents() { return tree_->UnsyncedParents(); }

bool MemoryBacking::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  {
    const MutexLock lock(mutex_);
    fails_next_sync_ = sync_has_failed_ = false;
  }
  return tree_->CutPower(below);
}

void MemoryBacking::RenumberInodes() { tree_->RenumberInodes(); }

}  // namespace hardlinkfs
