#ifndef RESPROBE_WORLDS_AOF_AOF_TAPE_H_
#define RESPROBE_WORLDS_AOF_AOF_TAPE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/aof_manifest.h"
#include "core/persistence/aof_reader.h"
#include "engine/harness.h"

namespace resprobe {

// A tape of the harness aof: a small directory with an append-only log.
//
// The first byte has the options, so that it can be typed:
//   bit 0  set: valkey 8.0; clear: redis 7.0      '0', '1'
//   bit 1  set: aof-load-truncated no             '2', '3'
//   bit 2  set: AofReader::Options::keep_faults   '4' to '7'
// Other bits have no meaning. Then come the files, each after a line `=== NAME`, to which the
// newline before it belongs. The name `manifest` is that of the manifest, `old` is appendonly.aof
// in the server's directory, other names are in appendonlydir. Bytes before the first such line are
// a file `i`. Without a manifest there is one that lists the files in their order, the first as the
// base if its name begins with `b`.
//
// So a tape of an option and commands is a log of one file, and an edit inside a file leaves the
// other files as they are.
struct AofTape {
  struct File {
    std::string_view name;
    std::string_view bytes;  // inside the tape
  };
  static constexpr size_t kMaxFiles = 8;  // more are ignored

  AofReader::Options options;
  std::vector<File> files;
  bool has_manifest = false;

  // Keeps memory.
  void Decode(Bytes tape);
};

inline constexpr std::string_view kManifestSection = "manifest";
inline constexpr std::string_view kOldSection = "old";

// The path of a file of a tape; in `*path`, which keeps memory.
const std::string& AofPathOf(std::string_view section, std::string* path);
// The manifest of a tape that has none.
void ListAofFiles(const AofTape& tape, AofManifest* manifest);

// A directory as a tape.
Tape EncodeAofTape(char options, std::span<const AofTape::File> files);

// The files, with escapes, a line of each a line.
std::string ShowAofTape(const AofTape& tape);

// Generates a log as a server writes it, with transactions, annotations and several files, mostly
// cut or damaged.
void GenerateAofTape(uint64_t seed, Tape& out);

// One pass of shrinking: files, commands, words (Target::Simplify in engine/harness.h).
bool ShrinkAofTape(Tape* tape, const std::function<bool(const Tape&)>& still_fails);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_AOF_AOF_TAPE_H_
