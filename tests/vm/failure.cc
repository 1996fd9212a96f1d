#include "tests/vm/failure.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace hardlinkfs {

void Fail(const std::string& what) {
  std::cout << std::flush;
  std::cerr << "powercut: " << what << std::endl;
  exit(kBrokenTest);
}

void FailWithErrno(const std::string& what) {
  const int error = errno;
  Fail(what + ": " + std::strerror(error));
}

}  // namespace hardlinkfs
