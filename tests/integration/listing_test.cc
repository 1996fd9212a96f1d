// Listings: S-LIST-* and S-INO-* of docs/semantics.md.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;

constexpr int kMany = 1500;  // more than one getdents64(2) and one FUSE reply hold

std::string Numbered(int i) { return "a rather long name to fill buffers " + std::to_string(10000 + i); }

class Listing : public MountTest {
 protected:
  void MakeMany() {
    ASSERT_EQ(top().Mkdir("d"), 0);
    for (int i = 0; i < kMany; ++i) ASSERT_EQ(top().Mknod("d/" + Numbered(i), S_IFREG | 0644), 0);
  }
  std::set<std::string> All() const {
    std::set<std::string> all;
    for (int i = 0; i < kMany; ++i) all.insert(Numbered(i));
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(, Listing, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class ListingOfACatalog : public Listing {};
INSTANTIATE_TEST_SUITE_P(, ListingOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// S-LIST-1
TEST_P(Listing, ShowsEveryEntryOnceWithItsInodeAndType) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("f", ""), 0);
  ASSERT_EQ(top().Link("f", "g"), 0);
  ASSERT_EQ(top().Symlink("x", "s"), 0);
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0600), 0);
  ASSERT_EQ(top().Mknod("u", S_IFSOCK | 0600), 0);
  const UniqueFd root = top().Open(".", O_RDONLY | O_DIRECTORY);
  std::map<std::string, DirEntry> entries;
  for (const DirEntry& entry : ReadEntries(root.get())) EXPECT_TRUE(entries.emplace(entry.name, entry).second) << entry.name;
  const std::map<std::string, int> types{{".", DT_DIR}, {"..", DT_DIR}, {"d", DT_DIR}, {"f", DT_REG},
                                         {"g", DT_REG}, {"p", DT_FIFO}, {"s", DT_LNK}, {"u", DT_SOCK}};
  ASSERT_EQ(entries.size(), types.size());
  for (const auto& [name, type] : types) {
    EXPECT_EQ(entries[name].type, type) << name;
    if (name != "..") {
      EXPECT_EQ(entries[name].ino, top().Ino(name)) << name;
    }
  }
  EXPECT_EQ(top().Ino("d/.."), top().Ino("."));
}

// S-LIST-1
TEST_P(Listing, OfManyEntriesIsComplete) {
  MakeMany();
  const std::vector<std::string> names = top().Names("d");
  EXPECT_EQ(names.size(), static_cast<size_t>(kMany));
  EXPECT_TRUE((std::set<std::string>(names.begin(), names.end()) == All()));
  Remount();
  EXPECT_EQ(top().Names("d"), names);
}

// S-LIST-2
TEST_P(Listing, SurvivesDeletionsAndCreationsOnTheWay) {
  MakeMany();
  const Directory listing(opendir(top().Path("d").c_str()));
  std::multiset<std::string> seen;
  std::set<std::string> kept = All();
  std::set<std::string> moved;
  int count = 0;
  while (const dirent* const entry = readdir(listing.get())) {
    const std::string name = entry->d_name;
    seen.insert(name);
    if (!name.starts_with("a ") || moved.contains(name)) continue;  // readdir(3) may have fetched it before it went
    ++count;
    // What was shown goes, as rm -r does it; something not yet shown goes; something new comes; something changes its name away.
    ASSERT_EQ(top().Unlink("d/" + name), 0);
    kept.erase(name);
    if (count % 7 == 0) {
      ASSERT_EQ(top().Write("d/new " + std::to_string(count), ""), 0);
    }
    if (count % 11 == 0 && !kept.empty()) {
      const std::string gone = *kept.rbegin();
      if (!seen.contains(gone)) {
        ASSERT_EQ(top().Rename("d/" + gone, "gone " + std::to_string(count)), 0);
        kept.erase(gone);
        moved.insert(gone);
      }
    }
  }
  for (const std::string& name : seen) EXPECT_EQ(seen.count(name), 1U) << name;
  for (const std::string& name : kept) EXPECT_TRUE(seen.contains(name)) << "never shown, though there all the time: " << name;
  EXPECT_TRUE(kept.empty());
}

