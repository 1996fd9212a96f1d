// WriteLog: what a disk was told to write, in order, as the kernel's dm-log-writes recorded it (Documentation/admin-guide/device-mapper/
// log-writes.rst). Acknowledgements of the workload are in it too: writes behind the end of the filesystem.
#ifndef HARDLINKFS_TESTS_VM_WRITE_LOG_H_
#define HARDLINKFS_TESTS_VM_WRITE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hardlinkfs {

inline constexpr size_t kSectorBytes = 512;

// What the workload writes into the sector of acknowledgements: "step N", N steps are done.
std::string AcknowledgementText(uint64_t steps);

class WriteLog {
 public:
  struct Entry {
    uint64_t offset = 0;   // on the disk, in bytes
    uint64_t length = 0;   // 0: only a flush
    size_t data = 0;       // where in the log's data; unused when it is discarded
    bool flush = false;    // all that was written before is durable from here on
    bool durable = false;  // this write is, when it is done (FUA)
    bool discard = false;
    std::optional<uint64_t> acknowledged;
  };

  // Ends the program when the log cannot be read. Writes at `acknowledgements` (bytes) and behind are none of the filesystem's.
  static WriteLog Read(const std::string& path, uint64_t acknowledgements);

  const std::vector<Entry>& entries() const { return entries_; }
  const char* Data(const Entry& entry) const { return data_.data() + entry.data; }

 private:
  std::vector<Entry> entries_;
  std::vector<char> data_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_WRITE_LOG_H_
