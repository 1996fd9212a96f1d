// FakeDisk: files in memory for RocksDB, that know what of them is durable, lose the rest in a power cut, and stop at any step they are
// told. It knows nothing of what the files hold.
#ifndef HARDLINKFS_TESTS_FAKES_FAKE_DISK_H_
#define HARDLINKFS_TESTS_FAKES_FAKE_DISK_H_

#include <rocksdb/env.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hardlinkfs {

// What a power cut leaves of what was not synced. Of contents in both: any length from the durable one to the last, each sector of 512
// bytes as it was, as it was written, or, where nothing durable was, what the blocks held before they were this file's. Of entries:
// kJournal keeps the first changes in their order, and any sync all before it. kFat keeps or loses each entry of a directory by itself
// unless the directory is synced: a rename may leave both names, neither, or no target at all, and a file that was renamed, or is new,
// has no content before it is synced once more.
enum class DiskManner { kJournal, kFat };

// What RocksDB asks of its environment: these files, and somebody for the work in the background. That is done at the end of each
// Operation, by the thread that is in it, so that the same calls give the same steps; outside of one, and when the power is off and
// somebody in RocksDB may be waiting for it, by a thread of the disk's. Thread safety: any thread.
class FakeDisk {
 public:
  explicit FakeDisk(DiskManner manner);
  ~FakeDisk();
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  rocksdb::Env* env();

  // Work in the background waits for the end of it, which does all there is. One at a time.
  class Operation {
   public:
    explicit Operation(FakeDisk& disk);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

   private:
    FakeDisk& disk_;
  };

  // Calls so far that change something, or make it durable.
  uint64_t steps() const;
  // The power goes off before the step after the next `steps`: from then on nothing changes, and every call fails.
  void TurnOffAfter(uint64_t steps);
  void TurnOff();  // at once
  bool IsOff() const;
  // On again, with everything that was written: the process has died, not the machine. A step to turn off at stays, unless it was reached.
  // REQUIRES: nobody uses a file.
  void TurnOn();
  // On again, with what `below(n)`, which chooses 0 … n - 1, leaves. REQUIRES: nobody uses a file.
  void TurnOnAfterPowerCut(const std::function<uint64_t(uint64_t)>& below);

  // For tests of damage. RETURNS: the content; "" if there is no such file.
  std::string Read(const std::string& path) const;
  void Write(const std::string& path, const std::string& content);  // durable; makes the file
  bool Exists(const std::string& path) const;
  // Fsync of directories fails from now on as on some network filesystems: EINVAL.
  void RefuseDirectorySync();

 private:
  class Files;
  class Workers;

  const std::shared_ptr<Files> files_;
  std::unique_ptr<rocksdb::Env> plain_;  // files_ and the system's threads
  std::unique_ptr<Workers> workers_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_FAKE_DISK_H_
