#include "mount-helpers/explain_walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <memory>
#include <utility>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr int kMaxSymlinks = 40;  // MAXSYMLINKS of the kernel

// What a lookup itself may be refused with, rather than what it finds.
bool MayBeOurOwn(int code) { return code == EACCES || code == EPERM; }

std::string WorkingDirectory() {
  const std::unique_ptr<char, decltype(&std::free)> path(getcwd(nullptr, 0), &std::free);
  return path == nullptr ? std::string("/(unreachable)") : std::string(path.get());
}

std::string Joined(const std::string& directory, const std::string& name) { return directory == "/" ? "/" + name : directory + "/" + name; }

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

class Walk {
 public:
  Walk(const std::string& path, LastSymlink last, InodeReader& reader) : last_(last), reader_(reader) { facts_.given = path; }

  ExplainedPath Run() {
    if (facts_.given.empty() || facts_.given.size() >= PATH_MAX) {
      StopOnTheWay(facts_.given.empty() ? ENOENT : ENAMETOOLONG, facts_.given);
      return std::move(facts_);
    }
    if (Begin(facts_.given)) {
      while (Step()) {
      }
    }
    return std::move(facts_);
  }

 private:
  // Puts a path before what is still to be looked up. RETURNS: false when even its beginning cannot be opened.
  bool Begin(const std::string& path) {
    const bool is_absolute = path.front() == '/';
    if (!current_.valid() || is_absolute) {
      current_ = UniqueFd(open(is_absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!current_.valid()) return StopOnTheWay(errno, path);
      directory_ = reader_.Read(current_.get(), is_absolute ? "/" : WorkingDirectory());
    }
    std::deque<std::string> components;
    for (size_t from = 0; from < path.size();) {
      const size_t slash = std::min(path.find('/', from), path.size());
      if (slash > from) components.push_back(path.substr(from, slash - from));
      from = slash + 1;
    }
    if (pending_.empty()) facts_.ends_in_slash = facts_.ends_in_slash || path.back() == '/';
    pending_.insert(pending_.begin(), components.begin(), components.end());
    return true;
  }

  // RETURNS: whether there is another step.
  bool Step() {
    if (pending_.empty()) return Found(LastComponent::kRoot, directory_, current_);
    if (directory_.look_error == 0 && directory_.attributes.type != FileType::kDirectory) return StopOnTheWay(ENOTDIR, directory_.path);
    const std::string name = pending_.front();
    pending_.pop_front();
    const bool is_last = pending_.empty();
    facts_.lookups.push_back({.directory = directory_, .symlink = std::nullopt, .is_last = is_last});
    facts_.last_name = name;
    if (directory_.look_error != 0) return StopOnTheWay(directory_.look_error, directory_.path);
    if (name == ".") return !is_last || Found(LastComponent::kDot, directory_, current_);
    UniqueFd child(openat(current_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const std::string path = name == ".." ? ParentOf(directory_.path) : Joined(directory_.path, name);
    if (!child.valid()) return is_last ? StopAtLast(errno, path) : StopOnTheWay(errno, path);
    ExplainedInode inode = reader_.Read(child.get(), path);
    const bool is_symlink = inode.look_error == 0 && inode.attributes.type == FileType::kSymlink;
    if (is_symlink && (!is_last || FollowsLast())) return Follow(child, std::move(inode));
    if (is_last) return Found(name == ".." ? LastComponent::kDotDot : LastComponent::kName, std::move(inode), child);
    directory_ = std::move(inode);
    current_ = std::move(child);
    return true;
  }

  bool FollowsLast() const {
    return last_ == LastSymlink::kFollowed || (last_ == LastSymlink::kFollowedBeforeSlash && facts_.ends_in_slash);
  }

  bool Follow(const UniqueFd& symlink, ExplainedInode inode) {
    const std::string path = inode.path;
    facts_.lookups.back().symlink = std::move(inode);
    if (++symlinks_ > kMaxSymlinks) return StopOnTheWay(ELOOP, path);
    struct statfs filesystem {};
    if (fstatfs(symlink.get(), &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC) return FollowMagic(path);
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlinkat(symlink.get(), "", target.data(), target.size());
    if (size <= 0) return StopOnTheWay(size == 0 ? ENOENT : errno, path);
    target.resize(static_cast<size_t>(size));
    return Begin(target);
  }

  // What /proc/PID/fd/N leads to is no path, and need not have one.
  bool FollowMagic(const std::string& path) {
    UniqueFd target(openat(current_.get(), facts_.last_name.c_str(), O_PATH | O_CLOEXEC));
    if (!target.valid()) return pending_.empty() ? StopAtLast(errno, path) : StopOnTheWay(errno, path);
    std::string name(PATH_MAX, '\0');
    const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(target.get())).c_str(), name.data(), name.size());
    name.resize(size < 0 ? 0 : static_cast<size_t>(size));
    ExplainedInode inode = reader_.Read(target.get(), name);
    if (pending_.empty()) return Found(LastComponent::kName, std::move(inode), target);
    directory_ = std::move(inode);
    current_ = std::move(target);
    return true;
  }

  bool Found(LastComponent last, ExplainedInode inode, const UniqueFd& fd) {
    ReadParent();
    facts_.last = last;
    reader_.ReadMore(fd.get(), inode);
    if (inode.look_error != 0) facts_.was_barred = true;
    facts_.found = std::move(inode);
    return false;
  }

  bool StopAtLast(int code, const std::string& path) {
    ReadParent();
    facts_.last_error = code;
    return Stop(code, path);
  }

  bool StopOnTheWay(int code, const std::string& path) {
    facts_.walk_error = code;
    return Stop(code, path);
  }

  bool Stop(int code, const std::string& path) {
    facts_.failed_at = path;
    facts_.was_barred = MayBeOurOwn(code);
    return false;
  }

  void ReadParent() {
    if (!facts_.lookups.empty()) reader_.ReadMore(current_.get(), facts_.lookups.back().directory);
  }

  const LastSymlink last_;
  InodeReader& reader_;
  ExplainedPath facts_;
  std::deque<std::string> pending_;
  UniqueFd current_;
  ExplainedInode directory_;  // of `current_`
  int symlinks_ = 0;
};

}  // namespace

ExplainedPath WalkPath(const std::string& path, LastSymlink last, InodeReader& reader) { return Walk(path, last, reader).Run(); }

}  // namespace hardlinkfs
