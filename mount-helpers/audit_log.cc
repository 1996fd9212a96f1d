#include "mount-helpers/audit_log.h"

#include <fcntl.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
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

// Writes by the descriptor that was opened with the right mode; by name it could be another's by now.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(UniqueFd file) : file_(std::move(file)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line.push_back('\n');
    // A line is whole, or is not there for who reads line by line.
    const ssize_t written = write(file_.get(), line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) throw spdlog::spdlog_ex("the audit log", written < 0 ? errno : ENOSPC);
  }
  void flush_() override {}

 private:
  const UniqueFd file_;
};

class AuditLog final : public AuditSink {
 public:
  AuditLog(spdlog::sink_ptr sink, uint32_t lines_per_second)
      : pool_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        logger_(std::make_shared<spdlog::async_logger>("audit", std::move(sink), pool_, spdlog::async_overflow_policy::overrun_oldest)),
        lines_per_second_(lines_per_second) {
    logger_->set_pattern("%v");
    logger_->set_error_handler([this](const std::string& what) {
      if (failed_.fetch_add(1) == 0) spdlog::error("lines of the audit are lost: {}", what);
    });
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
    const size_t overrun = pool_->overrun_counter();
    const uint64_t dropped = std::exchange(dropped_, 0) + (overrun - std::exchange(overrun_, overrun)) + failed_.exchange(0);
    return dropped;
  }

  std::atomic<uint64_t> failed_{0};  // lines that could not be written; outlives who counts them
  const std::shared_ptr<spdlog::details::thread_pool> pool_;  // before the logger, that knows it weakly
  const std::shared_ptr<spdlog::async_logger> logger_;
  const uint32_t lines_per_second_;
  Mutex mutex_;
  std::chrono::time_point<std::chrono::steady_clock, std::chrono::seconds> second_ GUARDED_BY(mutex_);
  uint32_t lines_ GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  size_t overrun_ GUARDED_BY(mutex_) = 0;  // of the queue, that was told
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
  // Who may do what is nobody else's to read.
  UniqueFd opened(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!opened.valid()) return file + ": the audit log cannot be opened: " + strerrordesc_np(errno);
  struct stat found {};
  if (fstat(opened.get(), &found) != 0 || !S_ISREG(found.st_mode)) return file + ": the audit log has to be a regular file";
  return std::shared_ptr<AuditSink>(std::make_shared<AuditLog>(std::make_shared<FileSink>(std::move(opened)), rate));
}

}  // namespace hardlinkfs
