// Directories are O_PATH descriptors; every call names one component in one of them, so no path is ever resolved twice.
#include "store/backing/posix_backing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "store/backing/linux_calls.h"
#include "store/backing/posix_file.h"

namespace hardlinkfs {
namespace {

class PosixDirectory final : public BackingDirectory {
 public:
  explicit PosixDirectory(UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// A backing only ever meets the directories that it gave out itself.
int Fd(const BackingDirectoryRef& directory) { return static_cast<const PosixDirectory&>(*directory).fd(); }

class PosixBacking final : public Backing {
 public:
  PosixBacking(UniqueFd root, const Capabilities& capabilities)
      : root_(std::make_shared<PosixDirectory>(std::move(root))), rename_noreplace_(capabilities.rename_noreplace) {}

  BackingDirectoryRef root() const override { return root_; }
  Result<BackingDirectoryRef> OpenDirectory(const BackingDirectoryRef& in, const BackingName& name) override;
  Status List(const BackingDirectoryRef& directory, const EntryVisitor& visit) override { return ListDirectory(Fd(directory), visit); }
  Result<BackingStat> Stat(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<BackingStat> StatDirectory(const BackingDirectoryRef& directory) override { return StatAt(Fd(directory), ""); }

  Status MakeDirectory(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Result<std::unique_ptr<BackingFile>> CreateFile(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Result<std::unique_ptr<BackingFile>> OpenFile(const BackingDirectoryRef& in, const BackingName& name) override;
  Status Rename(const BackingDirectoryRef& from, const BackingName& from_name, const BackingDirectoryRef& to,
                const BackingName& to_name) override;
  Status RemoveFile(const BackingDirectoryRef& in, const BackingName& name) override { return Remove(in, name, 0); }
  Status RemoveDirectory(const BackingDirectoryRef& in, const BackingName& name) override { return Remove(in, name, AT_REMOVEDIR); }

  Status SetMode(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) override;
  Status SetOwner(const BackingDirectoryRef& in, const BackingName& name, uint32_t uid, uint32_t gid) override;
  Status SetTimes(const BackingDirectoryRef& in, const BackingName& name, std::optional<Timestamp> atime,
                  std::optional<Timestamp> mtime) override;

  Result<std::string> ReadLink(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<std::vector<std::string>> ListXattrs(const BackingDirectoryRef& in, const BackingName& name) override;
  Result<std::string> GetXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr) override;

  Status SyncDirectory(const BackingDirectoryRef& directory) override { return SyncDirectoryEntries(Fd(directory)); }
  Result<BackingSpace> Space() override;

 private:
  static Result<UniqueFd> PinEntry(const BackingDirectoryRef& in, const BackingName& name);
  static Status Remove(const BackingDirectoryRef& in, const BackingName& name, int flags);

  const BackingDirectoryRef root_;
  const bool rename_noreplace_;
};

Result<BackingDirectoryRef> PosixBacking::OpenDirectory(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  auto fd = OpenBeneath(Fd(in), name.c_str(), O_PATH | O_DIRECTORY);
  if (fd.code() == ELOOP) return Error{ENOTDIR, "a symlink is no directory"};
  if (!fd.ok()) return fd.error();
  return BackingDirectoryRef(std::make_shared<PosixDirectory>(std::move(*fd)));
}

Result<BackingStat> PosixBacking::Stat(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  return StatAt(Fd(in), name.c_str());
}

Status PosixBacking::MakeDirectory(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single;
  if (mkdirat(Fd(in), name.c_str(), mode & 07777U) != 0) return LastError("mkdir");
  return {};
}

Result<std::unique_ptr<BackingFile>> PosixBacking::CreateFile(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  auto fd = OpenBeneath(Fd(in), name.c_str(), O_CREAT | O_EXCL | O_RDWR, mode & 07777U);
  if (!fd.ok()) return fd.error();
  return std::unique_ptr<BackingFile>(std::make_unique<PosixFile>(std::move(*fd), PosixFile::Opened::kReadWrite));
}

Result<std::unique_ptr<BackingFile>> PosixBacking::OpenFile(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  auto opened = PosixFile::Opened::kReadWrite;
  auto fd = OpenBeneath(Fd(in), name.c_str(), O_RDWR | O_NONBLOCK);
  if (fd.code() == EROFS || fd.code() == EACCES || fd.code() == EPERM || fd.code() == ETXTBSY) {
    opened = PosixFile::Opened::kReadOnly;
    fd = OpenBeneath(Fd(in), name.c_str(), O_RDONLY | O_NONBLOCK);
  }
  // A directory, a symlink, a socket.
  if (fd.code() == EISDIR || fd.code() == ELOOP || fd.code() == ENXIO) return Error{EINVAL, "not a regular file"};
  if (!fd.ok()) return fd.error();
  auto file = std::make_unique<PosixFile>(std::move(*fd), opened);
  const auto stat = file->Stat();
  if (!stat.ok()) return stat.error();
  if (stat->type != FileType::kRegular) return Error{EINVAL, "not a regular file"};
  return std::unique_ptr<BackingFile>(std::move(file));
}

Status PosixBacking::Rename(const BackingDirectoryRef& from, const BackingName& from_name, const BackingDirectoryRef& to,
                            const BackingName& to_name) {
  if (const Status single = CheckComponent(from_name.bytes()); !single.ok()) return single;
  if (const Status single = CheckComponent(to_name.bytes()); !single.ok()) return single;
  return RenameNoReplace(Fd(from), from_name.c_str(), Fd(to), to_name.c_str(), rename_noreplace_);
}

Status PosixBacking::Remove(const BackingDirectoryRef& in, const BackingName& name, int flags) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single;
  if (unlinkat(Fd(in), name.c_str(), flags) != 0) return LastError("unlink");
  return {};
}

Result<UniqueFd> PosixBacking::PinEntry(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  return Pin(Fd(in), name.c_str());
}

Status PosixBacking::SetMode(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) {
  const auto entry = PinEntry(in, name);
  if (!entry.ok()) return entry.error();
  const auto stat = StatAt(entry->get(), "");
  if (!stat.ok()) return stat.error();
  // Some kernels change a symlink's mode by this way and report a failure all the same.
  if (stat->type == FileType::kSymlink) return Error{EOPNOTSUPP, "mode of a symlink"};
  if (chmod(ProcPath(entry->get()).c_str(), mode & 07777U) != 0) return LastError("chmod");
  return {};
}

Status PosixBacking::SetOwner(const BackingDirectoryRef& in, const BackingName& name, uint32_t uid, uint32_t gid) {
  const auto entry = PinEntry(in, name);
  if (!entry.ok()) return entry.error();
  if (fchownat(entry->get(), "", uid, gid, AT_EMPTY_PATH) != 0) return LastError("chown");
  return {};
}

Status PosixBacking::SetTimes(const BackingDirectoryRef& in, const BackingName& name, std::optional<Timestamp> atime,
                              std::optional<Timestamp> mtime) {
  const auto entry = PinEntry(in, name);
  if (!entry.ok()) return entry.error();
  return SetTimesOf(entry->get(), atime, mtime);
}

Result<std::string> PosixBacking::ReadLink(const BackingDirectoryRef& in, const BackingName& name) {
  if (const Status single = CheckComponent(name.bytes()); !single.ok()) return single.error();
  return ReadLinkAt(Fd(in), name.c_str());
}

Result<std::vector<std::string>> PosixBacking::ListXattrs(const BackingDirectoryRef& in, const BackingName& name) {
  const auto entry = PinEntry(in, name);
  if (!entry.ok()) return entry.error();
  return ListXattrsOf(entry->get());
}

Result<std::string> PosixBacking::GetXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr) {
  const auto entry = PinEntry(in, name);
  if (!entry.ok()) return entry.error();
  return GetXattrOf(entry->get(), xattr);
}

Result<BackingSpace> PosixBacking::Space() { return SpaceOf(Fd(root_)); }

}  // namespace

std::unique_ptr<Backing> MakePosixBacking(UniqueFd root, const Capabilities& capabilities) {
  return std::make_unique<PosixBacking>(std::move(root), capabilities);
}

}  // namespace hardlinkfs
