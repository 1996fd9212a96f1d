#include "policy/access.h"

#include <linux/capability.h>

#include "gtest/gtest.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {
namespace {

constexpr gid_t kGroup = 2000;
constexpr unsigned kAll = kMayRead | kMayWrite | kMayExecute;

Attributes File(uint32_t mode) { return {.type = FileType::kRegular, .mode = mode, .uid = kOwnerOfFiles, .gid = kGroup}; }

// u::rw-, u:1001:rwx, g::---, g:2001:rw-, g:2002:r--, m::rw-, o::r-x
std::optional<Acl> SomeAcl() {
  std::string value{'\2', 0, 0, 0};
  const auto add = [&value](uint16_t tag, uint16_t permissions, uint32_t id) {
    for (const uint64_t part : {static_cast<uint64_t>(tag), static_cast<uint64_t>(permissions)}) {
      value.push_back(static_cast<char>(part & 0xFFU));
      value.push_back(static_cast<char>(part >> 8U));
    }
    for (int byte = 0; byte < 4; ++byte) value.push_back(static_cast<char>(id >> (8 * byte) & 0xFFU));
  };
  add(0x01, 6, kNoAclId);
  add(0x02, 7, 1001);
  add(0x04, 0, kNoAclId);
  add(0x08, 6, 2001);
  add(0x08, 4, 2002);
  add(0x10, 6, kNoAclId);
  add(0x20, 5, kNoAclId);
  const Result<Acl> acl = ParseAcl(value);
  return acl.ok() ? std::optional(*acl) : std::nullopt;
}

TEST(MayAccess, GoesByTheFirstClassThatTheCallerIsIn) {
  // The owner and the group have less than others.
  EXPECT_FALSE(MayAccess(CallerWith(kOwnerOfFiles), File(0077), {}, kMayRead));
  EXPECT_TRUE(MayAccess(CallerWith(kOwnerOfFiles), File(0600), {}, kMayRead | kMayWrite));
  EXPECT_FALSE(MayAccess(CallerWith(1001, {kGroup}), File(0707), {}, kMayRead));
  EXPECT_TRUE(MayAccess(CallerWith(1001, {kGroup}), File(0060), {}, kMayRead | kMayWrite));
  EXPECT_TRUE(MayAccess(CallerWith(1001, {3000}), File(0007), {}, kAll));
  EXPECT_FALSE(MayAccess(CallerWith(1001), File(0004), {}, kMayRead | kMayWrite));
}

TEST(MayAccess, GoesByTheAcl) {
  const auto acl = SomeAcl();
  ASSERT_TRUE(acl.has_value());
  const Attributes file = File(0665);
  EXPECT_TRUE(MayAccess(CallerWith(1001), file, acl, kMayRead | kMayWrite));
  EXPECT_FALSE(MayAccess(CallerWith(1001), file, acl, kMayExecute)) << "masked";
  EXPECT_TRUE(MayAccess(CallerWith(1002, {2001}), file, acl, kMayRead | kMayWrite));
  EXPECT_FALSE(MayAccess(CallerWith(1002, {2002}), file, acl, kMayWrite));
  EXPECT_TRUE(MayAccess(CallerWith(1002, {2002, 2001}), file, acl, kMayWrite)) << "one of several groups is enough";
  EXPECT_FALSE(MayAccess(CallerWith(1002, {kGroup}), file, acl, kMayRead)) << "who is in a group is not one of the others";
  EXPECT_TRUE(MayAccess(CallerWith(1003), file, acl, kMayRead | kMayExecute));
  EXPECT_FALSE(MayAccess(CallerWith(kOwnerOfFiles), file, acl, kMayExecute));
}

TEST(MayAccess, WithCapabilitiesIsAsCapabilitiesSays) {
  const Caller all = CallerWith(1001, {}, {CAP_DAC_OVERRIDE});
  const Caller reader = CallerWith(1001, {}, {CAP_DAC_READ_SEARCH});
  EXPECT_TRUE(MayAccess(all, File(0), {}, kMayRead | kMayWrite));
  EXPECT_FALSE(MayAccess(all, File(0666), {}, kMayExecute)) << "there is no bit to execute it";
  EXPECT_TRUE(MayAccess(all, File(0100), {}, kAll));
  EXPECT_TRUE(MayAccess(reader, File(0), {}, kMayRead));
  EXPECT_FALSE(MayAccess(reader, File(0), {}, kMayWrite));
  EXPECT_FALSE(MayAccess(reader, File(0100), {}, kMayRead | kMayExecute));
  Attributes directory = File(0);
  directory.type = FileType::kDirectory;
  EXPECT_TRUE(MayAccess(reader, directory, {}, kMayRead | kMayExecute));
  EXPECT_TRUE(MayAccess(all, directory, {}, kAll));
}

}  // namespace
}  // namespace hardlinkfs
