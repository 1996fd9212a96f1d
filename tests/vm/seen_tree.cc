#include "tests/vm/seen_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr size_t kBufferBytes = 16384;

class Looker {
 public:
  Looker(std::string root, std::string left_out) : root_(std::move(root)), left_out_(std::move(left_out)) {}

  SeenTree Look() {
    List("");
    return std::move(tree_);
  }

 private:
  std::string In(const std::string& path) const { return path.empty() ? root_ : root_ + "/" + path; }

  void NoteError(const std::string& path, const char* call) { tree_.errors.push_back(path + ": " + call + ": " + std::strerror(errno)); }

  void List(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(In(directory).c_str()), closedir);
    if (listing == nullptr) return NoteError(directory, "opendir");
    for (;;) {
      errno = 0;
      const dirent* const entry = readdir(listing.get());
      if (entry == nullptr) break;
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || (directory.empty() && name == left_out_)) continue;
      See(directory.empty() ? name : directory + "/" + name);
    }
    if (errno != 0) NoteError(directory, "readdir");
  }

  void See(const std::string& path) {
    struct stat seen {};
    if (lstat(In(path).c_str(), &seen) != 0) return NoteError(path, "stat");
    SeenEntry entry{.directory = S_ISDIR(seen.st_mode), .permissions = seen.st_mode & 07777U, .ino = seen.st_ino, .nlink = seen.st_nlink};
    if (!entry.directory) entry.content = Read(path, seen.st_size);
    const bool directory = entry.directory;
    if (!tree_.entries.emplace(path, std::move(entry)).second) tree_.errors.push_back(path + ": is listed twice");
    if (directory) List(path);
  }

  std::string Read(const std::string& path, off_t size) {
    const UniqueFd file(open(In(path).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::string content;
    if (!file.valid()) {
      NoteError(path, "open");
      return content;
    }
    std::array<char, kBufferBytes> buffer{};
    for (;;) {
      const ssize_t got = read(file.get(), buffer.data(), buffer.size());
      if (got < 0) NoteError(path, "read");
      if (got <= 0) break;
      content.append(buffer.data(), static_cast<size_t>(got));
    }
    if (content.size() != static_cast<size_t>(size)) tree_.errors.push_back(path + ": is not as long as stat says");
    return content;
  }

  const std::string root_;
  const std::string left_out_;
  SeenTree tree_;
};

}  // namespace

SeenTree LookAt(const std::string& root, const std::string& left_out) { return Looker(root, left_out).Look(); }

}  // namespace hardlinkfs
