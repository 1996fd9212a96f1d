#include "fuse/lowlevel/policy_ioctl.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/lowlevel/account_json.h"
#include "fuse/lowlevel/control.h"
#include "fuse/lowlevel/decided_json.h"
#include "fuse/lowlevel/reply.h"
#include "policy/policy_file.h"

namespace hardlinkfs {
namespace {

bool IsMaster(fuse_req_t request) {
  const uid_t uid = fuse_req_ctx(request)->uid;
  return uid == 0 || uid == geteuid();
}

template <typename Exchange>
std::unique_ptr<Exchange> ExchangeIn(std::span<const char> in, size_t room) {
  if (in.size() != sizeof(Exchange) || room != sizeof(Exchange)) return nullptr;
  auto exchange = std::make_unique<Exchange>();
  std::memcpy(exchange.get(), in.data(), sizeof(Exchange));
  return exchange;
}

constexpr Error kWrongSize{EINVAL, "ioctl: a buffer of another size"};

// `next` is where the request after this one begins. REQUIRES: it fits.
Status ReplyText(fuse_req_t request, TextExchange& exchange, uint64_t next, size_t total, std::string_view text) {
  exchange = {};
  exchange.offset = next;
  exchange.total = total;
  exchange.bytes = text.size();
  std::memcpy(exchange.text, text.data(), text.size());
  fuse_reply_ioctl(request, 0, &exchange, sizeof exchange);
  return {};
}

// The text may change between two requests, by a reload; then its size does, or what is read is of one and the other.
Status ReplyPolicy(Server& server, fuse_req_t request, std::span<const char> in, size_t room) {
  const auto exchange = ExchangeIn<TextExchange>(in, room);
  if (exchange == nullptr) return kWrongSize;
  const std::shared_ptr<const LoadedPolicy> loaded = server.vfs.gate().loaded();
  std::string text = loaded->source.empty() ? "" : "# from " + loaded->source + "\n";
  text += ToToml(loaded->policy);
  const size_t offset = std::min<size_t>(exchange->offset, text.size());
  const std::string_view part = std::string_view(text).substr(offset, sizeof exchange->text);
  return ReplyText(request, *exchange, offset + part.size(), text.size(), part);
}

Status Reload(Server& server, fuse_req_t request, size_t room) {
  if (room != sizeof(ReloadReply)) return kWrongSize;
  if (!IsMaster(request)) return Error{EPERM, "reload by somebody else than root or who has mounted"};
  if (!server.options.reload_policy) return Error{EOPNOTSUPP, "nothing to reload"};
  const std::string complaint = server.options.reload_policy();
  const auto reply = std::make_unique<ReloadReply>();
  std::memcpy(reply->complaint, complaint.data(), std::min(complaint.size(), sizeof reply->complaint - 1));
  fuse_reply_ioctl(request, 0, reply.get(), sizeof *reply);
  return {};
}

// RETURNS: what may be told to who has asked for the operation: of a file only the name that he has used, as its others may be secrets.
Decided ForCaller(Decided decided) {
  if (!decided.by_name) decided.names.clear();
  return decided;
}

Status ReplyRefusals(Server& server, fuse_req_t request, std::span<const char> in, size_t room) {
  const auto exchange = ExchangeIn<TextExchange>(in, room);
  if (exchange == nullptr) return kWrongSize;
  const bool sees_all = IsMaster(request);
  std::string lines;
  uint64_t last = exchange->offset;
  for (const Decided& decided : server.vfs.gate().Refusals(exchange->offset)) {
    if (sees_all || decided.uid == fuse_req_ctx(request)->uid) {
      const std::string line = ToJson(sees_all ? decided : ForCaller(decided)) + "\n";
      if (lines.size() + line.size() > sizeof exchange->text) break;
      lines += line;
    }
    last = decided.number;
  }
  return ReplyText(request, *exchange, last, lines.size(), lines);
}

// Keys as one number, which keeps their order: the kind above, where no id comes.
constexpr unsigned kKindShift = 62;

uint64_t NumberOf(const AccountKey& key) { return (static_cast<uint64_t>(key.kind) << kKindShift) | key.id; }

AccountKey KeyOf(uint64_t number) { return {static_cast<QuotaSubject>(number >> kKindShift), number & ((uint64_t{1} << kKindShift) - 1)}; }

// What is in directories others may not be allowed to know.
bool MaySee(const Caller& caller, const AccountKey& key) {
  if (key.kind == QuotaSubject::kUid) return key.id == caller.uid;
  return key.kind == QuotaSubject::kGid && caller.IsIn(static_cast<gid_t>(key.id));
}

Status ReplyAccounts(Server& server, fuse_req_t request, std::span<const char> in, size_t room) {
  constexpr size_t kAtOnce = 128;
  const auto exchange = ExchangeIn<TextExchange>(in, room);
  if (exchange == nullptr) return kWrongSize;
  const Caller caller = CallerOf(request);
  const bool sees_all = IsMaster(request);
  std::string lines;
  uint64_t next = exchange->offset;
  const auto may_go_on = [&] { return sees_all || KeyOf(next).kind != QuotaSubject::kPath; };
  for (bool more = true; more && may_go_on();) {
    const std::vector<AccountState> accounts = server.vfs.Accounts(KeyOf(next), kAtOnce);
    more = !accounts.empty();
    for (const AccountState& account : accounts) {
      const bool may_see = sees_all || MaySee(caller, account.key);
      const std::string line = may_see ? ToJson(account) + "\n" : "";
      const bool fits_at_all = line.size() <= sizeof exchange->text;  // not so a path of megabytes
      if (fits_at_all && lines.size() + line.size() > sizeof exchange->text) {
        more = false;
        break;
      }
      if (fits_at_all) lines += line;
      next = NumberOf(account.key) + 1;
    }
  }
  return ReplyText(request, *exchange, next, lines.size(), lines);
}

}  // namespace

bool IsPolicyIoctl(unsigned command) {
  return command == kControlPolicy || command == kControlReload || command == kControlRefusals || command == kControlAccounts;
}

Status PolicyIoctl(Server& server, fuse_req_t request, unsigned command, std::span<const char> in, size_t room) {
  if (command == kControlPolicy) return ReplyPolicy(server, request, in, room);
  if (command == kControlAccounts) return ReplyAccounts(server, request, in, room);
  return command == kControlReload ? Reload(server, request, room) : ReplyRefusals(server, request, in, room);
}

}  // namespace hardlinkfs
