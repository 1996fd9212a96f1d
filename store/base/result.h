// Error, Status and Result<T>: how every function of the layers below fuse/lowlevel reports failure.
// An Error is an errno plus a literal that can be found with grep; no exceptions cross a layer.
#ifndef HARDLINKFS_STORE_BASE_RESULT_H_
#define HARDLINKFS_STORE_BASE_RESULT_H_

#include <cassert>
#include <cerrno>
#include <optional>
#include <utility>
#include <variant>

namespace hardlinkfs {

// Why an operation failed: `code` is an errno (> 0), `what` a string literal naming the place or rule.
struct [[nodiscard]] Error {
  int code;
  const char* what;
  bool decided = false;  // by policy: whatever its errno is used for else, it is for the caller, and nothing is to be tried again
};

// RETURNS: whether an errno says that there is no room. EDQUOT is ENOSPC for one user, or one directory.
inline bool IsFull(int code) { return code == ENOSPC || code == EDQUOT; }
inline bool IsFull(const Error& error) { return IsFull(error.code) && !error.decided; }

// Success, or an Error. Thread safety: a value.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(error) { assert(error.code > 0); }  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  // REQUIRES: !ok()
  Error error() const { return *error_; }
  // RETURNS: the errno, 0 on success
  int code() const { return ok() ? 0 : error_->code; }

 private:
  std::optional<Error> error_;
};

// A T, or an Error. Thread safety: as T's.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}                    // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(error) { assert(error.code > 0); }  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  // REQUIRES: !ok()
  Error error() const { return std::get<Error>(state_); }
  // RETURNS: the errno, 0 on success
  int code() const { return ok() ? 0 : error().code; }
  Status status() const { return ok() ? Status() : Status(error()); }

  // REQUIRES: ok()
  T& operator*() & { return std::get<T>(state_); }
  const T& operator*() const& { return std::get<T>(state_); }
  T&& operator*() && { return std::move(std::get<T>(state_)); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }

 private:
  std::variant<T, Error> state_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_RESULT_H_
