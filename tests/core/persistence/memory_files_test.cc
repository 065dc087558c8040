#include "core/persistence/memory_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/persistence/file_io.h"

namespace resprobe {
namespace {

using testing::ElementsAre;
using Mode = FileSystem::Mode;

TEST(MemoryFiles, KeepWhatIsWritten) {
  MemoryFiles files;
  EXPECT_EQ(files.Open("a", Mode::kRead), -ENOENT);
  EXPECT_EQ(files.Open("d/a", Mode::kReplace), -ENOENT);
  const int file = files.Open("a", Mode::kReplace);
  ASSERT_GE(file, 0);
  EXPECT_EQ(WriteAll(&files, file, "hello"), 5);
  EXPECT_EQ(files.Size(file), 5);
  EXPECT_EQ(files.Truncate(file, 2), 0);
  EXPECT_EQ(files.Close(file), 0);
  EXPECT_EQ(files.Close(file), -EBADF);
  const int again = files.Open("a", Mode::kAppend);
  EXPECT_EQ(WriteAll(&files, again, "y"), 1);
  EXPECT_EQ(files.Close(again), 0);
  std::string bytes;
  EXPECT_EQ(ReadFile(&files, "a", &bytes), 0);
  EXPECT_EQ(bytes, "hey");
}

TEST(MemoryFiles, NamesAreApartFromFiles) {
  MemoryFiles files;
  EXPECT_EQ(files.MakeDirectory("d"), 0);
  files.Set("d/a", "1");
  files.Set("b", "2");
  const int old = files.Open("d/a", Mode::kAppend);
  EXPECT_EQ(files.Rename("b", "d/a"), 0);
  EXPECT_EQ(files.Write(old, "x"), 1);  // a file without a name
  EXPECT_EQ(*files.Find("d/a"), "2");
  std::vector<std::string> names;
  EXPECT_EQ(files.List("", &names), 0);
  EXPECT_THAT(names, ElementsAre("d"));
  EXPECT_EQ(files.List("d", &names), 0);
  EXPECT_THAT(names, ElementsAre("a"));
  EXPECT_EQ(files.Unlink("d/a"), 0);
  EXPECT_EQ(files.Unlink("d/a"), -ENOENT);
  files.Reset();
  EXPECT_TRUE(files.Paths().empty());
  EXPECT_EQ(files.List("d", &names), -ENOENT);
}

}  // namespace
}  // namespace resprobe
