#ifndef RESPROBE_WORLDS_AOF_AOF_HARNESS_H_
#define RESPROBE_WORLDS_AOF_AOF_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/hash.h"
#include "core/persistence/aof_log.h"
#include "core/persistence/aof_manifest.h"
#include "core/persistence/aof_reader.h"
#include "core/persistence/aof_rewrite.h"
#include "core/persistence/memory_files.h"
#include "core/server/server.h"
#include "engine/harness.h"
#include "worlds/aof/aof_events.h"
#include "worlds/aof/aof_reference.h"
#include "worlds/aof/aof_tape.h"

namespace resprobe {

// The subject of the harness aof. Tests plant faulty ones.
struct CoreAofLoader {
  AofReader reader;

  AofReader::Result Load(FileSystem* files, AofManifest* manifest,
                         const AofReader::Options& options, AofSink* sink, PersistenceLog* log) {
    return reader.Load(files, manifest, options, sink, log);
  }
  size_t MemoryUsed() const { return reader.MemoryUsed(); }
};

// The harness aof: loads a directory with an append-only log, see aof_tape.h.
template <class Loader = CoreAofLoader>
class AofHarness {
 public:
  using Result = AofReader::Result;

  static constexpr std::string_view kName = "aof";
  static constexpr std::string_view kSummary =
      "loads append-only logs: whole, cut anywhere, damaged, and again after it";
  static constexpr InvariantInfo kInvariants[] = {
      {"refusal_has_reason", "a log that is refused is refused with a line in the server's log"},
      {"only_tail_cut", "loading changes no file, except that it cuts the last one, if it may"},
      {"as_logged", "what is loaded is what a log says that a server could have written"},
      {"twice", "loading what loading has left gives the same, and cuts nothing more"},
      {"continues", "what is appended after loading is loaded the next time, after the same"},
      {"prefix",
       "a log that is cut at any byte gives a prefix of it, without a part of a transaction"},
      {"memory", "loading takes memory in proportion to the files"},
      {"sound", "the keyspace that is loaded is sound"},
      {"rewrite", "a base in AOF format that is written from it loads to the same keyspace"},
  };

  AofHarness() = default;

  void Run(Bytes input, RunContext& run) {
    tape_.Decode(input);
    Prepare(nullptr, {});
    changes_ = files_.changes();
    all_lines_.clear();
    log_.Reset();
    log_.Follow(run.trace().on() ? &all_lines_ : nullptr);
    const Result result = Load();
    if (run.trace().on()) Describe(result, run);
    log_.Follow(nullptr);
    if (!CheckResult(result, run)) return;
    first_.assign(events_.digests().begin(), events_.digests().end());
    const bool plain = HasPlainNames();
    const bool logged = plain && ReadReference();
    if (logged && !CheckReference(result, run)) return;
    if (result == Result::kFailed) return;
    const bool all = !run.samples();
    const uint64_t pick = (run.digest() >> 32) % kPicks;
    const AofFile* const last = LastFile();
    if (plain && last != nullptr && result != Result::kNone) {
      last_name_ = last->name;
      if (!tape_.options.keep_faults) {
        if ((all || pick < 4) && !CheckTwice(run)) return;
        if ((all || pick == 4 || pick == 5) && !CheckContinues(run)) return;
      }
      if ((all || (pick > 5 && pick < 10)) && logged && !CheckCuts(all, run)) return;
    }
    if ((all || pick == 10) && !tape_.options.keep_faults) CheckServer(run);
  }

  std::string Show(Bytes input) {
    tape_.Decode(input);
    return ShowAofTape(tape_);
  }
  void Generate(uint64_t seed, Tape& out) { GenerateAofTape(seed, out); }
  bool Simplify(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
    return ShrinkAofTape(tape, still_fails);
  }

 private:
  // While an engine fuzzes, an input gets one of the checks below, or none.
  static constexpr uint64_t kPicks = 64;
  static constexpr size_t kAllCuts = 256;  // up to this size, all cuts of a file are tried
  static constexpr size_t kSomeCuts = 32;
  static constexpr size_t kReaderBytes = 64 << 10;  // that a loader may have in any case

  // The directory of the tape; `file`, if any, has other contents.
  void Prepare(const AofTape::File* file, std::string_view bytes) {
    files_.Reset();
    files_.MakeDirectory(AofManifest::kDirectory);
    for (const AofTape::File& each : tape_.files) {
      files_.Set(AofPathOf(each.name, &path_), &each == file ? bytes : each.bytes);
    }
  }

