// PolicyFault: an operation that is made to fail, or to take long, to see what programs make of it.
#ifndef HARDLINKFS_POLICY_FAULT_H_
#define HARDLINKFS_POLICY_FAULT_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "policy/match.h"

namespace hardlinkfs {

// Which of the matching operations, counted from 1 when the policy was loaded.
struct Occasion {
  enum class Kind { kEach, kNth, kEvery, kRandom };
  Kind kind = Kind::kEach;
  uint64_t number = 0;     // of kNth and kEvery
  double probability = 0;  // of kRandom
  uint64_t seed = 0;       // of kRandom: the same operations fail again with the same seed

  // RETURNS: whether the operation of this number is one of them.
  bool Is(uint64_t count) const;
  bool operator==(const Occasion&) const = default;
};

struct PolicyFault {
  std::string name;
  Match match;
  Occasion occasion;
  int code = 0;  // errno; 0: it only takes long
  std::chrono::milliseconds delay{0};

  bool operator==(const PolicyFault&) const = default;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_FAULT_H_
