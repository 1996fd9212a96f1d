#include "policy/policy_file.h"

#include <cerrno>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

IdNames TestNames() {
  const auto only = [](const char* known, uint32_t id) {
    return [known, id](const std::string& name) { return name == known ? std::optional<uint32_t>(id) : std::nullopt; };
  };
  return {.user = only("alice", 1000), .group = only("staff", 50)};
}

Policy Parsed(std::string_view text) {
  auto parsed = ParsePolicy(text, TestNames());
  if (const auto* const errors = std::get_if<std::vector<PolicyError>>(&parsed)) {
    for (const PolicyError& error : *errors) ADD_FAILURE() << error.line << ":" << error.column << ": " << error.message;
    return {};
  }
  return std::get<Policy>(std::move(parsed));
}

// "LINE:COLUMN: MESSAGE" of each error.
std::vector<std::string> ErrorsOf(std::string_view text) {
  const auto parsed = ParsePolicy(text, TestNames());
  std::vector<std::string> lines;
  if (const auto* const errors = std::get_if<std::vector<PolicyError>>(&parsed)) {
    for (const PolicyError& error : *errors) {
      lines.push_back(std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message);
    }
  }
  return lines;
}

constexpr char kEverything[] = R"(
protected_hardlinks = "on"
links = "deny"
symlinks = "deny"
specials = "deny"
flavor = "bsd"
max_links = { regular = 10, fifo = 2 }
boundary = ["/projects/*", "/home/*"]
audit = "denied"
audit_file = "/var/log/hardlinkfs/audit.json"
audit_rate = 5
dry_run = true
quota_charge = "name"

[[rule]]
name = "no-secrets"
ops = ["link", "rename"]
path = "/secret/**"
uid = ["alice", 7, "1000-1999"]
gid = "staff"
owner = "others"
type = ["regular", "symlink"]
nlink = { min = 2 }
size = { min = 1, max = "10M" }
action = "deny"
errno = "EACCES"

[[rule]]
name = "watch"
action = "audit"

[[fault]]
name = "third"
ops = "fsync"
nth = 3
errno = "EIO"

[[fault]]
name = "slow"
ops = ["read", "write"]
probability = 0.25
seed = 9
delay_ms = 20

[[quota]]
name = "everybody"
uid = "*"
inodes = 1000
names = 2000
bytes = "10G"

[[quota]]
name = "staff"
gid = ["staff", "2000-2999"]
bytes = 512

[[quota]]
name = "projects"
path = ["/projects/*", "/home/*"]
inodes = 5
)";