  Result Load() {
    events_.Begin(tape_.options.profile, &log_);
    // Without a manifest in the tape, it is mostly not made only to be parsed.
    if (files_.Find(AofManifest::kPath) == nullptr) {
      ListAofFiles(tape_, &manifest_);
    } else if (!manifest_.Load(&files_, &log_)) {
      return Result::kFailed;
    }
    return loader_.Load(&files_, &manifest_, tape_.options, &events_, &log_);
  }

  static std::string_view NameOf(Result result) {
    switch (result) {
      case Result::kNone:
        return "nothing to load";
      case Result::kEmpty:
        return "empty";
      case Result::kLoaded:
        return "loaded";
      case Result::kTruncated:
        return "cut back and loaded";
      case Result::kFailed:
        break;
    }
    return "refused";
  }

  void Describe(Result result, RunContext& run) {
    run.trace().Data("log", all_lines_);
    run.trace().Line(NameOf(result));
    run.trace().Line("commands " + std::to_string(events_.digests().size()));
  }

  const AofFile* LastFile() const {
    if (!manifest_.incrs().empty()) return &manifest_.incrs().back();
    return manifest_.base();
  }

  bool CheckResult(Result result, RunContext& run) {
    if (result == Result::kFailed && !run.Check(log_.count() > 0 && !log_.last().empty(),
                                                "refusal_has_reason", "a line", "none")) {
      return false;
    }
    // A sink that loads nothing takes little; RDB files are read whole.
    size_t size = 0;
    for (const AofTape::File& file : tape_.files) size += file.bytes.size();
    if (!run.Check(
            loader_.MemoryUsed() <= kReaderBytes + 4 * size, "memory",
            [&] { return "at most " + std::to_string(kReaderBytes + 4 * size) + " bytes"; },
            [&] { return std::to_string(loader_.MemoryUsed()) + " bytes"; })) {
      return false;
    }
    return CheckFiles(result, run);
  }

  bool CheckFiles(Result result, RunContext& run) {
    if (files_.changes() == changes_) return true;
    size_t cut = 0;
    const AofFile* const last = LastFile();
    const bool may_cut =
        tape_.options.load_truncated && (result == Result::kTruncated || result == Result::kFailed);
    for (const AofTape::File& file : tape_.files) {
      if (file.name == kOldSection) continue;  // it may have moved
      const std::string* const now = files_.Find(AofPathOf(file.name, &path_));
      if (now != nullptr && *now == file.bytes) continue;
      if (IsOdd(file.name)) continue;
      const bool is_last = last != nullptr && last->name == file.name;
      const bool good = now != nullptr && may_cut && ++cut == 1 && file.bytes.starts_with(*now) &&
                        (is_last || result == Result::kFailed);
      if (!run.Check(
              good, "only_tail_cut", [&] { return std::string(file.bytes); },
              [&] { return now == nullptr ? "no file" : *now; })) {
        return false;
      }
    }
    return true;
  }

  // No plain file of its own.
  bool IsOdd(std::string_view name) const {
    size_t count = name == kManifestSection ? 1 : 0;
    for (const AofTape::File& file : tape_.files) count += SameBytes(file.name, name) ? 1 : 0;
    // A server cannot read a manifest that it has written with such a name.
    const auto unreadable = [](char c) { return c == '\'' || c == '/' || c == '\\' || c == '\0'; };
    // A line has 1,024 bytes at most, and a byte of a name may be written as four.
    constexpr size_t kLongest = 200;
    if (name.empty() || name.size() > kLongest || std::ranges::any_of(name, unreadable)) {
      return true;
    }
    return count > 1 || name == "appendonly.aof.manifest" || name == "temp-appendonly.aof.manifest";
  }

  // No file has two names or roles.
  bool HasPlainNames() const {
    for (const AofTape::File& file : tape_.files) {
      if (file.name == kOldSection || (file.name != kManifestSection && IsOdd(file.name))) {
        return false;
      }
    }
    const std::span<const AofFile> incrs = manifest_.incrs();
    for (size_t i = 0; i < incrs.size(); ++i) {
      if (IsOdd(incrs[i].name)) return false;
      if (manifest_.base() != nullptr && manifest_.base()->name == incrs[i].name) return false;
      for (size_t j = 0; j < i; ++j) {
        if (incrs[i].name == incrs[j].name) return false;
      }
    }
    return manifest_.base() == nullptr || !IsOdd(manifest_.base()->name);
  }

