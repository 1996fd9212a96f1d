#include "store/volume/snapshot_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

constexpr std::array<const char*, 2> kNames{"0", "1"};
// What a snapshot may be of the free space: there are two, and it is for the users' files.
constexpr uint64_t kShareOfFree = 16;
// Written back at once, so that no one else's fsync has to wait for much of it.
constexpr uint64_t kUnsyncedBytes = uint64_t{8} << 20;

}  // namespace

Result<UniqueFd> SnapshotFolder::OpenFolder() const { return OpenBeneath(parent_.get(), kSnapshotsName, O_RDONLY | O_DIRECTORY); }

Result<UniqueFd> SnapshotFolder::MakeFolder() const {
  if (mkdirat(parent_.get(), kSnapshotsName, 0700) == 0) {
    if (Status synced = SyncDirectoryEntries(parent_.get()); !synced.ok()) return synced.error();
  } else if (errno != EEXIST) {
    return LastError("snapshots: mkdir");
  }
  return OpenFolder();
}

std::vector<SnapshotFolder::Found> SnapshotFolder::List() const {
  std::vector<Found> found;
  const Result<UniqueFd> folder = OpenFolder();
  if (!folder.ok()) return found;
  for (const char* const name : kNames) {
    const Result<UniqueFd> file = OpenBeneath(folder->get(), name, O_RDONLY | O_NONBLOCK);
    if (!file.ok()) continue;
    const Result<SnapshotHead> head = ReadSnapshotHead(file->get());
    if (head.ok() && head->volume == volume_) found.push_back({name, *head});
  }
  std::ranges::sort(found, [](const Found& a, const Found& b) { return a.head.sequence > b.head.sequence; });
  return found;
}

Status SnapshotFolder::Read(const Found& snapshot, const std::function<Status(std::string_view key, std::string_view value)>& visit) const {
  const Result<UniqueFd> folder = OpenFolder();
  if (!folder.ok()) return folder.error();
  const Result<UniqueFd> file = OpenBeneath(folder->get(), snapshot.name.c_str(), O_RDONLY | O_NONBLOCK);
  return file.ok() ? ReadSnapshot(file->get(), visit) : file.error();
}

bool SnapshotFolder::HasRoomFor(uint64_t bytes) const {
  struct statvfs filesystem {};
  if (fstatvfs(parent_.get(), &filesystem) != 0) return false;
  return bytes <= uint64_t{filesystem.f_bavail} * filesystem.f_frsize / kShareOfFree;
}

Result<uint64_t> SnapshotFolder::Write(Cursor& rows, int64_t now, const std::function<Status(uint64_t)>& may_go_on,
                                       const std::function<Status()>& is_durable) {
  const std::vector<Found> before = List();
  const SnapshotHead head{volume_, before.empty() ? 1 : before.front().head.sequence + 1, now};
  const char* const name = !before.empty() && before.front().name == kNames[0] ? kNames[1] : kNames[0];
  const Result<UniqueFd> folder = MakeFolder();
  if (!folder.ok()) return folder.error();
  const Result<UniqueFd> file = OpenBeneath(folder->get(), name, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
  if (!file.ok()) return file.error();
  if (ftruncate(file->get(), 0) != 0) return LastError("snapshots: ftruncate");
  uint64_t synced = 0;
  const auto next = [&](uint64_t bytes) -> Status {
    if (!HasRoomFor(bytes)) return Error{ENOSPC, "snapshots: no room"};
    if (bytes - synced >= kUnsyncedBytes) {
      synced = bytes;
      if (fdatasync(file->get()) != 0) return LastError("snapshots: fdatasync");
    }
    return may_go_on(bytes);
  };
  Result<uint64_t> written = WriteSnapshot(file->get(), head, rows, next, is_durable);
  if (written.ok() && fsync(file->get()) != 0) written = LastError("snapshots: fsync");
  if (written.ok()) {
    if (Status entries = SyncDirectoryEntries(folder->get()); !entries.ok()) written = entries.error();
  }
  // What there is of it would only take up room; should this fail too, it does not look whole.
  if (!written.ok()) static_cast<void>(ftruncate(file->get(), 0) == 0);
  return written;
}

}  // namespace hardlinkfs
