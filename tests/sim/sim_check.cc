// What has to be found after a power cut: names and attributes of the last sync of the log, exactly, with the contents that were promised
// or newer; and beside them at most files that lost their record, for nobody but root to read.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {

void SimRun::Check() {
  std::map<InodeId, uint32_t> names;
  CheckDirectories(kRootInode, "", names);
  std::vector<InodeId> nodes;
  for (const auto& [inode, node] : now_.nodes) nodes.push_back(inode);
  for (const InodeId inode : nodes) {
    const auto file = files_.find(inode);
    if (file != files_.end() && file->second.known) {
      SimFile current{.history = {file->second.history.back()}};
      CheckContent(inode, current, ReadContent(inode));
    } else if (file != files_.end()) {
      Learn(inode);
    }
    CheckAttributes(inode);
    const SimNode& node = now_.nodes[inode];
    if (!IsDirectory(inode) && names[inode] != node.nlink) {
      Fail(Show(inode) + " has " + std::to_string(names[inode]) + " names, and should have " + std::to_string(node.nlink));
    }
  }
  CheckInvariants(Moment::kRunning);
}

// A directory that nobody touched in this session, or that was removed with something in it that has no record, keeps that for the next
// one.
void SimRun::CheckInvariants(Moment moment) {
  const bool undisturbed = cuts_ == 0 && foreign_.empty();
  const auto is_tolerable = [&](const std::string& broken) {
    constexpr std::string_view kIn = " in directory inode ";
    // An orphan may still have its home in a directory that vanished, until it is reclaimed.
    if (broken.starts_with("There are homes in directory inode ")) return moment == Moment::kRunning;
    if (undisturbed || !broken.starts_with("Nobody knows ")) return false;
    const size_t in = broken.rfind(kIn);
    if (in == std::string::npos) return moment == Moment::kStopped;
    const InodeId directory{std::strtoull(broken.c_str() + in + kIn.size(), nullptr, 10)};
    return moment == Moment::kStopped || !IsDirectory(directory);
  };
  for (const std::string& broken : BrokenInvariants(machine_, undisturbed ? moment : Moment::kRunning)) {
    if (!is_tolerable(broken)) Fail("invariant: " + broken);
  }
}

void SimRun::CheckDirectories(InodeId directory, const std::string& path, std::map<InodeId, uint32_t>& names) {
  Visit(directory);
  uint32_t nlink = 2;
  for (const auto& [name, inode] : now_.names[directory]) {
    ++names[inode];
    if (!IsDirectory(inode)) continue;
    ++nlink;
    CheckDirectories(inode, path + "/" + name, names);
  }
  const Result<Attributes> attributes = machine_.vfs().GetAttributes(directory);
  if (!attributes.ok()) Fail(path + "/ has no attributes");
  if (attributes->nlink != nlink) {
    Fail(path + "/ has nlink " + std::to_string(attributes->nlink) + ", and should have " + std::to_string(nlink));
  }
}

void SimRun::Visit(InodeId directory) {
  if (dead_ || visited_.contains(directory)) return;
  const auto opened = machine_.vfs().OpenDirectory(directory);
  if (dead_) return;
  if (!opened.ok()) Fail(Show(directory) + " does not open as a directory");
  std::map<std::string, std::pair<InodeId, FileType>> entries;
  const Status listed = machine_.vfs().ReadDirectory(directory, **opened, 0, ListingMode::kNames, [&](const DirectoryEntry& entry) {
    if (entry.name != "." && entry.name != "..") entries[std::string(entry.name)] = {InodeId{entry.number}, entry.type};
    return true;
  });
  if (dead_) return;
  if (!listed.ok()) Fail(Show(directory) + " cannot be listed");
  const SimState::Entries names = now_.names[directory];
  for (const auto& [name, inode] : names) {
    const auto entry = entries.find(name);
    const std::string shown = Show(directory) + "/" + name;
    if (entry == entries.end()) Fail(shown + " is missing, and was " + Show(inode));
    if (entry->second.first != inode) Fail(shown + " is " + Show(entry->second.first) + ", and was " + Show(inode));
    if (entry->second.second != now_.nodes[inode].type) Fail(shown + " has another type");
  }
  for (const auto& [name, entry] : entries) {
    if (!names.contains(name)) Absorb(directory, name, entry.first, entry.second);
    if (dead_) return;
  }
  visited_.insert(directory);
}

