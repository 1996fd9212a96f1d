// Folding by the C library's own Unicode tables, so that no table has to be kept here.
#include "store/backing/case_fold.h"

#include <locale.h>
#include <wctype.h>

#include "store/backing/utf8.h"

namespace hardlinkfs {
namespace {

// Made once and kept for the process: a locale_t is immutable, and freeing it at exit would race with late threads.
locale_t UnicodeLocale() {
  static const locale_t kLocale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale;  // null on a system without it: then only ASCII folds
}

}  // namespace

std::string CaseFold(std::string_view name) {
  std::string folded;
  folded.reserve(name.size());
  while (!name.empty()) {
    const Utf8Sequence next = NextUtf8(name);
    if (next.length == 1 || !next.valid || UnicodeLocale() == nullptr) {
      for (size_t i = 0; i < next.length; ++i) folded.push_back(AsciiLower(name[i]));
    } else {
      AppendUtf8(static_cast<char32_t>(towlower_l(static_cast<wint_t>(next.code_point), UnicodeLocale())), folded);
    }
    name.remove_prefix(next.length);
  }
  return folded;
}

}  // namespace hardlinkfs
