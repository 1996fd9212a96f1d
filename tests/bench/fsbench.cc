// fsbench: how many of each filesystem operation a second one folder sustains, as JSON (rates a second; MiB/s for sequential data).
// It knows nothing of hardlinkfs: the same run on another filesystem is the comparison. tests/bench/run does that.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBlock = 1U << 20;
constexpr size_t kPage = 4096;

struct Settings {
  std::string directory;
  size_t count = 4000;      // entries a thread
  double seconds = 3;       // after which a phase stops early
  size_t threads = 1;       // each in a folder of its own
  size_t mebibytes = 256;   // of the data file
  std::string random_file;  // of that size, for the random phases; empty: the one that was written
  size_t random_ops = 8000;
};

[[noreturn]] void Die(const std::string& what) {
  std::cerr << "fsbench: " << what << ": " << std::strerror(errno) << '\n';
  std::exit(1);
}

void Check(bool good, const std::string& what) {
  if (!good) Die(what);
}

// The kernel forgets names and inodes (2), or file contents as well (3), so that the next phase asks the filesystem.
void DropCaches(char level) {
  const int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, &level, 1) != 1) std::cerr << "fsbench: cannot drop caches: what is called cold is warm\n";
  if (fd >= 0) close(fd);
}

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string NameOf(char kind, size_t number) { return kind + std::to_string(1000000 + number); }

// One thread's folder, and how many entries of each kind its phases have made so far.
struct Worker {
  int directory = -1;
  size_t files = 0, links = 0, renamed = 0, directories = 0;
};

class MetadataBench {
 public:
  MetadataBench(const Settings& settings, nlohmann::ordered_json& results)
      : settings_(settings), results_(results), workers_(settings.threads) {
    for (size_t i = 0; i < workers_.size(); ++i) {
      const std::string path = settings.directory + "/" + NameOf('t', i);
      Check(mkdir(path.c_str(), 0755) == 0, "mkdir " + path);
      workers_[i].directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      Check(workers_[i].directory >= 0, "open " + path);
    }
  }
  ~MetadataBench() {
    for (size_t i = 0; i < workers_.size(); ++i) {
      close(workers_[i].directory);
      rmdir((settings_.directory + "/" + NameOf('t', i)).c_str());
    }
  }
  MetadataBench(const MetadataBench&) = delete;
  MetadataBench& operator=(const MetadataBench&) = delete;

  void Run() {
    Measure("create", &Create);
    DropCaches('2');
    Measure("stat (cold)", &Stat);
    DropCaches('2');
    MeasureListing();
    // A filesystem without links, as the bare backing, has no such rates.
    const bool has_links = HasLinks();
    if (has_links) Measure("link", &Link);
    Measure("rename", &Rename);
    if (has_links) Measure("unlink of one name", &UnlinkLink);
    CleanUp([](Worker& w, size_t i) { return i < w.links && unlinkat(w.directory, NameOf('l', i).c_str(), 0) == 0; });
    Measure("unlink of the last name", &UnlinkLast);
    CleanUp([](Worker& w, size_t i) { return i < w.files && unlinkat(w.directory, NameOf(i < w.renamed ? 'r' : 'f', i).c_str(), 0) == 0; });
    Measure("mkdir", &MakeDirectory);
    Measure("rmdir", &RemoveDirectory);
    CleanUp([](Worker& w, size_t i) { return i < w.directories && unlinkat(w.directory, NameOf('d', i).c_str(), AT_REMOVEDIR) == 0; });
  }

 private:
  // One operation on entry `number`; false once there is no such entry.
  using Operation = bool (*)(Worker& worker, size_t number);

