#include "live/record/case_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/live/temporary_folder.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(CaseStoreTest, NamesACaseByItsContentAndKeepsItOnce) {
  const TemporaryFolder folder;
  std::string error;
  CaseStore store(folder.path() + "/a/b");
  ASSERT_TRUE(store.Open(&error)) << error;
  // FNV-1a of "a" and of the empty string, from its authors' test vectors.
  EXPECT_TRUE(store.Add("resp_parser", "reply", "", "a", &error));
  EXPECT_TRUE(store.Add("resp_parser", "reply", "", "a", &error));
  EXPECT_TRUE(store.Add("command_handler", "session", ".ops", "", &error));
  EXPECT_EQ(store.added(), 2u);
  EXPECT_EQ(store.duplicates(), 1u);
  EXPECT_THAT(folder.Files(),
              UnorderedElementsAre(Pair("a/b/resp_parser/reply-af63dc4c8601ec8c", "a"),
                                   Pair("a/b/command_handler/session-cbf29ce484222325.ops", "")));
}

TEST(CaseStoreTest, SaysWhichFolderItCannotWrite) {
  const TemporaryFolder folder;
  {
    std::ofstream(folder.path() + "/file") << "x";
  }
  std::string error;
  EXPECT_FALSE(CaseStore(folder.path() + "/file/cases").Open(&error));
  EXPECT_THAT(error, HasSubstr("cannot write into the folder " + folder.path() + "/file/cases"));
  error.clear();
  EXPECT_FALSE(CaseStore(folder.path() + "/file").Add("h", "reply", "", "a", &error));
  EXPECT_THAT(error, HasSubstr("cannot write " + folder.path() + "/file/h/reply-"));
}

}  // namespace
}  // namespace resprobe::live
