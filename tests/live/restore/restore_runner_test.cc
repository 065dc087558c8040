#include "live/restore/restore_runner.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/table/table.h"
#include "engine/ops_text.h"
#include "gtest/gtest.h"
#include "live/restore/restore_traffic.h"

namespace resprobe::live {
namespace {

using Kind = RestoreFailure::Kind;

// Needs a real server.
class RealRestoreTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* server = std::getenv(GetParam());
    if (server == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    target_ = LiveServer::Open({.start = server}, &error);
    ASSERT_NE(target_, nullptr) << error;
    runner_ = std::make_unique<RestoreRunner>(target_.get(), RestoreOptions{});
    ASSERT_TRUE(runner_->Prepare(false, &error)) << error;
    runner_->ReadValues(&dumped_, &strings_);
  }

  std::optional<RestoreFailure> Run(const std::string& text) {
    std::string error;
    if (runner_->stale()) EXPECT_TRUE(runner_->Prepare(false, &error)) << error;
    RestoreCase c;
    EXPECT_EQ(Parse("ops restore\n" + text, &arena_, &c), "");
    return runner_->Run(c);
  }

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<RestoreRunner> runner_;
  std::vector<std::string> dumped_;
  std::vector<std::string> strings_;
  Arena arena_;
};

TEST_P(RealRestoreTest, DumpsValuesOfAllKindsThatItAcceptsAgain) {
  EXPECT_GE(runner_->rdb_version(), 10);
  EXPECT_TRUE(runner_->has_sanitize());
  EXPECT_GE(strings_.size(), 6u);
  std::vector<ValueKind> kinds;
  for (const std::string& value : dumped_) {
    kinds.push_back(KindOf(static_cast<RdbType>(value[0])));
    RestoreCase c;
    c.config.sanitize = true;
    RestoreWorld::Restore restore;
    restore.value.bytes = value;
    c.ops.emplace_back(restore);
    EXPECT_FALSE(runner_->Run(c));
  }
  EXPECT_EQ(runner_->counts().accepted, dumped_.size());
  for (size_t kind = 0; kind < static_cast<size_t>(ValueKind::kNone); ++kind) {
    EXPECT_GE(std::ranges::count(kinds, static_cast<ValueKind>(kind)), 3) << kind;
  }
}

TEST_P(RealRestoreTest, RefusesWrongFooters) {
  const uint64_t before = runner_->counts().accepted;
  EXPECT_FALSE(
      Run("config sanitize=no\n"
          "restore key=0 footer=newer \"\\x00\\x01a\"\n"
          "restore key=0 footer=checksum \"\\x00\\x01a\"\n"
          "restore key=0 footer=zero \"\\x00\\x01a\"\n"
          "restore key=0 footer=none \"\\x00\\x01a\"\n"));
  EXPECT_EQ(runner_->counts().accepted, before);
  EXPECT_FALSE(Run("restore key=0 footer=older \"\\x00\\x01a\"\n"));
  EXPECT_EQ(runner_->counts().accepted, before + 1);
}

// A listpack with a count that lies: the server's answer is one element short.
TEST_P(RealRestoreTest, FindsAReplyThatIsNotWhole) {
  const std::string value =
      "config sanitize=no\nrestore key=0 \"\\x10\\x0c\\x0c\\x00\\x00\\x00\\x04\\x00"
      "\\x81a\\x02\\x01\\x01\\xff\"\ncall HGETALL k0\n";
  const std::optional<RestoreFailure> failure = Run(value);
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->kind == Kind::kNoReply || failure->kind == Kind::kAssertion)
      << failure->Signature();
  EXPECT_FALSE(Run("call PING\n"));
}

TEST_P(RealRestoreTest, CallsAllCommandsOfAKind) {
  const RestoreGenerator generator(dumped_, strings_, *target_);
  const auto has = [&](ValueKind kind, CommandGroup group) {
    const std::vector<std::string> names = generator.CommandsOf(kind);
    for (const Command& command : Commands()) {
      if (command.spec->group != group || command.may_wait) continue;
      if (command.traits().time.kind != TimeArgument::Kind::kNone) continue;
      EXPECT_TRUE(std::ranges::find(names, command.name()) != names.end()) << command.name();
    }
  };
  has(ValueKind::kList, CommandGroup::kList);
  has(ValueKind::kSet, CommandGroup::kSet);
  has(ValueKind::kZSet, CommandGroup::kSortedSet);
  has(ValueKind::kHash, CommandGroup::kHash);
  has(ValueKind::kString, CommandGroup::kBitmap);
  EXPECT_GE(generator.CommandsOf(ValueKind::kStream).size(), 14u);
}

TEST_P(RealRestoreTest, RunsBatchesOfGeneratedCases) {
  const RestoreGenerator generator(dumped_, strings_, *target_);
  constexpr uint64_t kBatches = 40;
  constexpr uint64_t kCases = 16;
  uint64_t sound = 0;
  for (uint64_t batch = 0; batch < kBatches; ++batch) {
    std::string error;
    if (runner_->stale()) ASSERT_TRUE(runner_->Prepare(false, &error)) << error;
    Arena arena;
    std::vector<RestoreCase> cases(kCases);
    for (uint64_t i = 0; i < kCases; ++i) {
      generator.Generate(batch * kCases + i, true, &arena, &cases[i]);
    }
    runner_->Send(cases);
    sound += runner_->Receive() ? 0 : 1;
  }
  // This server does not survive all of them (docs/findings).
  EXPECT_GT(sound, kBatches / 2);
  EXPECT_GT(runner_->counts().accepted, kBatches * kCases / 8);
  EXPECT_GT(runner_->counts().refusals.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Servers, RealRestoreTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& test) {
                           return std::string(test.param) == "RESPROBE_REDIS_SERVER" ? "Redis"
                                                                                     : "Valkey";
                         });

}  // namespace
}  // namespace resprobe::live
