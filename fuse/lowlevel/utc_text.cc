#include "fuse/lowlevel/utc_text.h"

#include <cstdio>
#include <ctime>

namespace hardlinkfs {

std::string UtcText(const Timestamp& time, Precision precision) {
  const timespec spec = time.ToTimespec();
  tm utc{};
  gmtime_r(&spec.tv_sec, &utc);
  char text[32];
  std::string out(text, std::strftime(text, sizeof text, "%FT%T", &utc));
  if (precision == Precision::kMicroseconds) {
    const int length = std::snprintf(text, sizeof text, ".%06u", static_cast<unsigned>(spec.tv_nsec) / 1000U % 1'000'000U);
    out.append(text, static_cast<size_t>(length));
  }
  return out + "Z";
}

}  // namespace hardlinkfs
