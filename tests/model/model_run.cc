// Choices, comparisons and remounts of a ModelRun.
#include "tests/model/model_run.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "store/backing/private_area.h"
#include "tests/model/invariants.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kMaxLinks = 6;
constexpr int kFault = EREMOTEIO;   // what no operation fails with by itself
constexpr size_t kMostNodes = 120;  // more only make a run slow

// Names that clash, are refused, look like spellings, or are at the limit.
const std::vector<std::string>& Names() {
  static const std::vector<std::string> kNames = {"a",
                                                  "A",
                                                  "b",
                                                  "B",
                                                  "c",
                                                  "d",
                                                  "e",
                                                  "f",
                                                  "\xc3\xa9",
                                                  "\xc3\x89",
                                                  "x:y",
                                                  "x%3Ay",
                                                  "con",
                                                  "dot.",
                                                  "dot",
                                                  "space ",
                                                  "\xff\xfe",
                                                  ".hardlinkfs",
                                                  "A%",
                                                  "x?",
                                                  "%41",
                                                  "lost+found",
                                                  std::string(255, 'n'),
                                                  std::string(254, 'n') + "N"};
  return kNames;
}

std::string Show(Timestamp time) { return std::to_string(time.seconds) + "." + std::to_string(time.nanoseconds); }

// Most names to a chain, to go along chains with tombstones; never more than a chain can hold.
uint64_t CollidingHash(std::string_view name, uint64_t /*seed*/) { return ((HashName(name, 0) & 7U) + 1) << 8; }

MachineOptions WithModelOptions(MachineOptions options) {
  LoadedPolicy loaded = *options.vfs.policy;
  loaded.policy.links.max_links.all = kMaxLinks;
  options.vfs.policy = std::make_shared<const LoadedPolicy>(std::move(loaded));
  options.vfs.atime = Atime::kNever;
  options.hash = CollidingHash;
  return options;
}

}  // namespace

ModelRun::ModelRun(const MachineOptions& options, TraceSink trace)
    : machine_(WithModelOptions(options)), tree_(kMaxLinks), trace_(std::move(trace)) {
  Begin();
  if (!machine_.vfs().OpenDirectory(kRootInode).ok()) Fail("the root does not open");
  const auto root = machine_.vfs().GetAttributes(kRootInode);
  if (!root.ok()) Fail("no root");
  ReferenceNode& node = *tree_.root();
  node.mode = root->mode;
  node.uid = root->uid;
  node.gid = root->gid;
  node.atime = root->atime;
  node.mtime = root->mtime;
  node.ctime = root->ctime;
}

void ModelRun::Begin() {
  failed_tidying_ = false;
  if (const Status opened = machine_.Open(); !opened.ok()) Fail(std::string("the volume does not open: ") + opened.error().what);
}

void ModelRun::Fail(const std::string& what) const { throw Difference{what}; }

void ModelRun::Trace(const std::string& what) {
  if (trace_) trace_(what);
}

bool ModelRun::FailedAsOrdered(int actual) {
  // Whatever fails a sync with, it is EIO or EROFS from then on.
  const bool as_ordered =
      fault_ordered_ && (actual == kFault || ((actual == EIO || actual == EROFS) && !machine_.volume().Writable().ok()));
  if (as_ordered) Trace("  failed as ordered");
  return as_ordered;
}

bool ModelRun::Agree(int actual, const std::function<int()>& expected) {
  if (FailedAsOrdered(actual)) return false;
  return Agree(actual, expected());
}

void ModelRun::OrderFault() {
  fault_ordered_ = true;
  if (dice_.Chance(30)) {
    machine_.engine().FailCommits(kFault, 1);
    Trace("(the next commit fails)");
    return;
  }
  const uint64_t call = 1 + dice_.Below(dice_.Chance(50) ? 6 : 30);
  machine_.backing().FailNth(std::nullopt, call, kFault);
  Trace("(call " + std::to_string(call) + " of the backing fails)");
}

