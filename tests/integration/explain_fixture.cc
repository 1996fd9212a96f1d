#include "tests/integration/explain_fixture.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace hardlinkfs {
namespace {

std::string As(const User& user) { return std::to_string(user.uid) + ":" + std::to_string(user.gid); }

}  // namespace

Answer AnswerOf(const CommandResult& result) {
  Answer answer{.status = result.status, .all = nlohmann::json::parse(result.out, nullptr, false)};
  EXPECT_TRUE(answer.all.is_object()) << result.out << result.err;
  if (!answer.all.is_object()) return answer;
  answer.verdict = answer.all["verdict"];
  if (answer.all["errno"].is_string()) answer.error = answer.all["errno"];
  for (const auto& check : answer.all["checks"]) {
    if (check["result"] != "fail") continue;
    answer.rule = check["check"];
    answer.reason = check["reason"];
    if (check["cure"].is_string()) answer.cure = check["cure"];
    break;
  }
  return answer;
}

Answer AskFor(const User& user, Words words) {
  if (words[0] == "write") words.resize(2);
  words.insert(words.begin(), {Command(), "explain"});
  words.insert(words.end(), {"--as", As(user), "--json"});
  return AnswerOf(RunCommand(words));
}

Answer AskAs(const User& user, Words words) {
  words.insert(words.begin(), {Command(), "explain"});
  words.emplace_back("--json");
  return AnswerOf(RunCommand(words, user));
}

bool Has(const Answer& answer, const std::string& rule, const std::string& result) {
  return std::ranges::any_of(answer.all["checks"],
                             [&](const nlohmann::json& check) { return check["check"] == rule && check["result"] == result; });
}

int Call(const Words& words) {
  const auto ended = [](ssize_t result) { return result < 0 ? errno : 0; };
  if (words[0] == "link") return ended(linkat(AT_FDCWD, words[1].c_str(), AT_FDCWD, words[2].c_str(), 0));
  if (words[0] == "rename") return ended(rename(words[1].c_str(), words[2].c_str()));
  if (words[0] == "unlink") return ended(unlink(words[1].c_str()));
  const UniqueFd file(open(words[1].c_str(), O_WRONLY | O_NONBLOCK));
  if (!file.valid()) return errno;
  return words.size() > 2 ? ended(write(file.get(), "x", 1)) : 0;
}

int CallAs(const User& user, const Words& words) {
  return AsUser(user, [&words] { return Call(words); });
}

const char* NameOfErrno(int code) { return code == 0 ? "" : strerrorname_np(code); }

void ExpectTrue(const User& user, const Words& words, int code, const std::string& rule) {
  SCOPED_TRACE(testing::PrintToString(words) + " as " + As(user));
  const Answer answer = AskFor(user, words);
  EXPECT_EQ(answer.error, NameOfErrno(code)) << answer.all.dump(2);
  EXPECT_EQ(answer.rule, rule) << answer.all.dump(2);
  EXPECT_EQ(answer.verdict, code == 0 ? "allowed" : "refused") << answer.all.dump(2);
  EXPECT_EQ(answer.status, code == 0 ? 0 : 1);
  EXPECT_STREQ(NameOfErrno(CallAs(user, words)), NameOfErrno(code));
}

Errno SetFlags(const std::string& path, unsigned flags) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK));
  return Ended(ioctl(file.get(), FS_IOC_SETFLAGS, &flags));
}

Flagged::Flagged(std::string path, unsigned flags) : path_(std::move(path)) { EXPECT_EQ(SetFlags(path_, flags), 0); }

Flagged::~Flagged() { EXPECT_EQ(SetFlags(path_, 0), 0); }

void Explain::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "takes root";
  if (!HasKind("ext4")) GTEST_SKIP() << "no ext4";
  ProtectHardlinks("1");
  Make("ext4", 64);
}

void Explain::ProtectHardlinks(const std::string& value) {
  protection_.reset();
  protection_.emplace(kProtectedHardlinks, value);
  ASSERT_TRUE(protection_->is_set());
}

void Explain::Make(const std::string& kind, unsigned megabytes, const std::vector<std::string>& options) {
  disk_.reset();
  disk_.emplace(kind, scratch_.path() + "/" + kind, megabytes, options);
  top_ = Folder(disk_->path());
  EXPECT_EQ(Ended(chmod(disk_->path().c_str(), 0777)), 0);
}

bool Explain::HasKind(const std::string& kind) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::string Explain::File(const std::string& name, const User& owner, mode_t mode) const {
  EXPECT_EQ(top_.Write(name, "text"), 0);
  EXPECT_EQ(top_.Chown(name, owner.uid, owner.gid), 0);
  EXPECT_EQ(top_.Chmod(name, mode), 0);
  return Path(name);
}

std::string Explain::Directory(const std::string& name, const User& owner, mode_t mode) const {
  EXPECT_EQ(top_.Mkdir(name), 0);
  EXPECT_EQ(top_.Chown(name, owner.uid, owner.gid), 0);
  EXPECT_EQ(top_.Chmod(name, mode), 0);
  return Path(name);
}

std::string Explain::MakeElsewhere(const std::string& name) const {
  EXPECT_EQ(Ended(mkdir(Elsewhere(name).c_str(), 0777)), 0);
  return Elsewhere(name);
}

}  // namespace hardlinkfs