// S-LIST-2
TEST_P(Listing, CanBeEmptiedInOneGo) {
  MakeMany();
  EXPECT_EQ(RunCommand({"rm", "-r", top().Path("d")}).status, 0);
  EXPECT_FALSE(top().Exists("d"));
}

// S-LIST-3
TEST_P(Listing, TelldirAndSeekdirReturnToTheSamePlace) {
  MakeMany();
  const Directory listing(opendir(top().Path("d").c_str()));
  std::vector<std::pair<long, std::string>> marks;
  for (const dirent* entry = readdir(listing.get()); entry != nullptr; entry = readdir(listing.get())) {
    marks.emplace_back(telldir(listing.get()), entry->d_name);
  }
  ASSERT_EQ(marks.size(), static_cast<size_t>(kMany) + 2);
  ASSERT_EQ(top().Unlink("d/" + marks[100].second), 0);
  for (const size_t at : {size_t{1000}, size_t{3}, size_t{500}, size_t{98}}) {
    seekdir(listing.get(), marks[at].first);
    const dirent* const entry = readdir(listing.get());
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->d_name, marks[at + 1].second);
  }
  seekdir(listing.get(), marks[99].first);  // what came after is gone; POSIX lets it be shown until rewinddir(3)
  EXPECT_THAT(readdir(listing.get())->d_name, testing::AnyOf(marks[100].second, marks[101].second));
  rewinddir(listing.get());
  ASSERT_EQ(top().Write("d/zzz", ""), 0);
  bool found = false;
  while (const dirent* const entry = readdir(listing.get())) found = found || entry->d_name == std::string("zzz");
  EXPECT_TRUE(found);
}

// S-LIST-4
TEST_P(Listing, OffsetsAreTheSameAfterARemount) {
  MakeMany();
  const std::vector<DirEntry> before = top().Entries("d");
  Remount();
  const UniqueFd directory = top().Open("d", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(lseek(directory.get(), before[700].next, SEEK_SET), before[700].next);
  const std::vector<DirEntry> rest = ReadEntries(directory.get());
  ASSERT_EQ(rest.size(), before.size() - 701);
  EXPECT_EQ(rest.front().name, before[701].name);
  EXPECT_EQ(rest.front().next, before[701].next);
  EXPECT_EQ(rest.back().name, before.back().name);
}

// S-LIST-5
TEST_P(Listing, SeesChangesThroughTheKernelsCachesAtOnce) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i);
    EXPECT_FALSE(top().Exists("d/" + name));  // a negative entry
    ASSERT_EQ(top().Write("d/" + name, name), 0);
    EXPECT_THAT(top().Names("d"), ElementsAre(name));
    ASSERT_EQ(top().Rename("d/" + name, "d/x"), 0);
    EXPECT_THAT(top().Names("d"), ElementsAre("x"));
    EXPECT_FALSE(top().Exists("d/" + name));
    EXPECT_EQ(top().Read("d/x"), name);
    ASSERT_EQ(top().Unlink("d/x"), 0);
  }
}

// S-LIST-5
TEST_P(Listing, ShowsTheNewParentOfADirectoryThatWasMoved) {
  for (const char* const name : {"a", "b", "a/d", "b/e"}) ASSERT_EQ(top().Mkdir(name), 0);
  const auto parent_in = [&](const std::string& directory) -> uint64_t {
    const UniqueFd open = top().Open(directory, O_RDONLY | O_DIRECTORY);
    for (const DirEntry& entry : ReadEntries(open.get())) {
      if (entry.name == "..") return entry.ino;
    }
    return 0;
  };
  const auto turns_into = [&](const std::string& directory, const char* parent) {
    return Eventually([&] { return parent_in(directory) == top().Ino(parent); }, std::chrono::seconds(5));
  };
  EXPECT_EQ(parent_in("a/d"), top().Ino("a"));
  EXPECT_EQ(parent_in("b/e"), top().Ino("b"));
  ASSERT_EQ(top().Rename("a/d", "b/e", RENAME_EXCHANGE), 0);
  EXPECT_TRUE(turns_into("b/e", "b"));
  EXPECT_TRUE(turns_into("a/d", "a"));
  ASSERT_EQ(top().Rename("b/e", "e"), 0);
  EXPECT_TRUE(turns_into("e", "."));
}

