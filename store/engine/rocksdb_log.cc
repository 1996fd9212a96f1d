#include "store/engine/rocksdb_log.h"

#include <spdlog/spdlog.h>

#include <array>
#include <cstdarg>
#include <cstdio>

namespace hardlinkfs {
namespace {

constexpr size_t kLongestMessage = 1024;

class RocksdbLog final : public rocksdb::Logger {
 public:
  RocksdbLog() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    if (!spdlog::should_log(spdlog::level::debug)) return;
    std::array<char, kLongestMessage> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    spdlog::debug("rocksdb: {}", text.data());
  }
  void Logv(const char* format, va_list arguments) override { Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments); }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> MakeRocksdbLog() { return std::make_shared<RocksdbLog>(); }

}  // namespace hardlinkfs
