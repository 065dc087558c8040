#include "live/restore/persistence_files.h"

#include <set>
#include <string>

#include "core/keyspace/keyspace.h"
#include "core/persistence/rdb.h"
#include "gtest/gtest.h"

namespace resprobe::live {
namespace {

using std::string_literals::operator""s;

const std::string kPing = "*1\r\n$4\r\nPING\r\n";
const std::string kMulti = "*1\r\n$5\r\nMULTI\r\n";
const std::string kExec = "*1\r\n$4\r\nEXEC\r\n";

size_t Whole(const std::string& file) {
  return WholeAofBytes(file, Profile::kRedis70).value_or(SIZE_MAX);
}

TEST(WholeAofBytesTest, CountsCommandsTransactionsAndAnnotations) {
  EXPECT_EQ(Whole(""), 0u);
  EXPECT_EQ(Whole(kPing + kPing), 2 * kPing.size());
  EXPECT_EQ(Whole("#TS:1\r\n" + kPing), 7 + kPing.size());
  EXPECT_EQ(Whole(kMulti + kPing + kExec), (kMulti + kPing + kExec).size());
}

TEST(WholeAofBytesTest, EndsBeforeWhatIsNotWhole) {
  EXPECT_EQ(Whole(kPing + kPing.substr(0, 9)), kPing.size());
  EXPECT_EQ(Whole(kPing + kMulti + kPing), kPing.size());
  EXPECT_EQ(Whole(kPing + kExec), kPing.size());
  EXPECT_EQ(Whole(kPing + "PING\r\n" + kPing), kPing.size());
  EXPECT_EQ(Whole(kPing + "\0\0"s), kPing.size());
  EXPECT_EQ(Whole(kPing + "#TS"), kPing.size());
  // A longer annotation is refused by the servers, and cut off by their tools.
  EXPECT_EQ(Whole("#" + std::string(1020, 'a') + "\r\n"), 1023u);
  EXPECT_EQ(Whole("#" + std::string(1021, 'a') + "\r\n"), 0u);
  EXPECT_EQ(Whole(kPing + "*1\rx$4\r\nPING\r\n"), kPing.size());
}

TEST(WholeAofBytesTest, BeginsAfterAnRdbFile) {
  Keyspace keyspace;
  std::string file;
  AppendRdb(keyspace, {}, &file);
  const size_t rdb = file.size();
  EXPECT_EQ(Whole(file + kPing + "x"), rdb + kPing.size());
  file[rdb - 1] ^= 1;
  EXPECT_FALSE(WholeAofBytes(file, Profile::kRedis70));
}

TEST(PersistenceFilesTest, SomeAreSoundAndSomeAreNot) {
  const PersistenceFiles files({"\0\5hello"s, "\x01\x02\x01\x61\x01\x62"s}, 10);
  std::set<std::string> made;
  constexpr uint64_t kSeeds = 2000;
  uint64_t sound_rdb = 0;
  uint64_t sound_aof = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Rng rng(seed);
    Rng again(seed);
    const std::string rdb = files.MakeRdb(rng);
    ASSERT_EQ(rdb, files.MakeRdb(again));
    Keyspace keyspace;
    sound_rdb += LoadRdb(rdb, {}, &keyspace).ok() ? 1 : 0;
    const std::string aof = files.MakeAof(rng);
    sound_aof += Whole(aof) == aof.size() ? 1 : 0;
    made.insert(rdb);
    made.insert(aof);
  }
  EXPECT_GT(made.size(), kSeeds);
  EXPECT_GT(sound_rdb, kSeeds / 50);
  EXPECT_LT(sound_rdb, kSeeds / 2);
  EXPECT_GT(sound_aof, kSeeds / 50);
  EXPECT_LT(sound_aof, kSeeds / 2);
}

}  // namespace
}  // namespace resprobe::live
