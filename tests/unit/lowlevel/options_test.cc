#include "fuse/lowlevel/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

MountOptions Parsed(std::string_view list) {
  const auto result = ParseMountOptions(list);
  if (const auto* const error = std::get_if<OptionsError>(&result)) ADD_FAILURE() << error->line;
  return std::holds_alternative<MountOptions>(result) ? std::get<MountOptions>(result) : MountOptions{};
}

std::string ErrorOf(std::string_view list) {
  const auto result = ParseMountOptions(list);
  const auto* const error = std::get_if<OptionsError>(&result);
  return error == nullptr ? "(accepted)" : error->line;
}

TEST(MountOptions, NothingGivenMeansTheDefaults) {
  const MountOptions options = Parsed("");
  EXPECT_FALSE(options.read_only);
  EXPECT_EQ(options.commit, std::chrono::seconds(5));
  EXPECT_EQ(options.sharing, Sharing::kDefault);
  EXPECT_EQ(options.naming, Naming::kAutomatic);
  EXPECT_FALSE(options.max_links.has_value());
  EXPECT_EQ(options.io_uring, IoUringUse::kAutomatic);
  EXPECT_EQ(options.passthrough, PassthroughUse::kAutomatic);
  EXPECT_THAT(options.kernel_flags, IsEmpty());
}

TEST(MountOptions, OwnersAndMasksAreAsForVfat) {
  const MountOptions options = Parsed("uid=1000,gid=100,umask=022,fmask=133,dmask=0022");
  EXPECT_EQ(options.uid, 1000U);
  EXPECT_EQ(options.gid, 100U);
  EXPECT_EQ(options.umask, 022U);
  EXPECT_EQ(options.file_umask, 0133U);
  EXPECT_EQ(options.directory_umask, 022U);
}

TEST(MountOptions, ChoicesAreTaken) {
  const MountOptions options = Parsed("names=catalog,io_uring=off,passthrough=off,allow_root,commit=300,debug");
  EXPECT_EQ(options.naming, Naming::kCatalog);
  EXPECT_EQ(options.io_uring, IoUringUse::kOff);
  EXPECT_EQ(options.passthrough, PassthroughUse::kOff);
  EXPECT_EQ(options.sharing, Sharing::kRootAndOwner);
  EXPECT_EQ(options.commit, std::chrono::seconds(300));
  EXPECT_TRUE(options.debug);
}

TEST(MountOptions, LinksAreLimitedByAnyCountThatARecordHolds) {
  EXPECT_EQ(Parsed("max_links=1").max_links, 1U);
  EXPECT_EQ(Parsed("max_links=4294967295").max_links, 4294967295U);
  EXPECT_EQ(ErrorOf("max_links=0"), "option 'max_links' must be a number from 1 to 4294967295, not '0'");
  EXPECT_EQ(ErrorOf("max_links=4294967296"), "option 'max_links' must be a number from 1 to 4294967295, not '4294967296'");
}

TEST(MountOptions, LaterOptionsOverrideEarlierOnes) {
  const MountOptions options = Parsed("ro,noatime,commit=1,rw,relatime,commit=9");
  EXPECT_FALSE(options.read_only);
  EXPECT_FALSE(options.no_atime);
  EXPECT_EQ(options.commit, std::chrono::seconds(9));
  EXPECT_THAT(options.kernel_flags, IsEmpty());
}

TEST(MountOptions, KernelFlagsArePassedOn) {
  EXPECT_THAT(Parsed("nosuid,nodev,ro,noatime,sync").kernel_flags, ElementsAre("nosuid", "nodev", "ro", "noatime", "sync"));
  EXPECT_THAT(Parsed("sync,dirsync,nosuid").kernel_flags, ElementsAre("nosuid", "sync"));
  EXPECT_THAT(Parsed("dirsync").kernel_flags, ElementsAre("dirsync"));
  EXPECT_THAT(Parsed("sync,async").kernel_flags, IsEmpty());
  EXPECT_THAT(Parsed(R"(context=a:b:c0\,c1)").kernel_flags, ElementsAre("context=a:b:c0,c1"));
}

TEST(MountOptions, WhatEveryFilesystemIsGivenIsAccepted) {
  EXPECT_EQ(ErrorOf("defaults,_netdev,nofail,noauto,users,user=alice,x-systemd.automount,X-mount.mkdir,comment=hello,lazytime"),
            "(accepted)");
}

TEST(MountOptions, PathsBecomeAbsolute) {
  EXPECT_EQ(Parsed("store=/a/../b").store, "/b");
  EXPECT_TRUE(Parsed("log=here.log").log_file.ends_with("/here.log"));
  EXPECT_TRUE(Parsed("log=here.log").log_file.starts_with("/"));
  EXPECT_EQ(Parsed(R"(store=/a\,b)").store, "/a,b");
}

TEST(MountOptions, UnknownOptionIsNamedAndTheNearestSuggested) {
  EXPECT_EQ(ErrorOf("ro,fmaks=022"), "unknown option 'fmaks'; did you mean 'fmask'?");
  EXPECT_EQ(ErrorOf("passthru=off"), "unknown option 'passthru'; 'hardlinkfs mount --help' lists them all");
  EXPECT_THAT(ErrorOf("nosuit"), HasSubstr("'nosuid'"));
}

TEST(MountOptions, UnknownOptionsAreIgnoredOnRequest) {
  const auto result = ParseMountOptions("bogus,ro", UnknownOptions::kIgnore);
  ASSERT_TRUE(std::holds_alternative<MountOptions>(result));
  EXPECT_TRUE(std::get<MountOptions>(result).read_only);
}

TEST(MountOptions, BadValueIsToldWithWhatWouldBeRight) {
  EXPECT_EQ(ErrorOf("umask=999"), "option 'umask' must be an octal number from 0 to 777, not '999'");
  EXPECT_EQ(ErrorOf("commit=0"), "option 'commit' must be a number of seconds from 1 to 300, not '0'");
  EXPECT_EQ(ErrorOf("names=both"), "option 'names' must be catalog or backing, not 'both'");
  EXPECT_EQ(ErrorOf("io_uring=yes"), "option 'io_uring' must be auto, on or off, not 'yes'");
  EXPECT_EQ(ErrorOf("uid"), "option 'uid' needs a value: a number");
  EXPECT_EQ(ErrorOf("uid=4294967295"), "option 'uid' must be a number, not '4294967295'");
  EXPECT_EQ(ErrorOf("ro=1"), "option 'ro' takes no value");
  EXPECT_EQ(ErrorOf("store="), "option 'store' must be a path, not ''");
}

TEST(MountOptions, RemountIsRefusedWithAWayOut) { EXPECT_THAT(ErrorOf("remount,ro"), HasSubstr("unmount and mount again")); }

TEST(MountOptions, EachOptionOfTheManualIsDescribed) {
  const std::string text = DescribeMountOptions();
  for (const char* const name : {"ro",          "noatime",    "uid=",   "gid=",   "umask=",    "fmask=",      "dmask=",
                                 "allow_other", "allow_root", "names=", "store=", "commit=",   "max_links=",  "protected_hardlinks=",
                                 "links=",      "flavor=",    "debug",  "log=",   "io_uring=", "passthrough="}) {
    EXPECT_THAT(text, HasSubstr(std::string("  ") + name)) << name;
  }
}

}  // namespace
}  // namespace hardlinkfs
