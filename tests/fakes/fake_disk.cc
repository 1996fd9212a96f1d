// The calls of rocksdb::FileSystem on a FakeDiskStore: one mutex, and the count of steps. See fake_disk.h. Longer than others, since that
// interface is.
#include "tests/fakes/fake_disk.h"

#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <deque>
#include <thread>
#include <utility>

#include "store/base/mutex.h"
#include "tests/fakes/fake_disk_store.h"

namespace hardlinkfs {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using NodeRef = FakeDiskStore::NodeRef;

IOStatus Missing(const std::string& path) { return IOStatus::PathNotFound(path, "no such file"); }
IOStatus PowerIsOff() { return IOStatus::IOError("the power is off"); }

}  // namespace

// What every file and directory of the disk asks before it acts.
struct Power {
  Mutex mutex;
  uint64_t steps GUARDED_BY(mutex) = 0;
  uint64_t last_step GUARDED_BY(mutex) = UINT64_MAX;
  bool off GUARDED_BY(mutex) = false;
  bool refuses_directory_sync GUARDED_BY(mutex) = false;
  FakeDiskStore store GUARDED_BY(mutex);

  explicit Power(DiskManner manner) : store(manner) {}
  // RETURNS: whether the step may be made.
  bool Step() REQUIRES(mutex) {
    if (!off && steps >= last_step) {
      off = true;
      last_step = UINT64_MAX;
    }
    if (!off) ++steps;
    return !off;
  }
};

namespace {

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::shared_ptr<Power> power, NodeRef node) : power_(std::move(power)), node_(std::move(node)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    node_->content.append(data.data(), data.size());
    return IOStatus::OK();
  }
  IOStatus Truncate(uint64_t size, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    node_->content.resize(size);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    power_->store.SyncFile(node_);
    return IOStatus::OK();
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    return node_->content.size();
  }

 private:
  const std::shared_ptr<Power> power_;
  const NodeRef node_;
};

// RETURNS: how much was read.
size_t ReadAt(Power& power, const NodeRef& node, uint64_t offset, size_t size, char* scratch) {
  const MutexLock lock(power.mutex);
  if (offset >= node->content.size()) return 0;
  return node->content.copy(scratch, size, offset);
}

bool IsOffNow(Power& power) {
  const MutexLock lock(power.mutex);
  return power.off;
}

class RandomFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomFile(std::shared_ptr<Power> power, NodeRef node) : power_(std::move(power)), node_(std::move(node)) {}
  IOStatus Read(uint64_t offset, size_t size, const IOOptions& /*options*/, Slice* result, char* scratch,
                IODebugContext* /*context*/) const override {
    if (IsOffNow(*power_)) return PowerIsOff();
    *result = Slice(scratch, ReadAt(*power_, node_, offset, size, scratch));
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<Power> power_;
  const NodeRef node_;
};

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(std::shared_ptr<Power> power, NodeRef node) : power_(std::move(power)), node_(std::move(node)) {}
  IOStatus Read(size_t size, const IOOptions& /*options*/, Slice* result, char* scratch, IODebugContext* /*context*/) override {
    if (IsOffNow(*power_)) return PowerIsOff();
    *result = Slice(scratch, ReadAt(*power_, node_, at_, size, scratch));
    at_ += result->size();
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t size) override {
    at_ += size;
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<Power> power_;
  const NodeRef node_;
  uint64_t at_ = 0;
};

class InPlaceFile final : public rocksdb::FSRandomRWFile {
 public:
  InPlaceFile(std::shared_ptr<Power> power, NodeRef node) : power_(std::move(power)), node_(std::move(node)) {}
  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    if (node_->content.size() < offset + data.size()) node_->content.resize(offset + data.size());
    node_->content.replace(offset, data.size(), data.data(), data.size());
    return IOStatus::OK();
  }
  IOStatus Read(uint64_t offset, size_t size, const IOOptions& /*options*/, Slice* result, char* scratch,
                IODebugContext* /*context*/) const override {
    *result = Slice(scratch, ReadAt(*power_, node_, offset, size, scratch));
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    power_->store.SyncFile(node_);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return IOStatus::OK(); }

 private:
  const std::shared_ptr<Power> power_;
  const NodeRef node_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(std::shared_ptr<Power> power, std::string path) : power_(std::move(power)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power_->mutex);
    if (!power_->Step()) return PowerIsOff();
    if (power_->refuses_directory_sync) return IOStatus::IOError("While fsync: a directory", "Invalid argument");
    power_->store.SyncDirectory(path_);
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<Power> power_;
  const std::string path_;
};

