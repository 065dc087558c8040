#include "live/restore/persistence_files.h"

#include <algorithm>
#include <iterator>

#include "core/keyspace/keyspace.h"
#include "core/persistence/rdb.h"
#include "core/resp/request_parser.h"
#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "live/restore/payload.h"
#include "live/restore/value_script.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kSignature = "REDIS";
constexpr size_t kMaxAnnotation =
    1023;  // with its line end: AOF_ANNOTATION_LINE_MAX_LEN, without the NUL
constexpr char kAux = '\xFA';
constexpr char kResize = '\xFB';
constexpr char kExpireMs = '\xFC';
constexpr char kExpire = '\xFD';
constexpr char kSelect = '\xFE';
constexpr char kEndMark = '\xFF';
constexpr char kIdle = '\xF8';
constexpr char kFrequency = '\xF9';

void ChangeByte(Rng& rng, std::string* file) {
  if (file->empty()) return;
  constexpr char kBytes[] = {'\0', '\1', '\x7F', '\x80', '\xFF', '\r', '\n', '*', '$', '-', '9'};
  char& byte = (*file)[rng.Below(file->size())];
  if (rng.OneIn(2)) {
    byte = rng.Pick(kBytes);
  } else {
    byte = static_cast<char>(rng.Next());
  }
}

}  // namespace

PersistenceFiles::PersistenceFiles(const std::vector<std::string>& values, uint16_t rdb_version)
    : values_(values), rdb_version_(rdb_version) {}

std::string PersistenceFiles::Rdb(Rng& rng, bool broken) const {
  std::string file(kSignature);
  std::string version = std::to_string(rdb_version_);
  if (broken && rng.OneIn(16)) version = std::to_string(rng.Below(20));
  file.append(4 - std::min<size_t>(version.size(), 4), '0').append(version);
  const auto string = [&](std::string_view text) { AppendPlainString(&file, text); };
  for (uint64_t fields = rng.Below(3); fields > 0; --fields) {
    constexpr std::string_view kFields[] = {"redis-ver",      "valkey-ver", "ctime", "aof-base",
                                            "repl-stream-db", "lua",        "x"};
    file += kAux;
    string(rng.Pick(kFields));
    string(rng.OneIn(4) ? "x" : std::to_string(rng.Below(100)));
  }
  uint64_t key = 0;
  for (uint64_t databases = 1 + rng.Below(2); databases > 0; --databases) {
    file += kSelect;
    AppendLength(&file, broken && rng.OneIn(16) ? rng.Next() >> rng.Below(64) : databases - 1);
    const uint64_t keys = 1 + rng.Below(3);
    file += kResize;
    AppendLength(&file, broken && rng.OneIn(8) ? rng.Next() >> rng.Below(64) : keys);
    AppendLength(&file, 0);
    for (uint64_t i = 0; i < keys; ++i) {
      switch (rng.Below(8)) {
        case 0:
          file += kExpireMs + LittleEndian(static_cast<int64_t>(rng.Next() >> rng.Below(64)));
          break;
        case 1:
          file += kExpire + LittleEndian(static_cast<int32_t>(rng.Next()));
          break;
        case 2:
          file += kIdle;
          AppendLength(&file, rng.Below(1000));
          break;
        case 3:
          file += kFrequency + LittleEndian(static_cast<uint8_t>(rng.Next()));
          break;
        default:
          break;
      }
      std::string value = broken ? values_.Make(rng) : WritePayload(rng.Pick(values_.values()));
      if (value.empty()) value = std::string(2, '\0');
      file += value[0];
      string("k" + std::to_string(broken && rng.OneIn(16) ? 0 : key++));
      file += std::string_view(value).substr(1);
    }
  }
  file += kEndMark;
  return file;
}

std::string PersistenceFiles::MakeRdb(Rng& rng) const {
  std::string file = Rdb(rng, !rng.OneIn(16));
  if (rng.OneIn(4)) ChangeByte(rng, &file);
  if (rng.OneIn(16)) file.resize(rng.Below(file.size() + 1));
  uint64_t checksum = RdbChecksum(file);
  if (rng.OneIn(8)) checksum = rng.OneIn(2) ? 0 : checksum + 1;
  if (!rng.OneIn(32)) file += LittleEndian(checksum);
  if (rng.OneIn(32)) file += "more";
  return file;
}

std::string PersistenceFiles::MakeAof(Rng& rng) const {
  std::string file;
  if (rng.OneIn(4)) {
    file = Rdb(rng, rng.OneIn(2));
    file += LittleEndian(RdbChecksum(file));
  }
  const ValueScript script = MakeValueScript();
  for (uint64_t commands = rng.Below(uint64_t{2} << rng.Below(5)); commands > 0; --commands) {
    if (rng.OneIn(10)) file += "#TS:" + std::to_string(1'700'000'000 + rng.Below(9)) + "\r\n";
    if (rng.OneIn(8)) {
      constexpr std::string_view kWords[] = {"MULTI", "EXEC", "SELECT"};
      const std::string_view word = rng.Pick(kWords);
      std::vector<std::string_view> words = {word};
      if (word == "SELECT") words.emplace_back("1");
      resp::AppendRequest(&file, words);
      continue;
    }
    const auto& request = rng.Pick(script.requests);
    resp::AppendRequest(&file, std::vector<std::string_view>(request.begin(), request.end()));
  }
  switch (rng.Below(6)) {
    case 0:
      break;  // as it is
    case 1:
      file.resize(rng.Below(file.size() + 1));
      break;
    case 2:
      file.append(1 + rng.Below(64), '\0');
      break;
    case 3: {  // something in the middle that belongs elsewhere
      constexpr std::string_view kPieces[] = {"*",
                                              "\r\n",
                                              "*-1\r\n",
                                              "*0\r\n",
                                              "$3\r\n",
                                              "#",
                                              "x",
                                              "*99999999999\r\n",
                                              "*1\r\n$999999999999\r\n"};
      file.insert(rng.Below(file.size() + 1), rng.Pick(kPieces));
      break;
    }
    default:
      for (uint64_t times = 1 + rng.Below(2); times > 0; --times) ChangeByte(rng, &file);
  }
  return file;
}

std::optional<size_t> WholeAofBytes(std::string_view file, Profile profile) {
  size_t at = 0;
  if (file.starts_with(kSignature)) {
    Keyspace keyspace;
    RdbReport report;
    RdbReadOptions options;
    options.profile = profile;
    options.keep_expired = true;
    if (!LoadRdb(file, options, &keyspace, &report).ok()) return std::nullopt;
    at = report.size;
  }
  size_t whole = at;
  bool multi = false;
  resp::RequestParser parser;
  std::string written;
  while (at < file.size()) {
    if (file[at] == '#') {
      const size_t end = file.find("\r\n", at);
      if (end == file.npos || end + 2 - at > kMaxAnnotation) break;
      at = end + 2;
      if (!multi) whole = at;
      continue;
    }
    if (file[at] != '*') break;
    parser.Reset();
    const resp::RequestParser::Result result = parser.Parse(file.substr(at));
    if (result.status != resp::RequestParser::Status::kRequest || parser.args().empty()) break;
    // The parser accepts more than a server writes.
    written.clear();
    resp::AppendRequest(&written, parser.args());
    if (file.substr(at, result.consumed) != written) break;
    const std::string name = LowerCase(parser.args()[0]);
    if (name == "multi") {
      if (multi) break;
      multi = true;
    }
    if (name == "exec") {
      if (!multi) break;
      multi = false;
    }
    at += result.consumed;
    if (!multi) whole = at;
  }
  return whole;
}

}  // namespace resprobe::live
