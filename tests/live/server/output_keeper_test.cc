#include "live/server/output_keeper.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/live/temporary_folder.h"

namespace resprobe::live {
namespace {

TEST(OutputKeeperTest, KeepsTheFirstAndTheLastBytesOfAnOutputWithoutEnd) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/output";
  std::string error;
  UniqueFd writer;
  const std::unique_ptr<OutputKeeper> keeper = OutputKeeper::Make(path, &writer, &error);
  ASSERT_NE(keeper, nullptr) << error;
  const auto say = [&](const std::string& text) {
    ASSERT_EQ(write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  say("first\n");
  keeper->CatchUp();
  uintmax_t end = 0;
  EXPECT_EQ(ReadOutput(path, 0, &end), "first\n");
  EXPECT_EQ(ReadOutput(path, end, &end), "");

  const std::string line(4095, 'x');
  for (int i = 0; i < 2000; ++i) say(line + "\n");
  say("last\n");
  keeper->CatchUp();
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_LE(static_cast<uintmax_t>(status.st_blocks) * 512,
            OutputKeeper::kHead + 2 * OutputKeeper::kTail + (64 << 10));
  const std::string all = ReadOutput(path, 0, &end);
  EXPECT_TRUE(all.starts_with("first\n"));
  EXPECT_TRUE(all.ends_with("x\nlast\n"));
  EXPECT_NE(all.find(" bytes left out …\n"), all.npos);
  EXPECT_LE(all.size(), OutputKeeper::kHead + OutputKeeper::kTail + 100);
  // What follows is read from where this ends.
  say("more\n");
  keeper->CatchUp();
  EXPECT_EQ(ReadOutput(path, end, &end), "more\n");
}

}  // namespace
}  // namespace resprobe::live
