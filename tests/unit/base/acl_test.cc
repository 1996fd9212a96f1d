// Holds store/base/acl.h to what the running kernel does, on a disk filesystem and on tmpfs: each test does the same thing to a real file
// and to an Acl, and compares modes and xattrs byte for byte.
#include "store/base/acl.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace hardlinkfs {
namespace {

constexpr uint32_t kSeed = 20240817;
constexpr int kNoMask = -1;

// An ACL's xattr, written independently of Encode.
std::string XattrOf(const std::vector<AclEntry>& entries) {
  std::string value("\2\0\0\0", 4);
  for (const AclEntry& entry : entries) {
    const auto tag = static_cast<uint32_t>(entry.tag);
    for (const uint32_t byte : {tag, tag >> 8, uint32_t{entry.permissions}, uint32_t{entry.permissions} >> 8, entry.id, entry.id >> 8,
                                entry.id >> 16, entry.id >> 24}) {
      value.push_back(static_cast<char>(byte & 0xFFU));
    }
  }
  return value;
}

enum class Named { kNone, kUsers, kGroups, kBoth };

struct Shape {
  uint32_t mode = 0;  // owner, owning group, other: 0777
  int mask = kNoMask;
  Named named = Named::kNone;
};

std::string XattrOf(const Shape& shape) {
  const bool users = shape.named == Named::kUsers || shape.named == Named::kBoth;
  const bool groups = shape.named == Named::kGroups || shape.named == Named::kBoth;
  std::vector<AclEntry> entries;
  entries.push_back({AclTag::kOwner, static_cast<uint16_t>(shape.mode >> 6 & 7U)});
  if (users) entries.insert(entries.end(), {{AclTag::kUser, 6, 1000}, {AclTag::kUser, 5, 70000}});
  entries.push_back({AclTag::kOwningGroup, static_cast<uint16_t>(shape.mode >> 3 & 7U)});
  if (groups) entries.push_back({AclTag::kGroup, 3, 2000});
  if (shape.mask != kNoMask) entries.push_back({AclTag::kMask, static_cast<uint16_t>(shape.mask)});
  entries.push_back({AclTag::kOther, static_cast<uint16_t>(shape.mode & 7U)});
  return XattrOf(entries);
}

// All bits of all classes with every mask and none; the named entries, which no mode touches, vary along the way.
std::vector<std::string> AllAcls() {
  std::vector<std::string> all;
  for (uint32_t mode = 0; mode <= 0777; ++mode) {
    all.push_back(XattrOf(Shape{.mode = mode}));
    for (int mask = 0; mask <= 7; ++mask) {
      all.push_back(XattrOf(Shape{.mode = mode, .mask = mask, .named = static_cast<Named>((mode + static_cast<uint32_t>(mask)) % 4)}));
    }
  }
  return all;
}

std::string GetXattr(const std::string& path, std::string_view name) {
  std::array<char, 4096> buffer{};
  const ssize_t size = lgetxattr(path.c_str(), name.data(), buffer.data(), buffer.size());
  return size < 0 ? "" : std::string(buffer.data(), static_cast<size_t>(size));
}

// RETURNS: 0 or an errno.
int SetXattr(const std::string& path, std::string_view name, const std::string& value) {
  return lsetxattr(path.c_str(), name.data(), value.data(), value.size(), 0) == 0 ? 0 : errno;
}

uint32_t ModeAt(const std::string& path) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777U : ~0U;
}

std::string EncodedOrEmpty(const std::optional<Acl>& acl) { return acl ? Encode(*acl) : ""; }

Acl Parsed(const std::string& value) {
  Result<Acl> acl = ParseAcl(value);
  EXPECT_TRUE(acl.ok()) << testing::PrintToString(value);
  return *std::move(acl);
}

struct Filesystem {
  const char* directory;
  // Only each stride-th case that makes a node is tried. A disk takes 2 ms for a node with an ACL of its own, tmpfs 50 us; the kernel's
  // rules are the same code on both, so that tmpfs makes them all.
  size_t stride;
};

