#include "core/persistence/aof_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/persistence/faulty_files.h"
#include "tests/core/persistence/recording_log.h"

namespace resprobe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Result = AofReader::Result;

// A request of words that are separated by blanks.
std::string Request(std::string_view words) {
  std::string bytes;
  int count = 0;
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    bytes += "$" + std::to_string(end) + "\r\n" + std::string(words.substr(0, end)) + "\r\n";
    words.remove_prefix(std::min(end + 1, words.size()));
    ++count;
  }
  return "*" + std::to_string(count) + "\r\n" + bytes;
}

// The RDB files of these tests end with a full stop.
class Sink : public AofSink {
 public:
  void BeginFile() override { events.emplace_back("file"); }
  bool Knows(std::span<const std::string_view> args) override { return !args[0].starts_with("un"); }
  void Run(std::span<const std::string_view> args) override {
    std::string text;
    for (const std::string_view arg : args) text.append(text.empty() ? "" : " ").append(arg);
    events.push_back(text);
  }
  Rdb LoadRdb(std::string_view bytes) override {
    const size_t end = bytes.find('.');
    if (bytes.starts_with("REDIS9999")) return {.status = Rdb::Status::kRefused};
    if (end == std::string_view::npos) return {.status = Rdb::Status::kFatal};
    events.push_back("rdb " + std::string(bytes.substr(0, end)));
    return {.status = Rdb::Status::kLoaded, .size = end + 1};
  }
  std::vector<std::string> events;
};

class AofReaderTest : public testing::Test {
 protected:
  static constexpr std::string_view kBase = "appendonlydir/b";
  static constexpr std::string_view kIncr = "appendonlydir/i1";
  static constexpr std::string_view kSecondIncr = "appendonlydir/i2";

  Result Load() {
    sink.events.clear();
    EXPECT_TRUE(manifest.Load(&files, &log));
    return reader.Load(&files, &manifest, options, &sink, &log);
  }
  // Loads a log of one incremental file.
  Result LoadIncr(std::string_view bytes) {
    files.Set(AofManifest::kPath, "file i1 seq 1 type i\n");
    files.Set(kIncr, bytes);
    return Load();
  }
  // … whose commands, without "file".
  std::vector<std::string> Commands() {
    std::vector<std::string> commands = std::exchange(sink.events, {});
    std::erase(commands, "file");
    return commands;
  }
  std::string Incr() { return *files.Find(kIncr); }

  FaultyFiles files;
  RecordingLog log;
  AofManifest manifest;
  AofReader::Options options;
  AofReader reader;
  Sink sink;
};

TEST_F(AofReaderTest, NoLog) {
  EXPECT_EQ(Load(), Result::kNone);
  files.Set(AofManifest::kPath, "file i1 seq 1 type h\n");
  EXPECT_EQ(Load(), Result::kNone);
  EXPECT_THAT(log.Take(), IsEmpty());
}

TEST_F(AofReaderTest, EmptyFiles) {
  files.Set(AofManifest::kPath, "file b seq 1 type b\nfile i1 seq 1 type i\n");
  files.Set(kBase, "");
  files.Set(kIncr, "");
  EXPECT_EQ(Load(), Result::kEmpty);
  files.Set(kIncr, Request("set a 1"));
  EXPECT_EQ(Load(), Result::kLoaded);
  EXPECT_THAT(log.Take(), ElementsAre("DB loaded from incr file i1: 0.000 seconds"));
}

TEST_F(AofReaderTest, TheBaseThenTheIncrementalFilesInOrder) {
  files.Set(AofManifest::kPath,
            "file i1 seq 1 type i\nfile i2 seq 2 type i\nfile b seq 7 type b\n");
  files.Set(kBase, Request("select 3") + Request("set a 1"));
  files.Set(kIncr, Request("set b 1"));
  files.Set(kSecondIncr, Request("set c 1"));
  EXPECT_EQ(Load(), Result::kLoaded);
  EXPECT_THAT(sink.events,
              ElementsAre("file", "select 3", "set a 1", "file", "set b 1", "file", "set c 1"));
  EXPECT_THAT(log.Take(), ElementsAre("DB loaded from base file b: 0.000 seconds",
                                      "DB loaded from incr file i1: 0.000 seconds",
                                      "DB loaded from incr file i2: 0.000 seconds"));
}