// S-LIST-6
TEST_P(Listing, CountsSubdirectoriesInNlink) {
  EXPECT_EQ(top().Nlink("."), DirectoryNlink(2));  // the root of a new volume was listed when it was made
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("d/e"), 0);
  ASSERT_EQ(top().Mkdir("d/f"), 0);
  EXPECT_EQ(top().Nlink("d"), DirectoryNlink(4));
  ASSERT_EQ(top().Rename("d/e", "e"), 0);
  EXPECT_EQ(top().Nlink("d"), DirectoryNlink(3));
  EXPECT_EQ(top().Nlink("."), DirectoryNlink(4));
  ASSERT_EQ(top().Rename("e", "d/f"), 0);
  EXPECT_EQ(top().Nlink("d"), DirectoryNlink(3));
  ASSERT_EQ(top().Rmdir("d/f"), 0);
  EXPECT_EQ(top().Nlink("d"), DirectoryNlink(2));
}

// S-INO-1
TEST_P(ListingOfACatalog, InodeNumbersAreStableAndNeverReused) {
  std::map<std::string, uint64_t> numbers;
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (const char* const name : {"d", "d/a", "b", "c"}) {
    if (name != std::string("d")) {
      ASSERT_EQ(top().Write(name, ""), 0);
    }
    numbers[name] = top().Ino(name);
  }
  ASSERT_EQ(top().Unlink("c"), 0);
  Remount();
  EXPECT_EQ(top().Ino("d/a"), numbers["d/a"]);
  EXPECT_EQ(top().Ino("d"), numbers["d"]);
  EXPECT_EQ(top().Ino("b"), numbers["b"]);
  std::set<uint64_t> used;
  for (const auto& [name, number] : numbers) EXPECT_TRUE(used.insert(number).second);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(top().Write("new", ""), 0);
    EXPECT_TRUE(used.insert(top().Ino("new")).second);
    ASSERT_EQ(top().Unlink("new"), 0);
  }
}

// S-INO-2
TEST_P(Listing, FileHandlesOpenTheSameFileAfterARemountAndNoOther) {
  const auto handle_of = [&](const std::string& name) {
    std::vector<char> space(sizeof(file_handle) + MAX_HANDLE_SZ);
    auto* const handle = reinterpret_cast<file_handle*>(space.data());
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    EXPECT_EQ(Ended(name_to_handle_at(AT_FDCWD, top().Path(name).c_str(), handle, &mount, 0)), 0) << name;
    return space;
  };
  const auto open_handle = [&](std::vector<char>& space) {
    const UniqueFd root = top().Open(".", O_RDONLY | O_DIRECTORY);
    return UniqueFd(open_by_handle_at(root.get(), reinterpret_cast<file_handle*>(space.data()), O_RDONLY | O_CLOEXEC));
  };
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/a", "text"), 0);
  ASSERT_EQ(top().Write("gone", "gone"), 0);
  std::vector<char> kept = handle_of("d/a");
  std::vector<char> dead = handle_of("gone");
  Remount();
  ASSERT_EQ(top().Rename("d/a", "b"), 0);
  ASSERT_EQ(top().Unlink("gone"), 0);
  ASSERT_EQ(top().Write("gone", "another"), 0);
  const UniqueFd again = open_handle(kept);
  if (GetParam().is_mirror()) {
    EXPECT_EQ(Ended(again.get()), ESTALE);
  } else {
    EXPECT_EQ(ReadAll(again.get()), "text");
  }
  const UniqueFd opened = open_handle(dead);
  EXPECT_EQ(Ended(opened.get()), ESTALE);
}

}  // namespace
}  // namespace hardlinkfs