// ctest takes its names from this.
void PrintTo(const Filesystem& filesystem, std::ostream* out) { *out << filesystem.directory; }

// A scratch directory on the filesystem under test, and the umask given back at the end.
class OnKernel : public testing::TestWithParam<Filesystem> {
 protected:
  void SetUp() override {
    std::string pattern = std::string(GetParam().directory) + "/acl_test.XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) GTEST_SKIP() << "no scratch directory in " << GetParam().directory;
    scratch_ = pattern;
    // An inherited ACL of the place itself would change what the files begin with.
    lremovexattr(scratch_.c_str(), kDefaultAclXattr.data());
    const int code = SetXattr(scratch_, kAccessAclXattr, XattrOf(Shape{.mode = 0700}));
    if (code != 0) GTEST_SKIP() << GetParam().directory << " has no ACLs: errno " << code;
  }

  void TearDown() override {
    umask(umask_);
    if (!scratch_.empty()) std::filesystem::remove_all(scratch_);
  }

  // Makes a node with `mode` under `mask`, compares it with Inherit, and removes it.
  void ExpectSameInheritance(const std::optional<Acl>& parent_default, FileType type, uint32_t mode, mode_t mask) {
    // The system calls drop these bits before any ACL is asked: mkdir(2) keeps sticky only, symlink(2) takes no mode.
    if (type == FileType::kDirectory) mode &= 01777U;
    if (type == FileType::kSymlink) mode = 0777;
    const std::string path = scratch_ + "/node";
    umask(mask);
    ASSERT_EQ(Make(path, type, mode), 0) << strerror(errno);

    const InheritedAcl inherited = Inherit(parent_default, type, mode, mask);
    const testing::Message context = testing::Message()
                                     << "default ACL " << testing::PrintToString(EncodedOrEmpty(parent_default)) << std::oct << ", type "
                                     << static_cast<int>(type) << ", mode " << mode << ", umask " << mask;
    ASSERT_EQ(inherited.mode, ModeAt(path)) << context;
    ASSERT_EQ(EncodedOrEmpty(inherited.access_acl), GetXattr(path, kAccessAclXattr)) << context;
    ASSERT_EQ(EncodedOrEmpty(inherited.default_acl), GetXattr(path, kDefaultAclXattr)) << context;
    ASSERT_EQ(std::remove(path.c_str()), 0);
  }

  static int Make(const std::string& path, FileType type, uint32_t mode) {
    if (type == FileType::kDirectory) return mkdir(path.c_str(), mode);
    if (type == FileType::kSymlink) return symlink("target", path.c_str());
    if (type != FileType::kRegular) return mknod(path.c_str(), ModeBits(type) | mode, 0);
    const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    return fd < 0 ? -1 : close(fd);
  }

  std::string MakeFile() {
    std::string path = scratch_ + "/file";
    EXPECT_EQ(Make(path, FileType::kRegular, 0600), 0);
    return path;
  }

  std::string scratch_;
  mode_t umask_ = umask(022);
};

constexpr std::array kTypes = {FileType::kRegular, FileType::kDirectory, FileType::kFifo, FileType::kSocket, FileType::kSymlink};

TEST_P(OnKernel, InheritWithoutDefaultAclTakesOffTheUmask) {
  for (const FileType type : kTypes) {
    for (const uint32_t mode : {0U, 0644U, 0666U, 0755U, 0777U, 01777U, 04755U, 02644U}) {
      for (const mode_t mask : {0U, 022U, 027U, 077U, 0777U}) ASSERT_NO_FATAL_FAILURE(ExpectSameInheritance({}, type, mode, mask));
    }
  }
}

