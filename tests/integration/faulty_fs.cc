// faulty_fs: a FUSE filesystem that shows a directory as it is, and fails as a file beside it says: a failing disk, or a quota, under a
// real mount. usage: faulty_fs DIRECTORY CONTROL MOUNTPOINT. It serves in the foreground, and is no part of hardlinkfs.
//
// CONTROL holds words: "sync" (every fsync is EIO), "write" (every change is EIO), "all" (everything is EIO), "quota" (for want of room it
// is EDQUOT, and statfs tells of more room than there is, as with a real quota). With "links" it has hard links and xattrs, else it is
// without them; flags of chattr(1) it never has.
#define FUSE_USE_VERSION 317
#include <dirent.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace {

struct Setup {
  std::string directory;
  std::string control;
};

const Setup& Given() { return *static_cast<const Setup*>(fuse_get_context()->private_data); }

std::string Real(const char* path) { return Given().directory + path; }

bool Asked(const std::string& wanted) {
  std::ifstream control(Given().control);
  for (std::string word; control >> word;) {
    if (word == wanted || word == "all") return true;
  }
  return false;
}

bool IsUnderQuota() {
  std::ifstream control(Given().control);
  std::string word;
  return control >> word && word == "quota";
}

int Ended(long result) {
  if (result >= 0) return static_cast<int>(result);
  const int code = errno;
  return code == ENOSPC && IsUnderQuota() ? -EDQUOT : -code;
}

// `call` unless it is to fail.
template <typename Call>
int Look(const Call& call) {
  return Asked("read") ? -EIO : Ended(call());
}
template <typename Call>
int Change(const Call& call) {
  return Asked("write") ? -EIO : Ended(call());
}
template <typename Call>
int Sync(const Call& call) {
  return Asked("sync") ? -EIO : Ended(call());
}

int Descriptor(const fuse_file_info* file) { return static_cast<int>(file->fh); }

int Opened(int fd, fuse_file_info* file) {
  if (fd < 0) return Ended(-1);
  file->fh = static_cast<uint64_t>(fd);
  return 0;
}

int ReadDirectory(const char* path, void* buffer, fuse_fill_dir_t fill) {
  DIR* const stream = opendir(Real(path).c_str());
  if (stream == nullptr) return Ended(-1);
  while (const dirent* entry = readdir(stream)) {
    struct stat found {};
    found.st_ino = entry->d_ino;
    found.st_mode = static_cast<mode_t>(entry->d_type) << 12U;
    fill(buffer, entry->d_name, &found, 0, FUSE_FILL_DIR_DEFAULTS);
  }
  closedir(stream);
  return 0;
}

void AddLooks(fuse_operations& all) {
  all.init = [](fuse_conn_info*, fuse_config* config) -> void* {
    config->use_ino = 1;
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
    return fuse_get_context()->private_data;
  };
  all.getattr = [](const char* path, struct stat* found, fuse_file_info* file) {
    return Look([&] { return file != nullptr ? fstat(Descriptor(file), found) : lstat(Real(path).c_str(), found); });
  };
  all.readdir = [](const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
    return Asked("read") ? -EIO : ReadDirectory(path, buffer, fill);
  };
  all.open = [](const char* path, fuse_file_info* file) {
    return Asked("read") ? -EIO : Opened(open(Real(path).c_str(), (file->flags & ~(O_CREAT | O_EXCL | O_TMPFILE)) | O_CLOEXEC), file);
  };
  all.read = [](const char*, char* into, size_t size, off_t offset, fuse_file_info* file) {
    return Look([&] { return pread(Descriptor(file), into, size, offset); });
  };
  all.statfs = [](const char* path, struct statvfs* found) {
    const int status = Look([&] { return statvfs(Real(path).c_str(), found); });
    if (status == 0 && IsUnderQuota()) found->f_bfree = found->f_bavail = found->f_blocks * 9 / 10;
    return status;
  };
  all.release = [](const char*, fuse_file_info* file) { return Ended(close(Descriptor(file))); };
}

