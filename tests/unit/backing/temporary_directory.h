// TemporaryDirectory: a fresh directory for one test, removed with all it holds.
#ifndef HARDLINKFS_TESTS_UNIT_BACKING_TEMPORARY_DIRECTORY_H_
#define HARDLINKFS_TESTS_UNIT_BACKING_TEMPORARY_DIRECTORY_H_

#include <fcntl.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "store/base/unique_fd.h"

namespace hardlinkfs {

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& below = "/tmp") : path_(below + "/hardlinkfs-test-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    fd_ = UniqueFd(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  int fd() const { return fd_.get(); }
  std::filesystem::path path() const { return path_; }

  std::string Read(const std::string& name) const {
    std::ostringstream content;
    content << std::ifstream(path() / name, std::ios::binary).rdbuf();
    return content.str();
  }
  void Write(const std::string& name, const std::string& content) const { std::ofstream(path() / name, std::ios::binary) << content; }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_BACKING_TEMPORARY_DIRECTORY_H_