TEST_P(OnKernel, InheritFromEveryDefaultAclGivesTheKernelsBytes) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  const std::vector<std::string> all = AllAcls();
  for (size_t i = 0; i < all.size(); i += GetParam().stride) {
    const std::string& value = all[i];
    ASSERT_EQ(SetXattr(scratch_, kDefaultAclXattr, value), 0);
    const Acl acl = Parsed(value);
    for (const FileType type : {FileType::kRegular, FileType::kDirectory}) {
      ASSERT_NO_FATAL_FAILURE(ExpectSameInheritance(acl, type, 0777, 0777));
      ASSERT_NO_FATAL_FAILURE(ExpectSameInheritance(acl, type, random() & 07777U, random() & 0777U));
    }
  }
}

TEST_P(OnKernel, InheritForEveryModeGivesTheKernelsBytes) {
  for (const Shape& shape : {Shape{.mode = 0777}, Shape{.mode = 0531}, Shape{.mode = 0764, .mask = 5, .named = Named::kBoth},
                             Shape{.mode = 0777, .mask = 7, .named = Named::kNone}}) {
    const std::string value = XattrOf(shape);
    ASSERT_EQ(SetXattr(scratch_, kDefaultAclXattr, value), 0);
    const Acl acl = Parsed(value);
    for (const FileType type : kTypes) {
      for (size_t mode = 0; mode <= 0777; mode += GetParam().stride) {
        ASSERT_NO_FATAL_FAILURE(ExpectSameInheritance(acl, type, static_cast<uint32_t>(mode), 027));
      }
      for (const uint32_t mode : {01777U, 04755U, 02644U, 07000U}) ASSERT_NO_FATAL_FAILURE(ExpectSameInheritance(acl, type, mode, 027));
    }
  }
}

TEST_P(OnKernel, ChmodGivesTheAclAndModeOfWithMode) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  const std::string path = MakeFile();
  for (const std::string& value : AllAcls()) {
    const Acl acl = Parsed(value);
    if (EquivalentMode(acl)) continue;
    for (const uint32_t mode : {0U, 0777U, static_cast<uint32_t>(random() & 01777U)}) {
      ASSERT_EQ(SetXattr(path, kAccessAclXattr, value), 0);
      ASSERT_EQ(chmod(path.c_str(), mode), 0);
      const Acl changed = WithMode(acl, mode);
      ASSERT_EQ(Encode(changed), GetXattr(path, kAccessAclXattr)) << testing::PrintToString(value) << std::oct << mode;
      ASSERT_EQ(ModeOf(changed, mode), ModeAt(path));
    }
  }
}

TEST_P(OnKernel, SettingAnAclGivesModeOfAndKeepsOnlyWhatAModeCannotSay) {
  const std::string path = MakeFile();
  for (const uint32_t before : {00700U, 01000U, 04755U}) {
    for (const std::string& value : AllAcls()) {
      ASSERT_EQ(chmod(path.c_str(), before), 0);
      ASSERT_EQ(SetXattr(path, kAccessAclXattr, value), 0);
      const Acl acl = Parsed(value);
      const std::optional<uint32_t> equivalent = EquivalentMode(acl);
      ASSERT_EQ(ModeOf(acl, before), ModeAt(path)) << testing::PrintToString(value);
      ASSERT_EQ(equivalent ? "" : Encode(acl), GetXattr(path, kAccessAclXattr)) << testing::PrintToString(value);
      ASSERT_EQ(equivalent.value_or(ModeAt(path) & 0777U), ModeAt(path) & 0777U);
    }
  }
}

