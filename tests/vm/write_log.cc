#include "tests/vm/write_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "store/base/unique_fd.h"
#include "tests/vm/failure.h"

namespace hardlinkfs {
namespace {

// The on-disk structures of drivers/md/dm-log-writes.c, little-endian.
constexpr uint64_t kMagic = 0x6a736677736872ULL;
constexpr uint64_t kVersion = 1;
struct Super {
  uint64_t magic;
  uint64_t version;
  uint64_t entries;
  uint32_t sector_bytes;
};
struct RawEntry {
  uint64_t sector;
  uint64_t sectors;
  uint64_t flags;
  uint64_t mark_bytes;
};
enum Flags : uint64_t { kFlush = 1, kFua = 2, kDiscard = 4, kMark = 8 };

constexpr std::string_view kAcknowledgement = "step ";

void ReadAt(const UniqueFd& log, void* to, size_t bytes, uint64_t offset) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = pread(log.get(), static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0) FailWithErrno("reading the log of writes");
    if (got == 0) Fail("the log of writes ends too early");
    done += static_cast<size_t>(got);
  }
}

template <typename T>
T ReadStruct(const UniqueFd& log, uint64_t offset) {
  T value{};
  ReadAt(log, &value, sizeof value, offset);
  return value;
}

uint64_t ParseAcknowledgement(const char* sector) {
  if (std::string_view(sector, kAcknowledgement.size()) != kAcknowledgement) Fail("no acknowledgement where one should be");
  uint64_t steps = 0;
  std::from_chars(sector + kAcknowledgement.size(), sector + kSectorBytes, steps);
  return steps;
}

}  // namespace

std::string AcknowledgementText(uint64_t steps) { return std::string(kAcknowledgement) + std::to_string(steps) + "\n"; }

WriteLog WriteLog::Read(const std::string& path, uint64_t acknowledgements) {
  const UniqueFd in(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.valid()) FailWithErrno(path);
  const auto super = ReadStruct<Super>(in, 0);
  if (super.magic != kMagic || super.version != kVersion) Fail(path + " is no log of writes");
  WriteLog log;
  uint64_t at = super.sector_bytes;
  for (uint64_t i = 0; i < super.entries; ++i) {
    const auto raw = ReadStruct<RawEntry>(in, at);
    at += super.sector_bytes;
    Entry entry{.offset = raw.sector * kSectorBytes, .length = raw.sectors * kSectorBytes};
    entry.flush = (raw.flags & kFlush) != 0;
    entry.durable = (raw.flags & kFua) != 0;
    entry.discard = (raw.flags & kDiscard) != 0;
    if ((raw.flags & kMark) != 0) continue;  // its text lies in the entry's own sector
    if (entry.length > 0 && !entry.discard) {
      entry.data = log.data_.size();
      log.data_.resize(log.data_.size() + entry.length);
      ReadAt(in, log.data_.data() + entry.data, entry.length, at);
      at += entry.length;
      if (entry.offset >= acknowledgements) entry.acknowledged = ParseAcknowledgement(log.Data(entry));
    }
    log.entries_.push_back(entry);
  }
  // A child has no use for it, and fork(2) would take longer than most commands.
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(log.data_.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(log.data_.data() + log.data_.size()) / page * page;
  if (begin < end && madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTFORK) != 0) FailWithErrno("madvise");
  return log;
}

}  // namespace hardlinkfs
