// Rules, boundaries and links together.
#include "policy/decide.h"

#include <algorithm>
#include <cerrno>
#include <random>

#include "gtest/gtest.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {
namespace {

// One operation to ask about.
struct Question {
  Operation operation = Operation::kLink;
  uint32_t uid = kOwnerOfFiles;
  std::vector<gid_t> groups;
  Attributes inode{.type = FileType::kRegular, .mode = 0644, .uid = kOwnerOfFiles, .gid = kOwnerOfFiles, .nlink = 1, .size = 100};
  std::vector<std::string> names{"/a/file"};
  std::string new_name = "/a/link";
  int names_fail_with = 0;
};

struct Answer {
  int code = 0;
  std::string rule;
};

Answer Ask(const Policy& policy, const Question& question) {
  const Caller caller = CallerWith(question.uid, question.groups);
  Facts facts{.operation = question.operation, .caller = caller, .inode = question.inode};
  facts.names = [&](size_t /*most*/) -> Result<std::vector<std::string>> {
    if (question.names_fail_with != 0) return Error{question.names_fail_with, "test"};
    return question.names;
  };
  if (!question.new_name.empty()) facts.new_name = [&]() -> Result<std::string> { return question.new_name; };
  facts.may_read_and_write = [] { return true; };
  KnownPaths paths(facts);
  const Judgement judgement = Decide(policy, paths);
  if (judgement.refusal.has_value()) return {judgement.refusal->code, judgement.refusal->rule};
  return {0, judgement.rule == nullptr ? "" : judgement.rule->name};
}

PolicyRule Deny(std::string name, Match match, int code = EPERM) { return {std::move(name), std::move(match), Action::kDeny, code}; }

OperationSet Only(Operation operation) {
  OperationSet set;
  set.Add(operation);
  return set;
}

TEST(Decide, OfAnEmptyPolicyAllowsEverything) {
  const Policy policy;
  for (const Operation operation : AllOperations()) {
    EXPECT_FALSE(policy.Watched().Has(operation));
    EXPECT_EQ(Ask(policy, {.operation = operation}).code, 0);
  }
}

TEST(Decide, TakesTheFirstRuleThatMatches) {
  Policy policy;
  policy.rules = {{"let-in", {.paths = {Glob("/a/open/**")}}, Action::kAllow, 0}, Deny("none", {.paths = {Glob("/a/**")}}, EACCES)};
  EXPECT_EQ(Ask(policy, {.names = {"/a/open/x"}, .new_name = "/b/y"}).code, 0);
  const Answer denied = Ask(policy, {.names = {"/a/x"}, .new_name = "/b/y"});
  EXPECT_EQ(denied.code, EACCES);
  EXPECT_EQ(denied.rule, "none");
  EXPECT_EQ(Ask(policy, {.names = {"/b/x"}, .new_name = "/b/y"}).code, 0);
  std::reverse(policy.rules.begin(), policy.rules.end());
  EXPECT_EQ(Ask(policy, {.names = {"/a/open/x"}, .new_name = "/b/y"}).code, EACCES);
}

// Whatever the rules are, what decides is the first that matches by itself.
TEST(Decide, OfManyRulesIsThatOfTheFirstThatMatchesAlone) {
  std::mt19937 random(7);
  const std::vector<Glob> globs{Glob("/a/**"), Glob("*.log"), Glob("/b/*"), Glob("/a/x/*")};
  const std::vector<std::string> names{"/a/x/1", "/a/y.log", "/b/z", "/c"};
  for (int round = 0; round < 2000; ++round) {
    Policy policy;
    for (int i = 0; i < 6; ++i) {
      PolicyRule rule{"rule" + std::to_string(i), {}, static_cast<Action>(random() % 3), 1 + static_cast<int>(random() % 30)};
      if (random() % 2 == 0) rule.match.operations = Only(random() % 2 == 0 ? Operation::kLink : Operation::kRename);
      if (random() % 2 == 0) rule.match.paths = {globs[random() % globs.size()]};
      if (random() % 3 == 0) rule.match.uids = {{1000, 1000 + random() % 3}};
      if (random() % 4 == 0) rule.match.nlink = Range{2, 9};
      policy.rules.push_back(std::move(rule));
    }
    Question question{.operation = random() % 2 == 0 ? Operation::kLink : Operation::kRename,
                      .uid = 1000 + static_cast<uint32_t>(random() % 3)};
    question.names = {names[random() % names.size()]};
    question.inode.nlink = 1 + static_cast<uint32_t>(random() % 3);
    Answer expected;
    for (const PolicyRule& rule : policy.rules) {
      Policy alone;
      alone.rules = {rule};
      expected = Ask(alone, question);
      if (!expected.rule.empty()) break;
    }
    const Answer answer = Ask(policy, question);
    EXPECT_EQ(answer.code, expected.code);
    EXPECT_EQ(answer.rule, expected.rule);
  }
}

TEST(Decide, MatchesEachOfTheFacts) {
  const auto denies = [](Match match, const Question& question) {
    Policy policy;
    policy.rules = {Deny("rule", std::move(match))};
    return Ask(policy, question).code == EPERM;
  };
  EXPECT_TRUE(denies({.operations = Only(Operation::kLink)}, {}));
  EXPECT_FALSE(denies({.operations = Only(Operation::kUnlink)}, {}));
  EXPECT_TRUE(denies({.uids = {{1, 5}, {1000, 1000}}}, {}));
  EXPECT_FALSE(denies({.uids = {{1001, 2000}}}, {}));
  EXPECT_TRUE(denies({.gids = {{50, 60}}}, {.groups = {7, 55}}));
  EXPECT_TRUE(denies({.gids = {{1000, 1000}}}, {}));
  EXPECT_FALSE(denies({.gids = {{50, 60}}}, {.groups = {7, 61}}));
  EXPECT_TRUE(denies({.owner = Ownership::kOwn}, {}));
  EXPECT_FALSE(denies({.owner = Ownership::kOthers}, {}));
  EXPECT_TRUE(denies({.owner = Ownership::kOthers}, {.uid = 1}));
  EXPECT_TRUE(denies({.types = {FileType::kFifo, FileType::kRegular}}, {}));
  EXPECT_FALSE(denies({.types = {FileType::kFifo}}, {}));
  EXPECT_TRUE(denies({.nlink = Range{1, 1}}, {}));
  EXPECT_FALSE(denies({.nlink = Range{2, 9}}, {}));
  EXPECT_TRUE(denies({.size = Range{100, 100}}, {}));
  EXPECT_FALSE(denies({.size = Range{0, 99}}, {}));
  // All of it has to hold.
  EXPECT_FALSE(denies({.uids = {{1000, 1000}}, .size = Range{0, 99}}, {}));
  // A name that is given counts as well as one that is there.
  EXPECT_TRUE(denies({.paths = {Glob("/a/link")}}, {}));
  EXPECT_TRUE(denies({.paths = {Glob("/x/file")}}, {.names = {"/a/file", "/x/file"}}));
  EXPECT_FALSE(denies({.paths = {Glob("/x/*")}}, {}));
  // A file without a name has none that could match.
  EXPECT_FALSE(denies({.paths = {Glob("/**")}}, {.names = {}, .new_name = ""}));
}

TEST(Decide, DeniesWhenNamesCannotBeFoundOut) {
  Policy policy;
  policy.rules = {Deny("by-path", {.paths = {Glob("/x/**")}})};
  EXPECT_EQ(Ask(policy, {.names_fail_with = EIO}).code, EIO);
  // Whoever does not go by names does not ask for them.
  policy.rules = {Deny("by-uid", {.uids = {{1, 1}}})};
  EXPECT_EQ(Ask(policy, {.names_fail_with = EIO}).code, 0);
}

TEST(Decide, OfBoundariesIsThatOfFilesystems) {
  Policy policy;
  policy.boundary = {Glob("/projects/*"), Glob("/projects/big/parts/*")};
  const auto code = [&policy](Operation operation, std::vector<std::string> names, std::string new_name) {
    return Ask(policy, {.operation = operation, .names = std::move(names), .new_name = std::move(new_name)}).code;
  };
  for (const Operation operation : {Operation::kLink, Operation::kRename}) {
    EXPECT_EQ(code(operation, {"/projects/a/x"}, "/projects/a/deep/y"), 0);
    EXPECT_EQ(code(operation, {"/projects/a/x"}, "/projects/b/y"), EXDEV);
    EXPECT_EQ(code(operation, {"/projects/a/x"}, "/y"), EXDEV);
    EXPECT_EQ(code(operation, {"/x"}, "/projects/a/y"), EXDEV);
    EXPECT_EQ(code(operation, {"/x"}, "/other/y"), 0);
    EXPECT_EQ(code(operation, {"/projects/big/x"}, "/projects/big/parts/1/y"), EXDEV);
    // The directory itself lies outside.
    EXPECT_EQ(code(operation, {"/projects/a"}, "/projects/b"), 0);
    EXPECT_EQ(code(operation, {"/projects/a"}, "/projects/b/c"), EXDEV);
  }
  // Nor does what lies in a directory get out of its boundary, or into one, by a rename of directories above.
  const auto move = [&policy](std::string from, std::string to) {
    Question question{.operation = Operation::kRename, .names = {std::move(from)}, .new_name = std::move(to)};
    question.inode.type = FileType::kDirectory;
    return Ask(policy, question).code;
  };
  EXPECT_EQ(move("/projects/a", "/projects/b"), 0);
  EXPECT_EQ(move("/projects/a", "/a"), EXDEV);
  EXPECT_EQ(move("/a", "/projects/a"), EXDEV);
  EXPECT_EQ(move("/projects", "/p"), EXDEV);
  EXPECT_EQ(move("/p", "/projects"), EXDEV);
  EXPECT_EQ(move("/a", "/b"), 0);
  EXPECT_EQ(move("/projects/a/x", "/projects/a/y"), 0);
  EXPECT_EQ(move("/projects/big/parts", "/projects/big/other"), EXDEV);
  EXPECT_EQ(code(Operation::kLink, {"/projects/a/x", "/projects/b/x"}, "/projects/b/y"), 0);
  EXPECT_EQ(code(Operation::kLink, {}, "/projects/b/y"), 0);
  EXPECT_EQ(code(Operation::kUnlink, {"/projects/a/x"}, ""), 0);
}

TEST(Decide, OfLinksComesAfterTheRules) {
  Policy policy;
  policy.links.links = LinkUse::kDeny;
  policy.rules = {{"let-in", {}, Action::kAllow, 0}};
  EXPECT_EQ(Ask(policy, {}).rule, "links");
  EXPECT_EQ(Ask(policy, {.operation = Operation::kRename}).code, 0);
}

TEST(Decide, WatchesWhatItIsAbout) {
  Policy policy;
  policy.boundary = {Glob("/a")};
  EXPECT_TRUE(policy.Watched().Has(Operation::kRename));
  EXPECT_FALSE(policy.Watched().Has(Operation::kUnlink));
  EXPECT_TRUE(policy.GoesByPaths());
  policy = {};
  policy.rules = {Deny("all", {})};
  EXPECT_TRUE(policy.Watched().Has(Operation::kSetflags));
  // No rule decides these.
  EXPECT_FALSE(policy.Watched().Has(Operation::kRead));
  EXPECT_FALSE(policy.GoesByPaths());
  policy = {};
  policy.faults = {{.name = "slow", .match = {.operations = Only(Operation::kRead)}}};
  EXPECT_TRUE(policy.Failing().Has(Operation::kRead));
  EXPECT_FALSE(policy.Failing().Has(Operation::kWrite));
  EXPECT_FALSE(policy.Watched().Has(Operation::kRead));
}

TEST(Occasion, IsTheNthOrEveryNth) {
  using Kind = Occasion::Kind;
  std::vector<uint64_t> nth;
  std::vector<uint64_t> every;
  for (uint64_t count = 1; count <= 10; ++count) {
    EXPECT_TRUE(Occasion{}.Is(count));
    if (Occasion{.kind = Kind::kNth, .number = 3}.Is(count)) nth.push_back(count);
    if (Occasion{.kind = Kind::kEvery, .number = 4}.Is(count)) every.push_back(count);
  }
  EXPECT_EQ(nth, std::vector<uint64_t>({3}));
  EXPECT_EQ(every, std::vector<uint64_t>({4, 8}));
}

TEST(Occasion, ByProbabilityIsTheSameWithTheSameSeed) {
  const auto count = [](uint64_t seed, double probability) {
    std::vector<uint64_t> struck;
    for (uint64_t i = 1; i <= 10000; ++i) {
      if (Occasion{.kind = Occasion::Kind::kRandom, .probability = probability, .seed = seed}.Is(i)) struck.push_back(i);
    }
    return struck;
  };
  const auto once = count(1, 0.1);
  EXPECT_EQ(once, count(1, 0.1));
  EXPECT_NE(once, count(2, 0.1));
  EXPECT_NEAR(static_cast<double>(once.size()), 1000, 150);
  EXPECT_EQ(count(3, 1).size(), 10000U);
}

}  // namespace
}  // namespace hardlinkfs