TEST_F(AofReaderTest, ABaseInRdbFormatMayHaveATail) {
  files.Set(AofManifest::kPath, "file b seq 1 type b\n");
  files.Set(kBase, "REDIS0010x." + Request("set a 1"));
  EXPECT_EQ(Load(), Result::kLoaded);
  EXPECT_THAT(sink.events, ElementsAre("file", "rdb REDIS0010x", "set a 1"));
  EXPECT_THAT(log.Take(), ElementsAre("Reading RDB base file on AOF loading...",
                                      "DB loaded from base file b: 0.000 seconds"));
}

TEST_F(AofReaderTest, ARefusedBaseIsReported) {
  files.Set(AofManifest::kPath, "file b seq 1 type b\n");
  files.Set(kBase, "REDIS9999");
  EXPECT_EQ(Load(), Result::kFailed);
  EXPECT_THAT(log.Take(),
              ElementsAre("Reading RDB base file on AOF loading...",
                          "Error reading the RDB base file b, AOF loading aborted",
                          "Unrecoverable error reading the append only file b: Invalid argument"));
  options.profile = Profile::kValkey80;
  EXPECT_EQ(Load(), Result::kFailed);
  EXPECT_EQ(log.Take().size(), 2u);
  files.Set(kBase, "REDIS0010");
  EXPECT_EQ(Load(), Result::kFailed);
  EXPECT_EQ(log.Take().size(), 1u) << "the rest is the sink's";
}

TEST_F(AofReaderTest, AMissingFileIsFatal) {
  files.Set(AofManifest::kPath, "file b seq 1 type b\nfile i1 seq 1 type i\n");
  files.Set(kBase, Request("set a 1"));
  EXPECT_EQ(Load(), Result::kFailed);
  EXPECT_THAT(sink.events, IsEmpty()) << "nothing is loaded before all sizes are known";
  EXPECT_THAT(log.Take(),
              ElementsAre("Unable to obtain the AOF file i1 length. stat: No such file or "
                          "directory"));
}

TEST_F(AofReaderTest, AnnotationsAreSkipped) {
  EXPECT_EQ(LoadIncr("#TS:1\r\n" + Request("a") + "# x\n#\n" + Request("b") + "#TS:2\n"),
            Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("a", "b"));
}

TEST_F(AofReaderTest, WordsMayHoldAnything) {
  const std::string bytes = "*2\r\n$4\r\na\r\nb\r\n$3\r\n\0$*\r\n";
  std::string with_nul = bytes;
  with_nul.resize(0);
  with_nul.append("*2\r\n$4\r\na\r\nb\r\n$3\r\n").append(1, '\0').append("$*\r\n");
  EXPECT_EQ(LoadIncr(with_nul), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("a\r\nb " + std::string("\0$*", 3)));
  EXPECT_EQ(LoadIncr("*1\n$0\n\r\n*1\n$1\nxyy"), Result::kLoaded) << "CRLF is not compared";
  EXPECT_THAT(Commands(), ElementsAre("", "x"));
}

// --- Short files.

TEST_F(AofReaderTest, AFileCutAnywhereIsCutBackToItsLastWholeCommand) {
  const std::string first = Request("set a 1");
  const std::string second = Request("set bb 22");
  const std::string all = first + second;
  for (size_t cut = 1; cut < all.size(); ++cut) {
    const bool whole = cut == first.size();
    EXPECT_EQ(LoadIncr(all.substr(0, cut)), whole ? Result::kLoaded : Result::kTruncated) << cut;
    EXPECT_EQ(Incr(), cut < first.size() ? "" : first) << cut;
    const size_t size = cut < first.size() ? 0 : first.size();
    if (whole) {
      log.Take();
      continue;
    }
    EXPECT_THAT(log.Take(),
                ElementsAre("!!! Warning: short read while loading the AOF file i1!!!",
                            "!!! Truncating the AOF i1 at offset " + std::to_string(size) + " !!!",
                            "AOF i1 loaded anyway because aof-load-truncated is enabled",
                            "DB loaded from incr file i1: 0.000 seconds"));
  }
}

