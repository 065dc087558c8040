// The harness aof: its corpus and dictionary, generated logs, and loaders with a planted fault,
// each of which an invariant must catch.
#include "worlds/aof/aof_harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/persistence/file_io.h"
#include "engine/raw_harness.h"

namespace resprobe {
namespace {

using testing::ElementsAre;
using Result = AofReader::Result;

Tape ToTape(std::string_view text) { return {text.begin(), text.end()}; }

std::map<std::string, Tape> Corpus() {
  std::map<std::string, Tape> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(AOF_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return seeds;
}

template <class Loader>
std::string Violation(RawHarness<AofHarness<Loader>>& harness, const Tape& tape) {
  RunContext run;
  harness.Run(tape, run);
  return run.violated() ? run.violation().invariant : "";
}

// The invariant that a loader's fault breaks on this tape.
template <class Loader>
std::string Broken(std::string_view tape) {
  RawHarness<AofHarness<Loader>> harness;
  return Violation(harness, ToTape(tape));
}

TEST(AofHarness, TheCorpusHolds) {
  RawHarness<AofHarness<>> harness;
  const std::map<std::string, Tape> seeds = Corpus();
  EXPECT_GE(seeds.size(), 20u);
  for (const auto& [name, tape] : seeds) {
    EXPECT_LE(tape.size(), 4096u) << name;
    EXPECT_EQ(Violation(harness, tape), "") << name;
  }
}

TEST(AofHarness, GeneratedLogsHoldAndEndInAllWays) {
  RawHarness<AofHarness<>> harness;
  std::map<std::string, int> ends;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    RunContext run(Trace::Mode::kText);
    const Tape tape = harness.Generate(seed);
    harness.Run(tape, run);
    ASSERT_FALSE(run.violated()) << seed << " " << run.violation().invariant << ": expected "
                                 << run.violation().expected << ", seen " << run.violation().seen
                                 << "\n"
                                 << harness.Show(tape);
    for (const char* const end :
         {"\nloaded\n", "\ncut back and loaded\n", "\nrefused\n", "\nempty\n"}) {
      ends[end] += run.trace().text().find(end) != std::string::npos;
    }
  }
  EXPECT_GE(ends["\nloaded\n"], 400);
  EXPECT_GE(ends["\ncut back and loaded\n"], 200);
  EXPECT_GE(ends["\nrefused\n"], 100);
  EXPECT_GE(ends["\nempty\n"], 4);
}

std::vector<std::string> Files(const Tape& bytes) {
  AofTape tape;
  tape.Decode(bytes);
  std::vector<std::string> files;
  for (const AofTape::File& file : tape.files) {
    files.push_back(std::string(file.name) + ": " + std::string(file.bytes));
  }
  return files;
}

TEST(AofHarness, ATapeHasOptionsAndFiles) {
  AofTape tape;
  tape.Decode(ToTape("3"));
  EXPECT_EQ(tape.options.profile, Profile::kValkey80);
  EXPECT_FALSE(tape.options.load_truncated);
  EXPECT_FALSE(tape.options.keep_faults);
  EXPECT_TRUE(tape.files.empty());
  EXPECT_THAT(Files(ToTape("0abc\n")), ElementsAre("i: abc\n"));
  EXPECT_THAT(Files(ToTape("0=== b\nabc\n\n=== i\n=x=== y\n=== ")),
              ElementsAre("b: abc\n", "i: =x=== y", ": "));
  EXPECT_THAT(Files(ToTape("0x\n=== manifest\n")), ElementsAre("i: x", "manifest: "));
}

TEST(AofHarness, ATapeIsEncodedAsItIsDecoded) {
  const AofTape::File one[] = {{"i", "a\n"}};
  const Tape tape = EncodeAofTape('0', one);
  EXPECT_EQ(tape, ToTape("0a\n"));
  const AofTape::File two[] = {{"b", "a"}, {"i", "\n"}, {"i2", ""}};
  EXPECT_THAT(Files(EncodeAofTape('0', two)), ElementsAre("b: a", "i: \n", "i2: "));
}

TEST(AofHarness, WithoutAManifestTheFilesAreListedInOrder) {
  AofTape tape;
  const Tape bytes = ToTape("0=== b\n\n=== i\n\n=== b2\n");
  tape.Decode(bytes);
  AofManifest manifest;
  ListAofFiles(tape, &manifest);
  std::string text;
  manifest.Format(&text);
  EXPECT_EQ(text, "file b seq 1 type b\nfile i seq 1 type i\nfile b2 seq 2 type i\n");
}

TEST(AofHarness, ShowsTheFilesLineByLine) {
  RawHarness<AofHarness<>> harness;
  EXPECT_EQ(harness.Show(ToTape("3*1\r\nx")),
            "valkey-8.0, aof-load-truncated no\nfile \"appendonlydir/i\", 5 bytes\n  \"*1\\r\\n\"\n"
            "  \"x\"\n");
}

TEST(AofHarness, ShrinksFilesAndCommands) {
  const std::string ping = "*1\r\n$4\r\nPING\r\n";
  const std::string set = "*3\r\n$3\r\nSET\r\n$5\r\nabcde\r\n$1\r\nx\r\n";
  Tape tape = ToTape("0=== b\n" + ping + "\n=== i\n" + ping + set + ping);
  const auto fails = [](const Tape& candidate) {
    return std::string(candidate.begin(), candidate.end()).find("\r\n$3\r\nSET") !=
           std::string::npos;
  };
  while (ShrinkAofTape(&tape, fails)) {
  }
  EXPECT_EQ(std::string(tape.begin(), tape.end()), "0*1\r\n$3\r\nSET\r\n");
}

// --- Faulty loaders.

constexpr std::string_view kSet = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n";
constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";

struct LogsNothing : CoreAofLoader {
  Result Load(FileSystem* files, AofManifest* manifest, const AofReader::Options& options,
              AofSink* sink, PersistenceLog*) {
    return reader.Load(files, manifest, options, sink, nullptr);
  }
};
TEST(AofHarness, FindsARefusalWithoutAReason) {
  EXPECT_EQ(Broken<LogsNothing>("0x"), "refusal_has_reason");
}

struct EmptiesFiles : CoreAofLoader {
  Result Load(FileSystem* files, AofManifest* manifest, const AofReader::Options& options,
              AofSink* sink, PersistenceLog* log) {
    const Result result = reader.Load(files, manifest, options, sink, log);
    const int file = files->Open("appendonlydir/i", FileSystem::Mode::kReplace);
    files->Close(file);
    return result;
  }
};
TEST(AofHarness, FindsAFileThatIsChanged) {
  EXPECT_EQ(Broken<EmptiesFiles>("0" + std::string(kSet)), "only_tail_cut");
}

struct IgnoresOptions : CoreAofLoader {
  Result Load(FileSystem* files, AofManifest* manifest, AofReader::Options options, AofSink* sink,
              PersistenceLog* log) {
    options.load_truncated = true;
    return reader.Load(files, manifest, options, sink, log);
  }
};
TEST(AofHarness, FindsAFileThatMustNotBeCut) {
  EXPECT_EQ(Broken<IgnoresOptions>("2*1\r\n"), "only_tail_cut");
}

struct KeepsFaults : CoreAofLoader {
  Result Load(FileSystem* files, AofManifest* manifest, AofReader::Options options, AofSink* sink,
              PersistenceLog* log) {
    options.keep_faults = true;
    return reader.Load(files, manifest, options, sink, log);
  }
};
TEST(AofHarness, FindsTheFaultsOfTheServers) {
  EXPECT_EQ(Broken<KeepsFaults>("0" + std::string(kMulti) + std::string(kSet) + "*"), "as_logged");
  EXPECT_EQ(Broken<KeepsFaults>("0" + std::string(kSet) + "#TS"), "as_logged");
}

// Cuts a byte too much, when asked to, or runs a command more or less.
enum class Fault { kCutsTooMuch, kRunsLess, kRunsTwice, kHoldsMuch, kForgetsOnceCut };
template <Fault kFault>
struct Faulty : CoreAofLoader {
  struct Sink : AofSink {
    AofSink* to = nullptr;
    int runs = 0;
    int most = 1 << 30;
    void BeginFile() override { to->BeginFile(); }
    bool Knows(std::span<const std::string_view> args) override { return to->Knows(args); }
    void Run(std::span<const std::string_view> args) override {
      if (++runs <= most) to->Run(args);
      if (kFault == Fault::kRunsTwice && args[0] == "INCR") to->Run(args);
    }
    Rdb LoadRdb(std::string_view bytes) override { return to->LoadRdb(bytes); }
  };
  int loads = 0;
  Result Load(FileSystem* files, AofManifest* manifest, const AofReader::Options& options,
              AofSink* to, PersistenceLog* log) {
    ++loads;
    Sink sink;
    sink.to = to;
    if (kFault == Fault::kRunsLess) sink.most = 1;
    if (kFault == Fault::kForgetsOnceCut && loads > 1) sink.most = 0;
    const Result result = reader.Load(files, manifest, options, &sink, log);
    if (kFault == Fault::kCutsTooMuch && result == Result::kTruncated) {
      const int file = files->Open("appendonlydir/i", FileSystem::Mode::kAppend);
      files->Truncate(file, std::max<int64_t>(files->Size(file) - 1, 0));
      files->Close(file);
    }
    return result;
  }
  size_t MemoryUsed() const {
    return reader.MemoryUsed() + (kFault == Fault::kHoldsMuch ? 1 << 20 : 0);
  }
};

TEST(AofHarness, FindsCommandsThatAreNotAsLogged) {
  const std::string two = "0" + std::string(kSet) + std::string(kSet);
  EXPECT_EQ(Broken<Faulty<Fault::kRunsLess>>(two), "as_logged");
  EXPECT_EQ(Broken<Faulty<Fault::kRunsTwice>>("0*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"), "as_logged");
  EXPECT_EQ(Broken<Faulty<Fault::kCutsTooMuch>>(two + "*1"), "as_logged");
}

TEST(AofHarness, FindsWhatTheSecondLoadingDoesDifferently) {
  EXPECT_EQ(Broken<Faulty<Fault::kForgetsOnceCut>>("0" + std::string(kSet)), "twice");
}

TEST(AofHarness, FindsMemoryThatIsTakenForNothing) {
  EXPECT_EQ(Broken<Faulty<Fault::kHoldsMuch>>("0"), "memory");
}

}  // namespace
}  // namespace resprobe
