// The rules of docs/crash-consistency.md whose keeping is a step of its own in the code. A build with HARDLINKFS_MUTANTS can leave out any
// one of these steps ("mutant"), so that tests/sim can show that it would notice. In every other build Keeps is the constant true.
#ifndef HARDLINKFS_STORE_BASE_RULES_H_
#define HARDLINKFS_STORE_BASE_RULES_H_

namespace hardlinkfs {

enum class Rule {
  // S1
  kIntentBeforeMove,  // the intents of a batch of moves are durable before the first of them
  kIntentsResolved,   // an intent that is found at the beginning of a session is resolved before anything else
  kTornIsFound,       // ... also where the entry that it was to leave has lost its long name
  // S2
  kEntriesBeforeLog,        // new and moved entries of the backing are durable before the log
  kEntriesBeforePersist,    // ... and before the engine writes its memory out by itself
  kOnlySyncedIsBelieved,    // what lies in the log behind the last sync does not count
  kContentsBeforeLog,       // a sync of everything makes the contents durable before the log
  kFreshListingKeepsApart,  // nothing is made in a directory while its first listing may be lost
  // S3
  kMovesAreSynced,          // the directories of a move are durable before its intent is gone
  kTargetBeforeSource,      // ... the one that it went to right after the move
  kMovedFileIsSynced,       // ... and then the moved file
  kMovedDirectoryIsSynced,  // ... or the moved directory, also for its ".."
  kEntriesApart,            // where one sync could write both entries of a move, it goes by homes/
  kAlikeApart,              // of two that look alike, one has left its place for good before the other is moved
  kLeftPlaceIsTaken,        // the place that was left is taken until the end of the intent is durable
  // S4
  kDeletionBeforeRemoval,  // a deletion is durable before the content is removed
  kHomeIsTaken,            // a place is taken as long as its home is there
  kRemovalIsSynced,        // a removed content does not come back
  // S5
  kCommitsDoNotSync,  // link, unlink, rename and create do not sync
  // S6
  kFailedSyncIsFinal,  // a failed sync is not tried again as if it had succeeded
  // S7
  kTakeoversBeforeLog,      // what took over a name is durable before the log
  kTakeoversBeforePersist,  // ... and before the engine writes its memory out by itself
  kGatesAreClosed,          // no commit gets in between that and the mark in the log
  // What lost its record
  kStrangersArePrivate,      // after a crash what has no record is adopted as the keeper's own
  kRescuedIsPrivate,         // so is what is found in homes/
  kAbandonedIsDistrusted,    // where something is left without a record on purpose, that is noted first
  kContentIsNeverThrownAway  // what is found in homes/ and not empty is kept
};

#ifdef HARDLINKFS_MUTANTS
// RETURNS: whether the step is made. One test's process drops one rule at a time: tests/sim/mutants.h.
bool Keeps(Rule rule);
#else
constexpr bool Keeps(Rule) { return true; }
#endif

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_RULES_H_
