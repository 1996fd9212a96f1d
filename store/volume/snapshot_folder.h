// SnapshotFolder: the two snapshots of a catalog, written by turns, so that the newer sound one is never written over.
#ifndef HARDLINKFS_STORE_VOLUME_SNAPSHOT_FOLDER_H_
#define HARDLINKFS_STORE_VOLUME_SNAPSHOT_FOLDER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/engine/engine.h"
#include "store/engine/snapshot_file.h"

namespace hardlinkfs {

inline constexpr char kSnapshotsName[] = "snapshots";

// Thread safety: one thread at a time.
class SnapshotFolder {
 public:
  // `parent` is the folder in which `snapshots` lies, or will: made by the first Write.
  SnapshotFolder(UniqueFd parent, std::string volume) : parent_(std::move(parent)), volume_(std::move(volume)) {}

  struct Found {
    std::string name;
    SnapshotHead head;
  };
  // RETURNS: those of this volume that look whole, the newest first. None where there is no folder.
  std::vector<Found> List() const;
  // RETURNS: as ReadSnapshot.
  Status Read(const Found& snapshot, const std::function<Status(std::string_view key, std::string_view value)>& visit) const;

  // RETURNS: whether the snapshots may take `bytes` each: no more than a small part of what is free.
  bool HasRoomFor(uint64_t bytes) const;

  // Writes the rows over the older one, durably. RETURNS: the bytes; ENOSPC, also where HasRoomFor says no; the first error of the
  // functions, which are WriteSnapshot's. After an error there is nothing of it.
  Result<uint64_t> Write(Cursor& rows, int64_t now, const std::function<Status(uint64_t)>& may_go_on,
                         const std::function<Status()>& is_durable);

 private:
  Result<UniqueFd> OpenFolder() const;
  Result<UniqueFd> MakeFolder() const;

  UniqueFd parent_;
  std::string volume_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SNAPSHOT_FOLDER_H_
