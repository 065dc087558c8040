// The harness rdb: its corpus, generated inputs, and subjects with a planted fault.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/persistence/little_endian.h"
#include "engine/raw_harness.h"
#include "worlds/rdb/rdb_loader.h"

namespace resprobe {
namespace {

std::map<std::string, Tape> Corpus() {
  std::map<std::string, Tape> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(RDB_CORPUS)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    seeds[entry.path().filename().string()] = Tape(bytes.begin(), bytes.end());
  }
  return seeds;
}

// The invariant that a run violates, "" if none.
template <class Subject>
std::string Violation(RawHarness<RdbLoader<Subject>>& harness, const Tape& tape) {
  RunContext run;
  harness.Run(tape, run);
  return run.violated() ? run.violation().invariant : "";
}

// The first invariant that the corpus or generated inputs show this subject to violate.
template <class Subject>
std::string Found() {
  RawHarness<RdbLoader<Subject>> harness;
  for (const auto& [name, tape] : Corpus()) {
    if (std::string found = Violation(harness, tape); !found.empty()) return found;
  }
  for (uint64_t seed = 0; seed < 20000; ++seed) {
    if (std::string found = Violation(harness, harness.Generate(seed)); !found.empty())
      return found;
  }
  return "";
}

TEST(RdbHarnessTest, TheCorpusHolds) {
  RawHarness<RdbLoader<>> harness;
  const std::map<std::string, Tape> seeds = Corpus();
  EXPECT_GE(seeds.size(), 60U);
  size_t loaded = 0;
  for (const auto& [name, tape] : seeds) {
    RunContext run;
    harness.Run(tape, run);
    EXPECT_FALSE(run.violated()) << name << ": " << run.violation().invariant << ", expected "
                                 << run.violation().expected << ", seen " << run.violation().seen;
    const bool refused = harness.Show(tape).find("refused") != std::string::npos;
    loaded += !refused;
    if (name.starts_with("redis_") || name.starts_with("valkey_")) {
      EXPECT_EQ(refused, name.ends_with("_stream")) << name << harness.Show(tape);
    }
  }
  EXPECT_GE(loaded, 40U);
}

TEST(RdbHarnessTest, GeneratedInputsHold) {
  RawHarness<RdbLoader<>> harness;
  size_t loaded = 0;
  constexpr size_t kInputs = 4000;
  for (uint64_t seed = 0; seed < kInputs; ++seed) {
    const Tape tape = harness.Generate(seed);
    RunContext run;
    harness.Run(tape, run);
    ASSERT_FALSE(run.violated()) << seed << ": " << run.violation().invariant << ", expected "
                                 << run.violation().expected << ", seen " << run.violation().seen
                                 << "\n"
                                 << harness.Show(tape);
    loaded += harness.Show(tape).find("refused") == std::string::npos;
  }
  EXPECT_GT(loaded, kInputs / 4);
  EXPECT_LT(loaded, kInputs * 3 / 4);
}

TEST(RdbHarnessTest, MendsTheChecksum) {
  RdbTape tape;
  const std::string payload = std::string("\x02\0\x01v\x0a\0........", 14);
  DecodeRdbTape({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}, &tape);
  EXPECT_TRUE(DumpPayloadFits(tape.bytes, Profile::kRedis70));
}

struct ChecksumUnchecked : CoreRdb {
  bool Fits(std::string_view payload, Profile profile) {
    return DumpPayloadFits(payload, profile, false);
  }
};
struct FileChecksumUnchecked : CoreRdb {
  RdbResult Load(std::string_view file, RdbReadOptions options, Keyspace* keyspace,
                 RdbReport* report) {
    options.checksum = false;
    return LoadRdb(file, options, keyspace, report);
  }
};
// A list is as long as its length says.
struct LengthTrusted : CoreRdb {
  RdbResult Read(std::string_view payload, const RdbReadOptions& options, std::string_view key,
                 Keyspace* keyspace) {
    RdbResult result = ReadDumpPayload(payload, options, 0, key, keyspace);
    if (result.error != RdbError::kShortRead || !payload.starts_with("\x01\x80")) return result;
    keyspace->Overwrite(0, key, ObjectType::kString).string().assign(1 << 20, '\0');
    return {};
  }
};
struct ExpiryLost : CoreRdb {
  void Write(const Keyspace& keyspace, const RdbWriteOptions& options, std::string* file) {
    CoreRdb::Write(keyspace, options, file);
    const size_t at = file->find('\xfc');
    if (at != file->npos) file->replace(at + 1, 8, 8, '\x7f');
    file->replace(file->size() - 8, 8, 8, '\0');
  }
};
struct ChangeUnreported : CoreRdb {
  RdbResult Load(std::string_view file, const RdbReadOptions& options, Keyspace* keyspace,
                 RdbReport* report) {
    const RdbResult result = LoadRdb(file, options, keyspace, report);
    if (result.ok() && keyspace->KeyCount(1) > 0) {
      keyspace->FindOrCreate(1, "one more", ObjectType::kString).string() = "v";
    }
    return result;
  }
};
struct KeyLeft : CoreRdb {
  RdbResult Read(std::string_view payload, const RdbReadOptions& options, std::string_view key,
                 Keyspace* keyspace) {
    const RdbResult result = ReadDumpPayload(payload, options, 0, key, keyspace);
    if (result.error == RdbError::kCorrupt) {
      keyspace->SetString(0, key, "part");
      keyspace->Modified(0, key);
    }
    return result;
  }
};
struct DepthUnchecked : CoreRdb {
  RdbResult Read(std::string_view payload, RdbReadOptions options, std::string_view key,
                 Keyspace* keyspace) {
    options.deep = false;
    return ReadDumpPayload(payload, options, 0, key, keyspace);
  }
};

// What is written again is what was read, and so is what RESTORE makes.
struct LastElementLost : CoreRdb {
  RdbResult Read(std::string_view payload, const RdbReadOptions& options, std::string_view key,
                 Keyspace* keyspace) {
    RdbResult result = ReadDumpPayload(payload, options, 0, key, keyspace);
    Object* const object = result.ok() ? keyspace->Look(0, key) : nullptr;
    if (object != nullptr && object->type() == ObjectType::kList && object->size() > 1) {
      object->list().PopBack();
    }
    return result;
  }
};

TEST(RdbHarnessTest, FindsPlantedFaults) {
  EXPECT_EQ(Found<CoreRdb>(), "");
  EXPECT_EQ(Found<ChecksumUnchecked>(), "footer");
  EXPECT_EQ(Found<FileChecksumUnchecked>(), "checksum");
  EXPECT_EQ(Found<LengthTrusted>(), "memory");
  EXPECT_EQ(Found<ExpiryLost>(), "round_trip");
  EXPECT_EQ(Found<ChangeUnreported>(), "integrity");
  EXPECT_EQ(Found<KeyLeft>(), "refused_by_name");
  EXPECT_EQ(Found<DepthUnchecked>(), "second_reading");
  EXPECT_EQ(Found<LastElementLost>(), "second_reading");
}

}  // namespace
}  // namespace resprobe
