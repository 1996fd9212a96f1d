#include "store/engine/layered_env.h"

#include <utility>

namespace hardlinkfs {
namespace {

class LayeredEnv final : public rocksdb::EnvWrapper {
 public:
  LayeredEnv(rocksdb::Env& threads, const std::shared_ptr<rocksdb::FileSystem>& files)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)), threads_(threads) {
    // EnvWrapper would put RocksDB's old interface of files in between.
    file_system_ = files;
    system_clock_ = threads.GetSystemClock();
  }

  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag, void (*unschedule)(void*)) override {
    threads_.Schedule(function, argument, priority, tag, unschedule);
  }
  int UnSchedule(void* tag, Priority priority) override { return threads_.UnSchedule(tag, priority); }
  void StartThread(void (*function)(void*), void* argument) override { threads_.StartThread(function, argument); }
  void WaitForJoin() override { threads_.WaitForJoin(); }
  int ReserveThreads(int count, Priority priority) override { return threads_.ReserveThreads(count, priority); }
  int ReleaseThreads(int count, Priority priority) override { return threads_.ReleaseThreads(count, priority); }
  unsigned int GetThreadPoolQueueLen(Priority priority) const override { return threads_.GetThreadPoolQueueLen(priority); }
  void SetBackgroundThreads(int number, Priority priority) override { threads_.SetBackgroundThreads(number, priority); }
  int GetBackgroundThreads(Priority priority) override { return threads_.GetBackgroundThreads(priority); }
  void IncBackgroundThreadsIfNeeded(int number, Priority priority) override { threads_.IncBackgroundThreadsIfNeeded(number, priority); }

 private:
  rocksdb::Env& threads_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeLayeredEnv(rocksdb::Env& threads, const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_unique<LayeredEnv>(threads, files);
}

}  // namespace hardlinkfs
