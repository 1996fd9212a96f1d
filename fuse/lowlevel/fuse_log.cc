// libfuse takes one log function without user data for the whole process; this file holds the only variable that this forces on us.
#include "fuse/lowlevel/fuse_log.h"

#include <fuse_log.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "fuse/lowlevel/uncancellable.h"

namespace hardlinkfs {
namespace {

std::atomic<FuseComplaints*> collector{nullptr};

spdlog::level::level_enum LevelOf(fuse_log_level level) {
  if (level <= FUSE_LOG_ERR) return spdlog::level::err;
  if (level == FUSE_LOG_WARNING) return spdlog::level::warn;
  // libfuse's notices and infos are about its own working.
  return spdlog::level::debug;
}

std::string_view FirstLine(std::string_view text) {
  while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  return text.substr(0, text.find('\n'));
}

std::string_view WithoutPrefix(std::string_view text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return text;
}

void Log(fuse_log_level level, const char* format, va_list arguments) {
  const int code = errno;
  const Uncancellable uncancellable;
  std::array<char, 1024> text{};
  if (vsnprintf(text.data(), text.size(), format, arguments) < 0) return;
  const std::string line(FirstLine(text.data()));
  FuseComplaints* const complaints = collector.load();
  if (complaints != nullptr && level <= FUSE_LOG_ERR) return complaints->Add(code, line);
  spdlog::log(LevelOf(level), "libfuse: {}", WithoutPrefix(line, "fuse: "));
}

}  // namespace

void RouteFuseLog() { fuse_set_log_func(Log); }

FuseComplaints::FuseComplaints() : captured_(memfd_create("mount-errors", MFD_CLOEXEC)), stderr_(dup(STDERR_FILENO)) {
  if (captured_.valid() && stderr_.valid()) dup2(captured_.get(), STDERR_FILENO);
  collector = this;
}

FuseComplaints::~FuseComplaints() {
  collector = nullptr;
  if (stderr_.valid()) dup2(stderr_.get(), STDERR_FILENO);
}

void FuseComplaints::Add(int code, const std::string& message) {
  if (!libfuse_.empty()) return;
  code_ = code;
  libfuse_ = message;
}

std::string FuseComplaints::reason() const {
  std::array<char, 1024> text{};
  const ssize_t length = captured_.valid() ? pread(captured_.get(), text.data(), text.size(), 0) : 0;
  const std::string_view said = FirstLine(length > 0 ? std::string_view(text.data(), static_cast<size_t>(length)) : std::string_view());
  if (!said.empty()) return std::string(WithoutPrefix(said, "/usr/bin/"));
  return std::string(WithoutPrefix(libfuse_, "fuse: "));
}

}  // namespace hardlinkfs
