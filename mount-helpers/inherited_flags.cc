#include "mount-helpers/inherited_flags.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "store/backing/private_area.h"

namespace hardlinkfs {
namespace {

// A path that is not there yet is about to be made by us.
bool OthersCanChange(int directory, const char* path) {
  struct stat found {};
  if (fstatat(directory, path, &found, AT_EMPTY_PATH) != 0) return false;
  const bool is_ours = found.st_uid == 0 || found.st_uid == geteuid();
  return !is_ours || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

}  // namespace

std::vector<std::string> InheritedFlags(int source, const std::string& store, Shown shown, const std::vector<std::string>& asked) {
  struct statvfs mounted {};
  // What cannot be asked is taken for the worst.
  if (fstatvfs(source, &mounted) != 0) mounted.f_flag = ST_NOSUID | ST_NODEV | ST_NOEXEC;
  const bool untrusted = shown == Shown::kOthersToo || OthersCanChange(source, "") || OthersCanChange(source, kPrivateAreaName) ||
                         (!store.empty() && OthersCanChange(AT_FDCWD, store.c_str()));
  std::vector<std::string> flags;
  const auto add = [&](const char* flag, bool needed) {
    const std::string opposite = std::string(flag).substr(2);
    if (needed && std::ranges::find(asked, opposite) == asked.end()) flags.emplace_back(flag);
  };
  add("nosuid", untrusted || (mounted.f_flag & ST_NOSUID) != 0);
  add("nodev", untrusted || (mounted.f_flag & ST_NODEV) != 0);
  add("noexec", (mounted.f_flag & ST_NOEXEC) != 0);
  return flags;
}

}  // namespace hardlinkfs