void SimRun::Absorb(InodeId directory, const std::string& name, InodeId inode, FileType type) {
  Trace("  found ", directory, "/", name, " ", inode);
  if (now_.nodes.contains(inode)) Fail(Show(directory) + "/" + name + " is " + Show(inode) + ", which has come back or moved");
  const Result<Attributes> attributes = machine_.vfs().GetAttributes(inode);
  if (dead_) return;
  // What needs a commit to be looked at for the first time cannot be, when there are none any more.
  if (attributes.code() == EROFS && DiskHasFailed()) return;
  if (!attributes.ok()) Fail(name + " is shown, and is not there: " + attributes.error().what + ": " + std::strerror(attributes.code()));
  if (attributes->type != type) Fail(name + " is of two types");
  SimNode node{.type = type, .mode = attributes->mode, .uid = attributes->uid, .gid = attributes->gid, .nlink = 1};
  SimContent content;
  if (type == FileType::kRegular) content = ReadContent(inode);
  if (dead_) return;
  CheckStranger(name, node, content);
  for (const uint64_t stamp : content.stamps) duplicates_.insert(stamp);
  now_.nodes[inode] = node;
  now_.names[directory][name] = inode;
  ever_.insert(inode);
  if (type == FileType::kDirectory) now_.names[inode];
  if (type == FileType::kRegular) files_[inode] = {.history = {content}};
}

void SimRun::CheckStranger(const std::string& name, const SimNode& node, const SimContent& content) {
  if (node.type != FileType::kRegular && node.type != FileType::kDirectory) Fail(name + " has no content to be adopted for");
  for (const uint64_t stamp : content.stamps) {
    if (gone_.contains(stamp)) Fail(name + " holds what was deleted for good");
  }
  // What somebody else has made is as he likes, but in homes/, where only what was lost can lie.
  const bool foreign = std::ranges::any_of(content.stamps, [&](uint64_t stamp) { return foreign_.contains(stamp); });
  if ((foreign || name.starts_with(kForeignName)) && !name.starts_with("homes-")) return;
  // Where the backing keeps modes it has the true ones.
  if (machine_.capabilities().modes) return;
  if ((node.mode & 077U) != 0 || node.uid != 0) Fail(name + " lost its record, and others may read it: " + std::to_string(node.mode));
}

void SimRun::CheckAttributes(InodeId inode) {
  const SimNode& node = now_.nodes[inode];
  const Result<Attributes> found = machine_.vfs().GetAttributes(inode);
  if (dead_) return;
  const std::string shown = Show(inode);
  if (!found.ok()) Fail(shown + " is gone");
  if (found->type != node.type) Fail(shown + " has another type");
  if (found->mode != node.mode) Fail(shown + " has mode " + std::to_string(found->mode) + ", and should have " + std::to_string(node.mode));
  if (found->uid != node.uid || found->gid != node.gid) Fail(shown + " has another owner or group");
  if (found->rdev != node.rdev) Fail(shown + " is another device");
  if (node.type != FileType::kDirectory && found->nlink != node.nlink) {
    Fail(shown + " has nlink " + std::to_string(found->nlink) + ", and should have " + std::to_string(node.nlink));
  }
  const auto file = files_.find(inode);
  const bool exact = file == files_.end() || file->second.known || file->second.mtime_promised;
  if (exact && node.mtime.has_value() && found->mtime != *node.mtime) Fail(shown + " has another mtime than it was given");
  if (node.type == FileType::kSymlink) {
    const Result<std::string> target = machine_.vfs().ReadLink(inode);
    if (dead_) return;
    if (!target.ok() || *target != node.target) Fail(shown + " points elsewhere");
  }
  const Result<std::vector<std::string>> listed = machine_.vfs().ListXattrs({}, inode);
  if (dead_) return;
  if (!listed.ok() || listed->size() != node.xattrs.size()) Fail(shown + " has not the xattrs that it should have");
  for (const auto& [name, value] : node.xattrs) {
    const Result<std::string> got = machine_.vfs().GetXattr(inode, name);
    if (dead_) return;
    if (!got.ok() || *got != value) Fail(shown + " has another " + name);
  }
}

