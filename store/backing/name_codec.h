// NameCodec: how a Name is spelled on a backing that refuses some names. Injective and reversible; the true name is in the catalog, the
// spelling is for people who read the backing by itself and for adopting what they add.
#ifndef HARDLINKFS_STORE_BACKING_NAME_CODEC_H_
#define HARDLINKFS_STORE_BACKING_NAME_CODEC_H_

#include "store/base/capabilities.h"
#include "store/base/name.h"

namespace hardlinkfs {

// Thread safety: immutable.
class NameCodec {
 public:
  explicit NameCodec(const Capabilities& capabilities);

  // RETURNS: the spelling of `name`: itself wherever the backing can hold it and it does not look like a spelling.
  // Injective: two names never share a Natural spelling. At most capabilities.max_name_bytes long.
  BackingName Natural(const Name& name) const;

  // RETURNS: a second spelling for a name whose Natural one is taken by another entry (a clash of case, most of all). Never equal to
  // the Natural or Alternate spelling of any other name, case folded or not.
  BackingName Alternate(const Name& name) const;

  // RETURNS: whether `spelling` is one of the two spellings of `name`.
  bool Spells(const BackingName& spelling, const Name& name) const { return spelling == Natural(name) || spelling == Alternate(name); }

  // RETURNS: the name to give an entry found on the backing: the n with Natural(n) == spelling where there is one, otherwise the
  // spelling itself as far as that is a legal Name; EINVAL otherwise.
  Result<Name> Decode(const BackingName& spelling) const;

 private:
  bool any_bytes_;
  bool punctuation_;
  bool trailing_dots_and_spaces_;
  bool case_sensitive_;
  size_t max_bytes_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_NAME_CODEC_H_
