// ReferenceTree: the POSIX tree that a volume has to look like, as simple as can be: no homes, no sessions, no locks.
#ifndef HARDLINKFS_TESTS_MODEL_REFERENCE_TREE_H_
#define HARDLINKFS_TESTS_MODEL_REFERENCE_TREE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fuse/vfs/vfs.h"
#include "store/base/attributes.h"
#include "store/base/inode_id.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

struct ReferenceNode {
  InodeId inode{};  // as the volume numbered it
  FileType type = FileType::kUnknown;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;
  uint64_t rdev = 0;
  Timestamp atime, mtime, ctime;
  std::string target;
  std::string content;
  std::map<std::string, std::string> xattrs;
  std::map<std::string, ReferenceNode*> names;  // of a directory
  ReferenceNode* parent = nullptr;              // of a directory
  bool linkable = false;

  // What a kernel holds of it.
  uint64_t lookups = 0;
  std::vector<int> handles;   // flags of each
  bool unseen_write = false;  // written since anybody asked for its attributes: only the volume's memory has the exact time

  // Done on the bare backing, and not looked at since.
  bool adopted = false;
  bool names_vanished = false;  // from a directory

  bool is_directory() const { return type == FileType::kDirectory; }
  bool is_held() const { return lookups > 0 || !handles.empty(); }
  bool is_alive() const { return nlink > 0 || is_held(); }
};

// What the caller of an operation is.
struct ReferenceCaller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 0;
};

// Every function RETURNS 0 or an errno, and then has changed nothing. Nodes live as long as the tree.
class ReferenceTree {
 public:
  explicit ReferenceTree(uint32_t max_links) : max_links_(max_links) {
    root_ = &NewNode(FileType::kDirectory);
    root_->inode = kRootInode;
    root_->nlink = 2;
    root_->parent = root_;
  }

  ReferenceNode* root() { return root_; }
  std::deque<ReferenceNode>& nodes() { return nodes_; }
  // RETURNS: null when there is none.
  static ReferenceNode* Find(const ReferenceNode& directory, const std::string& name);
  // RETURNS: a path of it, for messages.
  std::string Describe(const ReferenceNode& node) const;

  int Make(const ReferenceCaller& caller, ReferenceNode& directory, const std::string& name, const NodeRequest& request, Timestamp now,
           ReferenceNode*& made);
  int MakeTemporary(const ReferenceCaller& caller, ReferenceNode& directory, uint32_t mode, Timestamp now, ReferenceNode*& made);
  int Link(ReferenceNode& node, ReferenceNode& directory, const std::string& name, Timestamp now);
  int Unlink(ReferenceNode& directory, const std::string& name, Timestamp now);
  int RemoveDirectory(ReferenceNode& directory, const std::string& name, Timestamp now);
  int Rename(const ReferenceCaller& caller, ReferenceNode& from, const std::string& name, ReferenceNode& to, const std::string& new_name,
             RenameMode mode, Timestamp now);

  int SetAttributes(ReferenceNode& node, const AttributeChange& change, Timestamp now);
  int SetXattr(const ReferenceCaller& caller, ReferenceNode& node, const std::string& name, const std::string& value, XattrMode mode,
               Timestamp now);
  int RemoveXattr(ReferenceNode& node, const std::string& name, Timestamp now);
  void Write(ReferenceNode& node, const std::string& bytes, uint64_t offset, bool kill_suidgid, Timestamp now);

  // The kernel forgets everything: what has no name is gone.
  void ForgetAll();

 private:
  ReferenceNode& NewNode(FileType type);
  ReferenceNode& NewChild(const ReferenceCaller& caller, const ReferenceNode& directory, FileType type, uint32_t mode, Timestamp now);
  static void LoseName(ReferenceNode& node, Timestamp now);
  static bool IsAncestor(const ReferenceNode& node, const ReferenceNode& below);

  const uint32_t max_links_;
  std::deque<ReferenceNode> nodes_;
  ReferenceNode* root_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_REFERENCE_TREE_H_
