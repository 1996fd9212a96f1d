// Operations on directories: open, read with and without attributes, fsync.
#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {
namespace {

Status OpenDirectory(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  Result<std::unique_ptr<DirectoryStream>> opened = server.vfs.OpenDirectory(InodeId{inode});
  if (!opened.ok()) return opened.error();
  // The kernel drops a listing that it keeps when it changes the directory itself; of a backing that is ours nobody else does, but for
  // reconciling, which says so.
  file->cache_readdir = server.options.backing == BackingUse::kOurs;
  file->keep_cache = file->cache_readdir;
  DirectoryStream* const stream = opened->release();
  file->fh = reinterpret_cast<uintptr_t>(stream);
  // The kernel does not close what it did not hear of.
  if (fuse_reply_open(request, file) != 0) delete stream;
  return {};
}

DirectoryStream& StreamOf(const fuse_file_info& file) { return *reinterpret_cast<DirectoryStream*>(file.fh); }

Status ReleaseDirectory(Server& /*server*/, fuse_req_t request, fuse_ino_t /*inode*/, fuse_file_info* file) {
  delete &StreamOf(*file);
  fuse_reply_err(request, 0);
  return {};
}

// What READDIRPLUS says of an entry. One without attributes (".", "..") gets nodeid 0, by which the kernel knows not to make an inode of
// it.
fuse_entry_param ToListedEntry(const Server& server, const DirectoryEntry& entry) {
  if (entry.attributes.has_value()) return ToEntry(server, *entry.attributes);
  fuse_entry_param out{};
  out.attr.st_ino = entry.number;
  out.attr.st_mode = ModeBits(entry.type);
  return out;
}

// Fills a buffer with entries until one does not fit; that one counts as not taken.
class Listing {
 public:
  Listing(const Server& server, fuse_req_t request, size_t size)
      : server_(server), request_(request), buffer_(ReplyBuffer(request, size)) {}

  bool Add(const DirectoryEntry& entry, ListingMode mode) {
    // libfuse wants a terminated name.
    name_.assign(entry.name);
    const std::span<char> rest = buffer_.subspan(used_);
    const auto next = static_cast<off_t>(entry.next_offset);
    size_t length = 0;
    if (mode == ListingMode::kNamesAndAttributes) {
      const fuse_entry_param plus = ToListedEntry(server_, entry);
      length = fuse_add_direntry_plus(request_, rest.data(), rest.size(), name_.c_str(), &plus, next);
    } else {
      struct stat attributes {};
      attributes.st_ino = entry.number;
      attributes.st_mode = ModeBits(entry.type);
      length = fuse_add_direntry(request_, rest.data(), rest.size(), name_.c_str(), &attributes, next);
    }
    if (length > rest.size()) return false;
    used_ += length;
    return true;
  }

  std::span<const char> filled() const { return buffer_.first(used_); }

 private:
  const Server& server_;
  fuse_req_t request_;
  std::span<char> buffer_;
  size_t used_ = 0;
  std::string name_;
};

Status List(Server& server, fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, DirectoryStream& stream, ListingMode mode) {
  if (Status failed = MayFail(server, request, Operation::kReaddir, inode); !failed.ok()) return failed;
  Listing listing(server, request, size);
  const Status status = server.vfs.ReadDirectory(InodeId{inode}, stream, static_cast<uint64_t>(offset), mode,
                                                 [&listing, mode](const DirectoryEntry& entry) { return listing.Add(entry, mode); });
  // An error after the first entries would lose them, with their lookups; it comes again when the kernel asks for what follows.
  if (!status.ok() && listing.filled().empty()) return status;
  fuse_reply_buf(request, listing.filled().data(), listing.filled().size());
  return {};
}

Status ReadDirectory(Server& server, fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* file) {
  return List(server, request, inode, size, offset, StreamOf(*file), ListingMode::kNames);
}

Status ReadDirectoryPlus(Server& server, fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* file) {
  return List(server, request, inode, size, offset, StreamOf(*file), ListingMode::kNamesAndAttributes);
}

Status FsyncDirectory(Server& server, fuse_req_t request, fuse_ino_t inode, int /*datasync*/, fuse_file_info* /*file*/) {
  if (Status failed = MayFail(server, request, Operation::kFsync, inode); !failed.ok()) return failed;
  return ReplyDone(request, server.vfs.SyncDirectory(InodeId{inode}));
}

}  // namespace

void AddListingOperations(fuse_lowlevel_ops& table) {
  table.opendir = Guard<OpenDirectory>::Call;
  table.releasedir = Guard<ReleaseDirectory>::Call;
  table.readdir = Guard<ReadDirectory>::Call;
  table.readdirplus = Guard<ReadDirectoryPlus>::Call;
  table.fsyncdir = Guard<FsyncDirectory>::Call;
}

}  // namespace hardlinkfs