// A valid ACL changed in at most three entries, and now and then in its bytes: most refusals are then by one rule alone.
std::string Mutated(std::mt19937& random) {
  static constexpr std::array<uint16_t, 9> kTags = {1, 2, 4, 8, 16, 32, 0, 3, 0x101};
  static constexpr std::array<uint32_t, 6> kIds = {0, 1, 1000, 70000, UINT32_MAX - 1, UINT32_MAX};
  std::vector<AclEntry> entries = {{AclTag::kOwner, 7},    {AclTag::kUser, 6, 1000}, {AclTag::kUser, 5, 70000}, {AclTag::kOwningGroup, 5},
                                   {AclTag::kGroup, 3, 7}, {AclTag::kMask, 5},       {AclTag::kOther, 4}};
  if (random() % 2 == 0) entries = {{AclTag::kOwner, 7}, {AclTag::kOwningGroup, 5}, {AclTag::kOther, 4}};
  for (uint32_t changes = random() % 4; changes > 0 && !entries.empty(); --changes) {
    const auto at = static_cast<std::ptrdiff_t>(random() % entries.size());
    AclEntry& entry = entries[static_cast<size_t>(at)];
    switch (random() % 6) {
      case 0:
        entry.tag = static_cast<AclTag>(kTags[random() % kTags.size()]);
        break;
      case 1:
        entry.permissions = static_cast<uint16_t>(random() % 4 == 0 ? random() : random() % 10);
        break;
      case 2:
        entry.id = kIds[random() % kIds.size()];
        break;
      case 3:
        entries.erase(entries.begin() + at);
        break;
      case 4:
        entries.insert(entries.begin() + at, AclEntry(entries[random() % entries.size()]));
        break;
      default:
        std::swap(entry, entries[random() % entries.size()]);
    }
  }
  std::string value = XattrOf(entries);
  switch (random() % 12) {
    case 0:
      value.resize(random() % (value.size() + 1));
      break;
    case 1:
      value[random() % value.size()] = static_cast<char>(random());
      break;
    case 2:
      value.append(1 + random() % 8, '\0');
      break;
    default:
      break;
  }
  return value;
}

TEST_P(OnKernel, ParseAnswersMutatedXattrsAsSetxattrDoes) {
  std::cout << "seed " << kSeed << "\n";
  std::mt19937 random(kSeed);
  ASSERT_EQ(Make(scratch_ + "/directory", FileType::kDirectory, 0700), 0);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string value = Mutated(random);
    const Result<Acl> acl = ParseAcl(value);
    // These two mean removal to setxattr(2); see ParseAcl.RefusesTheValuesThatMeanRemoval.
    if (value.empty() || value == XattrOf(std::vector<AclEntry>())) continue;
    // The default ACL shows the value as it was parsed: the access ACL would lose one that equals a mode.
    const int code = SetXattr(scratch_ + "/directory", kDefaultAclXattr, value);
    ASSERT_EQ(acl.code(), code) << testing::PrintToString(value);
    ++(code == 0 ? accepted : refused);
    if (code != 0) continue;
    ASSERT_EQ(Encode(*acl), GetXattr(scratch_ + "/directory", kDefaultAclXattr)) << testing::PrintToString(value);
  }
  EXPECT_GT(accepted, 2000);
  EXPECT_GT(refused, 2000);
}

INSTANTIATE_TEST_SUITE_P(Disk, OnKernel, testing::Values(Filesystem{.directory = "/var/tmp", .stride = 37}));
INSTANTIATE_TEST_SUITE_P(Tmpfs, OnKernel, testing::Values(Filesystem{.directory = "/dev/shm", .stride = 1}));

TEST(ParseAcl, RefusesTheValuesThatMeanRemoval) {
  EXPECT_EQ(ParseAcl("").code(), EINVAL);
  EXPECT_EQ(ParseAcl(XattrOf(std::vector<AclEntry>())).code(), EINVAL);
}

TEST(ParseAcl, RefusesAnotherVersionBeforeAnythingElse) {
  EXPECT_EQ(ParseAcl(std::string("\1\0\0\0", 4)).code(), EOPNOTSUPP);
  EXPECT_EQ(ParseAcl(std::string("\2\0\0\1extra", 9)).code(), EOPNOTSUPP);
}

TEST(ParseAcl, AndEncodeAreInverse) {
  for (const std::string& value : AllAcls()) ASSERT_EQ(Encode(Parsed(value)), value);
}

}  // namespace
}  // namespace hardlinkfs
