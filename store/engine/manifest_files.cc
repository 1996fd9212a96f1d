#include "store/engine/manifest_files.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "store/base/mutex.h"
#include "store/engine/beginning.h"
#include "store/engine/manifest_slot.h"

namespace hardlinkfs {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::string_view kCurrent = "CURRENT";
constexpr std::string_view kManifestPrefix = "MANIFEST-";

std::string_view BaseName(std::string_view path) { return path.substr(path.find_last_of('/') + 1); }

class Text final : public rocksdb::FSSequentialFile {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  IOStatus Read(size_t size, const IOOptions& /*options*/, Slice* result, char* scratch, IODebugContext* /*context*/) override {
    const size_t copied = at_ < text_.size() ? text_.copy(scratch, size, at_) : 0;
    at_ += copied;
    *result = Slice(scratch, copied);
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t size) override {
    at_ += size;
    return IOStatus::OK();
  }

 private:
  const std::string text_;
  size_t at_ = 0;
};

class RandomText final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomText(std::string text) : text_(std::move(text)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions& /*options*/, Slice* result, char* scratch,
                IODebugContext* /*context*/) const override {
    *result = Slice(scratch, offset < text_.size() ? text_.copy(scratch, size, offset) : 0);
    return IOStatus::OK();
  }

 private:
  const std::string text_;
};

class ManifestFiles;

class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, ManifestFiles& files)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), files_(files) {}
  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* context) override {
    IOStatus appended = FSWritableFileOwnerWrapper::Append(data, options, context);
    if (appended.ok()) size_ += data.size();
    return appended;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override;
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override;

 private:
  const std::string name_;
  ManifestFiles& files_;  // outlives the database, and so its files
  uint64_t size_ = 0;
};

class ManifestFiles final : public rocksdb::FileSystemWrapper {
 public:
  ManifestFiles(std::shared_ptr<rocksdb::FileSystem> base, std::string directory)
      : FileSystemWrapper(std::move(base)), directory_(std::move(directory)) {}
  const char* Name() const override { return "hardlinkfs.ManifestFiles"; }

