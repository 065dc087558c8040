#ifndef RESPROBE_ENGINE_INSTANTIATE_H_
#define RESPROBE_ENGINE_INSTANTIATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/codec.h"
#include "engine/generate.h"
#include "engine/mutate.h"
#include "engine/ops_harness.h"
#include "engine/ops_text.h"
#include "engine/shrink.h"

// The engine's templates for a world take seconds to compile in each file that uses them. To
// compile them only once, a header of the world contains RESPROBE_WORLD_TEMPLATES(extern, MyWorld),
// and one source RESPROBE_WORLD_TEMPLATES(, MyWorld), both in namespace resprobe.
// NOLINTBEGIN(bugprone-macro-parentheses): the arguments are a keyword and a type
#define RESPROBE_WORLD_TEMPLATES(storage, World)                                              \
  storage template class OpsHarness<World>;                                                   \
  storage template void Decode<World>(Bytes, Arena*, Case<World>*);                           \
  storage template void Encode<World>(const Case<World>&, Tape*);                             \
  storage template void PrintOp<World::Op>(const World::Op&, std::string*);                   \
  storage template std::string Print<World>(const Case<World>&);                              \
  storage template std::string Parse<World>(std::string_view, Arena*, Case<World>*);          \
  storage template void Generate<World>(uint64_t, Arena*, Case<World>*);                      \
  storage template void Mutate<World>(Gen&, ByteMutator, Case<World>*);                       \
  storage template void CrossOver<World>(Rng&, const Case<World>&, const Case<World>&,        \
                                         Case<World>*);                                       \
  storage template void Shrink<World>(const std::function<bool(const Case<World>&)>&, Arena*, \
                                      Case<World>*)
// NOLINTEND(bugprone-macro-parentheses)

#endif  // RESPROBE_ENGINE_INSTANTIATE_H_
