#include "tests/fakes/disk_engine.h"

#include <utility>

namespace hardlinkfs {
namespace {

constexpr size_t kCacheBytes = size_t{1} << 20;

}  // namespace

DiskEngine::DiskEngine(DiskManner manner, size_t write_buffer_bytes) : write_buffer_bytes_(write_buffer_bytes), disk_(manner) {}

DiskEngine::~DiskEngine() { Close(); }

const std::string& DiskEngine::path() {
  static const std::string path = "/disk/catalog";
  return path;
}

Status DiskEngine::Open() {
  const FakeDisk::Operation operation(disk_);
  auto opened = OpenRocksdbEngine(path(), {.mode = made_ ? RocksdbMode::kMustExist : RocksdbMode::kCreateIfMissing,
                                           .unsynced = unsynced_,
                                           .block_cache_bytes = kCacheBytes,
                                           .write_buffer_bytes = write_buffer_bytes_,
                                           .env = disk_.env()});
  if (!opened.ok()) return opened.error();
  engine_ = *std::move(opened);
  made_ = true;
  unsynced_ = Unsynced::kKeep;
  return {};
}

void DiskEngine::Close() { engine_.reset(); }

void DiskEngine::Kill() {
  disk_.TurnOff();
  engine_.reset();
  disk_.TurnOn();
}

void DiskEngine::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  disk_.TurnOff();
  engine_.reset();
  disk_.TurnOnAfterPowerCut(below);
  unsynced_ = Unsynced::kDrop;
}

Status DiskEngine::Commit(const Batch& batch) {
  const FakeDisk::Operation operation(disk_);
  return engine_->Commit(batch);
}

void DiskEngine::SetBeforePersist(std::function<Status()> action) {
  if (engine_ != nullptr) engine_->SetBeforePersist(std::move(action));
}

Status DiskEngine::Sync(const std::function<void()>& chosen) {
  const FakeDisk::Operation operation(disk_);
  return engine_->Sync(chosen);
}

}  // namespace hardlinkfs
