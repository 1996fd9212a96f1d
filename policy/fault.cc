#include "policy/fault.h"

#include <cmath>

namespace hardlinkfs {
namespace {

// splitmix64: every bit of the result hangs on every bit of the argument.
uint64_t Scrambled(uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ value >> 30U) * 0xbf58476d1ce4e5b9U;
  value = (value ^ value >> 27U) * 0x94d049bb133111ebU;
  return value ^ value >> 31U;
}

}  // namespace

bool Occasion::Is(uint64_t count) const {
  switch (kind) {
    case Kind::kEach:
      return true;
    case Kind::kNth:
      return count == number;
    case Kind::kEvery:
      return number != 0 && count % number == 0;
    case Kind::kRandom:
      break;
  }
  // By the number alone, so that it is the same whichever thread comes first.
  return std::ldexp(static_cast<double>(Scrambled(seed ^ Scrambled(count)) >> 11U), -53) < probability;
}

}  // namespace hardlinkfs
