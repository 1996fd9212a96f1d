// What the workload does, one change of the tree a step, and the tree that must be there after each. Both sides of a power cut make the
// same steps from the same seed: who does them, and who judges what is left.
#ifndef HARDLINKFS_TESTS_VM_STEPS_H_
#define HARDLINKFS_TESTS_VM_STEPS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hardlinkfs {

using FileId = uint32_t;
inline constexpr FileId kDirectory = 0;

enum class StepKind {
  kCreate,         // path, made new, stays open
  kCreateUnnamed,  // O_TMPFILE, stays open
  kNameUnnamed,    // linkat of the open file to path
  kOpen,           // path, to append
  kAppend,         // bytes to the open file
  kSync,           // fsync of the open file
  kClose,
  kMakeDirectory,
  kRemoveDirectory,
  kSyncDirectory,  // fsync of path
  kLink,           // path gets the other name `to`
  kUnlink,
  kRename,    // path to `to`, which may exist
  kExchange,  // path with `to`
  kSettle,    // wait until the bare backing shows the tree
  kRest,      // wait until the commit timer must have come
  kRemount,
};

struct Step {
  StepKind kind{};
  std::string path;  // below the volume; empty: its root
  std::string to;
  FileId file = kDirectory;
  uint32_t bytes = 0;
};

std::string Describe(const Step& step);

// A content is known by its file: of any length it is the beginning of an endless text that no other file has.
std::string ContentOf(FileId file, size_t from, size_t bytes);
// RETURNS: the file that a content of at least kContentLabel bytes begins as; kDirectory: none.
FileId FileOf(const std::string& content);
inline constexpr size_t kContentLabel = 16;

// The tree after some of the steps.
class TreeState {
 public:
  struct File {
    uint32_t written = 0;
    bool open = false;
  };

  void Apply(const Step& step);

  // path → what is there.
  const std::map<std::string, FileId>& names() const { return names_; }
  const std::map<FileId, File>& files() const { return files_; }
  uint32_t CountNames(FileId file) const;
  bool IsEmpty(const std::string& directory) const;

 private:
  std::map<std::string, FileId> names_;
  std::map<FileId, File> files_;
};

std::string ParentOf(const std::string& path);
std::string BaseNameOf(const std::string& path);

enum class Workload {
  kCareful,  // only what a careful program does, on any filesystem: a temporary file, fsync, rename over, fsync of the directory
  kMixed,    // that and everything else
};

std::vector<Step> MakeSteps(Workload workload, uint64_t seed, size_t count);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_STEPS_H_
