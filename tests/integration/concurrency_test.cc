// Many at once: S-CONC-* of docs/semantics.md.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

class Concurrency : public MountTest {
 protected:
  // What must be true of any tree: every name can be read, and counts are the numbers of names.
  void ExpectConsistent() {
    std::map<uint64_t, std::vector<std::string>> names;
    for (const std::string& path : top().Tree()) {
      const Stat stat = top().Status(path);
      ASSERT_EQ(stat.error, 0) << path;
      if (!S_ISDIR(stat.mode)) names[stat.ino].push_back(path);
    }
    for (const auto& [ino, paths] : names) {
      const std::string content = top().Read(paths.front());
      for (const std::string& path : paths) {
        EXPECT_EQ(top().Nlink(path), paths.size()) << path;
        EXPECT_EQ(top().Read(path), content) << path;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(, Concurrency, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-CONC-1
TEST_P(Concurrency, OnlyOneOfManyExclusiveCreationsWins) {
  ASSERT_EQ(top().Mkdir("won"), 0);
  const auto create = [&](int process) {
    for (int i = 0; i < 100; ++i) {
      const Errno error = top().Opens(std::to_string(i), O_CREAT | O_EXCL | O_WRONLY);
      if (error.code != 0 && error.code != EEXIST) return 1;
      if (error.code == 0 && top().Write("won/" + std::to_string(i) + "." + std::to_string(process), "").code != 0) return 2;
    }
    return 0;
  };
  ASSERT_EQ(InChildren(4, create), 0);
  EXPECT_EQ(top().Names("won").size(), 100U);
  EXPECT_EQ(top().Names().size(), 101U);
}

// S-CONC-1
TEST_P(Concurrency, ALinkIsALock) {
  ASSERT_EQ(top().Write("counter", "0"), 0);
  constexpr int kRounds = 40;
  const auto count = [&](int process) {
    const std::string mine = "mine" + std::to_string(process);
    if (top().Write(mine, "").code != 0) return 1;
    for (int i = 0; i < kRounds; ++i) {
      if (!Eventually([&] { return top().Link(mine, "lock").code == 0; })) return 2;
      if (top().Write("counter", std::to_string(std::stoi(top().Read("counter")) + 1)).code != 0) return 3;
      if (top().Unlink("lock").code != 0) return 4;
    }
    return top().Unlink(mine).code == 0 ? 0 : 5;
  };
  ASSERT_EQ(InChildren(3, count), 0);
  EXPECT_EQ(top().Read("counter"), std::to_string(3 * kRounds));
  EXPECT_THAT(top().Names(), ElementsAre("counter"));
}

// S-CONC-2
TEST_P(Concurrency, AReplacedFileIsAlwaysThereAndWhole) {
  ASSERT_EQ(top().Write("config", std::string(10000, 'a')), 0);
  const auto replace_or_read = [&](int process) {
    for (int i = 0; i < 200; ++i) {
      if (process < 2) {
        const std::string next = "next" + std::to_string(process);
        if (top().Write(next, std::string(10000, static_cast<char>('a' + (i + process) % 26))).code != 0) return 1;
        if (top().Rename(next, "config").code != 0) return 2;
      } else {
        const std::string text = top().Read("config");
        if (text != std::string(10000, text[0])) return 3;
      }
    }
    return 0;
  };
  EXPECT_EQ(InChildren(4, replace_or_read), 0);
  EXPECT_THAT(top().Names(), ElementsAre("config"));
}

// S-CONC-3
TEST_P(Concurrency, AnyMixKeepsTheTreeConsistentAcrossRemounts) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (const char* const name : {"A", "B", "A/C"}) ASSERT_EQ(top().Mkdir(name), 0);
  const auto act = [&](int process) {
    std::mt19937 random(seed + static_cast<uint32_t>(process));
    const auto some_path = [&] {
      const std::vector<std::string> places{"", "A/", "B/", "A/C/", "B/C/"};
      return places[random() % places.size()] + static_cast<char>('a' + random() % 5);
    };
    const std::set<int> expected{0, ENOENT, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY, EINVAL, EPERM};
    for (int i = 0; i < 250; ++i) {
      const std::string path = some_path();
      Errno error;
      switch (random() % 8) {
        case 0:
        case 1:
          error = top().Write(path, std::to_string(process) + "." + std::to_string(i));
          break;
        case 2:
          error = top().Unlink(path);
          break;
        case 3:
          error = top().Link(some_path(), path);
          break;
        case 4:
          error = top().Rename(some_path(), path, RENAME_EXCHANGE);
          break;
        case 5:
          error = random() % 2 == 0 ? top().Rename("A/C", "B/C") : top().Rename("B/C", "A/C");
          break;
        default:
          error = top().Rename(some_path(), path);
      }
      if (!expected.contains(error.code)) {
        std::cerr << "process " << process << ", step " << i << ": " << error << "\n";
        return 1;
      }
    }
    return 0;
  };
  EXPECT_EQ(InChildren(4, act), 0);
  ExpectConsistent();
  const std::vector<std::string> tree = top().Tree();
  Remount();
  EXPECT_THAT(top().Tree(), ElementsAreArray(tree));
  ExpectConsistent();
}

// S-CONC-4
TEST_P(Concurrency, DirectoriesMovedIntoEachOtherNeverMakeALoop) {
  const auto move = [&](int process) {
    for (int i = 0; i < 150; ++i) {
      top().Mkdir("x");
      top().Mkdir("y");
      if (process % 2 == 0) {
        top().Rename("x", "y/x");
        top().Rename("y/x", "x");
      } else {
        top().Rename("y", "x/y");
        top().Rename("x/y", "y");
      }
    }
    return 0;
  };
  ASSERT_EQ(InChildren(4, move), 0);
  for (const std::string& path : top().Tree()) EXPECT_TRUE(top().Exists(path)) << path;
  EXPECT_GE(top().Tree().size(), 2U);
  ExpectConsistent();
}

// S-CONC-5
TEST_P(Concurrency, ReadersOfADirectoryAreNotDisturbedByWriters) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(top().Write("d/fixed " + std::to_string(i), ""), 0);
  const auto act = [&](int process) {
    for (int i = 0; i < (process < 2 ? 200 : 30); ++i) {
      if (process < 2) {
        const std::string name = "d/" + std::to_string(process) + "." + std::to_string(i);
        if (top().Write(name, "").code != 0 || top().Rename(name, name + "x").code != 0 || top().Unlink(name + "x").code != 0) return 1;
      } else {
        const std::vector<std::string> names = top().Names("d");
        if (std::count_if(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("fixed "); }) != 200) return 2;
        if (std::adjacent_find(names.begin(), names.end()) != names.end()) return 3;
      }
    }
    return 0;
  };
  EXPECT_EQ(InChildren(4, act), 0);
}

}  // namespace
}  // namespace hardlinkfs
