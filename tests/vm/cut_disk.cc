#include "tests/vm/cut_disk.h"

#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "tests/model/dice.h"
#include "tests/vm/failure.h"

namespace hardlinkfs {
namespace {

constexpr unsigned kPercentKept = 50;
constexpr unsigned kPercentTorn = 30;

void WriteAt(int disk, const char* data, uint64_t bytes, uint64_t offset) {
  while (bytes > 0) {
    const ssize_t written = pwrite(disk, data, bytes, static_cast<off_t>(offset));
    if (written <= 0) FailWithErrno("writing the disk after a cut");
    data += written;
    bytes -= static_cast<uint64_t>(written);
    offset += static_cast<uint64_t>(written);
  }
}

}  // namespace

const char* NameOf(CutMode mode) {
  switch (mode) {
    case CutMode::kPrefix:
      return "prefix";
    case CutMode::kFlushed:
      return "flushed";
    case CutMode::kRandom:
      return "random";
  }
  return "";
}

void CutDisk::Apply(int disk, const WriteLog::Entry& entry) const {
  if (entry.discard) {
    const std::vector<char> zeros(entry.length);
    WriteAt(disk, zeros.data(), zeros.size(), entry.offset);
  } else {
    WriteAt(disk, log_.Data(entry), entry.length, entry.offset);
  }
}

UniqueFd CutDisk::At(size_t position, CutMode mode, uint64_t seed) const {
  UniqueFd disk(memfd_create("disk", MFD_CLOEXEC));
  if (!disk.valid() || ftruncate(disk.get(), static_cast<off_t>(bytes_)) != 0) FailWithErrno("making a disk");
  const auto& entries = log_.entries();
  size_t flushed = 0;  // the entries before this one are durable
  for (size_t i = 0; i < position; ++i) {
    if (entries[i].flush) flushed = i;
  }
  Dice dice(seed);
  for (size_t i = 0; i < position; ++i) {
    const WriteLog::Entry& entry = entries[i];
    if (entry.length == 0 || entry.offset >= bytes_) continue;
    if (mode == CutMode::kPrefix || i < flushed || entry.durable) {
      Apply(disk.get(), entry);
    } else if (mode == CutMode::kRandom && dice.Chance(kPercentKept)) {
      if (entry.discard || !dice.Chance(kPercentTorn)) {
        Apply(disk.get(), entry);
        continue;
      }
      for (uint64_t at = 0; at < entry.length; at += kSectorBytes) {
        if (dice.Chance(kPercentKept)) WriteAt(disk.get(), log_.Data(entry) + at, kSectorBytes, entry.offset + at);
      }
    }
  }
  return disk;
}

}  // namespace hardlinkfs
