#include "policy/link_rules.h"

#include <linux/capability.h>

#include <cerrno>

#include "gtest/gtest.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kOther = 1001;

Attributes Inode(FileType type, uint32_t mode) { return {.type = type, .mode = mode, .uid = kOwnerOfFiles, .gid = kOwnerOfFiles}; }

// RETURNS: the errno, 0 when it is allowed.
int Ask(const LinkRules& rules, const Caller& caller, const Attributes& inode, bool may_read_and_write = true) {
  const Decision decision = MayLink(rules, caller, inode, [&] { return may_read_and_write; });
  return decision.has_value() ? decision->code : 0;
}

TEST(LinkRules, RefuseNothingByDefault) {
  const LinkRules rules;
  EXPECT_TRUE(rules.are_empty());
  EXPECT_EQ(Ask(rules, CallerWith(kOther), Inode(FileType::kFifo, 06777), false), 0);
}

// Each row of protected_hardlinks in proc(5).
TEST(LinkRules, ProtectAnothersFilesThatDoHarmElsewhere) {
  const LinkRules rules{.protection = LinkProtection::kOn};
  EXPECT_FALSE(rules.are_empty());
  const Caller other = CallerWith(kOther);
  EXPECT_EQ(Ask(rules, other, Inode(FileType::kRegular, 0666)), 0);
  EXPECT_EQ(Ask(rules, other, Inode(FileType::kRegular, 0666), false), EPERM);
  EXPECT_EQ(Ask(rules, other, Inode(FileType::kRegular, 04666)), EPERM);
  EXPECT_EQ(Ask(rules, other, Inode(FileType::kRegular, 02676)), EPERM);
  // Without execution for the group sgid once asked for mandatory locks.
  EXPECT_EQ(Ask(rules, other, Inode(FileType::kRegular, 02666)), 0);
  for (const FileType type : {FileType::kFifo, FileType::kSocket, FileType::kSymlink, FileType::kCharacterDevice, FileType::kBlockDevice}) {
    EXPECT_EQ(Ask(rules, other, Inode(type, 0666)), EPERM);
    EXPECT_EQ(Ask(rules, CallerWith(kOwnerOfFiles), Inode(type, 0)), 0);
    EXPECT_EQ(Ask(rules, CallerWith(kOther, {}, {CAP_FOWNER}), Inode(type, 0)), 0);
  }
  EXPECT_EQ(Ask(rules, CallerWith(kOwnerOfFiles), Inode(FileType::kRegular, 06777), false), 0);
  EXPECT_EQ(Ask(rules, CallerWith(kOther, {}, {CAP_FOWNER}), Inode(FileType::kRegular, 06777), false), 0);
  // Root by number only is nobody in particular.
  EXPECT_EQ(Ask(rules, CallerWith(0), Inode(FileType::kRegular, 04755)), EPERM);
}

TEST(LinkRules, OfTheOwnerAloneAreStricter) {
  const LinkRules rules{.protection = LinkProtection::kOwner};
  EXPECT_EQ(Ask(rules, CallerWith(kOther), Inode(FileType::kRegular, 0666)), EPERM);
  EXPECT_EQ(Ask(rules, CallerWith(kOwnerOfFiles), Inode(FileType::kRegular, 0)), 0);
  EXPECT_EQ(Ask(rules, CallerWith(0, {}, {CAP_FOWNER}), Inode(FileType::kRegular, 0)), 0);
}

TEST(LinkRules, DeniedLinksHaveTheErrnoOfTheFlavor) {
  const Caller owner = CallerWith(kOwnerOfFiles, {}, {CAP_FOWNER});
  EXPECT_EQ(Ask({.links = LinkUse::kDeny}, owner, Inode(FileType::kRegular, 0644)), EPERM);
  EXPECT_EQ(Ask({.links = LinkUse::kDeny, .flavor = Flavor::kBsd}, owner, Inode(FileType::kRegular, 0644)), EOPNOTSUPP);
  // Who may link is asked first, as the kernel does.
  const LinkRules both{.protection = LinkProtection::kOwner, .links = LinkUse::kDeny, .flavor = Flavor::kBsd};
  EXPECT_EQ(Ask(both, CallerWith(kOther), Inode(FileType::kRegular, 0644)), EPERM);
}

TEST(LinkRules, AreNamedByTheirRefusals) {
  const Attributes inode = Inode(FileType::kRegular, 0644);
  EXPECT_STREQ(MayLink({.links = LinkUse::kDeny}, CallerWith(kOwnerOfFiles), inode, {})->rule, "links");
  EXPECT_STREQ(MayLink({.protection = LinkProtection::kOwner}, CallerWith(kOther), inode, {})->rule, "protected_hardlinks");
}

TEST(LinkRules, KnowSymlinksAndSpecials) {
  const Caller owner = CallerWith(kOwnerOfFiles);
  const LinkRules none{.symlinks = LinkUse::kDeny, .specials = LinkUse::kDeny};
  EXPECT_FALSE(none.are_empty());
  EXPECT_EQ(Ask(none, owner, Inode(FileType::kRegular, 0644)), 0);
  for (const FileType type : {FileType::kFifo, FileType::kSocket, FileType::kCharacterDevice, FileType::kBlockDevice, FileType::kSymlink}) {
    EXPECT_EQ(Ask(none, owner, Inode(type, 0644)), EPERM);
    EXPECT_EQ(Ask({.symlinks = LinkUse::kDeny, .specials = LinkUse::kDeny, .flavor = Flavor::kBsd}, owner, Inode(type, 0644)), EOPNOTSUPP);
    const bool is_symlink = type == FileType::kSymlink;
    EXPECT_EQ(Ask({.symlinks = LinkUse::kDeny}, owner, Inode(type, 0644)), is_symlink ? EPERM : 0);
    EXPECT_EQ(Ask({.specials = LinkUse::kDeny}, owner, Inode(type, 0644)), is_symlink ? 0 : EPERM);
  }
}

TEST(LinkRules, LimitNamesByType) {
  const Caller owner = CallerWith(kOwnerOfFiles);
  const auto with_names = [](FileType type, uint32_t nlink) {
    Attributes inode = Inode(type, 0644);
    inode.nlink = nlink;
    return inode;
  };
  const LinkRules rules{.max_links = {.all = 3, .by_type = {{FileType::kFifo, 1}}}};
  EXPECT_FALSE(rules.are_empty());
  EXPECT_EQ(Ask(rules, owner, with_names(FileType::kRegular, 2)), 0);
  EXPECT_EQ(Ask(rules, owner, with_names(FileType::kRegular, 3)), EMLINK);
  EXPECT_EQ(Ask(rules, owner, with_names(FileType::kFifo, 1)), EMLINK);
  EXPECT_EQ(Ask(rules, owner, with_names(FileType::kDirectory, 9)), 0);
  EXPECT_EQ(Ask({.flavor = Flavor::kBsd}, owner, with_names(FileType::kRegular, kBsdMaxLinks)), EMLINK);
  EXPECT_EQ(Ask({.flavor = Flavor::kBsd}, owner, with_names(FileType::kRegular, kBsdMaxLinks - 1)), 0);
  EXPECT_EQ(Ask({}, owner, with_names(FileType::kRegular, UINT32_MAX)), 0);
}

}  // namespace
}  // namespace hardlinkfs
