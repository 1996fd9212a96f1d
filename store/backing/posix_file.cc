// The calls on an open file; see backing.h for what each promises.
#include "store/backing/posix_file.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

int FallocateFlags(AllocateMode mode) {
  switch (mode) {
    case AllocateMode::kExtend:
      return 0;
    case AllocateMode::kKeepSize:
      return FALLOC_FL_KEEP_SIZE;
    case AllocateMode::kPunchHole:
      return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    case AllocateMode::kZeroRange:
      return FALLOC_FL_ZERO_RANGE;
    case AllocateMode::kZeroRangeKeepSize:
      return FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    case AllocateMode::kCollapseRange:
      return FALLOC_FL_COLLAPSE_RANGE;
    case AllocateMode::kInsertRange:
      return FALLOC_FL_INSERT_RANGE;
  }
  return 0;
}

}  // namespace

Result<size_t> PosixFile::Read(std::span<char> into, uint64_t offset) { return ReadFully(fd_.get(), into, offset); }

Status PosixFile::Write(std::span<const char> from, uint64_t offset) { return WriteFully(fd_.get(), from, offset); }

// In one call, as far as that goes: another's lines may come between what is left over.
Status PosixFile::Append(std::span<const char> from) {
  while (!from.empty()) {
    const iovec piece{const_cast<char*>(from.data()), from.size()};
    const ssize_t written = RetryInterrupted([&] { return pwritev2(fd_.get(), &piece, 1, 0, RWF_APPEND); });
    if (written < 0) return LastError("append");
    if (written == 0) return Error{EIO, "append wrote nothing"};
    from = from.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status PosixFile::Truncate(uint64_t size) {
  if (RetryInterrupted([&] { return ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) return LastError("ftruncate");
  return {};
}

Result<BackingStat> PosixFile::Stat() { return StatAt(fd_.get(), ""); }

Status PosixFile::SetTimes(std::optional<Timestamp> atime, std::optional<Timestamp> mtime) { return SetTimesOf(fd_.get(), atime, mtime); }

// The new descriptor takes the number of the old one, so that whoever reads at the same moment finds either.
Status PosixFile::Reopen(int flags, Opened opened) {
  const UniqueFd other(RetryInterrupted([&] { return open(ProcPath(fd_.get()).c_str(), flags | O_CLOEXEC); }));
  if (!other.valid()) return LastError("another open of an open file");
  if (RetryInterrupted([&] { return dup3(other.get(), fd_.get(), O_CLOEXEC); }) < 0) return LastError("dup3");
  opened_ = opened;
  return {};
}

// What is append-only may be opened in no other way.
Status PosixFile::MakeWritable() {
  if (opened_ == Opened::kReadWrite) return {};
  Status reopened = Reopen(O_RDWR, Opened::kReadWrite);
  return reopened.code() == EPERM ? Reopen(O_RDWR | O_APPEND, Opened::kReadWrite) : reopened;
}

// A lease to read cannot be had while anybody writes (fcntl(2)).
Result<bool> PosixFile::HasWriters() {
  if (fcntl(fd_.get(), F_SETLEASE, F_RDLCK) != 0) {
    if (errno == EAGAIN) return true;
    return LastError("F_SETLEASE");
  }
  fcntl(fd_.get(), F_SETLEASE, F_UNLCK);
  return false;
}

void PosixFile::EndWriting() {
  if (opened_ == Opened::kReadWrite) static_cast<void>(Reopen(O_RDONLY, Opened::kReadOnly));
}

Status PosixFile::Sync() {
  if (RetryInterrupted([&] { return fsync(fd_.get()); }) != 0) return LastError("fsync");
  return {};
}

Status PosixFile::Allocate(AllocateMode mode, uint64_t offset, uint64_t length) {
  const int flags = FallocateFlags(mode);
  const auto call = [&] { return fallocate(fd_.get(), flags, static_cast<off_t>(offset), static_cast<off_t>(length)); };
  if (RetryInterrupted(call) == 0) return {};
  if (errno == ENOSYS) return Error{EOPNOTSUPP, "fallocate"};
  return LastError("fallocate");
}

Result<uint64_t> PosixFile::Seek(SeekTarget target, uint64_t offset) {
  // Moves the descriptor's own offset, which nothing here ever uses.
  const off_t found = lseek(fd_.get(), static_cast<off_t>(offset), target == SeekTarget::kData ? SEEK_DATA : SEEK_HOLE);
  if (found >= 0) return static_cast<uint64_t>(found);
  if (errno != EINVAL) return LastError("lseek");
  const auto stat = Stat();
  if (!stat.ok()) return stat.error();
  if (offset >= stat->size) return Error{ENXIO, "seek beyond the end"};
  return target == SeekTarget::kData ? offset : stat->size;
}

Result<size_t> PosixFile::CopyTo(uint64_t offset, BackingFile& to, uint64_t to_offset, size_t length) {
  auto in = static_cast<off_t>(offset);
  auto out = static_cast<off_t>(to_offset);
  if (to.descriptor() < 0) return Error{EOPNOTSUPP, "copy to a file without a descriptor"};
  const ssize_t copied = RetryInterrupted([&] { return copy_file_range(fd_.get(), &in, to.descriptor(), &out, length, 0); });
  if (copied >= 0) return static_cast<size_t>(copied);
  if (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP) return Error{EOPNOTSUPP, "copy_file_range"};
  return LastError("copy_file_range");
}

}  // namespace hardlinkfs
