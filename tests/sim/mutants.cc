// The table of the mutants, and the one that is chosen.
#include "tests/sim/mutants.h"

#include <atomic>

namespace hardlinkfs {
namespace {

constexpr int kNone = -1;
// The code that is tested has no way to be given it.
std::atomic<int> dropped_rule{kNone};

}  // namespace

bool Keeps(Rule rule) { return static_cast<int>(rule) != dropped_rule; }

void Drop(std::optional<Rule> rule) { dropped_rule = rule.has_value() ? static_cast<int>(*rule) : kNone; }

std::vector<Mutant> AllMutants() {
  return {
      {Rule::kIntentBeforeMove, "IntentBeforeMove", "S1: an intent is durable before its step on the backing"},
      {Rule::kIntentsResolved, "IntentsResolved", "S1: what an intent left half done is finished by the next mount"},
      {Rule::kTornIsFound, "TornIsFound", "S1: also where what was moved is shown by its short name alone (FAT)"},
      {Rule::kEntriesBeforeLog, "EntriesBeforeLog", "S2: the entries that a record relies on are durable before the log"},
      {Rule::kEntriesBeforePersist, "EntriesBeforePersist", "S2: and before the engine writes its memory out by itself"},
      {Rule::kOnlySyncedIsBelieved, "OnlySyncedIsBelieved", "S2: what lies in the log behind the last mark does not count"},
      {Rule::kContentsBeforeLog, "ContentsBeforeLog", "sync: the contents are durable before the log"},
      {Rule::kFreshListingKeepsApart, "FreshListingKeepsApart", "S2: in a directory whose first listing may be lost nothing is made"},
      {Rule::kMovesAreSynced, "MovesAreSynced", "S3: the directories of a move are durable before its intent is retired"},
      {Rule::kTargetBeforeSource, "TargetBeforeSource", "S3: its new name is durable right after a move, and before the old one goes"},
      {Rule::kMovedFileIsSynced, "MovedFileIsSynced", "S3: then a moved file is synced (vfat)"},
      {Rule::kMovedDirectoryIsSynced, "MovedDirectoryIsSynced", "S3: or a moved directory"},
      {Rule::kEntriesApart, "EntriesApart", "S3: no sync writes both entries of a move at once (FAT)"},
      {Rule::kAlikeApart, "AlikeApart", "S3: of two that look alike, one is gone for good before the other is moved (FAT)"},
      {Rule::kLeftPlaceIsTaken, "LeftPlaceIsTaken", "S3: the place that was left is taken until the retired intent is durable"},
      {Rule::kDeletionBeforeRemoval, "DeletionBeforeRemoval", "S4: a deletion is durable before the content is removed"},
      {Rule::kHomeIsTaken, "HomeIsTaken", "S4: a place is not used again while its home is there"},
      {Rule::kRemovalIsSynced, "RemovalIsSynced", "S4: a content that was removed does not come back"},
      {Rule::kCommitsDoNotSync, "CommitsDoNotSync", "S5: link, unlink, rename and create never sync"},
      {Rule::kFailedSyncIsFinal, "FailedSyncIsFinal", "S6: a failed sync is never tried again as if it had succeeded"},
      {Rule::kTakeoversBeforeLog, "TakeoversBeforeLog", "S7: what took over a name is durable before the log"},
      {Rule::kTakeoversBeforePersist, "TakeoversBeforePersist", "S7: and before the engine writes its memory out by itself"},
      {Rule::kGatesAreClosed, "GatesAreClosed", "S7: nothing is committed between that and the mark"},
      {Rule::kStrangersArePrivate, "StrangersArePrivate", "what lost its record in a crash is nobody else's to read"},
      {Rule::kRescuedIsPrivate, "RescuedIsPrivate", "what is found in homes/ is nobody else's to read"},
      {Rule::kAbandonedIsDistrusted, "AbandonedIsDistrusted", "what is left without a record is nobody else's to read"},
      {Rule::kContentIsNeverThrownAway, "ContentIsNeverThrownAway", "a content found in homes/ is kept"},
  };
}

}  // namespace hardlinkfs
