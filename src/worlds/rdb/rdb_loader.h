#ifndef RESPROBE_WORLDS_RDB_RDB_LOADER_H_
#define RESPROBE_WORLDS_RDB_RDB_LOADER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/persistence/rdb.h"
#include "core/server/server.h"
#include "engine/harness.h"
#include "worlds/rdb/rdb_reading.h"
#include "worlds/rdb/rdb_reads.h"
#include "worlds/rdb/rdb_tape.h"

namespace resprobe {

// The subject of `rdb`. Tests substitute a faulty one.
struct CoreRdb {
  bool Fits(std::string_view payload, Profile profile) { return DumpPayloadFits(payload, profile); }
  RdbResult Read(std::string_view payload, const RdbReadOptions& options, std::string_view key,
                 Keyspace* keyspace) {
    return ReadDumpPayload(payload, options, 0, key, keyspace);
  }
  RdbResult Load(std::string_view file, const RdbReadOptions& options, Keyspace* keyspace,
                 RdbReport* report) {
    return LoadRdb(file, options, keyspace, report);
  }
  void Write(const Keyspace& keyspace, const RdbWriteOptions& options, std::string* file) {
    AppendRdb(keyspace, options, file);
  }
};

// The harness `rdb`: DUMP payloads and RDB files as bytes (rdb_tape.h), read into a server's keys.
template <class Subject = CoreRdb>
class RdbLoader {
 public:
  static constexpr std::string_view kName = "rdb";
  static constexpr std::string_view kSummary =
      "RDB files and DUMP payloads: refused with the server's error, or loaded soundly";
  static constexpr InvariantInfo kInvariants[] = {
      {"footer", "a payload's version and checksum are accepted exactly if they are right"},
      {"checksum", "a file that is loaded has the right checksum, or none"},
      {"refused_by_name", "what is refused has an error and its text, and leaves no key"},
      {"integrity", "what is loaded passes the keyspace's checks of itself"},
      {"memory", "what is loaded takes memory in proportion to the bytes"},
      {"rewritten", "what is loaded and written again is accepted by the deep check"},
      {"round_trip", "and loads to the same keys, values and expiries"},
      {"reads",
       "commands that read a loaded key agree about it, and their replies are well-formed; the "
       "footer of its DUMP is right"},
      {"restore", "RESTORE answers as the payload's reader says, and follows its options"},
      {"second_reading",
       "a naive second reading accepts what the deep check accepts, and has the same values"},
  };

  RdbLoader() = default;
  explicit RdbLoader(Subject subject) : subject_(std::move(subject)) {}

  void Run(Bytes input, RunContext& run) {
    DecodeRdbTape(input, &tape_);
    if (run.Makes(kReadsOneIn)) {
      Server& server = ServerOf(tape_);
      server.Reset();
      RunIn(server.keyspace(), &server, run);
    } else {
      keyspace_.Reset(kNow);
      RunIn(keyspace_, nullptr, run);
    }
  }

  std::string Show(Bytes input) {
    DecodeRdbTape(input, &tape_);
    Server& server = ServerOf(tape_);
    server.Reset();
    RunContext run;
    const RdbResult result = LoadTape(server.keyspace(), run);
    return ShowRdb(tape_, result, server.keyspace());
  }

  void Generate(uint64_t seed, Tape& out) { GenerateRdbTape(seed, &out); }

 private:
  // While an engine fuzzes: how many inputs are written again, how many are read with commands of a
  // server, for which they are loaded into one, and how many are read a second time.
  static constexpr uint32_t kRewritesOneIn = 16;
  static constexpr uint32_t kReadsOneIn = 32;
  static constexpr uint32_t kReadAgainOneIn = 32;
  static constexpr int64_t kNow = ServerConfig().start_ms;

  // list-max-listpack-size -2.
  static constexpr size_t kMostNodeBytes = 8192;
  static constexpr std::string_view kKey = "k";
  static constexpr std::string_view kBadFooter = "ERR DUMP payload version or checksum are wrong";
  // Of a compressed byte: 88 bytes, of which each two are an element with its overhead.
  static constexpr size_t kMemoryPerByte = 2048;