class SilentLogger final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  size_t GetLogFileSize() const override { return 0; }
};

// RocksDB sleeps for a second after what failed in the background.
class SleeplessClock final : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "SleeplessClock"; }
  void SleepForMicroseconds(int /*microseconds*/) override {}
};

class HeldLock final : public rocksdb::FileLock {};

}  // namespace

class FakeDisk::Files final : public rocksdb::FileSystem {
 public:
  explicit Files(DiskManner manner) : power(std::make_shared<Power>(manner)) {}
  const char* Name() const override { return "FakeDisk"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext* /*context*/) override {
    return OpenExisting<SequentialFile>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& /*options*/,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext* /*context*/) override {
    return OpenExisting<RandomFile>(path, result);
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                           IODebugContext* /*context*/) override {
    return OpenExisting<InPlaceFile>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (!power->Step()) return PowerIsOff();
    *result = std::make_unique<WritableFile>(power, power->store.Create(path));
    return IOStatus::OK();
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* /*context*/) override {
    return OpenExisting<WritableFile>(path, result);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& /*options*/, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* /*context*/) override {
    *result = std::make_unique<Directory>(power, path);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& path, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    if (power->store.Find(path) == nullptr && !power->store.IsDirectory(path)) return IOStatus::NotFound(path);
    return IOStatus::OK();
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& /*options*/, std::vector<std::string>* result,
                       IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    *result = power->store.List(path);
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (!power->Step()) return PowerIsOff();
    return power->store.Remove(path) ? IOStatus::OK() : Missing(path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    return CreateDirIfMissing(path, options, context);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    power->store.MakeDirectory(path);
    return IOStatus::OK();
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    power->store.RemoveDirectory(path);
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& /*options*/, uint64_t* size, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    const NodeRef node = power->store.Find(path);
    if (node == nullptr) return Missing(path);
    *size = node->content.size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string& /*path*/, const IOOptions& /*options*/, uint64_t* time,
                                   IODebugContext* /*context*/) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    if (!power->Step()) return PowerIsOff();
    return power->store.Rename(from, to) ? IOStatus::OK() : Missing(from);
  }
  IOStatus LockFile(const std::string& /*path*/, const IOOptions& /*options*/, rocksdb::FileLock** lock,
                    IODebugContext* /*context*/) override {
    *lock = new HeldLock;  // RocksDB's interface has no owner
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    delete static_cast<HeldLock*>(lock);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions& /*options*/, std::string* path, IODebugContext* /*context*/) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string& /*path*/, const IOOptions& /*options*/, std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext* /*context*/) override {
    *result = std::make_shared<SilentLogger>();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions& /*options*/, std::string* result,
                           IODebugContext* /*context*/) override {
    *result = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions& /*options*/, bool* result, IODebugContext* /*context*/) override {
    const MutexLock lock(power->mutex);
    *result = power->store.IsDirectory(path);
    return IOStatus::OK();
  }

  const std::shared_ptr<Power> power;

 private:
  template <typename File, typename Interface>
  IOStatus OpenExisting(const std::string& path, std::unique_ptr<Interface>* result) {
    const MutexLock lock(power->mutex);
    if (power->off) return PowerIsOff();
    const NodeRef node = power->store.Find(path);
    if (node == nullptr) return Missing(path);
    *result = std::make_unique<File>(power, node);
    return IOStatus::OK();
  }
};