  std::string_view BytesOf(std::string_view name) const {
    for (const AofTape::File& file : tape_.files) {
      if (SameBytes(file.name, name)) return file.bytes;
    }
    return {};
  }

  // What the log says, if it is one that a server could have written, without a base in RDB format.
  bool ReadReference() {
    expected_.clear();
    units_.assign(1, 0);
    before_last_ = 0;
    expected_result_ = Result::kNone;
    if (manifest_.empty()) return false;
    expected_result_ = Result::kEmpty;
    const AofFile* const last = LastFile();
    const auto read = [&](const AofFile& file) {
      if (!HasFile(file.name)) return false;
      if (expected_result_ == Result::kFailed) return true;
      const std::string_view bytes = BytesOf(file.name);
      if (bytes.starts_with("REDIS")) return false;
      if (!reference_.Read(bytes, tape_.options.profile)) return false;
      if (!bytes.empty()) expected_result_ = Result::kLoaded;
      before_last_ = expected_.size();
      for (const size_t unit : reference_.units()) units_.push_back(before_last_ + unit);
      expected_.insert(expected_.end(), reference_.commands().begin(), reference_.commands().end());
      const bool is_short =
          reference_.is_short() || (reference_.ends_in_annotation() && !tape_.options.keep_faults);
      if (reference_.has_unknown()) {
        expected_result_ = Result::kFailed;
      } else if (is_short) {
        const bool good = &file == last && tape_.options.load_truncated;
        expected_result_ = good ? Result::kTruncated : Result::kFailed;
      }
      return true;
    };
    if (manifest_.base() != nullptr && !read(*manifest_.base())) return false;
    for (const AofFile& file : manifest_.incrs()) {
      if (!read(file)) return false;
    }
    return true;
  }
  bool HasFile(std::string_view name) const {
    for (const AofTape::File& file : tape_.files) {
      if (SameBytes(file.name, name)) return true;
    }
    return false;
  }

  bool CheckReference(Result result, RunContext& run) {
    if (!run.Check(result == expected_result_, "as_logged", NameOf(expected_result_),
                   NameOf(result)) ||
        !run.Check(
            first_ == expected_, "as_logged",
            [&] { return std::to_string(expected_.size()) + " commands"; },
            [&] { return std::to_string(first_.size()) + " commands, or others"; })) {
      return false;
    }
    if (result != Result::kTruncated || tape_.options.keep_faults) return true;
    const std::string* const now = files_.Find(AofManifest::PathOf(LastFile()->name));
    return run.Check(
        now != nullptr && now->size() == reference_.end(), "as_logged",
        [&] { return "cut at " + std::to_string(reference_.end()); },
        [&] { return now == nullptr ? "no file" : "cut at " + std::to_string(now->size()); });
  }

  bool SameAsFirst(size_t more = 0) const {
    return events_.digests().size() == first_.size() + more &&
           std::equal(first_.begin(), first_.end(), events_.digests().begin());
  }

  bool CheckTwice(RunContext& run) {
    const Result again = Load();
    return run.Check(again != Result::kFailed && again != Result::kTruncated && SameAsFirst(),
                     "twice", "loaded, with the same commands", [&] {
                       return std::string(NameOf(again)) + ", with " +
                              std::to_string(events_.digests().size()) + " commands instead of " +
                              std::to_string(first_.size());
                     });
  }

  bool CheckContinues(RunContext& run) {
    AofLog writer(&files_, tape_.options.profile);
    const int file = manifest_.OpenLastIncr(&files_);
    if (file < 0 || !manifest_.Persist(&files_, &log_)) return true;  // no name for a file
    writer.Open(file, files_.Size(file), 0);
    writer.Append(0, "*1\r\n$4\r\nPING\r\n", 0);
    writer.Flush({.fsync = AppendFsync::kNo}, 0);
    files_.Close(file);
    const Result again = Load();
    static const std::string_view select[] = {"SELECT", "0"};
    static const std::string_view ping[] = {"PING"};
    const std::span<const uint64_t> seen = events_.digests();
    const bool good = again == Result::kLoaded && SameAsFirst(2) &&
                      seen[first_.size()] == CommandDigest(select) &&
                      seen[first_.size() + 1] == CommandDigest(ping);
    return run.Check(good, "continues", "loaded, with the same commands and two more", [&] {
      return std::string(NameOf(again)) + ", with " + std::to_string(seen.size()) +
             " commands, where there were " + std::to_string(first_.size());
    });
  }

