#include "mount-helpers/logging.h"

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr char kName[] = "hardlinkfs";

std::shared_ptr<spdlog::logger> MakeLogger(const std::string& file, LogDefault otherwise) {
  if (!file.empty()) return spdlog::basic_logger_mt(kName, file);
  if (otherwise == LogDefault::kTerminal) return spdlog::stderr_logger_mt(kName);
  return spdlog::syslog_logger_mt(kName, kName, LOG_PID, LOG_DAEMON);
}

}  // namespace

std::optional<Failure> StartLogging(const std::string& file, LogDefault otherwise, LogDetail detail) {
  // Tried here first: spdlog makes missing directories by itself, and tells no errno.
  const UniqueFd writable(file.empty() ? -1 : open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!file.empty() && !writable.valid()) return FailureOn(file, std::string("the log cannot be opened: ") + strerrordesc_np(errno), errno);
  try {
    spdlog::drop(kName);  // of an earlier mount by this process
    const std::shared_ptr<spdlog::logger> logger = MakeLogger(file, otherwise);
    logger->set_level(detail == LogDetail::kDebug ? spdlog::level::debug : spdlog::level::info);
    // syslog has its own time, name and priority.
    if (file.empty() && otherwise == LogDefault::kSyslog) logger->set_pattern("%v");
    if (!file.empty()) logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %P %l: %v");
    if (file.empty() && otherwise == LogDefault::kTerminal) logger->set_pattern("%H:%M:%S.%e %l: %v");
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(logger);
  } catch (const spdlog::spdlog_ex& exception) {
    return FailureOn("the log", exception.what(), 0);
  }
  return std::nullopt;
}

}  // namespace hardlinkfs
