// Each aspect is one function that tries it and looks at what came of it: backings differ in their errnos, and some answer success
// without doing anything. Only a full disk is an error: it says nothing of what the backing can do.
#include "store/backing/probe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "store/backing/filesystem_name.h"
#include "store/backing/linux_calls.h"
#include "store/backing/scratch_folder.h"

namespace hardlinkfs {
namespace {

using std::chrono::nanoseconds;

class Prober {
 public:
  explicit Prober(int fd) : fd_(fd) {}

  Result<Capabilities> Run();

 private:
  // Notes a full disk. RETURNS: whether the call succeeded.
  bool Ok(long result) {
    if (result < 0 && (errno == ENOSPC || errno == EDQUOT)) full_ = errno;
    return result >= 0;
  }

  UniqueFd Make(const std::string& name);
  std::optional<BackingStat> Look(const char* name) const;
  bool Listed(const std::string& name) const;
  // Whether a file of that name can be made and is listed as just that.
  bool Holds(const std::string& name);
  bool HoldsAll(std::initializer_list<std::string_view> names);

  bool HardLinks();
  bool Symlinks();
  bool SpecialFiles();
  bool Modes();
  bool Owners();
  bool UserXattrs();
  bool CaseSensitive();
  bool EmptyFilesDiffer();
  bool SparseFiles();
  bool RenameNoReplace();
  bool RenameExchange();
  bool Tmpfile();
  size_t MaxNameBytes();
  nanoseconds TimeGranularity();