TEST_F(AofReaderTest, AnOpenTransactionIsCutBackToItsMulti) {
  options.keep_faults = true;
  const std::string kept =
      Request("set a 1") + Request("multi") + Request("incr b") + Request("exec");
  const std::string open = kept + Request("MULTI") + Request("incr c") + Request("incr d");
  EXPECT_EQ(LoadIncr(open), Result::kTruncated);
  EXPECT_THAT(Commands(), ElementsAre("set a 1", "incr b"));
  EXPECT_EQ(Incr(), kept);
  EXPECT_THAT(log.Take(), ElementsAre("Revert incomplete MULTI/EXEC transaction in AOF file i1",
                                      "!!! Warning: short read while loading the AOF file i1!!!",
                                      "!!! Truncating the AOF i1 at offset " +
                                          std::to_string(kept.size()) + " !!!",
                                      "AOF i1 loaded anyway because aof-load-truncated is enabled",
                                      "DB loaded from incr file i1: 0.000 seconds"));
  // A command that is cut in it leaves the transaction open, as the server does: the next start
  // finds the open transaction.
  EXPECT_EQ(LoadIncr(open.substr(0, open.size() - 1)), Result::kTruncated);
  EXPECT_THAT(Commands(), ElementsAre("set a 1", "incr b"));
  EXPECT_EQ(Incr(), kept + Request("MULTI") + Request("incr c"));
}

TEST_F(AofReaderTest, WithoutAofLoadTruncatedAShortFileIsRefused) {
  options.load_truncated = false;
  EXPECT_EQ(LoadIncr("*1\r\n"), Result::kFailed);
  EXPECT_EQ(Incr(), "*1\r\n");
  EXPECT_THAT(
      log.Take(),
      ElementsAre("Unexpected end of file reading the append only file i1. You can: 1) Make a "
                  "backup of your AOF file, then use ./redis-check-aof --fix "
                  "<filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' "
                  "configuration option to yes and restart the server."));
  EXPECT_EQ(LoadIncr(Request("multi") + Request("incr a")), Result::kFailed);
  EXPECT_EQ(log.Take()[0], "Revert incomplete MULTI/EXEC transaction in AOF file i1");
}

TEST_F(AofReaderTest, OnlyTheLastFileMayBeShort) {
  files.Set(AofManifest::kPath, "file i1 seq 1 type i\nfile i2 seq 2 type i\n");
  files.Set(kIncr, "*1\r\n");
  files.Set(kSecondIncr, Request("set a 1"));
  EXPECT_EQ(Load(), Result::kFailed);
  const std::vector<std::string> lines = log.Take();
  EXPECT_EQ(lines.back(), "Fatal error: the truncated file is not the last file");
  EXPECT_EQ(Incr(), "") << "it is cut back all the same";
}

TEST_F(AofReaderTest, AFileThatCannotBeCutBackIsRefused) {
  files.truncate_errors = {-EIO};
  EXPECT_EQ(LoadIncr("*1\r\n"), Result::kFailed);
  EXPECT_EQ(log.Take()[2], "Error truncating the AOF file i1: Input/output error");
}

// The tail is cut back to 0, although the RDB file before it is whole.
TEST_F(AofReaderTest, AShortTailOfAnRdbFileCutsEverything) {
  options.keep_faults = true;
  files.Set(AofManifest::kPath, "file b seq 1 type b\n");
  files.Set(kBase, "REDIS0010x.*1\r\n");
  EXPECT_EQ(Load(), Result::kTruncated);
  EXPECT_EQ(*files.Find(kBase), "");
}

TEST_F(AofReaderTest, APartOfAnAnnotationIsLeft) {
  options.keep_faults = true;
  EXPECT_EQ(LoadIncr(Request("a") + "#TS:17"), Result::kLoaded);
  EXPECT_EQ(Incr(), Request("a") + "#TS:17");
}