  IOStatus FileExists(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    const MutexLock lock(mutex_);
    if (!IsCurrent(path)) return FileSystemWrapper::FileExists(path, options, context);
    Look();
    if (in_force_.has_value()) return IOStatus::OK();
    // A disk that cannot be read is not one without a database.
    return unreadable_.ok() ? FileSystemWrapper::FileExists(path, options, context) : unreadable_;
  }

  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size, IODebugContext* context) override {
    const MutexLock lock(mutex_);
    if (IsCurrent(path)) Look();
    if (!IsCurrent(path) || !in_force_.has_value()) return FileSystemWrapper::GetFileSize(path, options, size, context);
    *size = Pointer().size();
    return IOStatus::OK();
  }

  IOStatus GetChildren(const std::string& path, const IOOptions& options, std::vector<std::string>* result,
                       IODebugContext* context) override {
    IOStatus listed = FileSystemWrapper::GetChildren(path, options, result, context);
    const MutexLock lock(mutex_);
    if (!listed.ok() || path != directory_) return listed;
    Look();
    const bool has_current = in_force_.has_value();
    std::erase_if(*result, [has_current](const std::string& name) { return IsSlot(name) || (has_current && name == kCurrent); });
    if (has_current) result->emplace_back(kCurrent);
    return listed;
  }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* context) override {
    const MutexLock lock(mutex_);
    if (!IsCurrent(path) && !IsManifest(path)) return FileSystemWrapper::NewSequentialFile(path, options, result, context);
    Look();
    if (IsCurrent(path) && in_force_.has_value()) {
      *result = std::make_unique<Text>(Pointer());
      return IOStatus::OK();
    }
    IOStatus opened = FileSystemWrapper::NewSequentialFile(path, options, result, context);
    if (!opened.ok() || !in_force_.has_value() || BaseName(path) != in_force_->manifest) return opened;
    uint64_t size = 0;
    IOStatus measured = FileSystemWrapper::GetFileSize(path, IOOptions(), &size, context);
    if (!measured.ok()) return measured;
    if (size < in_force_->length) return IOStatus::Corruption(path, "is shorter than it was when it was synced");
    if (!one_is_damaged_) *result = std::make_unique<Beginning>(std::move(*result), in_force_->length);
    return IOStatus::OK();
  }

  // RocksDB opens CURRENT so only to see whether that can be done.
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext* context) override {
    const MutexLock lock(mutex_);
    if (IsCurrent(path)) Look();
    if (!IsCurrent(path) || !in_force_.has_value()) return FileSystemWrapper::NewRandomAccessFile(path, options, result, context);
    *result = std::make_unique<RandomText>(Pointer());
    return IOStatus::OK();
  }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* context) override {
    IOStatus opened = FileSystemWrapper::NewWritableFile(path, options, result, context);
    if (opened.ok() && IsManifest(path)) *result = std::make_unique<Manifest>(std::move(*result), std::string(BaseName(path)), *this);
    return opened;
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* context) override {
    if (IsCurrent(to)) return SetCurrent(from, options, context);
    IOStatus renamed = FileSystemWrapper::RenameFile(from, to, options, context);
    // RocksDB's own log may lose what it likes.
    if (!renamed.ok() || BaseName(to).starts_with("LOG")) return renamed;
    return SyncFile(to);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    if (!IsCurrent(path)) return FileSystemWrapper::DeleteFile(path, options, context);
    const MutexLock lock(mutex_);
    in_force_.reset();
    looked_ = false;
    IOStatus deleted = IOStatus::NotFound(path);
    for (const std::string& file : {path, SlotPath(0), SlotPath(1)}) {
      if (IOStatus one = FileSystemWrapper::DeleteFile(file, options, context); one.ok()) deleted = one;
    }
    return deleted;
  }

  // `length` bytes of `manifest` are durable.
  IOStatus NoteSynced(const std::string& manifest, uint64_t length) {
    const MutexLock lock(mutex_);
    synced_[manifest] = length;
    if (!in_force_.has_value() || in_force_->manifest != manifest) return IOStatus::OK();
    return WriteSlot(manifest, length);
  }

 private:
  bool IsCurrent(const std::string& path) const { return path == directory_ + "/" + std::string(kCurrent); }
  static bool IsManifest(const std::string& path) { return BaseName(path).starts_with(kManifestPrefix); }
  static bool IsSlot(const std::string& name) { return name == kManifestSlotNames[0] || name == kManifestSlotNames[1]; }
  std::string SlotPath(size_t slot) const { return directory_ + "/" + std::string(kManifestSlotNames.at(slot)); }
  std::string Pointer() const REQUIRES(mutex_) { return in_force_->manifest + "\n"; }

  // RETURNS: nullopt also for one that cannot be read: it was being written when the power went.
  std::optional<ManifestSlot> ReadSlot(size_t slot) REQUIRES(mutex_) {
    std::string text;
    const rocksdb::Status read = rocksdb::ReadFileToString(target(), SlotPath(slot), &text);
    if (read.ok()) return ParseManifestSlot(text);
    if (!read.IsNotFound() && !read.IsPathNotFound()) unreadable_ = IOStatus::IOError(SlotPath(slot), "cannot be read");
    return std::nullopt;
  }

  void Look() REQUIRES(mutex_) {
    if (std::exchange(looked_, true)) return;
    unreadable_ = IOStatus::OK();
    const std::array<std::optional<ManifestSlot>, 2> slots{ReadSlot(0), ReadSlot(1)};
    // Whoever wrote the other one had synced the MANIFEST, and added nothing since: all of it counts.
    one_is_damaged_ = slots[0].has_value() != slots[1].has_value();
    in_force_.reset();
    for (size_t i = 0; i < slots.size(); ++i) {
      const std::optional<ManifestSlot>& slot = slots.at(i);
      if (!slot.has_value() || slot->sequence == 0 || (in_force_.has_value() && in_force_->sequence > slot->sequence)) continue;
      in_force_ = slot;
      newest_ = i;
    }
  }

  IOStatus SetCurrent(const std::string& temporary, const IOOptions& options, IODebugContext* context) {
    std::string content;
    if (rocksdb::Status read = rocksdb::ReadFileToString(target(), temporary, &content); !read.ok()) {
      return rocksdb::status_to_io_status(std::move(read));
    }
    const std::string manifest = content.substr(0, content.find('\n'));
    const MutexLock lock(mutex_);
    const auto synced = synced_.find(manifest);
    if (synced == synced_.end()) return IOStatus::IOError(manifest, "was not synced by this process");
    Look();
    for (size_t slot = 0; !in_force_.has_value() && slot < kManifestSlotNames.size(); ++slot) {
      if (IOStatus made = MakeSlot(slot); !made.ok()) return made;
    }
    // The MANIFEST's entry, those of the tables that it names, and of the slots.
    if (IOStatus durable = SyncEntries(); !durable.ok()) return durable;
    if (IOStatus written = WriteSlot(manifest, synced->second); !written.ok()) return written;
    // What is left of an older way to say it.
    const std::string plain = directory_ + "/" + std::string(kCurrent);
    if (FileSystemWrapper::FileExists(plain, options, context).ok()) {
      FileSystemWrapper::DeleteFile(plain, options, context).PermitUncheckedError();
    }
    FileSystemWrapper::DeleteFile(temporary, options, context).PermitUncheckedError();
    return IOStatus::OK();
  }

  IOStatus MakeSlot(size_t slot) {
    rocksdb::Status made = rocksdb::WriteStringToFile(target(), Slice(FormatManifestSlot({})), SlotPath(slot), /*should_sync=*/true);
    return rocksdb::status_to_io_status(std::move(made));
  }

  IOStatus SyncEntries() {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    IOStatus opened = FileSystemWrapper::NewDirectory(directory_, IOOptions(), &directory, nullptr);
    return opened.ok() ? directory->Fsync(IOOptions(), nullptr) : opened;
  }

  IOStatus WriteSlot(const std::string& manifest, uint64_t length) REQUIRES(mutex_) {
    const ManifestSlot next{in_force_.has_value() ? in_force_->sequence + 1 : 1, manifest, length};
    const size_t slot = 1 - newest_;
    if (one_is_damaged_) {
      if (IOStatus made = MakeSlot(slot); !made.ok()) return made;
      if (IOStatus durable = SyncEntries(); !durable.ok()) return durable;
    }
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    IOStatus written = FileSystemWrapper::NewRandomRWFile(SlotPath(slot), FileOptions(), &file, nullptr);
    if (written.ok()) written = file->Write(0, Slice(FormatManifestSlot(next)), IOOptions(), nullptr);
    if (written.ok()) written = file->Sync(IOOptions(), nullptr);
    if (!written.ok()) return written;
    in_force_ = next;
    newest_ = slot;
    one_is_damaged_ = false;
    return file->Close(IOOptions(), nullptr);
  }

  IOStatus SyncFile(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus synced = FileSystemWrapper::ReopenWritableFile(path, FileOptions(), &file, nullptr);
    if (synced.ok()) synced = file->Fsync(IOOptions(), nullptr);
    return synced.ok() ? file->Close(IOOptions(), nullptr) : synced;
  }

  const std::string directory_;
  Mutex mutex_;  // held over I/O on the slots; a leaf
  bool looked_ GUARDED_BY(mutex_) = false;
  IOStatus unreadable_ GUARDED_BY(mutex_);  // why a slot could not be read
  std::optional<ManifestSlot> in_force_ GUARDED_BY(mutex_);
  size_t newest_ GUARDED_BY(mutex_) = 1;
  bool one_is_damaged_ GUARDED_BY(mutex_) = false;
  std::map<std::string, uint64_t> synced_ GUARDED_BY(mutex_);  // how much of which MANIFEST
};

IOStatus Manifest::Sync(const IOOptions& options, IODebugContext* context) {
  IOStatus synced = FSWritableFileOwnerWrapper::Sync(options, context);
  return synced.ok() ? files_.NoteSynced(name_, size_) : synced;
}

IOStatus Manifest::Fsync(const IOOptions& options, IODebugContext* context) {
  IOStatus synced = FSWritableFileOwnerWrapper::Fsync(options, context);
  return synced.ok() ? files_.NoteSynced(name_, size_) : synced;
}

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeManifestFiles(std::shared_ptr<rocksdb::FileSystem> base, std::string directory) {
  return std::make_shared<ManifestFiles>(std::move(base), std::move(directory));
}

}  // namespace hardlinkfs
