#include "core/persistence/aof_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/core/persistence/faulty_files.h"
#include "tests/core/persistence/recording_log.h"

namespace resprobe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Formatted(const AofManifest& manifest) {
  std::string text;
  manifest.Format(&text);
  return text;
}

// The manifest as it would be written, or the error.
std::string Parsed(std::string_view text) {
  AofManifest manifest;
  AofManifestError error;
  if (manifest.Parse(text, &error)) return Formatted(manifest);
  std::string found(error.text);
  if (error.line > 0) {
    found += " (line " + std::to_string(error.line) + ": '" + error.content + "')";
  }
  return found;
}

TEST(AofManifest, IsWrittenAsItWasRead) {
  const std::string text =
      "file appendonly.aof.2.base.rdb seq 2 type b\n"
      "file appendonly.aof.1.incr.aof seq 1 type h\n"
      "file appendonly.aof.4.incr.aof seq 4 type i\n"
      "file appendonly.aof.5.incr.aof seq 5 type i\n";
  EXPECT_EQ(Parsed(text), text);
}

TEST(AofManifest, OrderCaseUnknownPairsAndCommentsDoNotMatter) {
  EXPECT_EQ(Parsed("# a comment\n"
                   "file i1 seq 1 type i\n"
                   "  TYPE b  Seq +7x  size 100 FILE \"a b\"\t\r\n"),
            "file \"a b\" seq 7 type b\nfile i1 seq 1 type i\n");
  EXPECT_EQ(Parsed("#\n"), "");
  EXPECT_EQ(Parsed("# without a newline"), "");
  EXPECT_EQ(Parsed("file 'a' seq 1 type incr\n"), "file a seq 1 type i\n");
  EXPECT_EQ(Parsed("file a file b seq 1 type i\n"), "file b seq 1 type i\n");
}

TEST(AofManifest, NamesAreQuoted) {
  const std::string text = "file \"\\x01\\n\\\"\\\\x\" seq 1 type i\n";
  EXPECT_EQ(Parsed(text), "File can't be a path, just a filename (line 1: '" +
                              text.substr(0, text.size() - 1) + "')");
  const std::string quoted = "file \"a\\x01\\n\\\"\\xff b\" seq 1 type i\n";
  EXPECT_EQ(Parsed(quoted), quoted);
}

TEST(AofManifest, RefusesWhatTheServerRefuses) {
  constexpr std::string_view kInvalid = "Invalid AOF manifest file format";
  EXPECT_EQ(Parsed(""), "Found an empty AOF manifest");
  EXPECT_EQ(Parsed("\n"), std::string(kInvalid) + " (line 1: '')");
  EXPECT_EQ(Parsed("file a seq 1\n"), std::string(kInvalid) + " (line 1: 'file a seq 1')");
  EXPECT_EQ(Parsed("file a seq 1 type i x\n"),
            std::string(kInvalid) + " (line 1: 'file a seq 1 type i x')");
  EXPECT_EQ(Parsed("file \"a seq 1 type i\n"),
            std::string(kInvalid) + " (line 1: 'file \"a seq 1 type i')");
  EXPECT_EQ(Parsed("file a seq 0 type i\n"),
            std::string(kInvalid) + " (line 1: 'file a seq 0 type i')");
  EXPECT_EQ(Parsed("file a seq 1 type ''\n"),
            std::string(kInvalid) + " (line 1: 'file a seq 1 type ''')");
  EXPECT_EQ(Parsed("name a seq 1 type i\n"),
            std::string(kInvalid) + " (line 1: 'name a seq 1 type i')");
  EXPECT_EQ(Parsed("file a seq 1 type i"), "The AOF manifest file contains too long line");
  EXPECT_EQ(Parsed(std::string("file a\0 seq 1 type i\n", 22)),
            "The AOF manifest file contains too long line");
  EXPECT_EQ(Parsed("file d/a seq 1 type i\n"),
            "File can't be a path, just a filename (line 1: 'file d/a seq 1 type i')");
  EXPECT_EQ(Parsed("file a seq 1 type b\nfile b seq 2 type b\n"),
            "Found duplicate base file information (line 2: 'file b seq 2 type b')");
  EXPECT_EQ(Parsed("file a seq 2 type i\nfile b seq 2 type i\n"),
            "Found a non-monotonic sequence number (line 2: 'file b seq 2 type i')");
  EXPECT_EQ(Parsed("file a seq -1 type i\n"),
            "Found a non-monotonic sequence number (line 1: 'file a seq -1 type i')");
  EXPECT_EQ(Parsed("file a seq 1 type x\n"),
            "Unknown AOF file type (line 1: 'file a seq 1 type x')");
}

TEST(AofManifest, LinesHave1024BytesAtMost) {
  std::string line = "file a seq 1 type i x ";
  line.resize(AofManifest::kMaxLine - 1, 'y');
  EXPECT_EQ(Parsed(line + "\n"), "file a seq 1 type i\n");
  EXPECT_EQ(Parsed(line + "y\n"), "The AOF manifest file contains too long line");
  // A longer comment is a comment and the line that follows it.
  std::string comment = "#";
  comment.resize(AofManifest::kMaxLine, '.');
  EXPECT_EQ(Parsed(comment + "file a seq 1 type i\n"), "file a seq 1 type i\n");
}

TEST(AofManifest, AMissingFileIsAnEmptyList) {
  MemoryFiles files;
  RecordingLog log;
  AofManifest manifest;
  EXPECT_TRUE(manifest.Load(&files, &log));
  EXPECT_TRUE(manifest.empty());
  files.MakeDirectory("appendonlydir");
  EXPECT_TRUE(manifest.Load(&files, &log));
  EXPECT_THAT(log.Take(), IsEmpty());
}

