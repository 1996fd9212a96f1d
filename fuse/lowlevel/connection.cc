#include "fuse/lowlevel/connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "fuse/lowlevel/fuse_api.h"

namespace hardlinkfs {
namespace {

struct Feature {
  uint64_t flag;
  const char* name;
};

constexpr std::array kWanted{
    Feature{FUSE_CAP_POSIX_ACL, "posix_acl"},
    // The umask is ours to apply: it must not be where the parent has a default ACL.
    Feature{FUSE_CAP_DONT_MASK, "dont_mask"},
    Feature{FUSE_CAP_PARALLEL_DIROPS, "parallel_dirops"},
    Feature{FUSE_CAP_READDIRPLUS, "readdirplus"},
    Feature{FUSE_CAP_READDIRPLUS_AUTO, "readdirplus_auto"},
    // Lets the kernel remember that a file has no security.capability, instead of asking before every write.
    Feature{FUSE_CAP_HANDLE_KILLPRIV_V2, "handle_killpriv_v2"},
    Feature{FUSE_CAP_ASYNC_READ, "async_read"},
    Feature{FUSE_CAP_ASYNC_DIO, "async_dio"},
    Feature{FUSE_CAP_CACHE_SYMLINKS, "cache_symlinks"},
    Feature{FUSE_CAP_EXPIRE_ONLY, "expire_only"},
    Feature{FUSE_CAP_DIRECT_IO_ALLOW_MMAP, "direct_io_allow_mmap"},
};

// Of a backing that is ours.
constexpr std::array kWantedAlone{
    // Numbers are for good, so a handle is good after a remount, too.
    Feature{FUSE_CAP_EXPORT_SUPPORT, "export"},
    // Pages are dropped when we say so, that is never.
    Feature{FUSE_CAP_EXPLICIT_INVAL_DATA, "explicit_inval_data"},
};
// Drops a file's cached pages whenever its mtime is found changed, as it is after each write of our own, and of others.
constexpr Feature kWantedBesideOthers{FUSE_CAP_AUTO_INVAL_DATA, "auto_inval_data"};

// Where locks are shared with the backing's users; else the kernel keeps them by itself.
constexpr std::array kWantedForLocks{
    Feature{FUSE_CAP_POSIX_LOCKS, "posix_locks"},
    Feature{FUSE_CAP_FLOCK_LOCKS, "flock_locks"},
};

constexpr std::array kUnwanted{
    // Without it the kernel truncates by SETATTR, which says whether suid and sgid have to go.
    Feature{FUSE_CAP_ATOMIC_O_TRUNC, "atomic_o_trunc"},
    // Rules out passthrough, and takes from us when and by whom something was written.
    Feature{FUSE_CAP_WRITEBACK_CACHE, "writeback_cache"},
    // F_SETPIPE_SZ fails on some hosts, and libfuse then builds a pipe for each request.
    Feature{FUSE_CAP_SPLICE_READ, "splice_read"},
    Feature{FUSE_CAP_SPLICE_WRITE, "splice_write"},
    Feature{FUSE_CAP_SPLICE_MOVE, "splice_move"},
};
// SETXATTR_EXT is not asked for either: libfuse 3.18 has no way to pass its flags on. Whether setting an ACL clears sgid is found out from
// the caller's groups instead.

constexpr uint32_t kMaxTransfer = 1U << 20U;  // bytes a READ or WRITE; the kernel's default for unprivileged max_pages

}  // namespace

void Connection::Negotiate(fuse_conn_info& info) {
  std::string granted;
  const auto want = [&info, &granted](const Feature& feature) {
    if (!fuse_set_feature_flag(&info, feature.flag)) return false;
    granted.append(" ").append(feature.name);
    return true;
  };
  for (const Feature& feature : kWanted) want(feature);
  if (wishes_.backing == BackingUse::kOurs) {
    for (const Feature& feature : kWantedAlone) want(feature);
    fuse_unset_feature_flag(&info, kWantedBesideOthers.flag);
  } else {
    for (const Feature& feature : kWantedAlone) fuse_unset_feature_flag(&info, feature.flag);
    want(kWantedBesideOthers);
  }
  const bool shares_locks = wishes_.locks == LockSharing::kWithBacking;
  for (const Feature& feature : kWantedForLocks) {
    if (shares_locks) {
      want(feature);
    } else {
      fuse_unset_feature_flag(&info, feature.flag);
    }
  }
  for (const Feature& feature : kUnwanted) fuse_unset_feature_flag(&info, feature.flag);

  passthrough_ = wishes_.passthrough && want({FUSE_CAP_PASSTHROUGH, "passthrough"});
  // We count as one layer then, and overlayfs over us is the second and last that the kernel allows; so a backing that is itself stacked
  // (overlayfs, another passthrough) is refused by BACKING_OPEN, and served by requests.
  info.max_backing_stack_depth = FUSE_BACKING_STACKED_UNDER;

  if (!wishes_.io_uring) fuse_unset_feature_flag(&info, FUSE_CAP_OVER_IO_URING);
  io_uring_ = wishes_.io_uring && want({FUSE_CAP_OVER_IO_URING, "io_uring"});

  info.max_write = kMaxTransfer;
  info.max_readahead = std::min(info.max_readahead, kMaxTransfer);
  // Enough to keep a stick busy with readahead and direct I/O; the kernel's 12 is from the days of one thread.
  info.max_background = 64;
  info.time_gran = 1;
  // Nothing but waiting for a lock can be interrupted, and libfuse keeps a locked list of all requests to find the one that should be.
  info.no_interrupt = shares_locks ? 0 : 1;
  spdlog::debug("FUSE {}.{}, agreed:{}; max_write {}, max_readahead {}", info.proto_major, info.proto_minor, granted, info.max_write,
                info.max_readahead);
}

}  // namespace hardlinkfs
