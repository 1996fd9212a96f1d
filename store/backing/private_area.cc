// Order of creation: folder, lock, README, homes/, and the volume file last. An area without a volume file, or with an empty one, is thus
// one whose making was cut short, and the next Open goes on with it; unless something else lies in it already: then it is damaged.
#include "store/backing/private_area.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string_view>
#include <vector>

#include "store/backing/linux_calls.h"
#include "store/backing/session_file.h"
#include "store/backing/volume_file.h"

namespace hardlinkfs {
namespace {

constexpr char kReadmeName[] = "README.txt";
constexpr char kVolumeName[] = "volume";
constexpr char kLockName[] = "lock";
constexpr char kCatalogName[] = "catalog";
constexpr char kReserveName[] = "reserve";
constexpr char kUnfinishedName[] = "unfinished";  // there from before the volume file until the volume has a catalog
constexpr std::string_view kTemporarySuffix = ".new";
constexpr size_t kLargestVolumeFile = 4096;

constexpr std::string_view kReadme = R"(hardlinkfs: what this folder is
===============================

Somebody uses this disk, stick or share with hardlinkfs, a program for Linux
that gives a drive what it lacks by itself: files with several names (hard
links), owners and permissions, symbolic links, exact times, names that
differ only in upper and lower case.

Your files are not in this folder, and they are not in a special format. They
are ordinary, complete files, outside of this folder, and you can read, copy
and change them with any computer. A file that has several names is there
once, under one of them. A name that this drive cannot hold is spelled a
little differently, with % signs: "a:b" is called "a%3Ab".


What is in here
---------------

  volume      the number by which hardlinkfs knows this drive again
  catalog     the names, links, owners, permissions and times of your files
              (it may also be kept somewhere else)
  snapshots   two copies of the catalog, in case it gets damaged
  reserve     room for what must still be written down when the drive is full
  homes       complete files that wait for their place outside, or that
              never had one. Usually empty
  session     tells whether the drive was unplugged without being unmounted
  lock        keeps two programs from using the drive at the same time
  README.txt  this text


Please do not delete this folder
--------------------------------

Without it the files outside stay as they are, but the further names of
linked files, the owners, permissions and symbolic links are lost, and what
is in homes is lost altogether. If you do not want to use hardlinkfs any
more, first look into homes (see below).

Copying this folder to another drive does not copy the files.


How to get everything back
--------------------------

With hardlinkfs, on Linux:

