// The scenarios of faults_test.cc: one operation each, on a volume that has some of everything.
#ifndef HARDLINKFS_TESTS_FAULTS_SCENARIOS_H_
#define HARDLINKFS_TESTS_FAULTS_SCENARIOS_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/faults/stage.h"

namespace hardlinkfs {

// What a failure may leave.
enum class Effect {
  kNoneOrAll,   // none, when it failed; all of it, when it succeeded
  kEither,      // when it failed either: it was done and could not be made durable
  kPartOfFile,  // when it failed the content and times of `file` are whatever they are
  kEventually,  // all of it, at the latest in the next session, and whatever it answered; times and new numbers may be others
};

// In which session the operation takes place: the one that made everything, the next one, or one after the server was killed.
enum class Session { kSame, kNext, kAfterKill };

struct Scenario {
  std::string name;
  std::function<void(Stage&)> prepare = [](Stage&) {};       // in the first session
  std::function<void(Stage&)> below = [](Stage&) {};         // on the bare backing, where a new session follows
  std::function<void(Stage&)> prepare_next = [](Stage&) {};  // in the session of the operation
  std::function<int(Stage&)> act;
  Effect effect = Effect::kNoneOrAll;
  std::string file;
  std::vector<Session> sessions{Session::kSame, Session::kNext};
  bool opens = false;  // the operation begins the session
  bool ends = false;   // it ends it
};

// The tree that every scenario begins with.
void MakeTree(Stage& stage);

const std::vector<Scenario>& Scenarios();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAULTS_SCENARIOS_H_