void SimRun::Learn(InodeId inode) {
  SimFile& file = files_[inode];
  if (file.known) return;
  const SimContent found = ReadContent(inode);
  if (dead_) return;
  CheckContent(inode, file, found);
  file.history = {found};
  file.floor = 0;
  file.known = true;
  if (!file.mtime_promised) now_.nodes[inode].mtime.reset();
}

SimContent SimRun::ReadContent(InodeId inode) {
  const Result<Attributes> attributes = machine_.vfs().GetAttributes(inode);
  if (dead_) return {};
  if (!attributes.ok()) Fail(Show(inode) + " has no attributes");
  const auto opened = machine_.vfs().Open({}, inode, O_RDONLY);
  if (dead_) return {};
  if (!opened.ok()) Fail(Show(inode) + " does not open: " + opened.error().what + ": " + std::strerror(opened.code()));
  std::string bytes(attributes->size, '\0');
  const auto got = machine_.vfs().Read(inode, bytes, 0);
  machine_.vfs().Release(inode, O_RDONLY);
  if (dead_) return {};
  if (!got.ok() || *got != bytes.size()) Fail(Show(inode) + " cannot be read");
  return ContentOf(bytes, Show(inode));
}

SimContent SimRun::ContentOf(const std::string& bytes, const std::string& whose) const {
  SimContent content{.sectors = bytes.size() / kSectorBytes};
  if (bytes.size() % kSectorBytes != 0 || content.sectors > kSimSectors) Fail(whose + " has an odd size: " + std::to_string(bytes.size()));
  for (size_t sector = 0; sector < content.sectors; ++sector) {
    const char* const begin = bytes.data() + sector * kSectorBytes;
    std::memcpy(&content.stamps[sector], begin, sizeof content.stamps[sector]);
    if (std::memcmp(begin, begin + sizeof(uint64_t), kSectorBytes - sizeof(uint64_t)) != 0) Fail(whose + " has a mixed sector");
  }
  return content;
}

void SimRun::CheckContent(InodeId inode, const SimFile& file, const SimContent& found) {
  const auto begin = file.history.begin() + static_cast<ptrdiff_t>(file.floor);
  const auto any = [&](const auto& holds) { return std::any_of(begin, file.history.end(), holds); };
  if (!any([&](const SimContent& content) { return content.sectors == found.sectors; })) {
    Fail(Show(inode) + " has " + std::to_string(found.sectors) + " sectors, which it had not since it was promised (state " +
         std::to_string(file.floor) + " of " + std::to_string(file.history.size()) + ")");
  }
  for (size_t sector = 0; sector < found.sectors; ++sector) {
    const uint64_t stamp = found.stamps[sector];
    // Without a journal for data a size may be newer than its sectors: these are zeros then, unless all states had something there.
    const bool matches = any([&](const SimContent& content) { return content.stamps[sector] == stamp; });
    const bool newly_long = stamp == 0 && any([&](const SimContent& content) { return content.sectors <= sector; });
    if (matches || newly_long) continue;
    Fail(Show(inode) + " holds in sector " + std::to_string(sector) +
         " what it did not hold since it was promised: " + std::to_string(stamp));
  }
}

}  // namespace hardlinkfs
