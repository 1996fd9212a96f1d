// What operations are made on, and whether they ended as they should.
#include <cerrno>
#include <cstring>
#include <iterator>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMostNodes = 30;

template <typename Map>
const auto& PickOf(const Map& map, Dice& dice) {
  return *std::next(map.begin(), static_cast<ptrdiff_t>(dice.Below(map.size())));
}

}  // namespace

InodeId SimRun::PickDirectory() {
  const InodeId directory = PickOf(now_.names, dice_).first;
  Visit(directory);
  return directory;
}

std::string SimRun::PickName() { return dice_.Pick(kind_.names); }

std::pair<InodeId, std::string> SimRun::PickEntry() {
  const InodeId directory = PickDirectory();
  const auto& names = now_.names[directory];
  if (names.empty()) return {directory, ""};
  return {directory, PickOf(names, dice_).first};
}

InodeId SimRun::PickFile() { return files_.empty() ? InodeId{0} : PickOf(files_, dice_).first; }

InodeId SimRun::PickOpenFile() {
  for (int attempt = 0; attempt < 4; ++attempt) {
    const InodeId inode = PickFile();
    if (inode != InodeId{0} && files_[inode].is_open()) return inode;
  }
  return InodeId{0};
}

InodeId SimRun::PickNode() {
  const InodeId inode = PickOf(now_.nodes, dice_).first;
  // What has no name is only somebody's who has it open.
  if (IsDirectory(inode) || now_.nodes[inode].nlink > 0) return inode;
  return files_.contains(inode) && files_[inode].is_open() ? inode : InodeId{0};
}

Caller SimRun::PickCaller() {
  const auto id = static_cast<uint32_t>(dice_.Below(kSimActors));
  Caller caller;
  caller.uid = caller.gid = id == 0 ? 0 : 999 + id;
  return caller;
}

bool SimRun::IsBelow(InodeId directory, InodeId below) const {
  if (directory == below) return true;
  for (const auto& [name, inode] : now_.names.at(directory)) {
    if (IsDirectory(inode) && IsBelow(inode, below)) return true;
  }
  return false;
}

bool SimRun::HasRoom() const { return now_.nodes.size() < kMostNodes; }

bool SimRun::DiskHasFailed() { return machine_.backing().sync_has_failed(); }

bool SimRun::Acknowledged(int code, int expected) {
  if (dead_) return false;
  if ((code == EROFS || code == EIO) && DiskHasFailed()) return false;
  if (code != expected) Fail(std::string("ends with ") + std::strerror(code) + ", expected was " + std::strerror(expected));
  return code == 0;
}

// At the end of an operation. If it synced the log before it was acknowledged, then itself too.
void SimRun::Done() {
  if (!unsynced_parent_.empty()) Fail("the log was synced, and the \"..\" of " + unsynced_parent_ + " was not");
  if (dead_ || !log_synced_) return;
  log_synced_ = false;
  TakeNames();
}

}  // namespace hardlinkfs
