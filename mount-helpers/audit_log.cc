#include "mount-helpers/audit_log.h"

#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "fuse/lowlevel/decided_json.h"
#include "store/base/mutex.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr size_t kQueuedLines = 8192;

// spdlog's own opens syslog again, and would change what the log of the server goes by.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    syslog(LOG_AUTHPRIV | LOG_INFO, "%.*s", static_cast<int>(message.payload.size()), message.payload.data());
  }
  void flush_() override {}
};

class AuditLog final : public AuditSink {
 public:
  AuditLog(spdlog::sink_ptr sink, uint32_t lines_per_second)
      : pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger_(std::make_shared<spdlog::async_logger>("audit", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest)),
        lines_per_second_(lines_per_second) {
    logger_->set_pattern("%v");
    logger_->flush_on(spdlog::level::info);
  }

  void Note(const Decided& decided) override {
    const std::optional<uint64_t> dropped = TakeTurn();
    if (!dropped.has_value()) return;
    if (*dropped > 0) logger_->info("{{\"dropped\":{}}}", *dropped);
    logger_->info("{}", ToJson(decided));
  }

 private:
  // RETURNS: how many lines were dropped before this one; nullopt when it is one of them.
  std::optional<uint64_t> TakeTurn() {
    const auto second = std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now());
    MutexLock lock(mutex_);
    if (second != second_) {
      second_ = second;
      lines_ = 0;
    }
    if (lines_ == lines_per_second_) {
      ++dropped_;
      return std::nullopt;
    }
    ++lines_;
    return std::exchange(dropped_, 0);
  }

  const std::shared_ptr<spdlog::details::thread_pool> pool_;  // before the logger, that knows it weakly
  const std::shared_ptr<spdlog::async_logger> logger_;
  const uint32_t lines_per_second_;
  Mutex mutex_;
  std::chrono::time_point<std::chrono::steady_clock, std::chrono::seconds> second_ GUARDED_BY(mutex_);
  uint32_t lines_ GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

bool MayWriteLines(const Policy& policy) {
  return policy.audit.level != AuditLevel::kOff ||
         std::any_of(policy.rules.begin(), policy.rules.end(), [](const PolicyRule& rule) { return rule.action == Action::kAudit; });
}

}  // namespace

std::variant<std::shared_ptr<AuditSink>, std::string> OpenAuditLog(const Policy& policy) {
  if (!MayWriteLines(policy)) return std::shared_ptr<AuditSink>();
  const std::string& file = policy.audit.file;
  const uint32_t rate = policy.audit.lines_per_second;
  if (file.empty()) return std::shared_ptr<AuditSink>(std::make_shared<AuditLog>(std::make_shared<JournalSink>(), rate));
  // Tried here first: spdlog makes missing directories by itself, and tells no errno. Who may do what is nobody else's to read.
  const UniqueFd writable(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!writable.valid()) return file + ": the audit log cannot be opened: " + strerrordesc_np(errno);
  try {
    return std::shared_ptr<AuditSink>(std::make_shared<AuditLog>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file), rate));
  } catch (const spdlog::spdlog_ex& exception) {
    return std::string(exception.what());
  }
}

}  // namespace hardlinkfs