TEST(AofManifest, ErrorsOfLoadingAreLogged) {
  FaultyFiles files;
  RecordingLog log;
  AofManifest manifest;
  files.Set(AofManifest::kPath, "# one\nfile a\n");
  EXPECT_FALSE(manifest.Load(&files, &log));
  EXPECT_THAT(log.Take(), ElementsAre("*** FATAL AOF MANIFEST FILE ERROR ***",
                                      "Reading the manifest file, at line 2", ">>> 'file a'",
                                      "Invalid AOF manifest file format"));
  files.Set(AofManifest::kPath, "");
  EXPECT_FALSE(manifest.Load(&files, &log));
  EXPECT_THAT(log.Take(),
              ElementsAre("*** FATAL AOF MANIFEST FILE ERROR ***", "Found an empty AOF manifest"));
  files.Set(AofManifest::kPath, "file a seq 1 type i\n");
  files.read_errors = {-EIO};
  EXPECT_FALSE(manifest.Load(&files, &log));
  EXPECT_THAT(log.Take(),
              ElementsAre("*** FATAL AOF MANIFEST FILE ERROR ***", "Read AOF manifest failed"));
  files.open_errors = {-EACCES};
  EXPECT_FALSE(manifest.Load(&files, &log));
  EXPECT_THAT(log.Take(),
              ElementsAre("Fatal error: can't open the AOF manifest file "
                          "appendonlydir/appendonly.aof.manifest for reading: Permission denied"));
}

TEST(AofManifest, ARewriteMakesANewBaseAndHistory) {
  AofManifest manifest;
  EXPECT_EQ(manifest.NextBase(true), "appendonly.aof.1.base.rdb");
  EXPECT_EQ(manifest.LastIncr(), "appendonly.aof.1.incr.aof");
  EXPECT_EQ(manifest.LastIncr(), "appendonly.aof.1.incr.aof");
  EXPECT_EQ(manifest.NextIncr(), "appendonly.aof.2.incr.aof");
  EXPECT_EQ(manifest.NextIncr(), "appendonly.aof.3.incr.aof");
  EXPECT_EQ(manifest.NextBase(false), "appendonly.aof.2.base.aof");
  manifest.MarkRewritten(/*keep_last=*/true);
  EXPECT_EQ(Formatted(manifest),
            "file appendonly.aof.2.base.aof seq 2 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type h\n"
            "file appendonly.aof.2.incr.aof seq 2 type h\n"
            "file appendonly.aof.1.base.rdb seq 1 type h\n"
            "file appendonly.aof.3.incr.aof seq 3 type i\n");
  manifest.ClearHistory();
  EXPECT_EQ(Formatted(manifest),
            "file appendonly.aof.2.base.aof seq 2 type b\n"
            "file appendonly.aof.3.incr.aof seq 3 type i\n");
  manifest.MarkRewritten(/*keep_last=*/false);
  EXPECT_THAT(manifest.incrs(), IsEmpty());
}

TEST(AofManifest, IsWrittenToATemporaryFileThatIsSyncedRenamedAndItsDirectorySynced) {
  FaultyFiles files;
  RecordingLog log;
  files.MakeDirectory("appendonlydir");
  AofManifest manifest;
  manifest.NextIncr();
  EXPECT_TRUE(manifest.Persist(&files, &log));
  EXPECT_THAT(files.Calls(),
              ElementsAre("open appendonlydir/temp-appendonly.aof.manifest", "write 0 44", "sync 0",
                          "rename appendonlydir/temp-appendonly.aof.manifest "
                          "appendonlydir/appendonly.aof.manifest",
                          "sync directory appendonlydir", "close 0"));
  EXPECT_TRUE(manifest.Persist(&files, &log));
  EXPECT_THAT(files.Calls(), IsEmpty()) << "nothing has changed";
  EXPECT_EQ(*files.Find(AofManifest::kPath), "file appendonly.aof.1.incr.aof seq 1 type i\n");
  EXPECT_THAT(files.Paths(), ElementsAre(AofManifest::kPath));
}

TEST(AofManifest, EachErrorOfWritingIsLoggedAndTheNextAttemptWritesAll) {
  FaultyFiles files;
  RecordingLog log;
  files.MakeDirectory("appendonlydir");
  AofManifest manifest;
  manifest.NextIncr();
  const auto fails = [&](std::string_view line) {
    EXPECT_FALSE(manifest.Persist(&files, &log));
    EXPECT_THAT(log.Take(), ElementsAre(line));
  };
  files.open_errors = {-EROFS};
  fails("Can't open the AOF manifest file temp-appendonly.aof.manifest: Read-only file system");
  files.room = 10;
  fails(
      "Error trying to write the temporary AOF manifest file temp-appendonly.aof.manifest: "
      "No space left on device");
  files.room = -1;
  files.sync_errors = {-EIO};
  fails("Fail to fsync the temp AOF file temp-appendonly.aof.manifest: Input/output error.");
  files.rename_errors = {-EIO};
  fails(
      "Error trying to rename the temporary AOF manifest file temp-appendonly.aof.manifest into "
      "appendonly.aof.manifest: Input/output error");
  EXPECT_EQ(files.Find(AofManifest::kPath), nullptr);
  files.directory_errors = {-EIO};
  fails("Fail to fsync AOF directory appendonlydir/appendonly.aof.manifest: Input/output error.");
  files.write_errors = {-EINTR, 0};
  EXPECT_TRUE(manifest.Persist(&files, &log));
  EXPECT_EQ(*files.Find(AofManifest::kPath), "file appendonly.aof.1.incr.aof seq 1 type i\n");
}

}  // namespace
}  // namespace resprobe
