#ifndef RESPROBE_RUNNER_CASE_FILE_H_
#define RESPROBE_RUNNER_CASE_FILE_H_

#include <string>
#include <string_view>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/ops_text.h"
#include "runner/files.h"
#include "runner/user_error.h"

namespace resprobe::runner {

// Decodes a tape into `*c`. The case's texts point into `arena`.
template <class World>
void DecodeCase(std::string_view tape, Arena* arena, Case<World>* c) {
  const std::string_view kept = arena->Copy(tape);
  Decode({reinterpret_cast<const uint8_t*>(kept.data()), kept.size()}, arena, c);
}

// Reads a tape or `.ops` text. Throws UserError with file and line.
template <class World>
void ReadCase(const fs::path& file, Arena* arena, Case<World>* c) {
  const std::string content = ReadFile(file);
  if (!content.starts_with("ops ") && file.extension() != ".ops") {
    return DecodeCase(content, arena, c);
  }
  const std::string error = Parse(content, arena, c);
  if (!error.empty()) throw UserError(file.string() + ": " + error);
}

template <class World>
std::string TapeOf(const Case<World>& c) {
  Tape tape;
  Encode(c, &tape);
  return {tape.begin(), tape.end()};
}

// Writes text if the file is named `.ops`, else a tape.
template <class World>
void WriteCase(const fs::path& file, const Case<World>& c) {
  WriteFile(file, file.extension() == ".ops" ? Print(c) : TapeOf(c));
}

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_CASE_FILE_H_