void ModelRun::CancelFault() {
  fault_ordered_ = false;
  machine_.engine().FailCommits(0, 0);
  machine_.backing().FailNth(std::nullopt, 0, 0);
}

bool ModelRun::Agree(int actual, int expected) {
  if (FailedAsOrdered(actual)) return false;
  if (actual != expected) Fail(std::string("ends with ") + std::strerror(actual) + ", expected was " + std::strerror(expected));
  return actual == 0;
}

void ModelRun::Operate(uint64_t number) {
  dice_ = Dice(number);
  // From within one tick of the clock to several seconds.
  const int64_t steps[] = {0, 1, 1'000, 3'000'000, 400'000'000, 2'500'000'000};
  machine_.clock().Advance(std::chrono::nanoseconds(steps[dice_.Below(6)]));
  unsigned total = 0;
  for (const Weighted& weighted : Operations()) total += weighted.weight;
  uint64_t choice = dice_.Below(total);
  for (const Weighted& weighted : Operations()) {
    if (choice >= weighted.weight) {
      choice -= weighted.weight;
      continue;
    }
    if (weighted.faults == Faults::kMay && dice_.Chance(5)) OrderFault();
    (this->*weighted.operation)();
    CancelFault();
    // What failed was a sync.
    if (!machine_.volume().Writable().ok()) KillAndRemount();
    return;
  }
}

ReferenceNode& ModelRun::PickDirectory() {
  std::vector<ReferenceNode*> directories;
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.is_directory() && (node.nlink > 0 || (node.is_held() && dice_.Chance(30)))) directories.push_back(&node);
  }
  return *dice_.Pick(directories);
}

ReferenceNode& ModelRun::PickNode() {
  std::vector<ReferenceNode*> nodes;
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.is_alive() && Raw(node.inode) != 0) nodes.push_back(&node);
  }
  return *dice_.Pick(nodes);
}

std::string ModelRun::PickName(const ReferenceNode& directory, unsigned percent_existing) {
  size_t alive = 0;
  for (const ReferenceNode& node : tree_.nodes()) alive += node.is_alive() ? 1 : 0;
  if (alive > kMostNodes) percent_existing = 95;
  if (directory.names.empty() || !dice_.Chance(percent_existing)) return dice_.Pick(Names());
  auto name = directory.names.begin();
  std::advance(name, dice_.Below(directory.names.size()));
  return name->first;
}

ReferenceCaller ModelRun::PickCaller() {
  if (dice_.Chance(50)) return {};
  return {.uid = 1000, .gid = 1000, .umask = 022};
}

Caller ModelRun::ToCaller(const ReferenceCaller& caller) {
  return {.uid = caller.uid, .gid = caller.gid, .pid = 1, .umask = caller.umask, .groups = {}};
}

void ModelRun::ExpectAttributes(const ReferenceNode& node, const Attributes& attributes, const std::string& where) {
  std::string wrong;
  const auto expect = [&](const char* what, const auto& actual, const auto& expected) {
    if (actual != expected)
      wrong += std::string(" ") + what + " is " + std::to_string(actual) + ", expected was " + std::to_string(expected) + ";";
  };
  expect("inode", Raw(attributes.inode), Raw(node.inode));
  expect("type", static_cast<int>(attributes.type), static_cast<int>(node.type));
  expect("mode", attributes.mode, node.mode);
  expect("uid", attributes.uid, node.uid);
  expect("gid", attributes.gid, node.gid);
  expect("nlink", attributes.nlink, node.nlink);
  expect("rdev", attributes.rdev, node.rdev);
  if (node.type == FileType::kRegular) expect("size", attributes.size, node.content.size());
  if (node.type == FileType::kSymlink) expect("size", attributes.size, node.target.size());
  for (const auto& [what, actual, expected] : {std::tuple("atime", attributes.atime, node.atime),
                                               {"mtime", attributes.mtime, node.mtime},
                                               {"ctime", attributes.ctime, node.ctime}}) {
    if (actual != expected)
      wrong += std::string(" ") + what + " is " + hardlinkfs::Show(actual) + ", expected was " + hardlinkfs::Show(expected) + ";";
  }
  if (!wrong.empty()) Fail(where + " " + Show(node) + ":" + wrong);
}