TEST_F(AofReaderTest, WithoutTheServersFaultsAFileIsCutBackToWhereItMayBeContinued) {
  const std::string kept = Request("set a 1");
  const std::string open = kept + Request("multi") + Request("multi") + Request("incr c");
  for (size_t cut = kept.size() + 1; cut <= open.size(); ++cut) {
    EXPECT_EQ(LoadIncr(open.substr(0, cut)), Result::kTruncated);
    EXPECT_EQ(Incr(), kept) << cut;
  }
  for (size_t cut = 1; cut < 8; ++cut) {
    EXPECT_EQ(LoadIncr(kept + std::string("#TS:17\r\n").substr(0, cut)), Result::kTruncated);
    EXPECT_EQ(Incr(), kept) << cut;
  }
  files.Set(AofManifest::kPath, "file b seq 1 type b\n");
  files.Set(kBase, "REDIS0010x.*1\r\n");
  EXPECT_EQ(Load(), Result::kTruncated);
  EXPECT_EQ(*files.Find(kBase), "REDIS0010x.");
}

// --- Wrong files.

TEST_F(AofReaderTest, WrongFormats) {
  for (const std::string_view bytes :
       {std::string_view("\0\0\0\0", 4), std::string_view("set a 1\r\n"),
        std::string_view("*0\r\n"), std::string_view("*-1\r\n"), std::string_view("*x\r\n"),
        std::string_view("*2147483648\r\n"), std::string_view("*1\r\nset\r\n"),
        std::string_view("*1\r\n\r\n")}) {
    EXPECT_EQ(LoadIncr(bytes), Result::kFailed) << bytes;
    EXPECT_THAT(log.Take(),
                ElementsAre("Bad file format reading the append only file i1: make a backup of "
                            "your AOF file, then use ./redis-check-aof --fix <filename.manifest>"));
    EXPECT_EQ(Incr(), bytes);
  }
  options.profile = Profile::kValkey80;
  EXPECT_EQ(LoadIncr("x"), Result::kFailed);
  EXPECT_THAT(log.Take(),
              ElementsAre("Bad file format reading the append only file i1: make a backup of "
                          "your AOF file, then use ./valkey-check-aof --fix <filename.manifest>"));
}

TEST_F(AofReaderTest, NumbersAreReadLikeCNumbers) {
  EXPECT_EQ(LoadIncr("* +1x\r\n$ 1y\r\na\r\n"), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("a"));
  EXPECT_EQ(LoadIncr("*4294967297\r\n$1\r\na\r\n"), Result::kLoaded) << "an int";
  EXPECT_THAT(Commands(), ElementsAre("a"));
}

TEST_F(AofReaderTest, ALineHas1023BytesAtMost) {
  std::string line = "#";
  line.resize(1023, '.');
  EXPECT_EQ(LoadIncr(line + Request("a")), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("a"));
  EXPECT_EQ(LoadIncr(line + ".\r\n" + Request("a")), Result::kFailed);
}

TEST_F(AofReaderTest, LengthsAreNotTrusted) {
  EXPECT_EQ(LoadIncr("*2147483647\r\n"), Result::kTruncated);
  EXPECT_EQ(LoadIncr("*1\r\n$140737488355327\r\nx"), Result::kTruncated);
  log.Take();
  for (const std::string_view length : {"-1", "140737488355328", "99999999999999999999"}) {
    EXPECT_EQ(LoadIncr("*1\r\n$" + std::string(length) + "\r\nx\r\n"), Result::kFailed);
    EXPECT_THAT(log.Take(), ElementsAre("Out Of Memory allocating an argument of the append only "
                                        "file i1"));
  }
}

TEST_F(AofReaderTest, AnUnknownCommandIsFatalInATransactionToo) {
  EXPECT_EQ(LoadIncr(Request("a") + Request("unknown x")), Result::kFailed);
  EXPECT_THAT(Commands(), ElementsAre("a"));
  EXPECT_THAT(log.Take(), ElementsAre("Unknown command 'unknown' reading the append only file i1"));
  EXPECT_EQ(LoadIncr(Request("multi") + Request("a") + Request("unknown x") + Request("exec")),
            Result::kFailed);
  EXPECT_THAT(Commands(), IsEmpty());
}

TEST_F(AofReaderTest, ExecWithoutMultiIsTheSinksAffair) {
  EXPECT_EQ(LoadIncr(Request("exec") + Request("a")), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("exec", "a"));
}

