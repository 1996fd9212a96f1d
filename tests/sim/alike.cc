#include "tests/sim/alike.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <random>

#include "tests/sim/sim_kinds.h"

namespace hardlinkfs {
namespace {

constexpr std::array kDirectories{"first", "second", "third"};
constexpr char kInside[] = "inside";

// They lie where an earlier name says, and have to be moved.
bool MakeDirectories(Machine& machine) {
  for (const std::string name : kDirectories) {
    const std::string earlier = "was " + name;
    const auto directory = machine.vfs().MakeNode({}, kRootInode, earlier, {.type = FileType::kDirectory, .mode = 0700});
    if (!directory.ok()) return false;
    const auto file = machine.vfs().Create({}, directory->inode, kInside, 0600, O_RDWR);
    if (!file.ok() || !machine.vfs().Write(file->attributes.inode, name, 0, false).ok()) return false;
    machine.vfs().Release(file->attributes.inode, O_RDWR);
    if (!machine.vfs().Rename({}, kRootInode, earlier, kRootInode, name, RenameMode::kReplace).ok()) return false;
  }
  return machine.vfs().SyncAll().ok();
}

std::string MissingIn(Machine& machine) {
  for (const std::string name : kDirectories) {
    const auto directory = machine.vfs().Lookup(kRootInode, name);
    if (!directory.ok()) return name + " is missing";
    const auto file = machine.vfs().Lookup(directory->inode, kInside);
    if (!file.ok() || !machine.vfs().Open({}, file->inode, O_RDONLY).ok()) return name + "/" + kInside + " is missing";
    std::string bytes(name.size() + 1, '.');
    const auto got = machine.vfs().Read(file->inode, bytes, 0);
    machine.vfs().Release(file->inode, O_RDONLY);
    if (!got.ok() || bytes.substr(0, *got) != name) return name + "/" + kInside + " has the content of another";
  }
  return {};
}

}  // namespace

std::string WhatIsLostOfAlikeDirectories(uint64_t seed) {
  std::mt19937_64 dice(seed);
  for (uint64_t steps = 0;; ++steps) {
    Machine machine(FatNamesKind().options);
    machine.backing().SyncEverything();
    if (!machine.Open().ok() || !MakeDirectories(machine)) return "the volume cannot be made";
    uint64_t made = 0;
    machine.backing().SetFaultHook([&](BackingCall, const std::string&) { return made++ < steps ? 0 : EIO; });
    // By homes/ and on, since both names are in one directory.
    for (int batch = 0; batch < 2; ++batch) static_cast<void>(machine.volume().SettleSome(kDirectories.size()));
    const bool settled = made <= steps;
    machine.backing().SetFaultHook({});
    machine.Kill();
    machine.engine().ForgetUnsynced();
    machine.backing().CutPower([&dice](uint64_t n) { return dice() % n; });
    machine.clock().Advance(std::chrono::seconds(60));
    if (!machine.Open().ok()) return "the volume does not open again";
    if (const std::string missing = MissingIn(machine); !missing.empty()) {
      return missing + ", after " + std::to_string(steps) + " steps of the settler, seed " + std::to_string(seed);
    }
    if (settled) return {};
  }
}

}  // namespace hardlinkfs
