// The tree behind MemoryBacking: nodes, names, space and times, by the manners of the capabilities. Knows no faults and no counts.
#ifndef HARDLINKFS_TESTS_FAKES_MEMORY_TREE_H_
#define HARDLINKFS_TESTS_FAKES_MEMORY_TREE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "tests/fakes/memory_backing.h"
#include "tests/fakes/sparse_bytes.h"

namespace hardlinkfs::memory_backing {

struct Node;
// Shared, since a node lives on after its last name while somebody has it open.
using NodeRef = std::shared_ptr<Node>;

// What is taken of the disk, in pages. Shared by the tree and its nodes: an open file may be the last to go.
using PageCount = std::shared_ptr<std::atomic<uint64_t>>;

// Guarded by the mutex of its tree.
struct Node {
  struct Entry {
    std::string spelling;
    NodeRef node;
    uint64_t move = 0;     // which of the node's moves made it
    bool is_torn = false;  // only what the node's own sync writes of it is durable, and the name may be in another block
  };

  Node(FileType its_type, uint64_t its_number, PageCount used) : type(its_type), number(its_number), used_pages(std::move(used)) {}
  ~Node() { *used_pages -= charged_pages; }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const FileType type;
  const uint64_t number;
  const PageCount used_pages;
  uint64_t charged_pages = 0;  // of *used_pages
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;
  bool removed = false;  // from its directory
  Timestamp atime, mtime, ctime, btime;
  SparseBytes content;
  std::string symlink_target;
  std::map<std::string, std::string> xattrs;
  std::map<std::string, Entry> entries;  // by folded name where the backing ignores case

  // What a power cut leaves at least. memory_durability.cc
  std::map<std::string, Entry> durable_entries;
  SparseBytes durable_content;
  Timestamp durable_mtime;
  bool content_unsynced = false;
  bool times_unsynced = false;
  uint64_t moves = 0;
  uint64_t written_moves = 0;  // at its own last sync
  bool exposed = false;        // something else was synced between a move and its own sync
  bool sync_failed = false;    // what was not written then never is, though a later sync succeeds

  bool has_clusters = true;  // of a directory
  // Of a directory: the number of the one that its ".." shows, which is an entry of its own.
  uint64_t parent = 0;
  uint64_t durable_parent = 0;
};

class Directory final : public BackingDirectory {
 public:
  explicit Directory(NodeRef node) : node_(std::move(node)) {}
  const NodeRef& node() const { return node_; }

 private:
  NodeRef node_;
};

// Thread safety: any thread. Every failure is the errno that a kernel would give.
class Tree {
 public:
  Tree(MemoryBackingOptions options, const Clock& clock);

  const NodeRef& root() const { return root_; }

  Result<NodeRef> Find(const NodeRef& in, const std::string& name);
  Result<NodeRef> Add(const NodeRef& in, const std::string& name, FileType type, uint32_t mode);
  Status Rename(const NodeRef& from, const std::string& from_name, const NodeRef& to, const std::string& to_name);
  Status RemoveFile(const NodeRef& in, const std::string& name);
  Status RemoveDirectory(const NodeRef& in, const std::string& name);
  std::vector<BackingEntry> List(const NodeRef& directory);

  BackingStat Stat(const NodeRef& node);
  Status SetMode(const NodeRef& node, uint32_t mode);
  Status SetOwner(const NodeRef& node, uint32_t uid, uint32_t gid);
  Status SetTimes(const NodeRef& node, std::optional<Timestamp> atime, std::optional<Timestamp> mtime);
  Result<std::string> ReadLink(const NodeRef& node);
  std::vector<std::string> ListXattrs(const NodeRef& node);
  Result<std::string> GetXattr(const NodeRef& node, const std::string& xattr);

  size_t Read(const NodeRef& node, std::span<char> into, uint64_t offset);
  Status Write(const NodeRef& node, std::span<const char> from, uint64_t offset);
  Status Truncate(const NodeRef& node, uint64_t size);
  Status Allocate(const NodeRef& node, AllocateMode mode, uint64_t offset, uint64_t length);
  Result<uint64_t> Seek(const NodeRef& node, SeekTarget target, uint64_t offset);

