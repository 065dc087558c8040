#ifndef RESPROBE_MUTANTS_MUTANT_NAMES_H_
#define RESPROBE_MUTANTS_MUTANT_NAMES_H_

#include <cstdint>
#include <string_view>

namespace resprobe::mutants {

// The number of a fault in the code: of its name alone (FNV-1a, 32 bits), so that a new fault in
// one file changes no other. Never 0; the generator refuses two names with one number.
constexpr uint32_t MutantId(std::string_view name) {
  uint32_t hash = 0x811c9dc5;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
  return hash == 0 ? 1 : hash;
}

// The names of all faults, each followed by a newline (the generator writes it).
extern const char kMutantNames[];

}  // namespace resprobe::mutants

#endif  // RESPROBE_MUTANTS_MUTANT_NAMES_H_
