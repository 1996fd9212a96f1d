// What the kernel is told to drop: all that changed, soon, and once more; by a thread that nobody waits for.
#include "fuse/vfs/invalidator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace hardlinkfs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr InodeId kFile{20};
constexpr InodeId kDirectory{21};

Name N(const std::string& name) { return *Name::From(name); }

// Takes notes, and can be held up as a kernel is that waits for an operation.
class NotedCache final : public KernelCache {
 public:
  void DropAttributes(InodeId inode) override { Note("attributes " + std::to_string(Raw(inode))); }
  void DropContents(InodeId directory) override { Note("listing " + std::to_string(Raw(directory))); }
  void DropName(InodeId directory, const std::string& name) override { Note("name " + std::to_string(Raw(directory)) + " " + name); }
  void DropAllNames() override { Note("all names"); }

  void HoldUp(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // Waits until one is being dropped.
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_; });
  }
  // Waits for so many. RETURNS: all so far.
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return notes_.size() >= count; });
    return notes_;
  }

 private:
  void Note(const std::string& note) {
    std::unique_lock lock(mutex_);
    waiting_ = held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    waiting_ = false;
    notes_.push_back(note);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool waiting_ = false;
  std::vector<std::string> notes_;
};

class InvalidatorTest : public testing::Test {
 protected:
  NotedCache cache_;
  InodeTable table_;
};

TEST_F(InvalidatorTest, WhatChangedIsDropped) {
  Invalidator invalidator(cache_, table_, hours(1));
  invalidator.AttributesChanged(kFile);
  invalidator.ListingChanged(kDirectory);
  invalidator.ListingChanged(kDirectory);
  invalidator.NameChanged(kDirectory, N("a"));
  invalidator.Start();
  EXPECT_THAT(cache_.Await(3), UnorderedElementsAre("attributes 20", "listing 21", "name 21 a"));
  invalidator.AttributesChanged(kDirectory);
  EXPECT_EQ(cache_.Await(4).back(), "attributes 21");
}

TEST_F(InvalidatorTest, ItIsDroppedOnceMoreAndNoOftener) {
  Invalidator invalidator(cache_, table_, milliseconds(1));
  invalidator.Start();
  invalidator.AttributesChanged(kFile);
  EXPECT_THAT(cache_.Await(2), ElementsAre("attributes 20", "attributes 20"));
  invalidator.ListingChanged(kDirectory);
  EXPECT_THAT(cache_.Await(4), ElementsAre("attributes 20", "attributes 20", "listing 21", "listing 21"));
}

TEST_F(InvalidatorTest, NobodyWaitsForTheKernel) {
  Invalidator invalidator(cache_, table_, hours(1));
  cache_.HoldUp(true);
  invalidator.Start();
  invalidator.AttributesChanged(kFile);
  cache_.AwaitHeld();
  invalidator.ListingChanged(kDirectory);
  invalidator.NameChanged(kDirectory, N("a"));
  cache_.HoldUp(false);
  EXPECT_THAT(cache_.Await(3), ElementsAre("attributes 20", "name 21 a", "listing 21"));
}

TEST_F(InvalidatorTest, TooManyChangesAreEverythingThatTheKernelKnows) {
  Invalidator invalidator(cache_, table_, hours(1));
  table_.AddLookup(InodeRef(kFile));
  table_.AddLookup(InodeRef(kDirectory));
  for (size_t i = 0; i <= Invalidator::kMaxChanges; ++i) invalidator.NameChanged(kDirectory, N("#" + std::to_string(i)));
  invalidator.Start();
  EXPECT_THAT(cache_.Await(4), UnorderedElementsAre("all names", "listing 1", "listing 20", "listing 21"));
  invalidator.AttributesChanged(kFile);
  EXPECT_EQ(cache_.Await(5).back(), "attributes 20");
}

}  // namespace
}  // namespace hardlinkfs
