// What has to be found after a power cut: the names of the last sync of the log, exactly, with the contents that were promised or newer;
// and beside them at most files that lost their record, for nobody but root to read.
#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "tests/model/invariants.h"
#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr char kLostAndFound[] = "lost+found";

std::string Number(InodeId inode) { return "#" + std::to_string(Raw(inode)); }

}  // namespace

void SimRun::Check() {
  std::map<InodeId, uint32_t> found;
  CheckDirectory(kRootInode, "", found);
  for (const auto& [inode, nlink] : durable_nlinks_) {
    if (nlink == 0) continue;
    const Result<Attributes> attributes = machine_.vfs().GetAttributes(inode);
    if (!attributes.ok()) Fail(Number(inode) + " is gone");
    if (attributes->nlink != nlink) Fail(Number(inode) + " has nlink " + std::to_string(attributes->nlink));
    if (found[inode] != nlink)
      Fail(Number(inode) + " has " + std::to_string(found[inode]) + " names, and should have " + std::to_string(nlink));
  }
  auto broken = BrokenInvariants(machine_, Moment::kRunning);
  // An orphan may still have its home in a directory that vanished, until it is reclaimed.
  std::erase_if(broken, [](const std::string& line) { return line.starts_with("There are homes in directory inode "); });
  if (!broken.empty()) Fail("invariant: " + broken.front());
}

void SimRun::CheckDirectory(InodeId directory, const std::string& path, std::map<InodeId, uint32_t>& found) {
  if (const Status opened = machine_.vfs().OpenDirectory(directory); !opened.ok()) Fail(path + "/ does not open");
  struct Seen {
    InodeId inode;
    FileType type;
  };
  std::map<std::string, Seen> entries;
  const Status listed = machine_.vfs().ReadDirectory(directory, 0, ListingMode::kNames, [&](const DirectoryEntry& entry) {
    if (entry.name != "." && entry.name != "..") entries[std::string(entry.name)] = {entry.inode, entry.type};
    return true;
  });
  if (!listed.ok()) Fail(path + "/ cannot be listed");
  const auto expected = durable_names_.find(directory);
  const std::map<std::string, InodeId> none;
  const auto& names = expected == durable_names_.end() ? none : expected->second;
  for (const auto& [name, inode] : names) {
    const auto entry = entries.find(name);
    if (entry == entries.end()) Fail(path + "/" + name + " is missing");
    if (entry->second.inode != inode) Fail(path + "/" + name + " is " + Number(entry->second.inode) + " and was " + Number(inode));
    ++found[inode];
    if (durable_names_.contains(inode)) {
      CheckDirectory(inode, path + "/" + name, found);
    } else {
      CheckContent(inode, files_.at(inode), path + "/" + name);
    }
  }
  for (const auto& [name, entry] : entries) {
    if (names.contains(name)) continue;
    if (durable_nlinks_.contains(entry.inode) || durable_names_.contains(entry.inode)) {
      Fail(path + "/" + name + " came back or moved");
    }
    if (name != kLostAndFound) CheckStranger(entry.inode, entry.type, path + "/" + name);
    if (entry.type == FileType::kDirectory) CheckDirectory(entry.inode, path + "/" + name, found);
  }
}

void SimRun::CheckStranger(InodeId inode, FileType type, const std::string& path) {
  const Result<Attributes> attributes = machine_.vfs().GetAttributes(inode);
  if (!attributes.ok()) Fail(path + " is shown, and is not there");
  if (type != FileType::kRegular && type != FileType::kDirectory) Fail(path + " has no content to be adopted for");
  // Where the backing keeps modes it has the true one.
  const uint32_t others = machine_.capabilities().modes ? 07U : 077U;
  if ((attributes->mode & others) != 0 || attributes->uid != 0)
    Fail(path + " lost its record, and others may read it: " + std::to_string(attributes->mode));
}

void SimRun::CheckContent(InodeId inode, const File& file, const std::string& path) {
  const Result<Attributes> attributes = machine_.vfs().GetAttributes(inode);
  if (!attributes.ok()) Fail(path + " has no attributes");
  if (attributes->type != file.type) Fail(path + " has another type");
  if (file.type != FileType::kRegular) return;
  const auto begin = file.history.begin() + static_cast<ptrdiff_t>(file.floor);
  const auto any = [&](const auto& holds) { return std::any_of(begin, file.history.end(), holds); };
  if (!any([&](const Content& content) { return content.size == attributes->size; })) {
    Fail(path + " has " + std::to_string(attributes->size) + " bytes, which it had not since it was promised (" + Number(inode) +
         ", state " + std::to_string(file.floor) + " of " + std::to_string(file.history.size()) + ")");
  }
  const auto opened = machine_.vfs().Open(inode, O_RDONLY);
  if (!opened.ok()) Fail(path + " does not open");
  std::string bytes(attributes->size, '\0');
  const auto got = machine_.vfs().Read(inode, bytes, 0);
  machine_.vfs().Release(inode, O_RDONLY);
  if (!got.ok() || *got != bytes.size()) Fail(path + " cannot be read");
  for (size_t page = 0; page < kPages && page * kPageBytes + sizeof(uint64_t) <= bytes.size(); ++page) {
    uint64_t stamp = 0;
    std::memcpy(&stamp, bytes.data() + page * kPageBytes, sizeof stamp);
    // Without a journal for data a size may be newer than its pages: these are zeros then, unless all states had something there.
    const bool matches = any([&](const Content& content) { return content.stamps[page] == stamp; });
    const bool newly_long = stamp == 0 && any([&](const Content& content) { return content.size <= page * kPageBytes; });
    if (!matches && !newly_long) Fail(path + " holds in page " + std::to_string(page) + " what it did not hold since it was promised");
  }
}

}  // namespace hardlinkfs
