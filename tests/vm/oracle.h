// Oracle: whether what is found after a power cut is what was promised. It knows the steps, how many of them were acknowledged before the
// cut, and nothing of how the filesystem keeps its word.
#ifndef HARDLINKFS_TESTS_VM_ORACLE_H_
#define HARDLINKFS_TESTS_VM_ORACLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/vm/seen_tree.h"
#include "tests/vm/steps.h"

namespace hardlinkfs {

enum class Promise {
  // docs/crash-consistency.md: the whole tree is as after one of the steps since the last sync.
  kOneState,
  // As any filesystem: each name for itself shows what it has shown since the last fsync of its directory.
  kEachName,
};

// What an entry without a record looks like when it is adopted.
enum class Strangers {
  kArePrivate,  // where the backing has no modes
  kKeepTheirMode,
};

class Oracle {
 public:
  Oracle(std::vector<Step> steps, Promise promise, Strangers strangers);

  const std::vector<Step>& steps() const { return steps_; }

  // RETURNS: what is wrong with `seen`, a line each, of the state that comes nearest; empty when all is well. `state` is then which it is.
  struct Verdict {
    std::vector<std::string> wrong;
    size_t state = 0;
    std::vector<std::string> strangers;  // adopted: made after that state, and never promised
  };
  Verdict Judge(const SeenTree& seen, size_t acknowledged) const;

  // RETURNS: what is wrong with the bare backing after an unmount, given what the mount had shown: every file lies there once, under one of
  // its names (S-BARE-1 and 2).
  static std::vector<std::string> JudgeBare(const SeenTree& mounted, const SeenTree& bare);

 private:
  // How much of each file's content has to be there in a state, when so many steps were acknowledged.
  std::map<FileId, uint32_t> DurableContents(size_t state, size_t acknowledged) const;
  size_t LastSync(size_t acknowledged) const;
  Verdict Compare(const SeenTree& seen, size_t state, size_t acknowledged) const;
  std::vector<std::string> CompareNames(const SeenTree& seen, size_t acknowledged) const;
  std::string JudgeContent(FileId file, const SeenEntry& entry, uint32_t durable, size_t acknowledged) const;
  bool IsMadeLater(const std::string& path, const SeenEntry& entry, size_t state, size_t acknowledged) const;

  const std::vector<Step> steps_;
  const Promise promise_;
  const Strangers strangers_;
  std::vector<TreeState> states_;  // by the number of steps done
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_ORACLE_H_
