#include "cli/oracle/harness_files.h"

#include <set>
#include <string_view>
#include <utility>

#include "core/persistence/crc64.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb_format.h"
#include "runner/files.h"
#include "worlds/aof/aof_tape.h"
#include "worlds/rdb/rdb_tape.h"

namespace resprobe::cli {
namespace {

// An RDB file of the payload's version, with its value as the only key.
std::string FileOfPayload(std::string_view payload) {
  if (payload.size() <= rdb::kFooterSize) return "";
  const std::string_view footer = payload.substr(payload.size() - rdb::kFooterSize);
  const std::string version = std::to_string(LoadLittleEndian(footer, 2));
  if (version.size() > 4) return "";
  std::string file(rdb::kMagic);
  file.append(4 - version.size(), '0').append(version);
  file += payload[0];
  file.append("\x01k").append(payload.substr(1, payload.size() - rdb::kFooterSize - 1));
  file += static_cast<char>(rdb::kEnd);
  AppendLittleEndian(Crc64(file), rdb::kChecksumSize, &file);
  return file;
}

void AddRdb(const std::string& tape, const std::string& from, std::vector<HarnessFile>* files) {
  RdbTape decoded;
  DecodeRdbTape({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()}, &decoded);
  std::string bytes = decoded.is_file ? std::string(decoded.bytes) : FileOfPayload(decoded.bytes);
  if (!bytes.empty()) files->push_back({true, std::move(bytes), from});
}

void AddAof(const std::string& tape, const std::string& from, std::vector<HarnessFile>* files) {
  AofTape decoded;
  decoded.Decode({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()});
  for (const AofTape::File& file : decoded.files) {
    if (file.name == kManifestSection || file.bytes.empty()) continue;
    files->push_back({false, std::string(file.bytes), from});
  }
}

}  // namespace

std::vector<HarnessFile> ReadHarnessFiles(const runner::Project& project) {
  std::vector<HarnessFile> files;
  for (const char* harness : {"rdb", "aof"}) {
    std::set<fs::path> paths;
    for (const fs::path& root : {project.source, project.work}) {
      for (const fs::path& path : runner::FilesIn(root / "corpus" / harness)) paths.insert(path);
    }
    for (const fs::path& path : paths) {
      if (path.extension() == ".ops") continue;
      const bool rdb = harness == std::string_view("rdb");
      (rdb ? AddRdb : AddAof)(runner::ReadFile(path), project.Shown(path), &files);
    }
  }
  return files;
}

}  // namespace resprobe::cli