TEST(PolicyFile, HasEveryKey) {
  const Policy policy = Parsed(kEverything);
  EXPECT_EQ(policy.links.protection, LinkProtection::kOn);
  EXPECT_EQ(policy.links.links, LinkUse::kDeny);
  EXPECT_EQ(policy.links.symlinks, LinkUse::kDeny);
  EXPECT_EQ(policy.links.specials, LinkUse::kDeny);
  EXPECT_EQ(policy.links.flavor, Flavor::kBsd);
  EXPECT_EQ(policy.links.LimitOf(FileType::kRegular), 10U);
  EXPECT_EQ(policy.links.LimitOf(FileType::kFifo), 2U);
  EXPECT_EQ(policy.links.LimitOf(FileType::kSocket), kBsdMaxLinks);
  EXPECT_THAT(policy.boundary, ElementsAre(Glob("/projects/*"), Glob("/home/*")));
  EXPECT_EQ(policy.audit.level, AuditLevel::kDenied);
  EXPECT_EQ(policy.audit.file, "/var/log/hardlinkfs/audit.json");
  EXPECT_EQ(policy.audit.lines_per_second, 5U);
  EXPECT_TRUE(policy.dry_run);
  ASSERT_EQ(policy.rules.size(), 2U);
  const PolicyRule& rule = policy.rules[0];
  EXPECT_EQ(rule.name, "no-secrets");
  EXPECT_TRUE(rule.match.operations.Has(Operation::kLink));
  EXPECT_TRUE(rule.match.operations.Has(Operation::kRename));
  EXPECT_FALSE(rule.match.operations.Has(Operation::kUnlink));
  EXPECT_THAT(rule.match.paths, ElementsAre(Glob("/secret/**")));
  EXPECT_THAT(rule.match.uids, ElementsAre(Range{1000, 1000}, Range{7, 7}, Range{1000, 1999}));
  EXPECT_THAT(rule.match.gids, ElementsAre(Range{50, 50}));
  EXPECT_EQ(rule.match.owner, Ownership::kOthers);
  EXPECT_THAT(rule.match.types, ElementsAre(FileType::kRegular, FileType::kSymlink));
  EXPECT_EQ(rule.match.nlink, (Range{.first = 2}));
  EXPECT_EQ(rule.match.size, (Range{1, 10U << 20U}));
  EXPECT_EQ(rule.action, Action::kDeny);
  EXPECT_EQ(rule.code, EACCES);
  EXPECT_EQ(policy.rules[1].action, Action::kAudit);
  ASSERT_EQ(policy.faults.size(), 2U);
  EXPECT_EQ(policy.faults[0].occasion, (Occasion{.kind = Occasion::Kind::kNth, .number = 3}));
  EXPECT_EQ(policy.faults[0].code, EIO);
  EXPECT_EQ(policy.faults[1].occasion, (Occasion{.kind = Occasion::Kind::kRandom, .probability = 0.25, .seed = 9}));
  EXPECT_EQ(policy.faults[1].delay, std::chrono::milliseconds(20));
  EXPECT_EQ(policy.faults[1].code, 0);
  EXPECT_EQ(policy.quota_charge, QuotaCharge::kName);
  ASSERT_EQ(policy.quotas.size(), 3U);
  EXPECT_EQ(policy.quotas[0].name, "everybody");
  EXPECT_THAT(policy.quotas[0].uids, ElementsAre(Range{0, 4294967294}));
  EXPECT_EQ(policy.quotas[0].inodes, 1000U);
  EXPECT_EQ(policy.quotas[0].names, 2000U);
  EXPECT_EQ(policy.quotas[0].bytes, 10ULL << 30U);
  EXPECT_THAT(policy.quotas[1].gids, ElementsAre(Range{50, 50}, Range{2000, 2999}));
  EXPECT_EQ(policy.quotas[1].bytes, 512U);
  EXPECT_EQ(policy.quotas[1].inodes, std::nullopt);
  EXPECT_THAT(policy.quotas[2].paths, ElementsAre(Glob("/projects/*"), Glob("/home/*")));
}

TEST(PolicyFile, OfNothingIsThePolicyByDefault) { EXPECT_EQ(Parsed(""), Policy()); }

TEST(PolicyFile, WrittenAndReadAgainIsTheSame) {
  Policy policy = Parsed(kEverything);
  const Policy again = Parsed(ToToml(policy));
  // What goes with the flavor is written out.
  policy.links.max_links = again.links.max_links;
  EXPECT_EQ(again, policy);
  EXPECT_EQ(Parsed(ToToml(again)), again);
  EXPECT_EQ(Parsed(ToToml({})), Policy());
  EXPECT_EQ(Parsed(ToToml(Parsed("max_links = 7"))), Parsed("max_links = 7"));
}

TEST(PolicyFile, ErrorsTellWhereAndWhatWouldBeRight) {
  EXPECT_THAT(ErrorsOf("protected_hardlinks = \"yes\""),
              ElementsAre("1:23: \"protected_hardlinks\" must be one of \"host\", \"on\", \"off\", \"owner\", not 'yes'"));
  EXPECT_THAT(ErrorsOf("\n  linkz = \"deny\""),
              ElementsAre(testing::StartsWith("2:3: unknown key \"linkz\" in a policy; known are audit, ")));
  EXPECT_THAT(ErrorsOf("links = "), ElementsAre(testing::StartsWith("1:")));
  EXPECT_THAT(ErrorsOf("max_links = 0"), ElementsAre("1:13: \"max_links\" must be a number from 1 to 4294967295, not 0"));
  EXPECT_THAT(ErrorsOf("max_links = { directory = 5 }"), ElementsAre(HasSubstr("unknown key \"directory\" in max_links")));
  EXPECT_THAT(ErrorsOf("boundary = [\"*.log\"]"), ElementsAre(HasSubstr("from the top of the mount on, with a slash first")));
  EXPECT_THAT(ErrorsOf("boundary = []"), ElementsAre(HasSubstr("must not be empty")));
  EXPECT_THAT(ErrorsOf("audit_file = \"log\""), ElementsAre(HasSubstr("an absolute path")));
  EXPECT_THAT(ErrorsOf("boundary = \"/a/../b\""), ElementsAre(HasSubstr("a pattern of paths")));
  EXPECT_THAT(ErrorsOf("[[fault]]\nname = \"a\"\nerrno = \"ENOSYS\""), ElementsAre(HasSubstr("and not ENOSYS")));
  EXPECT_THAT(ErrorsOf("rule = 5"), ElementsAre(HasSubstr("begins with [[rule]]")));
}

