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

// What an expression of the type `Original` becomes: a value, but an object that stays where it is,
// since what uses it may keep its address.
template <class Original>
using ValueOf = std::conditional_t<std::is_lvalue_reference_v<Original> &&
                                       std::is_class_v<std::remove_cvref_t<Original>>,
                                   Original, std::decay_t<Original>>;

// The changed expression as the value of the original one.
template <class Value, class Mutant>
Value MutantValue(const Mutant& mutant) {
  if constexpr (!std::is_lvalue_reference_v<Value>) {
    return static_cast<Value>(mutant());
  } else if constexpr (std::is_lvalue_reference_v<decltype(mutant())> &&
                       std::is_convertible_v<decltype(mutant()), Value>) {
    return mutant();
  } else {
    static std::remove_cvref_t<Value> kept;
    kept = static_cast<std::remove_cvref_t<Value>>(mutant());
    return kept;
  }
}

// The value of the original expression, or, if this fault is on, that of the changed one. Until the
// two differ for the first time both are evaluated, so they must have no side effects.
template <class Original, class Mutant>
constexpr auto Mutated(uint32_t id, const Original& original, const Mutant& mutant)
    -> ValueOf<decltype(original())> {
  using Value = ValueOf<decltype(original())>;
  if consteval {
    return static_cast<Value>(original());
  } else {
    if (id != active) [[likely]]
      return static_cast<Value>(original());
    NoteReached();
    auto&& value = MutantValue<Value>(mutant);
    if (counts->triggered == 0) {
      if constexpr (std::equality_comparable<std::remove_cvref_t<Value>>) {
        if (!(value == static_cast<Value>(original()))) NoteTriggered();
      } else {
        NoteTriggered();
      }
    }
    return static_cast<Value>(value);
  }
}

}  // namespace resprobe::mutants

#endif  // RESPROBE_MUTANTS_MUTANT_SWITCH_H_