    hardlinkfs mount /path/to/this/drive /path/to/this/drive

What you have added, changed or deleted outside of this folder in the
meantime is taken over.

Without hardlinkfs: everything outside of this folder is yours, as it is.
What is in homes are contents without a place: files whose name outside was
taken or not possible, or that had not been moved to their place when the
drive was last unplugged. Copy them out and rename them by what is in them.
)";

// What the volume file was found to be.
struct Found {
  enum class State { kAbsent, kEmpty, kWritten } state = State::kAbsent;
  VolumeFile volume;  // when kWritten
};

Result<Found> ReadVolume(int area_fd) {
  const auto file = OpenBeneath(area_fd, kVolumeName, O_RDONLY | O_NONBLOCK);
  if (file.code() == ENOENT) return Found{};
  if (!file.ok()) return file.error();
  std::string text(kLargestVolumeFile + 1, '\0');
  const auto got = ReadFully(file->get(), text, 0);
  if (got.code() == EISDIR || got.code() == EAGAIN) return Error{EUCLEAN, "volume file: not a file"};
  if (!got.ok()) return got.error();
  if (*got > kLargestVolumeFile) return Error{EUCLEAN, "volume file: too large"};
  text.resize(*got);
  // FAT shows a length of 0 after a power cut between the rename and the sync that follows it.
  if (text.empty()) return Found{Found::State::kEmpty, {}};
  auto volume = ParseVolumeFile(text);
  if (!volume.ok()) return volume.error();
  return Found{Found::State::kWritten, std::move(*volume)};
}

// Whether the area holds a catalog or homes, which only come after the volume file.
Result<bool> HoldsAnything(int area_fd) {
  const auto catalog = StatAt(area_fd, kCatalogName);
  if (catalog.ok()) return true;
  if (catalog.code() != ENOENT) return catalog.error();
  const auto homes = OpenBeneath(area_fd, kHomesName, O_PATH | O_DIRECTORY);
  if (homes.code() == ENOENT) return false;
  if (!homes.ok()) return homes.error();
  bool any = false;
  const Status listed = ListDirectory(homes->get(), [&](const BackingEntry&) {
    any = true;
    return false;
  });
  if (!listed.ok()) return listed.error();
  return any;
}

// RETURNS: the volume file, or nullopt where the making of the area was cut short before it; EUCLEAN, ENOTSUP.
Result<std::optional<VolumeFile>> Judge(int area_fd) {
  auto found = ReadVolume(area_fd);
  if (!found.ok()) return found.error();
  if (found->state == Found::State::kWritten) return std::optional<VolumeFile>(std::move(found->volume));
  const auto holds_anything = HoldsAnything(area_fd);
  if (!holds_anything.ok()) return holds_anything.error();
  if (*holds_anything) return Error{EUCLEAN, "volume file: lost, but there are contents"};
  return std::optional<VolumeFile>();
}

// The lock is one of the open file, so it also keeps out a second server in this process; it goes with the descriptor.
Result<UniqueFd> TakeLock(int area_fd, PrivateArea::Access access) {
  const bool writes = access == PrivateArea::Access::kReadWrite;
  auto file = OpenBeneath(area_fd, kLockName, writes ? O_RDWR | O_CREAT | O_NONBLOCK : O_RDONLY | O_NONBLOCK, writes ? 0600 : 0);
  // A reader may find no lock file, or may not open it: then there is nothing to lock with, and it changes nothing.
  if (!file.ok() && !writes) return UniqueFd();
  if (!file.ok()) return file.error();
  if (RetryInterrupted([&] { return flock(file->get(), (writes ? LOCK_EX : LOCK_SH) | LOCK_NB); }) == 0) return file;
  if (errno == EWOULDBLOCK) return Error{EBUSY, "the volume is in use by another server"};
  return LastError("flock");
}

// Writes beside, syncs, renames, and syncs the file once more: vfat loses the content of a renamed file otherwise.
Status PutFile(int area_fd, const char* name, std::string_view content) {
  const std::string temporary = std::string(name).append(kTemporarySuffix);
  const auto file = OpenBeneath(area_fd, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0600);
  if (!file.ok()) return file.error();
  if (const Status written = WriteFully(file->get(), content, 0); !written.ok()) return written;
  if (RetryInterrupted([&] { return fsync(file->get()); }) != 0) return LastError("fsync in the private area");
  if (renameat(area_fd, temporary.c_str(), area_fd, name) != 0) return LastError("rename in the private area");
  if (RetryInterrupted([&] { return fsync(file->get()); }) != 0) return LastError("fsync in the private area");
  return SyncDirectoryEntries(area_fd);
}

// Puts back what a finder may have deleted, and what the first Open had no time for.
Status Complete(int area_fd) {
  if (StatAt(area_fd, kReadmeName).code() == ENOENT) {
    if (const Status put = PutFile(area_fd, kReadmeName, kReadme); !put.ok()) return put;
  }
  if (mkdirat(area_fd, kHomesName, 0700) != 0 && errno != EEXIST) return LastError("mkdir homes");
  return SyncDirectoryEntries(area_fd);
}

Result<VolumeFile> MakeVolume(int root_fd, int area_fd) {
  auto volume = NewVolumeFile();
  if (!volume.ok()) return volume;
  if (const Status put = PutFile(area_fd, kUnfinishedName, "No catalog was made yet.\n"); !put.ok()) return put.error();
  if (const Status put = PutFile(area_fd, kVolumeName, FormatVolumeFile(*volume)); !put.ok()) return put.error();
  if (const Status synced = SyncDirectoryEntries(root_fd); !synced.ok()) return synced.error();
  return volume;
}

// Takes back an area that could not be finished. What remains after a failure here is found by the next Open.
void Unmake(int root_fd, int area_fd, UniqueFd& lock) {
  const auto catalog = OpenBeneath(area_fd, kCatalogName, O_RDONLY | O_DIRECTORY);
  if (catalog.ok()) {
    std::vector<std::string> names;
    const Status listed = ListDirectory(catalog->get(), [&](const BackingEntry& entry) {
      names.push_back(entry.name.bytes());
      return true;
    });
    static_cast<void>(listed);
    for (const std::string& name : names) unlinkat(catalog->get(), name.c_str(), 0);
    unlinkat(area_fd, kCatalogName, AT_REMOVEDIR);
  }
  for (const std::string_view name : {kVolumeName, kUnfinishedName, kReadmeName, kReserveName, kSessionName}) {
    unlinkat(area_fd, std::string(name).c_str(), 0);
    unlinkat(area_fd, std::string(name).append(kTemporarySuffix).c_str(), 0);
  }
  unlinkat(area_fd, kHomesName, AT_REMOVEDIR);
  // A FUSE backing keeps the entry of a file that is removed while it is open, and the folder could not go. If another server takes the
  // lock now, it finds an empty area and makes its own; then the folder stays.
  lock = UniqueFd();
  unlinkat(area_fd, kLockName, 0);
  unlinkat(root_fd, kPrivateAreaName, AT_REMOVEDIR);
}

struct Area {
  UniqueFd directory;
  bool made = false;  // by this call
};

Result<Area> OpenOrMakeArea(int root_fd, PrivateArea::Access access) {
  constexpr uint64_t kFlags = O_RDONLY | O_DIRECTORY;
  auto directory = OpenBeneath(root_fd, kPrivateAreaName, kFlags);
  if (directory.ok()) return Area{std::move(*directory), false};
  if (directory.code() != ENOENT || access == PrivateArea::Access::kReadOnly) return directory.error();
  if (mkdirat(root_fd, kPrivateAreaName, 0700) != 0) return LastError("mkdir of the private area");
  directory = OpenBeneath(root_fd, kPrivateAreaName, kFlags);
  if (!directory.ok()) return directory.error();
  return Area{std::move(*directory), true};
}

}  // namespace

