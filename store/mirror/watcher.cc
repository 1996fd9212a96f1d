// Reading events and taking them apart, see watcher.h.
#include "store/mirror/watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kNameEvents = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO;
// To be woken for each write of somebody costs him more than the write; the kernel joins those that wait to be read.
constexpr int kGatherMilliseconds = 5;
constexpr uint64_t kWatched = kNameEvents | FAN_MODIFY | FAN_ATTRIB | FAN_DELETE_SELF | FAN_ONDIR;

// What one event is about: the file itself, and, of an event of names, the directory and the name.
struct Subject {
  std::optional<FileKey> file;
  std::optional<FileKey> directory;
  std::string name;
};

FileKey KeyOf(const file_handle& handle) {
  return {handle.handle_type, std::string(reinterpret_cast<const char*>(handle.f_handle), handle.handle_bytes)};
}

// `records` is what follows the metadata.
Subject SubjectOf(std::span<const char> records) {
  Subject subject;
  for (size_t at = 0; at + sizeof(fanotify_event_info_header) <= records.size();) {
    const auto& header = *reinterpret_cast<const fanotify_event_info_header*>(records.data() + at);
    if (header.len < sizeof(fanotify_event_info_header) || header.len > records.size() - at) break;
    const auto& info = *reinterpret_cast<const fanotify_event_info_fid*>(records.data() + at);
    const auto& handle = *reinterpret_cast<const file_handle*>(info.handle);
    if (header.info_type == FAN_EVENT_INFO_TYPE_FID) subject.file = KeyOf(handle);
    if (header.info_type == FAN_EVENT_INFO_TYPE_DFID) subject.directory = KeyOf(handle);
    if (header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
      subject.directory = KeyOf(handle);
      subject.name = reinterpret_cast<const char*>(handle.f_handle) + handle.handle_bytes;
    }
    at += header.len;
  }
  return subject;
}

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::Start(int root, RootMount mount, const NodeTable& nodes, ChangeObserver& observer) {
  UniqueFd events(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY));
  if (!events.valid()) return LastError("fanotify_init");
  if (fanotify_mark(events.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, kWatched, root, nullptr) != 0) return LastError("fanotify_mark");
  // The kernel knows what it has written there by passthrough, and an event for each write would cost more than the write. Where it cannot
  // be told so, events come for nothing.
  constexpr unsigned kIgnore = FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;
  if (mount == RootMount::kOwn) fanotify_mark(events.get(), kIgnore, FAN_MODIFY, root, nullptr);
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop.valid()) return LastError("eventfd");
  return std::unique_ptr<Watcher>(new Watcher(std::move(events), std::move(stop), nodes, observer));
}

Watcher::Watcher(UniqueFd events, UniqueFd stop, const NodeTable& nodes, ChangeObserver& observer)
    : events_(std::move(events)), stop_(std::move(stop)), nodes_(nodes), observer_(observer), thread_([this] { Run(); }) {}

Watcher::~Watcher() {
  constexpr uint64_t kOne = 1;
  static_cast<void>(write(stop_.get(), &kOne, sizeof kOne));
  thread_.join();
}

void Watcher::Run() {
  alignas(fanotify_event_metadata) std::array<char, 65536> buffer;
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{events_.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    if (RetryInterrupted([&] { return poll(waiting.data(), waiting.size(), -1); }) < 0) break;
    if (waiting[1].revents != 0) return;
    const ssize_t got = RetryInterrupted([&] { return read(events_.get(), buffer.data(), buffer.size()); });
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0) break;
    Tell(std::span(buffer).first(static_cast<size_t>(got)));
    if (RetryInterrupted([&] { return poll(&waiting[1], 1, kGatherMilliseconds); }) > 0) return;
  }
  spdlog::warn("the kernel tells of changes on the backing no longer: {}; they are seen when the timeouts end", LastError("fanotify").code);
}

void Watcher::Tell(std::span<const char> events) {
  const auto own = getpid();
  for (size_t at = 0; at + sizeof(fanotify_event_metadata) <= events.size();) {
    // Records are aligned to 4 bytes only.
    fanotify_event_metadata event{};
    std::memcpy(&event, events.data() + at, sizeof event);
    if (event.metadata_len < sizeof event || event.event_len < event.metadata_len || event.event_len > events.size() - at) return;
    const std::span<const char> record = events.subspan(at, event.event_len);
    at += event.event_len;
    if ((event.mask & FAN_Q_OVERFLOW) != 0) {
      observer_.EverythingChanged();
      continue;
    }
    // Of what it asked us for the kernel knows.
    if (event.pid == own) continue;
    const Subject subject = SubjectOf(record.subspan(event.metadata_len));
    if (subject.file.has_value()) {
      if (const auto inode = nodes_.NumberOf(*subject.file); inode.has_value()) observer_.AttributesChanged(*inode);
    }
    if ((event.mask & kNameEvents) == 0 || !subject.directory.has_value()) continue;
    const auto directory = nodes_.NumberOf(*subject.directory);
    if (!directory.has_value()) continue;
    observer_.ListingChanged(*directory);
    if (const Result<Name> name = Name::From(subject.name); name.ok()) observer_.NameChanged(*directory, *name);
  }
}

}  // namespace hardlinkfs
