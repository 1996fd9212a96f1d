#include "policy/quota.h"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "policy/decide.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {
namespace {

QuotaRule OfPath(const char* name, const char* pattern) {
  return {.name = name, .uids = {}, .gids = {}, .paths = {Glob(pattern)}, .inodes = 1, .names = {}, .bytes = {}};
}

int Asked(const Policy& policy, Operation operation, FileType type, const std::string& from, const std::string& to,
          std::string* rule = nullptr) {
  const Caller caller = CallerWith(0);
  Facts facts{.operation = operation, .caller = caller, .inode = {.type = type}};
  facts.names = [&](size_t) -> Result<std::vector<std::string>> { return std::vector{from}; };
  facts.new_name = [&]() -> Result<std::string> { return to; };
  facts.may_read_and_write = [] { return true; };
  KnownPaths paths(facts);
  const Judgement judgement = Decide(policy, paths);
  if (rule != nullptr && judgement.refusal.has_value()) *rule = judgement.refusal->rule;
  return judgement.refusal.has_value() ? judgement.refusal->code : 0;
}

TEST(Quota, FileIsChargedOnceOrByName) {
  EXPECT_EQ(CostOf(3, 100, QuotaCharge::kOnce), (Usage{1, 3, 100}));
  EXPECT_EQ(CostOf(3, 100, QuotaCharge::kName), (Usage{3, 3, 300}));
  // Unlinked, and open.
  EXPECT_EQ(CostOf(0, 100, QuotaCharge::kOnce), (Usage{1, 0, 100}));
  EXPECT_EQ(CostOf(0, 100, QuotaCharge::kName), (Usage{1, 0, 100}));
}

TEST(Quota, SumsOfTheLargestFilesAreExact) {
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  Usage sum;
  for (int i = 0; i < 1000; ++i) sum += CostOf(UINT32_MAX, kLargest, QuotaCharge::kName);
  const QuotaRule rule{.name = "q", .uids = {}, .gids = {}, .paths = {}, .inodes = {}, .names = {}, .bytes = kLargest};
  EXPECT_TRUE(MayHave(rule, sum, {.bytes = 1}).has_value());
  for (int i = 0; i < 1000; ++i) sum -= CostOf(UINT32_MAX, kLargest, QuotaCharge::kName);
  EXPECT_EQ(sum, Usage());
  EXPECT_FALSE(MayHave(rule, {}, {.bytes = kLargest}).has_value());
  EXPECT_TRUE(MayHave(rule, {.bytes = 1}, {.bytes = kLargest}).has_value());
}

TEST(Quota, RefusesOnlyWhatGrowsBeyondIt) {
  const QuotaRule rule{.name = "q", .uids = {}, .gids = {}, .paths = {}, .inodes = 10, .names = 20, .bytes = 30};
  EXPECT_FALSE(MayHave(rule, {9, 19, 29}, {1, 1, 1}).has_value());
  EXPECT_STREQ(MayHave(rule, {10, 0, 0}, {1, 0, 0})->rule, "q");
  EXPECT_EQ(MayHave(rule, {10, 0, 0}, {1, 0, 0})->code, EDQUOT);
  EXPECT_STREQ(MayHave(rule, {0, 20, 0}, {0, 1, 0})->reason, "the quota of names is used up");
  EXPECT_STREQ(MayHave(rule, {0, 0, 30}, {0, 0, 1})->reason, "the quota of bytes is used up");
  // Whoever was beyond it when it came may still change what he has, and remove it.
  EXPECT_FALSE(MayHave(rule, {100, 100, 100}, {0, 0, 0}).has_value());
  EXPECT_FALSE(MayHave(rule, {100, 100, 100}, {-1, -1, -50}).has_value());
  EXPECT_TRUE(MayHave(rule, {100, 100, 100}, {-1, -1, 1}).has_value());
}

TEST(Quota, FirstOfAKindIsSomebodys) {
  const std::vector<QuotaRule> rules{{.name = "alice", .uids = {{1000, 1000}}, .gids = {}, .paths = {}},
                                     {.name = "group", .uids = {}, .gids = {{0, 5000}}, .paths = {}},
                                     {.name = "all", .uids = {{0, 4294967294}}, .gids = {}, .paths = {}},
                                     OfPath("big", "/projects/big"),
                                     OfPath("projects", "/projects/*")};
  EXPECT_EQ(QuotaOfUid(rules, 1000)->name, "alice");
  EXPECT_EQ(QuotaOfUid(rules, 1001)->name, "all");
  EXPECT_EQ(QuotaOfGid(rules, 1000)->name, "group");
  EXPECT_EQ(QuotaOfGid(rules, 6000), nullptr);
  EXPECT_EQ(QuotaOfDirectory(rules, "/projects/big")->name, "big");
  EXPECT_EQ(QuotaOfDirectory(rules, "/projects/a")->name, "projects");
  EXPECT_EQ(QuotaOfDirectory(rules, "/projects"), nullptr);
}

TEST(Quota, OfDirectoriesIsABoundary) {
  Policy policy;
  policy.quotas = {OfPath("projects", "/projects/*")};
  EXPECT_TRUE(policy.Watched().Has(Operation::kLink));
  EXPECT_TRUE(policy.Watched().Has(Operation::kRename));
  EXPECT_TRUE(policy.GoesByPaths());
  const auto link = [&](const char* from, const char* to) { return Asked(policy, Operation::kLink, FileType::kRegular, from, to); };
  EXPECT_EQ(link("/projects/a/f", "/projects/a/d/f"), 0);
  EXPECT_EQ(link("/projects/a/f", "/projects/b/f"), EXDEV);
  EXPECT_EQ(link("/projects/a/f", "/f"), EXDEV);
  EXPECT_EQ(link("/f", "/projects/a/f"), EXDEV);
  std::string rule;
  EXPECT_EQ(Asked(policy, Operation::kRename, FileType::kRegular, "/f", "/projects/a/f", &rule), EXDEV);
  EXPECT_EQ(rule, "projects");
}

TEST(Quota, HoldsForDirectoriesThatAreRenamed) {
  Policy policy;
  policy.quotas = {OfPath("big", "/projects/big"), OfPath("projects", "/projects/*"), OfPath("deep", "/a/**/cache")};
  const auto move = [&](const char* from, const char* to) { return Asked(policy, Operation::kRename, FileType::kDirectory, from, to); };
  EXPECT_EQ(move("/projects/a", "/projects/b"), 0);
  EXPECT_EQ(move("/projects/a", "/projects/big"), EXDEV);
  EXPECT_EQ(move("/projects/a", "/a2"), EXDEV);
  EXPECT_EQ(move("/x", "/projects/x"), EXDEV);
  EXPECT_EQ(move("/x", "/projects"), EXDEV);
  EXPECT_EQ(move("/x", "/y"), 0);
  EXPECT_EQ(move("/projects/a/d", "/projects/a/e"), 0);
  EXPECT_EQ(move("/x", "/a/x"), EXDEV);
  EXPECT_EQ(move("/a/x", "/a/y/z"), 0);
  EXPECT_EQ(move("/a/x", "/a/cache"), EXDEV);
  // A file is no directory that a quota could be about.
  EXPECT_EQ(Asked(policy, Operation::kRename, FileType::kRegular, "/a/x", "/a/cache"), 0);
}

}  // namespace
}  // namespace hardlinkfs
