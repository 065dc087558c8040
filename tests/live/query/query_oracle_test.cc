#include "live/query/query_oracle.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "live/query/query_world.h"
#include "worlds/query/query_tape.h"

namespace resprobe::live {
namespace {

TEST(SearchModuleTest, IsAddedUnlessTheCommandLoadsOne) {
  const char* module = std::getenv("RESPROBE_REDISEARCH");
  const std::string before = module == nullptr ? "" : module;
  setenv("RESPROBE_REDISEARCH", "/m/redisearch.so", 1);
  const std::string loaded = "redis-server --loadmodule /m/redisearch.so";
  EXPECT_EQ(WithSearchModule("redis-server"), loaded);
  EXPECT_EQ(WithSearchModule("redis-server --loadmodule x.so"), "redis-server --loadmodule x.so");
  EXPECT_EQ(WithoutSearchModule(loaded), "redis-server");
  EXPECT_EQ(WithoutSearchModule(loaded + " MINPREFIX 1"), "redis-server MINPREFIX 1");
  EXPECT_EQ(WithoutSearchModule(loaded + "2"), loaded + "2");
  unsetenv("RESPROBE_REDISEARCH");
  EXPECT_EQ(WithSearchModule("redis-server"), "redis-server");
  if (!before.empty()) setenv("RESPROBE_REDISEARCH", before.c_str(), 1);
}

// Needs the module (package redis-redisearch) and a server that can load it.
class RealSearchTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* server = std::getenv("RESPROBE_REDIS_SERVER");
    if (server == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
    if (std::getenv("RESPROBE_REDISEARCH") == nullptr) {
      GTEST_SKIP() << "RESPROBE_REDISEARCH is not set";
    }
    std::string error;
    target_ = LiveServer::Open({.start = WithSearchModule(server)}, &error);
    ASSERT_NE(target_, nullptr) << error;
    oracle_ = std::make_unique<QueryOracle>(target_.get(), QueryOracleOptions{});
    ASSERT_TRUE(oracle_->Prepare(false, &error)) << error;
  }

  std::optional<QueryFailure> Run(const std::string& tape) {
    std::string error;
    if (oracle_->stale()) EXPECT_TRUE(oracle_->Prepare(false, &error)) << error;
    return oracle_->Run({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()});
  }

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<QueryOracle> oracle_;
};

TEST_F(RealSearchTest, KnowsItsVersion) { EXPECT_EQ(oracle_->version(), "search 1.2.0"); }

TEST_F(RealSearchTest, HasTheTreesOfTheParser) {
  for (const char* query :
       {"hello", "hello world|foo", "(a1 b1)=>{$weight:2;$inorder:1} c1", "~a1 -b1|c1 \"d1 e1\"",
        "@title|body:(a1 @t:b1)", "@tag:{a1|b1 c1}|d1", "@n:[(1 -(inf]", "@loc:[1.5 2 3 mi]",
        "0|x1 0 1", "x1 ~_ ~y1", "@as:%foo% bar*", "(foo", "\"a|b\"", "*foo", ""}) {
    const std::optional<QueryFailure> failure = Run(std::string("9") + query);
    EXPECT_FALSE(failure) << query << ": " << failure->Signature() << "\n"
                          << failure->expected << "\n"
                          << failure->seen;
  }
  EXPECT_EQ(oracle_->counts().trees, 12u);
  EXPECT_EQ(oracle_->counts().refusals, 3u);
}

TEST_F(RealSearchTest, AgreesOnGeneratedQueries) {
  constexpr uint64_t kSeeds = 2000;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Tape tape;
    GenerateQueryTape(seed, tape);
    tape[0] |= kTapeNoStopwords;  // the server does not survive them
    const std::optional<QueryFailure> failure = Run({tape.begin(), tape.end()});
    ASSERT_FALSE(failure) << "seed " << seed << ": " << failure->request << ": "
                          << failure->Signature() << "\n"
                          << failure->expected << "\n"
                          << failure->seen;
  }
  EXPECT_GT(oracle_->counts().trees, kSeeds / 10);
  EXPECT_GT(oracle_->counts().refusals, kSeeds / 20);
}

// docs/findings/redisearch-stop-word.md
TEST_F(RealSearchTest, FindsTheEndOfAServerAndGoesOn) {
  const std::optional<QueryFailure> failure = Run("1-the");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, QueryFailure::Kind::kEnded);
  EXPECT_TRUE(failure->is_fault());
  EXPECT_TRUE(failure->Signature().starts_with("server has ended: signal 11: "))
      << failure->Signature();
  EXPECT_TRUE(failure->Signature().ends_with(": ft.explain")) << failure->Signature();
  EXPECT_EQ(failure->request, "FT.EXPLAIN resprobe:query -the VERBATIM");
  EXPECT_NE(failure->log.find("BUG REPORT"), std::string::npos);
  EXPECT_TRUE(oracle_->stale());
  EXPECT_FALSE(Run("1hello"));
  EXPECT_EQ(oracle_->counts().restarts, 1u);
}

TEST_F(RealSearchTest, LimitsMemory) {
  oracle_ = std::make_unique<QueryOracle>(target_.get(), QueryOracleOptions{.memory_mb = 1});
  const std::optional<QueryFailure> failure = Run("1hello");
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->Signature(), "memory");
}

TEST(QueryOracleTest, NeedsTheModule) {
  const char* server = std::getenv("RESPROBE_REDIS_SERVER");
  if (server == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
  std::string error;
  const std::unique_ptr<LiveServer> target = LiveServer::Open({.start = server}, &error);
  ASSERT_NE(target, nullptr) << error;
  QueryOracle oracle(target.get(), {});
  EXPECT_FALSE(oracle.Prepare(false, &error));
  EXPECT_TRUE(error.starts_with("the server has no RediSearch: load it")) << error;
}

}  // namespace
}  // namespace resprobe::live
