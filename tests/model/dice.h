// Dice: random choices from one number, the same on every machine (the standard library's distributions are not).
#ifndef HARDLINKFS_TESTS_MODEL_DICE_H_
#define HARDLINKFS_TESTS_MODEL_DICE_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace hardlinkfs {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  uint64_t Any() { return engine_(); }
  // RETURNS: 0 … n - 1. REQUIRES: n > 0
  uint64_t Below(uint64_t n) { return engine_() % n; }
  bool Chance(unsigned percent) { return Below(100) < percent; }
  // REQUIRES: !of.empty()
  template <typename T>
  const T& Pick(const std::vector<T>& of) {
    return of[Below(of.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_DICE_H_
