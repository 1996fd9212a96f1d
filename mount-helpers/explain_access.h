// Whether the explained caller may search, read or write an inode: policy/access.h, and what is around it in a real system: who mounted a
// FUSE filesystem for himself, servers that decide by themselves, user namespaces, ACLs that could not be read.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ACCESS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ACCESS_H_

#include <string>

#include "mount-helpers/explain_checks.h"
#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

struct AccessAnswer {
  Outcome outcome = Outcome::kPass;
  std::string reason;
  std::string cure;
};

// Who is asked: a FUSE server behind the kernel too, or the kernel alone, which lets through all that such a server is to decide.
enum class AccessOf { kKernelAndServer, kKernel };

// `wanted` is kMay…, joined by |. A read-only filesystem and flags do not count here.
AccessAnswer AskAccess(const ExplainFacts& facts, const ExplainedInode& inode, unsigned wanted, AccessOf asked);

// RETURNS: the caller, with his privilege as far as it holds over `inode`: none where its owner or group has no number in his user
// namespace.
Caller CallerOver(const ExplainFacts& facts, const Attributes& inode);

// RETURNS: whether he holds it in the machine's own user namespace.
bool HoldsInMachine(const ExplainFacts& facts, unsigned capability);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ACCESS_H_
