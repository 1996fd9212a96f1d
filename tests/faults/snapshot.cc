// Goes through the tree as a kernel does, and gives back what it has looked up.
#include "tests/faults/snapshot.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace hardlinkfs {
namespace {

std::string Show(Timestamp time) { return std::to_string(time.seconds) + "." + std::to_string(time.nanoseconds); }
std::string ShowError(int code) { return std::string("(") + std::strerror(code) + ")"; }

class Photographer {
 public:
  explicit Photographer(Vfs& vfs) : vfs_(vfs) {}

  Snapshot Take() {
    const auto root = vfs_.GetAttributes(kRootInode);
    if (!root.ok()) return {{"", {ShowError(root.code()), "", ""}}};
    Show("", *root);
    return std::move(snapshot_);
  }

 private:
  void Show(const std::string& path, const Attributes& of) {
    Seen& seen = snapshot_[path.empty() ? "." : path];
    seen.names =
        "type " + std::to_string(static_cast<int>(of.type)) + " nlink " + std::to_string(of.nlink) + " #" + std::to_string(Raw(of.inode));
    seen.attributes = "mode " + std::to_string(of.mode) + " uid " + std::to_string(of.uid) + " gid " + std::to_string(of.gid) + " atime " +
                      hardlinkfs::Show(of.atime) + " mtime " + hardlinkfs::Show(of.mtime) + " ctime " + hardlinkfs::Show(of.ctime) +
                      " btime " + hardlinkfs::Show(of.btime);
    Xattrs(of.inode, seen);
    if (of.type == FileType::kSymlink) {
      const auto target = vfs_.ReadLink(of.inode);
      seen.attributes += " -> " + (target.ok() ? *target : ShowError(target.code()));
    }
    if (of.type == FileType::kRegular) seen.content = Content(of);
    if (of.type == FileType::kDirectory) Below(path, of.inode, seen);
  }

  void Xattrs(InodeId inode, Seen& seen) {
    const auto names = vfs_.ListXattrs(root_, inode);
    if (!names.ok()) seen.attributes += " xattrs " + ShowError(names.code());
    if (!names.ok()) return;
    for (const std::string& name : *names) {
      const auto value = vfs_.GetXattr(inode, name);
      seen.attributes += " " + name + "=" + (value.ok() ? *value : ShowError(value.code()));
    }
  }

  std::string Content(const Attributes& of) {
    std::string text = std::to_string(of.size) + " bytes: ";
    if (const auto opened = vfs_.Open({}, of.inode, O_RDONLY); !opened.ok()) return text + ShowError(opened.code());
    std::string bytes(of.size + 100, '\0');
    const auto got = vfs_.Read(of.inode, bytes, 0);
    text += got.ok() ? bytes.substr(0, *got) : ShowError(got.code());
    vfs_.Release(of.inode, O_RDONLY);
    return text;
  }

  void Below(const std::string& path, InodeId directory, Seen& seen) {
    std::vector<std::string> names;
    DirectoryStream stream;
    const Status listed = vfs_.ReadDirectory(directory, stream, 2, ListingMode::kNames, [&](const DirectoryEntry& entry) {
      names.emplace_back(entry.name);
      return true;
    });
    if (!listed.ok()) seen.content = ShowError(listed.code());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string at = path.empty() ? name : path + "/" + name;
      const auto found = vfs_.Lookup(directory, name);
      // Listed in this session, and gone when it was looked at.
      if (!found.ok()) snapshot_[at].names = ShowError(found.code());
      if (!found.ok()) continue;
      Show(at, *found);
      vfs_.Forget(found->inode, 1);
    }
  }

  Vfs& vfs_;
  const Caller root_{};
  Snapshot snapshot_;
};

}  // namespace

Snapshot TakeSnapshot(Vfs& vfs) { return Photographer(vfs).Take(); }

std::string DifferenceOf(const Snapshot& expected, const Snapshot& found) {
  std::string text;
  for (const auto& [expected_path, seen] : expected) {
    const std::string& path = expected_path;  // a lambda takes no structured binding
    const auto now = found.find(path);
    if (now == found.end()) {
      text += "  \"" + path + "\" is missing\n";
      continue;
    }
    const auto compare = [&](const std::string& wanted, const std::string& is) {
      if (wanted != is) text += "  \"" + path + "\"\n    expected " + wanted + "\n    found    " + is + "\n";
    };
    compare(seen.names, now->second.names);
    compare(seen.attributes, now->second.attributes);
    compare(seen.content, now->second.content);
  }
  for (const auto& [path, seen] : found) {
    if (!expected.contains(path)) text += "  \"" + path + "\" is there: " + seen.names + " " + seen.attributes + " " + seen.content + "\n";
  }
  return text;
}

}  // namespace hardlinkfs
