// Kinds of backings that a machine can have, for tests that run on several; and their settings from the environment.
#ifndef HARDLINKFS_TESTS_MODEL_KINDS_H_
#define HARDLINKFS_TESTS_MODEL_KINDS_H_

#include <cstdint>
#include <optional>
#include <ostream>

#include "tests/model/machine.h"

namespace hardlinkfs {

struct Kind {
  const char* name;
  MachineOptions options;
};

// For GoogleTest, which would print the bytes.
inline void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

Kind Ext4();
Kind Exfat();
Kind Vfat();
// Keeps everything but the case of names.
Kind Ext4Casefold();

// RETURNS: the number that the variable holds; nullopt if it is not set.
std::optional<uint64_t> FromEnvironment(const char* name);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_KINDS_H_
