#include "mount-helpers/failure.h"

#include <cstdio>
#include <cstring>

namespace hardlinkfs {

Failure FailureOn(const std::string& subject, const std::string& reason, int code, ExitStatus status) {
  std::string line = "hardlinkfs: " + subject + ": " + reason;
  const char* const name = code == 0 ? nullptr : strerrorname_np(code);
  if (name != nullptr) line.append(" (").append(name).append(")");
  return {status, line};
}

int Fail(const Failure& failure) {
  std::fprintf(stderr, "%s\n", failure.line.c_str());
  return static_cast<int>(failure.status);
}

}  // namespace hardlinkfs
