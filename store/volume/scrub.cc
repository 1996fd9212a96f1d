// The rounds of a scrub: who is asked, what is counted, and when it ends. What is looked at is in the files that scrubber.h names.
#include "store/volume/scrub.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

constexpr unsigned kRounds = 20;         // what is not whole by then is not getting better
constexpr unsigned kRepairsOfOne = 3;    // a repair that has to be made again and again does not help
constexpr uint64_t kStepsToTell = 4096;  // between two calls of Progress
constexpr size_t kOpenDirectories = 64;

}  // namespace

const char* ScrubPassName(unsigned pass) {
  switch (pass) {
    case 1:
      return "records";
    case 2:
      return "names";
    case 3:
      return "directory structure";
    case 4:
      return "link counts";
    default:
      return "homes";
  }
}

std::vector<Capabilities> AllSpellings(size_t max_name_bytes) {
  std::vector<Capabilities> all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    Capabilities one;
    one.any_bytes_in_names = (bits & 1U) != 0;
    one.punctuation_in_names = (bits & 2U) != 0;
    one.trailing_dots_and_spaces = (bits & 4U) != 0;
    one.case_sensitive = (bits & 8U) != 0;
    one.max_name_bytes = max_name_bytes;
    all.push_back(one);
  }
  return all;
}

Result<ScrubSummary> Scrub(const ScrubTarget& target, ScrubListener& listener) { return Scrubber(target, listener).Run(); }

std::string Quoted(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      quoted.push_back(c);
    } else {
      quoted.append("\\x").push_back(kDigits[byte >> 4]);
      quoted.push_back(kDigits[byte & 15]);
    }
  }
  return quoted + "\"";
}

std::string Called(InodeId inode) { return inode == kHomesDirectory ? "homes" : "inode " + std::to_string(Raw(inode)); }

std::string Called(const Place& place) {
  return Quoted(place.name.bytes()) + " in " + (place.directory == kHomesDirectory ? "" : "directory ") + Called(place.directory);
}

Scrubber::Scrubber(const ScrubTarget& target, ScrubListener& listener)
    : target_(target), listener_(listener), backing_(target.backing), catalog_(target.catalog), engine_(target.catalog.engine()) {
  for (const Capabilities& capabilities : target.capabilities) codecs_.emplace_back(capabilities);
}

HomeDirectories& Scrubber::directories() {
  if (directories_ == nullptr) directories_ = std::make_unique<HomeDirectories>(backing_, catalog_, target_.homes, kOpenDirectories);
  return *directories_;
}

bool Scrubber::Report(Weight weight, std::string problem, std::string remedy) {
  if (weight == Weight::kNote) {
    // Later rounds would say the same again, or what was only so in between.
    if (round_ == 1) static_cast<void>(listener_.Found({pass_, weight, std::move(problem), {}}));
    return false;
  }
  const auto known = told_.find(std::hash<std::string>()(problem));
  const bool asked = known != told_.end();
  bool repair = !only_look_ && asked && known->second > 0 && known->second < kRepairsOfOne;
  if (!asked) {
    const size_t id = std::hash<std::string>()(problem);
    const Answer answer = listener_.Found({pass_, only_look_ ? Weight::kBeyond : weight, std::move(problem), std::move(remedy)});
    repair = answer == Answer::kRepair && weight != Weight::kBeyond && !only_look_;
    told_[id] = repair ? 1 : 0;
  } else if (repair) {
    ++known->second;
  }
  if (!repair) {
    ++summary_.left;
    return false;
  }
  ++summary_.repaired;
  return true;
}

// Before the first, the volume is marked: a session that finds this knows that records may have been lost, and takes what has none for
// somebody's secret.
Status Scrubber::Apply(Transaction& transaction) {
  if (!marked_) {
    meta_.clean = false;
    Transaction mark(catalog_);
    mark.PutMeta(meta_);
    if (Status committed = mark.Commit(); !committed.ok()) return committed;
    if (Status synced = catalog_.engine().Sync(); !synced.ok()) return synced;
    marked_ = true;
  }
  return transaction.Commit();
}

Status Scrubber::OrLater(Status status) {
  if (status.code() != EUCLEAN) return status;
  ++put_off_;
  return {};
}

Status Scrubber::Begin(unsigned pass, uint64_t total) {
  pass_ = pass;
  done_ = 0;
  total_ = std::max<uint64_t>(total, 1);
  return listener_.Progress(pass_, 0, total_) == Proceed::kGoOn ? Status() : Status(Error{ECANCELED, "scrub was stopped"});
}

Status Scrubber::Step() {
  if (++done_ % kStepsToTell != 0) return {};
  const uint64_t shown = std::min(done_, total_ - 1);
  return listener_.Progress(pass_, shown, total_) == Proceed::kGoOn ? Status() : Status(Error{ECANCELED, "scrub was stopped"});
}

Status Scrubber::End() {
  return listener_.Progress(pass_, total_, total_) == Proceed::kGoOn ? Status() : Status(Error{ECANCELED, "scrub was stopped"});
}

Status Scrubber::Round() {
  ++round_;
  repaired_before_round_ = summary_.repaired;
  put_off_ = 0;
  const uint64_t repaired = summary_.repaired;
  summary_ = {};
  summary_.repaired = repaired;
  if (Status checked = CheckRecords(); !checked.ok()) return checked;
  if (Status checked = CheckNames(); !checked.ok()) return checked;
  if (Status checked = CheckTree(); !checked.ok()) return checked;
  if (Status checked = CheckCounts(); !checked.ok()) return checked;
  if (Status checked = CheckHomes(); !checked.ok()) return checked;
  const bool stuck = put_off_ > 0 && summary_.repaired == repaired_before_round_;
  if (stuck) Report(Weight::kBeyond, "Something could not be looked at or repaired, for what else is damaged");
  return {};
}

Result<ScrubSummary> Scrubber::Run() {
  Status status;
  do {
    status = Round();
  } while (status.ok() && summary_.repaired > repaired_before_round_ && round_ < kRounds);
  if (summary_.repaired > 0) {
    const Status synced = catalog_.engine().Sync();
    if (status.ok() && !synced.ok()) status = synced;
  }
  summary_.stopped = status.code() == ECANCELED;
  if (!status.ok() && !summary_.stopped) return status.error();
  // Out of rounds: what was repaired last is not known to be whole.
  if (summary_.repaired > repaired_before_round_ && status.ok()) ++summary_.left;
  return summary_;
}

}  // namespace hardlinkfs