  BackingSpace Space();
  bool ReadOnly();
  void SetReadOnly(bool read_only);
  void SetCapacity(uint64_t bytes);
  void SetSymlinkTarget(const NodeRef& node, const std::string& target);
  void SetRdev(const NodeRef& node, uint64_t rdev);
  void TakeClusters(const NodeRef& directory);
  Status SetXattr(const NodeRef& node, const std::string& xattr, const std::string& value);
  void RenumberInodes();

  // memory_durability.cc
  void Sync(const NodeRef& node);
  void FailSync(const NodeRef& node);
  void SyncEverything();
  std::vector<std::string> UnsyncedParents();
  bool CutPower(const std::function<uint64_t(uint64_t)>& below);

 private:
  // A slot of a directory got this entry. With `moved` it lost it to the change before, with which it is atomic where there is a journal.
  struct Change {
    NodeRef directory;
    std::string key;
    std::optional<Node::Entry> entry;
    std::optional<Node::Entry> moved = std::nullopt;
  };
  void Note(const NodeRef& directory, const std::string& key, const std::optional<Node::Entry>& moved = std::nullopt) REQUIRES(mutex_);
  static void Apply(const Change& change);
  struct Shown {
    const Node* directory = nullptr;
    std::string key;
  };
  static Shown FindEntryOf(const Node& below, const NodeRef& node);
  void SyncBlock(const Shown& shown) REQUIRES(mutex_);
  void KeepSomeSlots(const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  void KeepSome(const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  SparseBytes SomeSectors(const Node& node, const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  // RETURNS: whether vfat's new entry of what was moved has no content yet: the node's own sync writes that.
  bool IsBlank(const Node::Entry& entry) const { return options_.disk == Disk::kFat && entry.move > entry.node->written_moves; }
  void Empty(Node& node) REQUIRES(mutex_);
  NodeRef CopyOf(const Node& node) REQUIRES(mutex_);
  void LoseContent(Node& node, const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  using Slot = std::pair<uint64_t, std::string>;  // of a directory
  Slot SlotOf(size_t i) const REQUIRES(mutex_);
  std::optional<size_t> AdditionOf(size_t i) const REQUIRES(mutex_);
  void Tear(Node& directory, const std::string& key) REQUIRES(mutex_);
  void TearNames(Node& directory, const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  bool Restart(Node& directory, std::set<const Node*>& seen, const std::function<uint64_t(uint64_t)>& below) REQUIRES(mutex_);
  // RETURNS: the key of the name in Node::entries, or why the backing refuses the name.
  Result<std::string> KeyOf(const std::string& name) const;
  // RETURNS: the name as the listing will show it. REQUIRES: KeyOf(name).ok()
  std::string Kept(const std::string& name) const;
  Result<Node::Entry*> FindEntry(const NodeRef& in, const std::string& name) REQUIRES(mutex_);
  Timestamp Coarse(Timestamp time) const;
  Timestamp Now() const { return Coarse(clock_.Now()); }
  // RETURNS: the pages that the node's content takes of the disk, with holes or without as the backing has it.
  uint64_t PagesOf(const Node& node, uint64_t size, uint64_t written_pages) const;
  // RETURNS: ENOSPC if the node cannot have `pages`, EFBIG if it cannot have `size`, EROFS.
  Status Admit(const Node& node, uint64_t size, uint64_t pages) REQUIRES(mutex_);
  Status Writable() REQUIRES(mutex_);
  // After a change of the content.
  void Settle(Node& node) REQUIRES(mutex_);
  NodeRef NewNode(FileType type, uint32_t mode) REQUIRES(mutex_);
  void Unlink(const NodeRef& in, const std::string& name) REQUIRES(mutex_);

  const MemoryBackingOptions options_;
  const Clock& clock_;
  const PageCount used_pages_ = std::make_shared<std::atomic<uint64_t>>(0);
  Mutex mutex_;
  uint64_t capacity_pages_ GUARDED_BY(mutex_);
  bool read_only_ GUARDED_BY(mutex_) = false;
  uint64_t last_number_ GUARDED_BY(mutex_) = 1;  // 1 is what all empty files share where inode numbers are not stable
  uint64_t renumbered_ GUARDED_BY(mutex_) = 0;
  std::vector<Change> log_ GUARDED_BY(mutex_);  // not durable yet, in order
  NodeRef root_;                                // set once, by the constructor
};

}  // namespace hardlinkfs::memory_backing

#endif  // HARDLINKFS_TESTS_FAKES_MEMORY_TREE_H_