// One thread takes the jobs in their order.
class FakeDisk::Workers final : public rocksdb::EnvWrapper {
 public:
  Workers(rocksdb::Env* files, std::shared_ptr<Power> power) : EnvWrapper(files), power_(std::move(power)) {
    file_system_ = files->GetFileSystem();
    system_clock_ = std::make_shared<SleeplessClock>(files->GetSystemClock());
    thread_ = std::thread([this] { Run(); });
  }
  ~Workers() override {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void Schedule(void (*function)(void*), void* argument, Priority /*priority*/, void* tag, void (*unschedule)(void*)) override {
    {
      const MutexLock lock(mutex_);
      jobs_.push_back({function, argument, tag, unschedule});
    }
    changed_.notify_all();
  }
  int UnSchedule(void* tag, Priority /*priority*/) override {
    std::vector<Job> taken;
    {
      const MutexLock lock(mutex_);
      for (const Job& job : jobs_) {
        if (job.tag == tag) taken.push_back(job);
      }
      std::erase_if(jobs_, [tag](const Job& job) { return job.tag == tag; });
    }
    for (const Job& job : taken) {
      if (job.unschedule != nullptr) job.unschedule(job.argument);
    }
    changed_.notify_all();
    return static_cast<int>(taken.size());
  }
  unsigned int GetThreadPoolQueueLen(Priority /*priority*/) const override { return 0; }
  void SetBackgroundThreads(int /*number*/, Priority /*priority*/) override {}
  int GetBackgroundThreads(Priority /*priority*/) override { return 1; }
  void IncBackgroundThreadsIfNeeded(int /*number*/, Priority /*priority*/) override {}

  void Hold() {
    const MutexLock lock(mutex_);
    held_ = true;
  }
  // Does in this thread what there is to do, and lets go.
  void Release() {
    std::unique_lock<Mutex> lock(mutex_);
    for (;;) {
      mutex_.AssertHeld();
      if (!jobs_.empty()) {
        DoOne(lock);
      } else if (busy_) {
        changed_.wait(lock);
      } else {
        held_ = false;
        return;
      }
    }
  }

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*unschedule)(void*);
  };

  void Run() {
    std::unique_lock<Mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this]() {
        mutex_.AssertHeld();
        return !jobs_.empty() || ending_;
      });
      // Held ones by time: the power may go off in whatever thread.
      changed_.wait_for(lock, std::chrono::milliseconds(1), [this]() {
        mutex_.AssertHeld();
        return MayRun() || (ending_ && jobs_.empty());
      });
      mutex_.AssertHeld();
      if (MayRun()) {
        DoOne(lock);
      } else if (ending_ && jobs_.empty()) {
        return;
      }
    }
  }
  void DoOne(std::unique_lock<Mutex>& lock) REQUIRES(mutex_) {
    const Job job = jobs_.front();
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    job.function(job.argument);
    lock.lock();
    mutex_.AssertHeld();
    busy_ = false;
    changed_.notify_all();
  }
  bool MayRun() REQUIRES(mutex_) { return !jobs_.empty() && (!held_ || IsOffNow(*power_)); }

  const std::shared_ptr<Power> power_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  bool held_ GUARDED_BY(mutex_) = false;
  bool busy_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

FakeDisk::FakeDisk(DiskManner manner)
    : files_(std::make_shared<Files>(manner)),
      plain_(rocksdb::NewCompositeEnv(files_)),
      workers_(std::make_unique<Workers>(plain_.get(), files_->power)) {}

FakeDisk::~FakeDisk() = default;

rocksdb::Env* FakeDisk::env() { return workers_.get(); }

FakeDisk::Operation::Operation(FakeDisk& disk) : disk_(disk) { disk_.workers_->Hold(); }
FakeDisk::Operation::~Operation() { disk_.workers_->Release(); }

uint64_t FakeDisk::steps() const {
  const MutexLock lock(files_->power->mutex);
  return files_->power->steps;
}

void FakeDisk::TurnOffAfter(uint64_t steps) {
  const MutexLock lock(files_->power->mutex);
  files_->power->last_step = files_->power->steps + steps;
}

void FakeDisk::TurnOff() {
  const MutexLock lock(files_->power->mutex);
  files_->power->off = true;
}

bool FakeDisk::IsOff() const { return IsOffNow(*files_->power); }

void FakeDisk::TurnOn() {
  const MutexLock lock(files_->power->mutex);
  files_->power->off = false;
}

void FakeDisk::TurnOnAfterPowerCut(const std::function<uint64_t(uint64_t)>& below) {
  {
    const MutexLock lock(files_->power->mutex);
    files_->power->store.CutPower(below);
    files_->power->last_step = UINT64_MAX;
  }
  TurnOn();
}

std::string FakeDisk::Read(const std::string& path) const {
  const MutexLock lock(files_->power->mutex);
  const NodeRef node = files_->power->store.Find(path);
  return node == nullptr ? "" : node->content;
}

void FakeDisk::Write(const std::string& path, const std::string& content) {
  const MutexLock lock(files_->power->mutex);
  FakeDiskStore& store = files_->power->store;
  const NodeRef node = store.Create(path);
  node->content = content;
  store.SyncFile(node);
  store.SyncDirectory(path.substr(0, path.find_last_of('/')));
}

bool FakeDisk::Exists(const std::string& path) const {
  const MutexLock lock(files_->power->mutex);
  return files_->power->store.Find(path) != nullptr;
}

void FakeDisk::RefuseDirectorySync() {
  const MutexLock lock(files_->power->mutex);
  files_->power->refuses_directory_sync = true;
}

}  // namespace hardlinkfs