TEST_F(AofReaderTest, ANestedMultiIsAnError) {
  EXPECT_EQ(LoadIncr(Request("multi x") + Request("a") + Request("Multi") + Request("b") +
                     Request("exec y") + Request("c")),
            Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(log.Take()[0],
            "== CRITICAL == This server is sending an error to its AOF-loading-client: 'MULTI "
            "calls can not be nested' after processing the command 'exec'");
}

TEST_F(AofReaderTest, AStarAndANulCannotBeRead) {
  EXPECT_EQ(LoadIncr(std::string("*\0\r\n", 4)), Result::kFailed);
  EXPECT_THAT(log.Take(), ElementsAre("Unrecoverable error reading the append only file i1: "
                                      "No such file or directory"));
}

TEST_F(AofReaderTest, ReadErrorsAreFatal) {
  files.Set(AofManifest::kPath, "file i1 seq 1 type i\n");
  files.Set(kIncr, Request("a"));
  EXPECT_TRUE(manifest.Load(&files, &log));
  files.read_errors = {-EIO};
  EXPECT_EQ(reader.Load(&files, &manifest, options, &sink, &log), Result::kFailed);
  EXPECT_THAT(log.Take(), ElementsAre("Unrecoverable error reading the append only file i1: "
                                      "Input/output error"));
  files.read_errors = {-EINTR};
  EXPECT_EQ(reader.Load(&files, &manifest, options, &sink, &log), Result::kLoaded);
  log.Take();
  files.open_errors = {0, 0, -EACCES};
  EXPECT_EQ(reader.Load(&files, &manifest, options, &sink, &log), Result::kFailed);
  EXPECT_THAT(log.Take(), ElementsAre("Fatal error: can't open the append log file i1 for "
                                      "reading: Permission denied"));
}

TEST_F(AofReaderTest, ShortReadsAndLongFilesChangeNothing) {
  std::string bytes;
  std::vector<std::string> commands;
  for (int i = 0; i < 3000; ++i) {
    commands.push_back("set k" + std::to_string(i) + " " + std::string(i % 97 + 1, 'v'));
    bytes += Request(commands.back());
  }
  commands.push_back("set big " + std::string(200'000, 'x'));
  bytes += Request(commands.back());
  for (const size_t most : {size_t{7}, size_t{4096}, SIZE_MAX}) {
    files.most_at_once = most;
    EXPECT_EQ(LoadIncr(bytes), Result::kLoaded);
    EXPECT_TRUE(Commands() == commands) << most;
  }
}

// --- The append-only file of redis 6.

TEST_F(AofReaderTest, AnOldFileBecomesTheBase) {
  files.Set("appendonly.aof", "REDIS0009x." + Request("set a 1"));
  EXPECT_EQ(Load(), Result::kLoaded);
  EXPECT_THAT(sink.events, ElementsAre("file", "rdb REDIS0009x", "set a 1"));
  EXPECT_THAT(files.Paths(),
              ElementsAre("appendonlydir/appendonly.aof", "appendonlydir/appendonly.aof.manifest"));
  EXPECT_EQ(*files.Find(AofManifest::kPath), "file appendonly.aof seq 1 type b\n");
  EXPECT_THAT(
      log.Take(),
      ElementsAre("Successfully migrated an old-style AOF file (appendonly.aof) into the "
                  "AOF directory (appendonlydir).",
                  "Reading RDB preamble from AOF file...", "Reading the remaining AOF tail...",
                  "DB loaded from base file appendonly.aof: 0.000 seconds"));
}

TEST_F(AofReaderTest, AnUpgradeThatWasInterruptedIsDoneAgain) {
  files.Set("appendonly.aof", Request("set a 1"));
  files.rename_errors = {0, -EIO};
  EXPECT_EQ(Load(), Result::kFailed);
  EXPECT_THAT(log.Take(), ElementsAre("Error trying to move the old AOF file appendonly.aof into "
                                      "dir appendonlydir: Input/output error"));
  EXPECT_EQ(Load(), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("set a 1"));
}

TEST_F(AofReaderTest, AnOldFileBesideALogIsLeftAlone) {
  files.Set("appendonly.aof", Request("set a 1"));
  EXPECT_EQ(LoadIncr(Request("set b 1")), Result::kLoaded);
  EXPECT_THAT(Commands(), ElementsAre("set b 1"));
  EXPECT_NE(files.Find("appendonly.aof"), nullptr);
}

}  // namespace
}  // namespace resprobe