  bool CheckCuts(bool all, RunContext& run) {
    const AofTape::File* file = nullptr;
    for (const AofTape::File& each : tape_.files) {
      if (each.name == last_name_) file = &each;
    }
    if (file == nullptr || file->bytes.empty()) return true;
    const size_t size = file->bytes.size();
    if (!all) return CheckCut(*file, (run.digest() >> 8) % size, run);
    const size_t step = size <= kAllCuts ? 1 : size / kSomeCuts;
    for (size_t cut = 0; cut < size; cut += step) {
      if (!CheckCut(*file, cut, run)) return false;
    }
    return true;
  }

  bool CheckCut(const AofTape::File& file, size_t cut, RunContext& run) {
    Prepare(&file, file.bytes.substr(0, cut));
    const Result again = Load();
    const std::span<const uint64_t> seen = events_.digests();
    const bool refused = again == Result::kFailed && !tape_.options.load_truncated;
    const bool is_prefix =
        seen.size() <= first_.size() && std::equal(seen.begin(), seen.end(), first_.begin());
    const bool at_unit = std::ranges::find(units_, seen.size()) != units_.end();
    run.set_op(cut);
    return run.Check(
        (again != Result::kFailed || refused) && is_prefix && at_unit, "prefix",
        [&] { return "loaded, with some of " + std::to_string(first_.size()) + " commands"; },
        [&] {
          return std::string(NameOf(again)) + " when cut at " + std::to_string(cut) + ", with " +
                 std::to_string(seen.size()) + " commands" +
                 (at_unit ? "" : ", which is a part of a transaction");
        });
  }

  // A server that starts with the files.
  bool Start(Server* server) {
    server->Reset();
    ServerConfig config = server->config();
    config.persistence.appendonly = true;
    config.persistence.aof_load_truncated = tape_.options.load_truncated;
    server->Configure(config);
    return server->Start(&files_, 1, &log_);
  }

  void CheckServer(RunContext& run) {
    // A manifest is written for files without one; not every name can stand in it.
    if (!tape_.has_manifest && !HasPlainNames()) return;
    Server& server = servers_[static_cast<size_t>(tape_.options.profile)][0];
    Server& other = servers_[static_cast<size_t>(tape_.options.profile)][1];
    Prepare(nullptr, {});
    ListAofFiles(tape_, &manifest_);
    if (!tape_.has_manifest) manifest_.Persist(&files_, &log_);
    const bool good = Start(&server);
    if (!run.Check(good, "sound", "a server starts", log_.last())) return;
    if (run.trace().on()) {
      run.trace().Line("keyspace " + std::to_string(server.keyspace().Digest()));
    }
    const std::string wrong = server.keyspace().CheckIntegrity();
    if (!run.Check(wrong.empty(), "sound", "no error", wrong)) return;
    base_.clear();
    AppendAofBase(server.keyspace(), tape_.options.profile, -1, &base_);
    files_.Reset();
    files_.Set(AofManifest::kPath, "file b seq 1 type b\n");
    files_.Set("appendonlydir/b", base_);
    run.Check(Start(&other) && other.keyspace().Digest() == server.keyspace().Digest(), "rewrite",
              "the same keyspace", base_);
    server.Reset();
    other.Reset();
  }

  Loader loader_;
  AofTape tape_;
  MemoryFiles files_;
  uint64_t changes_ = 0;  // of files_ before it was loaded
  std::string path_;
  AofManifest manifest_;
  LastLine log_;
  std::string all_lines_;
  AofEvents events_;
  std::vector<uint64_t> first_;  // the commands of the first loading
  std::string last_name_;
  AofReference reference_;
  std::vector<uint64_t> expected_;
  std::vector<size_t> units_;  // sorted
  size_t before_last_ = 0;
  Result expected_result_ = Result::kNone;
  std::string base_;
  Server servers_[kProfileCount][2] = {
      {Server({.profile = Profile::kRedis70}), Server({.profile = Profile::kRedis70})},
      {Server({.profile = Profile::kValkey80}), Server({.profile = Profile::kValkey80})}};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_AOF_AOF_HARNESS_H_
