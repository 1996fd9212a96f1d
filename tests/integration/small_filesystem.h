// SmallFilesystem: a filesystem of a few megabytes of a test's own, that can be full; or one that fails when told to.
#ifndef HARDLINKFS_TESTS_INTEGRATION_SMALL_FILESYSTEM_H_
#define HARDLINKFS_TESTS_INTEGRATION_SMALL_FILESYSTEM_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/integration/folder.h"

namespace hardlinkfs {

// RETURNS: the kinds that this machine can have, of exfat, ext4, tmpfs, and quota: tmpfs that for want of room answers EDQUOT.
std::vector<std::string> KindsOfSmallFilesystems();

class SmallFilesystem {
 public:
  // Mounted on the directory `at`, which it makes; files beside that have its name and an ending.
  SmallFilesystem(std::string kind, std::string at, unsigned megabytes = 64, const std::vector<std::string>& mkfs_options = {});
  // Unmounts it. REQUIRES: nobody uses it.
  ~SmallFilesystem();
  SmallFilesystem(const SmallFilesystem&) = delete;
  SmallFilesystem& operator=(const SmallFilesystem&) = delete;

  const std::string& path() const { return path_; }
  const std::string& image() const { return image_; }
  // Unmounts and mounts, with a check of the filesystem in between.
  void MountAgain();

 private:
  void Attach();
  void Mount();
  void Unmount();

  const std::string kind_;
  const std::string path_;
  const std::string image_;
  std::string loop_;
};

// What faulty_fs shows of a directory, failing as it is told.
class FaultyFilesystem {
 public:
  FaultyFilesystem(const std::string& directory, std::string at);
  ~FaultyFilesystem();
  FaultyFilesystem(const FaultyFilesystem&) = delete;
  FaultyFilesystem& operator=(const FaultyFilesystem&) = delete;

  // See faulty_fs.cc. Empty: it works.
  void Fail(const std::string& words) const;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  const std::string control_;
  pid_t server_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_SMALL_FILESYSTEM_H_