void ModelRun::CompareNode(ReferenceNode& node, const std::string& path) {
  const auto attributes = machine_.vfs().GetAttributes(node.inode);
  if (!attributes.ok()) Fail(path + " has no attributes: " + attributes.error().what);
  node.unseen_write = false;
  ExpectAttributes(node, *attributes, path);
  CompareXattrs(node, path);
  if (node.type == FileType::kSymlink) {
    const auto target = machine_.vfs().ReadLink(node.inode);
    if (!target.ok() || *target != node.target) Fail(path + " has another target");
  }
  if (node.type == FileType::kRegular) CompareContent(node, path);
}

void ModelRun::CompareXattrs(const ReferenceNode& node, const std::string& path) {
  const auto names = machine_.vfs().ListXattrs(Caller{}, node.inode);
  if (!names.ok() || names->size() != node.xattrs.size()) Fail(path + " has other xattrs");
  for (const auto& [name, expected] : node.xattrs) {
    const auto value = machine_.vfs().GetXattr(node.inode, name);
    if (!value.ok() || *value != expected) Fail(path + " has another " + name);
  }
}

void ModelRun::CompareContent(ReferenceNode& node, const std::string& path) {
  const bool was_open = !node.handles.empty();
  if (!was_open && !machine_.vfs().Open({}, node.inode, O_RDONLY).ok()) Fail(path + " does not open");
  std::string content(node.content.size() + 10, '\0');
  const auto got = machine_.vfs().Read(node.inode, content, 0);
  if (!was_open) machine_.vfs().Release(node.inode, O_RDONLY);
  if (!got.ok() || *got != node.content.size() || content.compare(0, *got, node.content) != 0) Fail(path + " has another content");
}

void ModelRun::CompareDirectory(ReferenceNode& directory, const std::string& path) {
  std::map<std::string, InodeId> shown;
  const ListingMode mode = ++compared_ % 2 == 0 ? ListingMode::kNames : ListingMode::kNamesAndAttributes;
  DirectoryStream stream;
  uint64_t offset = 0;
  for (bool more = true; more;) {
    more = false;
    size_t taken = 0;
    // In pieces, as a kernel with a small buffer asks for it.
    const Status listed = machine_.vfs().ReadDirectory(directory.inode, stream, offset, mode, [&](const DirectoryEntry& entry) {
      if (++taken > 3) {
        more = true;
        return false;
      }
      offset = entry.next_offset;
      if (entry.name == "." || entry.name == "..") return true;
      if (!shown.emplace(entry.name, InodeId{entry.number}).second) Fail(path + " lists " + std::string(entry.name) + " twice");
      ReferenceNode* child = ReferenceTree::Find(directory, std::string(entry.name));
      if (child == nullptr) Fail(path + " lists " + std::string(entry.name) + ", which is not there");
      if (entry.type != child->type) Fail(path + " lists another type of " + std::string(entry.name));
      if (mode == ListingMode::kNamesAndAttributes && entry.attributes.has_value()) {
        ++child->lookups;
        ExpectAttributes(*child, *entry.attributes, path + " listed");
      }
      return true;
    });
    if (!listed.ok()) Fail(path + " cannot be listed: " + listed.error().what);
  }
  for (const auto& [name, child] : directory.names) {
    const auto entry = shown.find(name);
    if (entry == shown.end()) Fail(path + " does not list " + name);
    if (entry->second != child->inode) Fail(path + " lists another inode of " + name);
    const auto found = machine_.vfs().Lookup(directory.inode, name);
    if (!found.ok()) Fail(path + " does not find " + name);
    ++child->lookups;
    ExpectAttributes(*child, *found, path + " looked up");
    // One of the two is enough, and the other one has to be asked for some time too.
    if (compared_ % 3 == 0) {
      machine_.vfs().Forget(child->inode, 1);
      --child->lookups;
    }
  }
}