  const int fd_;
  int full_ = 0;  // ENOSPC or EDQUOT once it was met
};

UniqueFd Prober::Make(const std::string& name) {
  auto made = OpenBeneath(fd_, name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  if (made.ok()) return std::move(*made);
  errno = made.code();
  Ok(-1);
  return {};
}

std::optional<BackingStat> Prober::Look(const char* name) const {
  const auto stat = StatAt(fd_, name);
  if (!stat.ok()) return std::nullopt;
  return *stat;
}

bool Prober::Listed(const std::string& name) const {
  bool found = false;
  const Status listed = ListDirectory(fd_, [&](const BackingEntry& entry) {
    found = entry.name.bytes() == name;
    return !found;
  });
  return listed.ok() && found;
}

bool Prober::Holds(const std::string& name) {
  if (!Make(name).valid()) return false;
  const bool listed = Listed(name);
  unlinkat(fd_, name.c_str(), 0);
  return listed;
}

bool Prober::HoldsAll(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (!Holds(std::string(name))) return false;
  }
  return true;
}

bool Prober::HardLinks() {
  if (!Make("link-from").valid() || !Ok(linkat(fd_, "link-from", fd_, "link-to", 0))) return false;
  const auto from = Look("link-from");
  const auto to = Look("link-to");
  if (!from || !to || from->inode != to->inode) return false;
  struct stat shown {};
  return fstatat(fd_, "link-to", &shown, AT_SYMLINK_NOFOLLOW) == 0 && shown.st_nlink == 2;
}

bool Prober::Symlinks() {
  constexpr std::string_view kTarget = "../some/where else";
  if (!Ok(symlinkat(kTarget.data(), fd_, "symlink"))) return false;
  std::array<char, 64> target{};
  const ssize_t length = readlinkat(fd_, "symlink", target.data(), target.size());
  const auto stat = Look("symlink");
  return stat && stat->type == FileType::kSymlink && length > 0 && kTarget == std::string_view(target.data(), static_cast<size_t>(length));
}

bool Prober::SpecialFiles() {
  if (!Ok(mkfifoat(fd_, "fifo", 0600))) return false;
  const auto stat = Look("fifo");
  return stat && stat->type == FileType::kFifo;
}

bool Prober::Modes() {
  const UniqueFd file = Make("modes");
  if (!file.valid()) return false;
  for (const mode_t mode : {04711U, 0604U, 0040U}) {
    if (!Ok(fchmod(file.get(), mode))) return false;
    const auto stat = Look("modes");
    if (!stat || stat->mode != mode) return false;
  }
  return true;
}

bool Prober::Owners() {
  const UniqueFd file = Make("owners");
  const auto before = Look("owners");
  if (!file.valid() || !before) return false;
  const uid_t uid = before->uid + 1;
  const gid_t gid = before->gid + 1;
  if (!Ok(fchown(file.get(), uid, gid))) return false;
  const auto after = Look("owners");
  return after && after->uid == uid && after->gid == gid;
}

bool Prober::UserXattrs() {
  constexpr char kXattr[] = "user.hardlinkfs.probe";
  const UniqueFd file = Make("xattrs");
  if (!file.valid() || !Ok(fsetxattr(file.get(), kXattr, "12345", 5, 0))) return false;
  std::array<char, 16> value{};
  return fgetxattr(file.get(), kXattr, value.data(), value.size()) == 5 && std::string_view(value.data(), 5) == "12345";
}

bool Prober::CaseSensitive() { return Make("case").valid() && !Look("CASE") && Make("CASE").valid() && Listed("case") && Listed("CASE"); }

bool Prober::EmptyFilesDiffer() {
  if (!Make("empty-1").valid() || !Make("empty-2").valid()) return false;
  const auto first = Look("empty-1");
  const auto second = Look("empty-2");
  return first && second && first->inode != second->inode;
}

bool Prober::SparseFiles() {
  constexpr uint64_t kHole = 256 * 1024;  // takes that much of a full filesystem without them
  const UniqueFd file = Make("sparse");
  if (!file.valid() || !Ok(pwrite(file.get(), "x", 1, kHole))) return false;
  fsync(file.get());  // some only count the blocks once they are there
  const auto stat = Look("sparse");
  return stat && stat->size == kHole + 1 && stat->blocks * 512 < kHole / 2;
}

bool Prober::RenameNoReplace() {
  if (!Make("noreplace-1").valid() || !Make("noreplace-2").valid()) return false;
  if (renameat2(fd_, "noreplace-1", fd_, "noreplace-2", RENAME_NOREPLACE) == 0 || errno != EEXIST) return false;
  // The kernel answers EEXIST before it asks a backing that does not know the flag at all.
  return Ok(renameat2(fd_, "noreplace-1", fd_, "noreplace-3", RENAME_NOREPLACE)) && Listed("noreplace-3");
}

bool Prober::RenameExchange() {
  {
    const UniqueFd first = Make("exchange-1");
    const UniqueFd second = Make("exchange-2");
    if (!first.valid() || !second.valid() || !Ok(pwrite(first.get(), "1", 1, 0))) return false;
  }
  // With one of them open exfat-fuse 1.4 on libfuse 3 aborts: it takes the flag for none, and libfuse leaves the open one to it.
  if (!Ok(renameat2(fd_, "exchange-1", fd_, "exchange-2", RENAME_EXCHANGE))) return false;
  const auto stat_1 = Look("exchange-1");
  const auto stat_2 = Look("exchange-2");
  return stat_1 && stat_2 && stat_1->size == 0 && stat_2->size == 1;
}

bool Prober::Tmpfile() {
  const UniqueFd file(openat(fd_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  return Ok(file.get());
}

size_t Prober::MaxNameBytes() {
  constexpr size_t kLinuxLimit = 255;
  size_t fits = 1;
  for (size_t step = kLinuxLimit - fits; step > 0;) {  // most often the first one fits
    if (fits + step <= kLinuxLimit && Holds(std::string(fits + step, 'n'))) {
      fits += step;
    } else {
      step /= 2;
    }
  }
  return fits;
}

nanoseconds Prober::TimeGranularity() {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  constexpr std::array<Timestamp, 4> kTimes = {
      {{1'600'000'001, 123'456'789}, {1'600'000'003, 999'999'999}, {1'600'000'004, 987'654'321}, {1'600'000'006, 1}}};
  constexpr std::array<nanoseconds, 8> kGrains = {nanoseconds(1),   nanoseconds(100),  microseconds(1), milliseconds(1),
                                                  milliseconds(10), milliseconds(100), seconds(1),      seconds(2)};
  const UniqueFd file = Make("times");
  size_t grain = 0;  // the finest that explains all that was seen
  for (const Timestamp& time : kTimes) {
    const timespec set[] = {time.ToTimespec(), time.ToTimespec()};  // both: see SetTimesOf
    if (!file.valid() || !Ok(futimens(file.get(), set))) return kGrains.back();
    const auto stat = Look("times");
    if (!stat) return kGrains.back();
    const nanoseconds lost =
        seconds(time.seconds - stat->mtime.seconds) + nanoseconds(time.nanoseconds) - nanoseconds(stat->mtime.nanoseconds);
    const auto explains = [&](nanoseconds g) { return lost == (seconds(time.seconds) + nanoseconds(time.nanoseconds)) % g; };
    while (grain + 1 < kGrains.size() && !explains(kGrains[grain])) ++grain;
  }
  return kGrains[grain];
}

Result<Capabilities> Prober::Run() {
  Capabilities found;
  if (const UniqueFd first = Make("first"); !first.valid()) return LastError("create in the scratch folder");
  found.hard_links = HardLinks();
  found.symlinks = Symlinks();
  found.special_files = SpecialFiles();
  found.modes = Modes();
  found.owners = Owners();
  found.user_xattrs = UserXattrs();
  found.case_sensitive = CaseSensitive();
  found.any_bytes_in_names = HoldsAll({"invalid\xFF\xFE", "half\xC3", "surrogate\xED\xA0\x80", "\x01 control \x1F", "line\nfeed"});
  found.punctuation_in_names = HoldsAll({"a<b", "a>b", "a:b", "a\"b", "a|b", "a?b", "a*b", "a\\b", "a:"});
  found.trailing_dots_and_spaces = HoldsAll({"dot.", "dots..", "space ", "..."});
  // Nothing that can be tried tells whether a number survives dropping caches. A filesystem with native links has to keep its own.
  found.stable_inodes = found.hard_links && EmptyFilesDiffer();
  found.sparse_files = SparseFiles();
  found.rename_noreplace = RenameNoReplace();
  found.rename_exchange = RenameExchange();
  found.tmpfile = Tmpfile();
  found.directory_fsync = AcceptsDirectorySync(fd_);
  found.max_name_bytes = MaxNameBytes();
  found.time_granularity = TimeGranularity();
  found.filesystem = FilesystemName(fd_);
  if (full_ != 0) return Error{full_, "the backing is too full to be probed"};
  return found;
}

}  // namespace

Result<Capabilities> Probe(int directory_fd) {
  const auto scratch = ScratchFolder::Make(directory_fd);
  if (!scratch.ok()) return scratch.error();
  return Prober(scratch->fd()).Run();
}

}  // namespace hardlinkfs