Result<std::unique_ptr<PrivateArea>> PrivateArea::Open(int root_fd, Access access) {
  auto area = OpenOrMakeArea(root_fd, access);
  if (!area.ok()) return area.error();
  auto opened = OpenIn(root_fd, std::move(area->directory), access);
  if (!opened.ok() && area->made) {
    const auto directory = OpenBeneath(root_fd, kPrivateAreaName, O_PATH | O_DIRECTORY);
    // Without the lock it may be another server's by now, and with a volume it is of use.
    Result<UniqueFd> lock = directory.ok() ? TakeLock(directory->get(), access) : Result<UniqueFd>(directory.error());
    if (lock.ok() && StatAt(directory->get(), kVolumeName).code() == ENOENT) Unmake(root_fd, directory->get(), *lock);
  }
  return opened;
}

Result<std::unique_ptr<PrivateArea>> PrivateArea::OpenIn(int root_fd, UniqueFd directory, Access access) {
  const int fd = directory.get();
  // Before the lock, since taking it may make a file: what is refused is left as it was found.
  if (const auto judged = Judge(fd); !judged.ok()) return judged.error();
  auto lock = TakeLock(fd, access);
  if (!lock.ok()) return lock.error();
  // Once more: another server may have made the volume between.
  auto volume = Judge(fd);
  if (!volume.ok()) return volume.error();
  bool is_new = !volume->has_value();
  if (access == Access::kReadOnly) {
    if (is_new) return Error{EINPROGRESS, "the first mount of the volume did not come to an end"};
    is_new = StatAt(fd, kUnfinishedName).ok();
    return std::unique_ptr<PrivateArea>(new PrivateArea(std::move(directory), std::move(*lock), std::move(**volume), is_new));
  }
  if (const Status completed = Complete(fd); !completed.ok()) return completed.error();
  if (is_new) {
    auto made = MakeVolume(root_fd, fd);
    if (!made.ok()) return made.error();
    *volume = std::move(*made);
    auto opened = std::unique_ptr<PrivateArea>(new PrivateArea(std::move(directory), std::move(*lock), std::move(**volume), true));
    opened->made_ = true;
    return opened;
  } else {
    const auto unfinished = StatAt(fd, kUnfinishedName);
    if (!unfinished.ok() && unfinished.code() != ENOENT) return unfinished.error();
    is_new = unfinished.ok();
  }
  return std::unique_ptr<PrivateArea>(new PrivateArea(std::move(directory), std::move(*lock), std::move(**volume), is_new));
}

Result<std::unique_ptr<PrivateArea>> PrivateArea::OpenLost(int root_fd) {
  auto directory = OpenBeneath(root_fd, kPrivateAreaName, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.error();
  const int fd = directory->get();
  auto lock = TakeLock(fd, Access::kReadWrite);
  if (!lock.ok()) return lock.error();
  auto found = Judge(fd);
  if (!found.ok() && found.code() != EUCLEAN) return found.error();
  if (const Status completed = Complete(fd); !completed.ok()) return completed.error();
  VolumeFile volume;
  bool is_new = false;
  if (found.ok() && found->has_value()) {
    volume = std::move(**found);
    is_new = StatAt(fd, kUnfinishedName).ok();
  } else {
    auto made = NewVolumeFile();
    if (!made.ok()) return made.error();
    volume = std::move(*made);
    const std::string kept = std::string(kVolumeName) + ".damaged";
    if (renameat(fd, kVolumeName, fd, kept.c_str()) != 0 && errno != ENOENT) return LastError("rename of the volume file");
    if (const Status put = PutFile(fd, kVolumeName, FormatVolumeFile(volume)); !put.ok()) return put.error();
  }
  return std::unique_ptr<PrivateArea>(new PrivateArea(std::move(*directory), std::move(*lock), std::move(volume), is_new));
}

Status PrivateArea::MarkFinished() {
  if (!is_new_) return {};
  if (unlinkat(directory_.get(), kUnfinishedName, 0) != 0 && errno != ENOENT) return LastError("unlink in the private area");
  is_new_ = false;
  return SyncDirectoryEntries(directory_.get());
}

void PrivateArea::Discard(int root_fd) {
  if (made_) Unmake(root_fd, directory_.get(), lock_);
}

}  // namespace hardlinkfs