void AddChanges(fuse_operations& all) {
  all.create = [](const char* path, mode_t mode, fuse_file_info* file) {
    return Asked("write") ? -EIO : Opened(open(Real(path).c_str(), file->flags | O_CREAT | O_CLOEXEC, mode), file);
  };
  all.write = [](const char*, const char* from, size_t size, off_t offset, fuse_file_info* file) {
    return Change([&] { return pwrite(Descriptor(file), from, size, offset); });
  };
  all.truncate = [](const char* path, off_t size, fuse_file_info* file) {
    return Change([&] { return file != nullptr ? ftruncate(Descriptor(file), size) : truncate(Real(path).c_str(), size); });
  };
  all.fallocate = [](const char*, int mode, off_t offset, off_t length, fuse_file_info* file) {
    return Change([&] { return fallocate(Descriptor(file), mode, offset, length); });
  };
  all.mkdir = [](const char* path, mode_t mode) { return Change([&] { return mkdir(Real(path).c_str(), mode); }); };
  all.unlink = [](const char* path) { return Change([&] { return unlink(Real(path).c_str()); }); };
  all.rmdir = [](const char* path) { return Change([&] { return rmdir(Real(path).c_str()); }); };
  all.rename = [](const char* from, const char* to, unsigned flags) {
    return flags != 0 ? -EINVAL : Change([&] { return rename(Real(from).c_str(), Real(to).c_str()); });
  };
  all.chmod = [](const char* path, mode_t mode, fuse_file_info*) { return Change([&] { return chmod(Real(path).c_str(), mode); }); };
  all.chown = [](const char* path, uid_t uid, gid_t gid, fuse_file_info*) {
    return Change([&] { return lchown(Real(path).c_str(), uid, gid); });
  };
  all.utimens = [](const char* path, const timespec times[2], fuse_file_info*) {
    return Change([&] { return utimensat(AT_FDCWD, Real(path).c_str(), times, AT_SYMLINK_NOFOLLOW); });
  };
  all.fsync = [](const char*, int, fuse_file_info* file) { return Sync([&] { return fsync(Descriptor(file)); }); };
  all.fsyncdir = [](const char*, int, fuse_file_info*) { return Sync([] { return 0; }); };
}

// What a filesystem may lack.
template <typename Call>
int IfRich(const Call& call) {
  return Asked("links") ? Change(call) : -EOPNOTSUPP;
}

void AddRiches(fuse_operations& all) {
  all.link = [](const char* from, const char* to) {
    return Asked("links") ? Change([&] { return link(Real(from).c_str(), Real(to).c_str()); }) : -EPERM;
  };
  all.getxattr = [](const char* path, const char* name, char* value, size_t size) {
    return IfRich([&] { return lgetxattr(Real(path).c_str(), name, value, size); });
  };
  all.setxattr = [](const char* path, const char* name, const char* value, size_t size, int flags) {
    return IfRich([&] { return lsetxattr(Real(path).c_str(), name, value, size, flags); });
  };
  all.listxattr = [](const char* path, char* names, size_t size) {
    return IfRich([&] { return llistxattr(Real(path).c_str(), names, size); });
  };
  all.removexattr = [](const char* path, const char* name) { return IfRich([&] { return lremovexattr(Real(path).c_str(), name); }); };
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 4) return 2;
  Setup setup{argv[1], argv[2]};
  fuse_operations all{};
  AddLooks(all);
  AddChanges(all);
  AddRiches(all);
  std::string options[] = {argv[0], "-f", "-s", "-oallow_other,default_permissions,fsname=faulty", argv[3]};
  char* arguments[] = {options[0].data(), options[1].data(), options[2].data(), options[3].data(), options[4].data(), nullptr};
  return fuse_main(5, arguments, &all, &setup);
}
