// MemoryBacking: a Backing in memory that behaves as its Capabilities say (FAT's manners, ext4's, or any mix), counts what is asked of it,
// fails when told to, and loses in a power cut what its kind of disk may lose.
#ifndef HARDLINKFS_TESTS_FAKES_MEMORY_BACKING_H_
#define HARDLINKFS_TESTS_FAKES_MEMORY_BACKING_H_

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/capabilities.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"

namespace hardlinkfs {

// What can be asked of a backing: to be counted, and to fail.
enum class BackingCall {
  kOpenDirectory,
  kList,
  kStat,
  kStatDirectory,
  kMakeDirectory,
  kCreateFile,
  kOpenFile,
  kRename,
  kRemoveFile,
  kRemoveDirectory,
  kSetMode,
  kSetOwner,
  kSetTimes,
  kReadLink,
  kListXattrs,
  kGetXattr,
  kSyncDirectory,
  kSpace,
  kRead,
  kWrite,
  kTruncate,
  kStatFile,
  kSetFileTimes,
  kSyncFile,
  kAllocate,
  kSeek,
  kCopyTo,
};
inline constexpr size_t kBackingCalls = static_cast<size_t>(BackingCall::kCopyTo) + 1;

// RETURNS: whether the call may change the backing. A sync does not change, but it is not free either: it has a count of its own.
bool IsChange(BackingCall call);

// Every capability; and those of exFAT through its FUSE driver.
Capabilities FullCapabilities();
Capabilities ExfatCapabilities();

// What a power cut may take. kJournal: the order of changes of names is kept, and any sync keeps all before it; contents are lost sector by
// sector unless synced. kFat: each entry of each directory is on its own, a rename may leave both names, and what was moved has no content
// if something else is synced before it is (as the kernel's vfat).
enum class Disk { kDurable, kJournal, kFat };

struct MemoryBackingOptions {
  Disk disk = Disk::kDurable;
  Capabilities capabilities = FullCapabilities();
  uint64_t capacity_bytes = uint64_t{1} << 40;
  uint64_t max_file_bytes = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());  // FAT: 4 GiB - 1
  // False as on the kernel's vfat: Rename answers EEXIST to a change of case only.
  bool changes_case_in_one_step = true;
};

namespace memory_backing {
class Tree;
struct Node;
}  // namespace memory_backing

// Thread safety: any thread.
class MemoryBacking final : public Backing {
 public:
  // How an entry begins whose long name a power cut took: with Disk::kFat.
  static constexpr char kTornName[] = "TORN~";
  // A directory of more than so many has a size of another cluster.
  static constexpr size_t kEntriesInACluster = 16;

  // RETURNS: the errno to fail with, or 0. `name` is empty for calls that take none. Called before the call acts and with no lock held,
  // so that a hook may itself use the backing; what it asks for is counted and passes the hook, too.
  using FaultHook = std::function<int(BackingCall call, const std::string& name)>;

  // `clock` is borrowed.
  MemoryBacking(MemoryBackingOptions options, const Clock& clock);
  ~MemoryBacking() override;

  BackingDirectoryRef root() const override;
  Result<BackingDirectoryRef> OpenDirectory(const BackingDirectoryRef& in, const BackingName& name) override;
  Status List(const BackingDirectoryRef& directory, const EntryVisitor& visit) override;
  Result<BackingStat> Stat(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<BackingStat> StatDirectory(const BackingDirectoryRef& directory) override;
  Status MakeDirectory(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Result<std::unique_ptr<BackingFile>> CreateFile(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Result<std::unique_ptr<BackingFile>> OpenFile(const BackingDirectoryRef& in, const BackingName& name) override;
  Status Rename(const BackingDirectoryRef& from, const BackingName& from_name, const BackingDirectoryRef& to,
                const BackingName& to_name) override;
  Status RemoveFile(const BackingDirectoryRef& in, const BackingName& name) override;
  Status RemoveDirectory(const BackingDirectoryRef& in, const BackingName& name) override;
  Status SetMode(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Status SetOwner(const BackingDirectoryRef& in, const BackingName& name, uint32_t uid, uint32_t gid) override;
  Status SetTimes(const BackingDirectoryRef& in, const BackingName& name, std::optional<Timestamp> atime,
                  std::optional<Timestamp> mtime) override;
  Result<std::string> ReadLink(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<std::vector<std::string>> ListXattrs(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<std::string> GetXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr) override;
  Status SyncDirectory(const BackingDirectoryRef& directory) override;
  Result<BackingSpace> Space() override;

  // --- What a test arranges.
  void SetFaultHook(FaultHook hook);
  // The n-th call from now on (1 is the next) of `call`, or of any when nullopt, fails with `error`; once. A later order replaces it.
  void FailNth(std::optional<BackingCall> call, uint64_t n, int error);
  void SetWritesHalf(bool half);     // a write that is made to fail has written the first half of its bytes
  void SetReadOnly(bool read_only);  // EROFS to every change
  void SetCapacity(uint64_t bytes);  // below what is used: nothing can be added

  uint64_t calls(BackingCall call) const;
  uint64_t changes() const;  // the calls so far that may change the backing, whether or not they succeeded
  void ForgetCalls();

  // Things that the Backing interface finds but never makes. EEXIST.
  Status AddSymlink(const BackingDirectoryRef& in, const BackingName& name, const std::string& target);
  Status AddSpecial(const BackingDirectoryRef& in, const BackingName& name, FileType type, uint64_t rdev);
  Status AddDirectoryOfSizeZero(const BackingDirectoryRef& in, const BackingName& name);  // as fsck.exfat leaves some
  Status AddXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr, const std::string& value);

  // Everything so far is durable.
  void SyncEverything();
  // The next fsync, of whatever it is, fails with EIO; those of the same file or directory that follow succeed, and write nothing: as
  // the kernel does it.
  void FailNextSync();
  // RETURNS: whether one has failed so since the last power cut.
  bool sync_has_failed() const;
  // RETURNS: the directories that were moved and whose ".." shows the old parent if the power is cut now. A journal has none.
  std::vector<std::string> UnsyncedParents();
  // What was not synced is lost in part, as `below(n)`, which chooses 0 … n - 1, decides. Open files and directories must not be used
  // again. RETURNS: whether it left two entries of one file, which are two files from then on.
  bool CutPower(const std::function<uint64_t(uint64_t)>& below);

  // Gives every entry another st_ino, as a remount does where Capabilities::stable_inodes is false.
  void RenumberInodes();

 private:
  friend class MemoryFile;

  // Counts the call. RETURNS: the error that was ordered for it.
  Status Enter(BackingCall call, const std::string& name);
  bool writes_half() const;
  Status Sync(const std::shared_ptr<memory_backing::Node>& node);

  const std::unique_ptr<memory_backing::Tree> tree_;
  mutable Mutex mutex_;  // a leaf: the tree has its own, never held together
  FaultHook hook_ GUARDED_BY(mutex_);
  std::optional<BackingCall> failing_call_ GUARDED_BY(mutex_);
  uint64_t calls_to_failure_ GUARDED_BY(mutex_) = 0;  // 0: none is ordered
  int failure_ GUARDED_BY(mutex_) = 0;
  bool writes_half_ GUARDED_BY(mutex_) = false;
  bool fails_next_sync_ GUARDED_BY(mutex_) = false;
  bool sync_has_failed_ GUARDED_BY(mutex_) = false;
  std::array<uint64_t, kBackingCalls> calls_ GUARDED_BY(mutex_){};
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_MEMORY_BACKING_H_
