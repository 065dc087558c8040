#include "worlds/durability/crash_points.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace resprobe {
namespace {

// Reports every fsync of a file as done, and makes none.
class NoFsync : public FileSystem {
 public:
  explicit NoFsync(FileSystem* real) : real_(*real) {}
  int Open(std::string_view path, Mode mode) override { return real_.Open(path, mode); }
  int64_t Read(int file, std::span<char> into) override { return real_.Read(file, into); }
  int64_t Write(int file, std::string_view bytes) override { return real_.Write(file, bytes); }
  int Sync(int) override { return 0; }
  int Truncate(int file, int64_t size) override { return real_.Truncate(file, size); }
  int64_t Size(int file) override { return real_.Size(file); }
  int Close(int file) override { return real_.Close(file); }
  int Rename(std::string_view from, std::string_view to) override { return real_.Rename(from, to); }
  int Unlink(std::string_view path) override { return real_.Unlink(path); }
  int MakeDirectory(std::string_view path) override { return real_.MakeDirectory(path); }
  int SyncDirectory(std::string_view path) override { return real_.SyncDirectory(path); }
  int List(std::string_view path, std::vector<std::string>* names) override {
    return real_.List(path, names);
  }

 private:
  FileSystem& real_;
};

constexpr std::string_view kFirst[] = {"SET", "a", "1"};
constexpr std::string_view kSecond[] = {"SET", "b", "1"};

std::vector<DurabilityWorld::Op> Ops() {
  return {DurabilityWorld::Call{.client = {}, .args = {kFirst}},
          DurabilityWorld::Call{.client = {}, .args = {kSecond}},
          DurabilityWorld::Save{.kind = SaveKind::kRewrite}, DurabilityWorld::Child{.calls = {}}};
}

TEST(CrashPointsTest, ASoundServerIsCrashedEverywhere) {
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak}) {
    CrashPoints points;
    RunContext run;
    ASSERT_TRUE(points.Run({}, Ops(), {.level = level}, run)) << run.violation().seen;
    EXPECT_FALSE(points.failure());
    EXPECT_EQ(points.counts().failed, 0U);
    EXPECT_GT(points.counts().points, 20U);
    EXPECT_GT(points.counts().run, 20U);
    EXPECT_GT(points.counts().all, 0U);
    EXPECT_GT(points.counts().prefix, 0U);
  }
}

TEST(CrashPointsTest, AMissingFsyncIsFound) {
  const auto wrap = [](FileSystem* real) -> FileSystem* {
    static NoFsync* files = nullptr;
    delete files;
    return files = new NoFsync(real);
  };
  CrashPoints points(wrap);
  RunContext run;
  points.Run({}, Ops(), {}, run);
  ASSERT_TRUE(points.failure());
  EXPECT_EQ(points.failure()->violation.invariant, "acknowledged_kept");
  EXPECT_EQ(points.failure()->kind, CrashKind::kMachine);
}

}  // namespace
}  // namespace resprobe