  static bool Create(Worker& w, size_t i) {
    const int fd = openat(w.directory, NameOf('f', i).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    Check(fd >= 0, "create");
    close(fd);
    w.files = i + 1;
    return true;
  }
  static bool Stat(Worker& w, size_t i) {
    struct stat out;
    if (i >= w.files) return false;
    Check(fstatat(w.directory, NameOf('f', i).c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0, "stat");
    return true;
  }
  static bool Link(Worker& w, size_t i) {
    if (i >= w.files) return false;
    Check(linkat(w.directory, NameOf('f', i).c_str(), w.directory, NameOf('l', i).c_str(), 0) == 0, "link");
    w.links = i + 1;
    return true;
  }
  static bool Rename(Worker& w, size_t i) {
    if (i >= w.files) return false;
    Check(renameat(w.directory, NameOf('f', i).c_str(), w.directory, NameOf('r', i).c_str()) == 0, "rename");
    w.renamed = i + 1;
    return true;
  }
  static bool UnlinkLink(Worker& w, size_t i) {
    if (i >= w.links) return false;
    Check(unlinkat(w.directory, NameOf('l', i).c_str(), 0) == 0, "unlink");
    return true;
  }
  static bool UnlinkLast(Worker& w, size_t i) {
    if (i >= w.renamed) return false;
    Check(unlinkat(w.directory, NameOf('r', i).c_str(), 0) == 0, "unlink");
    return true;
  }
  static bool MakeDirectory(Worker& w, size_t i) {
    Check(mkdirat(w.directory, NameOf('d', i).c_str(), 0755) == 0, "mkdir");
    w.directories = i + 1;
    return true;
  }
  static bool RemoveDirectory(Worker& w, size_t i) {
    if (i >= w.directories) return false;
    Check(unlinkat(w.directory, NameOf('d', i).c_str(), AT_REMOVEDIR) == 0, "rmdir");
    return true;
  }

  bool HasLinks() const {
    const int at = workers_[0].directory;
    if (linkat(at, NameOf('f', 0).c_str(), at, "probe", 0) != 0) return false;
    return unlinkat(at, "probe", 0) == 0;
  }

  void InThreads(const std::function<void(Worker&)>& work) {
    std::vector<std::thread> threads;
    for (Worker& worker : workers_) threads.emplace_back(work, std::ref(worker));
    for (std::thread& thread : threads) thread.join();
  }

  void Measure(const char* name, Operation operation) {
    std::atomic<size_t> done = 0;
    const auto start = Clock::now();
    InThreads([&](Worker& worker) {
      size_t i = 0;
      while (i < settings_.count && operation(worker, i)) {
        if (++i % 16 == 0 && SecondsSince(start) > settings_.seconds) break;
      }
      done += i;
    });
    results_[name] = static_cast<double>(done) / SecondsSince(start);
  }

  // What ls -l does: every entry is read, then asked for its attributes.
  void MeasureListing() {
    std::atomic<size_t> done = 0;
    const auto start = Clock::now();
    InThreads([&](Worker& worker) {
      DIR* stream = fdopendir(openat(worker.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      Check(stream != nullptr, "opendir");
      std::vector<std::string> names;
      while (const dirent* entry = readdir(stream)) names.emplace_back(entry->d_name);
      closedir(stream);
      for (const std::string& name : names) {
        struct stat out;
        Check(fstatat(worker.directory, name.c_str(), &out, AT_SYMLINK_NOFOLLOW) == 0, "stat");
      }
      done += names.size();
    });
    results_["ls -l (cold), entries"] = static_cast<double>(done) / SecondsSince(start);
  }

  // Takes away what a phase that stopped early has left; not measured.
  void CleanUp(Operation remove) {
    for (Worker& worker : workers_) {
      for (size_t i = 0; i < settings_.count; ++i) (void)remove(worker, i);
    }
  }

  const Settings& settings_;
  nlohmann::ordered_json& results_;
  std::vector<Worker> workers_;
};

class DataBench {
 public:
  DataBench(const Settings& settings, nlohmann::ordered_json& results)
      : settings_(settings), results_(results), path_(settings.directory + "/data"), buffer_(kBlock, 'x') {}

  void Run() {
    const double size = static_cast<double>(settings_.mebibytes);
    int fd = open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
    Check(fd >= 0, "open");
    results_["write, MiB"] = size / Time([&] {
                               for (size_t i = 0; i < settings_.mebibytes; ++i) Check(write(fd, buffer_.data(), kBlock) == kBlock, "write");
                               Check(fsync(fd) == 0, "fsync");
                             });
    DropCaches('3');
    results_["read, MiB"] = size / Time([&] {
                              for (size_t i = 0; i < settings_.mebibytes; ++i)
                                Check(pread(fd, buffer_.data(), kBlock, At(i, kBlock)) == kBlock, "read");
                            });
    const std::string random_path = settings_.random_file.empty() ? path_ : settings_.random_file;
    close(fd);
    fd = open(random_path.c_str(), O_RDWR | O_CLOEXEC);
    Check(fd >= 0, "open " + random_path);
    const double count = static_cast<double>(settings_.random_ops);
    results_["random write 4K"] = count / Time([&] {
                                    AtRandom([&](off_t at) { Check(pwrite(fd, buffer_.data(), kPage, at) == kPage, "write"); });
                                    Check(fsync(fd) == 0, "fsync");
                                  });
    // A descriptor opened anew: what a filesystem keeps for the written one shall not help.
    close(fd);
    DropCaches('3');
    fd = open(random_path.c_str(), O_RDONLY | O_CLOEXEC);
    Check(fd >= 0, "open");
    results_["random read 4K"] =
        count / Time([&] { AtRandom([&](off_t at) { Check(pread(fd, buffer_.data(), kPage, at) == kPage, "read"); }); });
    close(fd);
    Check(unlink(path_.c_str()) == 0, "unlink");
  }

 private:
  static off_t At(size_t number, size_t unit) { return static_cast<off_t>(number * unit); }

  static double Time(const std::function<void()>& work) {
    const auto start = Clock::now();
    work();
    return SecondsSince(start);
  }

  // The same places on every filesystem.
  void AtRandom(const std::function<void(off_t)>& work) const {
    std::mt19937_64 random(1);
    for (size_t i = 0; i < settings_.random_ops; ++i) work(At(random() % (settings_.mebibytes * (kBlock / kPage)), kPage));
  }

  const Settings& settings_;
  nlohmann::ordered_json& results_;
  const std::string path_;
  std::vector<char> buffer_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Measures filesystem operations in a folder; prints JSON.", "fsbench");
  app.add_option("DIR", settings.directory, "an empty folder on the filesystem to measure")->required()->check(CLI::ExistingDirectory);
  app.add_option("--count", settings.count, "files a thread")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "a metadata phase ends after this, done or not")->capture_default_str();
  app.add_option("--threads", settings.threads, "threads of the metadata phases, each in its own folder")->capture_default_str();
  app.add_option("--size", settings.mebibytes, "MiB of the data file; 0: no data phases")->capture_default_str();
  app.add_option("--random-file", settings.random_file, "a file of --size MiB for the random phases (default: one just written)");
  app.add_option("--random", settings.random_ops, "4 KiB reads and writes at random places")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  nlohmann::ordered_json results;
  MetadataBench(settings, results).Run();
  if (settings.mebibytes > 0) DataBench(settings, results).Run();
  std::cout << results.dump(2) << '\n';
  return 0;
}
