// SimRun: random operations on a volume over a disk that loses what was not synced; a power cut before any step, also during recovery; and
// the judgement of what is found afterwards. From a seed, so that a failure can be had again.
#ifndef HARDLINKFS_TESTS_SIM_SIM_RUN_H_
#define HARDLINKFS_TESTS_SIM_SIM_RUN_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/model/dice.h"
#include "tests/model/machine.h"

namespace hardlinkfs {

// What it was that did not hold; the text is for people.
class SimFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using SimTrace = std::function<void(const std::string&)>;

class SimRun {
 public:
  SimRun(const MachineOptions& options, uint64_t seed, SimTrace trace);

  // Throws SimFailure.
  void Run();
  // RETURNS: how often the power was cut.
  uint64_t cuts() const { return cuts_; }

 private:
  static constexpr size_t kPages = 3;

  // One state of a content: a stamp a page (0: zeros), and the size.
  struct Content {
    uint64_t size = 0;
    std::array<uint64_t, kPages> stamps{};
  };
  struct File {
    FileType type = FileType::kRegular;
    uint32_t nlink = 0;
    int handles = 0;
    bool linkable = false;
    std::vector<Content> history{Content{}};  // [floor …] may be found after a power cut, page by page
    size_t floor = 0;
  };
  using Names = std::map<InodeId, std::map<std::string, InodeId>>;  // of directories

  // sim_operations.cc
  void Operate();
  void MakeFile();
  void MakeDirectory();
  void MakeSymlink();
  void MakeTemporary();
  void Link();
  void Unlink();
  void RemoveDirectory();
  void Rename();
  void ReplaceByRename();
  void Write();
  void Release();
  void SyncFile();
  void SyncDirectory();
  void SyncAll();
  void Persist();
  void Settle();
  void Reclaim();
  InodeId PickDirectory();
  std::string PickName();
  // RETURNS: an existing name, or an empty one.
  std::pair<InodeId, std::string> PickEntry();
  InodeId PickFile();
  bool IsBelow(InodeId directory, InodeId below) const;
  void Lose(InodeId inode);
  // RETURNS: whether it was acknowledged. Fails when it was refused with something else than what the model says.
  bool Acknowledged(int code, int expected);

  // sim_run.cc
  bool Step();
  void NoteSync();
  void CutPower();
  void Recover();
  void Trace(const std::string& text) const;
  void TraceDisk(const BackingDirectoryRef& directory, const std::string& indent);
  [[noreturn]] void Fail(const std::string& what) const;

  // sim_check.cc
  void Check();
  void CheckDirectory(InodeId directory, const std::string& path, std::map<InodeId, uint32_t>& found);
  void CheckContent(InodeId inode, const File& file, const std::string& path);
  void CheckStranger(InodeId inode, FileType type, const std::string& path);

  Machine machine_;
  Dice dice_;
  const SimTrace trace_;

  Names names_;
  std::map<InodeId, File> files_;
  std::set<InodeId> takeovers_;  // since the last sync of the log
  uint64_t last_stamp_ = 0;

  // As of the last sync of the log.
  Names durable_names_;
  std::map<InodeId, uint32_t> durable_nlinks_;

  uint64_t steps_left_ = 0;
  bool dead_ = false;
  bool recovering_ = false;
  uint64_t cuts_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_SIM_RUN_H_