  Server& ServerOf(const RdbTape& tape) {
    // For an ordinary client, yes and clients are the same.
    const SanitizeDump sanitize = !tape.deep                   ? SanitizeDump::kNo
                                  : tape.bytes.size() % 2 == 0 ? SanitizeDump::kYes
                                                               : SanitizeDump::kClients;
    auto& server = servers_[static_cast<size_t>(tape.profile)][static_cast<size_t>(sanitize)];
    if (server == nullptr) {
      ServerConfig config = {.profile = tape.profile};
      config.persistence.sanitize_dump_payload = sanitize;
      server = std::make_unique<Server>(config);
    }
    return *server;
  }

  // `server`: whose keyspace it is, for the checks that read with commands.
  void RunIn(Keyspace& keyspace, Server* server, RunContext& run) {
    const RdbResult result = LoadTape(keyspace, run);
    if (run.violated()) return;
    if (run.trace().on()) {
      run.trace().Line(result.ok() ? "loaded" : "refused: " + result.text);
    }
    if (!result.ok()) {
      CheckRefused(result, keyspace, run);
    } else {
      CheckLoaded(keyspace, run);
    }
    if (!run.violated() && run.Makes(kReadAgainOneIn)) CheckReading(result, keyspace, run);
    if (server == nullptr || run.violated()) return;
    if (result.ok()) CheckReads(*server, run);
    if (!run.violated() && !tape_.is_file) CheckRestore(result, *server, run);
  }

  RdbReadOptions Options() const { return {.profile = tape_.profile, .deep = tape_.deep}; }

  RdbResult LoadTape(Keyspace& keyspace, RunContext& run) {
    if (tape_.is_file) {
      RdbReport report;
      RdbResult result = subject_.Load(tape_.bytes, Options(), &keyspace, &report);
      if (result.ok()) CheckChecksum(report, run);
      return result;
    }
    const bool fits = subject_.Fits(tape_.bytes, tape_.profile);
    run.Check(fits == FooterIsRight(), "footer", fits ? "wrong" : "right",
              fits ? "accepted" : "refused");
    if (!fits) return {RdbError::kChecksum, std::string(kBadFooter)};
    RdbResult result = subject_.Read(tape_.bytes, Options(), kKey, &keyspace);
    if (result.ok()) keyspace.Modified(0, kKey);
    return result;
  }

  static uint64_t StoredChecksum(std::string_view bytes) {
    uint64_t stored = 0;
    for (size_t i = 8; i-- > 0;) stored = stored << 8 | static_cast<uint8_t>(bytes[i]);
    return stored;
  }

  bool FooterIsRight() const {
    const std::string_view bytes = tape_.bytes;
    if (bytes.size() < 10) return false;
    const std::string_view footer = bytes.substr(bytes.size() - 10);
    const int version = static_cast<uint8_t>(footer[0]) | static_cast<uint8_t>(footer[1]) << 8;
    return version <= TraitsOf(tape_.profile).rdb_version &&
           (tape_.mended ||
            StoredChecksum(footer.substr(2)) == PlainCrc64(bytes.substr(0, bytes.size() - 8)));
  }

  void CheckChecksum(const RdbReport& report, RunContext& run) {
    if (report.version < 5) return;
    const std::string_view bytes = tape_.bytes;
    const bool inside = report.size >= 8 && report.size <= bytes.size();
    // A mended checksum is right, unless the file ends before it.
    if (tape_.mended && report.size == bytes.size()) return;
    const uint64_t stored = inside ? StoredChecksum(bytes.substr(report.size - 8)) : 1;
    run.Check(inside && (stored == 0 || stored == PlainCrc64(bytes.substr(0, report.size - 8))),
              "checksum", "a right one, or 0", "loaded with another");
  }

  void CheckRefused(const RdbResult& result, const Keyspace& keyspace, RunContext& run) {
    const bool named = !result.text.empty();
    run.Check(named && (tape_.is_file || keyspace.KeyCount(0) == 0), "refused_by_name",
              "a text, and no key", named ? "a key was left" : "no text");
    const std::string wrong = keyspace.CheckIntegrity();
    run.Check(wrong.empty(), "integrity", "sound keys", wrong);
  }

  void CheckLoaded(const Keyspace& keyspace, RunContext& run) {
    const std::string wrong = keyspace.CheckIntegrity();
    if (!run.Check(wrong.empty(), "integrity", "sound keys", wrong)) return;
    const size_t most = kMemoryPerByte * tape_.bytes.size();
    if (!run.Check(
            keyspace.used_memory() <= most, "memory",
            [&] { return "at most " + std::to_string(most) + " bytes"; },
            [&] { return std::to_string(keyspace.used_memory()) + " bytes"; })) {
      return;
    }
    if (run.Makes(kRewritesOneIn)) CheckRewritten(keyspace, run);
  }

