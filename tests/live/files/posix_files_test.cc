#include "live/files/posix_files.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/disk/disk_files.h"
#include "sim/disk/disk_trace.h"
#include "tests/live/temporary_folder.h"

namespace resprobe::live {
namespace {

using Mode = FileSystem::Mode;

class PosixFilesTest : public testing::Test {
 protected:
  PosixFilesTest() { EXPECT_EQ(files_.Start(folder_.path()), 0); }
  TemporaryFolder folder_;
  PosixFiles files_;
};

TEST_F(PosixFilesTest, WritesReadsAndReplaces) {
  EXPECT_EQ(files_.Open("a", Mode::kRead), -ENOENT);
  int file = files_.Open("a", Mode::kReplace);
  ASSERT_GE(file, 0);
  EXPECT_EQ(files_.Write(file, "hello"), 5);
  EXPECT_EQ(files_.Sync(file), 0);
  EXPECT_EQ(files_.Truncate(file, 2), 0);
  EXPECT_EQ(files_.Size(file), 2);
  EXPECT_EQ(files_.Close(file), 0);
  EXPECT_EQ(files_.Close(file), -EBADF);
  file = files_.Open("a", Mode::kAppend);
  EXPECT_EQ(files_.Write(file, "y"), 1);
  EXPECT_EQ(files_.Close(file), 0);
  file = files_.Open("a", Mode::kRead);
  char text[8];
  EXPECT_EQ(files_.Read(file, text), 3);
  EXPECT_EQ(std::string(text, 3), "hey");
  EXPECT_EQ(files_.Read(file, text), 0);
  EXPECT_EQ(files_.Write(file, "x"), -EBADF);
  EXPECT_EQ(files_.Close(file), 0);
  EXPECT_EQ(files_.Rename("a", "b"), 0);
  EXPECT_EQ(folder_.Files(), (std::map<std::string, std::string>{{"b", "hey"}}));
  EXPECT_EQ(files_.Unlink("b"), 0);
  EXPECT_EQ(files_.Unlink("b"), -ENOENT);
}

TEST_F(PosixFilesTest, Directories) {
  EXPECT_EQ(files_.MakeDirectory("d"), 0);
  EXPECT_EQ(files_.MakeDirectory("d"), 0);
  for (const char* name : {"d/b", "d/a"}) files_.Close(files_.Open(name, Mode::kAppend));
  std::vector<std::string> names;
  EXPECT_EQ(files_.List("d", &names), 0);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(files_.List("", &names), 0);
  EXPECT_EQ(names, std::vector<std::string>{"d"});
  EXPECT_EQ(files_.List("x", &names), -ENOENT);
  EXPECT_EQ(files_.SyncDirectory("d"), 0);
  EXPECT_EQ(files_.SyncDirectory(""), 0);
  EXPECT_EQ(files_.SyncDirectory("d/a"), -ENOTDIR);
}

TEST_F(PosixFilesTest, APathCannotLeaveTheDirectory) {
  namespace fs = std::filesystem;
  const TemporaryFolder other;
  fs::create_directory_symlink(other.path(), folder_.path() + "/out");
  fs::create_symlink(other.path() + "/f", folder_.path() + "/link");
  for (const char* path : {"../x", "/etc/passwd", "", ".", "d/../../x", "d//x", "d/"}) {
    EXPECT_LT(files_.Open(path, Mode::kReplace), 0) << path;
  }
  EXPECT_EQ(files_.Open("../x", Mode::kReplace), -EINVAL);
  EXPECT_EQ(files_.Open("out/x", Mode::kReplace), -ENOTDIR);
  EXPECT_EQ(files_.Open("link", Mode::kReplace), -ELOOP);
  const int file = files_.Open("a", Mode::kReplace);
  files_.Close(file);
  EXPECT_EQ(files_.Rename("a", "../a"), -EINVAL);
  EXPECT_EQ(files_.Rename("a", "out/a"), -ENOTDIR);
  EXPECT_EQ(files_.Unlink("../x"), -EINVAL);
  EXPECT_EQ(files_.MakeDirectory("../x"), -EINVAL);
  EXPECT_EQ(files_.SyncDirectory(".."), -EINVAL);
  EXPECT_TRUE(other.Files().empty());
}

TEST_F(PosixFilesTest, ADirectoryThatIsMissingIsAnError) {
  PosixFiles none;
  EXPECT_EQ(none.Start(folder_.path() + "/none"), -ENOENT);
  EXPECT_EQ(none.Open("a", Mode::kReplace), -EBADF);
}

// The simulated disk answers as Linux does.
TEST_F(PosixFilesTest, TheSimulatedDiskDoesTheSame) {
  constexpr std::string_view kNames[] = {"a", "b", "d", "d/a", "d/b", "e", "e/a", "a/x"};
  for (uint64_t seed = 0; seed < 30; ++seed) {
    const TemporaryFolder folder;
    PosixFiles real;
    ASSERT_EQ(real.Start(folder.path()), 0);
    Disk disk;
    disk.Reset();
    DiskFiles simulated(&disk);
    SeededChoices random(seed);
    struct Pair {
      int real;
      int simulated;
    };
    std::vector<Pair> open;
    for (int i = 0; i < 400; ++i) {
      const std::string_view name = kNames[random.Choose(std::size(kNames))];
      const std::string_view other = kNames[random.Choose(std::size(kNames))];
      const uint32_t number = random.Choose(5000);
      const std::string bytes(number, static_cast<char>('a' + number % 26));
      int64_t expected = 0;
      int64_t result = 0;
      const uint32_t kind = random.Choose(12);
      const Pair pair = open.empty() ? Pair{-1, -1} : open[random.Choose(open.size())];
      std::vector<std::string> names[2];
      std::string text[2] = {std::string(3000, '\0'), std::string(3000, '\0')};
      switch (kind) {
        case 0:
        case 1:
        case 2: {
          const Mode mode = kind == 0 ? Mode::kRead : kind == 1 ? Mode::kReplace : Mode::kAppend;
          const Pair opened{real.Open(name, mode), simulated.Open(name, mode)};
          expected = std::min(opened.real, 0);
          result = std::min(opened.simulated, 0);
          if (opened.real >= 0 && opened.simulated >= 0) open.push_back(opened);
          break;
        }
        case 3:
          expected = real.Write(pair.real, bytes);
          result = simulated.Write(pair.simulated, bytes);
          break;
        case 4:
          expected = real.Read(pair.real, text[0]);
          result = simulated.Read(pair.simulated, text[1]);
          break;
        case 5:
          expected = real.Truncate(pair.real, number);
          result = simulated.Truncate(pair.simulated, number);
          break;
        case 6:
          expected = real.Rename(name, other);
          result = simulated.Rename(name, other);
          break;
        case 7:
          expected = real.Unlink(name);
          result = simulated.Unlink(name);
          break;
        case 8:
          expected = real.MakeDirectory(name);
          result = simulated.MakeDirectory(name);
          break;
        case 9:
          expected = real.List(name, &names[0]);
          result = simulated.List(name, &names[1]);
          break;
        case 10:
          expected = real.Size(pair.real);
          result = simulated.Size(pair.simulated);
          // The size of a directory depends on the file system.
          if (real.Read(pair.real, {text[0].data(), 0}) == -EISDIR) expected = 0;
          break;
        default:
          expected = real.Close(pair.real);
          result = simulated.Close(pair.simulated);
          std::erase_if(open, [&](const Pair& p) { return p.real == pair.real; });
      }
      ASSERT_EQ(ErrorName(result), ErrorName(expected))
          << "seed " << seed << ", call " << i << ", kind " << kind << ", " << name << " " << other;
      EXPECT_EQ(names[0], names[1]);
      EXPECT_EQ(text[0], text[1]);
    }
    for (const Pair& pair : open) real.Close(pair.real);
    for (const auto& [path, content] : folder.Files()) {
      ASSERT_NE(disk.Content(path), nullptr) << path;
      EXPECT_EQ(*disk.Content(path), content) << path;
    }
  }
}

}  // namespace
}  // namespace resprobe::live
