// CaseFold: an approximation of what case-insensitive backings take for the same name. Each backing has its own table: good enough to
// recognise a change of case, never to decide that two names differ.
#ifndef HARDLINKFS_STORE_BACKING_CASE_FOLD_H_
#define HARDLINKFS_STORE_BACKING_CASE_FOLD_H_

#include <string>
#include <string_view>

namespace hardlinkfs {

// RETURNS: `name` with ASCII letters, and the letters that the C library's Unicode tables pair one to one, in lower case. Bytes that are
// not UTF-8 stay. Thread safety: any thread; does not depend on the process's locale.
std::string CaseFold(std::string_view name);

inline char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_CASE_FOLD_H_