  void CheckRewritten(const Keyspace& keyspace, RunContext& run) {
    written_.clear();
    subject_.Write(keyspace,
                   {.profile = tape_.profile, .compress = tape_.mended, .fields = tape_.deep},
                   &written_);
    again_.Reset(keyspace.now_ms());
    const RdbReadOptions options = {.profile = tape_.profile, .keep_expired = true, .deep = true};
    const RdbResult result = subject_.Load(written_, options, &again_, nullptr);
    if (!run.Check(result.ok(), "rewritten", "loaded", result.text)) return;
    RdbTape tape;
    tape.is_file = tape.deep = true;
    tape.profile = tape_.profile;
    tape.bytes = written_;
    const RdbReading reading = ReadRdb(tape, keyspace.now_ms(), keyspace.databases());
    if (!run.Check(reading.wrong.empty(), "rewritten", "well-formed by a second reading",
                   reading.wrong)) {
      return;
    }
    // As redis 7.0 writes lists, no element is a node of its own; as valkey does, those are that do
    // not fit.
    const bool valkey = tape_.profile == Profile::kValkey80;
    run.Check(
        reading.least_plain > kMostNodeBytes &&
            (valkey ? reading.most_packed <= kMostNodeBytes : reading.least_plain == SIZE_MAX),
        "rewritten", "the nodes of lists that the server makes", [&] {
          return std::to_string(reading.most_packed) + " bytes packed, " +
                 std::to_string(reading.least_plain) + " plain";
        });
    if (run.Check(again_.Digest() == keyspace.Digest(), "round_trip", "the same keys",
                  "other keys or values")) {
      const std::string wrong = again_.CheckIntegrity();
      run.Check(wrong.empty(), "integrity", "sound keys", wrong);
    }
  }

  // What is well-formed is loaded, and as the second reading says. What is not is refused, unless
  // only a deep check sees it and there is none.
  void CheckReading(const RdbResult& result, const Keyspace& keyspace, RunContext& run) {
    if (!tape_.is_file && result.text == kBadFooter) return;
    const RdbReading reading = ReadRdb(tape_, keyspace.now_ms(), keyspace.databases());
    if (!reading.wrong.empty()) {
      run.Check(
          !result.ok() || (reading.only_deep && !tape_.deep), "second_reading",
          [&] { return "refused: " + reading.wrong; }, "loaded");
      return;
    }
    const std::string wrong = result.ok() ? Difference(reading, keyspace, tape_.is_file ? "" : kKey)
                                          : "refused: " + result.text;
    run.Check(wrong.empty(), "second_reading", "all values of the second reading", wrong);
  }

  void CheckReads(Server& server, RunContext& run) {
    if (std::string wrong = reads_.Run(server, run.samples()); !wrong.empty()) {
      run.Fail("reads", "replies that agree", std::move(wrong));
      return;
    }
    const std::string wrong = server.keyspace().CheckIntegrity();
    run.Check(wrong.empty(), "integrity", "sound keys after commands that read", wrong);
  }

  void CheckRestore(const RdbResult& result, Server& server, RunContext& run) {
    const std::string_view expected = result.ok()                 ? "+OK\r\n"
                                      : result.text == kBadFooter ? "-ERR DUMP payload version or "
                                                                    "checksum are wrong\r\n"
                                                                  : "-ERR Bad data format\r\n";
    const std::string reply = reads_.Restore(server, "copy", tape_.bytes);
    if (!run.Check(reply == expected, "restore", expected, reply)) return;
    run.Check(
        !result.ok() || server.keyspace().Digest(0, "copy") == server.keyspace().Digest(0, kKey),
        "restore", "the same value", "another value");
    if (!result.ok() || run.violated()) return;
    const std::string missing = reads_.RestoreOver(server, kKey, tape_.bytes);
    run.Check(missing.empty(), "restore", missing, "something else");
  }

  Subject subject_;
  std::unique_ptr<Server> servers_[kProfileCount][3];
  // Kept between runs, so that a run allocates little.
  RdbTape tape_;
  Keyspace keyspace_;
  Keyspace again_;
  std::string written_;
  RdbReads reads_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RDB_RDB_LOADER_H_