TEST(PolicyFile, ErrorsOfRulesAndFaultsAreToldAllAtOnce) {
  const std::vector<std::string> errors = ErrorsOf(R"([[rule]]
ops = ["link", "lnk", "read"]
uid = "nobody-of-this-name"
size = { min = 5, max = 3 }
nlink = {}
errno = "EWRONG"
action = "denied"

[[rule]]
name = "twice"
action = "allow"
errno = "EIO"

[[fault]]
name = "twice"
nth = 0
every = 2
seed = 4
)");
  const std::string all = testing::PrintToString(errors);
  for (const char* const wrong :
       {"2:16: \\\"ops\\\" must be one of create, mkdir", "2:23: ", "3:7: \\\"uid\\\" must be a number, a range", "must not be above",
        "needs \\\"min\\\"", "6:9: \\\"errno\\\" must be the name of an error", "7:10: \\\"action\\\" must be one of",
        "1:1: a [[rule]] needs a \\\"name\\\"", "9:1: only action = \\\"deny\\\"", "the name \\\"twice\\\" is taken",
        "16:7: \\\"nth\\\" must be a number from 1", "one of \\\"nth\\\", \\\"every\\\"", "a \\\"seed\\\" goes with",
        "needs an \\\"errno\\\", a \\\"delay_ms\\\" or both"}) {
    EXPECT_THAT(all, HasSubstr(wrong));
  }
}

TEST(PolicyFile, ErrorsOfQuotasTellWhatTheyNeed) {
  const std::string all = testing::PrintToString(ErrorsOf(R"([[quota]]
uid = 5
gid = "nobody-of-this-name"
path = "*.log"

[[quota]]
name = "none"
inodes = 0
bytes = "0"
limit = 5

[[quota]]
name = "none"
uid = "*"
names = "many"
)"));
  for (const char* const wrong :
       {"1:1: a [[quota]] needs a \\\"name\\\"", "1:1: a [[quota]] has one of \\\"uid\\\", \\\"gid\\\" and \\\"path\\\"",
        "3:7: \\\"gid\\\" must be a number", "4:8: \\\"path\\\" must be patterns from the top", "1:1: a [[quota]] needs \\\"inodes\\\", ",
        "6:1: a [[quota]] has one of", "8:10: \\\"inodes\\\" must be a number from 1", "9:9: \\\"bytes\\\" must be at least 1",
        "10:1: unknown key \\\"limit\\\"", "the name \\\"none\\\" is taken", "15:9: \\\"names\\\" must be a number from 1"}) {
    EXPECT_THAT(all, HasSubstr(wrong));
  }
}

TEST(PolicyFile, TakesNumbersOfBytesWithUnits) {
  const auto size_of = [](const std::string& text) {
    return Parsed("[[rule]]\nname = \"a\"\naction = \"allow\"\nsize = { min = " + text + " }").rules.at(0).match.size->first;
  };
  EXPECT_EQ(size_of("\"1K\""), 1024U);
  EXPECT_EQ(size_of("\"2T\""), 2ULL << 40U);
  EXPECT_EQ(size_of("12"), 12U);
  for (const char* const wrong : {"\"1X\"", "\"\"", "\"K\"", "-1", "\"99999999999T\"", "1.5"}) {
    EXPECT_THAT(ErrorsOf(std::string("[[rule]]\nname = \"a\"\naction = \"allow\"\nsize = { min = ") + wrong + " }"),
                testing::Contains(HasSubstr("as \"10M\"")))
        << wrong;
  }
}

}  // namespace
}  // namespace hardlinkfs
