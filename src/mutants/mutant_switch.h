#ifndef RESPROBE_MUTANTS_MUTANT_SWITCH_H_
#define RESPROBE_MUTANTS_MUTANT_SWITCH_H_

#include <concepts>
#include <cstdint>
#include <type_traits>

// What the copies of the core's sources with planted faults call (rewrite.h). Only the harnesses of
// the bench of faults link this.
namespace resprobe::mutants {

// What is known of the fault that is on. The times are numbers of executions, from 1, as
// driver/progress.h counts them; 0: not yet.
struct Counts {
  uint64_t reached = 0;    // how often its place was executed
  uint64_t triggered = 0;  // 1 once it has made a difference there
  uint64_t first_reached = 0;
  uint64_t first_triggered = 0;
};

// The fault that is on (MutantId() of its name); 0: none.
extern uint32_t active;
// In the file that $RESPROBE_MUTANT_COUNTS names, if it is set, so that another process can read
// them after a crash too.
extern Counts* counts;

void NoteReached();
void NoteTriggered();

// True if this fault is on: its statement is executed in place of the original one.
inline bool IsOn(uint32_t id) {
  if (id != active) [[likely]]
    return false;
  NoteReached();
  if (counts->triggered == 0) NoteTriggered();
  return true;
}

// The value of the original expression, or, if this fault is on, that of the changed one. Until the
// two differ for the first time both are evaluated, so they must have no side effects. The value
// has the type of the original expression without const and reference.
template <class Original, class Mutant>
constexpr auto Mutated(uint32_t id, const Original& original, const Mutant& mutant) {
  using Value = std::decay_t<decltype(original())>;
  if consteval {
    return static_cast<Value>(original());
  } else {
    if (id != active) [[likely]]
      return static_cast<Value>(original());
    NoteReached();
    Value value = static_cast<Value>(mutant());
    if (counts->triggered == 0) {
      if constexpr (std::equality_comparable<Value>) {
        if (!(value == static_cast<Value>(original()))) NoteTriggered();
      } else {
        NoteTriggered();
      }
    }
    return value;
  }
}

}  // namespace resprobe::mutants

#endif  // RESPROBE_MUTANTS_MUTANT_SWITCH_H_