void ModelRun::Compare() {
  std::set<ReferenceNode*> unnamed;
  for (ReferenceNode& node : tree_.nodes()) {
    if (!node.is_alive()) continue;
    const std::string path = Show(node);
    if (node.is_directory()) CompareDirectory(node, path);
    if (Raw(node.inode) != 0) CompareNode(node, path);
  }
  CheckInvariants(static_cast<int>(Moment::kRunning));
}

void ModelRun::CheckInvariants(int moment) {
  auto broken = BrokenInvariants(machine_, static_cast<Moment>(moment));
  if (failed_tidying_)
    std::erase_if(broken, [](const std::string& line) { return line.find(" was being moved from ") != std::string::npos; });
  if (broken.empty()) return;
  std::string all;
  for (const std::string& line : broken) all += "\n    " + line;
  Fail("invariants:" + all);
}

// What somebody sees who reads the backing by itself.
void ModelRun::CompareBackingContents() {
  for (const ReferenceNode& node : tree_.nodes()) {
    if (node.type != FileType::kRegular || node.nlink == 0 || Raw(node.inode) == 0) continue;
    const auto content = machine_.volume().OpenContent(node.inode);
    if (!content.ok()) Fail("no content of " + Show(node));
    std::string bytes(node.content.size() + 1, '\0');
    const auto got = (*content)->Read(bytes, 0);
    if (!got.ok() || bytes.substr(0, *got) != node.content) Fail("another content on the backing: " + Show(node));
  }
}

void ModelRun::RemountClean() {
  // The kernel lets go of everything before umount, or it does not (abort).
  const bool lets_go = dice_.Chance(70);
  Trace(lets_go ? "umount and mount" : "abort, umount and mount");
  for (ReferenceNode& node : tree_.nodes()) {
    if (!lets_go) break;
    for (const int flags : node.handles) machine_.vfs().Release(node.inode, flags);
    if (!node.handles.empty()) node.unseen_write = false;
    if (node.lookups > 0) machine_.vfs().Forget(node.inode, node.lookups);
  }
  tree_.ForgetAll();
  if (const Status stopped = machine_.Stop(); !stopped.ok()) Fail(std::string("stop fails: ") + stopped.error().what);
  CheckInvariants(static_cast<int>(Moment::kStopped));
  CompareBackingContents();
  const auto files = BareHomes(FileType::kRegular);
  const auto directories = BareHomes(FileType::kDirectory);
  machine_.Kill();
  if (dice_.Chance(50)) EditBare(files, directories);
  Begin();
  TouchAll();
  TakeOverTimes();
  Compare();
}

void ModelRun::KillAndRemount() {
  Trace("kill -9 and mount");
  tree_.ForgetAll();
  if (dice_.Chance(30)) {
    // While it was about to stop.
    OrderFault();
    static_cast<void>(machine_.Stop());
    CancelFault();
  }
  machine_.Kill();
  if (dice_.Chance(20)) {
    OrderFault();
    static_cast<void>(machine_.Open());
    CancelFault();
    machine_.Kill();
  }
  Begin();
  TakeOverTimes();
  Compare();
}

// Only the server that died knew when exactly a file was written; the backing knows it as well as it can.
void ModelRun::TakeOverTimes() {
  const auto tick = machine_.capabilities().time_granularity;
  for (ReferenceNode& node : tree_.nodes()) {
    if (!node.unseen_write || node.nlink == 0 || Raw(node.inode) == 0) continue;
    node.unseen_write = false;
    const auto attributes = machine_.vfs().GetAttributes(node.inode);
    if (!attributes.ok()) Fail(Show(node) + " was lost");
    if (Plus(attributes->mtime, tick) < node.mtime && attributes->mtime < Minus(node.mtime, tick)) {
      Fail(Show(node) + " is older than its last write: " + hardlinkfs::Show(attributes->mtime) + " " + hardlinkfs::Show(node.mtime));
    }
    node.mtime = attributes->mtime;
    node.ctime = attributes->ctime;
  }
}

}  // namespace hardlinkfs
