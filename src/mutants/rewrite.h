#ifndef RESPROBE_MUTANTS_REWRITE_H_
#define RESPROBE_MUTANTS_REWRITE_H_

#include <string>
#include <string_view>
#include <vector>

#include "mutants/mutant_list.h"

namespace resprobe::mutants {

// A copy of a source with all these faults, each of which is off until it is switched on
// (mutant_switch.h). The mutants are those of this file. Lines keep their numbers, and the compiler
// names the original file. Faults may be in the same place, or one inside another's `from`.
//
// A fault is refused with FILE:LINE if its `in` or `from` is not there exactly once, or if `from`
// is not a whole expression: one that the operators beside it would tear apart, or that has a side
// effect.
std::string Rewrite(std::string_view source, const std::string& file,
                    const std::vector<Mutant>& mutants, std::vector<ListError>* errors);

}  // namespace resprobe::mutants

#endif  // RESPROBE_MUTANTS_REWRITE_H_
