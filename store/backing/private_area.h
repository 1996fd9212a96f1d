// PrivateArea: the hidden folder `.hardlinkfs/` in the backing's root: volume file, lock, homes without a place, README.txt, and by
// default the store. It does not know what the catalog says.
#ifndef HARDLINKFS_STORE_BACKING_PRIVATE_AREA_H_
#define HARDLINKFS_STORE_BACKING_PRIVATE_AREA_H_

#include <memory>
#include <string>

#include "store/backing/backing.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

inline constexpr char kPrivateAreaName[] = ".hardlinkfs";
inline constexpr char kHomesName[] = "homes";  // in it

// What the volume file says. It is text (`key = value` lines), for a finder to read.
struct VolumeFile {
  std::string uuid;        // as uuid(7), made at the first mount; the catalog holds the same
  int format_version = 1;  // of the private area and the catalog; a newer one than ours is refused
};

// Thread safety: one thread at a time changes it; the accessors any.
class PrivateArea {
 public:
  enum class Access { kReadWrite, kReadOnly };

  // Opens the area below the directory `root_fd` (borrowed; only used during the call), creating it with its README.txt, volume file and
  // homes/ when absent, and takes the volume's lock. With kReadOnly nothing is made, and readers share the lock.
  // RETURNS: EBUSY when another server holds the lock; EUCLEAN for a volume file that cannot be parsed, or that is missing while a
  // catalog or homes are there; ENOTSUP for a newer format; with kReadOnly ENOENT when there is none, EINPROGRESS when a server died that was making it; else the backing's
  // errno. On an error nothing is changed.
  static Result<std::unique_ptr<PrivateArea>> Open(int root_fd, Access access = Access::kReadWrite);
  // For a new catalog beside what is left: takes a volume file that is damaged or missing out of the way (volume.damaged) and makes
  // another, with a new uuid. RETURNS: ENOENT when there is no area; ENOTSUP, EBUSY.
  static Result<std::unique_ptr<PrivateArea>> OpenLost(int root_fd);

  const VolumeFile& volume() const { return volume_; }
  // RETURNS: true until MarkFinished was called once in the volume's life: there may be no catalog yet.
  bool is_new() const { return is_new_; }
  // The catalog is there and durable.
  Status MarkFinished();
  // Removes an area that this object's Open has made, with whatever there is of a catalog: the mount failed, and nothing shall be changed.
  void Discard(int root_fd);
  // RETURNS: the descriptor of `.hardlinkfs/` itself, for the default store at /proc/self/fd/N/catalog.
  int descriptor() const { return directory_.get(); }

 private:
  static Result<std::unique_ptr<PrivateArea>> OpenIn(int root_fd, UniqueFd directory, Access access);

  PrivateArea(UniqueFd directory, UniqueFd lock, VolumeFile volume, bool is_new)
      : directory_(std::move(directory)), lock_(std::move(lock)), volume_(std::move(volume)), is_new_(is_new) {}

  UniqueFd directory_;
  UniqueFd lock_;
  VolumeFile volume_;
  bool is_new_;
  bool made_ = false;  // the volume file, by this Open
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_PRIVATE_AREA_H_
