// What may be a component of a path, and what errno the rest gets.
#include "store/base/name.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace hardlinkfs {
namespace {

TEST(Name, KeepsItsBytes) {
  for (const std::string& bytes :
       {std::string("a"), std::string("..."), std::string(" .x. "), std::string("\xff\xfe\n\\:*?"), std::string(255, 'n')}) {
    const Result<Name> name = Name::From(bytes);
    ASSERT_TRUE(name.ok()) << bytes;
    EXPECT_EQ(name->bytes(), bytes);
  }
}

TEST(Name, EmptyIsENOENT) { EXPECT_EQ(Name::From("").code(), ENOENT); }
TEST(Name, OfMoreThan255BytesIsENAMETOOLONG) { EXPECT_EQ(Name::From(std::string(256, 'n')).code(), ENAMETOOLONG); }

TEST(Name, DotsSlashAndNulAreEINVAL) {
  for (const std::string& bytes : {std::string("."), std::string(".."), std::string("a/b"), std::string("/"), std::string("a\0b", 3)}) {
    EXPECT_EQ(Name::From(bytes).code(), EINVAL) << bytes;
  }
}

TEST(Name, IsOrderedByBytesAndCase) {
  EXPECT_NE(*Name::From("a"), *Name::From("A"));
  EXPECT_LT(*Name::From("a"), *Name::From("ab"));
}

}  // namespace
}  // namespace hardlinkfs
